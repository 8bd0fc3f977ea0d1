//! Writes a table's inline rows to a file. The rows keep their ids, and their place among the table's rows is after those that were added before.

use std::sync::Arc;

use super::Transaction;
use crate::error::Result;
use crate::format::action::Action;
use crate::handle::Handle;
use crate::ids::TableId;
use crate::segment::merge::merge_inline;
use crate::segment::{SegmentBody, SegmentMeta};
use crate::snapshot::Snapshot;

/// Inline segments written at once: a record has to name each, and has room for some 20,000. More wait for the next time.
const MOST_SEGMENTS: usize = 8192;

/// Replaces the inline segments of a table by one file, in a transaction of its own.
pub(crate) async fn flush_inline(handle: &Arc<Handle>, id: TableId) -> Result<()> {
    let snapshot = Snapshot { state: handle.tip(), store: handle.store.clone() };
    let Some(table) = snapshot.state.table(id) else { return Ok(()) };
    let inline: Vec<Arc<SegmentMeta>> =
        table.segments().filter(|segment| matches!(segment.body, SegmentBody::Inline(_))).take(MOST_SEGMENTS).map(Arc::clone).collect();
    if inline.is_empty() {
        return Ok(());
    }
    let next_id = handle.shared().segment_ids();
    let merged = merge_inline(&handle.store, &table.meta, next_id, &inline).await?;
    let mut transaction = Transaction::new(Arc::clone(handle), &snapshot)?;
    transaction.describe("write inline rows to a file");
    for segment in &inline {
        transaction.stage(Action::RemoveSegment { table: id, segment: segment.id })?;
    }
    transaction.append(id, merged)?;
    transaction.commit().await.map(|_| ())
}
