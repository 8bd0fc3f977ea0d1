//! Averages of decimals whose sum is asked for, too: `sum(x), avg(x)` is one sum, one count, and a division for each group.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array};
use arrow::datatypes::{DataType, Decimal128Type, DecimalType, Int64Type};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result, exec_err, internal_err};
use datafusion::functions_aggregate::count::count;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::logical_plan::{Aggregate, Projection};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::sums::plain_argument;
use crate::semantics::rounded_quotient;

/// See the module.
#[derive(Debug)]
pub(super) struct Averages;

impl OptimizerRule for Averages {
    fn name(&self) -> &'static str {
        "averages"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        match plan {
            LogicalPlan::Aggregate(aggregate) => rewritten(aggregate),
            other => Ok(Transformed::no(other)),
        }
    }
}

fn rewritten(aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
    let schema = aggregate.input.schema();
    let sum_of = |value: &Expr| aggregate.aggr_expr.iter().find(|expr| argument_of(expr, "sum") == Some(value));
    let average = |expr: &Expr| {
        let value = argument_of(expr, "avg").filter(|value| !value.is_volatile())?;
        let is_decimal = matches!(value.get_type(schema), Ok(DataType::Decimal128(..)));
        Some((sum_of(value).filter(|_| is_decimal)?.clone(), count(value.clone())))
    };
    let averages: Vec<_> = aggregate.aggr_expr.iter().map(average).collect();
    if averages.iter().all(Option::is_none) {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    }
    let mut inner: Vec<Expr> = Vec::new();
    let mut add = |expr: &Expr| {
        if !inner.contains(expr) {
            inner.push(expr.clone());
        }
        Expr::Column(Column::new_unqualified(expr.schema_name().to_string()))
    };
    let fields: Vec<_> = aggregate.schema.iter().collect();
    let (keys, values) = fields.split_at(fields.len() - aggregate.aggr_expr.len());
    let mut outer: Vec<Expr> = keys.iter().map(|field| Expr::Column(Column::from(*field))).collect();
    for ((expr, average), (qualifier, field)) in aggregate.aggr_expr.iter().zip(&averages).zip(values) {
        outer.push(match average {
            None => add(expr),
            Some((sum, count)) => {
                let function = Arc::new(ScalarUDF::new_from_impl(Average::new(field.data_type().clone())));
                let quotient = Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![add(sum), add(count)]));
                quotient.alias_qualified(qualifier.cloned(), field.name())
            }
        });
    }
    let inner = Aggregate::try_new(Arc::clone(&aggregate.input), aggregate.group_expr.clone(), inner)?;
    let projection = Projection::try_new(outer, Arc::new(LogicalPlan::Aggregate(inner)))?;
    Ok(Transformed::yes(LogicalPlan::Projection(projection)))
}

/// The argument of a function of all rows alike.
fn argument_of<'a>(expr: &'a Expr, name: &str) -> Option<&'a Expr> {
    match expr {
        Expr::AggregateFunction(function) if function.func.name() == name => plain_argument(function),
        _ => None,
    }
}

/// The average from a sum and a count, as the aggregate would have it: rounded to its scale.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Average {
    data_type: DataType,
    signature: Signature,
}

impl Average {
    fn new(data_type: DataType) -> Self {
        Self { data_type, signature: Signature::any(2, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Average {
    fn name(&self) -> &'static str {
        "average"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _operands: &[DataType]) -> Result<DataType> {
        Ok(self.data_type.clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let [sums, counts] = arrays.as_slice() else { return internal_err!("an average is had from a sum and a count") };
        let (DataType::Decimal128(_, from), DataType::Decimal128(digits, to)) = (sums.data_type(), &self.data_type) else {
            return internal_err!("the average of {} is no {}", sums.data_type(), self.data_type);
        };
        let (digits, scale) = (*digits, *to);
        let shift = 10i128.pow(u32::from(scale.abs_diff(*from)));
        let rows = sums.as_primitive::<Decimal128Type>().iter().zip(counts.as_primitive::<Int64Type>().iter());
        let average = |(sum, count): (Option<i128>, Option<i64>)| match (sum, count) {
            (Some(sum), Some(count)) if count != 0 => {
                let average = sum.checked_mul(shift).map(|sum| rounded_quotient(sum, count.into()));
                match average.filter(|average| Decimal128Type::is_valid_decimal_precision(*average, digits)) {
                    Some(average) => Ok(Some(average)),
                    None => exec_err!("Arithmetic Overflow in AvgAccumulator"),
                }
            }
            _ => Ok(None),
        };
        let averages = rows.map(average).collect::<Result<Decimal128Array>>()?.with_precision_and_scale(digits, scale)?;
        Ok(ColumnarValue::Array(Arc::new(averages) as ArrayRef))
    }
}
