//! Kinds of values that do not meet: numbers and truth values on one side, moments, times of day and intervals on the other. Arrow counts days and microseconds
//! and would compare and cast them as numbers; SQL has no number of a day.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::Expr;

use super::typed::type_of;
use crate::error::{Error, while_planning};
use crate::types;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Time,
}

fn kind(data_type: &DataType) -> Option<Kind> {
    match data_type {
        DataType::Boolean => Some(Kind::Number),
        number if number.is_numeric() => Some(Kind::Number),
        DataType::Date32
        | DataType::Date64
        | DataType::Timestamp(..)
        | DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::Interval(_) => Some(Kind::Time),
        _ => None,
    }
}

/// Whether values of one type are never values of the other.
pub(super) fn are_strangers(one: &DataType, other: &DataType) -> bool {
    kind(one).zip(kind(other)).is_some_and(|(one, other)| one != other)
}

/// Checks that values can be compared, or be results of one expression.
///
/// # Errors
/// *Invalid* for a number and a moment.
pub(super) fn check<'a>(exprs: impl IntoIterator<Item = &'a Expr>, schema: &DFSchema) -> Result<()> {
    let mut first: Option<(Kind, DataType)> = None;
    for expr in exprs {
        // What has no type yet is looked at later.
        let Ok(data_type) = type_of(expr, schema) else { continue };
        let Some(found) = kind(&data_type) else { continue };
        match &first {
            None => first = Some((found, data_type)),
            Some((kind, other)) if *kind != found => return Err(while_planning(of_two(other, &data_type))),
            Some(_) => {}
        }
    }
    Ok(())
}

/// Checks columns that meet: keys of a join, sides of a UNION.
pub(super) fn check_types<'a>(data_types: impl IntoIterator<Item = &'a DataType>) -> Result<()> {
    let mut first: Option<&DataType> = None;
    for data_type in data_types.into_iter().filter(|data_type| kind(data_type).is_some()) {
        match first {
            Some(other) if are_strangers(other, data_type) => return Err(while_planning(of_two(other, data_type))),
            _ => first = Some(data_type),
        }
    }
    Ok(())
}

fn of_two(one: &DataType, other: &DataType) -> Error {
    let (time, number) = if kind(one) == Some(Kind::Time) { (one, other) } else { (other, one) };
    let error = Error::invalid(format!("{} and {} do not go together", types::name_of(one), types::name_of(other)));
    error.with_hint(match (time, number) {
        (DataType::Date32 | DataType::Date64, _) => {
            "a date is written DATE '2024-05-06'; date_part('year', day) and date_diff('day', a, b) are numbers"
        }
        (DataType::Interval(_), _) => "an interval is written INTERVAL 5 DAY; epoch(x) is its length in seconds",
        (DataType::Time32(_) | DataType::Time64(_), _) => "a time is written TIME '07:08:09'; date_part('hour', t) is a number",
        _ => "a moment is written TIMESTAMP '2024-05-06 07:08:09'; epoch(t) is its number of seconds",
    })
}

/// Checks a cast.
///
/// # Errors
/// *Invalid*, with what makes one of the other.
pub(super) fn check_cast(from: &DataType, to: &DataType) -> Result<()> {
    if !are_strangers(from, to) {
        return Ok(());
    }
    let error = Error::invalid(format!("there is no CAST of {} to {}", types::name_of(from), types::name_of(to)));
    Err(while_planning(error.with_hint(match (from, to) {
        (_, DataType::Date32 | DataType::Date64) => "make_date(year, month, day) makes a date; DATE '1970-01-01' + n is n days later",
        (_, DataType::Timestamp(..)) => "to_timestamp(seconds), epoch_ms(milliseconds) and make_timestamp(microseconds) make moments",
        (_, DataType::Time32(_) | DataType::Time64(_)) => "make_time(hour, minute, second) makes a time of day",
        (_, DataType::Interval(_)) => "to_days(n), to_seconds(n) and their like make intervals",
        (DataType::Date32 | DataType::Date64, _) => {
            "date_diff('day', DATE '1970-01-01', day) counts days; date_part('year', day) is a part"
        }
        _ => "epoch(x) is its number of seconds, epoch_us(x) of microseconds",
    })))
}
