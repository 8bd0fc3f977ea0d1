//! Makes a batch of a chunk.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringViewBuilder};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, SchemaRef};

use super::CsvRecords;
use super::records::{self, Blank, Span};
use crate::error::Result;
use crate::files::split::Chunk;
use crate::files::typed::{at_column, typed};

/// Makes a batch of a chunk: the columns that are wanted, by position in the files.
pub(super) fn decode(csv: &CsvRecords, chunk: &Chunk, projection: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = csv.schema.fields().len();
    let buffer = Buffer::from(chunk.bytes.clone());
    let mut builders: Vec<(usize, bool, u32, StringViewBuilder)> = projection
        .iter()
        .map(|at| {
            let mut builder = StringViewBuilder::new();
            let block = builder.append_block(buffer.clone());
            (*at, is_verbatim(csv.schema.field(*at).data_type()), block, builder)
        })
        .collect();
    let mut starts = Vec::new();
    let (mut spans, mut at) = (Vec::new(), 0);
    let blank = if columns == 1 { Blank::Record } else { Blank::Skipped };
    while let Some((start, end)) = records::next(chunk, &csv.dialect, at, blank, &mut spans)? {
        check_count(chunk, start, &spans, columns)?;
        for (column, is_verbatim, block, builder) in &mut builders {
            append(csv, chunk, spans[*column], *is_verbatim, *block, builder)
                .map_err(|message| at_column(chunk, start, csv.schema.field(*column), &message))?;
        }
        starts.push(start);
        at = end;
    }
    let hint = match csv.inferred {
        true => "the type was inferred from the beginning of the first file; create a table with the types you want and load it with COPY",
        false => "(HEADER) skips a first line of names, (NULL 'text') names what stands for NULL",
    };
    let mut arrays = Vec::with_capacity(builders.len());
    for (column, _, _, mut builder) in builders {
        let texts: ArrayRef = Arc::new(builder.finish());
        arrays.push(typed(chunk, &starts, &texts, csv.schema.field(column), hint)?);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(starts.len()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?)
}

/// A record has as many values as there are columns. A delimiter at the end of the line, as some programs write it, is no value.
fn check_count(chunk: &Chunk, start: usize, spans: &[Span], columns: usize) -> Result<()> {
    let found = spans.len();
    let trailing = found == columns + 1 && spans.last().is_some_and(|last| last.start == last.end && !last.quoted);
    match found == columns || trailing {
        true => Ok(()),
        false => Err(chunk.error(start, format!(": there are {found} values, and {columns} columns"))),
    }
}

/// Whether every text is a value, blanks and the empty one too. One in quotes is never NULL then; of other types it cannot be anything else.
fn is_verbatim(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8View | DataType::BinaryView)
}

fn append(
    csv: &CsvRecords,
    chunk: &Chunk,
    span: Span,
    is_verbatim: bool,
    block: u32,
    builder: &mut StringViewBuilder,
) -> std::result::Result<(), String> {
    let data = chunk.bytes.as_ref();
    let mut span = span;
    if !is_verbatim {
        while span.start < span.end && data[span.start] == b' ' {
            span.start += 1;
        }
        while span.start < span.end && data[span.end - 1] == b' ' {
            span.end -= 1;
        }
    }
    let null = (!span.quoted || !is_verbatim) && data[span.start..span.end] == *csv.dialect.null.as_bytes();
    if null {
        builder.append_null();
        return Ok(());
    }
    match records::unescaped(data, span, &csv.dialect) {
        std::borrow::Cow::Borrowed(_) => match (u32::try_from(span.start), u32::try_from(span.end - span.start)) {
            (Ok(start), Ok(length)) => builder.try_append_view(block, start, length).map_err(|_| "the value is not UTF-8".to_owned()),
            _ => Err("the value is too long".to_owned()),
        },
        std::borrow::Cow::Owned(text) => {
            let text = std::str::from_utf8(&text).map_err(|_| "the value is not UTF-8".to_owned())?;
            builder.append_value(text);
            Ok(())
        }
    }
}
