//! Where a plan gets our operator: a partial aggregation and the final one above it become one, before DataFusion decides how rows are distributed.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::{ExecutionPlan, InputOrderMode};

use super::early::EarlyGroupExec;
use super::exec::GroupExec;
use super::states::gives_state;
use crate::optimizer;

/// See the module.
#[derive(Debug)]
pub(crate) struct Grouping;

impl PhysicalOptimizerRule for Grouping {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if !optimizer::options(config).grouping {
            return Ok(plan);
        }
        let outputs = config.execution.target_partitions;
        plan.transform_up(|node| match replaced(&node, outputs)? {
            Some(ours) => Ok(Transformed::yes(ours)),
            None => Ok(Transformed::no(node)),
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "grouping"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Our operator in place of an aggregation, where it can do the same.
fn replaced(node: &Arc<dyn ExecutionPlan>, outputs: usize) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(last) = node.downcast_ref::<AggregateExec>() else { return Ok(None) };
    let first = match last.mode() {
        AggregateMode::Single | AggregateMode::SinglePartitioned => last,
        AggregateMode::Final | AggregateMode::FinalPartitioned => match last.input().downcast_ref::<AggregateExec>() {
            Some(partial) if *partial.mode() == AggregateMode::Partial => partial,
            _ => return Ok(None),
        },
        AggregateMode::Partial | AggregateMode::PartialReduce => return Ok(None),
    };
    // Without keys there is nothing to group. Keys in order are grouped as they come. A limit on groups ends early.
    let is_ours = !first.group_expr().is_true_no_grouping()
        && !first.group_expr().is_empty()
        && *first.input_order_mode() == InputOrderMode::Linear
        && first.limit_options().is_none()
        && last.limit_options().is_none()
        && first.aggr_expr().iter().all(|aggregate| aggregate.groups_accumulator_supported() && aggregate.order_bys().is_empty());
    if !is_ours {
        return Ok(None);
    }
    if !first.aggr_expr().is_empty() && first.aggr_expr().iter().all(|aggregate| gives_state(aggregate)) {
        return Ok(Some(Arc::new(EarlyGroupExec::try_new(first)?)));
    }
    Ok(GroupExec::try_new(first, &node.schema(), outputs)?.map(|ours| Arc::new(ours) as _))
}
