//! Loads columns of a table into the cache ahead of any query, pins them there, and drops them from it.

use std::collections::HashSet;
use std::sync::Arc;

use clouddb_cache::{Cached, ChunkKey, RowGroup};
use clouddb_storage::segment::SegmentBody;
use clouddb_storage::{Result, TableSnapshot};
use futures::{StreamExt, TryStreamExt, stream};

use super::{Caches, TableScan};

/// Row groups that are loaded at once: enough to keep a far-away store and all cores busy.
const AT_ONCE: usize = 8;

/// How long what is loaded stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stay {
    /// Until something is used more.
    WhileUsed,
    /// Until it is dropped.
    Pinned,
}

/// Loads columns of a table, by their positions, that are not in the cache; as far as the budget goes, unless they are pinned: then all or none. What is
/// added to the table later is not among them. Returns how many rows they have; rows inside the log are in memory in any case.
pub(crate) async fn warm(table: TableSnapshot, columns: &[usize], stay: Stay, caches: &Caches) -> Result<u64> {
    let mut pins = (stay == Stay::Pinned).then(|| Pins::new(&table, columns, caches));
    load(&table, columns, stay, caches).await?;
    if let Some(pins) = &mut pins {
        pins.stay = true;
    }
    Ok(table.rows())
}

/// What one statement pins: dropped again if it does not come to its end.
struct Pins<'a> {
    table: &'a TableSnapshot,
    columns: &'a [usize],
    caches: &'a Caches,
    /// What was pinned before it.
    before: HashSet<ChunkKey>,
    stay: bool,
}

impl<'a> Pins<'a> {
    fn new(table: &'a TableSnapshot, columns: &'a [usize], caches: &'a Caches) -> Self {
        let pinned = caches.columns.entries().into_iter().filter(|entry| entry.pinned).map(|entry| entry.key);
        Self { table, columns, caches, before: pinned.collect(), stay: false }
    }
}

impl Drop for Pins<'_> {
    fn drop(&mut self) {
        if !self.stay {
            let new = |entry: &Cached| entry.pinned && !self.before.contains(&entry.key);
            self.caches.columns.forget(keys(self.table, self.columns, self.caches, new));
        }
    }
}

async fn load(table: &TableSnapshot, columns: &[usize], stay: Stay, caches: &Caches) -> Result<()> {
    let scan = TableScan::new(table.clone(), caches.clone());
    let store = table.store();
    for segment in table.segments() {
        let SegmentBody::Parquet(location) = &segment.body else { continue };
        let footer = caches.footers.footer(store, segment.id, location).await?;
        let row_group = |number| RowGroup::new(Arc::clone(segment), Arc::clone(&footer), number, Arc::clone(&scan.columns));
        stream::iter((0..footer.metadata().num_row_groups()).map(row_group))
            .map(|row_group| async move {
                match stay {
                    Stay::WhileUsed => caches.columns.load(store, &row_group, columns).finish().await.map(drop),
                    Stay::Pinned => caches.columns.pin(store, &row_group, columns).await,
                }
            })
            .buffer_unordered(AT_ONCE)
            .try_for_each(|()| async { Ok(()) })
            .await?;
    }
    Ok(())
}

/// Drops columns of a table, by their positions, from the cache, pinned ones, too.
pub(crate) fn forget(table: &TableSnapshot, columns: &[usize], caches: &Caches) {
    caches.columns.forget(keys(table, columns, caches, |_| true));
}

/// Those of a table's columns that are in the cache, as wanted.
fn keys(table: &TableSnapshot, columns: &[usize], caches: &Caches, wanted: impl Fn(&Cached) -> bool) -> Vec<ChunkKey> {
    let segments: HashSet<_> = table.segments().map(|segment| segment.id).collect();
    let fields: HashSet<_> = columns.iter().filter_map(|column| table.meta().columns.get(*column)).map(|column| column.id()).collect();
    let entries = caches.columns.entries().into_iter().filter(wanted).map(|entry| entry.key);
    entries.filter(|key| segments.contains(&key.segment) && fields.contains(&key.field_id)).collect()
}
