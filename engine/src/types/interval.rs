//! INTERVALs as texts, as DuckDB and PostgreSQL write and read them: `1 year 2 months 3 days 04:05:06.7`.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, IntervalMonthDayNanoBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, IntervalMonthDayNano};

use crate::error::{Error, Result};

const NANOS_A_SECOND: i128 = 1_000_000_000;
const NANOS_A_DAY: i128 = 86_400 * NANOS_A_SECOND;
const DAYS_A_MONTH: i128 = 30;

/// Amounts are counted in billionths, so that nine digits behind the point are exact.
const ONE: i128 = 1_000_000_000;

type Unit = (&'static [&'static str], i128, i128, i128);

/// Names of units, the plural second, and the months, days and nanoseconds in one.
const UNITS: [Unit; 14] = [
    (&["millennium", "millennia", "millenniums", "mil", "mils"], 12_000, 0, 0),
    (&["century", "centuries", "cent", "c"], 1_200, 0, 0),
    (&["decade", "decades", "dec", "decs"], 120, 0, 0),
    (&["year", "years", "yr", "yrs", "y"], 12, 0, 0),
    (&["quarter", "quarters", "qtr", "q"], 3, 0, 0),
    (&["month", "months", "mon", "mons"], 1, 0, 0),
    (&["week", "weeks", "w"], 0, 7, 0),
    (&["day", "days", "d"], 0, 1, 0),
    (&["hour", "hours", "hr", "hrs", "h"], 0, 0, 3_600 * NANOS_A_SECOND),
    (&["minute", "minutes", "min", "mins", "m"], 0, 0, 60 * NANOS_A_SECOND),
    (&["second", "seconds", "sec", "secs", "s"], 0, 0, NANOS_A_SECOND),
    (&["millisecond", "milliseconds", "msec", "msecs", "ms"], 0, 0, 1_000_000),
    (&["microsecond", "microseconds", "usec", "usecs", "us"], 0, 0, 1_000),
    (&["nanosecond", "nanoseconds", "nsec", "nsecs", "ns"], 0, 0, 1),
];

/// Units of ISO 8601, before and behind its `T`.
const ISO_DATE_UNITS: [(char, &str); 4] = [('Y', "year"), ('M', "month"), ('W', "week"), ('D', "day")];
const ISO_TIME_UNITS: [(char, &str); 3] = [('H', "hour"), ('M', "minute"), ('S', "second")];

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

/// The plural of a unit, under any of its names.
pub(crate) fn plural(unit: &str) -> Option<&'static str> {
    unit_named(unit).and_then(|(names, ..)| names.get(1).copied())
}

fn unit_named(name: &str) -> Option<&'static Unit> {
    UNITS.iter().find(|(names, ..)| names.iter().any(|known| known.eq_ignore_ascii_case(name)))
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

/// What was read so far.
#[derive(Debug, Default)]
struct Sum {
    months: i128,
    days: i128,
    nanos: i128,
}

impl Sum {
    fn add_all(&mut self, text: &str) -> Result<(), String> {
        let mut rest = text.strip_prefix('@').unwrap_or(text).trim_start();
        if rest.is_empty() {
            return Err("it is empty".to_owned());
        }
        while !rest.is_empty() {
            if rest.eq_ignore_ascii_case("ago") {
                (self.months, self.days, self.nanos) = (-self.months, -self.days, -self.nanos);
                return Ok(());
            }
            rest = self.add_one(rest)?.trim_start();
        }
        Ok(())
    }

    /// Adds what stands first, and gives what stands behind it.
    fn add_one<'a>(&mut self, text: &'a str) -> Result<&'a str, String> {
        let (amount, behind) = signed(text)?;
        if let Some(behind) = behind.strip_prefix(':') {
            return self.add_time(text, amount, behind);
        }
        if let Some((months, behind)) = behind.strip_prefix('-').and_then(|behind| unsigned(behind).ok()) {
            // Years and months, as the standard writes them.
            self.add(amount, "year")?;
            self.add(if text.starts_with('-') { -months } else { months }, "month")?;
            return Ok(behind);
        }
        let unit = behind.trim_start();
        let length = unit.find(|letter: char| !letter.is_alphabetic()).unwrap_or(unit.len());
        let (name, behind) = unit.split_at(length);
        match (name, behind.trim().is_empty()) {
            ("", true) => self.add(amount, "second")?,
            // Days in front of a time, as the standard writes them.
            ("", false) if unit.split_whitespace().next().is_some_and(|next| next.contains(':')) => {
                self.add(amount, "day")?;
                return Ok(unit);
            }
            ("", false) => return Err(format!("there is no unit behind '{}'", text[..text.len() - unit.len()].trim())),
            // A number without a unit, of seconds.
            (name, true) if name.eq_ignore_ascii_case("ago") => {
                self.add(amount, "second")?;
                return Ok(unit);
            }
            (name, _) => self.add(amount, name)?,
        }
        Ok(behind)
    }

    /// Adds hours, and the minutes and seconds behind them.
    fn add_time<'a>(&mut self, text: &str, hours: i128, behind: &'a str) -> Result<&'a str, String> {
        let wrong = || format!("'{}' is no time", text.split_whitespace().next().unwrap_or(text));
        let (minutes, mut behind) = unsigned(behind).map_err(|_| wrong())?;
        let mut seconds = 0;
        if let Some(rest) = behind.strip_prefix(':') {
            (seconds, behind) = unsigned(rest).map_err(|_| wrong())?;
        }
        let is_whole = hours % ONE == 0 && minutes % ONE == 0;
        if !is_whole || minutes >= 60 * ONE || seconds >= 60 * ONE || behind.starts_with(|next: char| !next.is_whitespace()) {
            return Err(wrong());
        }
        let sign = if text.starts_with('-') { -1 } else { 1 };
        for (amount, unit) in [(hours, "hour"), (sign * minutes, "minute"), (sign * seconds, "second")] {
            self.add(amount, unit)?;
        }
        Ok(behind)
    }

    fn add_iso(&mut self, text: &str) -> Result<(), String> {
        let (dates, times) = text.split_once(['T', 't']).unwrap_or((text, ""));
        if dates.is_empty() && times.is_empty() {
            return Err("it is empty".to_owned());
        }
        for (mut rest, units) in [(dates, &ISO_DATE_UNITS[..]), (times, &ISO_TIME_UNITS[..])] {
            while !rest.is_empty() {
                let (amount, behind) = signed(rest)?;
                let letter = behind.chars().next().map(|letter| letter.to_ascii_uppercase());
                let unit = units.iter().find(|(known, _)| Some(*known) == letter).map(|(_, unit)| *unit);
                self.add(amount, unit.ok_or_else(|| format!("there is no unit behind '{rest}'"))?)?;
                rest = &behind[1..];
            }
        }
        Ok(())
    }

    /// Adds an amount, in billionths, of a unit: parts of a month are days, parts of a day are time.
    fn add(&mut self, amount: i128, unit: &str) -> Result<(), String> {
        let Some((_, months, days, nanos)) = unit_named(unit) else { return Err(format!("'{unit}' is no unit of time")) };
        let months = amount.saturating_mul(*months);
        let days = amount.saturating_mul(*days).saturating_add(months % ONE * DAYS_A_MONTH);
        let nanos = amount.saturating_mul(*nanos).saturating_add(days % ONE * NANOS_A_DAY);
        self.months = self.months.saturating_add(months / ONE);
        self.days = self.days.saturating_add(days / ONE);
        self.nanos = self.nanos.saturating_add(nanos / ONE);
        Ok(())
    }

    fn finish(self) -> Option<IntervalMonthDayNano> {
        Some(IntervalMonthDayNano {
            months: i32::try_from(self.months).ok()?,
            days: i32::try_from(self.days).ok()?,
            nanoseconds: i64::try_from(self.nanos).ok()?,
        })
    }
}

/// A number with a sign, in billionths, and what stands behind it.
fn signed(text: &str) -> Result<(i128, &str), String> {
    match text.strip_prefix(['-', '+']) {
        Some(digits) => unsigned(digits.trim_start()).map(|(amount, rest)| (if text.starts_with('-') { -amount } else { amount }, rest)),
        None => unsigned(text),
    }
}

fn unsigned(text: &str) -> Result<(i128, &str), String> {
    let end = |text: &str| text.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(text.len());
    let (whole, rest) = text.split_at(end(text));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(fraction) => fraction.split_at(end(fraction)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(format!("there is no number before '{}'", text.split_whitespace().next().unwrap_or(text)));
    }
    // No unit is so long, or so short, that more digits matter.
    let too_long = || "a number is too long".to_owned();
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse::<i64>().map_err(|_| too_long())?.into() };
    let billionths: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let fraction: i128 = billionths.parse::<i64>().map_err(|_| too_long())?.into();
    Ok((whole * ONE + fraction, rest))
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
