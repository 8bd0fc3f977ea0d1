//! The order of a query within, for aggregates that depend on it: `SELECT list(v) FROM (SELECT v FROM t ORDER BY v)` is a list in order, as in DuckDB and
//! PostgreSQL. To DataFusion a sort below a GROUP BY means nothing, and is left out: here its keys become the aggregate's own ORDER BY.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNodeContainer};
use datafusion::common::{Column, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{AggregateFunction, Sort as Key};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Aggregate, Expr, Filter, Limit, LogicalPlan, Projection, SubqueryAlias};
use datafusion::optimizer::AnalyzerRule;

/// Aggregates whose result depends on the order of rows.
const SENSITIVE: [&str; 5] = ["array_agg", "string_agg", "first_value", "last_value", "nth_value"];

/// The rule.
#[derive(Debug)]
pub(super) struct InputOrder;

impl AnalyzerRule for InputOrder {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(ordered)?.data)
    }

    fn name(&self) -> &str {
        "input_order"
    }
}

fn ordered(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Aggregate(aggregate) = &node else { return Ok(Transformed::no(node)) };
    if !aggregate.aggr_expr.iter().any(is_unordered) {
        return Ok(Transformed::no(node));
    }
    let Some((input, keys)) = with_keys(&aggregate.input, false)? else { return Ok(Transformed::no(node)) };
    let names = NamePreserver::new(&node);
    let aggregates = aggregate.aggr_expr.clone().map_elements(|expr| {
        let name = names.save(&expr);
        Ok(with_order(expr, &keys).update_data(|expr| name.restore(expr)))
    })?;
    let made = Aggregate::try_new(Arc::new(input), aggregate.group_expr.clone(), aggregates.data)?;
    Ok(Transformed::yes(LogicalPlan::Aggregate(made)))
}

fn is_unordered(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_unordered(&alias.expr),
        Expr::AggregateFunction(AggregateFunction { func, params }) => {
            SENSITIVE.contains(&func.name()) && params.order_by.is_empty() && !params.distinct
        }
        _ => false,
    }
}

fn with_order(expr: Expr, keys: &[Key]) -> Transformed<Expr> {
    if !is_unordered(&expr) {
        return Transformed::no(expr);
    }
    match expr {
        Expr::Alias(mut alias) => {
            *alias.expr = with_order(std::mem::take(&mut *alias.expr), keys).data;
            Transformed::yes(Expr::Alias(alias))
        }
        Expr::AggregateFunction(mut call) => {
            call.params.order_by = keys.to_vec();
            Transformed::yes(Expr::AggregateFunction(call))
        }
        other => Transformed::no(other),
    }
}

/// A plan whose rows come in an order, with columns that tell it; none for any other plan. A sort that decides which rows there are (`keeps_sort`) stays.
fn with_keys(plan: &LogicalPlan, keeps_sort: bool) -> Result<Option<(LogicalPlan, Vec<Key>)>> {
    Ok(match plan {
        LogicalPlan::Sort(sort) => {
            let stays = keeps_sort || sort.fetch.is_some();
            let input = if stays { plan.clone() } else { sort.input.as_ref().clone() };
            let mut columns: Vec<Expr> = input.schema().iter().map(Expr::from).collect();
            let width = columns.len();
            let keys = sort.expr.iter().map(|key| key.with_expr(passed_on(key.expr.clone(), &mut columns))).collect();
            let input = match columns.len() == width {
                true => input,
                false => LogicalPlan::Projection(Projection::try_new(columns, Arc::new(input))?),
            };
            Some((input, keys))
        }
        LogicalPlan::Projection(projection) => with_keys(&projection.input, keeps_sort)?
            .map(|(input, keys)| {
                let mut columns = projection.expr.clone();
                let keys = keys.into_iter().map(|key| key.with_expr(passed_on(key.expr.clone(), &mut columns))).collect();
                Ok::<_, datafusion::common::DataFusionError>((
                    LogicalPlan::Projection(Projection::try_new(columns, Arc::new(input))?),
                    keys,
                ))
            })
            .transpose()?,
        LogicalPlan::SubqueryAlias(alias) => with_keys(&alias.input, keeps_sort)?
            .map(|(input, keys)| {
                let keys = keys.into_iter().map(|key| match &key.expr {
                    Expr::Column(column) => key.with_expr(Expr::Column(Column::new(Some(alias.alias.clone()), column.name.clone()))),
                    _ => key,
                });
                let keys = keys.collect();
                SubqueryAlias::try_new(Arc::new(input), alias.alias.clone()).map(|made| (LogicalPlan::SubqueryAlias(made), keys))
            })
            .transpose()?,
        LogicalPlan::Filter(filter) => with_keys(&filter.input, keeps_sort)?
            .map(|(input, keys)| {
                Filter::try_new(filter.predicate.clone(), Arc::new(input)).map(|made| (LogicalPlan::Filter(made), keys))
            })
            .transpose()?,
        LogicalPlan::Limit(limit) => with_keys(&limit.input, true)?.map(|(input, keys)| {
            let made = Limit { skip: limit.skip.clone(), fetch: limit.fetch.clone(), input: Arc::new(input) };
            (LogicalPlan::Limit(made), keys)
        }),
        _ => None,
    })
}

/// The column in which a list of columns has the value of an expression; one is added for what it has not.
fn passed_on(expr: Expr, columns: &mut Vec<Expr>) -> Expr {
    for column in columns.iter() {
        match column {
            Expr::Alias(alias) if *alias.expr == expr => {
                return Expr::Column(Column::new(alias.relation.clone(), alias.name.clone()));
            }
            Expr::Column(_) if *column == expr => return expr,
            _ => {}
        }
    }
    let name = format!("__order_{}", columns.len());
    columns.push(expr.alias(&name));
    Expr::Column(Column::new_unqualified(name))
}
