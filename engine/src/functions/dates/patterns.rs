//! `to_char`, `to_date` and `to_timestamp` with PostgreSQL's patterns: 'YYYY-MM-DD HH24:MI:SS'. A format with a % is one of `strftime`.

use arrow::compute::kernels::cast_utils::string_to_datetime;
use chrono::{Datelike, NaiveDateTime, Timelike, Utc, Weekday};

use super::super::rows::{Function, Kind, Out, function};
use super::calendar::{DAY, date32, moment};
use super::format::{MONTHS, Read, Rest, WEEKDAYS, formatted, half, parsed};
use super::make::of_seconds;
use crate::error::{Error, Result};

/// All patterns, the longer ones first where one begins as another.
const PATTERNS: [&str; 61] = [
    "Y,YYY", "YYYY", "YYY", "YY", "Y", "IYYY", "IYY", "IY", "IDDD", "ID", "IW", "I", "HH24", "HH12", "HH", "MONTH", "Month", "month",
    "MON", "Mon", "mon", "MM", "MI", "MS", "SSSSS", "SSSS", "SS", "US", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "A.M.", "P.M.", "a.m.",
    "p.m.", "AM", "PM", "am", "pm", "B.C.", "A.D.", "BC", "AD", "DAY", "Day", "day", "DDD", "DD", "DY", "Dy", "dy", "D", "WW", "W", "CC",
    "J", "Q", "RM",
];

/// Those that stand for zones.
const ZONES: [&str; 5] = ["TZH", "TZM", "TZ", "tz", "OF"];

pub(super) fn functions() -> Vec<Function> {
    use Kind::{Date, Float, Int, Interval, Moment, Text, Timestamp};
    vec![
        function(
            "to_char",
            "to_char(value, format)",
            "a moment or a number as a text, such as 'YYYY-MM-DD HH24:MI:SS' or '999,990.00'",
            "to_char(DATE '2024-05-06', 'DD.MM.YYYY')",
        )
        .also(&["date_format"])
        .form(&[Timestamp, Text], Text, |a| shown(a.micros(0)?, a.text(1)?, "").map(Into::into))
        .form(&[Moment, Text], Text, |a| shown(a.micros(0)?, a.text(1)?, "UTC").map(Into::into))
        .form(&[Kind::Time, Text], Text, |a| shown(a.micros(0)?, a.text(1)?, "").map(Into::into))
        .form(&[Interval, Text], Text, |_| {
            Err(Error::unsupported("to_char of an INTERVAL is not supported").with_hint("cast it to VARCHAR"))
        })
        .form(&[Int, Text], Text, |a| super::super::numbers::patterns::shown(&a.int(0)?.to_string(), a.text(1)?).map(Into::into))
        .form(&[Float, Text], Text, |a| super::super::numbers::patterns::shown(&a.float(0)?.to_string(), a.text(1)?).map(Into::into)),
        function(
            "to_date",
            "to_date(text[, format])",
            "the DATE of a text, in ISO 8601 or a format such as 'DD.MM.YYYY'",
            "to_date('06.05.2024', 'DD.MM.YYYY')",
        )
        .form(&[Text], Date, |a| Ok(Out::Date(date32(iso(a.text(0)?)?.div_euclid(DAY))?)))
        .form(&[Timestamp], Date, |a| Ok(Out::Date(date32(a.micros(0)?.div_euclid(DAY))?)))
        .form(&[Text, Text], Date, |a| Ok(Out::Date(date32(read(a.text(0)?, a.text(1)?)?.div_euclid(DAY))?))),
        function(
            "to_timestamp",
            "to_timestamp(seconds) or to_timestamp(text, format)",
            "the moment of seconds since 1970, or of a text",
            "to_timestamp(1700000000)",
        )
        .form(&[Int], Moment, |a| of_seconds(a.int(0)? as f64).map(Out::Micros))
        .form(&[Float], Moment, |a| of_seconds(a.float(0)?).map(Out::Micros))
        .form(&[Text], Timestamp, |a| iso(a.text(0)?).map(Out::Micros))
        .form(&[Timestamp], Timestamp, |a| Ok(Out::Micros(a.micros(0)?)))
        .form(&[Moment], Moment, |a| Ok(Out::Micros(a.micros(0)?)))
        .form(&[Text, Text], Moment, |a| read(a.text(0)?, a.text(1)?).map(Out::Micros)),
    ]
}

/// Microseconds since 1970 of a text as ISO 8601 writes it.
fn iso(text: &str) -> Result<i64> {
    let parsed = string_to_datetime(&Utc, text.trim());
    parsed.map(|moment| moment.timestamp_micros()).map_err(|_| {
        Error::invalid(format!("'{text}' is no date or time")).with_hint("write 2024-05-06 or 2024-05-06 07:08:09, or give a format")
    })
}

fn read(text: &str, format: &str) -> Result<i64> {
    if format.contains('%') {
        return parsed(text, format);
    }
    let mut read = Read::default();
    let mut rest = Rest(text);
    let found = read_all(&mut read, &mut rest, &parts(format)?);
    found.and_then(|()| read.micros(1)).ok_or_else(|| Error::invalid(format!("'{text}' is not written as '{format}'")))
}

/// A part of a format.
#[derive(Debug, PartialEq)]
enum Part<'a> {
    Literal(&'a str),
    /// A pattern; whether it is not to be padded; whether `th` follows.
    Pattern {
        name: &'static str,
        unpadded: bool,
        ordinal: bool,
    },
}

/// A format's parts. Patterns are read in upper and lower case; which of them says how names are written.
fn parts(format: &str) -> Result<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"').unwrap_or(quoted.len());
            parts.push(Part::Literal(&quoted[..end]));
            rest = quoted.get(end + 1..).unwrap_or("");
            continue;
        }
        let mut unpadded = false;
        let mut behind = rest;
        while let Some(next) = behind.strip_prefix("FM").or_else(|| behind.strip_prefix("TM")).or_else(|| behind.strip_prefix("FX")) {
            unpadded |= !behind.starts_with("FX");
            behind = next;
        }
        match pattern(behind) {
            Some(name) => {
                behind = &behind[name.len()..];
                let ordinal = behind.get(..2).is_some_and(|suffix| suffix.eq_ignore_ascii_case("th"));
                rest = if ordinal { &behind[2..] } else { behind };
                parts.push(Part::Pattern { name, unpadded, ordinal });
            }
            None if first.is_ascii_alphabetic() && behind.len() == rest.len() => {
                return Err(Error::invalid(format!("'{rest}' begins with no pattern of a date"))
                    .with_hint("put text into double quotes: 'YYYY\"th year\"'; patterns are YYYY, MM, DD, HH24, MI, SS, Mon, Day, …"));
            }
            None => {
                let length = first.len_utf8();
                parts.push(Part::Literal(&rest[..length]));
                rest = if behind.len() == rest.len() { &rest[length..] } else { behind };
            }
        }
    }
    Ok(parts)
}

/// The pattern that a text begins with.
fn pattern(text: &str) -> Option<&'static str> {
    let exact = PATTERNS.iter().chain(&ZONES).find(|name| text.starts_with(**name));
    // 'yyyy-mm-dd' is 'YYYY-MM-DD'; of names the case means something, and they are there in each.
    let folded = || PATTERNS.iter().chain(&ZONES).find(|name| text.get(..name.len()).is_some_and(|text| text.eq_ignore_ascii_case(name)));
    match (exact, folded()) {
        (Some(exact), Some(folded)) if folded.len() > exact.len() => Some(folded),
        (exact, folded) => exact.or(folded).copied().map(|name| name as &'static str),
    }
}

fn shown(micros: i64, format: &str, zone: &str) -> Result<String> {
    if format.contains('%') {
        return formatted(micros, format, zone);
    }
    let moment = moment(micros)?;
    let mut text = String::new();
    for part in parts(format)? {
        match part {
            Part::Literal(literal) => text.push_str(literal),
            Part::Pattern { name, unpadded, ordinal } => {
                let value = value(&moment, name, unpadded, zone);
                text.push_str(&value);
                if ordinal {
                    text.push_str(suffix(&value));
                }
            }
        }
    }
    Ok(text)
}

/// st, nd, rd or th.
fn suffix(number: &str) -> &'static str {
    let number: u32 = number.trim().parse().unwrap_or_default();
    match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    }
}

fn value(moment: &NaiveDateTime, name: &str, unpadded: bool, zone: &str) -> String {
    let number = |value: i64, width: usize| if unpadded { value.to_string() } else { format!("{value:0width$}") };
    let word = |word: &str| {
        let cased = match name.chars().nth(1) {
            Some(second) if second.is_uppercase() => word.to_uppercase(),
            _ if name.starts_with(char::is_uppercase) => word.to_owned(),
            _ => word.to_lowercase(),
        };
        let is_whole = matches!(name.to_ascii_uppercase().as_str(), "MONTH" | "DAY");
        if is_whole && !unpadded { format!("{cased:<9}") } else { cased }
    };
    let month = MONTHS[moment.month0() as usize % 12];
    let weekday = WEEKDAYS[moment.weekday().num_days_from_monday() as usize % 7];
    let micros = i64::from(moment.nanosecond() % 1_000_000_000 / 1000);
    // Years before 1 are counted from there, and BC says so.
    let counted = |year: i64| if year <= 0 { 1 - year } else { year };
    let year = counted(moment.year().into());
    let iso_year = counted(moment.iso_week().year().into());
    let hour = i64::from(moment.hour());
    let afternoon = if hour >= 12 { "PM" } else { "AM" };
    match name {
        "Y,YYY" => format!("{},{:03}", year / 1000, year % 1000),
        "YYYY" => number(year, 4),
        "YYY" => number(year % 1000, 3),
        "YY" => number(year % 100, 2),
        "Y" => number(year % 10, 1),
        "IYYY" => number(iso_year, 4),
        "IYY" => number(iso_year % 1000, 3),
        "IY" => number(iso_year % 100, 2),
        "I" => number(iso_year % 10, 1),
        "HH24" => number(hour, 2),
        "HH12" | "HH" => number((hour + 11) % 12 + 1, 2),
        "MI" => number(moment.minute().into(), 2),
        "SS" => number(moment.second().into(), 2),
        "MS" => number(micros / 1000, 3),
        "US" => number(micros, 6),
        "FF1" | "FF2" | "FF3" | "FF4" | "FF5" | "FF6" => {
            let digits: usize = name[2..].parse().unwrap_or(6);
            format!("{micros:06}")[..digits].to_owned()
        }
        "SSSS" | "SSSSS" => moment.num_seconds_from_midnight().to_string(),
        "AM" | "PM" => afternoon.to_owned(),
        "am" | "pm" => afternoon.to_lowercase(),
        "A.M." | "P.M." => format!("{}.M.", &afternoon[..1]),
        "a.m." | "p.m." => format!("{}.m.", afternoon[..1].to_lowercase()),
        "BC" | "AD" => if moment.year() > 0 { "AD" } else { "BC" }.to_owned(),
        "B.C." | "A.D." => if moment.year() > 0 { "A.D." } else { "B.C." }.to_owned(),
        "MONTH" | "Month" | "month" => word(month),
        "MON" | "Mon" | "mon" => word(&month[..3]),
        "MM" => number(moment.month().into(), 2),
        "DAY" | "Day" | "day" => word(weekday),
        "DY" | "Dy" | "dy" => word(&weekday[..3]),
        "DDD" => number(moment.ordinal().into(), 3),
        "IDDD" => number(i64::from(moment.iso_week().week0()) * 7 + i64::from(moment.weekday().number_from_monday()), 3),
        "DD" => number(moment.day().into(), 2),
        "D" => moment.weekday().number_from_sunday().to_string(),
        "ID" => moment.weekday().number_from_monday().to_string(),
        "W" => (moment.day0() / 7 + 1).to_string(),
        "WW" => number(i64::from(moment.ordinal0()) / 7 + 1, 2),
        "IW" => number(moment.iso_week().week().into(), 2),
        "CC" => number((year + 99) / 100, 2),
        "J" => (i64::from(moment.num_days_from_ce()) + 1_721_425).to_string(),
        "Q" => (moment.month0() / 3 + 1).to_string(),
        "RM" => {
            let roman = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"][moment.month0() as usize % 12];
            if unpadded { roman.to_owned() } else { format!("{roman:<4}") }
        }
        "TZ" => zone.to_owned(),
        "tz" => zone.to_lowercase(),
        "TZH" | "OF" => "+00".to_owned(),
        "TZM" => "00".to_owned(),
        other => other.to_owned(),
    }
}

fn read_all(read: &mut Read, rest: &mut Rest<'_>, parts: &[Part<'_>]) -> Option<()> {
    for (place, part) in parts.iter().enumerate() {
        match part {
            // Whatever stands there: PostgreSQL does not insist on the same separator.
            Part::Literal(literal) if literal.trim().is_empty() => rest.0 = rest.0.trim_start(),
            Part::Literal(literal) => {
                let next = rest.0.chars().next();
                match rest.literal(literal) {
                    Some(()) => {}
                    None if next.is_some_and(|next| !next.is_alphanumeric() && next != '-') => {
                        rest.0 = &rest.0[next.map_or(0, char::len_utf8)..]
                    }
                    None => return None,
                }
            }
            Part::Pattern { name, ordinal, .. } => {
                rest.0 = rest.0.trim_start();
                // A year in front of a separator has as many digits as it likes.
                let is_last = !matches!(parts.get(place + 1), Some(Part::Pattern { .. }));
                read_one(read, rest, name, is_last)?;
                if *ordinal {
                    rest.0 = rest.0.get(2..)?;
                }
            }
        }
    }
    rest.0.trim().is_empty().then_some(())
}

fn read_one(read: &mut Read, rest: &mut Rest<'_>, name: &str, is_free: bool) -> Option<()> {
    match name.to_ascii_uppercase().as_str() {
        "YYYY" | "Y,YYY" => read.year = Some(i32::try_from(rest.signed(if is_free { 6 } else { 4 })?).ok()?),
        "YYY" | "YY" | "Y" => {
            let year = i32::try_from(rest.number(4)?).ok()?;
            read.year = Some(match year {
                0..70 => 2000 + year,
                70..100 => 1900 + year,
                _ => year,
            });
        }
        "IYYY" => read.iso_year = Some(i32::try_from(rest.number(4)?).ok()?),
        "IW" => read.iso_week = Some(rest.number(2)?),
        "ID" => read.weekday = Weekday::try_from(u8::try_from(rest.number(1)?.checked_sub(1)?).ok()?).ok(),
        "MONTH" | "MON" => read.month = Some(u32::try_from(rest.name(&MONTHS)?).ok()? + 1),
        "DAY" | "DY" => drop(rest.name(&WEEKDAYS)?),
        "MM" => read.month = Some(rest.number(2)?),
        "DD" => read.day = Some(rest.number(2)?),
        "DDD" => read.day_of_year = Some(rest.number(3)?),
        "HH24" | "HH12" | "HH" => read.hour = rest.number(2)?,
        "MI" => read.minute = rest.number(2)?,
        "SS" => read.second = rest.number(2)?,
        "MS" => read.nanos = rest.fraction(3)?,
        "US" | "FF1" | "FF2" | "FF3" | "FF4" | "FF5" | "FF6" => read.nanos = rest.fraction(6)?,
        "SSSS" | "SSSSS" => {
            let seconds = rest.number(5)?;
            (read.hour, read.minute, read.second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        }
        "AM" | "PM" => read.half = Some(half(rest)? == 1),
        "A.M." | "P.M." => {
            read.half = Some(rest.0.to_ascii_uppercase().starts_with('P'));
            rest.0 = rest.0.get(4..)?;
        }
        "TZH" | "OF" => read.offset = rest.offset()?,
        "TZ" => rest.literal("UTC").or_else(|| rest.literal("utc")).or_else(|| rest.offset().map(|offset| read.offset = offset))?,
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn patterns_are_those_of_postgresql() {
        // 2024-05-06 13:04:05.678901, a Monday.
        let micros = 1_715_000_645_678_901;
        for (format, text) in [
            ("YYYY-MM-DD HH24:MI:SS", "2024-05-06 13:04:05"),
            ("yyyy-mm-dd hh24:mi:ss.us", "2024-05-06 13:04:05.678901"),
            ("Day, DD Month YYYY", "Monday   , 06 May       2024"),
            ("FMDay, FMDD FMMonth YYYY", "Monday, 6 May 2024"),
            ("Dy DDth Mon YY HH:MI AM", "Mon 06th May 24 01:04 PM"),
            ("MONTH MON mon", "MAY       MAY may"),
            ("\"Q\"Q IYYY-IW-ID DDD WW W D J", "Q2 2024-19-1 127 19 1 2 2460437"),
            ("MS FF2 SSSS CC RM FMRM", "678 67 47045 21 V    V"),
        ] {
            assert_eq!(shown(micros, format, "").unwrap(), text, "{format}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_said() {
        assert!(shown(0, "YYYY-xx", "").is_err());
    }

    #[test]
    fn texts_are_read_back() {
        let day = 86_400_000_000;
        for (text, format, micros) in [
            ("06.05.2024", "DD.MM.YYYY", 19_849 * day),
            ("2024-05-06 13:04:05.25", "YYYY-MM-DD HH24:MI:SS.MS", 19_849 * day + 47_045_250_000),
            ("May 6, 2024 1:04 PM", "Month DD, YYYY HH12:MI AM", 19_849 * day + 47_040_000_000),
            ("20240506", "YYYYMMDD", 19_849 * day),
        ] {
            assert_eq!(read(text, format).unwrap(), micros, "{format}");
        }
        assert!(read("2024-13-01", "YYYY-MM-DD").is_err());
        assert!(read("2024-01-01x", "YYYY-MM-DD").is_err());
    }
}
