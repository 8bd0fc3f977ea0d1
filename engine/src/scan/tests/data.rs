//! Seeded random rows of every type, with the values that statistics get wrong: NaN, both zeros, infinities, long strings that share a
//! beginning, NULLs.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray, Float64Array, Int32Array, Int64Array,
    IntervalMonthDayNanoArray, ListArray, RecordBatch, StringViewArray, StructArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Fields, Int32Type, IntervalMonthDayNano, IntervalUnit, Schema, SchemaRef, TimeUnit};

use crate::catalog::testing::Numbers;

pub(super) fn schema() -> SchemaRef {
    let fields = vec![
        Field::new("id", DataType::Int64, false),
        Field::new("small", DataType::Int32, true),
        Field::new("number", DataType::UInt64, true),
        Field::new("real", DataType::Float64, true),
        Field::new("clean", DataType::Float64, true),
        Field::new("name", DataType::Utf8View, true),
        Field::new("long", DataType::Utf8View, true),
        Field::new("bytes", DataType::BinaryView, true),
        Field::new("flag", DataType::Boolean, true),
        Field::new("day", DataType::Date32, true),
        Field::new("price", DataType::Decimal128(12, 2), true),
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
        Field::new("nothing", DataType::Int32, true),
        Field::new("key", DataType::FixedSizeBinary(4), true),
        Field::new("span", DataType::Interval(IntervalUnit::MonthDayNano), true),
        Field::new("list", DataType::List(list_item()), true),
        Field::new("pair", DataType::Struct(pair_fields()), true),
    ];
    Arc::new(Schema::new(fields))
}

fn list_item() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Int32, true))
}

fn pair_fields() -> Fields {
    vec![Field::new("a", DataType::Int32, true), Field::new("b", DataType::Utf8View, true)].into()
}

/// Columns that have an order and answers to MIN and MAX.
pub(super) const ORDERED: [&str; 13] =
    ["id", "small", "number", "real", "clean", "name", "long", "bytes", "flag", "day", "price", "at", "nothing"];

/// Rows around a center, so that batches cover different parts of each column's range.
pub(super) fn batch(numbers: &mut Numbers, rows: usize, center: i64) -> RecordBatch {
    fn some<T>(numbers: &mut Numbers, rows: usize, mut value: impl FnMut(&mut Numbers) -> T) -> Vec<Option<T>> {
        (0..rows).map(|_| if numbers.one_in(6) { None } else { Some(value(numbers)) }).collect()
    }
    let near = |numbers: &mut Numbers| center + numbers.below(40) as i64;
    let nan_allowed = numbers.one_in(2);
    let real = |numbers: &mut Numbers| match numbers.below(12) {
        0 => -0.0,
        1 => 0.0,
        2 if nan_allowed => f64::NAN,
        3 if nan_allowed => f64::NEG_INFINITY,
        _ => near(numbers) as f64 / 4.0,
    };
    // Longer than bounds are, and different behind where they are cut.
    let long = |numbers: &mut Numbers| format!("{}{:04}", "é".repeat(60), near(numbers));
    let list = |numbers: &mut Numbers| -> Vec<Option<i32>> {
        (0..numbers.below(3)).map(|_| if numbers.one_in(4) { None } else { Some(near(numbers) as i32) }).collect()
    };
    let a: Int32Array = some(numbers, rows, |n| near(n) as i32).into_iter().collect();
    let b: StringViewArray = some(numbers, rows, |n| format!("b{}", near(n))).into_iter().collect();
    let keys = some(numbers, rows, |n| (near(n) as u32).to_be_bytes());
    let keys = FixedSizeBinaryArray::try_from_sparse_iter_with_size(keys.into_iter(), 4);
    let columns: Vec<ArrayRef> = vec![
        Arc::new((0..rows).map(|_| Some(near(numbers))).collect::<Int64Array>()),
        Arc::new(some(numbers, rows, |n| near(n) as i32).into_iter().collect::<Int32Array>()),
        Arc::new(some(numbers, rows, |n| u64::MAX - near(n) as u64).into_iter().collect::<UInt64Array>()),
        Arc::new(some(numbers, rows, real).into_iter().collect::<Float64Array>()),
        Arc::new(some(numbers, rows, |n| near(n) as f64 + 0.5).into_iter().collect::<Float64Array>()),
        Arc::new(some(numbers, rows, |n| format!("n{:04}", near(n))).into_iter().collect::<StringViewArray>()),
        Arc::new(some(numbers, rows, long).into_iter().collect::<StringViewArray>()),
        Arc::new(some(numbers, rows, |n| near(n).to_be_bytes().to_vec()).into_iter().collect::<BinaryViewArray>()),
        Arc::new(some(numbers, rows, |n| n.one_in(2)).into_iter().collect::<BooleanArray>()),
        Arc::new(some(numbers, rows, |n| near(n) as i32).into_iter().collect::<Date32Array>()),
        Arc::new(decimals(some(numbers, rows, |n| i128::from(near(n)) * 25))),
        Arc::new(some(numbers, rows, |n| near(n) * 3_600_000_000).into_iter().collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
        Arc::new((0..rows).map(|_| None).collect::<Int32Array>()),
        Arc::new(keys.unwrap_or_else(|_| FixedSizeBinaryArray::new_null(4, rows))),
        Arc::new(
            some(numbers, rows, |n| IntervalMonthDayNano::new(1, near(n) as i32, 5)).into_iter().collect::<IntervalMonthDayNanoArray>(),
        ),
        Arc::new(lists(some(numbers, rows, list))),
        Arc::new(StructArray::new(pair_fields(), vec![Arc::new(a), Arc::new(b)], None)),
    ];
    RecordBatch::try_new(schema(), columns).unwrap_or_else(|error| panic!("test data: {error}"))
}

fn decimals(values: Vec<Option<i128>>) -> Decimal128Array {
    let array: Decimal128Array = values.into_iter().collect();
    array.with_precision_and_scale(12, 2).unwrap_or_else(|error| panic!("test data: {error}"))
}

fn lists(values: Vec<Option<Vec<Option<i32>>>>) -> ListArray {
    let array = ListArray::from_iter_primitive::<Int32Type, _, _>(values);
    let (_, offsets, values, nulls) = array.into_parts();
    ListArray::new(list_item(), offsets, values, nulls)
}
