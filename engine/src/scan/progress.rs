//! How far the scans of a plan have come, for those who show it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::{DataSource, DataSourceExec};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;

use super::source::SegmentSource;
use super::work::ROW_GROUP_ROWS;
use crate::files;

/// How much of something was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Rows of tables, and of files that tell how many they have: those that were read or need not be, and all.
    Rows(u64, u64),
    /// Bytes of files of text: those that were read, and all.
    Bytes(u64, u64),
}

impl Extent {
    fn share(self) -> f64 {
        let (Self::Rows(done, all) | Self::Bytes(done, all)) = self;
        done as f64 / all.max(1) as f64
    }
}

/// A scan that runs.
#[derive(Debug)]
pub(crate) enum Scanned {
    Segments {
        /// All rows of the segments.
        rows: u64,
        segments: u64,
        metrics: ExecutionPlanMetricsSet,
    },
    /// Files whose rows are counted in their footers.
    Files { rows: u64, metrics: ExecutionPlanMetricsSet },
    /// Files of text.
    Text { bytes: u64, read: Arc<AtomicU64> },
}

impl Scanned {
    fn extent(&self) -> Extent {
        match self {
            Self::Segments { rows, segments, metrics } => {
                let metrics = metrics.clone_inner();
                let count = |name: &str| metrics.sum_by_name(name).map_or(0, |value| value.as_usize() as u64);
                // About as many rows as were in segments and row groups that need not be read.
                let skipped = count("segments_skipped") * (rows / (*segments).max(1)) + count("row_groups_pruned") * ROW_GROUP_ROWS;
                Extent::Rows((count("rows_scanned") + skipped).min(*rows), *rows)
            }
            Self::Files { rows, metrics } => Extent::Rows((metrics.clone_inner().output_rows().unwrap_or(0) as u64).min(*rows), *rows),
            Self::Text { bytes, read } => Extent::Bytes(read.load(Ordering::Relaxed).min(*bytes), *bytes),
        }
    }
}

/// The scans of a plan.
pub(crate) fn scanned(plan: &Arc<dyn ExecutionPlan>) -> Vec<Scanned> {
    let mut found = Vec::new();
    let look = plan.apply(|plan| {
        if let Some(scan) = plan.downcast_ref::<DataSourceExec>() {
            found.extend(of_source(scan.data_source().as_ref()));
        }
        found.extend(files::text_extent(plan.as_ref()).map(|(bytes, read)| Scanned::Text { bytes, read }));
        Ok(TreeNodeRecursion::Continue)
    });
    // Walking a plan fails where the function above does: nowhere.
    drop(look);
    found
}

fn of_source(source: &dyn DataSource) -> Option<Scanned> {
    if let Some(source) = source.downcast_ref::<SegmentSource>() {
        let (rows, segments) = source.extent();
        return Some(Scanned::Segments { rows, segments, metrics: source.metrics() });
    }
    let files = source.downcast_ref::<FileScanConfig>()?;
    let counted = files.file_groups.iter().flat_map(|group| group.files()).map(|file| {
        let rows = file.statistics.as_ref().and_then(|statistics| statistics.num_rows.get_value().copied());
        rows.map(|rows| rows as u64)
    });
    Some(Scanned::Files { rows: counted.sum::<Option<u64>>()?, metrics: files.metrics() })
}

/// How much of all that a plan reads was read; where that is rows and bytes, of those that are further from their end. Nothing where nothing is to be read.
pub(crate) fn extent(scans: &[Scanned]) -> Option<Extent> {
    let (mut rows, mut bytes) = ((0, 0), (0, 0));
    for scan in scans {
        let (sum, done, all) = match scan.extent() {
            Extent::Rows(done, all) => (&mut rows, done, all),
            Extent::Bytes(done, all) => (&mut bytes, done, all),
        };
        sum.0 += done;
        sum.1 += all;
    }
    let all = [Extent::Rows(rows.0, rows.1), Extent::Bytes(bytes.0, bytes.1)];
    let there = all.into_iter().filter(|extent| matches!(extent, Extent::Rows(_, 1..) | Extent::Bytes(_, 1..)));
    there.min_by(|a, b| a.share().total_cmp(&b.share()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_of_rows_and_bytes_is_told() {
        let text = |read: u64, bytes| Scanned::Text { bytes, read: Arc::new(AtomicU64::new(read)) };
        let rows = |rows| Scanned::Files { rows, metrics: ExecutionPlanMetricsSet::new() };
        assert_eq!(extent(&[]), None);
        assert_eq!(extent(&[text(3, 10), text(20, 10)]), Some(Extent::Bytes(13, 20)));
        assert_eq!(extent(&[text(3, 10), rows(0)]), Some(Extent::Bytes(3, 10)));
        assert_eq!(extent(&[text(3, 10), rows(5)]), Some(Extent::Rows(0, 5)));
    }
}
