//! `avg`: rounded for decimals, where DataFusion cuts off; of intervals and moments, which DataFusion's has not; DataFusion's for all other types.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Decimal128Array};
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DECIMAL128_MAX_SCALE, DataType, Decimal128Type, Field, FieldRef, IntervalUnit};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::average::{Avg, avg_udaf};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, ReversedUDAF, Signature, Volatility,
};

use super::intervals::IntervalTotal;
use super::moments::{MomentAverage, average_type};

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

/// The aggregate.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct RoundedAverage {
    inner: Avg,
    signature: Signature,
}

impl Default for RoundedAverage {
    fn default() -> Self {
        Self { inner: Avg::default(), signature: Signature::user_defined(Volatility::Immutable) }
    }
}

/// A quotient, half of one away from zero.
pub(crate) fn rounded_quotient(dividend: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (dividend / divisor, dividend % divisor);
    // Twice the rest is at least the divisor, without an overflow.
    let is_half = rest.unsigned_abs() >= divisor.unsigned_abs() - rest.unsigned_abs();
    match is_half {
        true => quotient + dividend.signum() * divisor.signum(),
        false => quotient,
    }
}

/// The type with one digit more, which rounding needs; none for types that are not rounded.
fn wider(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Decimal128(precision, scale) if *scale < DECIMAL128_MAX_SCALE => {
            Some(DataType::Decimal128((*precision + 1).min(DECIMAL128_MAX_PRECISION), scale + 1))
        }
        _ => None,
    }
}

/// An average with one digit more than its type has, rounded.
fn rounded(wide: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let DataType::Decimal128(precision, scale) = to else { return Ok(Arc::clone(wide)) };
    let values: Decimal128Array = wide.as_primitive::<Decimal128Type>().unary(|value| rounded_quotient(value, 10));
    Ok(Arc::new(values.with_precision_and_scale(*precision, *scale)?))
}

fn with_result(arguments: AccumulatorArgs<'_>, data_type: DataType) -> AccumulatorArgs<'_> {
    let field = arguments.return_field.as_ref().clone().with_data_type(data_type);
    AccumulatorArgs { return_field: Arc::new(field), ..arguments }
}

impl AggregateUDFImpl for RoundedAverage {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        if let [DataType::Interval(_)] = arguments {
            return Ok(vec![INTERVAL]);
        }
        if let [of] = arguments
            && average_type(of).is_some()
        {
            return Ok(arguments.to_vec());
        }
        let fields: Vec<FieldRef> = arguments.iter().map(|argument| Arc::new(Field::new("", argument.clone(), true)) as FieldRef).collect();
        let coerced = fields_with_udf(&fields, avg_udaf().as_ref())?;
        Ok(coerced.iter().map(|field| field.data_type().clone()).collect())
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [DataType::Interval(_)] => Ok(INTERVAL),
            [of] if average_type(of).is_some() => Ok(average_type(of).unwrap_or(INTERVAL)),
            _ => self.inner.return_type(arguments),
        }
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        match arguments.return_type() {
            DataType::Interval(_) => Ok(IntervalTotal::state_fields(arguments.name)),
            of if average_type(of).is_some() => Ok(MomentAverage::state_fields(arguments.name)),
            _ => self.inner.state_fields(arguments),
        }
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let to = arguments.return_type().clone();
        Ok(match (&to, wider(&to)) {
            (DataType::Interval(_), _) => Box::new(IntervalTotal::new(self.name(), true, arguments.is_distinct)?),
            (of, _) if average_type(of).is_some() => Box::new(MomentAverage::new(to, arguments.is_distinct)?),
            (_, Some(wide)) => Box::new(Rounded { inner: self.inner.accumulator(with_result(arguments, wide))?, to }),
            _ => self.inner.accumulator(arguments)?,
        })
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs<'_>) -> bool {
        self.inner.groups_accumulator_supported(arguments)
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        let to = arguments.return_type().clone();
        Ok(match wider(&to) {
            Some(wide) => Box::new(Rounded { inner: self.inner.create_groups_accumulator(with_result(arguments, wide))?, to }),
            None => self.inner.create_groups_accumulator(arguments)?,
        })
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.inner.reverse_expr()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

/// One that computes a digit more, which is rounded off.
#[derive(Debug)]
struct Rounded<T: ?Sized> {
    to: DataType,
    inner: Box<T>,
}

impl Accumulator for Rounded<dyn Accumulator> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&rounded(&self.inner.evaluate()?.to_array()?, &self.to)?, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }
}

impl GroupsAccumulator for Rounded<dyn GroupsAccumulator> {
    fn update_batch(&mut self, values: &[ArrayRef], groups: &[usize], filter: Option<&BooleanArray>, count: usize) -> Result<()> {
        self.inner.update_batch(values, groups, filter, count)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.inner.merge_batch(states, groups, count)
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        rounded(&self.inner.evaluate(emit)?, &self.to)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_away_from_zero() {
        for (dividend, divisor, expected) in [(5, 10, 1), (4, 10, 0), (-5, 10, -1), (-4, 10, 0), (7, 2, 4), (6, 3, 2), (1, 3, 0), (2, 3, 1)]
        {
            assert_eq!(rounded_quotient(dividend, divisor), expected, "{dividend} / {divisor}");
        }
        assert_eq!(rounded_quotient(i128::MAX, i128::MAX), 1);
    }
}
