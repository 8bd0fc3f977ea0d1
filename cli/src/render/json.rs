//! JSON: one array for each result, or an object for each row on a line of its own.
//!
//! NULLs are written out. Numbers are numbers, decimals with all their digits; dates, times and intervals are strings as ISO 8601 has them; binary
//! values are strings of hexadecimal digits.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, AsArray, FixedSizeBinaryArray, MapArray, RecordBatch};
use arrow::datatypes::{DataType, FieldRef};
use arrow::error::ArrowError;
use arrow::json::writer::{
    Encoder, EncoderFactory, EncoderOptions, JsonArray, LineDelimited, NullableEncoder, WriterBuilder, make_encoder,
};
use arrow::util::display::ArrayFormatter;

use super::{Renderer, values};
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

fn builder() -> WriterBuilder {
    WriterBuilder::new().with_explicit_nulls(true).with_encoder_factory(Arc::new(Encoders))
}

impl Renderer for Json {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.buffer.clear();
        if self.is_array {
            // The elements of this batch without the brackets around them: the array spans all batches.
            let mut writer = builder().build::<_, JsonArray>(&mut self.buffer);
            writer.write(batch)?;
            writer.finish()?;
            out.write_all(if self.rows == 0 { b"[" } else { b",\n" })?;
            out.write_all(self.buffer.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]")).unwrap_or(&self.buffer))?;
        } else {
            let mut writer = builder().build::<_, LineDelimited>(&mut self.buffer);
            writer.write(batch)?;
            writer.finish()?;
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

/// Encoders for what Arrow's JSON writer writes otherwise, or not at all.
#[derive(Debug)]
struct Encoders;

impl EncoderFactory for Encoders {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let nulls = array.nulls().cloned();
        if values::is_uuid(field) && array.data_type() == field.data_type() {
            return Ok(Some(NullableEncoder::new(Box::new(Uuids(array.as_fixed_size_binary())), nulls)));
        }
        let DataType::Map(entries, _) = array.data_type() else { return Ok(None) };
        let DataType::Struct(fields) = entries.data_type() else { return Ok(None) };
        let [key, value] = &fields[..] else { return Ok(None) };
        // JSON's keys are strings: keys of other types are written as they look.
        let map = array.as_map();
        let keys = ArrayFormatter::try_new(map.keys(), &values::options("NULL"))?;
        let _ = key;
        let values = make_encoder(value_field(map, value), map.values(), options)?;
        Ok(Some(NullableEncoder::new(Box::new(Maps { map, keys, values }), nulls)))
    }
}

/// The field of a map's values, borrowed from the array itself so that it lives as long.
fn value_field<'a>(map: &'a MapArray, fallback: &'a FieldRef) -> &'a FieldRef {
    match map.entries().fields().get(1) {
        Some(field) => field,
        None => fallback,
    }
}

struct Uuids<'a>(&'a FixedSizeBinaryArray);

impl Encoder for Uuids<'_> {
    fn encode(&mut self, index: usize, out: &mut Vec<u8>) {
        out.push(b'"');
        out.extend_from_slice(values::uuid_text(self.0.value(index)).as_bytes());
        out.push(b'"');
    }
}

struct Maps<'a> {
    map: &'a MapArray,
    keys: ArrayFormatter<'a>,
    values: NullableEncoder<'a>,
}

impl Encoder for Maps<'_> {
    fn encode(&mut self, index: usize, out: &mut Vec<u8>) {
        let offsets = self.map.value_offsets();
        out.push(b'{');
        for (position, entry) in (offsets[index] as usize..offsets[index + 1] as usize).enumerate() {
            if position > 0 {
                out.push(b',');
            }
            let key = self.keys.value(entry).try_to_string().unwrap_or_default();
            // Cannot fail: a string is always JSON.
            out.extend_from_slice(serde_json::Value::String(key).to_string().as_bytes());
            out.push(b':');
            match self.values.is_null(entry) {
                true => out.extend_from_slice(b"null"),
                false => self.values.encode(entry, out),
            }
        }
        out.push(b'}');
    }
}
