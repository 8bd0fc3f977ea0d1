//! A store in memory whose requests fail when a test says so, and a clock on which waiting takes no time.
#![allow(dead_code)]

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use clouddb_storage::env::{Clock, Env};
use clouddb_storage::store::{Store, StoreKind};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing happens, and there is no answer.
    Lost,
    /// It happens, and there is no answer.
    LostAnswer,
}

/// Decides by the request, as `GET path`, `PUT path`, `CREATE path` (a put that must not replace), `LIST`.
type Decide = Box<dyn Fn(&str) -> Option<Fault> + Send + Sync>;

/// The store. Clones share objects and faults.
#[derive(Clone)]
pub(crate) struct Flaky {
    pub(crate) objects: Arc<InMemory>,
    decide: Arc<Mutex<Decide>>,
}

impl Flaky {
    /// An empty one that works.
    pub(crate) fn new() -> Self {
        Self { objects: Arc::default(), decide: Arc::new(Mutex::new(Box::new(|_| None))) }
    }

    /// A database's place in it.
    pub(crate) fn store(&self) -> Store {
        Store::from_object_store(Arc::new(self.clone()), "", StoreKind::Memory, "flaky")
    }

    /// Decides what goes wrong from now on.
    pub(crate) fn fail(&self, decide: impl Fn(&str) -> Option<Fault> + Send + Sync + 'static) {
        *self.decide.lock().unwrap() = Box::new(decide);
    }

    /// Fails the next so many requests that begin like this.
    pub(crate) fn fail_next(&self, times: usize, prefix: &'static str, fault: Fault) {
        let left = AtomicUsize::new(times);
        self.fail(move |request| {
            let fails =
                request.starts_with(prefix) && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok();
            fails.then_some(fault)
        });
    }

    async fn attempt<T>(&self, request: String, effect: impl Future<Output = Result<T>>) -> Result<T> {
        let fault = (self.decide.lock().unwrap())(&request);
        match fault {
            None => effect.await,
            Some(Fault::Lost) => Err(no_answer()),
            Some(Fault::LostAnswer) => effect.await.and_then(|_| Err(no_answer())),
        }
    }
}

fn no_answer() -> Error {
    Error::Generic { store: "flaky", source: "no answer".into() }
}

impl fmt::Debug for Flaky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flaky").finish_non_exhaustive()
    }
}

impl fmt::Display for Flaky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("flaky")
    }
}

#[async_trait]
impl ObjectStore for Flaky {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let kind = if opts.mode == PutMode::Create { "CREATE" } else { "PUT" };
        self.attempt(format!("{kind} {location}"), self.objects.put_opts(location, payload, opts)).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.objects.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.attempt(format!("GET {location}"), self.objects.get_opts(location, options)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.objects.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list(prefix).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.attempt("LIST".to_owned(), self.objects.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}

/// The machine's time, but waiting is over at once and is added up.
#[derive(Debug, Default)]
pub(crate) struct NoWaiting {
    waited: Mutex<Duration>,
}

impl NoWaiting {
    /// How long was waited in all.
    pub(crate) fn waited(&self) -> Duration {
        *self.waited.lock().unwrap()
    }

    /// An environment with this clock.
    pub(crate) fn env(self: &Arc<Self>) -> Env {
        Env { clock: Arc::clone(self) as _, ..Env::seeded(1) }
    }
}

impl Clock for NoWaiting {
    fn now_us(&self) -> i64 {
        Env::system().clock.now_us()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        *self.waited.lock().unwrap() += duration;
        tokio::task::yield_now().boxed()
    }
}
