//! How a column's texts become values where they are not written as SQL writes them: decimal commas, dates in formats of their own.

use std::borrow::Cow;

use arrow::datatypes::DataType;

use crate::files::moments::Format;

/// How a column's texts are read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    /// The format of dates and timestamps, if it is not SQL's.
    pub(super) format: Option<Format>,
    pub(super) decimal: u8,
    pub(super) thousands: Option<u8>,
}

impl Default for Reading {
    fn default() -> Self {
        Self { format: None, decimal: b'.', thousands: None }
    }
}

impl Reading {
    /// Whether texts of a type are read as they are.
    pub(super) fn is_plain(&self, data_type: &DataType) -> bool {
        match data_type {
            DataType::Date32 | DataType::Timestamp(..) => self.format.is_none(),
            DataType::Time32(_) | DataType::Time64(_) => false,
            other => !other.is_numeric() || (self.decimal == b'.' && self.thousands.is_none()),
        }
    }

    /// A text as SQL writes it; none if it is not written as the column's are.
    pub(super) fn sql<'a>(&self, text: &'a str, data_type: &DataType) -> Option<Cow<'a, str>> {
        match (data_type, &self.format) {
            (DataType::Date32, Some(format)) => Some(format.date(text)?.format("%Y-%m-%d").to_string().into()),
            (DataType::Timestamp(..), Some(format)) => Some(format.moment(text)?.format("%Y-%m-%dT%H:%M:%S%.f").to_string().into()),
            (DataType::Time32(_) | DataType::Time64(_), _) => match text.as_bytes() {
                // An hour of one digit.
                [_, b':', ..] => Some(format!("0{text}").into()),
                _ => Some(text.into()),
            },
            (other, _) if other.is_numeric() && !self.is_plain(other) => self.number(text),
            _ => Some(text.into()),
        }
    }

    fn number<'a>(&self, text: &'a str) -> Option<Cow<'a, str>> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(text.into());
        }
        let mut plain = String::with_capacity(text.len());
        let mut behind_decimal = false;
        for byte in text.bytes() {
            match byte {
                _ if Some(byte) == self.thousands && !behind_decimal => {}
                _ if byte == self.decimal && !behind_decimal => {
                    behind_decimal = true;
                    plain.push('.');
                }
                b'0'..=b'9' | b'+' | b'-' | b'e' | b'E' => plain.push(char::from(byte)),
                _ => return None,
            }
        }
        Some(plain.into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use arrow::datatypes::TimeUnit;

    use super::*;

    #[test]
    fn numbers_have_commas_and_points() {
        let comma = Reading { decimal: b',', thousands: Some(b'.'), ..Reading::default() };
        for (text, expected) in [("1,5", Some("1.5")), ("-1.234.567,8", Some("-1234567.8")), ("1,5.0", None), ("x", None), ("7", Some("7"))]
        {
            assert_eq!(comma.sql(text, &DataType::Float64).as_deref(), expected, "{text}");
        }
        let without = Reading { decimal: b',', ..Reading::default() };
        assert_eq!(without.sql("1.5", &DataType::Float64), None);
    }

    #[test]
    fn dates_have_formats() {
        let dotted = Reading { format: Some(Format::new("%d.%m.%Y").unwrap()), ..Reading::default() };
        assert_eq!(dotted.sql("31.01.2024", &DataType::Date32).as_deref(), Some("2024-01-31"));
        assert_eq!(dotted.sql("2024-01-31", &DataType::Date32), None);
        let moment = DataType::Timestamp(TimeUnit::Microsecond, None);
        assert_eq!(dotted.sql("31.01.2024", &moment).as_deref(), Some("2024-01-31T00:00:00"));
        assert_eq!(Reading::default().sql("9:05", &DataType::Time64(TimeUnit::Microsecond)).as_deref(), Some("09:05"));
    }
}
