//! What a statement gives back.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as Waking, Poll};

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::common::{DataFusionError, Result as DataFusionResult};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::{RecordBatchReceiverStream, RecordBatchStreamAdapter};
use datafusion::physical_plan::{ExecutionPlan, RecordBatchStream, execute_stream};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc::Sender;

use crate::error::{Error, Result, from_datafusion, is_out_of_memory, to_datafusion};
use crate::explain::Explained;
use crate::limits::Held;
use crate::reuse::Query;
use crate::scan::early;
use crate::semantics::session_zone;
use crate::statements::context::Context;

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
    /// Runs a plan, in a task of its own: some operators work for long before they give a batch or yield, and whoever waits for rows must be able to do
    /// something else meanwhile, such as heeding Ctrl-C.
    pub(crate) fn run(plan: Arc<dyn ExecutionPlan>, task: Arc<TaskContext>) -> Result<Self> {
        let schema = plan.schema();
        let mut builder = RecordBatchReceiverStream::builder(Arc::clone(&schema), BATCHES_AHEAD);
        let sender = builder.tx();
        builder.spawn(async move { send(plan, task, &sender).await?.map_or(Ok(()), Err) });
        Ok(Self { schema, stream: builder.build() })
    }

    /// Runs a query. If memory is not enough before there is a row, it is run once more with operators that need less.
    pub(crate) fn run_within(context: Context, query: Query, plan: Arc<dyn ExecutionPlan>) -> Result<Self> {
        let Query { plan: optimized, names } = query;
        let schema = plan.schema();
        let zone = session_zone::of(context.state.config_options()).map(str::to_owned);
        let mut builder = RecordBatchReceiverStream::builder(Arc::clone(&schema), BATCHES_AHEAD);
        let sender = builder.tx();
        builder.spawn(async move {
            let Some(error) = send(plan, context.task(), &sender).await? else { return Ok(()) };
            match Box::pin(context.frugal(&optimized)).await.map_err(to_datafusion)? {
                Some(frugal) => Box::pin(send(frugal, context.task(), &sender)).await?.map_or(Ok(()), Err),
                None => Err(error),
            }
        });
        Ok(Self { schema, stream: builder.build() }.renamed(names.as_deref()).shown_in(zone.as_deref()))
    }

    /// The same rows, whose moments are shown in the session's time zone, if it is not UTC.
    fn shown_in(self, zone: Option<&str>) -> Self {
        let Some(zone) = zone else { return self };
        let field = |field: &FieldRef| field.as_ref().clone().with_data_type(session_zone::shown_in(zone, field.data_type()));
        let fields: Vec<_> = self.schema.fields().iter().map(field).collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, self.schema.metadata().clone()));
        if schema == self.schema {
            return self;
        }
        let to = Arc::clone(&schema);
        let batches = self.stream.map(move |batch| {
            let batch = batch?;
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let columns = batch.columns().iter().zip(to.fields()).map(|(column, field)| cast(column, field.data_type()));
            Ok(RecordBatch::try_new_with_options(Arc::clone(&to), columns.collect::<Result<_, _>>()?, &options)?)
        });
        Self { schema: Arc::clone(&schema), stream: Box::pin(RecordBatchStreamAdapter::new(schema, batches)) }
    }

    /// The same rows under other names: a plan's columns must differ by name, a result's need not.
    fn renamed(self, names: Option<&[String]>) -> Self {
        let Some(names) = names.filter(|names| names.len() == self.schema.fields().len()) else { return self };
        let fields = self.schema.fields().iter().zip(names).map(|(field, name)| field.as_ref().clone().with_name(name));
        let schema = Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), self.schema.metadata().clone()));
        let to = Arc::clone(&schema);
        let batches = self.stream.map(move |batch| {
            let batch = batch?;
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            Ok(RecordBatch::try_new_with_options(Arc::clone(&to), batch.columns().to_vec(), &options)?)
        });
        Self { schema: Arc::clone(&schema), stream: Box::pin(RecordBatchStreamAdapter::new(schema, batches)) }
    }

    /// What there is to say of a plan, once its rows have come, if it is run.
    pub(crate) fn explained(run: Option<Self>, explained: Explained) -> Self {
        let answer = async move {
            let Some(mut run) = run else { return explained.answer(None) };
            let mut rows = 0;
            while let Some(batch) = run.stream.try_next().await? {
                rows += batch.num_rows() as u64;
            }
            // Operators count what they did when they are let go.
            drop(run);
            explained.answer(Some(rows))
        };
        let schema = Explained::schema();
        Self { schema: Arc::clone(&schema), stream: Box::pin(RecordBatchStreamAdapter::new(schema, stream::once(answer))) }
    }

    /// The same rows, which end with an error when the statement is stopped; dropped, they stop it. `failed` is set when they end with an error.
    pub(crate) fn held(self, held: Held, failed: Option<Arc<AtomicBool>>) -> Self {
        let running = Arc::clone(held.running());
        let stopped = Box::pin(async move { running.stopped().await });
        Self { schema: Arc::clone(&self.schema), stream: Box::pin(HeldRows { rows: self.stream, stopped, held, failed, over: false }) }
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

/// Runs a plan and sends its batches. Returns the error, if memory was not enough and nothing was sent yet.
async fn send(
    plan: Arc<dyn ExecutionPlan>,
    task: Arc<TaskContext>,
    sender: &Sender<DataFusionResult<RecordBatch>>,
) -> DataFusionResult<Option<DataFusionError>> {
    let mut sent = false;
    early::begin(&plan);
    let mut batches = execute_stream(plan, task)?;
    while let Some(batch) = batches.next().await {
        match batch {
            Err(error) if !sent && is_out_of_memory(&error) => return Ok(Some(error)),
            Err(error) => return Err(error),
            Ok(batch) => match sender.send(Ok(batch)).await {
                Ok(()) => sent = true,
                Err(_) => break,
            },
        }
    }
    Ok(None)
}

/// Rows of a statement that can be stopped, also while its operators are busy.
struct HeldRows {
    rows: SendableRecordBatchStream,
    stopped: Pin<Box<dyn Future<Output = ()> + Send>>,
    held: Held,
    failed: Option<Arc<AtomicBool>>,
    over: bool,
}

impl Stream for HeldRows {
    type Item = DataFusionResult<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Waking<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        let mut next = self.rows.poll_next_unpin(context);
        if next.is_pending() && self.stopped.as_mut().poll(context).is_ready() {
            self.over = true;
            next = Poll::Ready(Some(Err(to_datafusion(self.held.running().reason()))));
        }
        if let (Poll::Ready(Some(Err(_))), Some(failed)) = (&next, &self.failed) {
            failed.store(true, Ordering::Release);
        }
        next
    }
}

impl RecordBatchStream for HeldRows {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }
}

impl Stream for Rows {
    type Item = Result<RecordBatch, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Waking<'_>) -> Poll<Option<Self::Item>> {
        self.stream.poll_next_unpin(context).map(|batch| batch.map(|batch| batch.map_err(from_datafusion)))
    }
}
