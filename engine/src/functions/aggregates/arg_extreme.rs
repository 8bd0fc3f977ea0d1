//! `arg_max(x, y)`: the x of the row with the greatest y; `arg_min` likewise. Rows where one of both is NULL do not count, but for `arg_max_null`, where x may be.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, make_comparator};
use arrow::compute::{SortOptions, concat, take};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, DocSection, Documentation, Signature, Volatility};

/// Name, other names, which extreme of y, whether x may be NULL.
const AGGREGATES: [(&str, &[&str], Ordering, bool); 4] = [
    ("arg_max", &["argmax", "max_by"], Ordering::Greater, false),
    ("arg_min", &["argmin", "min_by"], Ordering::Less, false),
    ("arg_max_null", &[], Ordering::Greater, true),
    ("arg_min_null", &[], Ordering::Less, true),
];

pub(super) fn aggregates() -> impl Iterator<Item = Arc<AggregateUDF>> {
    AGGREGATES.iter().map(|(name, aliases, wanted, keeps_null)| {
        let which = if *wanted == Ordering::Greater { "greatest" } else { "least" };
        let usage = format!("{name}(x, y)");
        let about = format!("the x of the row with the {which} y");
        Arc::new(AggregateUDF::new_from_impl(ArgExtreme {
            name,
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            wanted: *wanted,
            keeps_null: *keeps_null,
            signature: Signature::any(2, Volatility::Immutable),
            documentation: Documentation::builder(DocSection::default(), about, &usage).with_sql_example(usage).build(),
        }))
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ArgExtreme {
    name: &'static str,
    aliases: Vec<String>,
    wanted: Ordering,
    keeps_null: bool,
    signature: Signature,
    documentation: Documentation,
}

impl AggregateUDFImpl for ArgExtreme {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments.first().cloned().unwrap_or(DataType::Null))
    }

    fn return_field(&self, arguments: &[FieldRef]) -> Result<FieldRef> {
        let field = arguments.first().map_or_else(|| Field::new("", DataType::Null, true), |field| field.as_ref().clone());
        Ok(Arc::new(field.with_name(self.name).with_nullable(true)))
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let field = |index: usize, name: &str| {
            let data_type = arguments.input_fields.get(index).map_or(DataType::Null, |field| field.data_type().clone());
            Arc::new(Field::new(format_state_name(arguments.name, name), data_type, true))
        };
        Ok(vec![field(0, "x"), field(1, "y")])
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let null =
            |index: usize| ScalarValue::try_from(arguments.expr_fields.get(index).map_or(&DataType::Null, |field| field.data_type()));
        Ok(Box::new(Best { wanted: self.wanted, keeps_null: self.keeps_null, x: null(0)?, y: null(1)? }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// The best row so far; its y is NULL as long as there is none.
#[derive(Debug)]
struct Best {
    wanted: Ordering,
    keeps_null: bool,
    x: ScalarValue,
    y: ScalarValue,
}

impl Accumulator for Best {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [x, y] = values else { return Ok(()) };
        // The best so far comes first, so that it stays if nothing is better.
        let so_far = self.y.to_array()?;
        let all = concat(&[so_far.as_ref(), y.as_ref()])?;
        let compare = make_comparator(&all, &all, SortOptions::default())?;
        let mut best = 0;
        for row in 1..all.len() {
            let counts = all.is_valid(row) && (self.keeps_null || x.is_valid(row - 1));
            if counts && (all.is_null(best) || compare(row, best) == self.wanted) {
                best = row;
            }
        }
        if best > 0 {
            // Values of their own: a part of a batch would keep all of it.
            let one = arrow::array::UInt64Array::from(vec![u64::try_from(best - 1).unwrap_or_default()]);
            self.x = ScalarValue::try_from_array(&take(x, &one, None)?, 0)?;
            self.y = ScalarValue::try_from_array(&take(y, &one, None)?, 0)?;
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.x.clone(), self.y.clone()])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.x.clone())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.x.size() + self.y.size() - 2 * size_of::<ScalarValue>()
    }
}
