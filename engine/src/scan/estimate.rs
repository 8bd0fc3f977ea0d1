//! How many rows pass a query's filters, before the query runs: join orders and sides depend on it.
//!
//! Where the columns are in the cache, the filters are evaluated on a sample of some ten thousand rows. Otherwise it is the optimizer's business to
//! estimate from statistics.

use std::sync::Arc;

use clouddb_cache::bits::Bits;
use clouddb_cache::chunk::BATCH_ROWS;
use clouddb_cache::{Chunk, ColumnShape, Filter, RowGroup};
use clouddb_storage::segment::SegmentMeta;
use datafusion::common::Statistics;
use datafusion::common::stats::Precision;

use super::Caches;

/// Batches of a sample: taken from as many row groups, far from each other.
const SAMPLED_BATCHES: usize = 6;

/// The share of rows of these segments that pass a filter, more than 0 and at most 1, by looking at a sample; `None` where not all that it takes is in
/// memory.
pub(super) fn sampled(segments: &[Arc<SegmentMeta>], columns: &Arc<[ColumnShape]>, caches: &Caches, filter: &Filter) -> Option<f64> {
    let (mut looked_at, mut kept) = (0, 0);
    for (row_group, share) in spread(segments, columns, caches)? {
        let rows = row_group.rows();
        let mut chunks: Vec<Option<Arc<Chunk>>> = vec![None; columns.len()];
        for column in filter.columns() {
            chunks[column] = Some(caches.columns.peek(&row_group, column)?);
        }
        let batch = (rows.div_ceil(BATCH_ROWS) as f64 * share) as usize * BATCH_ROWS;
        let range = batch.min(rows)..(batch + BATCH_ROWS).min(rows);
        let (_, count) = filter.wanted_of(&chunks, Bits::only(rows, &range)).ok()?;
        looked_at += range.len();
        kept += count;
    }
    // Half a row for what a sample of this size cannot see.
    (looked_at > 0).then(|| ((kept as f64).max(0.5) / looked_at as f64).min(1.0))
}

/// Row groups from all over the segments, and where in each to look. `None` if a footer is not in memory.
fn spread(segments: &[Arc<SegmentMeta>], columns: &Arc<[ColumnShape]>, caches: &Caches) -> Option<Vec<(RowGroup, f64)>> {
    let rows: u64 = segments.iter().map(|segment| segment.rows).sum();
    let mut found = Vec::with_capacity(SAMPLED_BATCHES);
    for sample in 0..SAMPLED_BATCHES {
        let mut at = rows * (2 * sample as u64 + 1) / (2 * SAMPLED_BATCHES as u64);
        let segment = segments.iter().find(|segment| {
            let here = at < segment.rows;
            if !here {
                at -= segment.rows;
            }
            here
        })?;
        let footer = caches.footers.get(segment.id)?;
        let groups = footer.metadata().num_row_groups();
        let number = usize::try_from(at as u128 * groups as u128 / u128::from(segment.rows.max(1))).ok()?.min(groups.checked_sub(1)?);
        let row_group = RowGroup { segment: Arc::clone(segment), footer, number, columns: Arc::clone(columns) };
        found.push((row_group, (sample as f64 + 0.5) / SAMPLED_BATCHES as f64));
    }
    Some(found)
}

/// Statistics of a share of the rows; of all of them, unchanged, if nothing is left out.
pub(super) fn scaled(statistics: &Statistics, share: f64, left_out: bool) -> Statistics {
    if !left_out {
        return statistics.clone();
    }
    let scale = |count: &Precision<usize>| match count.get_value() {
        Some(count) => Precision::Inexact((*count as f64 * share).ceil() as usize),
        None => Precision::Absent,
    };
    let num_rows = scale(&statistics.num_rows);
    let mut scaled = statistics.clone().to_inexact();
    scaled.total_byte_size = scale(&statistics.total_byte_size);
    for column in &mut scaled.column_statistics {
        column.null_count = scale(&column.null_count);
        column.byte_size = scale(&column.byte_size);
        if let (Some(distinct), Some(rows)) = (column.distinct_count.get_value(), num_rows.get_value()) {
            column.distinct_count = Precision::Inexact((*distinct).min(*rows));
        }
    }
    scaled.num_rows = num_rows;
    scaled
}
