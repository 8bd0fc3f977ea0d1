//! The beginning of the hour, day, week … that a moment is in; buckets of any length; the last day of a month.

use arrow::datatypes::IntervalMonthDayNano;
use chrono::{Datelike, Days, NaiveDate};

use super::super::rows::{Args, Function, Kind, Out, function};
use super::calendar::{DAY, date, date_of, date32, days, interval, midnight, months_later, shifted, too_far};
use super::columns;
use super::field::Field;
use crate::error::{Error, Result};

/// Where buckets of months begin to be counted: 2000-01-01, in days since 1970.
const MONTHS_ORIGIN: i64 = 10_957;

/// Where other buckets do: Monday, 2000-01-03.
const DAYS_ORIGIN: i64 = 10_959 * DAY;

pub(super) fn functions() -> Vec<Function> {
    use Kind::{Date, Interval, Moment, Text, Timestamp};
    vec![
        function(
            "date_trunc",
            "date_trunc(part, value)",
            "the beginning of the 'month', 'week', 'hour' … of a moment",
            "date_trunc('month', DATE '2024-05-06')",
        )
        .also(&["datetrunc"])
        .of_columns(columns::beginning)
        .form(&[Text, Timestamp], Timestamp, |a| truncated(Field::parse(a.text(0)?)?, a.micros(1)?).map(Out::Micros))
        .form(&[Text, Moment], Moment, |a| truncated(Field::parse(a.text(0)?)?, a.micros(1)?).map(Out::Micros))
        .form(&[Text, Interval], Interval, |a| interval_truncated(Field::parse(a.text(0)?)?, a.interval(1)?).map(Into::into)),
        function(
            "time_bucket",
            "time_bucket(length, value[, origin or offset])",
            "the beginning of the bucket, of a length, that a moment is in",
            "time_bucket(INTERVAL '15 minutes', TIMESTAMP '2024-05-06 10:20:30')",
        )
        .also(&["date_bin"])
        .form(&[Interval, Date], Date, |a| dated(bucket(a.interval(0)?, a.micros(1)?, None)?))
        .form(&[Interval, Timestamp], Timestamp, |a| bucket(a.interval(0)?, a.micros(1)?, None).map(Out::Micros))
        .form(&[Interval, Moment], Moment, |a| bucket(a.interval(0)?, a.micros(1)?, None).map(Out::Micros))
        .form(&[Interval, Date, Date], Date, |a| dated(bucket(a.interval(0)?, a.micros(1)?, Some(a.micros(2)?))?))
        .form(&[Interval, Timestamp, Timestamp], Timestamp, |a| bucket(a.interval(0)?, a.micros(1)?, Some(a.micros(2)?)).map(Out::Micros))
        .form(&[Interval, Moment, Moment], Moment, |a| bucket(a.interval(0)?, a.micros(1)?, Some(a.micros(2)?)).map(Out::Micros))
        .form(&[Interval, Date, Interval], Date, |a| dated(with_offset(a)?))
        .form(&[Interval, Timestamp, Interval], Timestamp, |a| with_offset(a).map(Out::Micros))
        .form(&[Interval, Moment, Interval], Moment, |a| with_offset(a).map(Out::Micros)),
        function("last_day", "last_day(date)", "the last day of the month", "last_day(DATE '2024-02-05')").form(&[Timestamp], Date, |a| {
            let date = date_of(a.micros(0)?)?;
            let last = date.with_day(u32::from(date.num_days_in_month())).ok_or_else(too_far)?;
            Ok(Out::Date(date32(days(last))?))
        }),
    ]
}

pub(super) fn truncated(field: Field, micros: i64) -> Result<i64> {
    if let Some(length) = field.micros() {
        return Ok(micros - micros.rem_euclid(length));
    }
    let date = date_of(micros)?;
    let first = match field {
        Field::Week | Field::YearWeek => monday(date),
        Field::IsoYear => NaiveDate::from_isoywd_opt(date.iso_week().year(), 1, chrono::Weekday::Mon),
        Field::Day | Field::DayOfWeek | Field::IsoDayOfWeek | Field::DayOfYear | Field::Julian => Some(date),
        _ => match field.months() {
            Some(length) => {
                let month = i64::from(date.year()) * 12 + i64::from(date.month0());
                let month = month - if length < 12 { i64::from(date.month0()) % length } else { month.rem_euclid(length) };
                first_of(month)
            }
            None => return Err(Error::invalid(format!("nothing begins with each '{}'", field.name()))),
        },
    };
    midnight(days(first.ok_or_else(too_far)?))
}

/// The first day of a month, counted from year 0.
fn first_of(month: i64) -> Option<NaiveDate> {
    let year = i32::try_from(month.div_euclid(12)).ok()?;
    NaiveDate::from_ymd_opt(year, u32::try_from(month.rem_euclid(12)).ok()? + 1, 1)
}

fn monday(date: NaiveDate) -> Option<NaiveDate> {
    date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into()))
}

fn interval_truncated(field: Field, from: IntervalMonthDayNano) -> Result<IntervalMonthDayNano> {
    let (months, days, micros) = (i64::from(from.months), i64::from(from.days), from.nanoseconds / 1000);
    if let Some(length) = field.months() {
        return interval(months - months % length, 0, 0);
    }
    match (field, field.micros()) {
        (Field::Week | Field::YearWeek, _) => interval(months, days - days % 7, 0),
        (_, Some(length)) => interval(months, days, micros - micros % length),
        _ => interval(months, days, 0),
    }
}

fn dated(micros: i64) -> Result<Out<'static>> {
    Ok(Out::Date(date32(micros.div_euclid(DAY))?))
}

/// The beginning of a bucket, where all of them are moved by an offset.
fn with_offset(a: &Args<'_>) -> Result<i64> {
    let offset = a.interval(2)?;
    let back = IntervalMonthDayNano { months: -offset.months, days: -offset.days, nanoseconds: -offset.nanoseconds };
    shifted(bucket(a.interval(0)?, shifted(a.micros(1)?, back)?, None)?, offset)
}

fn bucket(length: IntervalMonthDayNano, micros: i64, origin: Option<i64>) -> Result<i64> {
    let (months, rest) = (i64::from(length.months), i64::from(length.days) * DAY + length.nanoseconds / 1000);
    match (months, rest) {
        (1.., 0) => {
            let origin = origin.map_or_else(|| date(MONTHS_ORIGIN), date_of)?;
            let month = |date: NaiveDate| i64::from(date.year()) * 12 + i64::from(date.month0());
            let first = NaiveDate::from_ymd_opt(origin.year(), origin.month(), 1).ok_or_else(too_far)?;
            let distance = month(date_of(micros)?) - month(first);
            midnight(days(months_later(first, distance - distance.rem_euclid(months))?))
        }
        (0, 1..) => {
            let distance = micros.checked_sub(origin.unwrap_or(DAYS_ORIGIN)).ok_or_else(too_far)?;
            Ok(micros - distance.rem_euclid(rest))
        }
        (0, _) | (..=-1, 0) => Err(Error::invalid("the length of a bucket is greater than zero")),
        _ => Err(Error::invalid("the length of a bucket is one of months, or of days and time, not both")),
    }
}
