//! Deals one stream of rows out to several writers.

use arrow::array::RecordBatch;
use clouddb_storage::{StagedSegment, TableWriter};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{join, write_all, write_stream};
use crate::error::to_datafusion;

/// Up to this many rows are written by one writer, in their order: people look at small tables and expect the order of their file. The rows are
/// held in memory while it is not known whether more come, so this is also a bound on memory.
const SMALL_ROWS: usize = 64 * 1024;

/// The same in bytes, for wide rows.
const SMALL_BYTES: usize = 32 << 20;

/// Batches that wait for one writer. Two keep it busy while the next is made.
const WAITING_BATCHES: usize = 2;

/// Writes a stream with up to `writers` writers.
pub(super) async fn write(
    make_writer: impl Fn() -> clouddb_storage::Result<TableWriter>,
    mut rows: SendableRecordBatchStream,
    writers: usize,
) -> Result<(Vec<StagedSegment>, u64)> {
    let (beginning, ended) = read_beginning(&mut rows).await?;
    let beginning = futures::stream::iter(beginning.into_iter().map(Ok));
    if ended {
        return write_all(vec![(make_writer().map_err(to_datafusion)?, beginning)]).await;
    }
    let mut tasks = JoinSet::new();
    let mut queues = Vec::with_capacity(writers);
    for at in 0..writers {
        let writer = make_writer().map_err(to_datafusion)?;
        let (queue, batches) = mpsc::channel(WAITING_BATCHES);
        queues.push(queue);
        tasks.spawn(async move { write_stream(writer, received(batches)).await.map(|(segments, rows)| (at, segments, rows)) });
    }
    if let Err(error) = deal(beginning.chain(rows), queues).await {
        tasks.shutdown().await;
        return Err(error);
    }
    join(tasks).await
}

/// Reads until there are more rows than a small table has. Returns the batches, and whether they are all.
async fn read_beginning(rows: &mut SendableRecordBatchStream) -> Result<(Vec<RecordBatch>, bool)> {
    let mut batches = Vec::new();
    let mut count = 0;
    let mut bytes = 0;
    while count <= SMALL_ROWS && bytes <= SMALL_BYTES {
        let Some(batch) = rows.next().await.transpose()? else { return Ok((batches, true)) };
        count += batch.num_rows();
        bytes += batch.get_array_memory_size();
        batches.push(batch);
    }
    Ok((batches, false))
}

/// Deals batches out in turn, waiting for whoever's turn it is: so which rows go where depends on nothing but the rows. Ends early, without an
/// error, when a writer has ended: that writer's task has the error.
async fn deal(batches: impl Stream<Item = Result<RecordBatch>>, queues: Vec<mpsc::Sender<RecordBatch>>) -> Result<()> {
    let mut batches = std::pin::pin!(batches);
    let mut turn = 0;
    while let Some(batch) = batches.next().await.transpose()? {
        if queues[turn].send(batch).await.is_err() {
            return Ok(());
        }
        turn = (turn + 1) % queues.len();
    }
    Ok(())
}

fn received(mut batches: mpsc::Receiver<RecordBatch>) -> impl Stream<Item = Result<RecordBatch>> + Send + Unpin {
    futures::stream::poll_fn(move |context| batches.poll_recv(context).map(|batch| batch.map(Ok)))
}
