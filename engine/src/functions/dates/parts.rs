//! `date_part` and EXTRACT of every part, and a function for each: `year(d)`, `dayname(d)`.

use arrow::datatypes::IntervalMonthDayNano;
use chrono::{Datelike, NaiveDate};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::lit;

use super::super::rows::{Args, Function, Kind, Out, function};
use super::calendar::{DAY, SECOND, date, date_of};
use super::columns;
use super::field::Field;
use crate::error::{Error, Result};

/// The Julian day of 1970.
const JULIAN_1970: f64 = 2_440_588.0;

const USAGE: &str = "date_part(part, value)";

/// `date_part`, which EXTRACT becomes.
pub(super) fn date_part() -> Function {
    use Kind::{Date, Int, Interval, Moment, Text, Time, Timestamp};
    function(
        "date_part",
        USAGE,
        "a part of a date, a time or an interval, such as 'year', 'dow' or 'epoch'",
        "date_part('year', DATE '2024-05-06')",
    )
    .also(&["datepart"])
    .of_columns(columns::named_part)
    .form(&[Text, Date], Int, |a| of_moment(Field::parse(a.text(0)?)?, a.micros(1)?))
    .form(&[Text, Timestamp], Int, |a| of_moment(Field::parse(a.text(0)?)?, a.micros(1)?))
    .form(&[Text, Moment], Int, |a| of_zoned(Field::parse(a.text(0)?)?, a.micros(1)?))
    .form(&[Text, Time], Int, |a| of_time(Field::parse(a.text(0)?)?, a.micros(1)?))
    .form(&[Text, Interval], Int, |a| of_interval(Field::parse(a.text(0)?)?, a.interval(1)?))
    .like(|arguments| Some((datafusion::functions::datetime::date_part(), arguments.to_vec())))
    .choosing(|constants| {
        let part = match constants.first() {
            Some(Some(ScalarValue::Utf8(Some(part)) | ScalarValue::Utf8View(Some(part)) | ScalarValue::LargeUtf8(Some(part)))) => part,
            _ => return None,
        };
        Field::parse(part).ok().filter(|field| field.is_fraction()).map(|_| Kind::Float)
    })
}

/// Defines the function of a part.
macro_rules! part {
    ($name:literal, $also:expr, $field:expr, $about:literal) => {
        function($name, concat!($name, "(value)"), $about, concat!($name, "(TIMESTAMP '2024-05-06 07:08:09')"))
            .also(&$also)
            .of_columns(|columns| columns::part($field, columns))
            .form(&[Kind::Date], part!(@kind $field), |a| of_moment($field, a.micros(0)?))
            .form(&[Kind::Timestamp], part!(@kind $field), |a| of_moment($field, a.micros(0)?))
            .form(&[Kind::Moment], part!(@kind $field), |a| of_zoned($field, a.micros(0)?))
            .form(&[Kind::Time], part!(@kind $field), |a| of_time($field, a.micros(0)?))
            .form(&[Kind::Interval], part!(@kind $field), |a| of_interval($field, a.interval(0)?))
    };
    (@kind $field:expr) => {
        if $field.is_fraction() { Kind::Float } else { Kind::Int }
    };
}

pub(super) fn functions() -> Vec<Function> {
    use Kind::{Date, Int, Text, Timestamp};
    vec![
        date_part(),
        part!("era", [], Field::Era, "1 for years after Christ, 0 before"),
        part!("millennium", [], Field::Millennium, "the millennium, of which the third began with 2001"),
        part!("century", [], Field::Century, "the century, of which the 21st began with 2001"),
        part!("decade", [], Field::Decade, "the year divided by ten"),
        part!("year", [], Field::Year, "the year").like(|arguments| {
            let value = arguments.first()?.clone();
            Some((datafusion::functions::datetime::date_part(), vec![lit("year"), value]))
        }),
        part!("isoyear", [], Field::IsoYear, "the year of the ISO 8601 week"),
        part!("quarter", [], Field::Quarter, "the quarter, from 1 to 4"),
        part!("month", [], Field::Month, "the month, from 1 to 12"),
        part!("week", ["weekofyear"], Field::Week, "the week of the year as ISO 8601 counts, from 1 to 53"),
        part!("yearweek", [], Field::YearWeek, "year and week of ISO 8601, such as 202419"),
        part!("day", ["dayofmonth"], Field::Day, "the day of the month"),
        part!("dayofweek", ["weekday", "dow"], Field::DayOfWeek, "the day of the week, from 0 for Sunday to 6"),
        part!("isodow", [], Field::IsoDayOfWeek, "the day of the week, from 1 for Monday to 7"),
        part!("dayofyear", ["doy"], Field::DayOfYear, "the day of the year"),
        part!("hour", [], Field::Hour, "the hour"),
        part!("minute", [], Field::Minute, "the minute"),
        part!("second", [], Field::Second, "the second, without its fraction"),
        part!("millisecond", [], Field::Millisecond, "the second and its fraction in milliseconds"),
        part!("microsecond", [], Field::Microsecond, "the second and its fraction in microseconds"),
        part!("nanosecond", [], Field::Nanosecond, "the second and its fraction in nanoseconds"),
        part!("epoch", [], Field::Epoch, "seconds since 1970, of an interval its seconds"),
        part!("julian", [], Field::Julian, "the Julian day, with the time as its fraction"),
        part!("timezone_hour", ["timezone_minute"], Field::Timezone, "by how much the session's time zone, UTC, is ahead of UTC"),
        function("dayname", "dayname(date)", "the name of the day of the week", "dayname(DATE '2024-05-06')")
            .form(&[Date], Text, |a| Ok(date(a.days(0)?.into())?.format("%A").to_string().into()))
            .form(&[Timestamp], Text, |a| Ok(date_of(a.micros(0)?)?.format("%A").to_string().into())),
        function("monthname", "monthname(date)", "the name of the month", "monthname(DATE '2024-05-06')")
            .form(&[Date], Text, |a| Ok(date(a.days(0)?.into())?.format("%B").to_string().into()))
            .form(&[Timestamp], Text, |a| Ok(date_of(a.micros(0)?)?.format("%B").to_string().into())),
        function("days_in_month", "days_in_month(date)", "how many days the month has", "days_in_month(DATE '2024-02-01')").form(
            &[Timestamp],
            Int,
            |a: &Args<'_>| Ok(i64::from(date_of(a.micros(0)?)?.num_days_in_month()).into()),
        ),
    ]
}

fn number(value: impl Into<i64>) -> Out<'static> {
    Out::Int(value.into())
}

pub(super) fn of_moment(field: Field, micros: i64) -> Result<Out<'static>> {
    if field == Field::Timezone {
        return Err(Error::invalid("a value without a time zone has no offset").with_hint("cast it to TIMESTAMP WITH TIME ZONE"));
    }
    of_zoned(field, micros)
}

fn of_zoned(field: Field, micros: i64) -> Result<Out<'static>> {
    let time = micros.rem_euclid(DAY);
    Ok(match field {
        Field::Epoch => Out::Float(micros as f64 / SECOND as f64),
        Field::Julian => Out::Float(micros.div_euclid(DAY) as f64 + JULIAN_1970 + time as f64 / DAY as f64),
        Field::Timezone => number(0),
        Field::Hour | Field::Minute | Field::Second | Field::Millisecond | Field::Microsecond | Field::Nanosecond => of_time(field, time)?,
        _ => of_date(field, date_of(micros)?),
    })
}

fn of_date(field: Field, date: NaiveDate) -> Out<'static> {
    let year = i64::from(date.year());
    // There is no year 0: before 1 comes -1, and a century or a millennium begins with its year 1.
    let counted = |years: i64| if year > 0 { (year - 1) / years + 1 } else { -((-year) / years + 1) };
    let week = date.iso_week();
    number(match field {
        Field::Era => i64::from(year > 0),
        Field::Millennium => counted(1000),
        Field::Century => counted(100),
        Field::Decade => year / 10,
        Field::Year => year,
        Field::IsoYear => i64::from(week.year()),
        Field::Quarter => i64::from(date.month0()) / 3 + 1,
        Field::Month => i64::from(date.month()),
        Field::Week => i64::from(week.week()),
        Field::YearWeek => {
            let (year, week) = (i64::from(week.year()), i64::from(week.week()));
            year * 100 + if year < 0 { -week } else { week }
        }
        Field::DayOfWeek => i64::from(date.weekday().num_days_from_sunday()),
        Field::IsoDayOfWeek => i64::from(date.weekday().number_from_monday()),
        Field::DayOfYear => i64::from(date.ordinal()),
        _ => i64::from(date.day()),
    })
}

fn of_time(field: Field, micros: i64) -> Result<Out<'static>> {
    Ok(match field {
        Field::Hour => number(micros / (3600 * SECOND)),
        Field::Minute => number(micros / (60 * SECOND) % 60),
        Field::Second => number(micros / SECOND % 60),
        Field::Millisecond => number(micros % (60 * SECOND) / 1000),
        Field::Microsecond => number(micros % (60 * SECOND)),
        Field::Nanosecond => number(micros % (60 * SECOND) * 1000),
        Field::Epoch => Out::Float(micros as f64 / SECOND as f64),
        Field::Timezone => number(0),
        _ => return Err(Error::invalid(format!("a TIME has no part '{}'", field.name()))),
    })
}

fn of_interval(field: Field, interval: IntervalMonthDayNano) -> Result<Out<'static>> {
    let (months, days, micros) = (i64::from(interval.months), i64::from(interval.days), interval.nanoseconds / 1000);
    Ok(match field {
        Field::Millennium => number(months / 12_000),
        Field::Century => number(months / 1_200),
        Field::Decade => number(months / 120),
        Field::Year => number(months / 12),
        Field::Quarter => number(months % 12 / 3 + 1),
        Field::Month => number(months % 12),
        Field::Day => number(days),
        // A year has 365.25 days, a month that is left over 30.
        Field::Epoch => {
            let quarters_of_days = months / 12 * 1461 + months % 12 * 120 + days * 4;
            Out::Float(quarters_of_days as f64 * 21_600.0 + micros as f64 / SECOND as f64)
        }
        Field::Hour | Field::Minute | Field::Second | Field::Millisecond | Field::Microsecond | Field::Nanosecond => {
            of_time(field, micros)?
        }
        _ => return Err(Error::invalid(format!("an INTERVAL has no part '{}'", field.name()))),
    })
}
