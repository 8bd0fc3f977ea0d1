//! A moment and an interval in a zone: months and days go by the zone's calendar, whose days have 23 or 25 hours now and then; hours and less are always as long.
//! So it is in PostgreSQL and DuckDB.

use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{ArrayRef, AsArray, TimestampMicrosecondArray};
use arrow::compute::cast as cast_array;
use arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, cast};

use crate::error::{Error, Result, to_datafusion};
use crate::functions::shifted_clock;
use crate::semantics::zones;
use crate::types::ZONE;

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

/// The function's name.
pub(super) const SHIFT: &str = "timestamptz_shift";

fn moment() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(ZONE.into()))
}

/// A moment and an interval.
pub(super) fn later(zone: &str, time: Expr, by: Expr) -> Expr {
    call(zone, time, by, false)
}

/// A moment, an interval before.
pub(super) fn earlier(zone: &str, time: Expr, by: Expr) -> Expr {
    call(zone, time, by, true)
}

fn call(zone: &str, time: Expr, by: Expr, back: bool) -> Expr {
    let function = Shift { zone: zone.to_owned(), back, signature: Signature::any(2, Volatility::Immutable) };
    let operands = vec![cast(time, moment()), cast(by, INTERVAL)];
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), operands))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Shift {
    zone: String,
    back: bool,
    signature: Signature,
}

impl Shift {
    fn shifted(&self, times: &ArrayRef, intervals: &ArrayRef) -> Result<ArrayRef> {
        let zone = zones::named(&self.zone)?;
        let (times, intervals) = (cast_array(times, &moment())?, cast_array(intervals, &INTERVAL)?);
        let pairs = times.as_primitive::<TimestampMicrosecondType>().iter().zip(intervals.as_primitive::<IntervalMonthDayNanoType>());
        let shifted = pairs.map(|(time, by)| match (time, by) {
            (Some(time), Some(by)) => self.one(zone, time, by).map(Some),
            _ => Ok(None),
        });
        Ok(Arc::new(shifted.collect::<Result<TimestampMicrosecondArray>>()?.with_timezone(ZONE)))
    }

    fn one(&self, zone: Tz, time: i64, by: IntervalMonthDayNano) -> Result<i64> {
        let sign = if self.back { -1 } else { 1 };
        let beyond = || Error::invalid("a timestamp is too far away").with_hint("years go from -262142 to 262141");
        let mut time = time;
        if by.months != 0 || by.days != 0 {
            let offset = zones::offset_of_moment(zone, time).ok_or_else(beyond)?;
            let calendar = IntervalMonthDayNano { months: sign * by.months, days: sign * by.days, nanoseconds: 0 };
            let clock = shifted_clock(time.checked_add(offset).ok_or_else(beyond)?, calendar)?;
            time = clock.checked_sub(zones::offset_of_clock_micros(zone, clock).ok_or_else(beyond)?).ok_or_else(beyond)?;
        }
        time.checked_add(i64::from(sign) * (by.nanoseconds / 1000)).ok_or_else(beyond)
    }
}

impl ScalarUDFImpl for Shift {
    fn name(&self) -> &str {
        SHIFT
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(moment())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let is_scalar = arguments.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let shifted = self.shifted(&arrays[0], &arrays[1]).map_err(to_datafusion)?;
        Ok(match is_scalar {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&shifted, 0)?),
            false => ColumnarValue::Array(shifted),
        })
    }
}
