//! Days and microseconds as a calendar's dates, and back.

use arrow::datatypes::IntervalMonthDayNano;
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime};

use crate::error::{Error, Result};

/// Microseconds in a day.
pub(in crate::functions) const DAY: i64 = 86_400_000_000;

/// Microseconds in a second.
pub(super) const SECOND: i64 = 1_000_000;

/// Days from the first day of year 1 to 1970, as chrono counts them.
const TO_1970: i64 = 719_163;

/// The error for what is outside the calendar.
pub(super) fn too_far() -> Error {
    Error::invalid("a date is out of range").with_hint("dates are within some 260,000 years around today")
}

/// The date of a number of days since 1970.
pub(super) fn date(days: i64) -> Result<NaiveDate> {
    let days = days.checked_add(TO_1970).and_then(|days| i32::try_from(days).ok());
    days.and_then(NaiveDate::from_num_days_from_ce_opt).ok_or_else(too_far)
}

/// Days since 1970.
pub(super) fn days(date: NaiveDate) -> i64 {
    i64::from(date.num_days_from_ce()) - TO_1970
}

/// Days since 1970 as a DATE holds them.
pub(super) fn date32(days: i64) -> Result<i32> {
    i32::try_from(days).map_err(|_| too_far())
}

/// The date and time of microseconds since 1970.
pub(super) fn moment(micros: i64) -> Result<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros).map(|moment| moment.naive_utc()).ok_or_else(too_far)
}

/// Microseconds since 1970 of a day's midnight.
pub(super) fn midnight(days: i64) -> Result<i64> {
    days.checked_mul(DAY).ok_or_else(too_far)
}

/// The date of microseconds since 1970.
pub(super) fn date_of(micros: i64) -> Result<NaiveDate> {
    date(micros.div_euclid(DAY))
}

/// A date some months later; the last day of a shorter month stands for those that it lacks.
pub(super) fn months_later(date: NaiveDate, months: i64) -> Result<NaiveDate> {
    let count = u32::try_from(months.unsigned_abs()).map(Months::new).map_err(|_| too_far())?;
    let shifted = if months < 0 { date.checked_sub_months(count) } else { date.checked_add_months(count) };
    shifted.ok_or_else(too_far)
}

/// Microseconds since 1970, an interval later: its months first, then its days, then the rest.
pub(in crate::functions) fn shifted(micros: i64, interval: IntervalMonthDayNano) -> Result<i64> {
    let date = months_later(date_of(micros)?, i64::from(interval.months))?;
    let count = Days::new(u64::from(interval.days.unsigned_abs()));
    let date = if interval.days < 0 { date.checked_sub_days(count) } else { date.checked_add_days(count) };
    let day = midnight(days(date.ok_or_else(too_far)?))?;
    day.checked_add(micros.rem_euclid(DAY)).and_then(|micros| micros.checked_add(interval.nanoseconds / 1000)).ok_or_else(too_far)
}

/// An interval of months, days and microseconds.
pub(super) fn interval(months: i64, days: i64, micros: i64) -> Result<IntervalMonthDayNano> {
    let parts = (i32::try_from(months).ok(), i32::try_from(days).ok(), micros.checked_mul(1000));
    match parts {
        (Some(months), Some(days), Some(nanoseconds)) => Ok(IntervalMonthDayNano { months, days, nanoseconds }),
        _ => Err(Error::invalid("an interval is out of range")),
    }
}
