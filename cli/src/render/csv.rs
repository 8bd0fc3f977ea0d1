//! Comma-separated values, as COPY writes and reads them.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use clouddb_engine::text::csv::Style;

use super::{Renderer, Style as Wishes};
use crate::failure::{Failure, Result};

/// Writes one result as CSV.
pub(super) struct Csv {
    style: Style,
    /// Reused from batch to batch.
    buffer: Vec<u8>,
}

impl Csv {
    /// Begins a result: writes its header line.
    pub(super) fn start(schema: &SchemaRef, wishes: &Wishes, out: &mut dyn Write) -> Result<Self> {
        let mut style = Style::default();
        match wishes.separator.as_deref().map(str::as_bytes) {
            None => {}
            Some([delimiter]) => style.delimiter = *delimiter,
            Some(_) => {
                return Err(Failure::Message("the separator of CSV is one ASCII character\nhint: .mode list takes longer ones".to_owned()));
            }
        }
        if let Some(null) = &wishes.null {
            style.null.clone_from(null);
        }
        let mut csv = Self { style, buffer: Vec::new() };
        if wishes.headers {
            csv.style.push_header(schema, &mut csv.buffer);
        }
        out.write_all(&csv.buffer)?;
        Ok(csv)
    }
}

impl Renderer for Csv {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<()> {
        self.buffer.clear();
        self.style.push_rows(batch, &mut self.buffer)?;
        out.write_all(&self.buffer)?;
        Ok(())
    }

    fn finish(&mut self, _out: &mut dyn Write) -> Result<()> {
        Ok(())
    }
}
