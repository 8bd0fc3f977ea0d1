//! Rules of our own behind DataFusion's: what a plan costs is decided here, never what it answers.
//!
//! - `estimate`: how many rows a plan gives, from statistics; `selectivity`: which share of rows passes a filter.
//! - `join_order`: in which order relations are joined, and which side of each join is built.
//! - `options`: each rule can be switched off, as in `SET clouddb.optimizer.join_order = false`.
//!
//! No rule looks at names, and all are deterministic: the same query on the same snapshot has the same plan.

mod estimate;
mod join_order;
mod options;
mod selectivity;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::optimizer::{Optimizer, OptimizerRule};

pub(crate) use options::{CloudOptions, PREFIX};

/// DataFusion's rules for logical plans, and ours behind them.
pub(crate) fn logical_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules = Optimizer::new().rules;
    rules.push(Arc::new(join_order::JoinOrder));
    rules
}
