//! The order of a query within. `SELECT list(v) FROM (SELECT v FROM t ORDER BY v)` is a list in order, as in DuckDB and PostgreSQL; so are the numbers of
//! `row_number() OVER ()`, and the rows of `SELECT * FROM (SELECT ... ORDER BY v) LIMIT 3`.
//!
//! To DataFusion a sort within means nothing. Here its keys become the ORDER BY of what depends on them; it stays where rows go on in its order to a LIMIT or to
//! the result, and is left out everywhere else.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{AggregateFunction, Sort as Key};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Aggregate, Expr, Filter, Limit, LogicalPlan, Projection, SubqueryAlias, Window};
use datafusion::optimizer::AnalyzerRule;

/// Aggregates whose result depends on the order of rows.
const SENSITIVE: [&str; 5] = ["array_agg", "string_agg", "first_value", "last_value", "nth_value"];

/// Window functions that go by the order of rows, whatever the frame is.
const NUMBERING: [&str; 4] = ["row_number", "ntile", "lag", "lead"];

/// The rule.
#[derive(Debug)]
pub(super) struct InputOrder;

impl AnalyzerRule for InputOrder {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        if !has_sort_within(&plan)? {
            return Ok(plan);
        }
        let plan = plan.transform_up_with_subqueries(ordered)?.data;
        let plan = plan.transform_down_with_subqueries(|node| node.map_subqueries(|subquery| without_sorts(subquery, false)))?.data;
        Ok(without_sorts(plan, true)?.data)
    }

    fn name(&self) -> &str {
        "input_order"
    }
}

/// Whether there is a sort besides the result's own.
fn has_sort_within(plan: &LogicalPlan) -> Result<bool> {
    let (mut own, mut top) = (0, plan);
    loop {
        top = match top {
            LogicalPlan::Limit(limit) => &limit.input,
            LogicalPlan::Projection(projection) if own == 0 => &projection.input,
            LogicalPlan::Sort(sort) if own == 0 => {
                own = 1;
                &sort.input
            }
            _ => break,
        };
    }
    let mut all = 0;
    plan.apply_with_subqueries(|node| {
        all += usize::from(matches!(node, LogicalPlan::Sort(_)));
        Ok(if all > own { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(all > own)
}

fn ordered(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let input = match &node {
        LogicalPlan::Aggregate(Aggregate { input, aggr_expr, .. }) if aggr_expr.iter().any(is_unordered) => input,
        LogicalPlan::Window(Window { input, window_expr, .. }) if window_expr.iter().any(is_unordered) => input,
        _ => return Ok(Transformed::no(node)),
    };
    let Some((input, keys)) = with_keys(input, false)? else { return Ok(Transformed::no(node)) };
    let names = NamePreserver::new(&node);
    let with_keys = |exprs: Vec<Expr>| -> Result<Vec<Expr>> {
        let named = exprs.into_iter().map(|expr| {
            let name = names.save(&expr);
            name.restore(with_order(expr, &keys))
        });
        Ok(named.collect())
    };
    Ok(match node {
        LogicalPlan::Aggregate(aggregate) => {
            let aggregates = with_keys(aggregate.aggr_expr)?;
            Transformed::yes(LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(input), aggregate.group_expr, aggregates)?))
        }
        LogicalPlan::Window(window) => {
            let windows = with_keys(window.window_expr)?;
            let made = LogicalPlan::Window(Window::try_new(windows, Arc::new(input))?);
            // Without the columns that were added for the keys.
            let columns = window.schema.iter().map(Expr::from).collect();
            Transformed::yes(LogicalPlan::Projection(Projection::try_new(columns, Arc::new(made))?))
        }
        other => Transformed::no(other),
    })
}

/// Whether it depends on the order of rows, and has none of its own.
fn is_unordered(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_unordered(&alias.expr),
        Expr::AggregateFunction(AggregateFunction { func, params }) => {
            SENSITIVE.contains(&func.name()) && params.order_by.is_empty() && !params.distinct
        }
        Expr::WindowFunction(window) => NUMBERING.contains(&window.fun.name()) && window.params.order_by.is_empty(),
        _ => false,
    }
}

fn with_order(expr: Expr, keys: &[Key]) -> Expr {
    if !is_unordered(&expr) {
        return expr;
    }
    match expr {
        Expr::Alias(mut alias) => {
            *alias.expr = with_order(std::mem::take(&mut *alias.expr), keys);
            Expr::Alias(alias)
        }
        Expr::AggregateFunction(mut call) => {
            call.params.order_by = keys.to_vec();
            Expr::AggregateFunction(call)
        }
        Expr::WindowFunction(mut call) => {
            call.params.order_by = keys.to_vec();
            Expr::WindowFunction(call)
        }
        other => other,
    }
}

/// A plan without the sorts that nobody sees; `is_seen` tells that its own rows go on in their order.
fn without_sorts(plan: LogicalPlan, is_seen: bool) -> Result<Transformed<LogicalPlan>> {
    let is_seen_below = match &plan {
        LogicalPlan::Sort(sort) if sort.fetch.is_none() && !is_seen => {
            let input = Arc::unwrap_or_clone(Arc::clone(&sort.input));
            return Ok(Transformed::yes(without_sorts(input, false)?.data));
        }
        // Which rows these keep depends on it.
        LogicalPlan::Limit(_) => true,
        LogicalPlan::Projection(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Unnest(_)
        | LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_)
        | LogicalPlan::Dml(_)
        | LogicalPlan::Copy(_)
        | LogicalPlan::Ddl(_) => is_seen,
        _ => false,
    };
    plan.map_children(|child| without_sorts(child, is_seen_below))
}

/// A plan whose rows come in an order, with columns that tell it; none for any other plan. A sort that decides which rows there are (`keeps_sort`) stays.
fn with_keys(plan: &LogicalPlan, keeps_sort: bool) -> Result<Option<(LogicalPlan, Vec<Key>)>> {
    Ok(match plan {
        LogicalPlan::Sort(sort) => {
            let stays = keeps_sort || sort.fetch.is_some();
            let input = if stays { plan.clone() } else { sort.input.as_ref().clone() };
            let mut columns: Vec<Expr> = input.schema().iter().map(Expr::from).collect();
            let width = columns.len();
            let mut keys: Vec<Key> = Vec::with_capacity(sort.expr.len());
            for key in &sort.expr {
                let key = key.with_expr(passed_on(key.expr.clone(), &mut columns));
                // A key that comes again says nothing, and is too much for DataFusion's aggregates.
                if !keys.iter().any(|known| known.expr == key.expr) {
                    keys.push(key);
                }
            }
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
            .map(|(input, keys)| Filter::try_new(filter.predicate.clone(), Arc::new(input)).map(|made| (LogicalPlan::Filter(made), keys)))
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
