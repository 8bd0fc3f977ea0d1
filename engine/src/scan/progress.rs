//! How far the scans of a plan have come, for those who show it.

use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::source::{DataSource, DataSourceExec};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;

use super::source::SegmentSource;
use super::work::ROW_GROUP_ROWS;

/// A scan that runs.
#[derive(Debug)]
pub(crate) struct Scanned {
    /// All rows of its segments.
    pub(crate) rows: u64,
    segments: u64,
    metrics: ExecutionPlanMetricsSet,
}

impl Scanned {
    /// Rows that were read, and about as many as were in segments and row groups that need not be.
    pub(crate) fn done(&self) -> u64 {
        let metrics = self.metrics.clone_inner();
        let count = |name: &str| metrics.sum_by_name(name).map_or(0, |value| value.as_usize() as u64);
        let skipped = count("segments_skipped") * (self.rows / self.segments.max(1));
        (count("rows_scanned") + count("row_groups_pruned") * ROW_GROUP_ROWS + skipped).min(self.rows)
    }
}

/// The scans of segments in a plan.
pub(crate) fn scanned(plan: &Arc<dyn ExecutionPlan>) -> Vec<Scanned> {
    let mut found = Vec::new();
    let look = plan.apply(|plan| {
        let source = plan.downcast_ref::<DataSourceExec>().and_then(|scan| scan.data_source().downcast_ref::<SegmentSource>());
        if let Some(source) = source {
            let (rows, segments) = source.extent();
            found.push(Scanned { rows, segments, metrics: source.metrics() });
        }
        Ok(TreeNodeRecursion::Continue)
    });
    // Walking a plan fails where the function above does: nowhere.
    drop(look);
    found
}
