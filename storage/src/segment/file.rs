//! One Parquet file of a segment being written: encoded, checksummed and uploaded as rows come.
//!
//! The file is: the row groups' pages, then the *tail*: page indexes, footer, footer's length, magic. No byte of a row is in the tail. The
//! checksums of the blocks before it are in the footer ([`super::blocks`]); the segment's metadata has the tail's length and BLAKE3.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast_with_options, min};
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;

use super::blocks::{self, BlockSums};
use super::bounds::StatisticsBuilder;
use super::conform::STRICT;
use super::encoding;
use super::layout::{Layout, SEGMENT_BYTES, SEGMENT_ROWS};
use super::{ParquetLocation, SegmentBody, SegmentMeta, parquet_path};
use crate::catalog::TableMeta;
use crate::error::{Error, Result};
use crate::ids::SegmentId;
use crate::store::{Store, Upload};

/// A segment's file that is not complete yet. Dropping it abandons the file.
pub(super) struct SegmentFile {
    id: SegmentId,
    table: Arc<TableMeta>,
    layout: Arc<Layout>,
    /// Encodes into memory, from where bytes are taken as row groups are completed.
    writer: ArrowWriter<Vec<u8>>,
    upload: Upload,
    sums: BlockSums,
    statistics: StatisticsBuilder,
    rows: u64,
    row_groups: usize,
    least_row_id: Option<i64>,
}

impl SegmentFile {
    /// Starts the file of a segment, whose first rows are `first`. It has the layout's columns: the table's, and row ids if the layout has them.
    pub(super) async fn create(
        store: &Store,
        table: &Arc<TableMeta>,
        layout: &Arc<Layout>,
        id: SegmentId,
        first: &[ArrayRef],
    ) -> Result<Box<Self>> {
        let options = ArrowWriterOptions::new()
            .with_properties(encoding::choose(&layout.properties, &layout.schema, first))
            // Readers bring the table's schema: Arrow's own description of it would only lengthen the tail.
            .with_skip_arrow_metadata(true)
            .with_parquet_schema(layout.parquet.as_ref().clone());
        let writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&layout.schema), options)
            .map_err(|error| unencodable(table, error))?;
        Ok(Box::new(Self {
            id,
            writer,
            upload: store.upload(&parquet_path(id)).await?,
            sums: BlockSums::default(),
            statistics: StatisticsBuilder::new(table),
            table: Arc::clone(table),
            layout: Arc::clone(layout),
            rows: 0,
            row_groups: 0,
            least_row_id: None,
        }))
    }

    /// Adds rows, in the table's types.
    pub(super) async fn write(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let Some(first) = columns.first() else { return Ok(()) };
        let width = self.table.columns.len();
        self.rows += first.len() as u64;
        self.statistics.update(columns);
        if let Some(ids) = columns.get(width).and_then(|ids| ids.as_primitive_opt::<Int64Type>()) {
            self.least_row_id = self.least_row_id.into_iter().chain(min(ids)).min();
        }
        let stored = columns.iter().zip(self.layout.schema.fields()).map(|(array, field)| {
            if array.data_type() == field.data_type() {
                Ok(Arc::clone(array))
            } else {
                cast_with_options(array, field.data_type(), &STRICT)
            }
        });
        let batch = RecordBatch::try_new(Arc::clone(&self.layout.schema), stored.collect::<Result<_, _>>()?)?;
        self.writer.write(&batch).map_err(|error| unencodable(&self.table, error))?;
        if self.writer.flushed_row_groups().len() > self.row_groups {
            self.row_groups = self.writer.flushed_row_groups().len();
            self.drain().await?;
            // Encoding is long work without a wait: let the uploads that share this thread go on.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Whether the file has the size of a segment.
    pub(super) fn is_full(&self) -> bool {
        self.sums.length() >= SEGMENT_BYTES || self.rows >= SEGMENT_ROWS
    }

    /// Uploads what was encoded.
    async fn drain(&mut self) -> Result<()> {
        self.writer.sync().map_err(|error| unencodable(&self.table, error.into()))?;
        let bytes = std::mem::take(self.writer.inner_mut());
        self.sums.update(&bytes);
        self.upload.write(Bytes::from(bytes)).await
    }

    /// Completes the file: durable when it returns.
    pub(super) async fn finish(mut self: Box<Self>, sorted: bool) -> Result<SegmentMeta> {
        self.writer.flush().map_err(|error| unencodable(&self.table, error))?;
        self.drain().await?;
        let data_length = self.sums.length();
        self.writer.append_key_value_metadata(KeyValue::new(blocks::KEY.to_owned(), self.sums.encode()));
        self.writer.finish().map_err(|error| unencodable(&self.table, error))?;
        let tail = Bytes::from(std::mem::take(self.writer.inner_mut()));
        let location = ParquetLocation {
            base: 0,
            path: parquet_path(self.id),
            length: data_length + tail.len() as u64,
            tail_length: tail.len() as u64,
            tail_hash: *blake3::hash(&tail).as_bytes(),
        };
        self.upload.write(tail).await?;
        self.upload.finish().await?;
        let stored_row_ids = self.layout.schema.fields().len() > self.table.columns.len();
        Ok(SegmentMeta {
            id: self.id,
            body: SegmentBody::Parquet(location),
            rows: self.rows,
            first_row_id: self.least_row_id.and_then(|id| u64::try_from(id).ok()).unwrap_or(0),
            stored_row_ids,
            added_at: 0,
            schema_version: self.table.schema_version,
            sorted,
            columns: self.statistics.finish(),
            deleted_rows: 0,
        })
    }
}

fn unencodable(table: &TableMeta, error: ParquetError) -> Error {
    Error::invalid(format!("rows of table '{}' cannot be written as Parquet: {error}", table.name)).with_source(error)
}
