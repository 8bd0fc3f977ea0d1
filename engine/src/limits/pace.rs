//! Rows dealt out in pieces as large as a join works off in some milliseconds.
//!
//! A join that compares a batch with all rows of its other side can take minutes for it, and waits for nothing meanwhile: no other task of its thread runs,
//! not even the runtime's clock. In small pieces it comes back here often, and here it lets others run. Pieces begin small and grow as long as they are quick.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::RecordBatchStream;
use futures::{Stream, StreamExt};

/// Rows of the first piece: with a million rows on the other side, a moment's work.
const FIRST_ROWS: usize = 16;

/// More rows than any batch has.
const MOST_ROWS: usize = 1 << 20;

/// What was worked off in less may be larger the next time.
const QUICK: Duration = Duration::from_millis(5);

/// What took longer shall be smaller, and others run first.
const SLOW: Duration = Duration::from_millis(20);

/// A stream's rows in pieces.
pub(super) struct Paced {
    rows: SendableRecordBatchStream,
    rest: Option<RecordBatch>,
    piece: usize,
    /// When the last piece was handed out.
    since: Option<Instant>,
}

impl Paced {
    pub(super) fn new(rows: SendableRecordBatchStream) -> Self {
        Self { rows, rest: None, piece: FIRST_ROWS, since: None }
    }

    /// Chooses the next piece's size by how long the last took; whether others shall run first.
    fn adjust(&mut self, took: Duration) -> bool {
        if took < QUICK {
            self.piece = (self.piece * 2).min(MOST_ROWS);
        } else if took > SLOW {
            let share = SLOW.as_secs_f64() / took.as_secs_f64();
            self.piece = ((self.piece as f64 * share) as usize).max(1);
        }
        took > SLOW
    }
}

impl Stream for Paced {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(since) = self.since.take()
            && self.adjust(since.elapsed())
        {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let batch = match self.rest.take() {
            Some(batch) => batch,
            None => match ready!(self.rows.poll_next_unpin(context)) {
                Some(Ok(batch)) => batch,
                end => return Poll::Ready(end),
            },
        };
        let rows = batch.num_rows().min(self.piece);
        if rows < batch.num_rows() {
            self.rest = Some(batch.slice(rows, batch.num_rows() - rows));
        }
        self.since = Some(Instant::now());
        Poll::Ready(Some(Ok(batch.slice(0, rows))))
    }
}

impl RecordBatchStream for Paced {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use arrow::array::Int64Array;
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;

    use super::*;

    #[tokio::test]
    async fn every_row_in_its_order_and_small_pieces_for_the_slow() {
        let column: Arc<Int64Array> = Arc::new((0..1000).collect());
        let batch = RecordBatch::try_from_iter([("a", column as _)]).unwrap();
        for slow in [false, true] {
            let all = futures::stream::iter([Ok(batch.clone()), Ok(batch.slice(0, 0)), Ok(batch.clone())]);
            let mut paced = Paced::new(Box::pin(RecordBatchStreamAdapter::new(batch.schema(), all)));
            let mut pieces = Vec::new();
            while let Some(piece) = paced.next().await {
                // As if a piece had taken far too long to work off.
                if slow {
                    paced.since = Instant::now().checked_sub(Duration::from_secs(1));
                }
                pieces.push(piece.unwrap());
            }
            assert_eq!(
                arrow::compute::concat_batches(&batch.schema(), &pieces).unwrap().column(0).as_ref().slice(0, 1000).as_ref(),
                batch.column(0).as_ref()
            );
            assert_eq!(pieces.iter().map(RecordBatch::num_rows).sum::<usize>(), 2000);
            assert_eq!(pieces[0].num_rows(), FIRST_ROWS);
            if slow {
                assert!(pieces[1..].iter().all(|piece| piece.num_rows() <= 1), "{}", pieces.len());
            }
        }
    }
}
