//! How far it is from one moment to another.

use arrow::datatypes::IntervalMonthDayNano;
use chrono::{Datelike, NaiveDate};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::lit;

use super::super::rows::{Function, Kind, Out, function};
use super::calendar::{DAY, SECOND, date_of, days, interval, months_later, shifted, too_far};
use super::columns;
use super::field::Field;
use crate::error::{Error, Result};
use crate::types::ZONE;

pub(super) fn functions() -> Vec<Function> {
    use Kind::{Date, Int, Interval, Moment, Text, Time, Timestamp};
    vec![
        function(
            "date_diff",
            "date_diff(part, from, to)",
            "how many times a 'year', 'month', 'day' … begins between two moments",
            "date_diff('month', DATE '2024-01-31', DATE '2024-02-01')",
        )
        .also(&["datediff", "timestampdiff"])
        .of_columns(columns::distance)
        .form(&[Text, Timestamp, Timestamp], Int, |a| boundaries(Field::parse(a.text(0)?)?, a.micros(1)?, a.micros(2)?).map(Into::into))
        .form(&[Text, Moment, Moment], Int, |a| boundaries(Field::parse(a.text(0)?)?, a.micros(1)?, a.micros(2)?).map(Into::into))
        .form(&[Text, Time, Time], Int, |a| of_times(Field::parse(a.text(0)?)?, a.micros(1)?, a.micros(2)?, true).map(Into::into)),
        function(
            "date_sub",
            "date_sub(part, from, to)",
            "how many whole years, months, days … are between two moments",
            "date_sub('month', DATE '2024-01-31', DATE '2024-03-01')",
        )
        .also(&["datesub"])
        .form(&[Text, Timestamp, Timestamp], Int, |a| whole(Field::parse(a.text(0)?)?, a.micros(1)?, a.micros(2)?).map(Into::into))
        .form(&[Text, Moment, Moment], Int, |a| whole(Field::parse(a.text(0)?)?, a.micros(1)?, a.micros(2)?).map(Into::into))
        .form(&[Text, Time, Time], Int, |a| of_times(Field::parse(a.text(0)?)?, a.micros(1)?, a.micros(2)?, false).map(Into::into)),
        function(
            "age",
            "age(later, earlier) or age(earlier)",
            "the years, months, days and time between two moments, or until today",
            "age(DATE '2024-03-01', DATE '2023-01-31')",
        )
        .form(&[Timestamp], Interval, |_| Err(Error::internal("age was not answered when the statement began")))
        .with_now(|arguments, now| match arguments {
            [earlier] => {
                Some(vec![lit(ScalarValue::TimestampMicrosecond(Some(now.timestamp_micros() / DAY * DAY), None)), earlier.clone()])
            }
            _ => None,
        })
        .form(&[Timestamp, Timestamp], Interval, |a| age(a.micros(0)?, a.micros(1)?).map(Into::into))
        .form(&[Moment, Moment], Interval, |a| age(a.micros(0)?, a.micros(1)?).map(Into::into)),
        function("ago", "ago(interval)", "the moment an interval before now", "ago(INTERVAL '1 day')")
            .form(&[Interval], Moment, |_| Err(Error::internal("ago was not answered when the statement began")))
            .form(&[Interval, Moment], Moment, |a| {
                let back = a.interval(0)?;
                let back = IntervalMonthDayNano { months: -back.months, days: -back.days, nanoseconds: -back.nanoseconds };
                shifted(a.micros(1)?, back).map(Out::Micros)
            })
            .with_now(|arguments, now| match arguments {
                [interval] => {
                    Some(vec![interval.clone(), lit(ScalarValue::TimestampMicrosecond(Some(now.timestamp_micros()), Some(ZONE.into())))])
                }
                _ => None,
            }),
        function(
            "months_between",
            "months_between(later, earlier)",
            "whole months between two dates",
            "months_between(DATE '2024-03-01', DATE '2024-01-01')",
        )
        .form(&[Date, Date], Int, |a| whole(Field::Month, a.micros(1)?, a.micros(0)?).map(Into::into))
        .form(&[Timestamp, Timestamp], Int, |a| whole(Field::Month, a.micros(1)?, a.micros(0)?).map(Into::into)),
    ]
}

fn no_distance(field: Field) -> Error {
    Error::invalid(format!("'{}' measures no distance", field.name()))
        .with_hint("parts are year, quarter, month, week, day, hour, minute, second, …")
}

/// A year divided by this is what the part counts.
fn years(field: Field) -> Option<i32> {
    Some(match field {
        Field::Millennium => 1000,
        Field::Century => 100,
        Field::Decade => 10,
        Field::Year => 1,
        _ => return None,
    })
}

/// How many times a part begins; weeks are counted whole, as DuckDB does.
pub(super) fn boundaries(field: Field, from: i64, to: i64) -> Result<i64> {
    if let Some(length) = field.micros() {
        return Ok(to.div_euclid(length) - from.div_euclid(length));
    }
    let (first, last) = (date_of(from)?, date_of(to)?);
    if let Some(years) = years(field) {
        return Ok(i64::from(last.year() / years) - i64::from(first.year() / years));
    }
    let month = |date: NaiveDate| i64::from(date.year()) * 12 + i64::from(date.month0());
    Ok(match field {
        Field::IsoYear => i64::from(last.iso_week().year()) - i64::from(first.iso_week().year()),
        Field::Quarter => month(last).div_euclid(3) - month(first).div_euclid(3),
        Field::Month => month(last) - month(first),
        Field::Week | Field::YearWeek => (days(last) - days(first)) / 7,
        Field::Day | Field::DayOfWeek | Field::IsoDayOfWeek | Field::DayOfYear | Field::Julian => days(last) - days(first),
        _ => return Err(no_distance(field)),
    })
}

/// How many whole parts there are.
fn whole(field: Field, from: i64, to: i64) -> Result<i64> {
    let distance = || to.checked_sub(from).ok_or_else(too_far);
    if let Some(length) = field.micros() {
        return Ok(distance()? / length);
    }
    if let Some(length) = field.months() {
        return Ok(whole_months(from, to)? / length);
    }
    match field {
        Field::Week | Field::YearWeek => Ok(distance()? / (7 * DAY)),
        Field::Day | Field::DayOfWeek | Field::IsoDayOfWeek | Field::DayOfYear | Field::Julian => Ok(distance()? / DAY),
        _ => Err(no_distance(field)),
    }
}

/// Whole months; from the last day of a month to the last day of a shorter one is a whole month.
fn whole_months(from: i64, to: i64) -> Result<i64> {
    if to < from {
        return Ok(-whole_months(to, from)?);
    }
    let (first, last) = (date_of(from)?, date_of(to)?);
    let months = (i64::from(last.year()) - i64::from(first.year())) * 12 + i64::from(last.month0()) - i64::from(first.month0());
    let reached = months_later(first, months)?;
    let is_short = (reached, from.rem_euclid(DAY)) > (last, to.rem_euclid(DAY));
    Ok(months - i64::from(is_short))
}

/// Parts between two times of day.
fn of_times(field: Field, from: i64, to: i64, by_boundaries: bool) -> Result<i64> {
    let length = field.micros().ok_or_else(|| Error::invalid(format!("a TIME has no part '{}'", field.name())))?;
    Ok(if by_boundaries { to / length - from / length } else { (to - from) / length })
}

/// As PostgreSQL's `age`: years, months and days as a calendar counts them, borrowing the days of the earlier month.
fn age(later: i64, earlier: i64) -> Result<IntervalMonthDayNano> {
    if later < earlier {
        let turned = age(earlier, later)?;
        return interval(-i64::from(turned.months), -i64::from(turned.days), -turned.nanoseconds / 1000);
    }
    let (last, first) = (date_of(later)?, date_of(earlier)?);
    let mut months = (i64::from(last.year()) - i64::from(first.year())) * 12 + i64::from(last.month0()) - i64::from(first.month0());
    let mut days = i64::from(last.day()) - i64::from(first.day());
    let mut micros = later.rem_euclid(DAY) - earlier.rem_euclid(DAY);
    if micros < 0 {
        micros += 86_400 * SECOND;
        days -= 1;
    }
    if days < 0 {
        days += i64::from(first.num_days_in_month());
        months -= 1;
    }
    interval(months, days, micros)
}
