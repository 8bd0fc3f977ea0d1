//! JSON: one array, or an object for each row on a line of its own.
//!
//! NULLs are written out. Numbers are numbers, decimals with all their digits; dates and times are strings as ISO 8601 has them, intervals as they are shown; bytes are
//! strings of `\x` and hexadecimal digits; `NaN`, `Infinity` and `-Infinity`, which JSON has no numbers for, are strings.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, AsArray, MapArray, RecordBatch};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, FieldRef, Float64Type, IntervalMonthDayNanoType, IntervalUnit};
use arrow::error::ArrowError;
use arrow::json::writer::{
    Encoder, EncoderFactory, EncoderOptions, JsonArray, LineDelimited, NullableEncoder, WriterBuilder, make_encoder,
};
use arrow::util::display::ArrayFormatter;

use super::values;
use crate::types;

/// Adds an object a line for every row.
///
/// # Errors
/// Arrow's, for a value that it cannot write.
pub fn push_lines(batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ArrowError> {
    let mut writer = builder().build::<_, LineDelimited>(out);
    writer.write(batch)?;
    writer.finish()
}

/// Adds an array of the rows' objects.
///
/// # Errors
/// Arrow's, for a value that it cannot write.
pub fn push_array(batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ArrowError> {
    let mut writer = builder().build::<_, JsonArray>(out);
    writer.write(batch)?;
    writer.finish()
}

fn builder() -> WriterBuilder {
    WriterBuilder::new().with_explicit_nulls(true).with_encoder_factory(Arc::new(Encoders))
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
        let encoder: Box<dyn Encoder + 'a> = match array.data_type() {
            DataType::FixedSizeBinary(types::UUID_WIDTH) => {
                let uuids = array.as_fixed_size_binary();
                Box::new(Texts(move |row| values::uuid_text(uuids.value(row))))
            }
            DataType::BinaryView => {
                let bytes = array.as_binary_view();
                Box::new(Texts(move |row| values::bytes_text(bytes.value(row))))
            }
            DataType::Binary => {
                let bytes = array.as_binary::<i32>();
                Box::new(Texts(move |row| values::bytes_text(bytes.value(row))))
            }
            DataType::Interval(IntervalUnit::MonthDayNano) => {
                let intervals = array.as_primitive::<IntervalMonthDayNanoType>();
                Box::new(Texts(move |row| values::interval_text(intervals.value(row))))
            }
            DataType::Float16 | DataType::Float32 | DataType::Float64 => {
                let wide = arrow::compute::cast(array, &DataType::Float64)?;
                let numbers = wide.as_primitive::<Float64Type>().values().clone();
                if numbers.iter().all(|number| number.is_finite()) {
                    return Ok(None);
                }
                // Options without this factory: Arrow's own encoder.
                static PLAIN: LazyLock<EncoderOptions> = LazyLock::new(EncoderOptions::default);
                Box::new(Floats { numbers, finite: make_encoder(field, array, &PLAIN)? })
            }
            DataType::Map(entries, _) => {
                let DataType::Struct(fields) = entries.data_type() else { return Ok(None) };
                let [_, value] = &fields[..] else { return Ok(None) };
                let map = array.as_map();
                // JSON's keys are strings: keys of other types are written as they look.
                let keys = ArrayFormatter::try_new(map.keys(), &values::options("NULL"))?;
                let values = make_encoder(value_field(map, value), map.values(), options)?;
                Box::new(Maps { map, keys, values })
            }
            _ => return Ok(None),
        };
        Ok(Some(NullableEncoder::new(encoder, array.nulls().cloned())))
    }
}

/// The field of a map's values, borrowed from the array itself so that it lives as long.
fn value_field<'a>(map: &'a MapArray, fallback: &'a FieldRef) -> &'a FieldRef {
    map.entries().fields().get(1).unwrap_or(fallback)
}

/// Values that are written as plain texts: without a sign that JSON would escape, but for the backslash.
struct Texts<F>(F);

impl<F: Fn(usize) -> String> Encoder for Texts<F> {
    fn encode(&mut self, index: usize, out: &mut Vec<u8>) {
        push_string((self.0)(index), out);
    }
}

/// Numbers of which some are none.
struct Floats<'a> {
    numbers: ScalarBuffer<f64>,
    finite: NullableEncoder<'a>,
}

impl Encoder for Floats<'_> {
    fn encode(&mut self, index: usize, out: &mut Vec<u8>) {
        match self.numbers[index] {
            number if number.is_finite() => self.finite.encode(index, out),
            number if number.is_nan() => out.extend_from_slice(b"\"NaN\""),
            number if number > 0.0 => out.extend_from_slice(b"\"Infinity\""),
            _ => out.extend_from_slice(b"\"-Infinity\""),
        }
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
            push_string(self.keys.value(entry).try_to_string().unwrap_or_default(), out);
            out.push(b':');
            match self.values.is_null(entry) {
                true => out.extend_from_slice(b"null"),
                false => self.values.encode(entry, out),
            }
        }
        out.push(b'}');
    }
}

fn push_string(text: String, out: &mut Vec<u8>) {
    out.extend_from_slice(serde_json::Value::String(text).to_string().as_bytes());
}
