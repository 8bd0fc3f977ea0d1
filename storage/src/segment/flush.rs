//! Placeholder until the merge of inline segments lands.
use std::sync::Arc;

use super::SegmentMeta;
use super::writer::{NextSegmentId, StagedSegment};
use crate::catalog::TableMeta;
use crate::error::Result;
use crate::store::Store;

pub(crate) async fn merge_inline(
    store: &Store,
    table: &Arc<TableMeta>,
    next_id: NextSegmentId,
    segments: &[Arc<SegmentMeta>],
) -> Result<Vec<StagedSegment>> {
    let _ = (store, table, next_id, segments);
    todo!()
}
