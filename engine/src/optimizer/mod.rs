//! Rules of our own behind DataFusion's: what a plan costs is decided here, never what it answers.
//!
//! - `estimate`: how many rows a plan gives, from statistics; `selectivity`: which share of rows passes a filter.
//! - `derived_keys`: keys of a grouping that follow from others are computed behind it.
//! - `averages`: averages are had from sums that are there.
//! - `sums`: sums of one value plus constants are had from one sum.
//! - `cross_joins`: DataFusion's rule for products, where it is right.
//! - `join_keys`: which parts of a condition are a join's keys.
//! - `join_order`: in which order relations are joined, and which side of each join is built.
//! - `early_groups`: rows are grouped before they are joined.
//! - `marks`: EXISTS as a value becomes a join.
//! - `outer_joins`: those whose rows without a partner are dropped anyway are inner joins.
//! - `barrier`: filters are not handed down where DataFusion would confuse columns of one name.
//! - `children`: a step of rules that rebuild finished plans.
//! - `options`: those that choose among plans can be switched off, as in `SET clouddb.optimizer.join_order = false`.
//!
//! No rule looks at the names of tables or columns. The same query on the same snapshot has the same plan as long as the same of it is in memory: a sample of cached
//! rows tells how many pass a filter.

mod averages;
mod barrier;
mod children;
mod cross_joins;
mod derived_keys;
mod early_groups;
mod estimate;
mod join_keys;
mod join_order;
mod marks;
mod options;
mod outer_joins;
mod selectivity;
mod sums;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use datafusion::optimizer::common_subexpr_eliminate::CommonSubexprEliminate;
use datafusion::optimizer::decorrelate_predicate_subquery::DecorrelatePredicateSubquery;
use datafusion::optimizer::eliminate_cross_join::EliminateCrossJoin;
use datafusion::optimizer::eliminate_group_by_constant::EliminateGroupByConstant;
use datafusion::optimizer::eliminate_outer_join::EliminateOuterJoin;
use datafusion::optimizer::extract_equijoin_predicate::ExtractEquijoinPredicate;
use datafusion::optimizer::{Optimizer, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::ensure_requirements::EnsureRequirements;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;

use crate::grouping::Grouping;
use crate::key_sets::KeySets;
use crate::sharing::Sharing;

pub(crate) use children::with_children;
pub(crate) use estimate::share_of_rows;
pub(crate) use options::{CloudOptions, PREFIX, of as options, uses_cached_result};

/// DataFusion's rules for physical plans, kept from handing filters to the wrong table.
pub(crate) fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let hand_down = [FilterPushdown::new().name().to_owned(), FilterPushdown::new_post_optimization().name().to_owned()];
    let guarded = |rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>| match hand_down.iter().any(|name| name == rule.name()) {
        true => Arc::new(barrier::BehindBarriers::new(rule)) as _,
        false => rule,
    };
    let mut rules: Vec<_> = PhysicalOptimizer::new().rules.into_iter().map(guarded).collect();
    let distribution = rules.iter().position(|rule| rule.name() == EnsureRequirements::new().name()).unwrap_or(rules.len());
    rules.insert(distribution, Arc::new(Grouping));
    rules.push(Arc::new(KeySets));
    rules.push(Arc::new(Sharing));
    rules
}

/// DataFusion's rules for logical plans, and ours behind them.
pub(crate) fn logical_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules = Optimizer::new().rules;
    for rule in rules.iter_mut().filter(|rule| rule.name() == EliminateCrossJoin::new().name()) {
        *rule = Arc::new(cross_joins::CrossJoins(Arc::clone(rule)));
    }
    for rule in rules.iter_mut().filter(|rule| rule.name() == ExtractEquijoinPredicate::new().name()) {
        *rule = Arc::new(join_keys::JoinKeys);
    }
    rules.retain(|rule| rule.name() != EliminateGroupByConstant::new().name());
    let subqueries = rules.iter().position(|rule| rule.name() == DecorrelatePredicateSubquery::new().name()).unwrap_or_default();
    rules.insert(subqueries, Arc::new(marks::Marks));
    let outer = rules.iter().position(|rule| rule.name() == EliminateOuterJoin::new().name()).unwrap_or_default();
    rules.insert(outer, Arc::new(outer_joins::OuterJoins));
    // Before expressions that stand twice are taken out.
    let common = rules.iter().position(|rule| rule.name() == CommonSubexprEliminate::new().name()).unwrap_or_default();
    rules.insert(common, Arc::new(sums::Sums));
    rules.insert(common, Arc::new(averages::Averages));
    rules.insert(common, Arc::new(derived_keys::DerivedKeys));
    rules.push(Arc::new(join_order::JoinOrder));
    rules.push(Arc::new(early_groups::EarlyGroups));
    rules
}
