//! A plan: text that is read as it is.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::{Renderer, cells};
use crate::failure::Result;

/// What the planner says in place of a plan that is the same as the one before.
const UNCHANGED: &str = "SAME TEXT AS ABOVE";

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
        let names_kinds = batch.num_columns() == 2 && batch.schema().field(0).name() == "plan_type";
        for row in 0..batch.num_rows() {
            let text = columns.last().and_then(|column| column[row].as_deref()).unwrap_or_default().trim_end();
            // What a rule of the planner's did not change is there to be compared, and not to be read.
            if text == UNCHANGED {
                continue;
            }
            if names_kinds {
                writeln!(out, "-- {}", columns[0][row].as_deref().unwrap_or_default())?;
            }
            writeln!(out, "{text}")?;
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut dyn Write) -> Result<()> {
        Ok(())
    }
}
