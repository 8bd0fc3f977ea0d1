//! Where subqueries stand, and which of them are unnested here.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, Join, LogicalPlan, Projection, Sort};

use super::attach;
use super::shape::{Kind, is_simple};

/// Whether a subquery in the condition of a join names columns of both its sides.
pub(super) fn names_both_sides(condition: &Expr, join: &Join) -> Result<bool> {
    let mut both = false;
    condition.apply(|part| {
        if is_subquery(part) {
            let named = attach::outer_of(part)?;
            let of = |side: &LogicalPlan| named.iter().any(|column| side.schema().has_column(column));
            both |= of(&join.left) && of(&join.right);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(both)
}

/// A sort by a subquery may go by columns that the list below it leaves out: it has them until the rows are sorted.
pub(super) fn with_sorted_columns(node: LogicalPlan) -> Result<LogicalPlan> {
    let LogicalPlan::Sort(sort) = &node else { return Ok(node) };
    let LogicalPlan::Projection(list) = sort.input.as_ref() else { return Ok(node) };
    let mut missing = Vec::new();
    for expr in node.expressions() {
        missing.extend(attach::outer_of(&expr)?);
    }
    missing.retain(|column| !list.schema.has_column(column) && list.input.schema().has_column(column));
    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() {
        return Ok(node);
    }
    let all = list.expr.iter().cloned().chain(missing.into_iter().map(Expr::Column)).collect();
    let list = LogicalPlan::Projection(Projection::try_new(all, Arc::clone(&list.input))?);
    Ok(LogicalPlan::Sort(Sort { input: Arc::new(list), ..sort.clone() }))
}

/// Where a subquery stands: that decides what DataFusion makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A filter's condition.
    Condition,
    /// A projection.
    List,
    /// A sort, where DataFusion wants none.
    Sort,
    /// An aggregate, a window.
    Elsewhere,
}

pub(super) fn has_subquery(expr: &Expr) -> bool {
    expr.exists(|part| Ok(is_subquery(part))).unwrap_or(true)
}

pub(super) fn is_subquery(expr: &Expr) -> bool {
    matches!(expr, Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_))
}

pub(super) fn has_ours(expr: &Expr, rows: &LogicalPlan, place: Place) -> Result<bool> {
    expr.exists(|part| Ok(is_subquery(part) && is_ours(part, rows, place)?))
}

/// Whether a subquery is unnested here.
pub(super) fn is_ours(expr: &Expr, rows: &LogicalPlan, place: Place) -> Result<bool> {
    Ok(match expr {
        Expr::Exists(_) | Expr::InSubquery(_) if place == Place::Sort => true,
        Expr::Exists(exists) => !is_simple(&exists.subquery.subquery, Kind::Rows, rows.schema())?,
        Expr::InSubquery(found) => !is_simple(&found.subquery.subquery, Kind::Rows, rows.schema())?,
        Expr::ScalarSubquery(subquery) if subquery.outer_ref_columns.is_empty() => false,
        Expr::ScalarSubquery(subquery) => {
            matches!(place, Place::Sort | Place::Elsewhere) || !is_simple(&subquery.subquery, Kind::Value, rows.schema())?
        }
        _ => false,
    })
}
