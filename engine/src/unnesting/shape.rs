//! What a subquery's plan looks like: which outer columns it names, how many rows it gives, whether DataFusion's own rules make the right join of it.

use std::collections::BTreeSet;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::{Distinct, Expr, FetchType, Join, JoinType, LogicalPlan};
use datafusion::optimizer::decorrelate::PullUpCorrelatedExpr;

/// The outer columns that a plan names, in the order in which they come first. Those of subqueries within belong to these.
pub(super) fn outer_columns(plan: &LogicalPlan) -> Result<Vec<Column>> {
    let mut found: Vec<Column> = Vec::new();
    let mut seen = BTreeSet::new();
    plan.apply(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                if let Expr::OuterReferenceColumn(_, column) = part
                    && seen.insert(column.clone())
                {
                    found.push(column.clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}

/// The outer columns of a plan as expressions.
pub(super) fn outer_references(plan: &LogicalPlan) -> Result<Vec<Expr>> {
    let mut found: Vec<Expr> = Vec::new();
    plan.apply(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                if matches!(part, Expr::OuterReferenceColumn(..)) && !found.contains(part) {
                    found.push(part.clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}

/// Whether a plan names one of the outer columns.
pub(super) fn depends(plan: &LogicalPlan, columns: &[Column]) -> Result<bool> {
    plan.exists(|node| Ok(node_depends(node, columns)))
}

fn node_depends(node: &LogicalPlan, columns: &[Column]) -> bool {
    let mut depends = false;
    let _ = node.apply_expressions(|expr| {
        depends |= expr_depends(expr, columns);
        Ok(TreeNodeRecursion::Continue)
    });
    depends
}

/// Whether an expression names one of the outer columns.
pub(super) fn expr_depends(expr: &Expr, columns: &[Column]) -> bool {
    expr.exists(|part| Ok(matches!(part, Expr::OuterReferenceColumn(_, column) if columns.contains(column)))).unwrap_or(true)
}

/// Whether a plan gives one row at most, for each value of its outer columns.
pub(super) fn gives_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(node) => gives_one_row(&node.input),
        LogicalPlan::SubqueryAlias(node) => gives_one_row(&node.input),
        LogicalPlan::Filter(node) => gives_one_row(&node.input),
        LogicalPlan::Sort(node) => gives_one_row(&node.input),
        LogicalPlan::Distinct(Distinct::All(input)) => gives_one_row(input),
        LogicalPlan::Aggregate(node) => node.group_expr.is_empty(),
        LogicalPlan::Limit(node) => matches!(node.get_fetch_type(), Ok(FetchType::Literal(Some(0 | 1)))) || gives_one_row(&node.input),
        LogicalPlan::EmptyRelation(_) => true,
        LogicalPlan::Values(node) => node.values.len() <= 1,
        _ => false,
    }
}

/// What a subquery stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Rows,
    Value,
}

/// Whether DataFusion's rules take the conditions on outer columns out of a subquery without changing what it means: they stand in filters, and nothing
/// above these looks at more than one row, but for the aggregate of a value.
pub(super) fn is_simple(plan: &LogicalPlan, kind: Kind, outer: &DFSchema) -> Result<bool> {
    let columns = outer_columns(plan)?;
    if columns.is_empty() {
        return Ok(true);
    }
    if !columns.iter().all(|column| outer.has_column(column)) || !is_plain(plan, kind, &columns)? {
        return Ok(false);
    }
    let mut pull_up = match kind {
        Kind::Rows => PullUpCorrelatedExpr::new().with_exists_sub_query(true),
        Kind::Value => PullUpCorrelatedExpr::new().with_need_handle_count_bug(true),
    };
    let pulled = plan.clone().rewrite(&mut pull_up);
    Ok(pulled.is_ok() && pull_up.can_pull_up)
}

fn is_plain(plan: &LogicalPlan, kind: Kind, outer: &[Column]) -> Result<bool> {
    if !depends(plan, outer)? {
        return Ok(kind == Kind::Rows || gives_one_row(plan));
    }
    match plan {
        LogicalPlan::Filter(node) => {
            // A value's filter above its aggregate is a HAVING. Outer columns lose their mark when a condition is taken out: they must not be mistaken for inner ones.
            let is_mistaken = outer.iter().any(|column| node.input.schema().has_column(column));
            Ok(kind == Kind::Rows && !is_mistaken && is_plain(&node.input, kind, outer)?)
        }
        LogicalPlan::Projection(node) => Ok(!node_depends(plan, outer) && is_plain(&node.input, kind, outer)?),
        LogicalPlan::Aggregate(node) => {
            let is_of_value = kind == Kind::Value && node.group_expr.is_empty();
            Ok(is_of_value && !node_depends(plan, outer) && is_plain(&node.input, Kind::Rows, outer)?)
        }
        LogicalPlan::Join(Join { left, right, join_type: JoinType::Inner, .. }) => {
            Ok(kind == Kind::Rows && !node_depends(plan, outer) && is_plain(left, kind, outer)? && is_plain(right, kind, outer)?)
        }
        _ => Ok(false),
    }
}

/// Whether a plan gives the same rows whenever it is run: nothing in it is random, or left to chance as the rows of a LIMIT may be.
pub(crate) fn is_repeatable(plan: &LogicalPlan) -> Result<bool> {
    let mut repeatable = true;
    plan.apply_with_subqueries(|node| {
        repeatable &= !matches!(node, LogicalPlan::Limit(_));
        node.apply_expressions(|expr| {
            repeatable &= !expr.is_volatile();
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(if repeatable { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok(repeatable)
}
