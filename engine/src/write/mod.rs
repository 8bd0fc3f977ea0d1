//! The way of rows into segments: runs a plan and writes what it yields, in parallel and in bounded memory.
//!
//! Nothing here is part of a table before the caller appends the segments to a transaction and commits it. Segments that were written when an
//! error struck are left behind, unreachable, for clean-up.

mod fan_out;
mod insert;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use clouddb_storage::{StagedSegment, TableWriter};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::{Stream, StreamExt};
use tokio::task::JoinSet;

use crate::error::to_datafusion;
pub(crate) use insert::InsertExec;

static ROWS_WRITTEN: AtomicU64 = AtomicU64::new(0);

/// Rows that loads of this process have written so far, committed or not: for those who show how far a load has come.
pub fn rows_written() -> u64 {
    ROWS_WRITTEN.load(Ordering::Relaxed)
}

/// Runs a plan and writes its rows. Returns the segments, in the order of the plan's partitions, and the number of rows.
///
/// Partitions are written at the same time, each by a writer of its own, which `make_writer` makes. A plan of one partition is written in its
/// order as long as it is small or has an order; a large one without order is dealt out to several writers, since encoding takes longer than
/// most sources do. The first error ends all of it.
///
/// # Errors
/// Those of the plan, of `make_writer` and of the writers.
pub(crate) async fn write_plan(
    make_writer: impl Fn() -> clouddb_storage::Result<TableWriter>,
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
) -> Result<(Vec<StagedSegment>, u64)> {
    let partitions = plan.output_partitioning().partition_count();
    let writers = context.session_config().target_partitions().max(1);
    if partitions == 1 {
        let rows = plan.execute(0, context)?;
        let is_ordered = plan.output_ordering().is_some();
        return if is_ordered || writers == 1 {
            write_all(vec![(make_writer().map_err(to_datafusion)?, rows)]).await
        } else {
            fan_out::write(make_writer, rows, writers).await
        };
    }
    let streams = (0..partitions).map(|partition| plan.execute(partition, Arc::clone(&context))).collect::<Result<Vec<_>>>()?;
    let mut work = Vec::new();
    for streams in share(streams, writers) {
        work.push((make_writer().map_err(to_datafusion)?, streams));
    }
    write_all(work).await
}

/// Deals streams out to at most `writers` writers. All streams of a plan are read at the same time: a repartitioning inside the plan would
/// otherwise have to keep the rows of those that wait.
fn share(streams: Vec<SendableRecordBatchStream>, writers: usize) -> Vec<futures::stream::SelectAll<SendableRecordBatchStream>> {
    let per_writer = streams.len().div_ceil(writers).max(1);
    let mut shares = Vec::new();
    let mut streams = streams.into_iter().peekable();
    while streams.peek().is_some() {
        shares.push(futures::stream::select_all(streams.by_ref().take(per_writer)));
    }
    shares
}

/// Writes streams at the same time, each with its writer in its own task.
async fn write_all<S>(work: Vec<(TableWriter, S)>) -> Result<(Vec<StagedSegment>, u64)>
where
    S: Stream<Item = Result<RecordBatch>> + Send + Unpin + 'static,
{
    let mut tasks = JoinSet::new();
    for (at, (writer, rows)) in work.into_iter().enumerate() {
        tasks.spawn(async move { write_stream(writer, rows).await.map(|(segments, rows)| (at, segments, rows)) });
    }
    join(tasks).await
}

async fn write_stream(
    mut writer: TableWriter,
    mut rows: impl Stream<Item = Result<RecordBatch>> + Unpin,
) -> Result<(Vec<StagedSegment>, u64)> {
    let mut count = 0;
    while let Some(batch) = rows.next().await.transpose()? {
        count += batch.num_rows() as u64;
        let rows = batch.num_rows() as u64;
        writer.write(batch).await.map_err(to_datafusion)?;
        ROWS_WRITTEN.fetch_add(rows, Ordering::Relaxed);
    }
    Ok((writer.finish().await.map_err(to_datafusion)?, count))
}

/// What a writer's task writes: its place among the writers, segments, number of rows.
type Written = Result<(usize, Vec<StagedSegment>, u64)>;

/// Waits for the tasks of writers and puts their segments in order. After an error no task is left: what the others had begun to write is removed
/// before anybody is told.
async fn join(mut tasks: JoinSet<Written>) -> Result<(Vec<StagedSegment>, u64)> {
    let mut written = Vec::new();
    let mut total = 0;
    while let Some(ended) = tasks.join_next().await {
        match ended.unwrap_or_else(|error| Err(DataFusionError::External(Box::new(error)))) {
            Ok((at, segments, rows)) => {
                written.push((at, segments));
                total += rows;
            }
            Err(error) => {
                tasks.shutdown().await;
                return Err(error);
            }
        }
    }
    written.sort_unstable_by_key(|(at, _)| *at);
    Ok((written.into_iter().flat_map(|(_, segments)| segments).collect(), total))
}
