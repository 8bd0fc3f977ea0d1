//! `strftime` and `strptime`: moments as texts and back, with C's format specifiers as DuckDB has them.

use std::fmt::Write;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Weekday};
use datafusion::common::ScalarValue;

use super::super::rows::{Args, Function, Kind, Out, function};
use super::calendar::{SECOND, days, midnight, moment};
use super::layout;
use super::make::of_time;
use crate::error::{Error, Result};

/// Specifiers that chrono formats in the same way.
const SAME: &str = "aAbBhdHIjmMSuwyYGUWVpeCkl";

pub(super) fn functions() -> Vec<Function> {
    use Kind::{Moment, Text, Texts, Timestamp};
    vec![
        function(
            "strftime",
            "strftime(value, format)",
            "a moment as a text, such as '%Y-%m-%d %H:%M:%S'",
            "strftime(DATE '2024-05-06', '%d.%m.%Y')",
        )
        .of_columns(layout::column)
        .form(&[Timestamp, Text], Text, |a| formatted(a.micros(0)?, a.text(1)?, "").map(Into::into))
        .form(&[Moment, Text], Text, |a| formatted(a.micros(0)?, a.text(1)?, "UTC").map(Into::into))
        .form(&[Text, Timestamp], Text, |a| formatted(a.micros(1)?, a.text(0)?, "").map(Into::into))
        .form(&[Text, Moment], Text, |a| formatted(a.micros(1)?, a.text(0)?, "UTC").map(Into::into)),
        function(
            "strptime",
            "strptime(text, format)",
            "the moment that a text in a format stands for; of several formats the first that fits",
            "strptime('6.5.2024', '%d.%m.%Y')",
        )
        .form(&[Text, Text], Timestamp, |a| parsed(a.text(0)?, a.text(1)?).map(Out::Micros))
        .form(&[Text, Texts], Timestamp, |a| {
            first(a)?.map(Out::Micros).ok_or_else(|| no_match(a.text(0).unwrap_or_default(), "those formats"))
        })
        .choosing(zoned),
        function("try_strptime", "try_strptime(text, format)", "as strptime; NULL for a text in another format", "try_strptime('x', '%Y')")
            .form(&[Text, Text], Timestamp, |a| {
                check(a.text(1)?)?;
                Ok(parsed(a.text(0)?, a.text(1)?).ok().map_or(Out::Null, Out::Micros))
            })
            .form(&[Text, Texts], Timestamp, |a| Ok(first(a)?.map_or(Out::Null, Out::Micros)))
            .choosing(zoned),
    ]
}

/// With an offset in its format the text stands for a moment.
fn zoned(constants: &[Option<&ScalarValue>]) -> Option<Kind> {
    match constants.get(1) {
        Some(Some(ScalarValue::Utf8(Some(format)) | ScalarValue::Utf8View(Some(format)))) => {
            (format.contains("%z")).then_some(Kind::Moment)
        }
        _ => None,
    }
}

fn unknown(specifier: char) -> Error {
    Error::invalid(format!("%{specifier} is no part of a format")).with_hint("such as '%Y-%m-%d %H:%M:%S.%f'")
}

fn no_match(text: &str, format: &str) -> Error {
    Error::invalid(format!("'{text}' is not written as {format}"))
}

/// A moment as a text; `zone` is what `%Z` shows.
pub(super) fn formatted(micros: i64, format: &str, zone: &str) -> Result<String> {
    let moment = moment(micros)?;
    let mut text = String::with_capacity(format.len() + 8);
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            text.push(character);
            continue;
        }
        let mut specifier = characters.next().ok_or_else(|| unknown(' '))?;
        let unpadded = specifier == '-';
        if unpadded {
            specifier = characters.next().ok_or_else(|| unknown('-'))?;
        }
        push(&mut text, &moment, specifier, unpadded, zone)?;
    }
    Ok(text)
}

fn push(text: &mut String, moment: &NaiveDateTime, specifier: char, unpadded: bool, zone: &str) -> Result<()> {
    let nanos = moment.nanosecond() % 1_000_000_000;
    let written = match specifier {
        '%' => write!(text, "%"),
        'c' => write!(text, "{}", moment.format("%Y-%m-%d %H:%M:%S")),
        'x' | 'F' => write!(text, "{}", moment.format("%Y-%m-%d")),
        'X' | 'T' => write!(text, "{}", moment.format("%H:%M:%S")),
        'R' => write!(text, "{}", moment.format("%H:%M")),
        'D' => write!(text, "{}", moment.format("%m/%d/%y")),
        'f' => write!(text, "{:06}", nanos / 1000),
        'g' => write!(text, "{:03}", nanos / 1_000_000),
        'n' => write!(text, "{nanos:09}"),
        's' => write!(text, "{}", moment.and_utc().timestamp()),
        'z' => write!(text, "+00"),
        'Z' => write!(text, "{zone}"),
        'Y' if moment.year() > 9999 || moment.year() < 0 => write!(text, "{}", moment.year()),
        same if SAME.contains(same) => match unpadded {
            true => write!(text, "{}", moment.format(&format!("%-{same}"))),
            false => write!(text, "{}", moment.format(&format!("%{same}"))),
        },
        other => return Err(unknown(other)),
    };
    written.map_err(|_| unknown(specifier))
}

/// The first format that fits.
fn first(a: &Args<'_>) -> Result<Option<i64>> {
    for format in a.texts(1)?.iter().flatten() {
        check(format)?;
        if let Ok(micros) = parsed(a.text(0)?, format) {
            return Ok(Some(micros));
        }
    }
    Ok(None)
}

/// An error for a format that fits no text at all.
fn check(format: &str) -> Result<()> {
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character == '%' {
            let mut specifier = characters.next().unwrap_or(' ');
            if specifier == '-' {
                specifier = characters.next().unwrap_or(' ');
            }
            if !"aAbBhdHIjmMSuwyYGUWVpcxXFTfgnzZ%es".contains(specifier) {
                return Err(unknown(specifier));
            }
        }
    }
    Ok(())
}

/// What was read of a moment so far.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) year: Option<i32>,
    pub(super) month: Option<u32>,
    pub(super) day: Option<u32>,
    pub(super) day_of_year: Option<u32>,
    pub(super) iso_year: Option<i32>,
    pub(super) iso_week: Option<u32>,
    pub(super) weekday: Option<Weekday>,
    pub(super) hour: u32,
    pub(super) half: Option<bool>,
    pub(super) minute: u32,
    pub(super) second: u32,
    pub(super) nanos: u32,
    /// Seconds ahead of UTC.
    pub(super) offset: i64,
    pub(super) epoch: Option<i64>,
}

impl Read {
    /// Microseconds since 1970; what was not read is the beginning of `year`.
    pub(super) fn micros(&self, default_year: i32) -> Option<i64> {
        if let Some(epoch) = self.epoch {
            return epoch.checked_mul(SECOND);
        }
        let year = self.year.unwrap_or(default_year);
        let date = match (self.day_of_year, self.iso_week) {
            (Some(day), _) if self.month.is_none() => NaiveDate::from_yo_opt(year, day)?,
            (_, Some(week)) => {
                let weekday = self.weekday.unwrap_or(Weekday::Mon);
                NaiveDate::from_isoywd_opt(self.iso_year.unwrap_or(year), week, weekday)?
            }
            _ => NaiveDate::from_ymd_opt(year, self.month.unwrap_or(1), self.day.unwrap_or(1))?,
        };
        let hour = match self.half {
            Some(afternoon) => self.hour.checked_rem(12)? + if afternoon { 12 } else { 0 },
            None => self.hour,
        };
        let time = NaiveTime::from_hms_opt(hour, self.minute, self.second)?;
        let fraction = (i64::from(self.nanos) + 500) / 1000;
        midnight(days(date)).ok()?.checked_add(of_time(time) + fraction - self.offset * SECOND)
    }
}

/// The rest of a text that is being read.
pub(super) struct Rest<'a>(pub(super) &'a str);

impl Rest<'_> {
    /// A number of at most so many digits.
    pub(super) fn number(&mut self, digits: usize) -> Option<u32> {
        let end = self.0.bytes().take(digits).take_while(u8::is_ascii_digit).count();
        let number = self.0[..end].parse().ok()?;
        self.0 = &self.0[end..];
        Some(number)
    }

    /// A number that may have a sign.
    pub(super) fn signed(&mut self, digits: usize) -> Option<i64> {
        let negative = self.0.starts_with('-');
        if negative || self.0.starts_with('+') {
            self.0 = &self.0[1..];
        }
        let end = self.0.bytes().take(digits).take_while(u8::is_ascii_digit).count();
        let number: i64 = self.0[..end].parse().ok()?;
        self.0 = &self.0[end..];
        Some(if negative { -number } else { number })
    }

    /// Digits behind a point, as billionths.
    pub(super) fn fraction(&mut self, digits: usize) -> Option<u32> {
        let end = self.0.bytes().take(digits).take_while(u8::is_ascii_digit).count();
        let number: u32 = format!("{:0<9}", &self.0[..end]).parse().ok().filter(|_| end > 0)?;
        self.0 = &self.0[end..];
        Some(number)
    }

    /// One of some names, whole or only its first three letters; its place.
    pub(super) fn name(&mut self, names: &[&str]) -> Option<usize> {
        let fits = |name: &str| self.0.get(..name.len()).is_some_and(|text| text.eq_ignore_ascii_case(name));
        let whole = names.iter().position(|name| fits(name)).map(|place| (place, names[place].len()));
        let (place, length) = whole.or_else(|| names.iter().position(|name| fits(&name[..3])).map(|place| (place, 3)))?;
        self.0 = &self.0[length..];
        Some(place)
    }

    /// Exactly this text.
    pub(super) fn literal(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    /// An offset from UTC such as `+02:00`, in seconds.
    pub(super) fn offset(&mut self) -> Option<i64> {
        if self.literal("Z").is_some() {
            return Some(0);
        }
        let sign = match self.0.chars().next()? {
            '+' => 1,
            '-' => -1,
            _ => return None,
        };
        self.0 = &self.0[1..];
        let hours = i64::from(self.number(2)?);
        let _ = self.literal(":");
        let minutes = i64::from(self.number(2).unwrap_or(0));
        Some(sign * (hours * 3600 + minutes * 60))
    }
}

pub(super) const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
pub(super) const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Microseconds since 1970 of a text in a format; parts that the format does not have are those of 1900-01-01.
pub(super) fn parsed(text: &str, format: &str) -> Result<i64> {
    check(format)?;
    // `-` between % and a letter says nothing when reading: numbers may have fewer digits anyway.
    let format = format.replace("%c", "%Y-%m-%d %H:%M:%S");
    let format = format.replace("%x", "%Y-%m-%d").replace("%F", "%Y-%m-%d").replace("%X", "%H:%M:%S").replace("%T", "%H:%M:%S");
    let mut read = Read::default();
    let mut rest = Rest(text.trim());
    let found = read_all(&mut read, &mut rest, format.trim()).filter(|()| rest.0.is_empty()).and_then(|()| read.micros(1900));
    found.ok_or_else(|| no_match(text, &format!("'{format}'")))
}

fn read_all(read: &mut Read, rest: &mut Rest<'_>, format: &str) -> Option<()> {
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character.is_whitespace() {
            rest.0 = rest.0.trim_start();
        } else if character == '%' {
            let specifier = characters.find(|character| *character != '-')?;
            read_one(read, rest, specifier)?;
        } else {
            rest.literal(character.encode_utf8(&mut [0; 4]))?;
        }
    }
    Some(())
}

fn read_one(read: &mut Read, rest: &mut Rest<'_>, specifier: char) -> Option<()> {
    match specifier {
        'Y' => read.year = Some(i32::try_from(rest.signed(4)?).ok()?),
        'y' => {
            let year = i32::try_from(rest.number(2)?).ok()?;
            read.year = Some(if year < 69 { 2000 + year } else { 1900 + year });
        }
        'm' => read.month = Some(rest.number(2)?),
        'd' | 'e' => read.day = Some(rest.number(2)?),
        'j' => read.day_of_year = Some(rest.number(3)?),
        'b' | 'B' | 'h' => read.month = Some(u32::try_from(rest.name(&MONTHS)?).ok()? + 1),
        'a' | 'A' => read.weekday = Weekday::try_from(u8::try_from(rest.name(&WEEKDAYS)?).ok()?).ok(),
        'u' => read.weekday = Weekday::try_from(u8::try_from(rest.number(1)?.checked_sub(1)?).ok()?).ok(),
        'w' => read.weekday = Some(Weekday::try_from(u8::try_from(rest.number(1)?).ok()?).ok()?.pred()),
        'G' => read.iso_year = Some(i32::try_from(rest.signed(4)?).ok()?),
        'V' => read.iso_week = Some(rest.number(2)?),
        // Weeks that begin with Sunday or Monday are read, but a date does not follow from them.
        'U' | 'W' => drop(rest.number(2)?),
        'H' | 'I' => read.hour = rest.number(2)?,
        'M' => read.minute = rest.number(2)?,
        'S' => read.second = rest.number(2)?,
        'f' | 'n' => read.nanos = rest.fraction(9)?,
        'g' => read.nanos = rest.fraction(3)?,
        'p' => read.half = Some(half(rest)? == 1),
        'z' => read.offset = rest.offset()?,
        'Z' => rest.literal("UTC").or_else(|| rest.literal("GMT")).or_else(|| rest.literal("Z"))?,
        's' => read.epoch = Some(rest.signed(19)?),
        '%' => rest.literal("%")?,
        _ => return None,
    }
    Some(())
}

/// AM or PM.
pub(super) fn half(rest: &mut Rest<'_>) -> Option<usize> {
    let place = match rest.0.get(..2)?.to_ascii_uppercase().as_str() {
        "AM" => 0,
        "PM" => 1,
        _ => return None,
    };
    rest.0 = &rest.0[2..];
    Some(place)
}
