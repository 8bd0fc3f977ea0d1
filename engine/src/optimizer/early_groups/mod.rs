//! Groups before joins: `SELECT brand, sum(price) FROM sales JOIN item USING (item_id) GROUP BY brand` has few items and many sales. Sales are grouped by item
//! first, and only the groups are joined.
//!
//! It is right because rows that are equal in all columns that anything above looks at have the same partners in each join, are dropped or kept together, and
//! end up in the same groups: so they may go on as one. What they come to is carried as the state of an aggregate (`grouping::states`), not as its result: a
//! state is as exact as all of the rows, whatever the function. This is the eager aggregation of Yan and Larson (VLDB 1995), with states in place of results.
//!
//! Arguments are computed for rows that a join may drop: only such that cannot fail (`arguments`).

mod arguments;
mod levels;

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::{Aggregate, AggregateUDF, Expr, ExprSchemable, Filter, Join, LogicalPlan, Projection};
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::estimate::is_movable;
use super::options;
use crate::grouping::halves;
use levels::{Level, Side};

/// See the module. It belongs behind the order of joins.
#[derive(Debug)]
pub(super) struct EarlyGroups;

impl OptimizerRule for EarlyGroups {
    fn name(&self) -> &'static str {
        "early_groups"
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let options = options::of(&config.options());
        if !options.early_groups || !options.grouping {
            return Ok(Transformed::no(plan));
        }
        let early = plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Aggregate(aggregate) => match early(&aggregate) {
                Ok(Some(plan)) => Ok(Transformed::yes(plan)),
                // What cannot be built, because a name would stand for two columns, stays as it was written.
                Ok(None) | Err(_) => Ok(Transformed::no(LogicalPlan::Aggregate(aggregate))),
            },
            other => Ok(Transformed::no(other)),
        })?;
        match early.transformed {
            // What only arguments needed goes through no join any more.
            true => Ok(Transformed::yes(OptimizeProjections::new().rewrite(early.data, config)?.data)),
            false => Ok(early),
        }
    }
}

/// A grouping over what is below the projections that stand under it.
struct PulledUp {
    input: LogicalPlan,
    keys: Vec<Expr>,
    functions: Vec<AggregateFunction>,
}

/// An aggregate in two halves.
struct Halves {
    arguments: Vec<Expr>,
    state: Arc<AggregateUDF>,
    merge: Arc<AggregateUDF>,
}

/// What a grouping becomes, if it is worth it.
fn early(aggregate: &Aggregate) -> Result<Option<LogicalPlan>> {
    let Some(PulledUp { input, keys, functions }) = pulled_up(aggregate)? else { return Ok(None) };
    let mut all = Vec::new();
    for function in functions {
        let arguments = function.params.args;
        if !arguments::are_total(&arguments, input.schema()) || !arguments::have_room(&arguments, input.schema()) {
            return Ok(None);
        }
        let fields = arguments.iter().map(|argument| Ok(argument.to_field(input.schema())?.1)).collect::<Result<Vec<_>>>()?;
        let Some((state, merge)) = halves(&function.func, fields)? else { return Ok(None) };
        all.push(Halves { arguments, state, merge });
    }
    let arguments: Vec<&Expr> = all.iter().flat_map(|halves| &halves.arguments).collect();
    let Some(level) = levels::best(&input, &keys, &arguments) else { return Ok(None) };
    let name = |at: usize| format!("__early_{at}");
    let states = all.iter().enumerate().map(|(at, halves)| call(&halves.state, halves.arguments.clone()).alias(name(at)));
    let needed = level.needed.iter().cloned().map(Expr::Column);
    // That its keys are unique, as the plan says of it, is not true: a group may come several times. Nothing draws a conclusion from it as long as the states are
    // read above, which they are.
    let below = Aggregate::try_new(Arc::new(level.plan.clone()), needed.collect(), states.collect())?;
    let joined = rebuilt(level, LogicalPlan::Aggregate(below))?;
    let merged = all.iter().enumerate().map(|(at, halves)| call(&halves.merge, vec![Expr::Column(Column::new_unqualified(name(at)))]));
    let above = Aggregate::try_new(Arc::new(joined), keys, merged.collect())?;
    // Keys that have become one column stand there once.
    if above.schema.fields().len() != aggregate.schema.fields().len() {
        return Ok(None);
    }
    let columns = above.schema.iter().map(Column::from).zip(aggregate.schema.iter().map(Column::from));
    let columns = columns.map(|(new, old)| match new == old {
        true => Expr::Column(new),
        false => Expr::Column(new).alias_qualified(old.relation, old.name),
    });
    let plan = Projection::try_new(columns.collect(), Arc::new(LogicalPlan::Aggregate(above)))?;
    let same = plan.schema.iter().zip(aggregate.schema.iter()).all(|((_, new), (_, old))| new.data_type() == old.data_type());
    Ok(same.then_some(LogicalPlan::Projection(plan)))
}

fn call(function: &Arc<AggregateUDF>, arguments: Vec<Expr>) -> Expr {
    Expr::AggregateFunction(AggregateFunction::new_udf(Arc::clone(function), arguments, false, None, vec![], None))
}

/// A grouping without the projections under it. `None` if one of its aggregates cannot come early.
fn pulled_up(aggregate: &Aggregate) -> Result<Option<PulledUp>> {
    let functions: Option<Vec<_>> = aggregate.aggr_expr.iter().map(plain_function).collect();
    let Some(mut functions) = functions.filter(|all| !all.is_empty() && !aggregate.group_expr.is_empty()) else { return Ok(None) };
    // A key that is another one for each row is not the same for those that go on as one.
    if !aggregate.group_expr.iter().all(is_movable) {
        return Ok(None);
    }
    let mut keys = aggregate.group_expr.clone();
    let mut input = aggregate.input.as_ref();
    while let LogicalPlan::Projection(projection) = input {
        if !projection.expr.iter().all(is_movable) {
            return Ok(None);
        }
        let below = |expr: Expr| -> Result<Expr> {
            let replaced = expr.transform(|part| {
                let at = match &part {
                    Expr::Column(column) => projection.schema.maybe_index_of_column(column),
                    _ => None,
                };
                Ok(match at {
                    Some(at) => Transformed::new(projection.expr[at].clone().unalias(), true, TreeNodeRecursion::Jump),
                    None => Transformed::no(part),
                })
            });
            Ok(replaced?.data)
        };
        keys = keys.into_iter().map(below).collect::<Result<_>>()?;
        for function in &mut functions {
            function.params.args = std::mem::take(&mut function.params.args).into_iter().map(below).collect::<Result<_>>()?;
        }
        input = projection.input.as_ref();
    }
    Ok(Some(PulledUp { input: input.clone(), keys, functions }))
}

/// An aggregate of all rows alike, in any order.
fn plain_function(expr: &Expr) -> Option<AggregateFunction> {
    let function = match expr {
        Expr::AggregateFunction(function) => function,
        Expr::Alias(alias) => return plain_function(&alias.expr),
        _ => return None,
    };
    let AggregateFunctionParams { args, distinct, filter, order_by, null_treatment } = &function.params;
    let plain = !distinct && filter.is_none() && order_by.is_empty() && null_treatment.is_none() && args.iter().all(is_movable);
    let known = ["sum", "count", "min", "max", "avg"].contains(&function.func.name());
    (plain && known).then(|| function.clone())
}

/// What stood above a level, over other rows.
fn rebuilt(level: Level<'_>, below: LogicalPlan) -> Result<LogicalPlan> {
    level.above.into_iter().rev().try_fold(below, |below, (plan, side)| {
        let below = Arc::new(below);
        Ok(match plan {
            LogicalPlan::Join(join) => {
                let (left, right) = match side {
                    Side::Left => (below, Arc::clone(&join.right)),
                    Side::Right => (Arc::clone(&join.left), below),
                };
                LogicalPlan::Join(Join::try_new(
                    left,
                    right,
                    join.on.clone(),
                    join.filter.clone(),
                    join.join_type,
                    join.join_constraint,
                    join.null_equality,
                    join.null_aware,
                )?)
            }
            LogicalPlan::Filter(filter) => LogicalPlan::Filter(Filter::try_new(filter.predicate.clone(), below)?),
            // A projection that only leaves columns out: whoever asked for this makes it anew.
            _ => Arc::unwrap_or_clone(below),
        })
    })
}
