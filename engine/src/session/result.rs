//! What a statement gives back.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{Stream, StreamExt, TryStreamExt};

use crate::error::{Error, Result, from_datafusion};

/// What a statement gave back.
#[derive(Debug)]
pub enum StatementResult {
    /// Rows, as they are made.
    Rows(Rows),
    /// The statement is done.
    Done(Done),
}

/// A statement that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// What was done, as `CREATE TABLE` or `INSERT`.
    pub tag: String,
    /// Rows added to a table or written to files, where the statement is about rows.
    pub rows: Option<u64>,
    /// The snapshot that the statement committed; nothing inside a transaction, or when nothing changed.
    pub snapshot: Option<u64>,
}

impl Done {
    pub(crate) fn new(tag: &str) -> Self {
        Self { tag: tag.to_owned(), rows: None, snapshot: None }
    }

    pub(crate) fn with_rows(tag: &str, rows: u64) -> Self {
        Self { tag: tag.to_owned(), rows: Some(rows), snapshot: None }
    }
}

/// A query's rows, in batches, as they are made.
pub struct Rows {
    schema: SchemaRef,
    stream: SendableRecordBatchStream,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl Rows {
    /// Runs a plan.
    pub(crate) fn run(plan: Arc<dyn ExecutionPlan>, task: Arc<TaskContext>) -> Result<Self> {
        let stream = execute_stream(plan, task).map_err(from_datafusion)?;
        Ok(Self { schema: stream.schema(), stream })
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// All batches, in memory.
    ///
    /// # Errors
    /// Those of running the query.
    pub async fn collect(self) -> Result<Vec<RecordBatch>> {
        self.try_collect().await
    }

    /// The stream as DataFusion knows it; its errors are DataFusion's.
    pub fn into_stream(self) -> SendableRecordBatchStream {
        self.stream
    }
}

impl Stream for Rows {
    type Item = Result<RecordBatch, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.stream.poll_next_unpin(context).map(|batch| batch.map(|batch| batch.map_err(from_datafusion)))
    }
}
