//! Texts of a file as a column's type. An error names file, line, column and value.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::Field;
use arrow::util::display::ArrayFormatter;

use super::split::Chunk;
use crate::error::{Error, Result};
use crate::semantics::assignment;
use crate::text::values;
use crate::types;

/// Texts as `target` has them. `starts` are the bytes of the chunk where the rows begin.
pub(super) fn typed(chunk: &Chunk, starts: &[usize], texts: &ArrayRef, target: &Field, hint: &str) -> Result<ArrayRef> {
    let source = Field::new(target.name(), texts.data_type().clone(), true);
    let array = match assignment::conform(texts, &source, target) {
        Ok(array) => array,
        Err(error) => {
            // Which row was it? Only asked when something is wrong.
            let wrong = (0..texts.len()).find(|row| assignment::conform(&texts.slice(*row, 1), &source, target).is_err());
            let Some(row) = wrong else { return Err(error.context(format!("file '{}'", chunk.name))) };
            let value = ArrayFormatter::try_new(texts, &values::options("NULL"))?.value(row).to_string();
            let message = format!("cannot read '{}' as {}", assignment::shortened(&value), types::sql_name(target));
            return Err(at_column(chunk, starts[row], target, &message).with_hint(hint));
        }
    };
    if !target.is_nullable()
        && let Some(row) = (0..array.len()).find(|row| array.is_null(*row))
    {
        return Err(at_column(chunk, starts[row], target, "the value is NULL, and the column is NOT NULL"));
    }
    Ok(array)
}

/// An error at a byte of a chunk, in a column.
pub(super) fn at_column(chunk: &Chunk, start: usize, column: &Field, message: &str) -> Error {
    chunk.error(start, format!(", column '{}': {message}", column.name()))
}
