//! How many rows pass a query's filters, before the query runs: join orders and sides depend on it.
//!
//! Where the columns are in the cache, the filters are evaluated on a sample of some ten thousand rows. Otherwise it is the optimizer's business to
//! estimate from statistics.

use std::sync::Arc;

use clouddb_cache::bits::Bits;
use clouddb_cache::chunk::BATCH_ROWS;
use clouddb_cache::{Chunk, ColumnShape, Filter, RowGroup};
use clouddb_storage::segment::SegmentMeta;
use clouddb_storage::segment::reader::SegmentFooter;
use datafusion::common::Statistics;
use datafusion::common::stats::Precision;

use super::Caches;

/// Batches of a sample: taken from as many row groups, far from each other.
const SAMPLED_BATCHES: u64 = 6;

/// A table of so many batches is looked at whole: a filter of a dimension often keeps few rows, and side by side.
const SMALL_BATCHES: u64 = 12;

/// The share of rows of these segments that pass a filter, more than 0 and at most 1, by looking at a sample; `None` where not all that it takes is in
/// memory.
pub(super) fn sampled(segments: &[Arc<SegmentMeta>], columns: &Arc<[ColumnShape]>, caches: &Caches, filter: &Filter) -> Option<f64> {
    let (mut looked_at, mut kept) = (0, 0);
    for (row_group, batch) in spread(segments, columns, caches)? {
        let rows = row_group.rows();
        let mut chunks: Vec<Option<Arc<Chunk>>> = vec![None; columns.len()];
        for column in filter.columns() {
            chunks[column] = Some(caches.columns.peek(&row_group, column)?);
        }
        let range = (batch * BATCH_ROWS).min(rows)..((batch + 1) * BATCH_ROWS).min(rows);
        let (_, count) = filter.wanted_of(&chunks, Bits::only(rows, &range)).ok()?;
        looked_at += range.len();
        kept += count;
    }
    // Half a row for what a sample of this size cannot see.
    (looked_at > 0).then(|| ((kept as f64).max(0.5) / looked_at as f64).min(1.0))
}

/// Row groups from all over the segments, and which batch of each to look at. `None` if a footer is not in memory.
fn spread(segments: &[Arc<SegmentMeta>], columns: &Arc<[ColumnShape]>, caches: &Caches) -> Option<Vec<(RowGroup, usize)>> {
    let rows: u64 = segments.iter().map(|segment| segment.rows).sum();
    let batches = rows.div_ceil(BATCH_ROWS as u64);
    let samples = if batches <= SMALL_BATCHES { batches } else { SAMPLED_BATCHES };
    let mut found = Vec::new();
    for sample in 0..samples {
        let mut at = rows * (2 * sample + 1) / (2 * samples);
        let segment = segments.iter().find(|segment| {
            let here = at < segment.rows;
            if !here {
                at -= segment.rows;
            }
            here
        })?;
        let footer = caches.footers.get(segment.id)?;
        let (number, row) = row_group_of(&footer, at)?;
        let row_group = RowGroup::new(Arc::clone(segment), footer, number, Arc::clone(columns));
        found.push((row_group, row / BATCH_ROWS));
    }
    Some(found)
}

/// The row group that has a segment's row, and which of its rows that is.
fn row_group_of(footer: &SegmentFooter, mut row: u64) -> Option<(usize, usize)> {
    for (number, group) in footer.metadata().row_groups().iter().enumerate() {
        let rows = u64::try_from(group.num_rows()).ok()?;
        if row < rows {
            return Some((number, usize::try_from(row).ok()?));
        }
        row -= rows;
    }
    None
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
