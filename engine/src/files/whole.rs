//! Whole files as rows: `read_text` and `read_blob`. One file is in memory at a time, and only where its content is asked for.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryViewArray, Int64Array, RecordBatch, RecordBatchOptions, StringViewArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result as DataFusionResult;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::{StreamExt, stream};
use object_store::ObjectStoreExt;

use super::Files;
use super::listing::File;
use crate::error::{Error, Result, from_datafusion, to_datafusion};
use crate::types;

/// The columns' names, as in DuckDB.
const NAMES: [&str; 4] = ["filename", "content", "size", "last_modified"];

/// Files as rows.
#[derive(Debug)]
pub(super) struct WholeFiles {
    files: Arc<[File]>,
    schema: SchemaRef,
    is_text: bool,
}

impl WholeFiles {
    pub(super) fn new(files: Files, is_text: bool) -> Self {
        let content = if is_text { DataType::Utf8View } else { DataType::BinaryView };
        let moment = DataType::Timestamp(TimeUnit::Microsecond, Some(types::ZONE.into()));
        let kinds = [DataType::Utf8View, content, DataType::Int64, moment];
        let fields = NAMES.iter().zip(kinds).map(|(name, data_type)| Field::new(*name, data_type, true));
        Self { files: files.files.into(), schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())), is_text }
    }
}

#[async_trait]
impl TableProvider for WholeFiles {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let columns = projection.cloned().unwrap_or_else(|| (0..NAMES.len()).collect());
        let schema = Arc::new(self.schema.project(&columns)?);
        let partition =
            Whole { files: Arc::clone(&self.files), columns: columns.into(), schema: Arc::clone(&schema), is_text: self.is_text };
        StreamingTable::try_new(schema, vec![Arc::new(partition)])?.scan(session, None, filters, limit).await
    }
}

/// The rows, some columns of them.
#[derive(Debug)]
struct Whole {
    files: Arc<[File]>,
    columns: Arc<[usize]>,
    schema: SchemaRef,
    is_text: bool,
}

impl PartitionStream for Whole {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (columns, schema, is_text) = (Arc::clone(&self.columns), Arc::clone(&self.schema), self.is_text);
        let files: Vec<File> = self.files.to_vec();
        let rows = stream::iter(files).then(move |file| {
            let (columns, schema) = (Arc::clone(&columns), Arc::clone(&schema));
            async move { row(&file, &columns, schema, is_text).await.map_err(to_datafusion) }
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))
    }
}

async fn row(file: &File, columns: &[usize], schema: SchemaRef, is_text: bool) -> Result<RecordBatch> {
    let mut arrays = Vec::with_capacity(columns.len());
    for column in columns {
        let array: ArrayRef = match column {
            0 => Arc::new(StringViewArray::from_iter_values([&file.name])),
            1 => content(file, is_text).await?,
            2 => Arc::new(Int64Array::from(vec![i64::try_from(file.meta.size).unwrap_or(i64::MAX)])),
            _ => Arc::new(TimestampMicrosecondArray::from(vec![file.meta.last_modified.timestamp_micros()]).with_timezone(types::ZONE)),
        };
        arrays.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    Ok(RecordBatch::try_new_with_options(schema, arrays, &options)?)
}

async fn content(file: &File, is_text: bool) -> Result<ArrayRef> {
    let failed = |error: object_store::Error| from_datafusion(error.into()).context(format!("file '{}'", file.name));
    let found = file.store.get(&file.meta.location).await.map_err(failed)?.bytes().await.map_err(failed)?;
    match is_text {
        false => Ok(Arc::new(BinaryViewArray::from_iter_values([found.as_ref()]))),
        true => match std::str::from_utf8(&found) {
            Ok(text) => Ok(Arc::new(StringViewArray::from_iter_values([text]))),
            Err(_) => Err(Error::invalid(format!("file '{}' is no text in UTF-8", file.name)).with_hint("read_blob reads its bytes")),
        },
    }
}
