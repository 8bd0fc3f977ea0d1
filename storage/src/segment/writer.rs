//! Writes a table's rows into segments: Parquet files with checksums, or inline blocks for a handful of rows.
//!
//! Memory is bounded: one row group being encoded, a few parts under way to the store, and for tables with a clustering key the rows that are sorted
//! together. Encoding happens in the caller's task: run writers where long computations may run, one for each core.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};

use super::bounds::{StatisticsBuilder, decoded_bytes};
use super::conform::conform;
use super::file::SegmentFile;
use super::layout::Layout;
use super::sort::{self, Sorted};
use super::{SegmentBody, SegmentMeta, inline};
use crate::catalog::TableMeta;
use crate::error::Result;
use crate::ids::SegmentId;
use crate::store::Store;

/// Rows of tables with a clustering key are sorted together up to this much decoded memory: a run gives one file of some 32 MiB, and with keys and order
/// the writer stays below 256 MiB.
const SORT_BYTES: u64 = 128 * 1024 * 1024;

/// Larger batches are cut: what is encoded at once decides how far a file can exceed its size, and for how long a thread does nothing else.
const SLICE_ROWS: usize = 32 * 1024;

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
    store: Store,
    table: Arc<TableMeta>,
    next_id: NextSegmentId,
    inline: bool,
    row_ids: bool,
    /// Positions of the clustering key's columns.
    key: Vec<usize>,
    /// Made with the first file: a handful of rows needs nothing of Parquet.
    layout: Option<Arc<Layout>>,
    /// Rows that are in no file yet: to be sorted, or perhaps few enough to be inline.
    pending: Vec<Vec<ArrayRef>>,
    pending_rows: usize,
    pending_bytes: u64,
    file: Option<Box<SegmentFile>>,
    complete: Vec<StagedSegment>,
}

impl TableWriter {
    /// A writer for a table's rows.
    pub fn new(store: Store, table: Arc<TableMeta>, next_id: NextSegmentId) -> Self {
        let key = sort::key_positions(&table);
        Self {
            store,
            table,
            next_id,
            inline: true,
            row_ids: false,
            key,
            layout: None,
            pending: Vec::new(),
            pending_rows: 0,
            pending_bytes: 0,
            file: None,
            complete: Vec::new(),
        }
    }

    /// Never keep rows inline, however few they are.
    #[must_use]
    pub fn without_inline(mut self) -> Self {
        self.inline = false;
        self
    }

    /// Files with a column of row ids, which [`TableWriter::write_with_row_ids`] brings.
    pub(super) fn with_row_ids(mut self) -> Self {
        self.inline = false;
        self.row_ids = true;
        self
    }

    /// Adds rows. Columns are matched by position; types must be the table's, up to Arrow's memory layout (`Utf8` for `Utf8View`).
    ///
    /// # Errors
    /// *Invalid* for NULL in a NOT NULL column, naming it.
    pub async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let columns = conform(&self.table, &batch)?;
        drop(batch);
        self.write_columns(columns).await
    }

    /// Adds rows whose ids are to be stored.
    pub(super) async fn write_with_row_ids(&mut self, batch: RecordBatch, ids: ArrayRef) -> Result<()> {
        let mut columns = conform(&self.table, &batch)?;
        columns.push(ids);
        self.write_columns(columns).await
    }

    async fn write_columns(&mut self, columns: Vec<ArrayRef>) -> Result<()> {
        let rows = columns.first().map_or(0, |column| column.len());
        if rows <= SLICE_ROWS {
            return self.write_slice(columns).await;
        }
        for start in (0..rows).step_by(SLICE_ROWS) {
            let length = SLICE_ROWS.min(rows - start);
            self.write_slice(columns.iter().map(|column| column.slice(start, length)).collect()).await?;
        }
        Ok(())
    }

    async fn write_slice(&mut self, columns: Vec<ArrayRef>) -> Result<()> {
        let rows = columns.first().map_or(0, |column| column.len());
        if rows == 0 {
            return Ok(());
        }
        if self.file.is_some() {
            return self.write_to_file(&columns).await;
        }
        self.pending_rows += rows;
        self.pending_bytes += columns.iter().map(decoded_bytes).sum::<u64>();
        let sorts = !self.key.is_empty();
        self.pending.push(if sorts { columns.into_iter().map(sort::compact).collect() } else { columns });
        if sorts {
            if self.pending_bytes >= SORT_BYTES { self.write_run().await } else { Ok(()) }
        } else if !self.inline || self.pending_rows > inline::MOST_ROWS || self.pending_bytes > inline::MOST_DECODED {
            self.write_pending().await
        } else {
            Ok(())
        }
    }

    fn take_pending(&mut self) -> Vec<Vec<ArrayRef>> {
        self.pending_rows = 0;
        self.pending_bytes = 0;
        std::mem::take(&mut self.pending)
    }

    /// Writes the pending rows as they came.
    async fn write_pending(&mut self) -> Result<()> {
        for columns in self.take_pending() {
            self.write_to_file(&columns).await?;
        }
        Ok(())
    }

    /// Sorts the pending rows and writes them to files of their own.
    async fn write_run(&mut self) -> Result<()> {
        let mut sorted = Sorted::new(self.take_pending(), &self.key)?;
        while let Some(columns) = sorted.next_batch()? {
            self.write_to_file(&columns).await?;
        }
        self.finish_file().await
    }

    async fn write_to_file(&mut self, columns: &[ArrayRef]) -> Result<()> {
        if self.file.is_none() {
            let layout = match &self.layout {
                Some(layout) => Arc::clone(layout),
                None => Arc::clone(self.layout.insert(Arc::new(Layout::new(&self.table, self.row_ids)?))),
            };
            self.file = Some(SegmentFile::create(&self.store, &self.table, &layout, (self.next_id)(), columns).await?);
        }
        if let Some(file) = &mut self.file {
            file.write(columns).await?;
            if file.is_full() {
                self.finish_file().await?;
            }
        }
        Ok(())
    }

    async fn finish_file(&mut self) -> Result<()> {
        if let Some(file) = self.file.take() {
            self.complete.push(StagedSegment(file.finish(!self.key.is_empty()).await?));
        }
        Ok(())
    }

    /// The pending rows as an inline segment, if they are few enough.
    fn inline_segment(&mut self) -> Result<Option<StagedSegment>> {
        if !self.inline
            || self.pending.is_empty()
            || self.file.is_some()
            || !self.complete.is_empty()
            || self.pending_rows > inline::MOST_ROWS
            || self.pending_bytes > inline::MOST_DECODED
        {
            return Ok(None);
        }
        if !self.key.is_empty() && self.pending_rows > 1 {
            let mut sorted = Sorted::new(std::mem::take(&mut self.pending), &self.key)?;
            self.pending.extend(sorted.next_batch()?);
        }
        let Some(stream) = inline::encode(&self.table, &self.pending)? else { return Ok(None) };
        let mut statistics = StatisticsBuilder::new(&self.table);
        self.pending.iter().for_each(|columns| statistics.update(columns));
        Ok(Some(StagedSegment(SegmentMeta {
            id: (self.next_id)(),
            body: SegmentBody::Inline(stream),
            rows: self.pending_rows as u64,
            first_row_id: 0,
            stored_row_ids: false,
            added_at: 0,
            schema_version: self.table.schema_version,
            sorted: !self.key.is_empty(),
            columns: statistics.finish(),
            deleted_rows: 0,
        })))
    }

    /// Completes the last segment. What is returned is durable.
    pub async fn finish(mut self) -> Result<Vec<StagedSegment>> {
        if let Some(segment) = self.inline_segment()? {
            return Ok(vec![segment]);
        }
        if self.key.is_empty() {
            self.write_pending().await?;
        } else {
            self.write_run().await?;
        }
        self.finish_file().await?;
        Ok(self.complete)
    }
}
