//! Writes a table's rows into segments: Parquet files with checksums, or inline blocks for a handful of rows.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::SegmentMeta;
use crate::catalog::TableMeta;
use crate::error::Result;
use crate::ids::SegmentId;
use crate::store::Store;

/// Gives the ids of segments to the writers of one session; shared by all of them.
pub type NextSegmentId = Arc<dyn Fn() -> SegmentId + Send + Sync>;

/// A segment whose bytes are durable in the store, but which no table has yet. `first_row_id` and `added_at` are 0 until it is committed.
#[derive(Debug, Clone, PartialEq)]
pub struct StagedSegment(pub(crate) SegmentMeta);

impl StagedSegment {
    /// What the log will hold of it.
    pub fn meta(&self) -> &SegmentMeta {
        &self.0
    }
}

/// Writes rows of one table into as many segments as it takes. Several can write to one table at once, each in its own task.
pub struct TableWriter {
    _private: (),
}

impl TableWriter {
    /// A writer for a table's rows.
    pub fn new(store: Store, table: Arc<TableMeta>, next_id: NextSegmentId) -> Self {
        let _ = (store, table, next_id);
        todo!()
    }

    /// Never keep rows inline, however few they are.
    #[must_use]
    pub fn without_inline(self) -> Self {
        todo!()
    }

    /// Adds rows. Columns are matched by position; types must be the table's, up to Arrow's memory layout (`Utf8` for `Utf8View`).
    ///
    /// # Errors
    /// *Invalid* for NULL in a NOT NULL column, naming it.
    pub async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let _ = batch;
        todo!()
    }

    /// Completes the last segment. What is returned is durable.
    pub async fn finish(self) -> Result<Vec<StagedSegment>> {
        todo!()
    }
}
