//! A store that is far away, and a runtime that counts the trips to it.
//!
//! No request is answered before every task waits for one: then all that were made meanwhile are answered together. That is a *wave*, the least
//! that must follow each other: one trip over a network, whatever the machine's speed.
#![allow(dead_code)]

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use clouddb_storage::store::{Store, StoreKind};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetRange, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, Result,
};
use tokio::sync::oneshot;

/// Objects in memory, reached by requests in waves.
#[derive(Debug, Clone)]
pub(crate) struct FarAway {
    objects: Arc<InMemory>,
    waves: Arc<Mutex<Waves>>,
}

#[derive(Debug, Default)]
struct Waves {
    waiting: Vec<(String, oneshot::Sender<()>)>,
    answered: Vec<Vec<String>>,
}

/// The same objects without the distance, as a writer has them that prepares a test.
pub(crate) fn nearby(objects: &Arc<InMemory>) -> Store {
    Store::from_object_store(Arc::clone(objects) as _, "", StoreKind::Remote, "nearby")
}

/// Runs a test on a store that is far away from these objects.
pub(crate) fn far_away<F: Future>(objects: &Arc<InMemory>, test: impl FnOnce(FarAway, Store) -> F) -> F::Output {
    let far = FarAway { objects: Arc::clone(objects), waves: Arc::default() };
    let waves = Arc::clone(&far.waves);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.on_thread_park(move || waves.lock().unwrap().answer()).build().unwrap();
    let store = Store::from_object_store(Arc::new(far.clone()), "", StoreKind::Remote, "far away");
    runtime.block_on(test(far, store))
}

impl Waves {
    fn answer(&mut self) {
        let (requests, callers): (Vec<_>, Vec<_>) = self.waiting.drain(..).unzip();
        if !requests.is_empty() {
            self.answered.push(requests);
        }
        // A caller that has gone away takes no answer.
        for caller in callers {
            let _ = caller.send(());
        }
    }
}

impl FarAway {
    /// The requests of each wave so far, as `GET path`, or `GET path 10..20` for a range.
    pub(crate) fn waves(&self) -> Vec<Vec<String>> {
        self.waves.lock().unwrap().answered.clone()
    }

    async fn travel(&self, request: String) {
        let (sender, answered) = oneshot::channel();
        self.waves.lock().unwrap().waiting.push((request, sender));
        let _ = answered.await;
    }

    fn listing<T: Send + 'static>(&self, request: String, listed: BoxStream<'static, T>) -> BoxStream<'static, T> {
        let far = self.clone();
        async move { far.travel(request).await }.map(|()| listed).flatten_stream().boxed()
    }
}

impl fmt::Display for FarAway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("far away")
    }
}

#[async_trait]
impl ObjectStore for FarAway {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.travel(format!("PUT {location}")).await;
        self.objects.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.travel(format!("POST {location}")).await;
        self.objects.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let range = match &options.range {
            Some(GetRange::Bounded(range)) => format!(" {}..{}", range.start, range.end),
            Some(other) => format!(" {other}"),
            None => String::new(),
        };
        self.travel(format!("GET {location}{range}")).await;
        self.objects.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.objects.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listing(format!("LIST {prefix:?}"), self.objects.list(prefix))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.travel(format!("LIST {prefix:?}")).await;
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.travel(format!("COPY {from} {to}")).await;
        self.objects.copy_opts(from, to, options).await
    }
}
