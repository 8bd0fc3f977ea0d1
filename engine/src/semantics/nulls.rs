//! NULLs that DataFusion does not see.
//!
//! - A scalar subquery without rows is NULL, also where its column never is: `(SELECT 1 WHERE false) IS NULL` would be answered with false, from the column.
//! - `x IS TRUE` is never NULL, which plans of DataFusion say, and its operators do not: an error wherever an aggregate is above.
//! - A NULL that CASE or `nullif` makes of a list, struct or map keeps what was there below it, and DataFusion's functions look there: a field of a NULL would
//!   have a value.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use super::same::Known;
use super::typed::type_of;
use super::walk;

/// The rule for subqueries, and for what is never NULL.
#[derive(Debug)]
pub(super) struct Nullability;

impl AnalyzerRule for Nullability {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let is_it = |expr: &Expr| {
            matches!(expr, Expr::ScalarSubquery(_) | Expr::IsTrue(_) | Expr::IsFalse(_) | Expr::IsNotTrue(_) | Expr::IsNotFalse(_))
        };
        if !walk::any_expression(&plan, is_it)? {
            return Ok(plan);
        }
        let rewritten = walk::every_expression(plan, |expr, place| {
            expr.transform_up(|expr| match &expr {
                Expr::IsTrue(_) | Expr::IsFalse(_) | Expr::IsNotTrue(_) | Expr::IsNotFalse(_) if place.is_output => {
                    Ok(Transformed::yes(Known::Present.call(expr)))
                }
                Expr::ScalarSubquery(subquery)
                    if !subquery.subquery.schema().field(0).is_nullable() && may_be_empty(&subquery.subquery) =>
                {
                    Ok(Transformed::yes(Known::Nullable.call(expr)))
                }
                _ => Ok(Transformed::no(expr)),
            })
        })?;
        Ok(rewritten.data)
    }

    fn name(&self) -> &str {
        "nullability"
    }
}

/// Whether a query may have no row: all but an aggregate of everything.
fn may_be_empty(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => !aggregate.group_expr.is_empty(),
        LogicalPlan::Projection(projection) => may_be_empty(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => may_be_empty(&alias.input),
        LogicalPlan::Sort(sort) => sort.fetch.is_some() || may_be_empty(&sort.input),
        _ => true,
    }
}

/// What makes NULLs of nested values, with nothing below them, and aggregates of different values with zeros that are the same; other expressions stay.
pub(super) fn rewritten(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if let Expr::AggregateFunction(mut call) = expr {
        let mut changed = false;
        for argument in call.params.args.iter_mut().filter(|_| call.params.distinct) {
            if type_of(argument, schema)?.is_floating() {
                *argument = Known::OneZero.call(std::mem::take(argument));
                changed = true;
            }
        }
        return Ok(Transformed::new_transformed(Expr::AggregateFunction(call), changed));
    }
    let makes_nulls = match &expr {
        Expr::Case(_) => true,
        Expr::ScalarFunction(call) => call.func.name() == "nullif",
        _ => false,
    };
    Ok(match makes_nulls && type_of(&expr, schema)?.is_nested() {
        true => Transformed::yes(Known::Bare.call(expr)),
        false => Transformed::no(expr),
    })
}
