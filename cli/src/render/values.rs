//! Values as text, the same in boxes and CSV.
//!
//! Dates and times are written as SQL writes them (`2024-03-01 12:30:00`), UUIDs with their dashes, binary values as hexadecimal digits.

use std::fmt::Write;

use arrow::array::{Array, AsArray, FixedSizeBinaryArray};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, ArrayFormatterFactory, DisplayIndex, DurationFormat, FormatOptions, FormatResult};

use crate::failure::Result;

/// The name under which Arrow marks a column of UUIDs.
const UUID_EXTENSION: &str = "arrow.uuid";

/// Whether a column holds UUIDs.
pub(crate) fn is_uuid(field: &Field) -> bool {
    field.extension_type_name() == Some(UUID_EXTENSION) && field.data_type() == &DataType::FixedSizeBinary(16)
}

/// Formats a column's values; `null` stands for NULL, nested ones too.
pub(crate) fn formatter<'a>(field: &'a Field, array: &'a dyn Array, options: &FormatOptions<'a>) -> Result<ArrayFormatter<'a>> {
    Ok(match UuidFormatters.create_array_formatter(array, options, Some(field))? {
        Some(formatter) => formatter,
        None => ArrayFormatter::try_new(array, options)?,
    })
}

/// The options that make values look as SQL writes them.
pub(crate) fn options(null: &str) -> FormatOptions<'_> {
    FormatOptions::new()
        .with_display_error(false)
        .with_null(null)
        .with_datetime_format(Some("%Y-%m-%d %H:%M:%S%.f"))
        .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"))
        .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f%:z"))
        .with_duration_format(DurationFormat::Pretty)
        .with_formatter_factory(Some(&UuidFormatters))
}

/// Writes UUIDs with their dashes, wherever in a value they are.
#[derive(Debug)]
struct UuidFormatters;

impl ArrayFormatterFactory for UuidFormatters {
    fn create_array_formatter<'f>(
        &self,
        array: &'f dyn Array,
        options: &FormatOptions<'f>,
        field: Option<&'f Field>,
    ) -> Result<Option<ArrayFormatter<'f>>, ArrowError> {
        if !field.is_some_and(is_uuid) || array.data_type() != &DataType::FixedSizeBinary(16) {
            return Ok(None);
        }
        let uuids = Uuids { array: array.as_fixed_size_binary(), null: options.null() };
        Ok(Some(ArrayFormatter::new(Box::new(uuids), options.safe())))
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

/// 16 bytes as `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
pub(crate) fn uuid_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// Text that cannot leave its line or steer the terminal: control characters are written as escapes.
pub(crate) fn printable(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.chars().any(is_unprintable) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            c if is_unprintable(c) => escaped.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped.into()
}

fn is_unprintable(c: char) -> bool {
    // Besides control characters: marks that turn the direction of writing, which can make a table lie.
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use arrow::array::{ArrayRef, ListArray, StructArray, TimestampMicrosecondArray};
    use arrow::buffer::OffsetBuffer;

    use super::*;

    fn text(field: &Field, array: &dyn Array, row: usize) -> String {
        formatter(field, array, &options("NULL")).unwrap().value(row).try_to_string().unwrap()
    }

    fn uuid_field(name: &str) -> Field {
        Field::new(name, DataType::FixedSizeBinary(16), true)
            .with_metadata([("ARROW:extension:name".to_owned(), UUID_EXTENSION.to_owned())].into())
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
        let plain = Field::new("b", DataType::FixedSizeBinary(16), true);
        assert_eq!(text(&plain, &array, 0), "ab".repeat(16));
        let fields = vec![uuid_field("u")].into();
        let nested = StructArray::new(fields, vec![array], None);
        assert_eq!(text(&Field::new("s", nested.data_type().clone(), true), &nested, 0), format!("{{u: {dashed}}}"));
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

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(printable("plain größe 😀"), "plain größe 😀");
        assert_eq!(printable("a\nb\t\u{1b}[2J\u{202e}"), "a\\nb\\t\\u{1b}[2J\\u{202e}");
    }
}
