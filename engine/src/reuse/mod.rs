//! What a later statement need not do again: plan a query that was planned before, and, where the database was opened with room for it, run it.
//!
//! - `plans`: optimized plans, by the text of the statement.
//! - `results`: rows, by the optimized plan, so that it does not matter how the query was written.
//! - `exec`: the operator that hands out rows that are kept, or keeps those that pass.
//!
//! Both hold for one snapshot and the same settings. Neither is used in a transaction, whose own changes have no number, nor for a query that
//! can have another answer a moment later: functions such as `now()` and `random()`, files, system tables.

mod exec;
mod plans;
mod results;
#[cfg(test)]
mod tests;

use std::hash::{DefaultHasher, Hash, Hasher};

use clouddb_storage::Snapshot;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::datasource::source_as_provider;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility, WindowFunctionDefinition};

pub(crate) use self::exec::with_results;
pub(crate) use self::plans::{PlanCache, Query};
pub(crate) use self::results::{ResultCache, ResultKey};
use crate::catalog::CloudTable;

/// What is kept of the statements of one database. Cloning is cheap; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Reuse {
    /// Optimized plans.
    pub(crate) plans: PlanCache,
    /// Rows of queries.
    pub(crate) results: ResultCache,
}

impl Reuse {
    /// Keeps at most so many bytes of results; with 0 none.
    pub(crate) fn new(result_bytes: u64) -> Self {
        Self { plans: PlanCache::new(), results: ResultCache::new(result_bytes) }
    }
}

/// What a few things did that are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ReuseCounts {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    pub(crate) budget: u64,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    pub(crate) evictions: u64,
    /// Nanoseconds that the hits took once, and not again.
    pub(crate) saved_nanoseconds: u64,
}

/// A number for a session's settings: plans and results are those of one of them. Names without a schema are found by a setting, too.
pub(crate) fn fingerprint(options: &ConfigOptions) -> u64 {
    let mut entries: Vec<_> = options.entries().into_iter().map(|entry| (entry.key, entry.value)).collect();
    entries.sort_unstable();
    let mut hasher = DefaultHasher::new();
    entries.hash(&mut hasher);
    hasher.finish()
}

/// Whether a query has the same answer whenever it is run on the snapshot: it reads only that, and calls only functions of their arguments.
pub(crate) fn is_settled(plan: &LogicalPlan, snapshot: &Snapshot) -> Result<bool> {
    let mut settled = true;
    plan.apply_with_subqueries(|node| {
        settled = match node {
            LogicalPlan::TableScan(scan) => source_as_provider(&scan.source)?
                .downcast_ref::<CloudTable>()
                .is_some_and(|table| table.snapshot().number() == snapshot.number()),
            LogicalPlan::Dml(_)
            | LogicalPlan::Ddl(_)
            | LogicalPlan::Copy(_)
            | LogicalPlan::Statement(_)
            | LogicalPlan::DescribeTable(_)
            | LogicalPlan::Explain(_)
            | LogicalPlan::Analyze(_) => false,
            _ => true,
        };
        if settled {
            node.apply_expressions(|expression| {
                expression.apply(|part| {
                    settled &= is_immutable(part);
                    Ok(if settled { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
                })
            })?;
        }
        Ok(if settled { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok(settled)
}

/// Whether this node of an expression is a function of its arguments alone.
pub(crate) fn is_immutable(expression: &Expr) -> bool {
    let volatility = match expression {
        Expr::ScalarFunction(call) => call.func.signature().volatility,
        Expr::AggregateFunction(call) => call.func.signature().volatility,
        Expr::WindowFunction(call) => match &call.fun {
            WindowFunctionDefinition::AggregateUDF(function) => function.signature().volatility,
            WindowFunctionDefinition::WindowUDF(function) => function.signature().volatility,
        },
        Expr::Placeholder(_) => return false,
        _ => return true,
    };
    volatility == Volatility::Immutable
}
