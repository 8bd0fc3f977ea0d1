//! DataFusion's rule that turns products into joins, kept from plans in which it goes wrong: it takes trees of inner joins apart and puts them together with one
//! notion of equality for all, the topmost join's, so that `a.x = b.x` finds NULLs equal beside an `IS NOT DISTINCT FROM`, or the other way round
//! (DataFusion 55.2, `eliminate_cross_join.rs`). The order of joins is found by a rule of ours in any case.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{NullEquality, Result};
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

/// See the module.
#[derive(Debug)]
pub(super) struct CrossJoins(pub(super) Arc<dyn OptimizerRule + Send + Sync>);

impl OptimizerRule for CrossJoins {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let mut found = false;
        plan.apply_with_subqueries(|node| {
            found |= matches!(node, LogicalPlan::Join(join) if join.null_equality == NullEquality::NullEqualsNull);
            Ok(TreeNodeRecursion::Continue)
        })?;
        if found { Ok(Transformed::no(plan)) } else { self.0.rewrite(plan, config) }
    }
}
