//! What a statement gives back.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
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

/// Batches that may wait for whoever reads them: while one is shown, the next is made.
const BATCHES_AHEAD: usize = 2;

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
    /// Runs a plan, in a task of its own: some operators, as joins without an equality, work for minutes before they give a batch or yield, and whoever
    /// waits for rows must be able to do something else meanwhile, such as heeding Ctrl-C. Dropping the rows ends the task at its next yield.
    pub(crate) fn run(plan: Arc<dyn ExecutionPlan>, task: Arc<TaskContext>) -> Result<Self> {
        let schema = plan.schema();
        let mut builder = RecordBatchReceiverStream::builder(Arc::clone(&schema), BATCHES_AHEAD);
        let sender = builder.tx();
        builder.spawn(async move {
            let mut batches = execute_stream(plan, task)?;
            while let Some(batch) = batches.next().await {
                let is_over = batch.is_err();
                if sender.send(batch).await.is_err() || is_over {
                    break;
                }
            }
            Ok(())
        });
        Ok(Self { schema, stream: builder.build() })
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
