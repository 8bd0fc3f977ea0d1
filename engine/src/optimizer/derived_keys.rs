//! Keys of a grouping that follow from others, as in `GROUP BY a, a - 1, upper(b), b, 7`: they are computed once for each group, behind the grouping.
//!
//! Only constants, and keys over columns that are keys themselves and whose equal values cannot be told apart: 0.0 and -0.0 are one group, and 1 / x differs.
//! DataFusion's own rule, which this one replaces, does not ask for that.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::logical_plan::{Aggregate, Projection};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use crate::reuse::is_immutable;

/// See the module.
#[derive(Debug)]
pub(super) struct DerivedKeys;

impl OptimizerRule for DerivedKeys {
    fn name(&self) -> &'static str {
        "derived_keys"
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
    if aggregate.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_))) {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    }
    let schema = aggregate.input.schema();
    let is_plain = |key: &&Expr| matches!(key, Expr::Column(_)) && key.get_type(schema).is_ok_and(|data_type| is_told_by_value(&data_type));
    let plain: Vec<&Expr> = aggregate.group_expr.iter().filter(is_plain).collect();
    let derived: Vec<bool> = aggregate.group_expr.iter().map(|key| is_derived(key, &plain)).collect();
    // Without any key there would be a group without any row.
    if !derived.contains(&true) || !derived.contains(&false) {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    }
    let columns: Vec<_> = aggregate.schema.iter().map(Column::from).collect();
    let outer = columns.into_iter().enumerate().map(|(at, column)| match (derived.get(at), aggregate.group_expr.get(at)) {
        (Some(true), Some(key)) => key.clone().unalias().alias_qualified(column.relation, column.name),
        _ => Expr::Column(column),
    });
    let outer: Vec<_> = outer.collect();
    let keys = aggregate.group_expr.iter().zip(&derived).filter(|(_, derived)| !**derived).map(|(key, _)| key.clone()).collect();
    let inner = Aggregate::try_new(Arc::clone(&aggregate.input), keys, aggregate.aggr_expr.clone())?;
    Ok(Transformed::yes(LogicalPlan::Projection(Projection::try_new(outer, Arc::new(LogicalPlan::Aggregate(inner)))?)))
}

/// Whether a key is had from others.
fn is_derived(key: &Expr, plain: &[&Expr]) -> bool {
    let columns = key.column_refs();
    let immutable = || key.exists(|part| Ok(!is_immutable(part) || part.is_volatile())).is_ok_and(|found| !found);
    !matches!(key, Expr::Column(_))
        && columns.iter().all(|column| plain.iter().any(|key| matches!(key, Expr::Column(key) if key == *column)))
        && immutable()
}

/// Whether equal values of a type are the same to every function.
pub(super) fn is_told_by_value(data_type: &DataType) -> bool {
    use DataType::*;
    data_type.is_integer()
        || data_type.is_string()
        || data_type.is_decimal()
        || matches!(data_type, Boolean | Date32 | Date64 | Timestamp(..) | Time32(_) | Time64(_))
}
