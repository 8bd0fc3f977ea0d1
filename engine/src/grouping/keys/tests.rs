//! Our tables of keys against DataFusion's, on random columns.

use std::sync::Arc;

use arrow::array::*;
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::{Keys, keys, others};
use crate::catalog::testing::{Numbers, TestResult};

/// How the values of a column lie.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Few,
    Dense,
    Spread,
}

fn column(numbers: &mut Numbers, data_type: &DataType, shape: Shape, rows: usize, nulls: bool) -> ArrayRef {
    let value = |numbers: &mut Numbers| {
        if nulls && numbers.one_in(9) {
            return None;
        }
        let number = match shape {
            Shape::Few => numbers.below(5),
            Shape::Dense => numbers.below(20_000),
            Shape::Spread => numbers.below(u64::MAX),
        };
        Some(number.cast_signed() - 2)
    };
    let values: Vec<Option<i64>> = (0..rows).map(|_| value(numbers)).collect();
    let text = |value: &i64| match value % 3 {
        0 => format!("{value}"),
        1 => format!("a long text with the number {value}"),
        _ => format!("{:012}", value % 1_000_000_000_000),
    };
    let texts = || values.iter().map(|value| value.as_ref().map(text));
    match data_type {
        DataType::Utf8View => Arc::new(texts().collect::<StringViewArray>()),
        DataType::Utf8 => Arc::new(texts().collect::<StringArray>()),
        DataType::Boolean => Arc::new(values.iter().map(|value| value.map(|value| value % 2 == 0)).collect::<BooleanArray>()),
        DataType::Float64 => Arc::new(values.iter().map(|value| value.map(|value| value as f64 / 4.0)).collect::<Float64Array>()),
        DataType::Int64 => Arc::new(values.iter().copied().collect::<Int64Array>()),
        // Whatever fits.
        other => {
            let modulus = match other {
                DataType::Decimal128(..) => 1_000_000_000_000_000_000,
                _ => 1 << (other.primitive_width().unwrap_or(8).min(8) * 8 - 2),
            };
            let least = if matches!(other, DataType::UInt8 | DataType::UInt16 | DataType::UInt32) { 0 } else { i64::MIN };
            let values: Vec<i64> = values.iter().map(|value| (value.unwrap_or_default() % modulus).max(least)).collect();
            let nulls = texts().map(|text| text.is_some()).collect::<arrow::buffer::NullBuffer>();
            clouddb_cache::whole::from_values(other, &values, nulls.iter().any(|valid| !valid).then_some(nulls)).unwrap()
        }
    }
}

/// The same groups with the same keys, whatever their numbers.
fn check(schema: &SchemaRef, batches: &[Vec<ArrayRef>]) -> TestResult {
    let (mut ours, mut theirs): (Box<dyn Keys>, _) = (keys(schema)?, others(schema)?);
    let (mut our_groups, mut their_groups) = (Vec::new(), Vec::new());
    let mut ours_of: Vec<Option<usize>> = Vec::new();
    for batch in batches {
        ours.intern(batch, &mut our_groups)?;
        theirs.intern(batch, &mut their_groups)?;
        assert_eq!(our_groups.len(), their_groups.len());
        ours_of.resize(theirs.len(), None);
        for (our, their) in our_groups.iter().zip(&their_groups) {
            assert_eq!(*ours_of[*their].get_or_insert(*our), *our, "a group of theirs is two of ours");
        }
    }
    assert_eq!(ours.len(), theirs.len());
    assert!(ours.size() > 0);
    let order: Int64Array = ours_of.iter().map(|our| our.map(|our| our as i64)).collect();
    let mut seen: Vec<i64> = order.values().to_vec();
    seen.sort_unstable();
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "two groups of theirs are one of ours");
    for (our, their) in ours.take()?.iter().zip(theirs.take()?) {
        let our = take(our, &order, None)?;
        assert_eq!(our.data_type(), their.data_type());
        assert_eq!(our.to_data(), their.to_data());
    }
    assert_eq!(ours.len(), 0);
    // It can be used again.
    if let Some(batch) = batches.first() {
        ours.intern(batch, &mut our_groups)?;
        assert_eq!(our_groups.len(), batch[0].len());
    }
    Ok(())
}

#[test]
fn keys_of_all_types_make_the_groups_that_datafusions_tables_make() -> TestResult {
    let types = [
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt32,
        DataType::Date32,
        DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        DataType::Decimal128(18, 4),
        DataType::Utf8View,
        DataType::Utf8View,
        DataType::Utf8,
        DataType::Boolean,
        DataType::Float64,
    ];
    for seed in 0..150 {
        let numbers = &mut Numbers::new(seed);
        let most = if numbers.one_in(3) { 1 } else { 5 };
        let count = 1 + usize::try_from(numbers.below(most))?;
        let mut shapes = Vec::new();
        let mut fields = Vec::new();
        for number in 0..count {
            let data_type = &types[usize::try_from(numbers.below(types.len() as u64))?];
            let nullable = numbers.one_in(2);
            shapes.push([Shape::Few, Shape::Dense, Shape::Spread][usize::try_from(numbers.below(3))?]);
            fields.push(Field::new(format!("c{number}"), data_type.clone(), nullable));
        }
        let schema = Arc::new(Schema::new(fields));
        let mut batches = Vec::new();
        for _ in 0..4 {
            let rows = usize::try_from(numbers.below(3000))?;
            let columns = schema.fields().iter().zip(&shapes);
            batches.push(
                columns.map(|(field, shape)| column(numbers, field.data_type(), *shape, rows, field.is_nullable())).collect::<Vec<_>>(),
            );
        }
        // What was seen is seen again, also in other buffers.
        let again = (0..schema.fields().len()).map(|at| concat(&[batches[0][at].as_ref(), batches[1][at].as_ref()]));
        batches.push(again.collect::<Result<_, _>>()?);
        println!("seed {seed}: {schema:?} {shapes:?}");
        check(&schema, &batches)?;
    }
    Ok(())
}

#[test]
fn integers_at_the_ends_of_their_range_are_keys_like_any_other() -> TestResult {
    let schema = Arc::new(Schema::new(vec![Field::new("k", DataType::Int64, true)]));
    let ends = [i64::MIN, i64::MAX, 0, -1, 1, i64::MIN + 1, i64::MAX - 1];
    let batch = |values: &[i64]| vec![Arc::new(Int64Array::from(values.to_vec())) as ArrayRef];
    let near = |middle: i64| (0..5000).map(|step| middle.wrapping_add(step * 3)).collect::<Vec<_>>();
    check(&schema, &[batch(&ends), batch(&near(0)), batch(&ends)])?;
    check(&schema, &[batch(&near(i64::MAX - 20_000)), batch(&ends)])?;
    check(&schema, &[batch(&near(i64::MIN)), batch(&near(0)), batch(&ends)])?;
    // Downwards, page by page; then too far apart for pages.
    check(&schema, &[batch(&(0..100).rev().map(|page| page * 5000).collect::<Vec<_>>()), batch(&near(1 << 40))])
}
