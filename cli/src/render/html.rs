//! A result as an HTML table.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::{Renderer, Style, cells};
use crate::failure::Result;

/// Writes one result.
pub(super) struct Html {
    null: String,
}

impl Html {
    /// Begins a result: writes the names of its columns.
    pub(super) fn start(schema: &SchemaRef, style: &Style, out: &mut dyn Write) -> Result<Self> {
        writeln!(out, "<table>")?;
        if style.headers {
            let names: Vec<String> = schema.fields().iter().map(|field| format!("<th>{}</th>", escaped(field.name()))).collect();
            writeln!(out, "<tr>{}</tr>", names.concat())?;
        }
        Ok(Self { null: style.null.clone().unwrap_or_default() })
    }
}

impl Renderer for Html {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<()> {
        let columns = cells::columns(batch, "NULL")?;
        for row in 0..batch.num_rows() {
            let cells = columns.iter().map(|column| format!("<td>{}</td>", escaped(column[row].as_ref().unwrap_or(&self.null))));
            writeln!(out, "<tr>{}</tr>", cells.collect::<String>())?;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> Result<()> {
        writeln!(out, "</table>")?;
        Ok(())
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
