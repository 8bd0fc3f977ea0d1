//! What is between two moments, and intervals times a number, of whole columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, IntervalMonthDayNanoArray};
use arrow::compute::{cast, kernels::arity::try_binary};
use arrow::datatypes::{DataType, Float64Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit};
use arrow::error::ArrowError;
use datafusion::common::Result;

use super::super::casts::per_second;
use crate::error::{Error, to_datafusion};

const SECONDS_A_DAY: i64 = 86_400;
pub(super) const MICROS_A_DAY: i64 = SECONDS_A_DAY * 1_000_000;
const DAYS_A_MONTH: f64 = 30.0;

/// Intervals of months, days and nanoseconds.
pub(super) fn in_nanos(intervals: &ArrayRef) -> Result<IntervalMonthDayNanoArray, ArrowError> {
    Ok(cast(intervals, &DataType::Interval(IntervalUnit::MonthDayNano))?.as_primitive::<IntervalMonthDayNanoType>().clone())
}

/// The days and the time from the second moments to the first.
pub(super) fn between(later: &ArrayRef, earlier: &ArrayRef) -> Result<ArrayRef> {
    let (DataType::Timestamp(unit, _) | DataType::Time64(unit)) = later.data_type() else {
        return Err(to_datafusion(Error::internal(format!("{} is no moment", later.data_type()))));
    };
    let per_second = per_second(*unit);
    let (per_day, nanos) = (per_second * SECONDS_A_DAY, 1_000_000_000 / per_second);
    let ticks = |moments: &ArrayRef| cast(moments, &DataType::Int64);
    let (later, earlier) = (ticks(later)?, ticks(earlier)?);
    let intervals = try_binary::<_, _, _, IntervalMonthDayNanoType>(
        later.as_primitive::<Int64Type>(),
        earlier.as_primitive::<Int64Type>(),
        |later, earlier| {
            let distance = later.checked_sub(earlier).ok_or_else(|| out_of_range("the difference of two timestamps", "INTERVAL"))?;
            let days = i32::try_from(distance / per_day).map_err(|_| out_of_range("the difference of two timestamps", "INTERVAL"))?;
            Ok(IntervalMonthDayNano { months: 0, days, nanoseconds: distance % per_day * nanos })
        },
    );
    Ok(Arc::new(intervals?))
}

pub(super) fn out_of_range(what: &str, data_type: &str) -> ArrowError {
    ArrowError::ExternalError(Box::new(Error::invalid(format!("{what} is out of the range of {data_type}"))))
}

pub(super) fn scaled_by(
    intervals: &ArrayRef,
    numbers: &ArrayRef,
    factor: impl Fn(f64) -> Result<f64, ArrowError>,
) -> Result<IntervalMonthDayNanoArray> {
    let (intervals, numbers) = (in_nanos(intervals)?, cast(numbers, &DataType::Float64)?);
    let numbers: &Float64Array = numbers.as_primitive::<Float64Type>();
    Ok(try_binary(&intervals, numbers, |interval, number| {
        scaled(interval, factor(number)?).ok_or_else(|| out_of_range("an INTERVAL times a number", "INTERVAL"))
    })?)
}

/// An interval times a number; none beyond what intervals hold.
pub(crate) fn scaled(interval: IntervalMonthDayNano, factor: f64) -> Option<IntervalMonthDayNano> {
    let IntervalMonthDayNano { months, days, nanoseconds } = interval;
    if factor.fract() == 0.0 && factor.abs() < f64::from(i32::MAX) {
        let factor = factor as i32;
        let parts = (months.checked_mul(factor)?, days.checked_mul(factor)?, nanoseconds.checked_mul(factor.into())?);
        return Some(IntervalMonthDayNano { months: parts.0, days: parts.1, nanoseconds: parts.2 });
    }
    let (months, part_of_month) = split(f64::from(months) * factor)?;
    let (days, part_of_day) = split(f64::from(days) * factor)?;
    // In microseconds, so that what is a day but for the last bit is a day.
    let micros_a_day = MICROS_A_DAY as f64;
    let rest = whole((part_of_month * DAYS_A_MONTH + part_of_day) * micros_a_day)?;
    let micros = whole(nanoseconds as f64 / 1_000.0 * factor)?.checked_add(rest % MICROS_A_DAY)?;
    Some(IntervalMonthDayNano {
        months: i32::try_from(months).ok()?,
        days: i32::try_from(days.checked_add(rest / MICROS_A_DAY)?).ok()?,
        nanoseconds: micros.checked_mul(1_000)?,
    })
}

/// The whole part of a number, and the rest; what is whole but for the last bits is.
fn split(number: f64) -> Option<(i64, f64)> {
    let rounded = number.round();
    let is_whole = (number - rounded).abs() < 1e-9;
    let part = if is_whole { rounded } else { number.trunc() };
    Some((whole(part)?, if is_whole { 0.0 } else { number - part }))
}

fn whole(number: f64) -> Option<i64> {
    let rounded = number.round();
    (rounded.abs() < 9.2e18).then_some(rounded as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::interval;

    #[test]
    fn parts_of_months_are_days_and_parts_of_days_are_time() {
        for (text, factor, expected) in [
            ("1 month", 2.0, "2 months"),
            ("1 month", 1.5, "1 month 15 days"),
            ("1 month", 1.2, "1 month 6 days"),
            ("1 day", 1.0 / 7.0, "03:25:42.857143"),
            ("1 month", 1.0 / 7.0, "4 days 06:51:25.714286"),
            ("1 year", 1.0 / 2.5, "4 months 24 days"),
            ("1 day", 1.0 / 0.3, "3 days 08:00:00"),
            ("1 day 02:00:00", -1.0, "-1 day -02:00:00"),
            ("3 months", 1.0 / 3.0, "1 month"),
        ] {
            let scaled = interval::parse(text).ok().and_then(|interval| scaled(interval, factor));
            assert_eq!(scaled.map(interval::format).as_deref(), Some(expected), "{text} * {factor}");
        }
    }
}
