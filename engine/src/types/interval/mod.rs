//! INTERVALs as texts, as DuckDB and PostgreSQL write and read them: `1 year 2 months 3 days 04:05:06.7`.

mod read;

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, IntervalMonthDayNanoBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, IntervalMonthDayNano};

use read::Sum;
pub(crate) use read::plural;

use crate::error::{Error, Result};

/// An interval as a text.
pub(crate) fn format(interval: IntervalMonthDayNano) -> String {
    let IntervalMonthDayNano { months, days, nanoseconds } = interval;
    let mut text = String::new();
    for (amount, unit) in [(months / 12, "year"), (months % 12, "month"), (days, "day")] {
        if amount != 0 {
            let space = if text.is_empty() { "" } else { " " };
            let plural = if amount.unsigned_abs() == 1 { "" } else { "s" };
            let _ = write!(text, "{space}{amount} {unit}{plural}");
        }
    }
    if nanoseconds != 0 || text.is_empty() {
        let space = if text.is_empty() { "" } else { " " };
        let sign = if nanoseconds < 0 { "-" } else { "" };
        let (seconds, fraction) = (nanoseconds.unsigned_abs() / 1_000_000_000, nanoseconds.unsigned_abs() % 1_000_000_000);
        let _ = write!(text, "{space}{sign}{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
        if fraction != 0 {
            text.push_str(format!(".{fraction:09}").trim_end_matches('0'));
        }
    }
    text
}

/// The interval that a text stands for: amounts with units (`1 day -2.5h`), a time (`04:05:06`), years and months (`1-2`), a number of seconds at the end,
/// `ago` behind all of it, or ISO 8601's `P1DT2H`.
///
/// # Errors
/// *Invalid* says what is not understood.
pub(crate) fn parse(text: &str) -> Result<IntervalMonthDayNano> {
    let wrong = |why: String| {
        Error::invalid(format!("'{text}' is no INTERVAL: {why}"))
            .with_hint("write it as '1 year 2 months 3 days 04:05:06', '90 minutes' or '-1.5 hours'")
    };
    let mut sum = Sum::default();
    let trimmed = text.trim();
    match trimmed.strip_prefix(['P', 'p']) {
        Some(iso) => sum.add_iso(iso).map_err(wrong)?,
        None => sum.add_all(trimmed).map_err(wrong)?,
    }
    sum.finish().ok_or_else(|| wrong("it is out of range".to_owned()))
}

/// An interval as a text that Arrow reads.
pub(crate) fn for_arrow(interval: IntervalMonthDayNano) -> String {
    let IntervalMonthDayNano { months, days, nanoseconds } = interval;
    format!("{months} months {days} days {nanoseconds} nanoseconds")
}

/// Texts as intervals.
///
/// # Errors
/// *Invalid* for the first one that is none, unless those are to become NULL.
pub(crate) fn from_array(array: &ArrayRef, or_null: bool) -> Result<ArrayRef> {
    let texts = cast(array, &DataType::Utf8View)?;
    let texts = texts.as_string_view();
    let mut intervals = IntervalMonthDayNanoBuilder::with_capacity(texts.len());
    for text in texts {
        match text.map(parse) {
            Some(Err(error)) if !or_null => return Err(error),
            None | Some(Err(_)) => intervals.append_null(),
            Some(Ok(interval)) => intervals.append_value(interval),
        }
    }
    Ok(Arc::new(intervals.finish()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn texts_are_read_as_duckdb_and_postgresql_do() {
        for (text, shown) in [
            ("14 months 26 hours", "1 year 2 months 26:00:00"),
            ("1 year 2 mons 3 days 04:05:06.789", "1 year 2 months 3 days 04:05:06.789"),
            ("1.5 months", "1 month 15 days"),
            ("1.5 years", "1 year 6 months"),
            ("1.5 days", "1 day 12:00:00"),
            ("-3 days", "-3 days"),
            ("1 day -1 hours", "1 day -01:00:00"),
            ("-04:05:06", "-04:05:06"),
            ("-00:00:00.5", "-00:00:00.5"),
            ("04:05", "04:05:00"),
            ("100:00:00", "100:00:00"),
            ("1h 30m", "01:30:00"),
            ("1y2mon", "1 year 2 months"),
            ("@ 1 day ago", "-1 day"),
            ("90", "00:01:30"),
            ("1-2", "1 year 2 months"),
            ("1 12:59:10", "1 day 12:59:10"),
            ("-1-2", "-1 year -2 months"),
            ("3 weeks", "21 days"),
            ("5 us 3 ms 1 ns", "00:00:00.003005001"),
            ("P1Y2M3DT4H5M6.5S", "1 year 2 months 3 days 04:05:06.5"),
            ("0 days", "00:00:00"),
        ] {
            assert_eq!(format(parse(text).unwrap()), shown, "{text}");
        }
    }

    #[test]
    fn what_is_shown_is_read_back() {
        for months in [-14, -1, 0, 25] {
            for days in [-40, 0, 1] {
                for nanoseconds in [-1, 0, 86_400_000_000_000, 3_661_500_000_001] {
                    let interval = IntervalMonthDayNano { months, days, nanoseconds };
                    assert_eq!(parse(&format(interval)).unwrap(), interval);
                }
            }
        }
    }

    #[test]
    fn what_is_no_interval_is_said() {
        for (text, why) in [
            ("", "it is empty"),
            ("tomorrow", "there is no number before 'tomorrow'"),
            ("1 fortnight", "'fortnight' is no unit of time"),
            ("1 2 days", "there is no unit behind '1'"),
            ("04:65", "'04:65' is no time"),
            ("3000000000 months", "it is out of range"),
        ] {
            assert_eq!(parse(text).unwrap_err().message(), format!("'{text}' is no INTERVAL: {why}"));
        }
    }
}
