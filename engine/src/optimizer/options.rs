//! Settings of our own, beside DataFusion's: the optimizer's rules, under `clouddb.optimizer`, and what is taken from caches.

use datafusion::common::config_namespace;
use datafusion::common::extensions_options;
use datafusion::config::{ConfigExtension, ConfigOptions};

/// What the names of our own settings begin with.
pub(crate) const PREFIX: &str = "clouddb";

config_namespace! {
    /// Which rules are applied.
    pub struct OptimizerOptions {
        /// Choose the order of joins, and the side that each builds, by estimates. Otherwise joins are carried out as they are written.
        pub join_order: bool, default = true
        /// Keep grouped subqueries that are joined on their keys from making groups that the join drops. Part of the order of joins.
        pub wanted_groups: bool, default = true
        /// Group before joins where that leaves few rows to join.
        pub early_groups: bool, default = true
        /// Group with the operator made for it. Otherwise DataFusion's does.
        pub grouping: bool, default = true
        /// Tell scans which keys a join's built side has, as a set. Otherwise they look into the join's table.
        pub key_sets: bool, default = true
        /// Run parts of a plan once that stand several times.
        pub sharing: bool, default = true
    }
}

extensions_options! {
    /// Settings beside DataFusion's own.
    pub struct CloudOptions {
        /// Which of the optimizer's rules are applied.
        pub optimizer: OptimizerOptions, default = Default::default()
        /// Take a query's rows from the cache of results, if the database was opened with one.
        pub use_cached_result: bool, default = true
    }
}

impl ConfigExtension for CloudOptions {
    const PREFIX: &'static str = PREFIX;
}

/// Whether rows may come from the cache of results.
pub(crate) fn uses_cached_result(options: &ConfigOptions) -> bool {
    options.extensions.get::<CloudOptions>().is_none_or(|options| options.use_cached_result)
}

/// The rules that are applied: all of them where nobody said otherwise.
pub(crate) fn of(options: &ConfigOptions) -> OptimizerOptions {
    options.extensions.get::<CloudOptions>().map(|options| options.optimizer.clone()).unwrap_or_default()
}
