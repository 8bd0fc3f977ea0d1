//! Writes results: each format in a file of its own, all fed by the same stream of batches.
//!
//! Most write every batch as it comes and hold none back. A box has to know its widest value first, so it keeps what it will show: the first and the
//! last rows. A plot keeps its points.

mod aligned;
mod boxed;
mod cells;
mod csv;
mod format;
mod html;
mod insert;
mod json;
mod lines;
mod list;
mod plain;
pub(crate) mod plot;
pub(crate) mod printable;
mod transposed;
pub(crate) mod types;
pub(crate) mod units;

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use unicode_width::UnicodeWidthStr;

use crate::failure::Result;
pub(crate) use boxed::BoxOptions;
pub(crate) use format::Format;

/// How results are to be written.
#[derive(Debug, Clone)]
pub(crate) struct Style {
    /// The format.
    pub(crate) format: Format,
    /// What a box may take.
    pub(crate) boxes: BoxOptions,
    /// What stands for NULL; nothing stands for what the format has for it.
    pub(crate) null: Option<String>,
    /// Whether names of columns are written.
    pub(crate) headers: bool,
    /// What stands between values, and at the end of rows, in `list` and `csv`.
    pub(crate) separator: Option<String>,
    pub(crate) row_separator: Option<String>,
    /// The table that `insert` names.
    pub(crate) table: String,
    /// The least widths of columns; in the formats that align them.
    pub(crate) widths: Vec<usize>,
    /// Whether only ASCII is drawn with.
    pub(crate) ascii: bool,
    /// Whether colours are used.
    pub(crate) colour: bool,
    /// Whether a box that is wider than its place gives way to a line for each value.
    pub(crate) expands: bool,
    /// Whether a box has a line for each column in place of one for each row.
    pub(crate) transposed: bool,
    /// A plot in place of the format.
    pub(crate) plot: Option<plot::Kind>,
}

impl Style {
    /// A format as it is without further wishes.
    pub(crate) fn new(format: Format, boxes: BoxOptions) -> Self {
        Self {
            format,
            boxes,
            null: None,
            headers: true,
            separator: None,
            row_separator: None,
            table: "table_name".to_owned(),
            widths: Vec::new(),
            ascii: false,
            colour: false,
            expands: false,
            transposed: false,
            plot: None,
        }
    }

    /// What stands for NULL where people read.
    fn visible_null(&self) -> &str {
        self.null.as_deref().unwrap_or("NULL")
    }
}

/// A format at work on one result.
trait Renderer {
    /// Takes the next rows.
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<()>;
    /// Ends the result.
    fn finish(&mut self, out: &mut dyn Write) -> Result<()>;
}

/// Writes one result to its end and flushes; returns its number of rows.
pub(crate) async fn write_result(mut stream: SendableRecordBatchStream, style: &Style, out: &mut (dyn Write + Send)) -> Result<u64> {
    let mut first = None;
    let expanded;
    let mut style = style;
    if style.expands && style.format == Format::Box && style.plot.is_none() {
        first = stream.next().await.transpose()?;
        if let Some(batch) = &first
            && is_too_wide(batch, style)?
        {
            expanded = Style { format: Format::Line, ..style.clone() };
            style = &expanded;
        }
    }
    // What stands before the first row is held back until that is there: a query that fails at once writes nothing.
    let mut head = Vec::new();
    let mut renderer = renderer(&stream.schema(), style, &mut head)?;
    let mut rows = 0;
    loop {
        let batch = match first.take() {
            Some(batch) => batch,
            None => match stream.next().await {
                Some(batch) => batch?,
                None => break,
            },
        };
        out.write_all(&std::mem::take(&mut head))?;
        rows += batch.num_rows() as u64;
        // A source that always has rows must not keep Ctrl-C from being noticed.
        tokio::task::coop::consume_budget().await;
        renderer.batch(&batch, out)?;
        if style.format != Format::Box {
            out.flush()?;
        }
    }
    out.write_all(&head)?;
    renderer.finish(out)?;
    out.flush()?;
    Ok(rows)
}

/// Whether a box of a result's first rows is wider than it may be, and would leave something out.
fn is_too_wide(batch: &RecordBatch, style: &Style) -> Result<bool> {
    let Some(width) = style.boxes.width else { return Ok(false) };
    let boxes = BoxOptions { width: None, ..style.boxes };
    let rows = if boxes.max_rows == 0 { batch.num_rows() } else { batch.num_rows().min(boxes.max_rows) };
    let mut renderer = boxed::Boxed::new(batch.schema_ref(), &Style { boxes, colour: false, ..style.clone() });
    let mut text = Vec::new();
    renderer.batch(&batch.slice(0, rows), &mut text)?;
    renderer.finish(&mut text)?;
    Ok(String::from_utf8_lossy(&text).lines().any(|line| line.width() > width))
}

fn renderer(schema: &SchemaRef, style: &Style, out: &mut dyn Write) -> Result<Box<dyn Renderer + Send>> {
    if let Some(kind) = style.plot {
        return Ok(Box::new(plot::Plot::new(schema, kind, style)?));
    }
    // A plan is text to read, and not a value in a box.
    if style.format.is_for_people() && style.format != Format::Trash && plain::is_plan(schema) {
        return Ok(Box::new(plain::Plain));
    }
    Ok(match style.format {
        Format::Box if style.transposed => Box::new(transposed::Transposed::new(schema, style)),
        Format::Box => Box::new(boxed::Boxed::new(schema, style)),
        Format::Csv => Box::new(csv::Csv::start(schema, style, out)?),
        Format::Tsv => Box::new(list::List::start(schema, &list::Signs::tabs(style), style, out)?),
        Format::List => Box::new(list::List::start(schema, &list::Signs::bars(style), style, out)?),
        Format::Ascii => Box::new(list::List::start(schema, &list::Signs::control(), style, out)?),
        Format::Json => Box::new(json::Json::array()),
        Format::Jsonl => Box::new(json::Json::lines()),
        Format::Markdown => Box::new(aligned::Aligned::new(schema, &aligned::MARKDOWN, style)),
        Format::Table => Box::new(aligned::Aligned::new(schema, &aligned::TABLE, style)),
        Format::Column => Box::new(aligned::Aligned::new(schema, &aligned::COLUMN, style)),
        Format::Line => Box::new(lines::Lines::new(schema, style)),
        Format::Html => Box::new(html::Html::start(schema, style, out)?),
        Format::Insert => Box::new(insert::Insert::new(schema, style)),
        Format::Trash => Box::new(Nothing),
    })
}

/// Lets all rows go.
struct Nothing;

impl Renderer for Nothing {
    fn batch(&mut self, _: &RecordBatch, _: &mut dyn Write) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self, _: &mut dyn Write) -> Result<()> {
        Ok(())
    }
}
