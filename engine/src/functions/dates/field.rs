//! The parts of a date or a time, under all their names.

use crate::error::{Error, Result};

/// A part of a date or a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Era,
    Millennium,
    Century,
    Decade,
    Year,
    IsoYear,
    Quarter,
    Month,
    Week,
    YearWeek,
    Day,
    DayOfWeek,
    IsoDayOfWeek,
    DayOfYear,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
    Epoch,
    Julian,
    Timezone,
}

/// Every name of every part.
const NAMES: [(Field, &[&str]); 23] = [
    (Field::Era, &["era"]),
    (Field::Millennium, &["millennium", "millennia", "mil", "mils", "millenium"]),
    (Field::Century, &["century", "centuries", "c", "cent"]),
    (Field::Decade, &["decade", "decades", "dec", "decs"]),
    (Field::Year, &["year", "years", "y", "yr", "yrs", "yyyy"]),
    (Field::IsoYear, &["isoyear"]),
    (Field::Quarter, &["quarter", "quarters", "q", "qtr"]),
    (Field::Month, &["month", "months", "mon", "mons", "mm"]),
    (Field::Week, &["week", "weeks", "w", "weekofyear", "isoweek"]),
    (Field::YearWeek, &["yearweek"]),
    (Field::Day, &["day", "days", "d", "dd", "dayofmonth"]),
    (Field::DayOfWeek, &["dow", "dayofweek", "weekday"]),
    (Field::IsoDayOfWeek, &["isodow"]),
    (Field::DayOfYear, &["doy", "dayofyear"]),
    (Field::Hour, &["hour", "hours", "h", "hr", "hrs"]),
    (Field::Minute, &["minute", "minutes", "m", "min", "mins"]),
    (Field::Second, &["second", "seconds", "s", "sec", "secs"]),
    (Field::Millisecond, &["millisecond", "milliseconds", "ms", "msec", "msecs", "msecond", "mseconds"]),
    (Field::Microsecond, &["microsecond", "microseconds", "us", "usec", "usecs", "usecond", "useconds"]),
    (Field::Nanosecond, &["nanosecond", "nanoseconds", "ns", "nsec", "nsecs"]),
    (Field::Epoch, &["epoch"]),
    (Field::Julian, &["julian", "julianday"]),
    (Field::Timezone, &["timezone", "timezone_hour", "timezone_minute"]),
];

impl Field {
    /// The part of a name.
    pub(super) fn parse(name: &str) -> Result<Self> {
        let found = NAMES.iter().find(|(_, names)| names.iter().any(|known| known.eq_ignore_ascii_case(name)));
        found.map(|(field, _)| *field).ok_or_else(|| {
            let known: Vec<&str> = NAMES.iter().filter_map(|(_, names)| names.first().copied()).collect();
            Error::invalid(format!("'{name}' is no part of a date or a time")).with_hint(format!("parts are {}", known.join(", ")))
        })
    }

    /// Its own name.
    pub(super) fn name(self) -> &'static str {
        NAMES.iter().find(|(field, _)| *field == self).and_then(|(_, names)| names.first()).copied().unwrap_or("")
    }

    /// Whether it is a number with a fraction.
    pub(super) fn is_fraction(self) -> bool {
        matches!(self, Self::Epoch | Self::Julian)
    }

    /// Months in it, of what is measured in months.
    pub(super) fn months(self) -> Option<i64> {
        Some(match self {
            Self::Millennium => 12_000,
            Self::Century => 1_200,
            Self::Decade => 120,
            Self::Year | Self::IsoYear => 12,
            Self::Quarter => 3,
            Self::Month => 1,
            _ => return None,
        })
    }

    /// Microseconds in it, of what is shorter than a day.
    pub(super) fn micros(self) -> Option<i64> {
        Some(match self {
            Self::Hour => 3_600_000_000,
            Self::Minute => 60_000_000,
            Self::Second | Self::Epoch => 1_000_000,
            Self::Millisecond => 1_000,
            Self::Microsecond => 1,
            _ => return None,
        })
    }
}
