//! Chunks give back what went in, and filters keep the rows for which their expressions are true.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::TestResult;
use super::random::{columns, some_rows};
use crate::chunk::{BATCH_ROWS, Rows, Values};
use crate::predicate::{Bounds, Conjunct, ExpressionError, Shape, Test, ValueBounds};
use crate::set::IntegerSet;
use crate::{Chunk, Expression, Filter};

const ROWS: usize = 2 * BATCH_ROWS + 777;

#[test]
fn what_goes_in_comes_out() -> TestResult {
    let random = &mut StdRng::seed_from_u64(7);
    for column in columns(11, ROWS) {
        let chunk = Chunk::new(Arc::clone(&column.array), &column.data_type)?;
        let expected = cast(&column.array, &column.data_type)?;
        assert_eq!((chunk.rows(), chunk.null_count()), (ROWS, expected.null_count()), "{}", column.data_type);
        assert_eq!(&chunk.gather(Rows::Range(0, ROWS))?, &expected);
        let (start, end) = (random.random_range(0..ROWS / 2), random.random_range(ROWS / 2..ROWS));
        assert_eq!(&chunk.gather(Rows::Range(start, end))?, &expected.slice(start, end - start));
        let rows = some_rows(random, ROWS);
        let gathered = chunk.gather(Rows::Indices(&rows))?;
        assert_eq!(gathered.data_type(), &column.data_type);
        assert_eq!(&gathered, &take(&expected, &UInt32Array::from(rows), None)?);
    }
    Ok(())
}

#[test]
fn narrow_integers_take_little_memory() -> TestResult {
    let days: ArrayRef = Arc::new((0..ROWS as i32).map(|row| Some(9000 + row % 2500)).collect::<arrow::array::Date32Array>());
    let chunk = Chunk::new(days, &DataType::Date32)?;
    assert!(chunk.memory_size() < 2 * ROWS + 1024, "{}", chunk.memory_size());
    assert!(matches!(chunk.values(), Values::Integers(_)));
    Ok(())
}

/// A predicate on one column of integers, whatever they are kept as.
#[derive(Debug)]
struct OfIntegers {
    column: [usize; 1],
    test: IntegerTest,
    fails_on: Option<i64>,
}

#[derive(Debug, Clone)]
enum IntegerTest {
    Between(i128, i128, bool),
    In(Vec<i64>, bool),
    IsNull(bool),
}

impl IntegerTest {
    fn answer(&self, value: Option<i64>) -> Option<bool> {
        match self {
            Self::Between(from, to, outside) => value.map(|value| (*from..=*to).contains(&i128::from(value)) != *outside),
            Self::In(values, outside) => value.map(|value| values.contains(&value) != *outside),
            Self::IsNull(is_null) => Some(value.is_none() == *is_null),
        }
    }

    fn shape(&self, column: usize) -> Shape {
        match self {
            Self::Between(from, to, outside) => Shape::Between { column, from: *from, to: *to, outside: *outside },
            Self::In(values, outside) => match IntegerSet::new(values) {
                Some(set) => Shape::In { column, set: Arc::new(set), outside: *outside },
                None => Shape::Unknown,
            },
            Self::IsNull(is_null) => Shape::Null { column, is_null: *is_null },
        }
    }
}

/// The integers inside a column; `None` for a type that has none.
fn integers(array: &ArrayRef) -> Option<Vec<Option<i64>>> {
    use arrow::array::AsArray;
    use arrow::datatypes::*;
    let array = match array.data_type() {
        DataType::Decimal128(..) => {
            return Some(
                array.as_primitive::<Decimal128Type>().iter().map(|value| value.and_then(|value| i64::try_from(value).ok())).collect(),
            );
        }
        DataType::Date32 => cast(array, &DataType::Int32).ok()?,
        DataType::Int8 | DataType::Int32 | DataType::Int64 | DataType::Timestamp(..) => Arc::clone(array),
        _ => return None,
    };
    let array = cast(&array, &DataType::Int64).ok()?;
    Some(array.as_primitive::<Int64Type>().iter().collect())
}

impl Expression for OfIntegers {
    fn columns(&self) -> &[usize] {
        &self.column
    }

    fn may_fail(&self) -> bool {
        self.fails_on.is_some()
    }

    fn evaluate(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<BooleanArray, ExpressionError> {
        let values = integers(&columns[0]).ok_or("not a column of integers")?;
        assert_eq!(values.len(), rows);
        if self.fails_on.is_some() && values.contains(&self.fails_on) {
            return Err("a value that fails".into());
        }
        Ok(values.into_iter().map(|value| self.test.answer(value)).collect())
    }
}

fn random_test(random: &mut StdRng, values: &[Option<i64>]) -> IntegerTest {
    let some = |random: &mut StdRng| values[random.random_range(0..values.len())].unwrap_or(5);
    match random.random_range(0..6) {
        0 => IntegerTest::IsNull(random.random_bool(0.5)),
        1 => IntegerTest::In((0..random.random_range(1..40)).map(|_| some(random)).collect(), random.random_bool(0.3)),
        2 => {
            let value = i128::from(some(random));
            IntegerTest::Between(value, value, random.random_bool(0.5))
        }
        3 => IntegerTest::Between(i128::MIN, i128::from(some(random)), random.random_bool(0.2)),
        4 => IntegerTest::Between(i128::from(some(random)), i128::MAX, random.random_bool(0.2)),
        _ => {
            let (a, b) = (i128::from(some(random)), i128::from(some(random)));
            IntegerTest::Between(a.min(b), a.max(b), random.random_bool(0.2))
        }
    }
}

fn expression(column: usize, test: &IntegerTest, shape: Shape) -> Test {
    Test::Expression { shape, expression: Arc::new(OfIntegers { column: [column], test: test.clone(), fails_on: None }) }
}

#[test]
fn filters_keep_the_rows_for_which_they_are_true() -> TestResult {
    let random = &mut StdRng::seed_from_u64(3);
    let with_integers: Vec<_> = columns(5, ROWS)
        .into_iter()
        .filter_map(|column| {
            let array = cast(&column.array, &column.data_type).ok()?;
            Some((Arc::new(Chunk::new(Arc::clone(&array), &column.data_type).ok()?), integers(&array)?))
        })
        .collect();
    let chunks: Vec<_> = with_integers.iter().map(|(chunk, _)| Some(Arc::clone(chunk))).collect();
    for _ in 0..400 {
        // A conjunction of tests, of which some are disjunctions, each as a shape or as an expression.
        let mut conjuncts = Vec::new();
        let mut tests: Vec<Vec<(usize, IntegerTest)>> = Vec::new();
        for _ in 0..random.random_range(1..4) {
            let mut any = Vec::new();
            let mut alternatives = Vec::new();
            for _ in 0..random.random_range(1..3) {
                let column = random.random_range(0..with_integers.len());
                let test = random_test(random, &with_integers[column].1);
                let shape = if random.random_bool(0.7) { test.shape(column) } else { Shape::Unknown };
                alternatives.push(expression(column, &test, shape));
                any.push((column, test));
            }
            tests.push(any);
            conjuncts.push(Arc::new(Conjunct::new(if alternatives.len() == 1 { alternatives.remove(0) } else { Test::Any(alternatives) })));
        }
        let filter = Filter::new(conjuncts);
        let (wanted, count) = filter.wanted(&chunks, ROWS)?;
        let passes =
            |row: usize| tests.iter().all(|any| any.iter().any(|(column, test)| test.answer(with_integers[*column].1[row]) == Some(true)));
        let expected: Vec<u32> = (0..ROWS as u32).filter(|row| passes(*row as usize)).collect();
        let mut kept = Vec::new();
        assert_eq!(wanted.indices(0..ROWS, usize::MAX, &mut kept), ROWS);
        assert_eq!(kept, expected, "{tests:?}");
        assert_eq!(count, expected.len());
        // What may be left out without looking has nothing in it.
        let bounds = |column: usize| {
            let values = &with_integers[column].1;
            let known = || values.iter().flatten();
            let values = match (known().min(), known().max()) {
                (Some(least), Some(greatest)) => ValueBounds::Integers(*least, *greatest),
                _ => ValueBounds::Unknown,
            };
            let nulls = with_integers[column].1.iter().filter(|value| value.is_none()).count();
            Some(Bounds { null_count: Some(nulls as u64), rows: ROWS as u64, values })
        };
        assert!(filter.may_match(&bounds) || expected.is_empty(), "{tests:?}");
    }
    Ok(())
}

#[test]
fn what_can_fail_sees_only_rows_that_passed_everything_else() -> TestResult {
    let numbers: ArrayRef = Arc::new((0..ROWS as i64).map(Some).collect::<arrow::array::Int64Array>());
    let chunks = [Some(Arc::new(Chunk::new(numbers, &DataType::Int64)?))];
    let fails = |value| {
        let test = IntegerTest::Between(0, 20_000, false);
        let expression = Arc::new(OfIntegers { column: [0], test, fails_on: Some(value) });
        Arc::new(Conjunct::new(Test::Expression { shape: Shape::Unknown, expression }))
    };
    let test = IntegerTest::Between(100, i128::MAX, false);
    let safe = || Arc::new(Conjunct::new(expression(0, &test, test.shape(0))));
    // Row 7 does not pass the test that cannot fail, whichever is written first; row 1000 does.
    let (_, count) = Filter::new(vec![fails(7), safe()]).wanted(&chunks, ROWS)?;
    assert_eq!(count, ROWS - 100);
    assert!(Filter::new(vec![fails(1000), safe()]).wanted(&chunks, ROWS).is_err());
    Ok(())
}
