//! Rows made from their numbers: every value is a function of the row's number and its column, so that a table is the same every time, however
//! it is cut into batches.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Float64Array, Int16Array, Int32Array, Int64Array, RecordBatch};
use arrow::array::{RecordBatchReader, StringViewBuilder, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;

/// Rows in a batch of a generator.
const BATCH_ROWS: u64 = 8192;

/// Well mixed bits for a number and a salt (the finalizer of SplitMix64).
pub(crate) fn mix(number: u64, salt: u64) -> u64 {
    let mut bits = number.wrapping_add(salt.wrapping_mul(0xD134_2543_DE82_EF95)).wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// A number in [0, 1).
pub(crate) fn unit(number: u64, salt: u64) -> f64 {
    (mix(number, salt) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A number below `count`, all as often.
pub(crate) fn below(number: u64, salt: u64, count: u64) -> u64 {
    mix(number, salt) % count.max(1)
}

/// A number below `count`, the k-th about 1/k as often as the first: Zipf's distribution, its sum replaced by an integral.
pub(crate) fn zipf(number: u64, salt: u64, count: u64) -> u64 {
    let rank = (count as f64 + 1.0).powf(unit(number, salt)) as u64;
    rank.saturating_sub(1).min(count.saturating_sub(1))
}

/// A number below `count`, small ones more often, but none of them very often: the k-th about 1/√k as often as the first.
pub(super) fn root(number: u64, salt: u64, count: u64) -> u64 {
    (unit(number, salt).powi(2) * count as f64) as u64
}

/// Whether something holds that holds for so many of a thousand.
pub(super) fn chance(number: u64, salt: u64, per_mille: u64) -> bool {
    below(number, salt, 1000) < per_mille
}

/// How a column's value follows from what is known of a row.
pub(super) enum Values<R> {
    /// SMALLINT.
    Small(fn(&R) -> i64),
    /// INTEGER.
    Int(fn(&R) -> i64),
    /// BIGINT.
    Big(fn(&R) -> i64),
    /// DECIMAL(12, 2), in hundredths.
    Cents(fn(&R) -> i64),
    /// DOUBLE.
    Double(fn(&R) -> f64),
    /// DATE, in days since 1970.
    Day(fn(&R) -> i64),
    /// TIMESTAMP, in seconds since 1970.
    Second(fn(&R) -> i64),
    /// VARCHAR.
    Text(fn(&R) -> String),
    /// VARCHAR with NULLs.
    MaybeText(fn(&R) -> Option<String>),
}

impl<R> Values<R> {
    fn data_type(&self) -> DataType {
        match self {
            Self::Small(_) => DataType::Int16,
            Self::Int(_) => DataType::Int32,
            Self::Big(_) => DataType::Int64,
            Self::Cents(_) => DataType::Decimal128(12, 2),
            Self::Double(_) => DataType::Float64,
            Self::Day(_) => DataType::Date32,
            Self::Second(_) => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Text(_) | Self::MaybeText(_) => DataType::Utf8View,
        }
    }

    fn array(&self, rows: &[R]) -> Result<ArrayRef, ArrowError> {
        // Columns are declared so that their values fit.
        let small = |value: i64| i16::try_from(value).unwrap_or(i16::MAX);
        let int = |value: i64| i32::try_from(value).unwrap_or(i32::MAX);
        Ok(match self {
            Self::Small(value) => Arc::new(Int16Array::from_iter_values(rows.iter().map(|row| small(value(row))))),
            Self::Int(value) => Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| int(value(row))))),
            Self::Big(value) => Arc::new(Int64Array::from_iter_values(rows.iter().map(value))),
            Self::Cents(value) => {
                let cents = Decimal128Array::from_iter_values(rows.iter().map(|row| i128::from(value(row))));
                Arc::new(cents.with_precision_and_scale(12, 2)?)
            }
            Self::Double(value) => Arc::new(Float64Array::from_iter_values(rows.iter().map(value))),
            Self::Day(value) => Arc::new(Date32Array::from_iter_values(rows.iter().map(|row| int(value(row))))),
            Self::Second(value) => Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| value(row) * 1_000_000))),
            Self::Text(value) => text(rows.iter().map(|row| Some(value(row)))),
            Self::MaybeText(value) => text(rows.iter().map(value)),
        })
    }
}

fn text(values: impl Iterator<Item = Option<String>>) -> ArrayRef {
    let mut builder = StringViewBuilder::new();
    values.for_each(|value| builder.append_option(value));
    Arc::new(builder.finish())
}

/// A table's rows, in batches.
pub(super) struct Rows<R: 'static> {
    left: Range<u64>,
    row: Box<dyn Fn(u64) -> R + Send>,
    columns: &'static [(&'static str, Values<R>)],
    schema: SchemaRef,
}

impl<R> Rows<R> {
    /// So many rows, each known by its number.
    pub(super) fn new(count: u64, columns: &'static [(&'static str, Values<R>)], row: impl Fn(u64) -> R + Send + 'static) -> Self {
        let fields: Vec<Field> =
            columns.iter().map(|(name, values)| Field::new(*name, values.data_type(), matches!(values, Values::MaybeText(_)))).collect();
        Self { left: 0..count, row: Box::new(row), columns, schema: Arc::new(Schema::new(fields)) }
    }
}

impl<R> Iterator for Rows<R> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let end = self.left.end.min(self.left.start + BATCH_ROWS);
        let rows: Vec<R> = (self.left.start..end).map(&self.row).collect();
        self.left.start = end;
        if rows.is_empty() {
            return None;
        }
        let columns = self.columns.iter().map(|(_, values)| values.array(&rows)).collect::<Result<_, _>>();
        Some(columns.and_then(|columns| RecordBatch::try_new(Arc::clone(&self.schema), columns)))
    }
}

impl<R> RecordBatchReader for Rows<R> {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zipf_prefers_small_numbers_and_reaches_large_ones() {
        let counts = (0..100_000).fold([0_u32; 100], |mut counts, number| {
            counts[zipf(number, 1, 100) as usize] += 1;
            counts
        });
        // The integral of 1/x: log 2 of log 101 for the first, a hundredth of that for the last.
        assert!((14_000..16_000).contains(&counts[0]), "{}", counts[0]);
        assert!((150..300).contains(&counts[99]), "{}", counts[99]);
        assert_eq!((zipf(7, 1, 1), root(7, 1, 1)), (0, 0));
        // A quarter of all numbers is half of all rows.
        let lower = (0..100_000).filter(|number| root(*number, 1, 100) < 25).count();
        assert!((48_000..52_000).contains(&lower), "{lower}");
    }
}
