//! Aggregates of one query with several ORDER BYs: `list(a ORDER BY b), list(a ORDER BY c)`.
//!
//! DataFusion sorts the rows once for all aggregates of a grouping, and has no plan if that cannot be. The first order is left to it; those that want another one
//! sort their rows themselves.

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{AggregateFunction, Sort};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use crate::functions::ordered_aggregate;

/// The rule. It runs when all types are known.
#[derive(Debug)]
pub(super) struct AggregateOrders;

impl AnalyzerRule for AggregateOrders {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(with_one_order)?.data)
    }

    fn name(&self) -> &str {
        "aggregate_orders"
    }
}

fn with_one_order(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Aggregate(Aggregate { aggr_expr, .. }) = &node else { return Ok(Transformed::no(node)) };
    let mut orders = aggr_expr.iter().filter_map(order);
    let Some(first) = orders.next().map(<[Sort]>::to_vec) else { return Ok(Transformed::no(node)) };
    if orders.all(|other| other == first.as_slice()) {
        return Ok(Transformed::no(node));
    }
    let names = NamePreserver::new(&node);
    let LogicalPlan::Aggregate(aggregate) = node else { return Ok(Transformed::no(node)) };
    let aggregates = aggregate.aggr_expr.into_iter().map(|expr| match order(&expr) {
        Some(own) if own != first.as_slice() => {
            let name = names.save(&expr);
            name.restore(sorting_itself(expr))
        }
        _ => expr,
    });
    let made = Aggregate::try_new(aggregate.input, aggregate.group_expr, aggregates.collect())?;
    Ok(Transformed::yes(LogicalPlan::Aggregate(made)))
}

/// The order of an aggregate that needs its rows sorted.
fn order(expr: &Expr) -> Option<&[Sort]> {
    match expr {
        Expr::Alias(alias) => order(&alias.expr),
        Expr::AggregateFunction(AggregateFunction { func, params }) => {
            // The others manage without.
            let depends = func.order_sensitivity() == AggregateOrderSensitivity::HardRequirement;
            (depends && !params.order_by.is_empty()).then_some(params.order_by.as_slice())
        }
        _ => None,
    }
}

fn sorting_itself(expr: Expr) -> Expr {
    match expr {
        Expr::Alias(mut alias) => {
            *alias.expr = sorting_itself(std::mem::take(&mut *alias.expr));
            Expr::Alias(alias)
        }
        Expr::AggregateFunction(call) => ordered_aggregate(call).unwrap_or_else(Expr::AggregateFunction),
        other => other,
    }
}
