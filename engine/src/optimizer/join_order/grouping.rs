//! Grouped subqueries that are joined on their keys: only the groups that somebody asks for are made.
//!
//! `SELECT ... FROM part, (SELECT partkey, avg(quantity) FROM lineitem GROUP BY partkey) q WHERE part.key = q.partkey AND <few parts>` groups all of lineitem
//! for a few parts. A semi-join below the grouping, with the keys of the few, leaves the others out. It is right because a semi-join on keys of the groups keeps or
//! drops whole groups, and drops only those that no row of the other relation equals: the join above would have dropped them. What stands between the join
//! and the grouping looks at one group at a time. The other relation is read once more for it, so that it has to be a scan with filters, and small.

use std::sync::Arc;

use datafusion::common::tree_node::TreeNode;
use datafusion::common::{Column, JoinConstraint, JoinType, NullEquality, Result};
use datafusion::logical_expr::{Expr, Filter, Join, LogicalPlan, LogicalPlanBuilder, Projection, SubqueryAlias};

use super::graph::{Class, Graph};

/// What the keys are called below the grouping: it marks what was done, so that it is done once.
const KEYS: &str = "__wanted_groups";
const KEY: &str = "key";

/// The keys are worth a look if they leave so small a share of the groups.
const WORTH: f64 = 0.3;

/// For each relation that can be restricted, what it becomes.
pub(super) fn restricted(graph: &Graph) -> Result<Vec<(usize, LogicalPlan)>> {
    let mut found = Vec::new();
    for (at, relation) in graph.relations.iter().enumerate() {
        if relation.decides.is_some() {
            continue;
        }
        let mut best: Option<(f64, LogicalPlan, Column)> = None;
        for class in &graph.classes {
            let Some(Expr::Column(key)) = class.members.iter().find(|member| member.relation == at).map(|member| &member.key) else {
                continue;
            };
            let Some(groups) = relation.estimate.distinct(&Expr::Column(key.clone()), relation.plan.schema()) else { continue };
            for (rows, plan, expr) in sources(graph, class, at) {
                if rows < WORTH * groups && best.as_ref().is_none_or(|best| rows < best.0) {
                    let keys = LogicalPlanBuilder::from(plan).project([expr.alias(KEY)])?.alias(KEYS)?.build()?;
                    best = Some((rows, keys, key.clone()));
                }
            }
        }
        if let Some((_, keys, key)) = best {
            found.extend(with_keys(&relation.plan, &key, &keys)?.map(|plan| (at, plan)));
        }
    }
    Ok(found)
}

/// Who has the keys of a class: how many rows, the plan, and the key; relations that are joined, and those that decide about one of them.
fn sources(graph: &Graph, class: &Class, except: usize) -> Vec<(f64, LogicalPlan, Expr)> {
    let mut found = Vec::new();
    for member in class.members.iter().filter(|member| member.relation != except) {
        let relation = &graph.relations[member.relation];
        if is_cheap(&relation.plan) {
            found.push((relation.estimate.rows, relation.plan.as_ref().clone(), member.key.clone()));
        }
        for other in &graph.relations {
            let Some(decides) = other.decides.as_ref().filter(|decides| decides.join_type == JoinType::LeftSemi) else { continue };
            if decides.about != member.relation || decides.null_equality != NullEquality::NullEqualsNothing || !is_cheap(&other.plan) {
                continue;
            }
            if let Some((_, key)) = decides.on.iter().find(|(kept, _)| *kept == member.key) {
                found.push((other.estimate.rows, other.plan.as_ref().clone(), key.clone()));
            }
        }
    }
    found
}

/// Whether a plan is a scan, perhaps with filters.
fn is_cheap(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::TableScan(scan) => scan.fetch.is_none(),
        LogicalPlan::Filter(Filter { input, .. }) | LogicalPlan::Projection(Projection { input, .. }) => is_cheap(input),
        LogicalPlan::SubqueryAlias(alias) => is_cheap(&alias.input),
        _ => false,
    }
}

/// A plan whose grouping, found below what looks at single groups, sees only rows with the wanted keys. `None` where there is no such grouping, or the
/// column is none of its keys.
fn with_keys(plan: &LogicalPlan, column: &Column, keys: &LogicalPlan) -> Result<Option<LogicalPlan>> {
    let Some(index) = plan.schema().maybe_index_of_column(column) else { return Ok(None) };
    match plan {
        LogicalPlan::SubqueryAlias(alias) => {
            let below = alias.input.schema().qualified_field(index).into();
            let Some(input) = with_keys(&alias.input, &below, keys)? else { return Ok(None) };
            Ok(Some(LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::new(input), alias.alias.clone())?)))
        }
        LogicalPlan::Filter(filter) => {
            let Some(input) = with_keys(&filter.input, column, keys)? else { return Ok(None) };
            Ok(Some(LogicalPlan::Filter(Filter::try_new(filter.predicate.clone(), Arc::new(input))?)))
        }
        LogicalPlan::Projection(projection) => {
            let Some(below) = projection.expr.get(index).and_then(plain_column) else { return Ok(None) };
            let Some(input) = with_keys(&projection.input, below, keys)? else { return Ok(None) };
            Ok(Some(LogicalPlan::Projection(Projection::try_new(projection.expr.clone(), Arc::new(input))?)))
        }
        LogicalPlan::Aggregate(aggregate) => {
            let plain = !aggregate.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_)));
            let Some(key) = aggregate.group_expr.get(index).filter(|key| plain && !key.is_volatile()) else { return Ok(None) };
            if is_restricted(&aggregate.input)? {
                return Ok(None);
            }
            let on = vec![(Expr::Column(Column::new(Some(KEYS), KEY)), key.clone().unalias())];
            let input = Join::try_new(
                Arc::new(keys.clone()),
                Arc::clone(&aggregate.input),
                on,
                None,
                JoinType::RightSemi,
                JoinConstraint::On,
                NullEquality::NullEqualsNothing,
                false,
            )?;
            let mut restricted = aggregate.clone();
            restricted.input = Arc::new(LogicalPlan::Join(input));
            Ok(Some(LogicalPlan::Aggregate(restricted)))
        }
        _ => Ok(None),
    }
}

fn plain_column(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => plain_column(&alias.expr),
        _ => None,
    }
}

fn is_restricted(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|node| Ok(matches!(node, LogicalPlan::SubqueryAlias(alias) if alias.alias.table() == KEYS)))
}
