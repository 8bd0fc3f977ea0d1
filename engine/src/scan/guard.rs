//! Keeps three of DataFusion 55.2's mistakes away from a scan, in contexts of somebody else's. Our own sessions switch two off, and have no such casts.
//!
//! - `SELECT min(a), min(c + 1)` is wrong: the filter that `min(a)` hands down to the scan while it runs leaves out files that `min(c + 1)` needs
//!   (datafusion#24816). A scan cannot tell it from the good filters of joins and top-k, so it takes only those that stand in the query.
//! - Below a filter with a LIMIT, a scan of sorted files is told that their order does not matter, although the plan relies on it: partitions take
//!   files from each other, and rows come out of order, or not at all. So the scan is not told.
//! - Row groups are left out by the cast of their bounds, also for casts that do not keep the order. So the scan takes no filters with such a cast.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics, internal_datafusion_err};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::{CardinalityEffect, ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::filter_pushdown::{FilterDescription, FilterPushdownPhase};
use datafusion::physical_plan::{ChildStats, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, StatisticsArgs};

use super::pruning;

/// The plan of a scan, guarded where the session, or the query, has what may be wrong.
pub(super) fn guarded(scan: Arc<dyn ExecutionPlan>, options: &ConfigOptions, casts_keep_order: bool) -> Arc<dyn ExecutionPlan> {
    let may_be_wrong = options.optimizer.enable_aggregate_dynamic_filter_pushdown || options.execution.enable_file_stream_work_stealing;
    match may_be_wrong || !casts_keep_order {
        true => Arc::new(FilterGuardExec { scan }),
        false => scan,
    }
}

/// A scan that takes no filters while the query runs, and is not told to forget its order; everything else goes through.
#[derive(Debug)]
struct FilterGuardExec {
    scan: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for FilterGuardExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("FilterGuardExec")
    }
}

impl ExecutionPlan for FilterGuardExec {
    fn name(&self) -> &str {
        "FilterGuardExec"
    }

    fn schema(&self) -> SchemaRef {
        self.scan.schema()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.scan.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.scan]
    }

    fn apply_expressions(&self, _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let scan = children.pop().ok_or_else(|| internal_datafusion_err!("FilterGuardExec has one child"))?;
        Ok(Arc::new(Self { scan }))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn repartitioned(&self, partitions: usize, config: &ConfigOptions) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        Ok(self.scan.repartitioned(partitions, config)?.map(|scan| Arc::new(Self { scan }) as _))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.scan.execute(partition, context)
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let statistics = inputs.first().ok_or_else(|| internal_datafusion_err!("FilterGuardExec has one child"))?;
        Ok(Arc::clone(statistics))
    }

    fn gather_filters_for_pushdown(
        &self,
        phase: FilterPushdownPhase,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _: &ConfigOptions,
    ) -> Result<FilterDescription> {
        match phase {
            FilterPushdownPhase::Pre if filters.iter().all(|filter| pruning::casts_keep_order(filter, &self.schema())) => {
                FilterDescription::from_children(filters, &self.children())
            }
            FilterPushdownPhase::Pre | FilterPushdownPhase::Post => Ok(FilterDescription::all_unsupported(&filters, &self.children())),
        }
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }
}
