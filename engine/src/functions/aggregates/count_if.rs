//! `count_if(condition)`: for how many rows a condition is true.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, DocSection, Documentation, Signature, Volatility};

use crate::error::{Error, to_datafusion};

/// The aggregate.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct CountIf {
    aliases: Vec<String>,
    signature: Signature,
    documentation: Documentation,
}

impl Default for CountIf {
    fn default() -> Self {
        let about = "for how many rows a condition is true";
        Self {
            aliases: vec!["countif".to_owned()],
            signature: Signature::exact(vec![DataType::Boolean], Volatility::Immutable),
            documentation: Documentation::builder(DocSection::default(), about, "count_if(condition)")
                .with_sql_example("count_if(x > 1)")
                .build(),
        }
    }
}

impl AggregateUDFImpl for CountIf {
    fn name(&self) -> &str {
        "count_if"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match arguments.is_distinct {
            true => Err(to_datafusion(Error::unsupported("count_if(DISTINCT ...) is not supported").with_hint("write max(condition)"))),
            false => Ok(Box::new(Counter(0))),
        }
    }

    fn create_sliding_accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Counter(0)))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn default_value(&self, _: &DataType) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(Some(0)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

#[derive(Debug)]
struct Counter(i64);

/// Rows for which a condition is true.
fn hits(values: &[ArrayRef]) -> i64 {
    let count = values.first().and_then(|values| values.as_boolean_opt()).map_or(0, |values| values.true_count());
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Accumulator for Counter {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0 += hits(values);
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0 -= hits(values);
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        if let Some(counts) = states.first().and_then(|counts| counts.as_primitive_opt::<Int64Type>()) {
            self.0 += (0..counts.len()).filter(|row| counts.is_valid(*row)).map(|row| counts.value(row)).sum::<i64>();
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Int64(Some(self.0))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(Some(self.0)))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}
