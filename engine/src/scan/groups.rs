//! Distributes a table's files over the partitions of a scan, and says in which order their rows come.
//!
//! A wrong order is a wrong answer. So an order is declared only where it follows from the log: every file is sorted by the clustering key, and
//! each partition reads one file, or several whose bounds do not overlap and which hold no NULL in the key (NULLs come last in every file, so
//! they would stand before the next file's values). DataFusion checks the bounds once more, also after it splits files in ranges.
//!
//! An order is also not declared where keeping it would leave most of the work to one partition.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use clouddb_storage::catalog::TableMeta;
use clouddb_storage::segment::{CLUSTERING_ORDER, SegmentMeta};
use datafusion::config::ConfigOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};

/// Files in partitions, and the order of the rows within each, if there is one.
pub(crate) struct Groups {
    pub(crate) groups: Vec<FileGroup>,
    pub(crate) ordering: Option<LexOrdering>,
}

/// Distributes files, which have their segments' statistics, over the session's partitions.
pub(crate) fn distribute(
    table: &TableMeta,
    schema: &SchemaRef,
    segments: &[Arc<SegmentMeta>],
    files: Vec<PartitionedFile>,
    options: &ConfigOptions,
) -> Groups {
    let target = options.execution.target_partitions.max(1);
    if let Some(ordering) = clustering_order(table, schema, segments)
        && let Some(groups) = in_order(table, schema, segments, &files, &ordering, target)
        && is_balanced(&groups, target, options.optimizer.repartition_file_min_size)
    {
        return Groups { groups, ordering: Some(ordering) };
    }
    Groups { groups: by_bytes(files, target), ordering: None }
}

/// The files in at most `target` groups, each of which is in order; `None` if that cannot be had.
fn in_order(
    table: &TableMeta,
    schema: &SchemaRef,
    segments: &[Arc<SegmentMeta>],
    files: &[PartitionedFile],
    ordering: &LexOrdering,
    target: usize,
) -> Option<Vec<FileGroup>> {
    if files.len() <= target {
        return Some(files.iter().map(|file| FileGroup::new(vec![file.clone()])).collect());
    }
    if has_nulls_in_key(table, segments) {
        return None;
    }
    let all = [FileGroup::new(files.to_vec())];
    let groups = FileScanConfig::split_groups_by_statistics_with_target_partitions(schema, &all, ordering, target).ok()?;
    (groups.len() <= target).then_some(groups)
}

/// Whether no group has more than twice its share of the bytes. Groups that DataFusion splits, and tables that are too small to be split, are
/// balanced in any case.
fn is_balanced(groups: &[FileGroup], target: usize, splits_from: usize) -> bool {
    let bytes = |group: &FileGroup| group.iter().map(PartitionedFile::effective_size).sum::<u64>();
    let total: u64 = groups.iter().map(bytes).sum();
    let splits = groups.len() < target && groups.iter().all(|group| group.len() == 1);
    splits || total < splits_from as u64 || groups.iter().all(|group| bytes(group) * target as u64 <= 2 * total)
}

/// The order that every one of the segments has.
fn clustering_order(table: &TableMeta, schema: &SchemaRef, segments: &[Arc<SegmentMeta>]) -> Option<LexOrdering> {
    if segments.is_empty() || !segments.iter().all(|segment| segment.sorted) {
        return None;
    }
    let columns = table.cluster_by.iter().map(|id| {
        let (position, _) = table.column_by_id(*id)?;
        let column = Column::new(schema.field(position).name(), position);
        Some(PhysicalSortExpr::new(Arc::new(column), CLUSTERING_ORDER))
    });
    LexOrdering::new(columns.collect::<Option<Vec<_>>>()?)
}

fn has_nulls_in_key(table: &TableMeta, segments: &[Arc<SegmentMeta>]) -> bool {
    let may_be_null = |segment: &SegmentMeta, id: &u32| segment.column(*id).is_none_or(|column| column.null_count > 0);
    segments.iter().any(|segment| table.cluster_by.iter().any(|id| may_be_null(segment, id)))
}

/// Neighbours stay together, so that a partition reads rows that were written together. DataFusion evens this out by splitting large files.
fn by_bytes(files: Vec<PartitionedFile>, target: usize) -> Vec<FileGroup> {
    let total: u64 = files.iter().map(PartitionedFile::effective_size).sum();
    let share = total.div_ceil(target as u64).max(1);
    let mut groups: Vec<Vec<PartitionedFile>> = vec![Vec::new(); target];
    let mut before = 0;
    for file in files {
        let bytes = file.effective_size();
        // A file belongs where its middle falls.
        let group = ((before + bytes / 2) / share) as usize;
        before += bytes;
        groups[group.min(target - 1)].push(file);
    }
    groups.retain(|group| !group.is_empty());
    if groups.is_empty() {
        // A scan of nothing still has a partition.
        groups.push(Vec::new());
    }
    groups.into_iter().map(FileGroup::new).collect()
}
