//! Texts of moments and numbers in spellings that Arrow does not read, in those that it does: `2024/3/1`, `epoch`, `7:08`, `1e2`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chrono::{Datelike, NaiveDate};

use crate::error::Result;

/// Exponents beyond this are left to Arrow, which refuses them: no decimal has so many digits.
const MOST_DIGITS: i32 = 80;

/// Whether texts of this type have spellings of their own.
pub(super) fn has_spellings(to: &DataType) -> bool {
    respelling(to).is_some()
}

/// Whether a text is read as it is.
pub(super) fn is_plain(to: &DataType, text: &str) -> bool {
    respelling(to).is_none_or(|respelled| respelled(text).is_none())
}

/// Texts that are to become values of a type, as Arrow reads them. What cannot be read stays as it is, so that the error says what was written.
///
/// # Errors
/// Arrow's, for what is no text.
pub(super) fn for_arrow(to: &DataType, array: &ArrayRef) -> Result<ArrayRef> {
    let Some(respelled) = respelling(to) else { return Ok(Arc::clone(array)) };
    let texts = cast(array, &DataType::Utf8View)?;
    let texts = texts.as_string_view();
    let Some(first) = texts.iter().position(|text| text.is_some_and(|text| respelled(text).is_some())) else {
        return Ok(Arc::clone(array));
    };
    let mut all = StringViewBuilder::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        match text {
            Some(text) if row < first => all.append_value(text),
            Some(text) => all.append_value(respelled(text).as_deref().unwrap_or(text)),
            None => all.append_null(),
        }
    }
    Ok(Arc::new(all.finish()))
}

/// What makes another spelling of a text, or none where it is read as it is.
fn respelling(to: &DataType) -> Option<fn(&str) -> Option<String>> {
    Some(match to {
        DataType::Date32 | DataType::Date64 => date,
        DataType::Timestamp(..) => timestamp,
        DataType::Time32(_) | DataType::Time64(_) => time,
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => number,
        _ => return None,
    })
}

/// A day as it is written, and what stands behind it.
struct Day<'a> {
    year: i32,
    month: u32,
    day: u32,
    behind: &'a str,
}

impl<'a> Day<'a> {
    /// Year, month and day, between them twice the same of `-`, `/`, `\` and a blank; `(BC)` may follow.
    fn read(text: &'a str) -> Option<Self> {
        let (year, rest) = whole(text, 6)?;
        let separator = rest.chars().next().filter(|letter| matches!(letter, '-' | '/' | '\\' | ' '))?;
        let (month, rest) = whole(&rest[1..], 2)?;
        let (day, behind) = whole(rest.strip_prefix(separator)?, 2)?;
        let year = i32::try_from(year).ok()?;
        let (year, behind) = match behind.strip_prefix(" (BC)") {
            Some(behind) if year > 0 => (1 - year, behind),
            Some(_) => return None,
            None => (year, behind),
        };
        Some(Self { year, month, day, behind })
    }

    fn date(&self) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(self.year, self.month, self.day)
    }
}

/// A day as Arrow reads it.
fn of_day(day: NaiveDate) -> String {
    match day.year() {
        year @ 0..=9999 => format!("{year:04}-{:02}-{:02}", day.month(), day.day()),
        year => format!("{year:+05}-{:02}-{:02}", day.month(), day.day()),
    }
}

/// Digits in front, at most so many, and what is behind them.
fn whole(text: &str, most: usize) -> Option<(u32, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, behind) = text.split_at(digits);
    (1..=most).contains(&digits).then_some(())?;
    Some((number.parse().ok()?, behind))
}

/// Whether it begins with four, two and two digits, minus signs between them.
fn begins_plainly(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    [0, 1, 2, 3, 5, 6, 8, 9].into_iter().all(is_digit) && bytes[4] == b'-' && bytes[7] == b'-'
}

fn is_epoch(text: &str) -> bool {
    text.eq_ignore_ascii_case("epoch")
}

fn date(text: &str) -> Option<String> {
    if text.len() == 10 && begins_plainly(text) {
        return None;
    }
    let trimmed = text.trim();
    if is_epoch(trimmed) {
        return Some("1970-01-01".to_owned());
    }
    let trimmed_is_plain = begins_plainly(trimmed) && (trimmed.len() == 10 || !trimmed[10..].starts_with(" (BC)"));
    if trimmed_is_plain {
        return (trimmed.len() < text.len()).then(|| trimmed.to_owned());
    }
    let day = Day::read(trimmed)?;
    match day.behind {
        "" => Some(of_day(day.date()?)),
        // A time behind it is left out, if it is one.
        _ => timestamp(trimmed),
    }
}

fn timestamp(text: &str) -> Option<String> {
    let trimmed = text.trim();
    if is_epoch(trimmed) {
        return Some("1970-01-01 00:00:00".to_owned());
    }
    let (is_plain, is_trimmed) = (begins_plainly(trimmed), trimmed.len() == text.len());
    let day = Day::read(trimmed)?;
    if day.behind.is_empty() {
        return if is_plain && is_trimmed { None } else { Some(of_day(day.date()?)) };
    }
    let of_clock = day.behind.strip_prefix([' ', 'T'])?.trim_start();
    let clock = Clock::read(of_clock)?;
    if is_plain && is_trimmed && clock.is_plain && !clock.is_midnight_of_the_next_day() {
        return None;
    }
    let date = match clock.is_midnight_of_the_next_day() {
        true => day.date()?.succ_opt()?,
        false => day.date()?,
    };
    Some(format!("{} {}{}", of_day(date), clock.of_the_day(), clock.behind))
}

/// A time of day as it is written, and what stands behind it.
struct Clock<'a> {
    hour: u32,
    minute: u32,
    second: u32,
    /// The point and what follows, if there is one.
    fraction: &'a str,
    behind: &'a str,
    /// Whether all parts are there, each of two digits.
    is_plain: bool,
}

impl<'a> Clock<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (hour, rest) = whole(text, 2)?;
        let (minute, rest) = whole(rest.strip_prefix(':')?, 2)?;
        let (second, rest) = match rest.strip_prefix(':') {
            Some(rest) => whole(rest, 2)?,
            None => (0, rest),
        };
        let is_plain = text.len() - rest.len() == 8;
        let digits = rest.strip_prefix('.').map_or(0, |digits| 1 + digits.bytes().take_while(u8::is_ascii_digit).count());
        let (fraction, behind) = rest.split_at(digits);
        Some(Self { hour, minute, second, fraction, behind, is_plain })
    }

    fn is_midnight_of_the_next_day(&self) -> bool {
        self.hour == 24 && self.minute == 0 && self.second == 0 && self.fraction.bytes().all(|byte| matches!(byte, b'.' | b'0'))
    }

    /// As Arrow reads it: 24:00 is 00:00 of the day behind.
    fn of_the_day(&self) -> String {
        let hour = if self.is_midnight_of_the_next_day() { 0 } else { self.hour };
        format!("{hour:02}:{:02}:{:02}{}", self.minute, self.second, self.fraction)
    }
}

fn time(text: &str) -> Option<String> {
    let trimmed = text.trim();
    // Arrow would count microseconds; the blank makes that an error.
    if !trimmed.is_empty() && trimmed.trim_start_matches(['-', '+']).bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(format!("{trimmed} "));
    }
    let of_clock = match Day::read(trimmed) {
        Some(day) => {
            day.date()?;
            day.behind.strip_prefix([' ', 'T'])?.trim_start()
        }
        None => trimmed,
    };
    let clock = Clock::read(of_clock)?;
    // A TIME ends before 24:00, and what Arrow knows of AM and PM is its own.
    if clock.is_midnight_of_the_next_day() || !clock.behind.is_empty() {
        return None;
    }
    (!clock.is_plain || of_clock.len() < text.len()).then(|| clock.of_the_day())
}

fn number(text: &str) -> Option<String> {
    let at = text.bytes().position(|byte| matches!(byte, b'e' | b'E'))?;
    let (mantissa, exponent) = (text[..at].trim_start(), text[at + 1..].trim_end());
    let exponent: i32 = exponent.parse().ok().filter(|exponent: &i32| exponent.abs() <= MOST_DIGITS)?;
    let (sign, digits) = match mantissa.strip_prefix(['-', '+']) {
        Some(digits) if mantissa.starts_with('-') => ("-", digits),
        Some(digits) => ("", digits),
        None => ("", mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let are_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) && !(whole.is_empty() && fraction.is_empty());
    are_digits.then_some(())?;
    let all = [whole, fraction].concat();
    // Where the point comes to stand among the digits.
    let point = i32::try_from(whole.len()).ok()? + exponent;
    Some(match usize::try_from(point) {
        Ok(point) if point >= all.len() => format!("{sign}{all}{}", "0".repeat(point - all.len())),
        Ok(point) if point > 0 => format!("{sign}{}.{}", &all[..point], &all[point..]),
        _ => format!("{sign}0.{}{all}", "0".repeat(point.unsigned_abs() as usize)),
    })
}

/// Why a text that looks like a day is none: which part of it there is not.
pub(crate) fn what_is_out_of_range(text: &str) -> Option<String> {
    let day = Day::read(text.trim())?;
    if day.date().is_some() {
        return None;
    }
    if !(1..=12).contains(&day.month) {
        return Some(format!("there is no month {}", day.month));
    }
    let first = NaiveDate::from_ymd_opt(day.year, day.month, 1)?;
    let days = first.checked_add_months(chrono::Months::new(1))?.signed_duration_since(first).num_days();
    Some(format!("the day is out of range: {} has {days} days", first.format("%B %Y")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_become_those_that_arrow_reads() {
        for (written, expected) in [
            ("2024-03-01", None),
            ("2024/3/1", Some("2024-03-01")),
            ("2024/03-01", None),
            (" 2024-03-01 ", Some("2024-03-01")),
            ("Epoch", Some("1970-01-01")),
            ("0044-03-01 (BC)", Some("-0043-03-01")),
            ("12024-03-01", Some("+12024-03-01")),
            ("2024/02/30", None),
            ("2024-02-30", None),
            ("20240301", None),
        ] {
            assert_eq!(date(written).as_deref(), expected, "{written}");
        }
        for (written, expected) in [
            ("2024-03-01 10:00:00", None),
            ("2024-03-01 7:08", Some("2024-03-01 07:08:00")),
            ("2024-12-31 24:00:00", Some("2025-01-01 00:00:00")),
            ("2024/12/31T10:00:00.5+02", Some("2024-12-31 10:00:00.5+02")),
            ("2024-03-01", None),
            ("2024-03-01x", None),
        ] {
            assert_eq!(timestamp(written).as_deref(), expected, "{written}");
        }
        for (written, expected) in [("07:08:09", None), ("7:8", Some("07:08:00")), ("24:00:00", None), ("07", Some("07 "))] {
            assert_eq!(time(written).as_deref(), expected, "{written}");
        }
        for (written, expected) in [
            ("1e2", Some("100")),
            ("-1.5E1", Some("-15")),
            ("1e-2", Some("0.01")),
            ("12.345e1", Some("123.45")),
            ("1e", None),
            ("e2", None),
            ("1.5", None),
            ("1e999999999", None),
        ] {
            assert_eq!(number(written).as_deref(), expected, "{written}");
        }
    }

    #[test]
    fn days_that_there_are_not_are_explained() {
        assert_eq!(what_is_out_of_range("2024-02-30").as_deref(), Some("the day is out of range: February 2024 has 29 days"));
        assert_eq!(what_is_out_of_range("2024-13-01").as_deref(), Some("there is no month 13"));
        assert_eq!(what_is_out_of_range("2024-02-01"), None);
        assert_eq!(what_is_out_of_range("yesterday"), None);
    }
}
