//! Segments written and read back: what the tests of this folder share.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod block_cache;
mod corruption;
mod data;
mod ranges;
mod round_trip;
mod writing;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Schema};
use bytes::Bytes;
use object_store::memory::InMemory;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::reader::{read_footer, read_inline, read_ranges};
use super::writer::{NextSegmentId, StagedSegment, TableWriter};
use super::{ParquetLocation, SegmentBody, SegmentMeta};
use crate::catalog::{ColumnSpec, TableMeta, types};
use crate::error::{Error, Result};
use crate::ids::{SchemaId, SegmentId, SessionId, TableId};
use crate::store::{Store, StoreKind};

fn memory() -> Store {
    Store::from_object_store(Arc::new(InMemory::new()), "", StoreKind::Memory, "memory")
}

fn ids() -> NextSegmentId {
    let last = AtomicU64::new(0);
    let session = SessionId { opened_at: 1, random: 2 };
    Arc::new(move || SegmentId { session, number: last.fetch_add(1, Ordering::Relaxed) + 1 })
}

fn table(columns: Vec<ColumnSpec>, cluster_by: &[&str]) -> Arc<TableMeta> {
    let cluster_by: Vec<String> = cluster_by.iter().map(|&name| name.to_owned()).collect();
    Arc::new(TableMeta::new(TableId(1), SchemaId(1), "t", columns, &cluster_by).unwrap())
}

fn column(name: &str, data_type: DataType, nullable: bool) -> ColumnSpec {
    ColumnSpec::new(name, data_type, nullable)
}

fn batch(table: &TableMeta, columns: Vec<ArrayRef>) -> RecordBatch {
    RecordBatch::try_new(table.arrow_schema(), columns).unwrap()
}

async fn write(store: &Store, table: &Arc<TableMeta>, batches: impl IntoIterator<Item = RecordBatch>) -> Result<Vec<StagedSegment>> {
    let mut writer = TableWriter::new(store.clone(), Arc::clone(table), ids());
    for batch in batches {
        writer.write(batch).await?;
    }
    writer.finish().await
}

async fn write_file(store: &Store, table: &Arc<TableMeta>, batches: impl IntoIterator<Item = RecordBatch>) -> Result<SegmentMeta> {
    let mut writer = TableWriter::new(store.clone(), Arc::clone(table), ids()).without_inline();
    for batch in batches {
        writer.write(batch).await?;
    }
    let mut segments = writer.finish().await?;
    assert_eq!(segments.len(), 1);
    Ok(segments.remove(0).0)
}

fn location(segment: &SegmentMeta) -> &ParquetLocation {
    match &segment.body {
        SegmentBody::Parquet(location) => location,
        SegmentBody::Inline(_) => panic!("segment {} is inline", segment.id),
    }
}

/// All bytes of a segment's file, each verified.
async fn read_file(store: &Store, location: &ParquetLocation) -> Result<Bytes> {
    let footer = read_footer(store, location).await?;
    let mut parts = read_ranges(store, location, &footer, &[0..location.length]).await?;
    Ok(parts.remove(0))
}

/// A segment's rows in the table's schema.
async fn read(store: &Store, table: &TableMeta, segment: &SegmentMeta) -> Result<RecordBatch> {
    let schema = table.arrow_schema();
    let batches = match &segment.body {
        SegmentBody::Inline(_) => read_inline(table, segment)?,
        SegmentBody::Parquet(location) => {
            let footer = read_footer(store, location).await?;
            let bytes = read_file(store, location).await?;
            let stored = schema.fields().iter().map(types::stored_field).collect::<Vec<_>>();
            let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(stored)));
            let metadata = ArrowReaderMetadata::try_new(Arc::clone(footer.metadata()), options).map_err(parquet)?;
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, metadata).build().map_err(parquet)?;
            let logical = |batch: RecordBatch| {
                let columns = batch.columns().iter().zip(schema.fields()).map(|(array, field)| cast(array, field.data_type()));
                RecordBatch::try_new(Arc::clone(&schema), columns.collect::<Result<_, _>>()?)
            };
            reader.map(|batch| batch.and_then(logical)).collect::<Result<_, _>>()?
        }
    };
    Ok(concat_batches(&schema, &batches)?)
}

fn parquet(error: parquet::errors::ParquetError) -> Error {
    Error::internal(format!("decoding verified bytes: {error}"))
}
