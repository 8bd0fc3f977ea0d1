//! A body that comes no faster than a rate.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

/// A body whose data passes at a limited rate. `seen` is told of every piece as it passes.
pub(super) struct Paced<B = Incoming> {
    body: B,
    bytes_per_second: Option<f64>,
    /// When the connection is free again after the pieces so far.
    free_at: Option<Instant>,
    waiting: Option<(Pin<Box<Sleep>>, Frame<Bytes>)>,
    seen: Box<dyn FnMut(u64) + Send>,
}

impl<B> Paced<B> {
    pub(super) fn new(body: B, megabytes_per_second: u64, seen: impl FnMut(u64) + Send + 'static) -> Self {
        let bytes_per_second = (megabytes_per_second > 0).then_some(megabytes_per_second as f64 * 1e6);
        Self { body, bytes_per_second, free_at: None, waiting: None, seen: Box::new(seen) }
    }

    /// When a piece of so many bytes has arrived at the other end, if it is sent now.
    fn arrival(&mut self, bytes: u64) -> Option<Instant> {
        let now = Instant::now();
        let start = self.free_at.map_or(now, |free_at| free_at.max(now));
        let arrival = start + Duration::from_secs_f64(bytes as f64 / self.bytes_per_second?);
        self.free_at = Some(arrival);
        // The timer counts milliseconds: shorter waits add up in `free_at` and are made good later.
        (arrival > now + Duration::from_millis(1)).then_some(arrival)
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Paced<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if self.waiting.is_none() {
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)?) else { return Poll::Ready(None) };
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            match self.arrival(bytes) {
                Some(arrival) => self.waiting = Some((Box::pin(tokio::time::sleep_until(arrival)), frame)),
                None => {
                    (self.seen)(bytes);
                    return Poll::Ready(Some(Ok(frame)));
                }
            }
        }
        if let Some((sleep, _)) = &mut self.waiting {
            ready!(sleep.as_mut().poll(context));
        }
        let frame = self.waiting.take().map(|(_, frame)| frame);
        if let Some(data) = frame.as_ref().and_then(Frame::data_ref) {
            let bytes = data.len() as u64;
            (self.seen)(bytes);
        }
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        // A piece that waits here has left the body underneath, but not this one.
        let waiting = self.waiting.as_ref().and_then(|(_, frame)| frame.data_ref()).map_or(0, |data| data.len() as u64);
        if waiting > 0 {
            if let Some(upper) = hint.upper() {
                hint.set_upper(upper + waiting);
            }
            hint.set_lower(hint.lower() + waiting);
        }
        hint
    }
}
