//! Evaluates a test on the chunks of a row group.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, new_null_array};

use super::{Expression, ExpressionError, Shape, Test};
use crate::bits::{Bits, words};
use crate::chunk::{BATCH_ROWS, Chunk, Dictionary, Rows, Values};

/// Above this share of wanted rows, all rows of a batch are evaluated: gathering the wanted ones would take longer.
const GATHER_BELOW: (usize, usize) = (3, 4);

type Chunks<'a> = &'a [Option<Arc<Chunk>>];

/// Keeps the rows that pass.
pub(super) fn keep(test: &Test, chunks: Chunks<'_>, wanted: &mut Bits) -> Result<(), ExpressionError> {
    match test {
        Test::Constant(true) => {}
        Test::Constant(false) => wanted.clear(&(0..wanted.rows())),
        Test::All(tests) => tests.iter().try_for_each(|test| keep(test, chunks, wanted))?,
        Test::Any(tests) => keep_any(tests, chunks, wanted)?,
        Test::Expression { shape, expression } => {
            if !keep_shape(shape, chunks, wanted) {
                keep_expression(expression.as_ref(), chunks, wanted)?;
            }
        }
    }
    Ok(())
}

fn keep_any(tests: &[Test], chunks: Chunks<'_>, wanted: &mut Bits) -> Result<(), ExpressionError> {
    let all = 0..wanted.rows();
    let mut passed = wanted.clone();
    passed.clear(&all);
    let mut left = wanted.clone();
    for test in tests {
        let mut passes = left.clone();
        keep(test, chunks, &mut passes)?;
        passed.or(&all, &passes);
        left.without(&passes);
    }
    *wanted = passed;
    Ok(())
}

/// The batches of a row group that have wanted rows.
fn batches(wanted: &Bits) -> impl Iterator<Item = Range<usize>> + use<> {
    let rows = wanted.rows();
    let with_rows: Vec<_> = (0..rows.div_ceil(BATCH_ROWS))
        .map(|batch| batch * BATCH_ROWS..((batch + 1) * BATCH_ROWS).min(rows))
        .filter(|range| wanted.count_in(range) > 0)
        .collect();
    with_rows.into_iter()
}

/// Evaluates a shape, where the column is kept in a way that allows it.
fn keep_shape(shape: &Shape, chunks: Chunks<'_>, wanted: &mut Bits) -> bool {
    let chunk = |column: &usize| chunks.get(*column).and_then(Option::as_ref);
    match shape {
        Shape::Unknown | Shape::Strings { .. } => false,
        Shape::Null { column, is_null } => {
            let Some(chunk) = chunk(column) else { return false };
            // Nested columns and such have NULLs of their own kind.
            let all = 0..wanted.rows();
            if *is_null {
                chunk.keep_null(&all, wanted)
            } else {
                chunk.keep_valid(&all, wanted)
            }
            true
        }
        Shape::Between { column, from, to, outside } => {
            let Some(chunk) = chunk(column) else { return false };
            let Values::Integers(integers) = chunk.values() else { return false };
            for range in batches(wanted) {
                integers.keep_between(&range, *from, *to, *outside, wanted);
                chunk.keep_valid(&range, wanted);
            }
            true
        }
        Shape::In { column, set, outside } => {
            let Some(chunk) = chunk(column) else { return false };
            let Values::Integers(integers) = chunk.values() else { return false };
            let (least, greatest) = set.bounds();
            for range in batches(wanted) {
                if !outside {
                    integers.keep_between(&range, least.into(), greatest.into(), false, wanted);
                }
                integers.keep_in(&range, set, *outside, wanted);
                chunk.keep_valid(&range, wanted);
            }
            true
        }
    }
}

fn keep_expression(expression: &dyn Expression, chunks: Chunks<'_>, wanted: &mut Bits) -> Result<(), ExpressionError> {
    let missing = || ExpressionError::from("a column of a filter was not loaded");
    let columns = expression.columns().iter().map(|column| chunks.get(*column).and_then(Option::as_ref).ok_or_else(missing));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    if let [column] = columns.as_slice()
        && let Values::Dictionary(dictionary) = column.values()
        && keep_by_dictionary(expression, column, dictionary, wanted)?
    {
        return Ok(());
    }
    let mut indices = Vec::new();
    for range in batches(wanted) {
        let count = wanted.count_in(&range);
        let (part, whole) = GATHER_BELOW;
        if count == range.len() || !expression.may_fail() && count * whole > range.len() * part {
            let answers = evaluate(expression, &columns, Rows::Range(range.start, range.end))?;
            wanted.and(&range, words(answers.values(), &(0..range.len())));
            if let Some(nulls) = answers.nulls() {
                wanted.and(&range, words(nulls.inner(), &(0..range.len())));
            }
        } else {
            indices.clear();
            wanted.indices(range, usize::MAX, &mut indices);
            let answers = evaluate(expression, &columns, Rows::Indices(&indices))?;
            wanted.and_indices(&indices, answers.iter().map(|answer| answer == Some(true)));
        }
    }
    Ok(())
}

fn evaluate(expression: &dyn Expression, columns: &[&Arc<Chunk>], rows: Rows<'_>) -> Result<BooleanArray, ExpressionError> {
    let arrays = columns.iter().map(|chunk| chunk.gather(rows)).collect::<Result<Vec<ArrayRef>, _>>()?;
    let answers = expression.evaluate(arrays, rows.len())?;
    if answers.len() == rows.len() { Ok(answers) } else { Err("a filter gave more or fewer answers than rows".into()) }
}

/// Evaluates an expression once for each distinct string. `false` if that would not pay, or failed: perhaps for a string that no row has.
fn keep_by_dictionary(
    expression: &dyn Expression,
    column: &Chunk,
    dictionary: &Dictionary,
    wanted: &mut Bits,
) -> Result<bool, ExpressionError> {
    let values = dictionary.values();
    if values.len() > wanted.count() {
        return Ok(false);
    }
    let answer = |values: ArrayRef| {
        let rows = values.len();
        expression.evaluate(vec![values], rows).ok().filter(|answers| answers.len() == rows)
    };
    let Some(answers) = answer(Arc::clone(values)) else { return Ok(false) };
    let null_passes = match column.null_count() {
        0 => false,
        _ => match answer(new_null_array(column.data_type(), 1)) {
            Some(answers) => answers.iter().next() == Some(Some(true)),
            None => return Ok(false),
        },
    };
    let answers = Dictionary::answers(&answers);
    let all = 0..wanted.rows();
    let mut nulls = null_passes.then(|| wanted.clone());
    for range in batches(wanted) {
        dictionary.keep_if(&range, &answers, wanted);
        column.keep_valid(&range, wanted);
    }
    if let Some(nulls) = &mut nulls {
        column.keep_null(&all, nulls);
        wanted.or(&all, nulls);
    }
    Ok(true)
}
