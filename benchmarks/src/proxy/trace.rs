//! What went through the proxy: every request with its times, and what follows from them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use hyper::{Method, StatusCode, Uri};
use serde::Serialize;

/// A part of an object, as an answer's `Content-Range` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The first byte.
    pub first: u64,
    /// The last byte.
    pub last: u64,
    /// Bytes of the whole object.
    pub of: u64,
}

impl Part {
    /// From `bytes FIRST-LAST/OF`.
    pub(super) fn parse(content_range: &str) -> Option<Self> {
        let (range, of) = content_range.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        Some(Self { first: first.parse().ok()?, last: last.parse().ok()?, of: of.parse().ok()? })
    }
}

/// A request that has been answered, or whose connection has ended.
#[derive(Debug, Clone, Serialize)]
pub struct Request {
    /// The client's connection that it came on, counted from 1.
    pub connection: u64,
    /// GET, PUT, HEAD, POST, DELETE. A LIST is a GET of a bucket.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The answer's status.
    pub status: u16,
    /// The part of the object that the answer held, where it was not all of it.
    pub part: Option<Part>,
    /// When its head had arrived at the proxy, in microseconds since the proxy started.
    pub start_us: u64,
    /// When the last byte of its answer was handed out, likewise.
    pub end_us: u64,
    /// Bytes of its body.
    pub bytes_up: u64,
    /// Bytes of its answer's body.
    pub bytes_down: u64,
}

/// Requests by method, and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All requests.
    pub requests: u64,
    /// GET requests, lists included.
    pub gets: u64,
    /// PUT requests.
    pub puts: u64,
    /// HEAD requests.
    pub heads: u64,
    /// All others.
    pub others: u64,
    /// Bytes of bodies, towards the store.
    pub bytes_up: u64,
    /// Bytes of bodies, from the store.
    pub bytes_down: u64,
}

/// The requests of a stretch of time, in the order in which they started.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Trace {
    /// The requests.
    pub requests: Vec<Request>,
}

impl Trace {
    /// Requests by method, and their bytes.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for request in &self.requests {
            counts.requests += 1;
            *match request.method.as_str() {
                "GET" => &mut counts.gets,
                "PUT" => &mut counts.puts,
                "HEAD" => &mut counts.heads,
                _ => &mut counts.others,
            } += 1;
            counts.bytes_up += request.bytes_up;
            counts.bytes_down += request.bytes_down;
        }
        counts
    }

    /// Sequential round trips: the length of the longest chain of requests of which each began after the one before had ended.
    ///
    /// Nothing shorter can have happened: two requests of a chain were not under way together. A chain that happened to be one without
    /// need counts too, so the number is never too kind.
    pub fn round_trips(&self) -> usize {
        // Taking the request that ends first, again and again, makes the longest chain (interval scheduling).
        let mut by_end: Vec<&Request> = self.requests.iter().collect();
        by_end.sort_by_key(|request| request.end_us);
        let mut trips = 0;
        let mut free_at = 0;
        for request in by_end {
            if trips == 0 || request.start_us >= free_at {
                trips += 1;
                free_at = request.end_us;
            }
        }
        trips
    }
}

/// Collects requests as they end. Its clock starts with it.
pub(super) struct Recorder {
    origin: Instant,
    connections: AtomicU64,
    ended: Mutex<Vec<Request>>,
}

impl Recorder {
    pub(super) fn new() -> Self {
        Self { origin: Instant::now(), connections: AtomicU64::new(0), ended: Mutex::default() }
    }

    /// The number of a new connection.
    pub(super) fn connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A request has arrived on a connection.
    pub(super) fn begin(self: Arc<Self>, connection: u64) -> Entry {
        let request = Request {
            connection,
            method: String::new(),
            path: String::new(),
            status: 0,
            part: None,
            start_us: self.now_us(),
            end_us: 0,
            bytes_up: 0,
            bytes_down: 0,
        };
        Entry { recorder: self, request, uploaded: Uploaded::default(), expected: None, ended: false }
    }

    /// What has ended since the last call.
    pub(super) fn take(&self) -> Trace {
        let mut requests = std::mem::take(&mut *self.ended.lock().unwrap_or_else(PoisonError::into_inner));
        requests.sort_by_key(|request| request.start_us);
        Trace { requests }
    }

    fn now_us(&self) -> u64 {
        self.origin.elapsed().as_micros() as u64
    }
}

/// Counts the bytes of a request's body; it may still be under way when the answer comes.
#[derive(Clone, Default)]
pub(super) struct Uploaded(Arc<AtomicU64>);

impl Uploaded {
    pub(super) fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// A request under way. It ends with the last byte of its answer, or when it is dropped: then the connection has broken.
pub(super) struct Entry {
    recorder: Arc<Recorder>,
    request: Request,
    uploaded: Uploaded,
    /// Bytes of the answer's body, if they are known beforehand.
    expected: Option<u64>,
    ended: bool,
}

impl Entry {
    pub(super) fn request(&mut self, method: &Method, uri: &Uri) {
        self.request.method = method.to_string();
        self.request.path = uri.to_string();
    }

    pub(super) fn uploaded(&self) -> Uploaded {
        self.uploaded.clone()
    }

    pub(super) fn answer(&mut self, status: StatusCode, part: Option<Part>, expected: Option<u64>) {
        self.request.status = status.as_u16();
        self.request.part = part;
        self.expected = expected;
        if expected == Some(0) {
            self.end();
        }
    }

    pub(super) fn downloaded(&mut self, bytes: u64) {
        self.request.bytes_down += bytes;
        if self.expected == Some(self.request.bytes_down) {
            self.end();
        }
    }

    fn end(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.request.end_us = self.recorder.now_us();
        self.request.bytes_up = self.uploaded.0.load(Ordering::Relaxed);
        self.recorder.ended.lock().unwrap_or_else(PoisonError::into_inner).push(self.request.clone());
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(times: &[(u64, u64)]) -> Trace {
        let request = |&(start_us, end_us): &(u64, u64)| Request {
            connection: 1,
            method: "GET".to_owned(),
            path: "/".to_owned(),
            status: 200,
            part: None,
            start_us,
            end_us,
            bytes_up: 1,
            bytes_down: 10,
        };
        Trace { requests: times.iter().map(request).collect() }
    }

    fn check_round_trips(times: &[(u64, u64)], expected: usize) {
        assert_eq!(trace(times).round_trips(), expected, "{times:?}");
    }

    #[test]
    fn round_trips_are_the_longest_chain() {
        check_round_trips(&[], 0);
        check_round_trips(&[(0, 30)], 1);
        check_round_trips(&[(0, 30), (1, 31), (2, 32)], 1);
        check_round_trips(&[(0, 30), (31, 60), (62, 90)], 3);
        // One long request beside three short ones that follow each other.
        check_round_trips(&[(0, 100), (0, 30), (31, 60), (61, 90)], 3);
        // The second wave starts as soon as one of the first has ended.
        check_round_trips(&[(0, 30), (0, 35), (31, 60), (36, 70)], 2);
    }

    #[test]
    fn parts_are_read_from_the_answers_head() {
        assert_eq!(Part::parse("bytes 100-199/200"), Some(Part { first: 100, last: 199, of: 200 }));
        assert_eq!((Part::parse("bytes */200"), Part::parse("bytes 1-2/*"), Part::parse("")), (None, None, None));
    }

    #[test]
    fn counts_add_up() {
        let counts = trace(&[(0, 1), (1, 2)]).counts();
        assert_eq!(counts, Counts { requests: 2, gets: 2, bytes_up: 2, bytes_down: 20, ..Counts::default() });
    }
}
