//! Makes a batch of a chunk.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringViewBuilder};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, SchemaRef};

use super::Input;
use super::records::{self, Span};
use super::split::Chunk;
use crate::error::{Error, Result};
use crate::statements::{conform, types};

/// Makes a batch of a chunk: the columns that are wanted, by position in the files.
pub(super) fn decode(input: &Input, chunk: &Chunk, projection: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = input.schema.fields().len();
    let buffer = Buffer::from(chunk.bytes.clone());
    let mut builders: Vec<(usize, bool, u32, StringViewBuilder)> = projection
        .iter()
        .map(|at| {
            let mut builder = StringViewBuilder::new();
            let block = builder.append_block(buffer.clone());
            (*at, matches!(input.schema.field(*at).data_type(), DataType::Utf8View), block, builder)
        })
        .collect();
    let mut starts = Vec::new();
    let (mut spans, mut at) = (Vec::new(), 0);
    while let Some((start, end)) = records::next(chunk, &input.dialect, at, &mut spans)? {
        check_count(chunk, start, &spans, columns)?;
        for (column, is_text, block, builder) in &mut builders {
            append(input, chunk, spans[*column], *is_text, *block, builder)
                .map_err(|message| at_column(chunk, input, start, *column, &message))?;
        }
        starts.push(start);
        at = end;
    }
    let mut arrays = Vec::with_capacity(builders.len());
    for (column, _, _, mut builder) in builders {
        let texts: ArrayRef = Arc::new(builder.finish());
        arrays.push(typed(input, chunk, &starts, column, &texts)?);
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

fn append(
    input: &Input,
    chunk: &Chunk,
    span: Span,
    is_text: bool,
    block: u32,
    builder: &mut StringViewBuilder,
) -> std::result::Result<(), String> {
    let data = chunk.bytes.as_ref();
    let mut span = span;
    if !is_text {
        while span.start < span.end && data[span.start] == b' ' {
            span.start += 1;
        }
        while span.start < span.end && data[span.end - 1] == b' ' {
            span.end -= 1;
        }
    }
    let null = (!span.quoted || !is_text) && data[span.start..span.end] == *input.dialect.null.as_bytes();
    if null {
        builder.append_null();
        return Ok(());
    }
    match records::unescaped(data, span, &input.dialect) {
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

/// The texts as the column's type. An error names line, column and value.
fn typed(input: &Input, chunk: &Chunk, starts: &[usize], column: usize, texts: &ArrayRef) -> Result<ArrayRef> {
    let target = input.schema.field(column);
    let source = Field::new(target.name(), DataType::Utf8View, true);
    let array = match conform::conform(texts, &source, target) {
        Ok(array) => array,
        Err(error) => {
            // Which row was it? Only asked when something is wrong.
            let wrong = (0..texts.len()).find(|row| conform::conform(&texts.slice(*row, 1), &source, target).is_err());
            let Some(row) = wrong else { return Err(error.context(format!("file '{}'", chunk.file))) };
            let value = conform::shortened(texts.as_string_view().value(row));
            let message = format!("cannot read '{value}' as {}", types::sql_name(target));
            let hint = match input.inferred {
                true => {
                    "the type was inferred from the beginning of the first file; create a table with the types you want and load it with COPY"
                }
                false => "(HEADER) skips a first line of names, (NULL 'text') names what stands for NULL",
            };
            return Err(at_column(chunk, input, starts[row], column, &message).with_hint(hint));
        }
    };
    if !target.is_nullable()
        && let Some(row) = (0..array.len()).find(|row| array.is_null(*row))
    {
        return Err(at_column(chunk, input, starts[row], column, "the value is NULL, and the column is NOT NULL"));
    }
    Ok(array)
}

fn at_column(chunk: &Chunk, input: &Input, start: usize, column: usize, message: &str) -> Error {
    chunk.error(start, format!(", column '{}': {message}", input.schema.field(column).name()))
}
