//! Averages of moments and times of day: the moment in the middle, of DATEs a TIMESTAMP.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Field, FieldRef, Int64Type, TimeUnit};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;
use datafusion::logical_expr::utils::format_state_name;

use super::average::rounded_quotient;
use crate::error::{Error, to_datafusion};

/// The type of a part on its way between two accumulators: more bits than a sum of moments needs.
const PART: DataType = DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0);

/// The type of an average of such values; none for those that are no moments.
pub(super) fn average_type(of: &DataType) -> Option<DataType> {
    match of {
        DataType::Date32 | DataType::Date64 => Some(DataType::Timestamp(TimeUnit::Microsecond, None)),
        moment @ DataType::Timestamp(..) => Some(moment.clone()),
        DataType::Time32(_) | DataType::Time64(_) => Some(DataType::Time64(TimeUnit::Microsecond)),
        _ => None,
    }
}

/// The average of moments.
#[derive(Debug)]
pub(super) struct MomentAverage {
    of: DataType,
    count: i128,
    /// Of the type's own ticks.
    ticks: i128,
}

impl MomentAverage {
    /// Of no moments yet.
    ///
    /// # Errors
    /// *Unsupported* for those that are distinct.
    pub(super) fn new(of: DataType, is_distinct: bool) -> Result<Self> {
        match is_distinct {
            true => Err(to_datafusion(
                Error::unsupported("avg(DISTINCT x) of moments is not supported")
                    .with_hint("take the distinct ones in a subquery: FROM (SELECT DISTINCT x FROM t)"),
            )),
            false => Ok(Self { of, count: 0, ticks: 0 }),
        }
    }

    /// What it hands to another.
    pub(super) fn state_fields(name: &str) -> Vec<FieldRef> {
        ["count", "ticks"].iter().map(|part| Arc::new(Field::new(format_state_name(name, part), PART, true))).collect()
    }

    fn add(&mut self, values: &ArrayRef, sign: i128) -> Result<()> {
        let ticks = cast(&cast(values, &self.of)?, &DataType::Int64)?;
        for tick in ticks.as_primitive::<Int64Type>().iter().flatten() {
            self.count += sign;
            self.ticks += sign * i128::from(tick);
        }
        Ok(())
    }
}

impl Accumulator for MomentAverage {
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
        for (part, more) in [&mut self.count, &mut self.ticks].into_iter().zip(states) {
            *part += more.as_primitive::<Decimal128Type>().iter().flatten().sum::<i128>();
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok([self.count, self.ticks].map(|part| ScalarValue::Decimal128(Some(part), DECIMAL128_MAX_PRECISION, 0)).to_vec())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.count == 0 {
            return ScalarValue::try_from(&self.of);
        }
        // Between the least and the greatest of them, so that it has a place.
        let middle = i64::try_from(rounded_quotient(self.ticks, self.count)).ok();
        ScalarValue::Int64(middle).cast_to(&self.of)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}
