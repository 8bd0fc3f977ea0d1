//! Dates, times and intervals made of numbers, and numbers made of them.

use arrow::datatypes::IntervalMonthDayNano;
use chrono::{NaiveDate, NaiveTime, Timelike};

use super::super::rows::{Args, Function, Kind, Out, function};
use super::calendar::{DAY, SECOND, date32, days, interval, midnight, shifted, too_far};
use super::field::Field;
use crate::error::{Error, Result};

pub(super) fn functions() -> Vec<Function> {
    [made(), intervals(), epochs()].concat()
}

fn made() -> Vec<Function> {
    use Kind::{Date, Float, Int, Interval, Moment, Text, Time, Timestamp};
    vec![
        function("make_date", "make_date(year, month, day)", "a DATE of its parts, or of days since 1970", "make_date(2024, 5, 6)")
            .form(&[Int], Date, |a| Ok(Out::Date(date32(a.int(0)?)?)))
            .form(&[Int, Int, Int], Date, |a| Ok(Out::Date(date32(days(date_of_parts(a)?))?))),
        function("make_time", "make_time(hour, minute, second)", "a TIME of its parts", "make_time(10, 20, 30.5)").form(
            &[Int, Int, Float],
            Time,
            |a| time_of_parts(a, 0).map(Out::Micros),
        ),
        function(
            "make_timestamp",
            "make_timestamp(year, month, day, hour, minute, second)",
            "a TIMESTAMP of its parts, or of microseconds since 1970",
            "make_timestamp(2024, 5, 6, 7, 8, 9.5)",
        )
        .form(&[Int], Timestamp, |a| Ok(Out::Micros(a.int(0)?)))
        .form(&[Int, Int, Int, Int, Int, Float], Timestamp, |a| moment_of_parts(a).map(Out::Micros)),
        function(
            "make_timestamptz",
            "make_timestamptz(year, month, day, hour, minute, second)",
            "a TIMESTAMP WITH TIME ZONE of its parts in UTC, or of microseconds since 1970",
            "make_timestamptz(2024, 5, 6, 7, 8, 9.5)",
        )
        .form(&[Int], Moment, |a| Ok(Out::Micros(a.int(0)?)))
        .form(&[Int, Int, Int, Int, Int, Float], Moment, |a| moment_of_parts(a).map(Out::Micros)),
        function(
            "make_timestamp_ms",
            "make_timestamp_ms(milliseconds)",
            "the TIMESTAMP of milliseconds since 1970",
            "make_timestamp_ms(1700000000000)",
        )
        .form(&[Int], Timestamp, |a| a.int(0)?.checked_mul(1000).map(Out::Micros).ok_or_else(too_far)),
        function(
            "make_timestamp_ns",
            "make_timestamp_ns(nanoseconds)",
            "the TIMESTAMP of nanoseconds since 1970, without those below a microsecond",
            "make_timestamp_ns(1700000000000000000)",
        )
        .form(&[Int], Timestamp, |a| Ok(Out::Micros(a.int(0)?.div_euclid(1000)))),
        function(
            "date_add",
            "date_add(date, interval) or date_add(part, n, date)",
            "a moment later by an interval",
            "date_add(DATE '2024-01-31', INTERVAL '1 month')",
        )
        .also(&["dateadd", "timestampadd"])
        .form(&[Timestamp, Interval], Timestamp, |a| shifted(a.micros(0)?, a.interval(1)?).map(Out::Micros))
        .form(&[Moment, Interval], Moment, |a| shifted(a.micros(0)?, a.interval(1)?).map(Out::Micros))
        .form(&[Text, Int, Timestamp], Timestamp, |a| shifted(a.micros(2)?, parts_of(a)?).map(Out::Micros))
        .form(&[Text, Int, Moment], Moment, |a| shifted(a.micros(2)?, parts_of(a)?).map(Out::Micros)),
        function("add_months", "add_months(date, n)", "the date some months later", "add_months(DATE '2024-01-31', 1)")
            .form(&[Date, Int], Date, |a| Ok(Out::Date(date32(shifted(a.micros(0)?, interval(a.int(1)?, 0, 0)?)?.div_euclid(DAY))?)))
            .form(&[Timestamp, Int], Timestamp, |a| shifted(a.micros(0)?, interval(a.int(1)?, 0, 0)?).map(Out::Micros)),
    ]
}

/// So many of a part, as an interval.
fn parts_of(a: &Args<'_>) -> Result<IntervalMonthDayNano> {
    let (field, n) = (Field::parse(a.text(0)?)?, a.int(1)?);
    let times = |length: i64| n.checked_mul(length).ok_or_else(|| Error::invalid("an interval is out of range"));
    match (field, field.months(), field.micros()) {
        (Field::Epoch | Field::IsoYear, ..) => Err(Error::invalid(format!("'{}' is no length of time", field.name()))),
        (_, Some(months), _) => interval(times(months)?, 0, 0),
        (_, _, Some(micros)) => interval(0, 0, times(micros)?),
        (Field::Week, ..) => interval(0, times(7)?, 0),
        (Field::Day, ..) => interval(0, n, 0),
        _ => Err(Error::invalid(format!("'{}' is no length of time", field.name()))),
    }
}

fn date_of_parts(a: &Args<'_>) -> Result<NaiveDate> {
    let (year, month, day) = (a.int(0)?, a.int(1)?, a.int(2)?);
    let date = i32::try_from(year).ok().zip(u32::try_from(month).ok()).zip(u32::try_from(day).ok());
    let date = date.and_then(|((year, month), day)| NaiveDate::from_ymd_opt(year, month, day));
    date.ok_or_else(|| Error::invalid(format!("there is no date {year}-{month}-{day}")))
}

/// Microseconds since midnight of hour, minute and second from an argument on.
fn time_of_parts(a: &Args<'_>, from: usize) -> Result<i64> {
    let (hour, minute, second) = (a.int(from)?, a.int(from + 1)?, a.float(from + 2)?);
    let micros = (second * SECOND as f64).round();
    if !((0..24).contains(&hour) && (0..60).contains(&minute) && (0.0..60e6).contains(&micros)) {
        return Err(Error::invalid(format!("there is no time {hour}:{minute}:{second}")));
    }
    Ok((hour * 3600 + minute * 60) * SECOND + micros as i64)
}

fn moment_of_parts(a: &Args<'_>) -> Result<i64> {
    midnight(days(date_of_parts(a)?))?.checked_add(time_of_parts(a, 3)?).ok_or_else(too_far)
}

/// Defines a function that makes an interval of whole parts.
macro_rules! to_interval {
    ($name:literal, $about:literal, $months:expr, $days:expr, $micros:expr) => {
        function($name, concat!($name, "(n)"), $about, concat!($name, "(2)")).form(&[Kind::Int], Kind::Interval, |a| {
            let n = a.int(0)?;
            let times = |length: i64| n.checked_mul(length).ok_or_else(|| Error::invalid("an interval is out of range"));
            interval(times($months)?, times($days)?, times($micros)?).map(Into::into)
        })
    };
}

fn intervals() -> Vec<Function> {
    use Kind::{Float, Int, Interval};
    vec![
        to_interval!("to_millennia", "so many thousand years", 12_000, 0, 0),
        to_interval!("to_centuries", "so many hundred years", 1_200, 0, 0),
        to_interval!("to_decades", "so many times ten years", 120, 0, 0),
        to_interval!("to_years", "so many years", 12, 0, 0),
        to_interval!("to_quarters", "so many times three months", 3, 0, 0),
        to_interval!("to_months", "so many months", 1, 0, 0),
        to_interval!("to_weeks", "so many weeks", 0, 7, 0),
        to_interval!("to_days", "so many days", 0, 1, 0),
        to_interval!("to_hours", "so many hours", 0, 0, 3600 * SECOND),
        to_interval!("to_minutes", "so many minutes", 0, 0, 60 * SECOND),
        to_interval!("to_microseconds", "so many microseconds", 0, 0, 1),
        function("to_seconds", "to_seconds(n)", "so many seconds", "to_seconds(1.5)")
            .form(&[Float], Interval, |a| micros_interval(a.float(0)? * 1e6)),
        function("to_milliseconds", "to_milliseconds(n)", "so many milliseconds", "to_milliseconds(1500)")
            .form(&[Float], Interval, |a| micros_interval(a.float(0)? * 1e3)),
        function(
            "normalized_interval",
            "normalized_interval(interval)",
            "the interval with months of 30 days and days of 24 hours filled up",
            "normalized_interval(INTERVAL '30 hours')",
        )
        .also(&["justify_interval"])
        .form(&[Interval], Interval, |a| normalized(a.interval(0)?).map(Into::into)),
        function("justify_hours", "justify_hours(interval)", "the interval with 24 hours as a day", "justify_hours(INTERVAL '30 hours')")
            .form(&[Interval], Interval, |a| {
                let from = a.interval(0)?;
                let micros = from.nanoseconds / 1000;
                interval(from.months.into(), i64::from(from.days) + micros / DAY, micros % DAY).map(Into::into)
            }),
        function("justify_days", "justify_days(interval)", "the interval with 30 days as a month", "justify_days(INTERVAL '40 days')")
            .form(&[Interval], Interval, |a| {
                let from = a.interval(0)?;
                interval(i64::from(from.months) + i64::from(from.days / 30), (from.days % 30).into(), from.nanoseconds / 1000)
                    .map(Into::into)
            }),
        function(
            "make_interval",
            "make_interval(years, months, weeks, days, hours, minutes, seconds)",
            "an interval of its parts",
            "make_interval(1, 2, 0, 3, 4, 5, 6.5)",
        )
        .form(&[Int, Int, Int, Int, Int, Int, Float], Interval, |a| {
            let over = || Error::invalid("an interval is out of range");
            let sum = |first: usize, times: i64, second: usize| {
                a.int(first)?.checked_mul(times).and_then(|product| product.checked_add(a.int(second).ok()?)).ok_or_else(over)
            };
            let minutes = sum(4, 60, 5)?.checked_mul(60 * SECOND).ok_or_else(over)?;
            let seconds = micros_of(a.float(6)? * 1e6)?;
            interval(sum(0, 12, 1)?, sum(2, 7, 3)?, minutes.checked_add(seconds).ok_or_else(over)?).map(Into::into)
        }),
    ]
}

fn micros_of(micros: f64) -> Result<i64> {
    match micros.abs() < 9e15 {
        true => Ok(micros.round() as i64),
        false => Err(Error::invalid("an interval is out of range")),
    }
}

fn micros_interval(micros: f64) -> Result<Out<'static>> {
    interval(0, 0, micros_of(micros)?).map(Into::into)
}

fn normalized(from: IntervalMonthDayNano) -> Result<IntervalMonthDayNano> {
    let micros = from.nanoseconds / 1000;
    let days = i64::from(from.days) + micros / DAY;
    interval(i64::from(from.months) + days / 30, days % 30, micros % DAY)
}

fn epochs() -> Vec<Function> {
    use Kind::{Date, Float, Int, Interval, Moment, Time, Timestamp};
    let function_of = |name, usage, about, example, run: super::super::rows::Run| {
        function(name, usage, about, example).form(&[Date], Int, run).form(&[Timestamp], Int, run).form(&[Moment], Int, run).form(
            &[Time],
            Int,
            run,
        )
    };
    vec![
        function_of(
            "epoch_ms",
            "epoch_ms(value)",
            "milliseconds since 1970; the TIMESTAMP of such a number",
            "epoch_ms(TIMESTAMP '2024-05-06')",
            |a| Ok(a.micros(0)?.div_euclid(1000).into()),
        )
        .form(&[Int], Timestamp, |a| a.int(0)?.checked_mul(1000).map(Out::Micros).ok_or_else(too_far))
        .form(&[Interval], Int, |a| Ok((in_micros(a.interval(0)?)? / 1000).into())),
        function_of("epoch_us", "epoch_us(value)", "microseconds since 1970", "epoch_us(TIMESTAMP '2024-05-06')", |a| {
            Ok(a.micros(0)?.into())
        })
        .form(&[Interval], Int, |a| Ok(in_micros(a.interval(0)?)?.into())),
        function_of("epoch_ns", "epoch_ns(value)", "nanoseconds since 1970", "epoch_ns(TIMESTAMP '2024-05-06')", |a| {
            Ok(a.micros(0)?.checked_mul(1000).ok_or_else(too_far)?.into())
        })
        .form(&[Interval], Int, |a| Ok(in_micros(a.interval(0)?)?.checked_mul(1000).ok_or_else(too_far)?.into())),
        function("to_unixtime", "to_unixtime(value)", "whole seconds since 1970", "to_unixtime(TIMESTAMP '2024-05-06')")
            .also(&["unix_timestamp"])
            .form(&[Timestamp], Int, |a| Ok(a.micros(0)?.div_euclid(SECOND).into())),
        function("from_unixtime", "from_unixtime(seconds)", "the TIMESTAMP of seconds since 1970", "from_unixtime(1700000000)")
            .form(&[Int], Timestamp, |a| a.int(0)?.checked_mul(SECOND).map(Out::Micros).ok_or_else(too_far))
            .form(&[Float], Timestamp, |a| of_seconds(a.float(0)?).map(Out::Micros)),
    ]
}

/// Microseconds since 1970 of seconds with a fraction.
pub(super) fn of_seconds(seconds: f64) -> Result<i64> {
    let micros = (seconds * 1e6).round();
    match micros.abs() < 9.2e18 {
        true => Ok(micros as i64),
        false => Err(too_far()),
    }
}

/// An interval's length, with months of 30 days.
fn in_micros(from: IntervalMonthDayNano) -> Result<i64> {
    let days = i64::from(from.months) * 30 + i64::from(from.days);
    days.checked_mul(DAY).and_then(|days| days.checked_add(from.nanoseconds / 1000)).ok_or_else(too_far)
}

/// Microseconds since midnight.
pub(super) fn of_time(time: NaiveTime) -> i64 {
    i64::from(time.num_seconds_from_midnight()) * SECOND + i64::from(time.nanosecond() % 1_000_000_000) / 1000
}
