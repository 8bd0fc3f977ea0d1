//! The way of a rule through all expressions of a plan.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, LogicalPlan};

/// Where an expression stands.
pub(super) struct Place {
    /// The columns that it may name.
    pub(super) schema: DFSchema,
    /// Whether its value is compared with that of other rows: it is a key of a sort or of a join.
    pub(super) is_key: bool,
}

/// Rewrites every expression of a plan, those of its subqueries too. Columns of results keep their names.
pub(super) fn every_expression(
    plan: LogicalPlan,
    rewrite: impl Fn(Expr, &Place) -> Result<Transformed<Expr>>,
) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|node| {
        let mut schema = merge_schema(&node.inputs());
        if let LogicalPlan::TableScan(scan) = &node {
            schema.merge(&DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?);
        }
        let place = Place { schema, is_key: matches!(node, LogicalPlan::Sort(_) | LogicalPlan::Join(_)) };
        let names = NamePreserver::new(&node);
        let rewritten = node.map_expressions(|expr| {
            let name = names.save(&expr);
            Ok(rewrite(expr, &place)?.update_data(|expr| name.restore(expr)))
        })?;
        // The nodes above look at the types that columns have now.
        rewritten.map_data(LogicalPlan::recompute_schema)
    })
}
