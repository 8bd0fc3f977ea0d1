//! Which side of a join is built, where nothing else about it changes: outer joins, and those with marks.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, JoinType, Result};
use datafusion::logical_expr::{Expr, Join, LogicalPlan, Projection};

use super::super::estimate;

/// A join with its smaller side on the left, where the hash table is built; with the columns in their old order. Others stay as they are.
pub(super) fn smaller_left(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Join(join) = &plan else { return Ok(Transformed::no(plan)) };
    if join.null_aware || !join.join_type.supports_swap() {
        return Ok(Transformed::no(plan));
    }
    let (left, right) = (estimate::of(&join.left), estimate::of(&join.right));
    if left.rows <= right.rows {
        return Ok(Transformed::no(plan));
    }
    let on = join.on.iter().cloned().map(|(left, right)| (right, left)).collect();
    let swapped = Join::try_new(
        Arc::clone(&join.right),
        Arc::clone(&join.left),
        on,
        join.filter.clone(),
        join.join_type.swap(),
        join.join_constraint,
        join.null_equality,
        join.null_aware,
    )?;
    let swapped = LogicalPlan::Join(swapped);
    let keeps_columns = !matches!(join.join_type, JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full);
    if keeps_columns {
        return Ok(Transformed::yes(swapped));
    }
    let columns = join.schema.iter().map(|(qualifier, field)| Expr::Column(Column::new(qualifier.cloned(), field.name()))).collect();
    Ok(Transformed::yes(LogicalPlan::Projection(Projection::try_new(columns, Arc::new(swapped))?)))
}
