//! Writes inline rows to files: rows keep their identities, which the file then stores.

use std::sync::Arc;

use arrow::array::Int64Array;

use super::SegmentMeta;
use super::reader::read_inline;
use super::writer::{NextSegmentId, StagedSegment, TableWriter};
use crate::catalog::TableMeta;
use crate::error::{Error, Result};
use crate::store::Store;

/// Writes the rows of inline segments to one file (more if they are very many), sorted if the table is. The file's column `_row_id` (Parquet field id
/// 2147483540) has each row's id; scans of the table's columns do not see it.
pub(crate) async fn merge_inline(
    store: &Store,
    table: &Arc<TableMeta>,
    next_id: NextSegmentId,
    segments: &[Arc<SegmentMeta>],
) -> Result<Vec<StagedSegment>> {
    let mut writer = TableWriter::new(store.clone(), Arc::clone(table), next_id).with_row_ids();
    for segment in segments {
        let end = segment.first_row_id.checked_add(segment.rows).and_then(|end| i64::try_from(end).ok());
        let mut next =
            end.map(|end| end - segment.rows as i64).ok_or_else(|| Error::corrupt(format!("row ids of segment {}", segment.id)))?;
        for batch in read_inline(table, segment)? {
            let after = next + batch.num_rows() as i64;
            let ids = Int64Array::from_iter_values(next..after);
            next = after;
            writer.write_with_row_ids(batch, Arc::new(ids)).await?;
        }
    }
    writer.finish().await
}
