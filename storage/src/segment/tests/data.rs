//! Random arrays of every type.

use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::*;
use rand::Rng;
use rand::rngs::StdRng;

use super::column;
use crate::catalog::ColumnSpec;

/// Every type that a table can have, as its columns have them.
pub(super) fn every_type() -> Vec<DataType> {
    let field = |name: &str, data_type, nullable| Field::new(name, data_type, nullable);
    let mut types = vec![
        DataType::Boolean,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Float16,
        DataType::Float32,
        DataType::Float64,
        DataType::Decimal128(1, 0),
        DataType::Decimal128(9, 9),
        DataType::Decimal128(15, 2),
        DataType::Decimal128(38, 10),
        DataType::Decimal256(60, 10),
        DataType::Utf8View,
        DataType::BinaryView,
        DataType::FixedSizeBinary(3),
        DataType::FixedSizeBinary(16),
        DataType::Date32,
        DataType::Time32(TimeUnit::Millisecond),
        DataType::Time64(TimeUnit::Microsecond),
        DataType::Time64(TimeUnit::Nanosecond),
        DataType::Timestamp(TimeUnit::Millisecond, None),
        DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(TimeUnit::Nanosecond, None),
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::Timestamp(TimeUnit::Nanosecond, Some("+02:00".into())),
        DataType::Timestamp(TimeUnit::Millisecond, Some("Europe/Berlin".into())),
        DataType::Interval(IntervalUnit::MonthDayNano),
    ];
    let row = DataType::Struct(vec![field("a", DataType::Int32, false), field("b", DataType::Utf8View, true)].into());
    let list = |item: DataType| DataType::List(Arc::new(field("item", item, true)));
    let map = |key: DataType, value: DataType| {
        let entries = DataType::Struct(vec![field("keys", key, false), field("values", value, true)].into());
        DataType::Map(Arc::new(field("entries", entries, false)), false)
    };
    types.extend([
        list(DataType::Int64),
        list(DataType::Utf8View),
        list(DataType::Interval(IntervalUnit::MonthDayNano)),
        list(list(DataType::Boolean)),
        row.clone(),
        list(row.clone()),
        map(DataType::Utf8View, DataType::Float64),
        map(DataType::Int32, list(row)),
    ]);
    types
}

/// A nullable and a required column of each type, and a UUID.
pub(super) fn every_column() -> Vec<ColumnSpec> {
    let mut columns = Vec::new();
    for (number, data_type) in every_type().into_iter().enumerate() {
        columns.push(column(&format!("nullable_{number}"), data_type.clone(), true));
        columns.push(column(&format!("required_{number}"), data_type, false));
    }
    let mut uuid = column("uuid", DataType::FixedSizeBinary(16), true);
    uuid.metadata.insert("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned());
    columns.push(uuid);
    columns
}

fn nulls(random: &mut StdRng, rows: usize, nullable: bool) -> Option<NullBuffer> {
    nullable.then(|| (0..rows).map(|_| random.random_bool(0.8)).collect())
}

fn text(random: &mut StdRng) -> String {
    let length = if random.random_bool(0.02) { random.random_range(60..300) } else { random.random_range(0..20) };
    (0..length).map(|_| if random.random_bool(0.9) { random.random_range('a'..='z') } else { random.random() }).collect()
}

fn bytes(random: &mut StdRng, length: usize) -> Vec<u8> {
    (0..length).map(|_| random.random()).collect()
}

/// Lengths that add up, as offsets.
fn offsets(random: &mut StdRng, rows: usize) -> OffsetBuffer<i32> {
    OffsetBuffer::from_lengths((0..rows).map(|_| random.random_range(0..4)))
}

/// Random values of a type; NULLs among them if they may be.
pub(super) fn array(random: &mut StdRng, data_type: &DataType, rows: usize, nullable: bool) -> ArrayRef {
    macro_rules! primitive {
        ($type:ident) => {
            primitive!($type, |random: &mut StdRng| random.random::<<$type as ArrowPrimitiveType>::Native>())
        };
        ($type:ident, $value:expr) => {{
            let values: Vec<_> = (0..rows).map(|_| $value(random)).collect();
            let array = PrimitiveArray::<$type>::new(values.into(), nulls(random, rows, nullable));
            Arc::new(array.with_data_type(data_type.clone())) as ArrayRef
        }};
    }
    match data_type {
        DataType::Boolean => {
            let values = (0..rows).map(|_| random.random_bool(0.5)).collect();
            Arc::new(BooleanArray::new(values, nulls(random, rows, nullable)))
        }
        DataType::Int8 => primitive!(Int8Type),
        DataType::Int16 => primitive!(Int16Type),
        DataType::Int32 => primitive!(Int32Type),
        DataType::Int64 => primitive!(Int64Type),
        DataType::UInt8 => primitive!(UInt8Type),
        DataType::UInt16 => primitive!(UInt16Type),
        DataType::UInt32 => primitive!(UInt32Type),
        DataType::UInt64 => primitive!(UInt64Type),
        DataType::Float16 => {
            let floats = array(random, &DataType::Float32, rows, nullable);
            arrow::compute::cast(&floats, data_type).unwrap()
        }
        DataType::Float32 => primitive!(Float32Type, |random: &mut StdRng| (random.random::<f32>() - 0.5) * 1e5),
        DataType::Float64 => primitive!(Float64Type, |random: &mut StdRng| match random.random_range(0..20) {
            0 => 0.0,
            1 => -0.0,
            2 => f64::INFINITY,
            _ => (random.random::<f64>() - 0.5) * 1e200,
        }),
        DataType::Decimal128(precision, _) => {
            let limit = 10_i128.pow(u32::from(*precision)) - 1;
            primitive!(Decimal128Type, |random: &mut StdRng| random.random_range(-limit..=limit))
        }
        DataType::Decimal256(_, _) => {
            primitive!(Decimal256Type, |random: &mut StdRng| {
                let unit = i256::from_i128(10_i128.pow(20));
                i256::from_i128(random.random_range(-10_i128.pow(38)..10_i128.pow(38))).wrapping_mul(unit)
            })
        }
        DataType::Utf8View => {
            let values: Vec<String> = (0..rows).map(|_| text(random)).collect();
            let array = StringViewArray::from_iter_values(values);
            let (views, buffers, _) = array.into_parts();
            Arc::new(StringViewArray::new(views, buffers, nulls(random, rows, nullable)))
        }
        DataType::BinaryView => {
            let values: Vec<Vec<u8>> = (0..rows)
                .map(|_| {
                    let length = random.random_range(0..40);
                    bytes(random, length)
                })
                .collect();
            let (views, buffers, _) = BinaryViewArray::from_iter_values(values).into_parts();
            Arc::new(BinaryViewArray::new(views, buffers, nulls(random, rows, nullable)))
        }
        DataType::FixedSizeBinary(width) => {
            let values = bytes(random, rows * *width as usize);
            Arc::new(FixedSizeBinaryArray::new(*width, values.into(), nulls(random, rows, nullable)))
        }
        DataType::Date32 => primitive!(Date32Type),
        DataType::Time32(_) => primitive!(Time32MillisecondType, |random: &mut StdRng| random.random_range(0..86_400_000)),
        DataType::Time64(TimeUnit::Microsecond) => {
            primitive!(Time64MicrosecondType, |random: &mut StdRng| random.random_range(0..86_400_000_000))
        }
        DataType::Time64(_) => primitive!(Time64NanosecondType, |random: &mut StdRng| random.random_range(0..86_400_000_000_000)),
        DataType::Timestamp(TimeUnit::Millisecond, _) => primitive!(TimestampMillisecondType),
        DataType::Timestamp(TimeUnit::Microsecond, _) => primitive!(TimestampMicrosecondType),
        DataType::Timestamp(_, _) => primitive!(TimestampNanosecondType),
        DataType::Interval(_) => primitive!(IntervalMonthDayNanoType, |random: &mut StdRng| {
            let part = |random: &mut StdRng| match random.random_range(0..4) {
                0 => 0,
                1 => random.random_range(-100..100),
                _ => random.random::<i32>(),
            };
            let nanos = i64::from(part(random)) * i64::from(part(random)) + i64::from(part(random));
            IntervalMonthDayNano::new(part(random), part(random), nanos)
        }),
        DataType::List(item) => {
            let offsets = offsets(random, rows);
            let values = array(random, item.data_type(), *offsets.last().unwrap() as usize, item.is_nullable());
            Arc::new(ListArray::new(Arc::clone(item), offsets, values, nulls(random, rows, nullable)))
        }
        DataType::Struct(fields) => {
            let columns = fields.iter().map(|field| array(random, field.data_type(), rows, field.is_nullable())).collect();
            Arc::new(StructArray::new(fields.clone(), columns, nulls(random, rows, nullable)))
        }
        DataType::Map(entries, _) => {
            let offsets = offsets(random, rows);
            let values = array(random, entries.data_type(), *offsets.last().unwrap() as usize, false);
            Arc::new(MapArray::new(Arc::clone(entries), offsets, values.as_struct().clone(), nulls(random, rows, nullable), false))
        }
        other => panic!("no random values of type {other}"),
    }
}
