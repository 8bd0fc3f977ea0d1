//! Dates and times in formats of their own, as strftime has them: `%d.%m.%Y %H:%M`.
//!
//! What a text looks like is told by its shape, which is quicker than reading it, and more particular.
//!
//! The letters are those of DuckDB: `%f` are microseconds, `%g` milliseconds, `%n` nanoseconds.

use chrono::format::{Item, Parsed, StrftimeItems, parse};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use crate::error::{Error, Result};

/// A format of dates or times, ready to read them.
#[derive(Debug, Clone)]
pub(super) struct Format {
    text: String,
    items: Vec<Item<'static>>,
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Format {
    /// # Errors
    /// *Invalid* for a letter that stands for nothing.
    pub(super) fn new(text: &str) -> Result<Self> {
        let items = StrftimeItems::new(&as_chrono(text, true)).parse_to_owned().map_err(|_| no_format(text))?;
        Ok(Self { text: text.to_owned(), items })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// A date.
    pub(super) fn date(&self, text: &str) -> Option<NaiveDate> {
        self.parsed(text)?.to_naive_date().ok()
    }

    /// A moment; one with a zone in UTC.
    pub(super) fn moment(&self, text: &str) -> Option<NaiveDateTime> {
        let parsed = self.parsed(text)?;
        if parsed.offset().is_some() {
            return parsed.to_datetime().ok().map(|moment| moment.naive_utc());
        }
        // Without a time it is midnight.
        let time = match parsed.hour_mod_12() {
            None => NaiveTime::MIN,
            Some(_) => parsed.to_naive_time().ok()?,
        };
        Some(parsed.to_naive_date().ok()?.and_time(time))
    }

    fn parsed(&self, text: &str) -> Option<Parsed> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, self.items.iter()).ok()?;
        Some(parsed)
    }
}

/// Whether a format can be read and written.
///
/// # Errors
/// *Invalid* if not.
pub(super) fn check(text: &str) -> Result<()> {
    Format::new(text).map(|_| ())
}

/// A format as chrono writes by it.
pub(super) fn for_writing(text: &str) -> String {
    as_chrono(text, false)
}

/// Fractions of a second have other letters there; what is read may have any number of digits.
fn as_chrono(text: &str, reads: bool) -> String {
    let mut format = text.to_owned();
    for (letter, digits) in [("%f", "%6f"), ("%g", "%3f"), ("%n", "%9f")] {
        if reads {
            format = format.replace(&format!(".{letter}"), "%.f");
        }
        format = format.replace(letter, digits);
    }
    format
}

fn no_format(text: &str) -> Error {
    Error::invalid(format!("'{text}' is no format of dates and times"))
        .with_hint("write %Y for the year, %m for the month, %d for the day, %H:%M:%S for the time, as in '%d.%m.%Y'")
}

/// Whether a text looks like a timestamp as SQL writes it.
pub(super) fn is_timestamp(text: &str) -> bool {
    ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"].iter().any(|format| has_shape(text, format) || has_fraction(text, format))
}

/// A timestamp without the zone at its end; none if there is none.
pub(super) fn without_zone(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_suffix(['Z', 'z']) {
        return Some(rest);
    }
    let colon = text.find(':')?;
    let sign = colon + text[colon..].find(['+', '-'])?;
    let is_offset = text[sign + 1..].bytes().all(|byte| byte.is_ascii_digit() || byte == b':') && text.len() > sign + 2;
    is_offset.then(|| text[..sign].trim_end())
}

/// Whether a text has the digits of a format in their places: four of the year, one or two of the others.
pub(super) fn has_shape(text: &str, format: &str) -> bool {
    shape_rest(text, format) == Some("")
}

/// The same, with digits of the second behind a point.
pub(super) fn has_fraction(text: &str, format: &str) -> bool {
    shape_rest(text, format)
        .and_then(|rest| rest.strip_prefix('.'))
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What is left of a text behind a format.
fn shape_rest<'a>(text: &'a str, format: &str) -> Option<&'a str> {
    let (mut rest, mut letters) = (text, format.chars());
    while let Some(letter) = letters.next() {
        let (least, most) = match (letter, if letter == '%' { letters.next() } else { None }) {
            (_, Some('Y')) => (4, 4),
            (_, Some('m' | 'd' | 'H' | 'I' | 'M' | 'S' | 'y')) => (1, 2),
            (_, Some('f' | 'g' | 'n')) => (1, 9),
            // Words and zones are left to the format.
            (_, Some(_)) => return Some(""),
            (sign, None) => {
                rest = rest.strip_prefix(sign)?;
                continue;
            }
        };
        let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if digits < least {
            return None;
        }
        rest = &rest[digits..];
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn dates_and_times_are_read() {
        let moment = |format: &str, text: &str| Format::new(format).unwrap().moment(text).map(|moment| moment.to_string());
        for (format, text, expected) in [
            ("%d.%m.%Y", "31.01.2024", Some("2024-01-31 00:00:00")),
            ("%d.%m.%Y", "1.2.2024", Some("2024-02-01 00:00:00")),
            ("%d.%m.%Y", "31.02.2024", None),
            ("%m/%d/%Y %I:%M %p", "01/31/2024 10:05 PM", Some("2024-01-31 22:05:00")),
            ("%Y-%m-%dT%H:%M:%S.%f", "2024-01-31T10:00:00.25", Some("2024-01-31 10:00:00.250")),
            ("%Y-%m-%d %H:%M:%S%z", "2024-01-31 10:00:00+0200", Some("2024-01-31 08:00:00")),
            ("%d %b %Y", "31 Jan 2024", Some("2024-01-31 00:00:00")),
            ("%d %b %Y", "31 Foo 2024", None),
        ] {
            assert_eq!(moment(format, text).as_deref(), expected, "{format} {text}");
        }
        assert!(check("%Q").is_err());
        assert_eq!(for_writing("%S.%f"), "%S.%6f");
    }
}
