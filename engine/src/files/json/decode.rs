//! Makes a batch of a chunk of lines.

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;

use super::JsonRecords;
use super::shape::Shape;
use crate::error::{Error, Result};
use crate::files::split::Chunk;
use crate::files::typed::{BadRows, nullable, typed};

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
    let hint = "a row is one JSON object; read_json_objects reads values of any kind as text";
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

/// A line's value as text; an error unless it is one.
pub(super) fn value<'a>(chunk: &Chunk, start: usize, line: &'a [u8]) -> Result<&'a str> {
    if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(line) {
        return Err(chunk.error(start, format!(", character {}: {error}", error.column())));
    }
    std::str::from_utf8(line).map_err(|_| chunk.error(start, ": the line is not UTF-8"))
}

/// Leaves out a line that cannot be read, if that may be.
pub(super) fn refuse(chunk: &Chunk, start: usize, line: &[u8], error: Error) -> Result<()> {
    let Some(refusals) = &chunk.refusals else { return Err(error) };
    let message = error.message().split_once(": ").map_or(error.message(), |(_, message)| message);
    refusals.note(&chunk.name, chunk.line(start), None, message.to_owned(), line);
    Ok(())
}

/// Makes a batch of a chunk: the columns that are wanted. All are looked at, so that no key is left out without a word.
pub(super) fn decode(json: &JsonRecords, chunk: &Chunk, projection: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
    let mut rows: Vec<(usize, usize)> = lines(chunk).map(|(start, line)| (start, start + line.len())).collect();
    let texts = match read(json, &chunk.bytes, rows.len()) {
        Ok(texts) => texts,
        Err(error) if chunk.refusals.is_none() => return Err(fault(json, chunk, error)),
        Err(_) => good_lines(json, chunk, &mut rows)?,
    };
    let hint = match json.inferred {
        true => {
            "the type was inferred from the beginning of the files; read_json('...', columns = {'a': 'VARCHAR'}) tells all columns, ignore_errors = true leaves such lines out"
        }
        false => "the column's type can hold no such value",
    };
    let mut bad = BadRows::default();
    let all: Vec<usize> = (0..json.schema.fields().len()).collect();
    let wanted = if chunk.refusals.is_some() { &all } else { projection };
    let arrays = wanted.iter().map(|at| typed(chunk, |row| rows[row].0, texts.column(*at), json.schema.field(*at), hint, &mut bad));
    let arrays = arrays.collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    if chunk.refusals.is_none() {
        return Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?);
    }
    let batch = RecordBatch::try_new_with_options(nullable(&json.schema), arrays, &options)?;
    let kept = bad.refused(chunk, &rows, batch)?;
    let arrays = projection.iter().map(|at| Arc::clone(kept.column(*at))).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(kept.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?)
}

/// The lines that can be read, without the others.
fn good_lines(json: &JsonRecords, chunk: &Chunk, rows: &mut Vec<(usize, usize)>) -> Result<RecordBatch> {
    let (mut good, mut text) = (Vec::new(), Vec::new());
    for (start, line) in lines(chunk) {
        match read(json, line, 1) {
            Ok(_) => {
                good.push((start, start + line.len()));
                text.extend_from_slice(line);
                text.push(b'\n');
            }
            Err(error) => refuse(chunk, start, line, line_fault(json, chunk, start, line, error))?,
        }
    }
    *rows = good;
    Ok(read(json, &text, rows.len())?)
}

/// Reads lines with an object each. Any other number of objects is an error.
fn read(json: &JsonRecords, bytes: &[u8], rows: usize) -> std::result::Result<RecordBatch, ArrowError> {
    let schema = &json.texts;
    if rows == 0 {
        return Ok(RecordBatch::new_empty(Arc::clone(schema)));
    }
    let builder = ReaderBuilder::new(Arc::clone(schema)).with_batch_size(rows).with_coerce_primitive(true).with_strict_mode(json.strict);
    let mut decoder = builder.build_decoder()?;
    let end = decoder.decode(bytes)?;
    match decoder.flush()? {
        Some(batch) if batch.num_rows() == rows && bytes[end..].trim_ascii().is_empty() => Ok(batch),
        _ => Err(ArrowError::JsonError("a line holds one JSON object".to_owned())),
    }
}

/// Says which line is wrong, and what about it.
fn fault(json: &JsonRecords, chunk: &Chunk, error: ArrowError) -> Error {
    let wrong = lines(chunk).find_map(|(start, line)| read(json, line, 1).err().map(|error| (start, line, error)));
    let Some((start, line, error)) = wrong else { return Error::from(error).context(format!("file '{}'", chunk.name)) };
    line_fault(json, chunk, start, line, error)
}

/// What is wrong with a line.
fn line_fault(json: &JsonRecords, chunk: &Chunk, start: usize, line: &[u8], error: ArrowError) -> Error {
    let shape = match object(chunk, start, line) {
        Ok(shape) => shape,
        Err(error) => return error,
    };
    match shape.key_beyond(&DataType::Struct(json.schema.fields().clone())) {
        Some(key) => chunk.error(start, format!(": the key '{key}' is in no column")).with_hint(match json.inferred {
            true => {
                "the columns were inferred from the beginning of the files; read_json('...', columns = {'a': 'VARCHAR'}) tells them all"
            }
            false => "the table's columns must hold every key",
        }),
        None => chunk.error(start, format!(": {}", Error::from(error).message())),
    }
}
