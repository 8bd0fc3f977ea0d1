//! Aggregates that need all values of a group at its end.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array, new_empty_array};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, DocSection, Documentation, Signature, Volatility};
use datafusion::physical_expr::expressions::Literal;

use crate::error::{Error, Result, from_datafusion, to_datafusion, while_planning};
use crate::types;

/// What is done with a group's values.
pub(super) struct Group<'a> {
    /// The values, without NULLs.
    pub(super) values: ArrayRef,
    /// The arguments behind the first one, which are constants.
    pub(super) constants: &'a [ScalarValue],
    /// The type of the result.
    pub(super) result: &'a DataType,
    /// Whether WITHIN GROUP asks for the greatest first.
    pub(super) descending: bool,
}

/// An aggregate.
#[derive(Debug, Clone)]
pub(super) struct Definition {
    pub(super) name: &'static str,
    pub(super) aliases: &'static [&'static str],
    pub(super) usage: &'static str,
    pub(super) about: &'static str,
    pub(super) example: &'static str,
    /// The types that the arguments become; none if it does not take them.
    pub(super) takes: fn(&[DataType]) -> Option<Vec<DataType>>,
    /// The type of the result.
    pub(super) gives: fn(&[DataType]) -> DataType,
    /// The result of a group that has values.
    pub(super) finish: fn(&Group<'_>) -> Result<ScalarValue>,
    /// Of a group that has none.
    pub(super) of_none: fn(&DataType) -> DataFusionResult<ScalarValue>,
}

/// A group without values has no result.
pub(super) fn null(result: &DataType) -> DataFusionResult<ScalarValue> {
    ScalarValue::try_from(result)
}

/// As DataFusion wants it.
#[derive(Debug)]
pub(super) struct Collected {
    definition: Definition,
    aliases: Vec<String>,
    signature: Signature,
    documentation: Documentation,
}

impl Collected {
    pub(super) fn new(definition: Definition) -> Self {
        let documentation =
            Documentation::builder(DocSection::default(), definition.about, definition.usage).with_sql_example(definition.example).build();
        let aliases = definition.aliases.iter().map(|alias| (*alias).to_owned()).collect();
        Self { aliases, signature: Signature::user_defined(Volatility::Immutable), documentation, definition }
    }
}

impl PartialEq for Collected {
    fn eq(&self, other: &Self) -> bool {
        self.definition.name == other.definition.name
    }
}

impl Eq for Collected {}

impl Hash for Collected {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.definition.name.hash(state);
    }
}

impl AggregateUDFImpl for Collected {
    fn name(&self) -> &str {
        self.definition.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> DataFusionResult<Vec<DataType>> {
        (self.definition.takes)(arguments).ok_or_else(|| {
            let found: Vec<String> = arguments.iter().map(types::name_of).collect();
            let error = Error::invalid(format!("there is no {}({})", self.definition.name, found.join(", ")));
            while_planning(error.with_hint(format!("it is called as {}, such as {}", self.definition.usage, self.definition.example)))
        })
    }

    fn return_type(&self, arguments: &[DataType]) -> DataFusionResult<DataType> {
        Ok((self.definition.gives)(arguments))
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> DataFusionResult<Vec<FieldRef>> {
        let values = arguments.input_fields.first().map_or(DataType::Null, |field| field.data_type().clone());
        let list = DataType::List(Arc::new(Field::new_list_field(values, true)));
        Ok(vec![Arc::new(Field::new(format_state_name(arguments.name, "values"), list, true))])
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> DataFusionResult<Box<dyn Accumulator>> {
        let mut constants = Vec::new();
        for expr in arguments.exprs.iter().skip(1) {
            let Some(literal) = expr.downcast_ref::<Literal>() else {
                let error = Error::invalid(format!("only the first argument of {} may differ from row to row", self.definition.name));
                return Err(to_datafusion(error));
            };
            constants.push(literal.value().clone());
        }
        Ok(Box::new(Values {
            definition: self.definition.clone(),
            constants,
            data_type: arguments.expr_fields.first().map_or(DataType::Null, |field| field.data_type().clone()),
            result: arguments.return_field.data_type().clone(),
            descending: arguments.order_bys.first().is_some_and(|order| order.options.descending),
            is_distinct: arguments.is_distinct,
            arrays: Vec::new(),
        }))
    }

    fn supports_within_group_clause(&self) -> bool {
        true
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// The values of a group.
#[derive(Debug)]
struct Values {
    definition: Definition,
    constants: Vec<ScalarValue>,
    data_type: DataType,
    result: DataType,
    descending: bool,
    is_distinct: bool,
    arrays: Vec<ArrayRef>,
}

impl Values {
    /// Adds what is not NULL, copied: a part of a batch would keep all of it.
    fn add(&mut self, values: &ArrayRef) -> DataFusionResult<()> {
        let rows = u64::try_from(values.len()).unwrap_or(u64::MAX);
        let present: UInt64Array =
            (0..rows).filter(|row| values.is_valid(usize::try_from(*row).unwrap_or(usize::MAX))).collect::<Vec<_>>().into();
        if !present.is_empty() {
            self.arrays.push(take(values, &present, None)?);
        }
        Ok(())
    }

    fn all(&self) -> DataFusionResult<ArrayRef> {
        let arrays: Vec<&dyn Array> = self.arrays.iter().map(|array| array.as_ref()).collect();
        match arrays.is_empty() {
            true => Ok(new_empty_array(&self.data_type)),
            false => Ok(concat(&arrays)?),
        }
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DataFusionResult<()> {
        match values.first() {
            Some(values) => self.add(values),
            None => Ok(()),
        }
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DataFusionResult<()> {
        let Some(lists) = states.first().and_then(|states| states.as_list_opt::<i32>()) else {
            return Err(to_datafusion(Error::internal("the values of a group are no list")));
        };
        for row in 0..lists.len() {
            if lists.is_valid(row) {
                self.add(&lists.value(row))?;
            }
        }
        Ok(())
    }

    fn state(&mut self) -> DataFusionResult<Vec<ScalarValue>> {
        Ok(vec![SingleRowListArrayBuilder::new(self.all()?).with_nullable(true).build_list_scalar()])
    }

    fn evaluate(&mut self) -> DataFusionResult<ScalarValue> {
        let mut values = self.all()?;
        if values.is_empty() {
            return (self.definition.of_none)(&self.result);
        }
        if self.is_distinct {
            values = distinct(&values).map_err(to_datafusion)?;
        }
        let group = Group { values, constants: &self.constants, result: &self.result, descending: self.descending };
        (self.definition.finish)(&group).map_err(to_datafusion)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.arrays.iter().map(|array| array.get_array_memory_size()).sum::<usize>()
    }
}

/// The values without repetitions.
fn distinct(values: &ArrayRef) -> Result<ArrayRef> {
    let ranks = ranked(values)?;
    let firsts = ranks.iter().map(|run| run.first);
    Ok(take(values, &UInt64Array::from_iter_values(firsts), None)?)
}

/// Equal values: where the first of them is, and how many there are.
#[derive(Debug, Clone, Copy)]
pub(in crate::functions) struct Run {
    pub(in crate::functions) first: u64,
    pub(in crate::functions) count: u64,
}

/// The runs of equal values, the least first.
pub(super) fn ranked(values: &ArrayRef) -> Result<Vec<Run>> {
    let order = arrow::compute::sort_to_indices(values, None, None)?;
    let sorted = take(values, &order, None)?;
    let partition = arrow::compute::partition(&[sorted])?;
    // Sorting does not keep the order of equal values.
    let run = |range: std::ops::Range<usize>| Run {
        first: order.values()[range.clone()].iter().min().copied().unwrap_or_default().into(),
        count: u64::try_from(range.len()).unwrap_or(u64::MAX),
    };
    Ok(partition.ranges().into_iter().map(run).collect())
}

/// A value of an array.
pub(super) fn value_at(values: &ArrayRef, row: usize) -> Result<ScalarValue> {
    ScalarValue::try_from_array(values, row).map_err(from_datafusion)
}
