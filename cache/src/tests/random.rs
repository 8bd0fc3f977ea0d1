//! Seeded random columns, narrow and wide, with and without NULLs.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array, Int8Array, Int32Array, Int64Array,
    StringArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Int32Type, TimeUnit};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A column as a file's decoder gives it, and the type that queries see.
pub(super) struct Column {
    pub(super) array: ArrayRef,
    pub(super) data_type: DataType,
}

/// Columns of every way in which a chunk can keep them.
pub(super) fn columns(seed: u64, rows: usize) -> Vec<Column> {
    let random = &mut StdRng::seed_from_u64(seed);
    let mut all = Vec::new();
    for nulls in [0.0, 0.1, 1.0] {
        for span in [1_i64, 200, 60_000, 3_000_000_000, i64::MAX] {
            let base = random.random_range(-1_000_000_i64..1_000_000);
            let integers: Vec<Option<i64>> = (0..rows)
                .map(|_| (!random.random_bool(nulls)).then(|| base.wrapping_add(random.random_range(0..span)).max(i64::MIN + 1)))
                .collect();
            all.push(column(Int64Array::from(integers.clone()), DataType::Int64));
            let decimals: Decimal128Array = integers.iter().map(|value| value.map(i128::from)).collect();
            if let Ok(decimals) = decimals.with_precision_and_scale(19, 2) {
                all.push(column(decimals, DataType::Decimal128(19, 2)));
            }
            let at: TimestampMicrosecondArray = integers.iter().copied().collect();
            all.push(column(at.with_timezone("UTC"), DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))));
            let small = |value: &Option<i64>| value.and_then(|value| i32::try_from(value % 70_000).ok());
            all.push(column(integers.iter().map(small).collect::<Int32Array>(), DataType::Int32));
            all.push(column(integers.iter().map(small).collect::<Date32Array>(), DataType::Date32));
            let tiny = |value: &Option<i64>| value.and_then(|value| i8::try_from(value % 100).ok());
            all.push(column(integers.iter().map(tiny).collect::<Int8Array>(), DataType::Int8));
            // Beyond 63 bits: stays as it is.
            let unsigned = |value: &Option<i64>| value.map(|value| u64::MAX - value.unsigned_abs());
            all.push(column(integers.iter().map(unsigned).collect::<UInt64Array>(), DataType::UInt64));
            let real = |value: &Option<i64>| value.map(|value| if value % 7 == 0 { f64::NAN } else { value as f64 / 8.0 });
            all.push(column(integers.iter().map(real).collect::<Float64Array>(), DataType::Float64));
            all.push(column(integers.iter().map(|value| value.map(|value| value % 3 == 0)).collect::<BooleanArray>(), DataType::Boolean));
            let texts: Vec<Option<String>> = integers.iter().map(|value| value.map(|value| format!("a text of {}", value % 400))).collect();
            all.push(column(StringArray::from(texts.clone()), DataType::Utf8View));
            let coded: DictionaryArray<Int32Type> = texts.iter().map(Option::as_deref).collect();
            all.push(column(coded, DataType::Utf8View));
        }
    }
    all
}

fn column(array: impl Array + 'static, data_type: DataType) -> Column {
    Column { array: Arc::new(array), data_type }
}

/// Some of the rows, ascending.
pub(super) fn some_rows(random: &mut StdRng, rows: usize) -> Vec<u32> {
    let share = [0.0, 0.001, 0.3, 1.0][random.random_range(0..4)];
    (0..rows as u32).filter(|_| random.random_bool(share)).collect()
}
