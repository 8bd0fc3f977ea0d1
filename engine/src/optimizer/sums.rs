//! Sums of a value to which constants are added, as `sum(x), sum(x + 1), sum(x + 2)`: one sum, one count, and a multiplication each.
//!
//! Only where the value has at most 32 bits, so that the sum of the values fits where that of the original sums does.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::functions_aggregate::count::count;
use datafusion::logical_expr::expr::{AggregateFunction, Cast};
use datafusion::logical_expr::logical_plan::{Aggregate, Projection};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use crate::semantics::{sum_and_multiple, summands};

/// A constant times a count of rows must not overflow before there are 2^42 of them.
const LARGEST_CONSTANT: u64 = 1 << 20;

/// See the module.
#[derive(Debug)]
pub(super) struct Sums;

/// A sum that can be had from another.
struct Shifted<'a> {
    function: &'a AggregateFunction,
    value: &'a Expr,
    constant: i64,
}

/// The only argument of an aggregate of all rows alike, in any order.
pub(super) fn plain_argument(function: &AggregateFunction) -> Option<&Expr> {
    let parameters = &function.params;
    let is_plain =
        !parameters.distinct && parameters.filter.is_none() && parameters.order_by.is_empty() && parameters.null_treatment.is_none();
    match parameters.args.as_slice() {
        [argument] if is_plain => Some(argument),
        _ => None,
    }
}

fn shifted<'a>(expr: &'a Expr, aggregate: &Aggregate) -> Option<Shifted<'a>> {
    let Expr::AggregateFunction(function) = expr else { return None };
    let (left, right) = summands(plain_argument(function)?).filter(|_| function.func.name() == "sum")?;
    let (value, constant) = match (left, right) {
        (value, Expr::Literal(ScalarValue::Int64(Some(constant)), _)) | (Expr::Literal(ScalarValue::Int64(Some(constant)), _), value) => {
            (value, *constant)
        }
        _ => return None,
    };
    let narrow = match value {
        Expr::Cast(Cast { expr, .. }) => expr.get_type(aggregate.input.schema()).ok()?,
        other => other.get_type(aggregate.input.schema()).ok()?,
    };
    let is_narrow = narrow.is_integer() && !matches!(narrow, DataType::Int64 | DataType::UInt64) && !value.is_volatile();
    (is_narrow && constant.unsigned_abs() <= LARGEST_CONSTANT).then_some(Shifted { function, value, constant })
}

impl OptimizerRule for Sums {
    fn name(&self) -> &'static str {
        "sums"
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
    let all: Vec<_> = aggregate.aggr_expr.iter().map(|expr| shifted(expr, &aggregate)).collect();
    // One more of the same value, or nothing is saved.
    let pays = |one: &Shifted<'_>| all.iter().flatten().filter(|other| other.value == one.value).count() > 1;
    if !all.iter().flatten().any(pays) {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    }
    let mut inner: Vec<Expr> = Vec::new();
    let mut add = |expr: Expr| {
        let column = Expr::Column(Column::new_unqualified(expr.schema_name().to_string()));
        if !inner.contains(&expr) {
            inner.push(expr);
        }
        column
    };
    let fields = aggregate.schema.iter().map(Column::from).collect::<Vec<_>>();
    let keys = fields.len() - aggregate.aggr_expr.len();
    let mut outer: Vec<Expr> = fields[..keys].iter().cloned().map(Expr::Column).collect();
    for ((expr, shifted), column) in aggregate.aggr_expr.iter().zip(&all).zip(&fields[keys..]) {
        let result = match shifted.as_ref().filter(|shifted| pays(shifted)) {
            None => {
                add(expr.clone());
                outer.push(Expr::Column(column.clone()));
                continue;
            }
            Some(Shifted { function, value, constant }) => {
                let mut sum = AggregateFunction::clone(function);
                sum.params.args = vec![Expr::clone(value)];
                let (sum, count) = (add(Expr::AggregateFunction(sum)), add(count(Expr::clone(value))));
                sum_and_multiple(sum, Expr::Literal(ScalarValue::Int64(Some(*constant)), None), count)
            }
        };
        outer.push(result.alias_qualified(column.relation.clone(), column.name.clone()));
    }
    let inner = Aggregate::try_new(Arc::clone(&aggregate.input), aggregate.group_expr.clone(), inner)?;
    let projection = Projection::try_new(outer, Arc::new(LogicalPlan::Aggregate(inner)))?;
    Ok(Transformed::yes(LogicalPlan::Projection(projection)))
}
