//! Texts of a file as a column's type. An error names file, line, column and value.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::{filter_record_batch, nullif};
use arrow::datatypes::Field;
use arrow::util::display::ArrayFormatter;

use super::split::Chunk;
use crate::error::{Error, Result};
use crate::semantics::assignment;
use crate::text::values;
use crate::types;

/// Rows of a chunk that are refused: why, and in which column.
#[derive(Debug, Default)]
pub(super) struct BadRows(BTreeMap<usize, (String, String)>);

impl BadRows {
    /// The first reason counts.
    pub(super) fn add(&mut self, row: usize, column: &Field, message: String) {
        self.0.entry(row).or_insert_with(|| (column.name().clone(), message));
    }

    /// Notes the rows, and takes them out of the batch. `lines` are the first and last byte of each row.
    pub(super) fn refused(self, chunk: &Chunk, lines: &[(usize, usize)], batch: RecordBatch) -> Result<RecordBatch> {
        if self.0.is_empty() {
            return Ok(batch);
        }
        let mut kept = vec![true; batch.num_rows()];
        for (row, (column, message)) in self.0 {
            let (start, end) = lines[row];
            kept[row] = false;
            if let Some(refusals) = &chunk.refusals {
                refusals.note(&chunk.name, chunk.line(start), Some(&column), message, &chunk.bytes[start..end]);
            }
        }
        Ok(filter_record_batch(&batch, &BooleanArray::from(kept))?)
    }
}

/// Texts as `target` has them. `starts` are the bytes of the chunk where the rows begin. Where a chunk's lines may be refused, rows that cannot be read are
/// added to `bad`, and NULL in what is returned.
pub(super) fn typed(
    chunk: &Chunk,
    starts: impl Fn(usize) -> usize,
    texts: &ArrayRef,
    target: &Field,
    hint: &str,
    bad: &mut BadRows,
) -> Result<ArrayRef> {
    let ignores = chunk.refusals.is_some();
    let source = Field::new(target.name(), texts.data_type().clone(), true);
    let array = match assignment::conform(texts, &source, target) {
        Ok(array) => array,
        Err(error) => {
            // Which rows were it? Only asked when something is wrong.
            let mut wrong = Vec::new();
            find_wrong(texts, 0, &source, target, if ignores { usize::MAX } else { 1 }, &mut wrong);
            let Some(first) = wrong.first() else { return Err(error.context(format!("file '{}'", chunk.name))) };
            let message = |row: usize| {
                let value = ArrayFormatter::try_new(texts, &values::options("NULL")).map(|formatter| formatter.value(row).to_string());
                cannot_read(&value.unwrap_or_default(), target)
            };
            if !ignores {
                return Err(at_column(chunk, starts(*first), target, &message(*first)).with_hint(hint));
            }
            let mut mask = vec![false; texts.len()];
            for row in wrong {
                mask[row] = true;
                bad.add(row, target, message(row));
            }
            assignment::conform(&nullif(texts, &BooleanArray::from(mask))?, &source, target)?
        }
    };
    if !target.is_nullable() {
        for row in (0..array.len()).filter(|row| array.is_null(*row)) {
            let message = "the value is NULL, and the column is NOT NULL";
            match ignores {
                true => bad.add(row, target, message.to_owned()),
                false => return Err(at_column(chunk, starts(row), target, message)),
            }
        }
    }
    Ok(array)
}

/// What a text that is no value of a column is told as.
pub(super) fn cannot_read(value: &str, target: &Field) -> String {
    format!("cannot read '{}' as {}", assignment::shortened(value), types::sql_name(target))
}

/// Rows that cannot be read, found by halves: the first ones, at most `most`.
fn find_wrong(texts: &ArrayRef, first: usize, source: &Field, target: &Field, most: usize, wrong: &mut Vec<usize>) {
    if texts.is_empty() || wrong.len() >= most || assignment::conform(texts, source, target).is_ok() {
        return;
    }
    if texts.len() == 1 {
        wrong.push(first);
        return;
    }
    let half = texts.len() / 2;
    find_wrong(&texts.slice(0, half), first, source, target, most, wrong);
    find_wrong(&texts.slice(half, texts.len() - half), first + half, source, target, most, wrong);
}

/// An error at a byte of a chunk, in a column.
pub(super) fn at_column(chunk: &Chunk, start: usize, column: &Field, message: &str) -> Error {
    chunk.error(start, format!(", column '{}': {message}", column.name()))
}

/// A batch may be taken apart by rows only where all its columns may be NULL meanwhile.
pub(super) fn nullable(schema: &arrow::datatypes::Schema) -> arrow::datatypes::SchemaRef {
    Arc::new(arrow::datatypes::Schema::new(
        schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect::<Vec<_>>(),
    ))
}
