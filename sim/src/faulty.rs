//! A store that fails on command: one bucket, reached by clients that stand for processes.
//!
//! Each request may fail in the ways that stores over a network fail: the answer is lost although the effect happened, the effect happens much
//! later than the client gave up, the store refuses (403, 409, 429, 503), the body ends in the middle, or everything is just slow. The store
//! itself never lies: it is strongly consistent and honours put-if-absent, also for effects that arrive late.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::time::VirtualTime;

/// How often requests fail.
#[derive(Debug, Clone, Default)]
pub struct Rates {
    /// The share of requests that fail, outside of outages.
    pub failing: f64,
    /// Times in which nothing gets an answer, though some of it has its effect.
    pub outages: Vec<RangeInclusive<Duration>>,
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Nothing special.
    None,
    /// It takes long.
    Slow,
    /// The effect happens, then the connection breaks.
    LostAnswer,
    /// The effect happens, the store says 503.
    LostAnswer503,
    /// No answer in time, and no effect.
    Timeout,
    /// No answer in time; the effect happens later.
    Late,
    /// HTTP 403, no effect.
    Forbidden,
    /// HTTP 409: another conditional write is under way. No effect.
    Conflict,
    /// HTTP 429, no effect.
    TooMany,
    /// HTTP 503, no effect.
    SlowDown,
    /// The body ends early, and nobody says so.
    ShortBody,
    /// The connection breaks within the body.
    BrokenBody,
}

/// Faults of requests that write.
const OF_WRITES: [Fault; 9] = [
    Fault::Slow,
    Fault::LostAnswer,
    Fault::LostAnswer503,
    Fault::Timeout,
    Fault::Late,
    Fault::Forbidden,
    Fault::Conflict,
    Fault::TooMany,
    Fault::SlowDown,
];
const OF_READS: [Fault; 7] =
    [Fault::Slow, Fault::Timeout, Fault::Forbidden, Fault::TooMany, Fault::SlowDown, Fault::ShortBody, Fault::BrokenBody];
const OF_LISTS: [Fault; 5] = [Fault::Slow, Fault::Timeout, Fault::Forbidden, Fault::TooMany, Fault::SlowDown];
const OF_WRITES_IN_OUTAGES: [Fault; 5] = [Fault::LostAnswer, Fault::LostAnswer503, Fault::Timeout, Fault::Late, Fault::SlowDown];
const OF_READS_IN_OUTAGES: [Fault; 2] = [Fault::Timeout, Fault::SlowDown];

/// A bucket that fails. Clones share it.
#[derive(Debug, Clone)]
pub struct Bucket {
    inner: Arc<InMemory>,
    time: VirtualTime,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    rng: StdRng,
    rates: Rates,
    /// Writes whose effect is still on its way.
    late: Vec<(Duration, Path, Bytes, PutMode)>,
    counts: BTreeMap<Fault, u64>,
}

impl Bucket {
    /// An empty bucket whose faults follow from a seed.
    pub fn new(time: VirtualTime, seed: u64, rates: Rates) -> Self {
        let state = State { rng: StdRng::seed_from_u64(seed), rates, late: Vec::new(), counts: BTreeMap::new() };
        Self { inner: Arc::new(InMemory::new()), time, state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new client.
    pub fn client(&self) -> Arc<Client> {
        Arc::new(Client { bucket: self.clone(), dead: AtomicBool::new(false) })
    }

    /// The bucket without faults.
    pub fn plain(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.inner) as Arc<dyn ObjectStore>
    }

    /// Lets everything arrive that is still on its way.
    pub async fn settle(&self) -> Result<()> {
        self.arrive(Duration::MAX).await
    }

    /// How often each fault happened.
    pub fn counts(&self) -> BTreeMap<Fault, u64> {
        self.state().counts.clone()
    }

    async fn arrive(&self, now: Duration) -> Result<()> {
        loop {
            let due = {
                let mut state = self.state();
                let due = state.late.iter().enumerate().filter(|(_, late)| late.0 <= now).min_by_key(|(_, late)| late.0);
                let Some(index) = due.map(|(index, _)| index) else { return Ok(()) };
                state.late.swap_remove(index)
            };
            let (_, path, bytes, mode) = due;
            match self.inner.put_opts(&path, bytes.into(), PutOptions { mode, ..PutOptions::default() }).await {
                // Somebody was quicker: put-if-absent holds for those who come late, too.
                Ok(_) | Err(Error::AlreadyExists { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn choose(&self, faults: &[Fault], in_outages: &[Fault]) -> Fault {
        let now = self.time.now();
        let mut state = self.state();
        let State { rng, rates, .. } = &mut *state;
        let fault = if rates.outages.iter().any(|outage| outage.contains(&now)) {
            in_outages[rng.random_range(0..in_outages.len())]
        } else if rng.random_bool(rates.failing) {
            faults[rng.random_range(0..faults.len())]
        } else {
            Fault::None
        };
        *state.counts.entry(fault).or_default() += 1;
        fault
    }

    async fn travel(&self) {
        let travel = self.state().rng.random_range(100..20_000);
        self.time.sleep(Duration::from_micros(travel)).await;
    }

    async fn wait(&self, seconds: RangeInclusive<f64>) {
        let wait = self.state().rng.random_range(seconds);
        self.time.sleep(Duration::from_secs_f64(wait)).await;
    }
}

/// One process's way to a bucket.
#[derive(Debug)]
pub struct Client {
    bucket: Bucket,
    dead: AtomicBool,
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "simulated bucket")
    }
}

impl Client {
    /// The process is killed: nothing leaves it or reaches it any more. What is on its way to the store may arrive.
    pub fn kill(&self) {
        self.dead.store(true, Ordering::Relaxed);
    }

    async fn alive(&self) {
        if self.dead.load(Ordering::Relaxed) {
            std::future::pending().await
        }
    }

    /// A failure that needs no effect, if it is one.
    async fn fail(&self, fault: Fault, path: &Path) -> Result<()> {
        match fault {
            Fault::Slow => self.bucket.wait(1.0..=40.0).await,
            Fault::Timeout => {
                self.bucket.wait(1.0..=30.0).await;
                return Err(timeout());
            }
            Fault::Forbidden => {
                return Err(Error::PermissionDenied { path: path.to_string(), source: http(403, "Forbidden", "AccessDenied") });
            }
            Fault::Conflict => {
                return Err(Error::AlreadyExists { path: path.to_string(), source: http(409, "Conflict", "ConditionalRequestConflict") });
            }
            Fault::TooMany => return Err(generic(http(429, "Too Many Requests", "TooManyRequests"))),
            Fault::SlowDown => return Err(generic(http(503, "Service Unavailable", "SlowDown"))),
            _ => {}
        }
        Ok(())
    }

    async fn request(&self) -> Result<()> {
        self.alive().await;
        self.bucket.travel().await;
        self.bucket.arrive(self.bucket.time.now()).await
    }
}

#[async_trait]
impl ObjectStore for Client {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.request().await?;
        let fault = self.bucket.choose(&OF_WRITES, &OF_WRITES_IN_OUTAGES);
        self.fail(fault, location).await?;
        if fault == Fault::Late {
            let now = self.bucket.time.now();
            {
                let mut state = self.bucket.state();
                let delay = Duration::from_secs_f64(10_f64.powf(state.rng.random_range(-2.0..2.5)));
                state.late.push((now + delay, location.clone(), Bytes::from(payload), opts.mode));
            }
            self.bucket.wait(0.1..=30.0).await;
            self.alive().await;
            return Err(timeout());
        }
        let result = self.bucket.inner.put_opts(location, payload, opts).await;
        self.bucket.travel().await;
        self.alive().await;
        match fault {
            Fault::LostAnswer => Err(timeout()),
            Fault::LostAnswer503 => Err(generic(http(503, "Service Unavailable", "ServiceUnavailable"))),
            _ => result,
        }
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.request().await?;
        self.bucket.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.request().await?;
        let fault = self.bucket.choose(&OF_READS, &OF_READS_IN_OUTAGES);
        self.fail(fault, location).await?;
        let found = self.bucket.inner.get_opts(location, options).await;
        self.bucket.travel().await;
        self.alive().await;
        let found = found?;
        if !matches!(fault, Fault::ShortBody | Fault::BrokenBody) {
            return Ok(found);
        }
        let (meta, range, attributes) = (found.meta.clone(), found.range.clone(), found.attributes.clone());
        let body = found.bytes().await?;
        let end = self.bucket.state().rng.random_range(0..=body.len().saturating_sub(1));
        let mut pieces = vec![Ok(body.slice(..end))];
        if fault == Fault::BrokenBody {
            pieces.push(Err(timeout()));
        }
        Ok(GetResult { payload: GetResultPayload::Stream(stream::iter(pieces).boxed()), meta, range, attributes })
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let inner = Arc::clone(&self.bucket.inner);
        locations
            .and_then(move |path| {
                let inner = Arc::clone(&inner);
                async move { inner.delete(&path).await.map(|()| path) }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (client, prefix) = (Self { bucket: self.bucket.clone(), dead: AtomicBool::new(false) }, prefix.cloned());
        let listed = async move {
            client.request().await?;
            let fault = client.bucket.choose(&OF_LISTS, &OF_READS_IN_OUTAGES);
            client.fail(fault, &prefix.clone().unwrap_or_default()).await?;
            Ok::<_, Error>(client.bucket.inner.list(prefix.as_ref()))
        };
        stream::once(listed).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.request().await?;
        let fault = self.bucket.choose(&OF_LISTS, &OF_READS_IN_OUTAGES);
        self.fail(fault, &prefix.cloned().unwrap_or_default()).await?;
        self.bucket.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.request().await?;
        self.bucket.inner.copy_opts(from, to, options).await
    }
}

/// An HTTP error in the words of `object_store`, whose own type is private.
#[derive(Debug)]
struct Http(u16, &'static str, &'static str);

impl fmt::Display for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(status, reason, code) = self;
        write!(f, "Server returned non-2xx status code: {status} {reason}: <Error><Code>{code}</Code><Message>simulated</Message></Error>")
    }
}

impl std::error::Error for Http {}

fn http(status: u16, reason: &'static str, code: &'static str) -> Box<dyn std::error::Error + Send + Sync> {
    Box::new(Http(status, reason, code))
}

fn generic(source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Generic { store: "simulated bucket", source }
}

fn timeout() -> Error {
    generic(Box::new(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in time (simulated)")))
}
