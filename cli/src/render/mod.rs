//! Writes results: each format in a file of its own, all fed by the same stream of batches.
//!
//! `csv`, `json` and `jsonl` write every batch as it comes and hold none back. A box has to know its widest value first, so it keeps what it
//! will show: the first and the last rows.

mod boxed;
mod csv;
mod json;
pub(crate) mod printable;
pub(crate) mod types;
pub(crate) mod units;

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;

use crate::args::Format;
use crate::failure::Result;
pub(crate) use boxed::BoxOptions;

/// How results are to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// The format.
    pub(crate) format: Format,
    /// What a box may take.
    pub(crate) boxes: BoxOptions,
}

/// A format at work on one result.
trait Renderer {
    /// Takes the next rows.
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<()>;
    /// Ends the result.
    fn finish(&mut self, out: &mut dyn Write) -> Result<()>;
}

/// Writes one result to its end and flushes; returns its number of rows.
pub(crate) async fn write_result(mut stream: SendableRecordBatchStream, style: Style, out: &mut (dyn Write + Send)) -> Result<u64> {
    let mut renderer = renderer(&stream.schema(), style, out)?;
    let mut rows = 0;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        // A source that always has rows must not keep Ctrl-C from being noticed.
        tokio::task::coop::consume_budget().await;
        renderer.batch(&batch, out)?;
        if style.format != Format::Box {
            out.flush()?;
        }
    }
    renderer.finish(out)?;
    out.flush()?;
    Ok(rows)
}

fn renderer(schema: &SchemaRef, style: Style, out: &mut dyn Write) -> Result<Box<dyn Renderer + Send>> {
    Ok(match style.format {
        Format::Box => Box::new(boxed::Boxed::new(schema, style.boxes)),
        Format::Csv => Box::new(csv::Csv::start(schema, out)?),
        Format::Json => Box::new(json::Json::array()),
        Format::Jsonl => Box::new(json::Json::lines()),
    })
}
