//! The way of a rule through all expressions of a plan.

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeContainer, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, GroupingSet, LogicalPlan};

/// Where an expression stands.
pub(crate) struct Place {
    /// The columns that it may name.
    pub(crate) schema: DFSchema,
    /// Whether it may be a key: it belongs to a sort or to a join (whose condition, a BOOLEAN, is none).
    pub(crate) is_key: bool,
    /// Whether its value goes on to the nodes above: it is no condition.
    pub(crate) is_output: bool,
}

/// Rewrites every expression of a plan, those of its subqueries too. Columns of results keep their names.
pub(crate) fn every_expression(
    plan: LogicalPlan,
    rewrite: impl Fn(Expr, &Place) -> Result<Transformed<Expr>>,
) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|node| {
        let mut schema = merge_schema(&node.inputs());
        if let LogicalPlan::TableScan(scan) = &node {
            schema.merge(&DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?);
        }
        let is_output = matches!(node, LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_));
        let place = Place { schema, is_key: matches!(node, LogicalPlan::Sort(_) | LogicalPlan::Join(_)), is_output };
        let names = NamePreserver::new(&node);
        let named = |expr: Expr| {
            let name = names.save(&expr);
            Ok(rewrite(expr, &place)?.update_data(|expr| name.restore(expr)))
        };
        let rewritten = node.map_expressions(|expr| match expr {
            // Its members are columns of the result, not the set.
            Expr::GroupingSet(set) => members(set, named),
            other => named(other),
        })?;
        // The nodes above look at the types that columns have now.
        rewritten.map_data(LogicalPlan::recompute_schema)
    })
}

/// Whether an expression of a plan, or of one of its subqueries, has a part that is asked for: much sooner found out than every expression is rewritten.
pub(crate) fn any_expression(plan: &LogicalPlan, is_it: impl Fn(&Expr) -> bool) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            found = found || expr.exists(|part| Ok(is_it(part)))?;
            Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    })?;
    Ok(found)
}

fn members(set: GroupingSet, mut rewrite: impl FnMut(Expr) -> Result<Transformed<Expr>>) -> Result<Transformed<Expr>> {
    let set = match set {
        GroupingSet::Rollup(exprs) => exprs.map_elements(rewrite)?.update_data(GroupingSet::Rollup),
        GroupingSet::Cube(exprs) => exprs.map_elements(rewrite)?.update_data(GroupingSet::Cube),
        GroupingSet::GroupingSets(sets) => {
            sets.map_elements(|exprs| exprs.map_elements(&mut rewrite))?.update_data(GroupingSet::GroupingSets)
        }
    };
    Ok(set.update_data(Expr::GroupingSet))
}
