//! Values as text, the same in boxes and CSV.
//!
//! Dates and times are written as SQL writes them (`2024-03-01 12:30:00`), UUIDs with their dashes, bytes as `\x` and their hexadecimal digits,
//! intervals as DuckDB and PostgreSQL do (`1 day 02:00:00`).

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, AsArray, FixedSizeBinaryArray, IntervalMonthDayNanoArray, RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, Field, IntervalMonthDayNano, IntervalUnit, Schema};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, ArrayFormatterFactory, DisplayIndex, DurationFormat, FormatOptions, FormatResult};

use super::extremes;
use crate::types;

/// Whether a column holds UUIDs.
pub fn is_uuid(field: &Field) -> bool {
    types::is_uuid(field)
}

/// Formats a column's values.
///
/// # Errors
/// Arrow's, for a type that it does not format.
pub fn formatter<'a>(field: &'a Field, array: &'a dyn Array, options: &FormatOptions<'a>) -> Result<ArrayFormatter<'a>, ArrowError> {
    match Formatters.create_array_formatter(array, options, Some(field))? {
        Some(formatter) => Ok(formatter),
        None => ArrayFormatter::try_new(array, options),
    }
}

/// The options that make values look as SQL writes them; `null` stands for NULL, nested ones too.
pub fn options(null: &str) -> FormatOptions<'_> {
    FormatOptions::new()
        .with_display_error(false)
        .with_null(null)
        .with_datetime_format(Some("%Y-%m-%d %H:%M:%S%.f"))
        .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"))
        .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f%:z"))
        .with_duration_format(DurationFormat::Pretty)
        .with_formatter_factory(Some(&Formatters))
}

/// Formats of dates and times, as strftime has them, where they are not SQL's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Formats {
    /// Of dates.
    pub date: Option<String>,
    /// Of timestamps.
    pub timestamp: Option<String>,
}

impl Formats {
    /// Options with these formats.
    pub fn apply<'a>(&'a self, mut options: FormatOptions<'a>) -> FormatOptions<'a> {
        if let Some(date) = &self.date {
            options = options.with_date_format(Some(date));
        }
        if let Some(timestamp) = &self.timestamp {
            options = options
                .with_timestamp_format(Some(timestamp))
                .with_timestamp_tz_format(Some(timestamp))
                .with_datetime_format(Some(timestamp));
        }
        options
    }

    /// A batch with the texts of dates and timestamps in their place, if they have formats.
    ///
    /// # Errors
    /// Arrow's, for a value that it does not format.
    pub fn texts_of(&self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        if *self == Self::default() {
            return Ok(batch);
        }
        let options = self.apply(options("NULL"));
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            let is_text = match field.data_type() {
                DataType::Date32 | DataType::Date64 => self.date.is_some(),
                DataType::Timestamp(..) => self.timestamp.is_some(),
                _ => false,
            };
            if !is_text {
                fields.push(Arc::clone(field));
                columns.push(Arc::clone(column));
                continue;
            }
            let formatter = formatter(field, column, &options)?;
            let texts = (0..column.len()).map(|row| column.is_valid(row).then(|| formatter.value(row).try_to_string()).transpose());
            columns.push(Arc::new(texts.collect::<Result<StringViewArray, ArrowError>>()?));
            fields.push(Arc::new(Field::new(field.name(), DataType::Utf8View, field.is_nullable())));
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }
}

/// Formatters for what Arrow formats otherwise, wherever in a value it is.
#[derive(Debug)]
struct Formatters;

impl ArrayFormatterFactory for Formatters {
    fn create_array_formatter<'f>(
        &self,
        array: &'f dyn Array,
        options: &FormatOptions<'f>,
        _: Option<&'f Field>,
    ) -> Result<Option<ArrayFormatter<'f>>, ArrowError> {
        let null = options.null();
        let index: Box<dyn DisplayIndex + 'f> = match array.data_type() {
            DataType::FixedSizeBinary(types::UUID_WIDTH) => Box::new(Uuids { array: array.as_fixed_size_binary(), null }),
            DataType::BinaryView => Box::new(Bytes { bytes: Box::new(|row| array.as_binary_view().value(row)), array, null }),
            DataType::Binary => Box::new(Bytes { bytes: Box::new(|row| array.as_binary::<i32>().value(row)), array, null }),
            DataType::LargeBinary => Box::new(Bytes { bytes: Box::new(|row| array.as_binary::<i64>().value(row)), array, null }),
            DataType::Interval(IntervalUnit::MonthDayNano) => Box::new(Intervals { array: array.as_primitive(), null }),
            _ => match extremes::formatter(array, options)? {
                Some(index) => index,
                None => return Ok(None),
            },
        };
        Ok(Some(ArrayFormatter::new(index, options.safe())))
    }
}

struct Uuids<'a> {
    array: &'a FixedSizeBinaryArray,
    null: &'a str,
}

impl DisplayIndex for Uuids<'_> {
    fn write(&self, index: usize, f: &mut dyn Write) -> FormatResult {
        match self.array.is_null(index) {
            true => f.write_str(self.null)?,
            false => f.write_str(&uuid_text(self.array.value(index)))?,
        }
        Ok(())
    }
}

struct Bytes<'a> {
    array: &'a dyn Array,
    bytes: Box<dyn Fn(usize) -> &'a [u8] + 'a>,
    null: &'a str,
}

impl DisplayIndex for Bytes<'_> {
    fn write(&self, index: usize, f: &mut dyn Write) -> FormatResult {
        match self.array.is_null(index) {
            true => f.write_str(self.null)?,
            false => f.write_str(&bytes_text((self.bytes)(index)))?,
        }
        Ok(())
    }
}

struct Intervals<'a> {
    array: &'a IntervalMonthDayNanoArray,
    null: &'a str,
}

impl DisplayIndex for Intervals<'_> {
    fn write(&self, index: usize, f: &mut dyn Write) -> FormatResult {
        match self.array.is_null(index) {
            true => f.write_str(self.null)?,
            false => f.write_str(&interval_text(self.array.value(index)))?,
        }
        Ok(())
    }
}

/// An interval as `1 year 2 months 3 days 04:05:06`, as it is read into an INTERVAL.
pub fn interval_text(interval: IntervalMonthDayNano) -> String {
    types::interval::format(interval)
}

/// 16 bytes as `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
pub fn uuid_text(bytes: &[u8]) -> String {
    types::uuid::format(bytes)
}

/// Bytes as `\x00ff`, as they are read into a BLOB.
pub fn bytes_text(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|digit| char::from_digit(digit.into(), 16));
    ['\\', 'x'].into_iter().chain(digits).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use arrow::array::{ArrayRef, BinaryViewArray, ListArray, StructArray, TimestampMicrosecondArray};
    use arrow::buffer::OffsetBuffer;

    use super::*;

    fn text(field: &Field, array: &dyn Array, row: usize) -> String {
        formatter(field, array, &options("NULL")).unwrap().value(row).try_to_string().unwrap()
    }

    fn uuid_field(name: &str) -> Field {
        types::uuid_field(name)
    }

    #[test]
    fn uuids_have_dashes_also_when_nested() {
        let array: ArrayRef =
            Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size([Some([0xab; 16]), None].into_iter(), 16).unwrap());
        let dashed = "abababab-abab-abab-abab-abababababab";
        assert_eq!(text(&uuid_field("u"), &array, 0), dashed);
        assert_eq!(text(&uuid_field("u"), &array, 1), "NULL");
        let list = ListArray::new(Arc::new(uuid_field("item")), OffsetBuffer::from_lengths([2]), Arc::clone(&array), None);
        assert_eq!(text(&Field::new("l", list.data_type().clone(), true), &list, 0), format!("[{dashed}, NULL]"));
        let fields = vec![uuid_field("u")].into();
        let nested = StructArray::new(fields, vec![array], None);
        assert_eq!(text(&Field::new("s", nested.data_type().clone(), true), &nested, 0), format!("{{u: {dashed}}}"));
    }

    #[test]
    fn bytes_are_read_again_as_they_were() {
        let array = BinaryViewArray::from(vec![Some(b"\x00\xffa".as_slice()), Some(b""), None]);
        let field = Field::new("b", DataType::BinaryView, true);
        assert_eq!([0, 1, 2].map(|row| text(&field, &array, row)), ["\\x00ff61", "\\x", "NULL"]);
    }

    #[test]
    fn times_look_like_sql() {
        let plain = TimestampMicrosecondArray::from(vec![1_709_294_400_000_000, 1_709_294_400_500_000]);
        let field = Field::new("t", plain.data_type().clone(), true);
        assert_eq!(text(&field, &plain, 0), "2024-03-01 12:00:00");
        assert_eq!(text(&field, &plain, 1), "2024-03-01 12:00:00.500");
        let zoned = plain.with_timezone("+02:00");
        let field = Field::new("t", zoned.data_type().clone(), true);
        assert_eq!(text(&field, &zoned, 0), "2024-03-01 14:00:00+02:00");
    }
}
