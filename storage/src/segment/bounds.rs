//! Computes a segment's statistics batch by batch, with Arrow's kernels.
//!
//! Bounds are conservative: what has no order that engines agree on (NaN) has none, long strings are cut, zeros cover both signs.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use arrow::compute::kernels::aggregate::{
    max, max_binary_view, max_boolean, max_fixed_size_binary, max_string_view, min, min_binary_view, min_boolean, min_fixed_size_binary,
    min_string_view,
};
use arrow::datatypes::*;

use super::distinct::Distinct;
use super::statistics::{Bound, ColumnStatistics, Value};
use crate::catalog::TableMeta;

/// Besides the clustering key's columns, the first so many have statistics: a small commit to a table of a thousand columns stays small.
const COLUMNS: usize = 32;

/// Longer strings and binaries are cut in bounds: enough to tell keys apart that share a long prefix, and short in the log.
const LONGEST: usize = 64;

/// Collects the statistics of one segment.
#[derive(Debug)]
pub(super) struct StatisticsBuilder {
    columns: Vec<ColumnBuilder>,
}

#[derive(Debug)]
struct ColumnBuilder {
    position: usize,
    field_id: u32,
    null_count: u64,
    rows: u64,
    decoded_bytes: u64,
    bounds: Bounds,
    distinct: Distinct,
}

/// What is known of the values so far.
#[derive(Debug)]
enum Bounds {
    /// No value so far.
    Empty,
    /// Least and greatest.
    Range(Value, Value),
    /// The type has no order, or there was a NaN.
    Unknown,
}

impl StatisticsBuilder {
    pub(super) fn new(table: &TableMeta) -> Self {
        let wanted = |(position, id): (usize, u32)| position < COLUMNS || table.cluster_by.contains(&id);
        let ids = table.columns.iter().map(|column| column.id()).enumerate().filter(|column| wanted(*column));
        let new = |(position, field_id)| ColumnBuilder {
            position,
            field_id,
            null_count: 0,
            rows: 0,
            decoded_bytes: 0,
            bounds: Bounds::Empty,
            distinct: Distinct::default(),
        };
        Self { columns: ids.map(new).collect() }
    }

    /// Adds rows: all columns of the table, in its types.
    pub(super) fn update(&mut self, columns: &[ArrayRef]) {
        for column in &mut self.columns {
            let Some(array) = columns.get(column.position) else { continue };
            column.null_count += array.null_count() as u64;
            column.rows += array.len() as u64;
            column.decoded_bytes += decoded_bytes(array);
            column.bounds.update(array);
            column.distinct.update(array);
        }
    }

    pub(super) fn finish(self) -> Vec<ColumnStatistics> {
        let finish = |column: ColumnBuilder| {
            let (min, max) = match column.bounds {
                Bounds::Range(min, max) => (Some(lower(min)), upper(max)),
                Bounds::Empty | Bounds::Unknown => (None, None),
            };
            ColumnStatistics {
                field_id: column.field_id,
                null_count: column.null_count,
                min,
                max,
                decoded_bytes: column.decoded_bytes,
                distinct: column.distinct.estimate(column.rows - column.null_count),
            }
        };
        self.columns.into_iter().map(finish).collect()
    }
}

impl Bounds {
    fn update(&mut self, array: &ArrayRef) {
        if matches!(self, Self::Unknown) || array.null_count() == array.len() {
            return;
        }
        let Some((least, greatest)) = extremes(array) else {
            *self = Self::Unknown;
            return;
        };
        match self {
            Self::Range(min, max) => {
                if compare(&least, min) == Ordering::Less {
                    *min = least;
                }
                if compare(&greatest, max) == Ordering::Greater {
                    *max = greatest;
                }
            }
            _ => *self = Self::Range(least, greatest),
        }
    }
}

/// Values of one column are all of one kind.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::UInt(a), Value::UInt(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
        (Value::Decimal(a), Value::Decimal(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Binary(a), Value::Binary(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}

/// The least and the greatest value of an array that has one; nothing for types without an order and where there is a NaN.
fn extremes(array: &ArrayRef) -> Option<(Value, Value)> {
    fn primitive<T: ArrowPrimitiveType + ArrowNumericType>(array: &ArrayRef, value: impl Fn(T::Native) -> Value) -> Option<(Value, Value)> {
        let array = array.as_primitive::<T>();
        Some((value(min(array)?), value(max(array)?)))
    }
    // NaNs are the extremes of Arrow's total order: negative ones below, positive ones above everything.
    let no_nan = |pair: Option<(Value, Value)>| {
        pair.filter(|pair| !matches!(pair, (Value::Float(min), Value::Float(max)) if min.is_nan() || max.is_nan()))
    };
    match array.data_type() {
        DataType::Boolean => {
            let array = array.as_boolean();
            Some((Value::Boolean(min_boolean(array)?), Value::Boolean(max_boolean(array)?)))
        }
        DataType::Int8 => primitive::<Int8Type>(array, |v| Value::Int(v.into())),
        DataType::Int16 => primitive::<Int16Type>(array, |v| Value::Int(v.into())),
        DataType::Int32 => primitive::<Int32Type>(array, |v| Value::Int(v.into())),
        DataType::Int64 => primitive::<Int64Type>(array, Value::Int),
        DataType::UInt8 => primitive::<UInt8Type>(array, |v| Value::UInt(v.into())),
        DataType::UInt16 => primitive::<UInt16Type>(array, |v| Value::UInt(v.into())),
        DataType::UInt32 => primitive::<UInt32Type>(array, |v| Value::UInt(v.into())),
        DataType::UInt64 => primitive::<UInt64Type>(array, Value::UInt),
        DataType::Float16 => no_nan(primitive::<Float16Type>(array, |v| Value::Float(v.into()))),
        DataType::Float32 => no_nan(primitive::<Float32Type>(array, |v| Value::Float(v.into()))),
        DataType::Float64 => no_nan(primitive::<Float64Type>(array, Value::Float)),
        DataType::Date32 => primitive::<Date32Type>(array, |v| Value::Int(v.into())),
        DataType::Time32(TimeUnit::Millisecond) => primitive::<Time32MillisecondType>(array, |v| Value::Int(v.into())),
        DataType::Time64(TimeUnit::Microsecond) => primitive::<Time64MicrosecondType>(array, Value::Int),
        DataType::Time64(TimeUnit::Nanosecond) => primitive::<Time64NanosecondType>(array, Value::Int),
        DataType::Timestamp(TimeUnit::Millisecond, _) => primitive::<TimestampMillisecondType>(array, Value::Int),
        DataType::Timestamp(TimeUnit::Microsecond, _) => primitive::<TimestampMicrosecondType>(array, Value::Int),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => primitive::<TimestampNanosecondType>(array, Value::Int),
        DataType::Decimal128(_, _) => primitive::<Decimal128Type>(array, Value::Decimal),
        DataType::Utf8View => {
            let array = array.as_string_view();
            Some((Value::String(min_string_view(array)?.to_owned()), Value::String(max_string_view(array)?.to_owned())))
        }
        DataType::BinaryView => {
            let array = array.as_binary_view();
            Some((Value::Binary(min_binary_view(array)?.to_owned()), Value::Binary(max_binary_view(array)?.to_owned())))
        }
        DataType::FixedSizeBinary(_) => {
            let array = array.as_fixed_size_binary();
            Some((Value::Binary(min_fixed_size_binary(array)?.to_owned()), Value::Binary(max_fixed_size_binary(array)?.to_owned())))
        }
        _ => None,
    }
}

/// A lower bound for a least value.
fn lower(value: Value) -> Bound {
    match value {
        // 0 and -0 are equal to engines; which of them stands here must not matter.
        Value::Float(0.0) => Bound { exact: false, value: Value::Float(-0.0) },
        Value::String(text) if text.len() > LONGEST => {
            Bound { value: Value::String(text[..text.floor_char_boundary(LONGEST)].to_owned()), exact: false }
        }
        Value::Binary(bytes) if bytes.len() > LONGEST => Bound { value: Value::Binary(bytes[..LONGEST].to_vec()), exact: false },
        value => Bound { value, exact: true },
    }
}

/// An upper bound for a greatest value; nothing where a cut string has no successor.
fn upper(value: Value) -> Option<Bound> {
    Some(match value {
        Value::Float(0.0) => Bound { exact: false, value: Value::Float(0.0) },
        Value::String(text) if text.len() > LONGEST => {
            Bound { value: Value::String(next_text(&text[..text.floor_char_boundary(LONGEST)])?), exact: false }
        }
        Value::Binary(bytes) if bytes.len() > LONGEST => Bound { value: Value::Binary(next_bytes(&bytes[..LONGEST])?), exact: false },
        value => Bound { value, exact: true },
    })
}

/// A text greater than every text that begins with this one.
fn next_text(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        let next = match last {
            // Behind it come the surrogates, which are no characters.
            '\u{d7ff}' => Some('\u{e000}'),
            last => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            text.push(next);
            return Some(text);
        }
    }
    None
}

/// Bytes greater than all that begin with these.
fn next_bytes(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = prefix.to_vec();
    while let Some(last) = bytes.pop() {
        if let Some(next) = last.checked_add(1) {
            bytes.push(next);
            return Some(bytes);
        }
    }
    None
}

/// Bytes that an array's rows take in memory, without what else its buffers hold.
pub(super) fn decoded_bytes(array: &ArrayRef) -> u64 {
    let nulls = array.nulls().map_or(0, |nulls| nulls.len().div_ceil(8));
    let bytes = match array.data_type() {
        DataType::Utf8View => nulls + 16 * array.len() + array.as_string_view().total_buffer_bytes_used(),
        DataType::BinaryView => nulls + 16 * array.len() + array.as_binary_view().total_buffer_bytes_used(),
        other => match other.primitive_width() {
            Some(width) => nulls + width * array.len(),
            None => array.to_data().get_slice_memory_size().unwrap_or_else(|_| array.get_array_memory_size()),
        },
    };
    bytes as u64
}
