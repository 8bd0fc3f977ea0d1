//! A plan: text that is read as it is.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::{Renderer, cells};
use crate::failure::Result;

/// Writes the last column's text, line for line.
pub(super) struct Plain;

/// Whether a result is what EXPLAIN gives back: the kinds of plans, and their text; or the text alone.
pub(super) fn is_plan(schema: &SchemaRef) -> bool {
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    matches!(names.as_slice(), ["plan_type", "plan"] | ["explain_key", "explain_value"])
}

impl Renderer for Plain {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<()> {
        let columns = cells::columns(batch, "NULL")?;
        for text in columns.last().into_iter().flatten().flatten() {
            writeln!(out, "{}", text.trim_end())?;
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut dyn Write) -> Result<()> {
        Ok(())
    }
}
