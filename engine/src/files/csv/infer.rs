//! Guesses the types of columns from texts, as many as one wants to look at: what a text cannot be is struck off, and the narrowest type that is left wins.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, TimeUnit};

use super::reading::Reading;
use crate::error::Result;
use crate::files::Options;
use crate::files::moments::{Format, has_fraction, has_shape, is_timestamp, without_zone};
use crate::types;

/// Formats of dates that are recognized beside SQL's. Where two fit, the first one wins: the day before the month, as in DuckDB and most of the world.
const DATES: [&str; 7] = ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d"];

/// What follows a date in timestamps.
const TIMES: [&str; 6] = [" %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %I:%M:%S %p", " %I:%M %p", "T%H:%M:%S"];

/// What columns of a type may look like.
#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Boolean,
    Integer,
    /// A whole number that a BIGINT does not hold.
    Whole,
    Number,
    Time,
    Date,
    Timestamp,
    /// With a zone.
    Moment,
}

/// A type that a column may have, and how its texts are read then.
#[derive(Debug, Clone)]
struct Candidate {
    kind: Kind,
    data_type: DataType,
    reading: Reading,
}

/// What a column may be.
#[derive(Debug, Clone)]
pub(super) struct Guess {
    alive: Vec<Candidate>,
    /// Whether there was any text.
    seen: bool,
    /// Whether there was a digit: `nan` alone is no number.
    digits: bool,
    /// Whether there was a comma that parts no thousands.
    comma: bool,
    /// Whether the decimal sign is told.
    told_decimal: bool,
}

impl Guess {
    /// A column of any type.
    ///
    /// # Errors
    /// *Invalid* for a format of dates that is none.
    pub(super) fn any(options: &Options, delimiter: u8) -> Result<Self> {
        let allowed = |kind: &Candidate| match &options.csv.candidates {
            None => true,
            Some(types) => types.iter().any(|field| field.data_type() == &kind.data_type),
        };
        let alive = if options.csv.all_text { vec![] } else { candidates(options, delimiter)?.into_iter().filter(allowed).collect() };
        Ok(Self::new(alive, options))
    }

    /// A column of a known type: only how its texts are read is guessed.
    pub(super) fn of(data_type: &DataType, options: &Options, delimiter: u8) -> Result<Self> {
        let is_of = |kind: &Kind| match data_type {
            DataType::Date32 => *kind == Kind::Date,
            DataType::Timestamp(_, None) => matches!(kind, Kind::Timestamp | Kind::Date),
            DataType::Float32 | DataType::Float64 | DataType::Decimal128(..) => *kind == Kind::Number,
            _ => false,
        };
        let of_type = |candidate: Candidate| Candidate { data_type: data_type.clone(), ..candidate };
        let alive = candidates(options, delimiter)?.into_iter().filter(|candidate| is_of(&candidate.kind)).map(of_type).collect();
        Ok(Self::new(alive, options))
    }

    fn new(alive: Vec<Candidate>, options: &Options) -> Self {
        Self { alive, seen: false, digits: false, comma: false, told_decimal: options.csv.decimal.is_some() }
    }

    /// Looks at texts, none of which stands for NULL.
    pub(super) fn look(&mut self, texts: &[&str]) {
        let texts: Vec<&str> = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()).collect();
        if texts.is_empty() {
            return;
        }
        self.seen = true;
        self.digits |= texts.iter().any(|text| text.bytes().any(|byte| byte.is_ascii_digit()));
        self.comma |= texts.iter().any(|text| has_decimal_comma(text));
        self.alive.retain(|candidate| candidate.reads(&texts));
    }

    /// `1,234` may be a thousand: a decimal comma is believed in where some value says so.
    fn is_sure_of(&self, candidate: &Candidate) -> bool {
        candidate.reading.decimal != b',' || self.told_decimal || self.comma
    }

    /// The type, and how texts are read; text, if it can be nothing else. `comma` is whether numbers of the file have decimal commas.
    pub(super) fn outcome(&self, comma: bool) -> (DataType, Reading) {
        let found = self.alive.iter().filter(|_| self.seen).find(|candidate| {
            let is_number = candidate.kind == Kind::Number;
            // Where others have commas, a point does not mean the same.
            !is_number || (self.digits && !(comma && candidate.reading.decimal == b'.') && self.is_sure_of(candidate))
        });
        found.map_or((DataType::Utf8View, Reading::default()), |candidate| (candidate.data_type.clone(), candidate.reading.clone()))
    }

    /// Whether these are numbers with decimal commas, and nothing else.
    pub(super) fn has_comma(&self) -> bool {
        self.seen && self.comma && self.alive.first().is_some_and(|first| first.kind == Kind::Number && first.reading.decimal == b',')
    }

    /// Whether the column can be anything but text, and a text cannot be that.
    pub(super) fn excludes(&self, text: &str) -> bool {
        let text = text.trim();
        let is_typed = self.outcome(false).0 != DataType::Utf8View;
        self.seen && is_typed && !text.is_empty() && !self.alive.iter().any(|candidate| candidate.reads(&[text]))
    }
}

/// All candidates, the narrowest types first.
fn candidates(options: &Options, delimiter: u8) -> Result<Vec<Candidate>> {
    let of = |kind: Kind, data_type: DataType, reading: Reading| Candidate { kind, data_type, reading };
    let (thousands, told_decimal) = (options.csv.thousands, options.csv.decimal);
    let numeric = |decimal: u8| Reading { format: None, decimal, thousands };
    let first_decimal = told_decimal.unwrap_or(b'.');
    let mut found = vec![
        of(Kind::Boolean, DataType::Boolean, Reading::default()),
        of(Kind::Integer, DataType::Int64, numeric(first_decimal)),
        of(Kind::Whole, DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0), numeric(first_decimal)),
        of(Kind::Number, DataType::Float64, numeric(first_decimal)),
    ];
    if told_decimal.is_none() && thousands.is_none() && delimiter != b',' {
        found.push(of(Kind::Number, DataType::Float64, numeric(b',')));
    }
    found.push(of(Kind::Time, DataType::Time64(TimeUnit::Microsecond), Reading::default()));
    let formatted = |text: &str| Ok::<_, crate::Error>(Reading { format: Some(Format::new(text)?), ..Reading::default() });
    match &options.date_format {
        Some(told) => found.push(of(Kind::Date, DataType::Date32, formatted(told)?)),
        None => {
            found.push(of(Kind::Date, DataType::Date32, Reading::default()));
            for date in DATES {
                found.push(of(Kind::Date, DataType::Date32, formatted(date)?));
            }
        }
    }
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
    match &options.timestamp_format {
        Some(told) => found.push(of(Kind::Timestamp, timestamp, formatted(told)?)),
        None => {
            found.push(of(Kind::Timestamp, timestamp.clone(), Reading::default()));
            found.push(of(Kind::Moment, DataType::Timestamp(TimeUnit::Microsecond, Some(types::ZONE.into())), Reading::default()));
            for format in DATES.iter().flat_map(|date| TIMES.iter().map(move |time| format!("{date}{time}"))) {
                found.push(of(Kind::Timestamp, timestamp.clone(), formatted(&format)?));
            }
            found.push(of(Kind::Timestamp, timestamp, formatted("%Y-%m-%d %H:%M")?));
        }
    }
    Ok(found)
}

impl Candidate {
    fn reads(&self, texts: &[&str]) -> bool {
        if !texts.iter().all(|text| self.is_plausible(text)) {
            return false;
        }
        if self.kind == Kind::Boolean {
            return true;
        }
        let read: Option<Vec<_>> = texts.iter().map(|text| self.reading.sql(text, &self.data_type)).collect();
        let Some(read) = read else { return false };
        let array: ArrayRef = Arc::new(StringViewArray::from_iter_values(read));
        let options = CastOptions { safe: true, ..CastOptions::default() };
        cast_with_options(&array, &self.data_type, &options).is_ok_and(|cast| cast.null_count() == 0)
    }

    /// Whether a text looks like one of the kind: casts read more than people would take for it.
    fn is_plausible(&self, text: &str) -> bool {
        if let Some(format) = &self.reading.format {
            return has_shape(text, format.text());
        }
        match self.kind {
            Kind::Boolean => ["true", "false", "t", "f", "yes", "no"].iter().any(|word| word.eq_ignore_ascii_case(text)),
            Kind::Integer | Kind::Whole => {
                self.is_number(text) && !text.bytes().any(|byte| matches!(byte, b'e' | b'E') || byte == self.reading.decimal)
            }
            Kind::Number => {
                (self.is_number(text) && !is_beyond(text))
                    || ["nan", "inf", "-inf", "infinity", "-infinity"].iter().any(|word| word.eq_ignore_ascii_case(text))
            }
            Kind::Time => has_shape(text, "%H:%M") || has_shape(text, "%H:%M:%S") || has_fraction(text, "%H:%M:%S"),
            Kind::Date => has_shape(text, "%Y-%m-%d"),
            Kind::Timestamp => is_timestamp(text),
            Kind::Moment => without_zone(text).is_some_and(is_timestamp),
        }
    }

    /// A number with a zero before it is a code: a postcode, a telephone number.
    fn is_number(&self, text: &str) -> bool {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let is_code = digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
        let is_part = |byte: u8| {
            byte.is_ascii_digit()
                || matches!(byte, b'+' | b'-' | b'e' | b'E')
                || byte == self.reading.decimal
                || Some(byte) == self.reading.thousands
        };
        !is_code && !text.starts_with('+') && text.bytes().all(is_part)
    }
}

/// Whether a whole number has more digits than any type keeps: it stays text.
fn is_beyond(text: &str) -> bool {
    let digits = text.trim_start_matches('-');
    digits.len() > usize::from(DECIMAL128_MAX_PRECISION) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a comma in a number is no sign between thousands.
fn has_decimal_comma(text: &str) -> bool {
    let text = text.trim_start_matches('-');
    match text.split_once(',') {
        Some((whole, fraction)) => fraction.len() != 3 || whole.is_empty() || whole.len() > 3 || whole.starts_with('0'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use arrow::datatypes::Field;

    use super::*;

    fn guessed(texts: &[&str]) -> (String, Option<String>, u8) {
        let mut guess = Guess::any(&Options::default(), b';').unwrap();
        texts.chunks(2).for_each(|texts| guess.look(texts));
        let (data_type, reading) = guess.outcome(false);
        (types::sql_name(&Field::new("x", data_type, true)), reading.format.map(|format| format.text().to_owned()), reading.decimal)
    }

    #[test]
    fn types_are_guessed() {
        for (texts, expected) in [
            (&["1", "-2", "9223372036854775807"][..], "BIGINT"),
            (&["1", "9223372036854775808"], "DECIMAL(38,0)"),
            (&["1", "1.5", "9223372036854775808"], "DOUBLE"),
            (&["1e5", ".5", "5.", "nan"], "DOUBLE"),
            (&["nan", "inf"], "VARCHAR"),
            (&["9999999999999999999999999999999999999999"], "VARCHAR"),
            (&["01067", "20095"], "VARCHAR"),
            (&["00.5"], "VARCHAR"),
            (&["+5"], "VARCHAR"),
            (&["0", "-0", "0.5"], "DOUBLE"),
            (&["true", "FALSE"], "BOOLEAN"),
            (&["yes", "no", "t"], "BOOLEAN"),
            (&["1", "0", "true"], "VARCHAR"),
            (&["on", "off"], "VARCHAR"),
            (&["2024-01-31", "2024-2-1"], "DATE"),
            (&["2024-01-31", "x"], "VARCHAR"),
            (&["2024-02-30"], "VARCHAR"),
            (&["2024-01-31 10:00:00", "2024-01-31T10:00:00.5"], "TIMESTAMP"),
            (&["2024-01-31 10:00"], "TIMESTAMP"),
            (&["2024-01-31", "2024-01-31 10:00:00"], "VARCHAR"),
            (&["2024-01-31T10:00:00Z", "2024-01-31 10:00:00+02:00"], "TIMESTAMP WITH TIME ZONE"),
            (&["10:00", "9:05:01", "23:59:59.5"], "TIME"),
            (&["25:00"], "VARCHAR"),
            (&["", " "], "VARCHAR"),
            (&["31.01.24"], "VARCHAR"),
            (&["1.2.3"], "VARCHAR"),
        ] {
            assert_eq!(guessed(texts).0, expected, "{texts:?}");
        }
    }

    #[test]
    fn formats_are_guessed() {
        for (texts, format) in [
            (&["31.01.2024", "1.2.2024"][..], "%d.%m.%Y"),
            (&["01/31/2024", "02/01/2024"], "%m/%d/%Y"),
            (&["31/01/2024", "01/02/2024"], "%d/%m/%Y"),
            (&["01/02/2024"], "%d/%m/%Y"),
            (&["2024/01/31"], "%Y/%m/%d"),
            (&["31.01.2024 10:00"], "%d.%m.%Y %H:%M"),
            (&["01/31/2024 10:00:00 PM"], "%m/%d/%Y %I:%M:%S %p"),
        ] {
            assert_eq!(guessed(texts).1.as_deref(), Some(format), "{texts:?}");
        }
        assert_eq!(guessed(&["1,5", "2"]), ("DOUBLE".to_owned(), None, b','));
        assert_eq!(guessed(&["1,234", "0,5"]), ("DOUBLE".to_owned(), None, b','));
        for thousands in [&["1,5", "2.5"][..], &["1,234", "5,678"], &["1,234,567"]] {
            assert_eq!(guessed(thousands).0, "VARCHAR", "{thousands:?}");
        }
        let mut between = Guess::any(&Options::default(), b',').unwrap();
        between.look(&["1,5"]);
        assert_eq!(between.outcome(false).0, DataType::Utf8View);
    }

    #[test]
    fn a_comma_elsewhere_takes_the_point_its_meaning() {
        let mut guess = Guess::any(&Options::default(), b';').unwrap();
        guess.look(&["1.234", "5.678"]);
        assert!(!guess.has_comma());
        assert_eq!(guess.outcome(true).0, DataType::Utf8View);
        let mut whole = Guess::any(&Options::default(), b';').unwrap();
        whole.look(&["1", "2"]);
        assert_eq!(whole.outcome(true).0, DataType::Int64);
    }
}
