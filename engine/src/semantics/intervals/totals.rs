//! Sums and averages of intervals. Their parts are summed up apart, in more bits than an interval has.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Field, FieldRef, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;
use datafusion::logical_expr::utils::format_state_name;

use super::super::average::rounded_quotient;
use crate::error::{Error, to_datafusion};

const NANOS_A_DAY: i128 = 86_400_000_000_000;
const DAYS_A_MONTH: i128 = 30;

/// The type of a part on its way between two accumulators.
const PART: DataType = DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0);
const PARTS: [&str; 4] = ["count", "months", "days", "nanoseconds"];

/// The sum or the average of intervals.
#[derive(Debug)]
pub(in crate::semantics) struct IntervalTotal {
    is_average: bool,
    /// How many there are, and their months, days and nanoseconds.
    parts: [i128; 4],
}

impl IntervalTotal {
    /// Of no intervals yet.
    ///
    /// # Errors
    /// *Unsupported* for those that are distinct: equal ones may be written otherwise.
    pub(in crate::semantics) fn new(function: &str, is_average: bool, is_distinct: bool) -> Result<Self> {
        match is_distinct {
            true => Err(to_datafusion(
                Error::unsupported(format!("{function}(DISTINCT x) of INTERVALs is not supported"))
                    .with_hint("take the distinct ones in a subquery: FROM (SELECT DISTINCT x FROM t)"),
            )),
            false => Ok(Self { is_average, parts: [0; 4] }),
        }
    }

    /// What it hands to another.
    pub(in crate::semantics) fn state_fields(name: &str) -> Vec<FieldRef> {
        PARTS.iter().map(|part| Arc::new(Field::new(format_state_name(name, part), PART, true))).collect()
    }

    fn add(&mut self, intervals: &ArrayRef, sign: i128) -> Result<()> {
        let intervals = cast(intervals, &DataType::Interval(IntervalUnit::MonthDayNano))?;
        for interval in intervals.as_primitive::<IntervalMonthDayNanoType>().iter().flatten() {
            let IntervalMonthDayNano { months, days, nanoseconds } = interval;
            for (part, more) in self.parts.iter_mut().zip([1, months.into(), days.into(), nanoseconds.into()]) {
                *part += sign * more;
            }
        }
        Ok(())
    }

    fn result(&self) -> Option<IntervalMonthDayNano> {
        let [count, mut months, mut days, mut nanos] = self.parts;
        if self.is_average {
            // Parts of a month are days, parts of a day are time, rounded to microseconds.
            let rest = (months % count * DAYS_A_MONTH + days % count) * NANOS_A_DAY;
            let rest = rounded_quotient(rest, count * 1_000) * 1_000;
            (months, days) = (months / count, days / count + rest / NANOS_A_DAY);
            nanos = rounded_quotient(nanos, count * 1_000) * 1_000 + rest % NANOS_A_DAY;
        }
        if i64::try_from(nanos).is_err() {
            // More time than there is room for is days.
            (days, nanos) = (days + nanos / NANOS_A_DAY, nanos % NANOS_A_DAY);
        }
        Some(IntervalMonthDayNano {
            months: i32::try_from(months).ok()?,
            days: i32::try_from(days).ok()?,
            nanoseconds: i64::try_from(nanos).ok()?,
        })
    }
}

impl Accumulator for IntervalTotal {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0], 1)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0], -1)
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for (part, more) in self.parts.iter_mut().zip(states) {
            *part += more.as_primitive::<Decimal128Type>().iter().flatten().sum::<i128>();
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(self.parts.iter().map(|part| ScalarValue::Decimal128(Some(*part), DECIMAL128_MAX_PRECISION, 0)).collect())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.parts[0] == 0 {
            return Ok(ScalarValue::IntervalMonthDayNano(None));
        }
        let beyond = || to_datafusion(Error::invalid("a sum is out of the range of INTERVAL"));
        Ok(ScalarValue::IntervalMonthDayNano(Some(self.result().ok_or_else(beyond)?)))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use arrow::array::IntervalMonthDayNanoArray;

    use super::*;
    use crate::types::interval;

    #[test]
    fn averages_share_out_months_and_days() {
        for (texts, average, sum) in [
            (["1 month", "2 months"], "1 month 15 days", "3 months"),
            (["1 day", "2 days"], "1 day 12:00:00", "3 days"),
            (["-1 day", "00:00:00"], "-12:00:00", "-1 day"),
            (["250 years 1000000 hours", "1500000 hours"], "125 years 1250000:00:00", "250 years 2500000:00:00"),
            (["2000000 hours", "2000000 hours"], "2000000:00:00", "166666 days 16:00:00"),
        ] {
            let values: ArrayRef = Arc::new(texts.iter().map(|text| interval::parse(text).ok()).collect::<IntervalMonthDayNanoArray>());
            for (is_average, expected) in [(true, average), (false, sum)] {
                let mut total = IntervalTotal::new("sum", is_average, false).unwrap();
                total.update_batch(&[Arc::clone(&values)]).unwrap();
                let ScalarValue::IntervalMonthDayNano(Some(found)) = total.evaluate().unwrap() else { panic!() };
                assert_eq!(interval::format(found), expected, "{texts:?}");
            }
        }
    }
}
