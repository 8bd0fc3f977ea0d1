//! Storage's values as DataFusion's.

use arrow::datatypes::{DataType, TimeUnit, i256};
use clouddb_storage::segment::Value;
use datafusion::scalar::ScalarValue;

/// A bound's value in a column's type. `None` where the value does not fit the type: such a bound is of no use, and never wrong.
pub(crate) fn to_scalar(value: &Value, data_type: &DataType) -> Option<ScalarValue> {
    Some(match (value, data_type) {
        (Value::Boolean(value), DataType::Boolean) => ScalarValue::Boolean(Some(*value)),
        (Value::Int(value), _) => signed(*value, data_type)?,
        (Value::UInt(value), DataType::UInt8) => ScalarValue::UInt8(Some(u8::try_from(*value).ok()?)),
        (Value::UInt(value), DataType::UInt16) => ScalarValue::UInt16(Some(u16::try_from(*value).ok()?)),
        (Value::UInt(value), DataType::UInt32) => ScalarValue::UInt32(Some(u32::try_from(*value).ok()?)),
        (Value::UInt(value), DataType::UInt64) => ScalarValue::UInt64(Some(*value)),
        (Value::Float(value), DataType::Float64) => ScalarValue::Float64(Some(*value)),
        // The values came from narrower floats, so nothing is lost.
        (Value::Float(value), DataType::Float32) => ScalarValue::Float32(Some(*value as f32)),
        (Value::Float(value), DataType::Float16) => ScalarValue::Float32(Some(*value as f32)).cast_to(&DataType::Float16).ok()?,
        (Value::Decimal(value), DataType::Decimal32(precision, scale)) => {
            ScalarValue::Decimal32(Some(i32::try_from(*value).ok()?), *precision, *scale)
        }
        (Value::Decimal(value), DataType::Decimal64(precision, scale)) => {
            ScalarValue::Decimal64(Some(i64::try_from(*value).ok()?), *precision, *scale)
        }
        (Value::Decimal(value), DataType::Decimal128(precision, scale)) => ScalarValue::Decimal128(Some(*value), *precision, *scale),
        (Value::Decimal(value), DataType::Decimal256(precision, scale)) => {
            ScalarValue::Decimal256(Some(i256::from_i128(*value)), *precision, *scale)
        }
        (Value::String(value), DataType::Utf8View) => ScalarValue::Utf8View(Some(value.clone())),
        (Value::Binary(value), DataType::BinaryView) => ScalarValue::BinaryView(Some(value.clone())),
        (Value::Binary(value), DataType::FixedSizeBinary(width)) if i32::try_from(value.len()) == Ok(*width) => {
            ScalarValue::FixedSizeBinary(*width, Some(value.clone()))
        }
        _ => return None,
    })
}

fn signed(value: i64, data_type: &DataType) -> Option<ScalarValue> {
    let narrow = || i32::try_from(value).ok();
    Some(match data_type {
        DataType::Int8 => ScalarValue::Int8(Some(i8::try_from(value).ok()?)),
        DataType::Int16 => ScalarValue::Int16(Some(i16::try_from(value).ok()?)),
        DataType::Int32 => ScalarValue::Int32(Some(narrow()?)),
        DataType::Int64 => ScalarValue::Int64(Some(value)),
        DataType::Date32 => ScalarValue::Date32(Some(narrow()?)),
        DataType::Date64 => ScalarValue::Date64(Some(value)),
        DataType::Time32(TimeUnit::Second) => ScalarValue::Time32Second(Some(narrow()?)),
        DataType::Time32(TimeUnit::Millisecond) => ScalarValue::Time32Millisecond(Some(narrow()?)),
        DataType::Time64(TimeUnit::Microsecond) => ScalarValue::Time64Microsecond(Some(value)),
        DataType::Time64(TimeUnit::Nanosecond) => ScalarValue::Time64Nanosecond(Some(value)),
        DataType::Timestamp(TimeUnit::Second, zone) => ScalarValue::TimestampSecond(Some(value), zone.clone()),
        DataType::Timestamp(TimeUnit::Millisecond, zone) => ScalarValue::TimestampMillisecond(Some(value), zone.clone()),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => ScalarValue::TimestampMicrosecond(Some(value), zone.clone()),
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => ScalarValue::TimestampNanosecond(Some(value), zone.clone()),
        _ => return None,
    })
}

/// How two bounds' values are ordered, or `None` for values of different kinds, which no column has.
pub(crate) fn compare(left: &Value, right: &Value) -> Option<std::cmp::Ordering> {
    Some(match (left, right) {
        (Value::Boolean(left), Value::Boolean(right)) => left.cmp(right),
        (Value::Int(left), Value::Int(right)) => left.cmp(right),
        (Value::UInt(left), Value::UInt(right)) => left.cmp(right),
        (Value::Float(left), Value::Float(right)) => left.total_cmp(right),
        (Value::Decimal(left), Value::Decimal(right)) => left.cmp(right),
        (Value::String(left), Value::String(right)) => left.as_bytes().cmp(right.as_bytes()),
        (Value::Binary(left), Value::Binary(right)) => left.cmp(right),
        _ => return None,
    })
}

/// Whether a value is a zero that has a sign. Parquet's statistics do not tell -0.0 from 0.0, while sorting and MIN and MAX do.
pub(crate) fn is_float_zero(value: &Value) -> bool {
    matches!(value, Value::Float(value) if *value == 0.0)
}

/// A lower bound that also covers -0.0, which is less than 0.0 in comparisons of columns.
pub(crate) fn lower(value: &Value) -> Value {
    if is_float_zero(value) { Value::Float(-0.0) } else { value.clone() }
}

/// An upper bound that also covers 0.0, which is greater than -0.0 in comparisons of columns.
pub(crate) fn upper(value: &Value) -> Value {
    if is_float_zero(value) { Value::Float(0.0) } else { value.clone() }
}
