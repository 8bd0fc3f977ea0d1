//! Arithmetic of moments, times of day and intervals, where DataFusion refuses it or has other types.
//!
//! - The difference of two timestamps, or times of day, is an INTERVAL of days and time; DataFusion's is a duration, which has no days.
//! - An INTERVAL times a number, or divided by one: parts of a month are days, parts of a day are time, rounded to microseconds.
//! - A TIME and an INTERVAL make a TIME, around midnight; a DATE and an INTERVAL, or a TIME, a TIMESTAMP.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::{cast as cast_array, kernels::arity::try_binary};
use arrow::datatypes::{DataType, Int64Type, IntervalUnit, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use datafusion::common::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, cast};

use super::compute::{MICROS_A_DAY, between, in_nanos, out_of_range, scaled_by};
use crate::error::{Error, to_datafusion};

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);
const TIME: DataType = DataType::Time64(TimeUnit::Microsecond);
const MOMENT: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    /// From the second moment to the first.
    Between,
    /// An interval times a number.
    Scaled,
    /// An interval by a number.
    Divided,
    /// A time of day, an interval later.
    Later,
    /// A time of day, an interval earlier.
    Earlier,
    /// A date, at a time of day.
    At,
}

/// One of them as a function.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OfTime {
    operation: Operation,
    signature: Signature,
}

static BETWEEN: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Operation::Between.function());
static SCALED: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Operation::Scaled.function());
static DIVIDED: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Operation::Divided.function());
static LATER: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Operation::Later.function());
static EARLIER: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Operation::Earlier.function());
static AT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Operation::At.function());

/// The operands of an operator as they are to be planned: done already, or for DataFusion.
pub(in crate::semantics) enum Planned {
    Done(Expr),
    Operands(Expr, Expr),
}

/// An operator whose operands have these types.
pub(in crate::semantics) fn planned(
    operator: Operator,
    (left, left_type): (Expr, &DataType),
    (right, right_type): (Expr, &DataType),
) -> Planned {
    use DataType::{Interval, Timestamp};
    let is_date = |data_type: &DataType| matches!(data_type, DataType::Date32 | DataType::Date64);
    let is_time = |data_type: &DataType| matches!(data_type, DataType::Time32(_) | DataType::Time64(_));
    match (operator, left_type, right_type) {
        (Operator::Minus, Timestamp(..), _) | (Operator::Minus, _, Timestamp(..)) => match common_moment(left_type, right_type) {
            Some(common) => Planned::Done(Operation::Between.call(in_type(left, left_type, &common), in_type(right, right_type, &common))),
            None => Planned::Operands(left, right),
        },
        (Operator::Multiply, Interval(_), number) if number.is_numeric() => {
            Planned::Done(Operation::Scaled.call(left, in_type(right, number, &DataType::Float64)))
        }
        (Operator::Multiply, number, Interval(_)) if number.is_numeric() => {
            Planned::Done(Operation::Scaled.call(in_type(left, number, &DataType::Float64), right))
        }
        (Operator::Divide, Interval(_), number) if number.is_numeric() => {
            Planned::Done(Operation::Divided.call(left, in_type(right, number, &DataType::Float64)))
        }
        (Operator::Plus, time, Interval(_)) if is_time(time) => Planned::Done(Operation::Later.call(in_type(left, time, &TIME), right)),
        (Operator::Plus, Interval(_), time) if is_time(time) => Planned::Done(Operation::Later.call(left, in_type(right, time, &TIME))),
        (Operator::Minus, time, Interval(_)) if is_time(time) => Planned::Done(Operation::Earlier.call(in_type(left, time, &TIME), right)),
        (Operator::Minus, later, earlier) if is_time(later) && is_time(earlier) => {
            Planned::Done(Operation::Between.call(in_type(left, later, &TIME), in_type(right, earlier, &TIME)))
        }
        (Operator::Plus, date, time) if is_date(date) && is_time(time) => {
            Planned::Done(Operation::At.call(cast(left, MOMENT), in_type(right, time, &TIME)))
        }
        (Operator::Plus, time, date) if is_date(date) && is_time(time) => {
            Planned::Done(Operation::At.call(in_type(left, time, &TIME), cast(right, MOMENT)))
        }
        (Operator::Plus | Operator::Minus, date, Interval(_)) if is_date(date) => Planned::Operands(cast(left, MOMENT), right),
        (Operator::Plus, Interval(_), date) if is_date(date) => Planned::Operands(left, cast(right, MOMENT)),
        _ => Planned::Operands(left, right),
    }
}

fn in_type(expr: Expr, from: &DataType, to: &DataType) -> Expr {
    if from == to { expr } else { cast(expr, to.clone()) }
}

/// The type in which the difference of two moments is taken; none if one of them is none. A text is one, too.
fn common_moment(left: &DataType, right: &DataType) -> Option<DataType> {
    let mut unit = TimeUnit::Microsecond;
    let mut zone = None;
    for data_type in [left, right] {
        match data_type {
            DataType::Timestamp(of, in_zone) => {
                unit = if *of == TimeUnit::Nanosecond { TimeUnit::Nanosecond } else { unit };
                zone = zone.or(in_zone.clone());
            }
            DataType::Date32 | DataType::Date64 => {}
            text if text.is_string() => {}
            _ => return None,
        }
    }
    Some(DataType::Timestamp(unit, zone))
}

impl Operation {
    fn function(self) -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::new_from_impl(OfTime { operation: self, signature: Signature::any(2, Volatility::Immutable) }))
    }

    fn call(self, left: Expr, right: Expr) -> Expr {
        let function = match self {
            Self::Between => &BETWEEN,
            Self::Scaled => &SCALED,
            Self::Divided => &DIVIDED,
            Self::Later => &LATER,
            Self::Earlier => &EARLIER,
            Self::At => &AT,
        };
        Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(function), vec![left, right]))
    }

    fn operator(self) -> Operator {
        match self {
            Self::Between | Self::Earlier => Operator::Minus,
            Self::Scaled => Operator::Multiply,
            Self::Divided => Operator::Divide,
            Self::Later | Self::At => Operator::Plus,
        }
    }

    fn compute(self, left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef> {
        // The interval comes first or second, as it was written.
        let (interval, other) = if matches!(left.data_type(), DataType::Interval(_)) { (left, right) } else { (right, left) };
        Ok(match self {
            Self::Between => between(left, right)?,
            Self::Scaled => Arc::new(scaled_by(interval, other, Ok)?),
            Self::Divided => Arc::new(scaled_by(interval, other, |number| match number == 0.0 {
                true => Err(ArrowError::DivideByZero),
                false => Ok(1.0 / number),
            })?),
            Self::At => {
                let ticks = |values: &ArrayRef| cast_array(values, &DataType::Int64);
                let (left, right) = (ticks(left)?, ticks(right)?);
                Arc::new(try_binary::<_, _, _, TimestampMicrosecondType>(
                    left.as_primitive::<Int64Type>(),
                    right.as_primitive::<Int64Type>(),
                    |left, right| left.checked_add(right).ok_or_else(|| out_of_range("a date at a time", "TIMESTAMP")),
                )?)
            }
            Self::Later | Self::Earlier => {
                let sign = if self == Self::Later { 1 } else { -1 };
                let (times, intervals) = (cast_array(other, &TIME)?, in_nanos(interval)?);
                let times = times.as_primitive::<Time64MicrosecondType>();
                Arc::new(try_binary::<_, _, _, Time64MicrosecondType>(times, &intervals, |time, interval| {
                    Ok((time + sign * (interval.nanoseconds / 1_000 % MICROS_A_DAY)).rem_euclid(MICROS_A_DAY))
                })?)
            }
        })
    }
}

impl ScalarUDFImpl for OfTime {
    fn name(&self) -> &str {
        match self.operation {
            Operation::Between => "interval_between",
            Operation::Scaled => "interval_scaled",
            Operation::Divided => "interval_divided",
            Operation::Later => "time_later",
            Operation::Earlier => "time_earlier",
            Operation::At => "date_at",
        }
    }

    /// As the operator's would be: it names columns of results.
    fn schema_name(&self, operands: &[Expr]) -> Result<String> {
        Ok(match operands {
            [left, right] => format!("{} {} {}", left.schema_name(), self.operation.operator(), right.schema_name()),
            _ => self.name().to_owned(),
        })
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.operation {
            Operation::Between | Operation::Scaled | Operation::Divided => INTERVAL,
            Operation::Later | Operation::Earlier => TIME,
            Operation::At => MOMENT,
        })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let are_constants = arguments.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let [left, right] = arrays.as_slice() else { return Err(to_datafusion(Error::internal("an operator has two operands"))) };
        let result = self.operation.compute(left, right)?;
        Ok(match are_constants {
            true => ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(&result, 0)?),
            false => ColumnarValue::Array(result),
        })
    }
}
