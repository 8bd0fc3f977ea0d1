//! Makes a batch of a chunk of lines.

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;

use super::JsonRecords;
use super::shape::Shape;
use crate::error::{Error, Result};
use crate::files::split::Chunk;
use crate::files::typed::typed;

use std::sync::Arc;

/// The lines of a chunk that are not blank, with their first byte.
pub(super) fn lines(chunk: &Chunk) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    chunk.bytes.split_inclusive(|byte| *byte == b'\n').filter_map(move |line| {
        let start = at;
        at += line.len();
        let line = line.trim_ascii();
        (!line.is_empty()).then_some((start, line))
    })
}

/// What a line is; an error unless it is an object.
pub(super) fn object(chunk: &Chunk, start: usize, line: &[u8]) -> Result<Shape> {
    let hint = "a line holds one JSON object; programs such as jq -c write JSON that way";
    match serde_json::from_slice(line) {
        Ok(shape @ Shape::Object(_)) => Ok(shape),
        Ok(_) => Err(chunk.error(start, ": this is no JSON object").with_hint(hint)),
        Err(error) => {
            let message = error.to_string();
            let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
            Err(chunk.error(start, format!(", character {}: {message}", error.column())).with_hint(hint))
        }
    }
}

/// Makes a batch of a chunk: the columns that are wanted. All are looked at, so that no key is left out without a word.
pub(super) fn decode(json: &JsonRecords, chunk: &Chunk, projection: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
    let starts: Vec<usize> = lines(chunk).map(|(start, _)| start).collect();
    let texts = read(&json.texts, &chunk.bytes, starts.len()).map_err(|error| fault(json, chunk, error))?;
    let hint = match json.inferred {
        true => "the type was inferred from the beginning of the files; create a table with the types you want and load it with COPY",
        false => "the column's type can hold no such value",
    };
    let arrays =
        projection.iter().map(|at| typed(chunk, &starts, texts.column(*at), json.schema.field(*at), hint)).collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(starts.len()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?)
}

/// Reads lines with an object each. Any other number of objects is an error.
fn read(schema: &SchemaRef, bytes: &[u8], rows: usize) -> std::result::Result<RecordBatch, ArrowError> {
    if rows == 0 {
        return Ok(RecordBatch::new_empty(Arc::clone(schema)));
    }
    let builder = ReaderBuilder::new(Arc::clone(schema)).with_batch_size(rows).with_coerce_primitive(true).with_strict_mode(true);
    let mut decoder = builder.build_decoder()?;
    let end = decoder.decode(bytes)?;
    match decoder.flush()? {
        Some(batch) if batch.num_rows() == rows && bytes[end..].trim_ascii().is_empty() => Ok(batch),
        _ => Err(ArrowError::JsonError("a line holds one JSON object".to_owned())),
    }
}

/// Says which line is wrong, and what about it.
fn fault(json: &JsonRecords, chunk: &Chunk, error: ArrowError) -> Error {
    let wrong = lines(chunk).find_map(|(start, line)| read(&json.texts, line, 1).err().map(|error| (start, line, error)));
    let Some((start, line, error)) = wrong else { return Error::from(error).context(format!("file '{}'", chunk.name)) };
    let shape = match object(chunk, start, line) {
        Ok(shape) => shape,
        Err(error) => return error,
    };
    match shape.key_beyond(&DataType::Struct(json.schema.fields().clone())) {
        Some(key) => chunk.error(start, format!(": the key '{key}' is in no column")).with_hint(match json.inferred {
            true => "the columns were inferred from the beginning of the files; create a table with all of them and load it with COPY",
            false => "the table's columns must hold every key",
        }),
        None => chunk.error(start, format!(": {}", Error::from(error).message())),
    }
}
