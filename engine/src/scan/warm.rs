//! Loads a table's columns into the cache ahead of any query, and drops them from it.

use std::collections::HashSet;
use std::sync::Arc;

use clouddb_cache::RowGroup;
use clouddb_storage::segment::SegmentBody;
use clouddb_storage::{Result, TableSnapshot};
use futures::{StreamExt, TryStreamExt, stream};

use super::{Caches, TableScan};

/// Row groups that are loaded at once: enough to keep a far-away store and all cores busy.
const AT_ONCE: usize = 8;

/// Loads all columns of a table that are not in the cache, as far as the budget goes. Returns how many rows they have; rows inside the log are in memory
/// in any case.
pub(crate) async fn warm(table: TableSnapshot, caches: &Caches) -> Result<u64> {
    let scan = TableScan::new(table, caches.clone());
    let (table, store) = (scan.table(), scan.table().store());
    let columns: Vec<usize> = (0..scan.columns.len()).collect();
    for segment in table.segments() {
        let SegmentBody::Parquet(location) = &segment.body else { continue };
        let footer = caches.footers.footer(store, segment.id, location).await?;
        let row_group =
            |number| RowGroup { segment: Arc::clone(segment), footer: Arc::clone(&footer), number, columns: Arc::clone(&scan.columns) };
        stream::iter((0..footer.metadata().num_row_groups()).map(row_group))
            .map(|row_group| caches.columns.load(store, &row_group, &columns).finish())
            .buffer_unordered(AT_ONCE)
            .try_for_each(|_| async { Ok(()) })
            .await?;
    }
    Ok(table.rows())
}

/// Drops a table's columns from the cache.
pub(crate) fn forget(table: &TableSnapshot, caches: &Caches) {
    let segments: HashSet<_> = table.segments().map(|segment| segment.id).collect();
    let entries = caches.columns.entries().into_iter().map(|entry| entry.key);
    caches.columns.forget(entries.filter(|key| segments.contains(&key.segment)));
}
