//! Formats of `strftime` that are read once for a column, and what they make of its moments without asking the calendar's library. What is rare is left to
//! that: years of more or fewer than four digits, weeks, zones.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewBuilder};

use super::super::rows::Column;
use super::calendar::{DAY, SECOND};
use super::format::{MONTHS, WEEKDAYS, formatted};
use crate::error::Result;

/// All numbers of two digits.
const PAIRS: &str = "0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// A part of a format.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    /// From here to there in the format.
    Literal(usize, usize),
    /// A specifier; whether its number is not to be padded.
    Of(char, bool),
}

/// Texts of a column of moments in a constant format.
pub(super) fn column(columns: &[(Column<'_>, bool)]) -> Result<Option<ArrayRef>> {
    let ([(Column::Timestamp(moments), false), (Column::Text(format, _), true)]
    | [(Column::Text(format, _), true), (Column::Timestamp(moments), false)]) = columns
    else {
        return Ok(None);
    };
    if format.is_null(0) {
        return Ok(None);
    }
    let format = format.value(0);
    let Some(parts) = parts(format) else { return Ok(None) };
    let zone = if moments.timezone().is_some() { "UTC" } else { "" };
    let mut texts = StringViewBuilder::with_capacity(moments.len());
    let mut text = String::with_capacity(format.len() + 16);
    let mut date = Date::default();
    for micros in moments.iter() {
        let Some(micros) = micros else {
            texts.append_null();
            continue;
        };
        date.turn_to(micros.div_euclid(DAY));
        match date.year {
            0..=9999 => {
                text.clear();
                parts.iter().for_each(|part| push(&mut text, format, *part, &date, micros.rem_euclid(DAY)));
                texts.append_value(&text);
            }
            _ => texts.append_value(formatted(micros, format, zone)?),
        }
    }
    Ok(Some(Arc::new(texts.finish())))
}

/// The parts of a format; none if one of them is left to others.
fn parts(format: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut letters = format.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != '%' {
            let end = at + letter.len_utf8();
            match parts.last_mut() {
                Some(Part::Literal(_, before)) if *before == at => *before = end,
                _ => parts.push(Part::Literal(at, end)),
            }
            continue;
        }
        let (_, mut specifier) = letters.next()?;
        let unpadded = specifier == '-';
        if unpadded {
            (_, specifier) = letters.next()?;
        }
        let known = if unpadded { "mdHMSI" } else { "YmdHMSIyfgnFxTXRDcbhBaAp%" };
        known.contains(specifier).then(|| parts.push(Part::Of(specifier, unpadded)))?;
    }
    Some(parts)
}

/// A day of the calendar.
#[derive(Debug, PartialEq)]
struct Date {
    /// Since 1970.
    days: i64,
    year: i64,
    month: usize,
    day: usize,
}

impl Default for Date {
    fn default() -> Self {
        Self { days: 0, year: 1970, month: 1, day: 1 }
    }
}

impl Date {
    /// Another day, unless it is this one. In eras of 400 years, which begin with a March, so that the day that some years have more is the last of one.
    fn turn_to(&mut self, days: i64) {
        if days == self.days {
            return;
        }
        let shifted = days + 719_468;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        *self = Self {
            days,
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: usize::try_from(month).unwrap_or(1),
            day: usize::try_from(of_year - (153 * from_march + 2) / 5 + 1).unwrap_or(1),
        };
    }

    /// From Monday, which is 0.
    fn weekday(&self) -> usize {
        usize::try_from((self.days + 3).rem_euclid(7)).unwrap_or_default()
    }
}

fn two(text: &mut String, number: usize) {
    let at = number % 100 * 2;
    text.push_str(&PAIRS[at..at + 2]);
}

fn number(text: &mut String, number: usize, unpadded: bool) {
    match unpadded && number < 10 {
        true => text.push_str(&PAIRS[number * 2 + 1..number * 2 + 2]),
        false => two(text, number),
    }
}

fn push(text: &mut String, format: &str, part: Part, date: &Date, micros: i64) {
    let (specifier, unpadded) = match part {
        Part::Literal(from, to) => return text.push_str(&format[from..to]),
        Part::Of(specifier, unpadded) => (specifier, unpadded),
    };
    let year = usize::try_from(date.year).unwrap_or_default();
    let of_clock = |unit: i64, most: i64| usize::try_from(micros / unit % most).unwrap_or_default();
    let (hour, minute, second) = (of_clock(3600 * SECOND, 24), of_clock(60 * SECOND, 60), of_clock(SECOND, 60));
    let fraction = of_clock(1, SECOND);
    let all = |text: &mut String, specifiers: &[char], between: &str| {
        for (at, specifier) in specifiers.iter().enumerate() {
            text.push_str(if at > 0 { between } else { "" });
            push(text, format, Part::Of(*specifier, false), date, micros);
        }
    };
    match specifier {
        'Y' => {
            two(text, year / 100);
            two(text, year);
        }
        'y' => two(text, year),
        'm' => number(text, date.month, unpadded),
        'd' => number(text, date.day, unpadded),
        'H' => number(text, hour, unpadded),
        'I' => number(text, (hour + 11) % 12 + 1, unpadded),
        'M' => number(text, minute, unpadded),
        'S' => number(text, second, unpadded),
        'p' => text.push_str(if hour < 12 { "AM" } else { "PM" }),
        'g' => {
            let millis = fraction / 1000;
            number(text, millis / 100, true);
            two(text, millis);
        }
        'f' | 'n' => {
            two(text, fraction / 10_000);
            two(text, fraction / 100);
            two(text, fraction);
            text.push_str(if specifier == 'n' { "000" } else { "" });
        }
        'F' | 'x' => all(text, &['Y', 'm', 'd'], "-"),
        'T' | 'X' => all(text, &['H', 'M', 'S'], ":"),
        'R' => all(text, &['H', 'M'], ":"),
        'D' => all(text, &['m', 'd', 'y'], "/"),
        'c' => all(text, &['F', 'T'], " "),
        'b' | 'h' => text.push_str(&MONTHS[(date.month - 1) % 12][..3]),
        'B' => text.push_str(MONTHS[(date.month - 1) % 12]),
        'a' => text.push_str(&WEEKDAYS[date.weekday() % 7][..3]),
        'A' => text.push_str(WEEKDAYS[date.weekday() % 7]),
        _ => text.push('%'),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What rows and columns make is the same: over days of all months, leap years, centuries, and the ends of what has four digits.
    #[test]
    fn columns_are_formatted_as_rows_are() {
        let format = "%Y-%m-%d %H:%M:%S.%f|%g|%n|%-m/%-d %-H:%-M:%-S %-I|%y %I %p %b %B %a %A|%F %T %R %D %x %X %c|é%%";
        let parts = parts(format).unwrap();
        let mut date = Date::default();
        for step in -800..800_i64 {
            // A step of some years and a prime number of microseconds.
            let micros = step * 157_899_999_999_989 + step % 7 * 3_600_000_001;
            date.turn_to(micros.div_euclid(DAY));
            if !(0..=9999).contains(&date.year) {
                continue;
            }
            let mut text = String::new();
            parts.iter().for_each(|part| push(&mut text, format, *part, &date, micros.rem_euclid(DAY)));
            assert_eq!(text, formatted(micros, format, "").unwrap(), "{micros}");
        }
    }

    #[test]
    fn rare_parts_are_left_to_others() {
        for format in ["%j", "%-y", "%U", "%Z", "%", "%-", "%Q"] {
            assert_eq!(parts(format), None, "{format}");
        }
    }
}
