//! A line for each value, `name = value`, and a blank line between rows.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use unicode_width::UnicodeWidthStr;

use super::{Renderer, Style, cells, printable, units};
use crate::failure::Result;

/// Writes one result.
pub(super) struct Lines {
    names: Vec<String>,
    null: String,
    rows: u64,
}

impl Lines {
    pub(super) fn new(schema: &SchemaRef, style: &Style) -> Self {
        let names: Vec<String> = schema.fields().iter().map(|field| printable::escaped(field.name()).into_owned()).collect();
        let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
        let names = names.into_iter().map(|name| format!("{}{name}", " ".repeat(width - name.width()))).collect();
        Self { names, null: style.visible_null().to_owned(), rows: 0 }
    }
}

impl Renderer for Lines {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<()> {
        let columns = cells::columns(batch, &self.null)?;
        for row in 0..batch.num_rows() {
            if self.rows > 0 {
                writeln!(out)?;
            }
            self.rows += 1;
            for (name, column) in self.names.iter().zip(&columns) {
                writeln!(out, "{name} = {}", printable::escaped(column[row].as_ref().unwrap_or(&self.null)))?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> Result<()> {
        if self.rows == 0 {
            writeln!(out, "{}", units::counted(0, "row"))?;
        }
        Ok(())
    }
}
