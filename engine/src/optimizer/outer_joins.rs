//! Outer joins whose rows without a partner no join above can find a partner for: they are inner joins. DataFusion does it for filters; joins by equality drop NULLs, too.
//!
//! `FROM sales LEFT JOIN returns ON ... JOIN reason ON return.reason = reason.id`: a sale without a return has no reason, and is dropped.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, JoinType, NullEquality, Result};
use datafusion::logical_expr::logical_plan::Projection;
use datafusion::logical_expr::{Expr, Join, LogicalPlan};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

/// See the module.
#[derive(Debug)]
pub(super) struct OuterJoins;

/// Columns of a plan. Rows in which one of them is NULL are dropped above it.
type NotNull = BTreeSet<usize>;

impl OptimizerRule for OuterJoins {
    fn name(&self) -> &'static str {
        "outer_joins"
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        if !plan.exists(|node| Ok(matches!(node, LogicalPlan::Join(join) if join.join_type.is_outer())))? {
            return Ok(Transformed::no(plan));
        }
        rewritten(plan, &NotNull::new())
    }
}

fn rewritten(plan: LogicalPlan, not_null: &NotNull) -> Result<Transformed<LogicalPlan>> {
    let below = match &plan {
        LogicalPlan::Join(_) => return of_join(plan, not_null),
        LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) => not_null.clone(),
        LogicalPlan::Projection(Projection { expr, input, .. }) => {
            columns_of(not_null.iter().filter_map(|at| expr.get(*at)), input.schema())
        }
        _ => NotNull::new(),
    };
    let plan = plan.map_subqueries(|plan| rewritten(plan, &NotNull::new()))?;
    let plan = plan.transform_sibling(|plan| plan.map_children(|plan| rewritten(plan, &below)))?;
    // Columns that could be NULL no longer can.
    if plan.transformed { plan.map_data(LogicalPlan::recompute_schema) } else { Ok(plan) }
}

fn of_join(plan: LogicalPlan, not_null: &NotNull) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Join(mut join) = plan else { return Ok(Transformed::no(plan)) };
    let width = join.left.schema().fields().len();
    let has_both = matches!(join.join_type, JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full);
    let (mut left, mut right) = (NotNull::new(), NotNull::new());
    match join.join_type {
        _ if has_both => {
            left.extend(not_null.iter().filter(|at| **at < width));
            right.extend(not_null.iter().filter(|at| **at >= width).map(|at| at - width));
        }
        JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => left.extend(not_null.iter().filter(|at| **at < width)),
        _ => right.extend(not_null.iter().filter(|at| **at < join.right.schema().fields().len())),
    }
    let before = join.join_type;
    join.join_type = match before {
        JoinType::Left if !right.is_empty() => JoinType::Inner,
        JoinType::Right if !left.is_empty() => JoinType::Inner,
        JoinType::Full => match (left.is_empty(), right.is_empty()) {
            (true, true) => JoinType::Full,
            (false, true) => JoinType::Left,
            (true, false) => JoinType::Right,
            (false, false) => JoinType::Inner,
        },
        other => other,
    };
    // A NULL equals nothing: rows without a key are dropped on each side whose rows stay only with a partner.
    if join.null_equality == NullEquality::NullEqualsNothing {
        if matches!(join.join_type, JoinType::Inner | JoinType::Right | JoinType::LeftSemi | JoinType::RightSemi) {
            left.extend(columns_of(join.on.iter().map(|(left, _)| left), join.left.schema()));
        }
        if matches!(join.join_type, JoinType::Inner | JoinType::Left | JoinType::LeftSemi | JoinType::RightSemi) {
            right.extend(columns_of(join.on.iter().map(|(_, right)| right), join.right.schema()));
        }
    }
    let left = rewritten(Arc::unwrap_or_clone(join.left), &left)?;
    let right = rewritten(Arc::unwrap_or_clone(join.right), &right)?;
    let changed = left.transformed || right.transformed || join.join_type != before;
    (join.left, join.right) = (Arc::new(left.data), Arc::new(right.data));
    if !changed {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    }
    let plan = Join::try_new(
        join.left,
        join.right,
        join.on,
        join.filter,
        join.join_type,
        join.join_constraint,
        join.null_equality,
        join.null_aware,
    )?;
    Ok(Transformed::yes(LogicalPlan::Join(plan)))
}

/// Those of the expressions that are columns.
fn columns_of<'a>(exprs: impl Iterator<Item = &'a Expr>, schema: &DFSchema) -> NotNull {
    let column = |expr: &'a Expr| -> Option<&'a Column> {
        match expr {
            Expr::Column(column) => Some(column),
            Expr::Alias(alias) => match alias.expr.as_ref() {
                Expr::Column(column) => Some(column),
                _ => None,
            },
            _ => None,
        }
    };
    exprs.filter_map(column).filter_map(|column| schema.maybe_index_of_column(column)).collect()
}
