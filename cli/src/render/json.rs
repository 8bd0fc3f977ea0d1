//! JSON: one array for each result, or an object for each row on a line of its own, as COPY writes and reads it.

use std::io::Write;

use arrow::array::RecordBatch;
use clouddb_engine::text::json;

use super::Renderer;
use crate::failure::Result;

/// Writes one result as JSON.
pub(super) struct Json {
    /// Whether rows are the elements of an array; else they are lines.
    is_array: bool,
    rows: u64,
    /// Reused from batch to batch.
    buffer: Vec<u8>,
}

impl Json {
    /// One array for the result, a row a line.
    pub(super) fn array() -> Self {
        Self { is_array: true, rows: 0, buffer: Vec::new() }
    }

    /// An object a line.
    pub(super) fn lines() -> Self {
        Self { is_array: false, rows: 0, buffer: Vec::new() }
    }
}

impl Renderer for Json {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.buffer.clear();
        if self.is_array {
            // The elements of this batch without the brackets around them: the array spans all batches.
            json::push_array(batch, &mut self.buffer)?;
            out.write_all(if self.rows == 0 { b"[" } else { b",\n" })?;
            out.write_all(self.buffer.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]")).unwrap_or(&self.buffer))?;
        } else {
            json::push_lines(batch, &mut self.buffer)?;
            out.write_all(&self.buffer)?;
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> Result<()> {
        if self.is_array {
            out.write_all(if self.rows == 0 { b"[]\n" } else { b"]\n" })?;
        }
        Ok(())
    }
}
