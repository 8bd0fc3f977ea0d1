//! An aggregate that sorts a group's rows itself.
//!
//! DataFusion sorts the input of a grouping, so that all ORDER BYs of its aggregates have to be one; of DISTINCT it asks that nothing else is in the order.
//! Where the orders are several, each aggregate but those of the first keeps its rows, and sorts them at the end.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array, new_empty_array};
use arrow::compute::{SortOptions, concat, take};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::{AggregateFunction, Sort};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature, Volatility};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;

use super::{Clauses, Input, aggregate, coerced, in_type};
use crate::error::{Error, to_datafusion};

/// A call of an aggregate as one that sorts its rows itself; none if that cannot be.
pub(crate) fn ordered(mut call: AggregateFunction) -> std::result::Result<Expr, AggregateFunction> {
    let params = &mut call.params;
    if params.args.is_empty() || (params.distinct && params.order_by.iter().any(|key| !params.args.contains(&key.expr))) {
        return Err(call);
    }
    let option = |key: &Sort| SortOptions { descending: !key.asc, nulls_first: key.nulls_first };
    let clauses = Clauses { arguments: params.args.len(), distinct: params.distinct, keys: params.order_by.iter().map(option).collect() };
    params.args.extend(std::mem::take(&mut params.order_by).into_iter().map(|key| key.expr));
    params.distinct = false;
    let name = format!("{}{}", call.func.name(), clauses.written());
    let signature = Signature::user_defined(Volatility::Immutable);
    call.func = Arc::new(AggregateUDF::new_from_impl(Ordered { name, function: call.func, clauses, signature }));
    Ok(Expr::AggregateFunction(call))
}

/// Its arguments are those of the aggregate, and the keys of its order.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Ordered {
    name: String,
    function: Arc<AggregateUDF>,
    clauses: Clauses,
    signature: Signature,
}

impl AggregateUDFImpl for Ordered {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        coerced(&self.function, self.clauses.arguments, types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.function.return_type(types.get(..self.clauses.arguments).unwrap_or_default())
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        self.function.return_field(fields.get(..self.clauses.arguments).unwrap_or_default())
    }

    fn is_nullable(&self) -> bool {
        self.function.is_nullable()
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.function.default_value(data_type)
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let list = |(at, field): (usize, &FieldRef)| {
            let list = DataType::List(Arc::new(Field::new_list_field(field.data_type().clone(), true)));
            Arc::new(Field::new(format_state_name(arguments.name, &format!("column{at}")), list, true))
        };
        Ok(arguments.input_fields.iter().enumerate().map(list).collect())
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let own = self.clauses.arguments;
        let exprs = arguments.exprs.get(..own).unwrap_or_default();
        let fields = arguments.expr_fields.get(..own).unwrap_or_default();
        Ok(Box::new(Kept {
            aggregate: aggregate(&self.function, exprs, fields, arguments.ignore_nulls)?,
            result: arguments.return_field.data_type().clone(),
            clauses: self.clauses.clone(),
            types: arguments.expr_fields.iter().map(|field| field.data_type().clone()).collect(),
            batches: Vec::new(),
        }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// The rows of a group, column by column.
#[derive(Debug)]
struct Kept {
    aggregate: AggregateFunctionExpr,
    result: DataType,
    clauses: Clauses,
    types: Vec<DataType>,
    batches: Vec<Vec<ArrayRef>>,
}

impl Kept {
    fn columns(&self) -> Result<Vec<ArrayRef>> {
        let column = |(at, data_type): (usize, &DataType)| {
            let parts: Vec<&dyn Array> = self.batches.iter().filter_map(|batch| batch.get(at)).map(|part| part.as_ref()).collect();
            Ok(if parts.is_empty() { new_empty_array(data_type) } else { concat(&parts)? })
        };
        self.types.iter().enumerate().map(column).collect()
    }
}

impl Accumulator for Kept {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        if values.first().is_some_and(|first| !first.is_empty()) {
            // Copied: a part of a batch would keep all of it.
            let rows = u64::try_from(values.first().map_or(0, |first| first.len())).unwrap_or(u64::MAX);
            let rows = UInt64Array::from_iter_values(0..rows);
            self.batches.push(values.iter().map(|values| take(values, &rows, None)).collect::<std::result::Result<_, _>>()?);
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let no_lists = || to_datafusion(Error::internal("the rows of a group are no lists"));
        for row in 0..states.first().map_or(0, |states| states.len()) {
            let mut columns = Vec::with_capacity(states.len());
            for states in states {
                let lists = states.as_list_opt::<i32>().ok_or_else(no_lists)?;
                if lists.is_valid(row) {
                    columns.push(lists.value(row));
                }
            }
            if columns.len() == states.len() {
                self.update_batch(&columns)?;
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let list = |column: ArrayRef| SingleRowListArrayBuilder::new(column).with_nullable(true).build_list_scalar();
        Ok(self.columns()?.into_iter().map(list).collect())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let columns = self.columns()?;
        let rows = columns.first().map_or(0, |column| column.len());
        let mut accumulator = self.aggregate.create_accumulator()?;
        Input::new(&columns, &self.clauses)?.feed((0..rows).collect(), accumulator.as_mut())?;
        in_type(accumulator.evaluate()?, &self.result)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.batches.iter().flatten().map(|column| column.get_array_memory_size()).sum::<usize>()
    }
}
