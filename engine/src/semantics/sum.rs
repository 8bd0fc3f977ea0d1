//! `sum`: exact for whole numbers, decimals and intervals, DataFusion's for all other types.

use std::sync::Arc;

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, FieldRef};
use datafusion::common::Result as DataFusionResult;
use datafusion::functions_aggregate::sum::{Sum, sum_udaf};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Documentation, GroupsAccumulator, ReversedUDAF, SetMonotonicity, Signature, Volatility,
};

use super::accumulators::{DistinctTotal, GroupTotals, Kind, Total};
use super::intervals::IntervalTotal;

/// The aggregate.
///
/// What DataFusion's has and this one does not: it rewrites `sum(a + 1)` to sums and products that may wrap, and answers from statistics.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ExactSum {
    inner: Sum,
    signature: Signature,
    /// Here, and not in `functions::aliases`: where DataFusion gives an aggregate other names, it forgets how that one takes rows back.
    aliases: Vec<String>,
}

impl Default for ExactSum {
    fn default() -> Self {
        let signature = Signature::user_defined(Volatility::Immutable);
        Self { inner: Sum::default(), signature, aliases: vec!["sum_no_overflow".to_owned()] }
    }
}

impl AggregateUDFImpl for ExactSum {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> DataFusionResult<Vec<DataType>> {
        // How often a condition is true.
        if let [DataType::Boolean] = arguments {
            return Ok(vec![DataType::Int64]);
        }
        let fields: Vec<FieldRef> = arguments.iter().map(|argument| Arc::new(Field::new("", argument.clone(), true)) as FieldRef).collect();
        let coerced = fields_with_udf(&fields, sum_udaf().as_ref())?;
        Ok(coerced.iter().map(|field| field.data_type().clone()).collect())
    }

    fn return_type(&self, arguments: &[DataType]) -> DataFusionResult<DataType> {
        self.inner.return_type(arguments)
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> DataFusionResult<Vec<FieldRef>> {
        match Kind::of(arguments.return_field.data_type()) {
            None if matches!(arguments.return_type(), DataType::Interval(_)) => Ok(IntervalTotal::state_fields(arguments.name)),
            Some(kind) if !arguments.is_distinct => {
                let wide = DataType::Decimal128(DECIMAL128_MAX_PRECISION, kind.scale());
                Ok(vec![Arc::new(Field::new(format_state_name(arguments.name, "sum"), wide, true))])
            }
            _ => self.inner.state_fields(arguments),
        }
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> DataFusionResult<Box<dyn Accumulator>> {
        Ok(match Kind::of(arguments.return_field.data_type()) {
            Some(kind) if arguments.is_distinct => Box::new(DistinctTotal::new(kind, self.inner.accumulator(arguments)?)),
            Some(kind) => Box::new(Total::new(kind)),
            None if matches!(arguments.return_type(), DataType::Interval(_)) => {
                Box::new(IntervalTotal::new(self.name(), false, arguments.is_distinct)?)
            }
            None => self.inner.accumulator(arguments)?,
        })
    }

    fn create_sliding_accumulator(&self, arguments: AccumulatorArgs<'_>) -> DataFusionResult<Box<dyn Accumulator>> {
        Ok(match Kind::of(arguments.return_field.data_type()) {
            Some(kind) if arguments.is_distinct => Box::new(DistinctTotal::new(kind, self.inner.create_sliding_accumulator(arguments)?)),
            Some(kind) => Box::new(Total::new(kind)),
            None if matches!(arguments.return_type(), DataType::Interval(_)) => {
                Box::new(IntervalTotal::new(self.name(), false, arguments.is_distinct)?)
            }
            None => self.inner.create_sliding_accumulator(arguments)?,
        })
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs<'_>) -> bool {
        !matches!(arguments.return_type(), DataType::Interval(_)) && self.inner.groups_accumulator_supported(arguments)
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs<'_>) -> DataFusionResult<Box<dyn GroupsAccumulator>> {
        match Kind::of(arguments.return_field.data_type()) {
            Some(kind) => Ok(Box::new(GroupTotals::new(kind))),
            None => self.inner.create_groups_accumulator(arguments),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.inner.reverse_expr()
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.inner.order_sensitivity()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.inner.set_monotonicity(data_type)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}
