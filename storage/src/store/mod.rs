//! The object store underneath: local disk, memory, S3 and what speaks S3; GCS and Azure behind features.
//!
//! Everything above knows only [`Store`]: a store, the database's place in it, and what was used to reach it, so that errors can say so.
//! All paths are relative to the database. What a write acknowledged is durable.

mod accounting;
mod connect;
mod creates;
mod credentials;
mod http;
pub mod local;
mod location;
mod other_clouds;
pub mod probe;
mod ranges;
mod s3;
mod translate;
mod upload;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetResult, ObjectStore, PutMode, PutOptions};

use crate::error::{Error, Result};
use crate::segment::BlockCache;
use accounting::{Counted, CountedBlocks, Counters};

pub use upload::Upload;

/// A database's place in an object store. Cloning is cheap. All paths are relative to the database.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<StoreInner>,
}

#[derive(Debug)]
struct StoreInner {
    /// The store, counting.
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    kind: StoreKind,
    url: String,
    place: Place,
    counters: Arc<Counters>,
    /// How to make names in a folder durable, where the store does not do so by itself: a local disk.
    folder_sync: Option<Arc<dyn FolderSync>>,
    /// What keeps blocks of segments nearer than the store, counting.
    block_cache: Option<Arc<dyn BlockCache>>,
}

impl StoreInner {
    fn new(store: Arc<dyn ObjectStore>, prefix: Path, kind: StoreKind, url: String, place: Place) -> Self {
        let counters = Arc::new(Counters::default());
        let store = Arc::new(Counted::new(store, Arc::clone(&counters), kind == StoreKind::Local));
        Self { store, prefix, kind, url, place, counters, folder_sync: None, block_cache: None }
    }
}

/// Makes every name in a folder durable that is there now, whoever created it. The durable local disk implements it.
#[async_trait::async_trait]
pub(crate) trait FolderSync: std::fmt::Debug + Send + Sync {
    async fn sync_folder(&self, folder: &Path) -> Result<()>;
}

/// What error messages say about where a request went.
#[derive(Debug, Clone)]
struct Place {
    /// Bucket, region, endpoint; or the folder.
    description: String,
    /// The source of the credentials, as in "environment".
    credentials: String,
}

/// What kind of store it is; decides defaults such as the permitted staleness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// This process's memory.
    Memory,
    /// A folder on a local disk.
    Local,
    /// A store behind a network.
    Remote,
}

/// What became of a put-if-absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutIfAbsent {
    /// The object is there, durably, with these bytes.
    Created,
    /// An object is there already; it may still be ours, if an earlier answer was lost.
    Exists,
}

/// Requests made and bytes moved, since the store was opened. Subtract two to get what happened in between.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreCounts {
    /// GET requests.
    pub gets: u64,
    /// PUT requests, parts of multipart uploads included.
    pub puts: u64,
    /// HEAD requests.
    pub heads: u64,
    /// LIST requests.
    pub lists: u64,
    /// Bytes of bodies read.
    pub bytes_read: u64,
    /// Bytes of bodies written.
    pub bytes_written: u64,
    /// Parts of segments that the block cache had, so that nothing was asked of the store for them.
    pub cache_hits: u64,
    /// Their bytes.
    pub cache_bytes_read: u64,
}

impl std::ops::Sub for StoreCounts {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            gets: self.gets.saturating_sub(earlier.gets),
            puts: self.puts.saturating_sub(earlier.puts),
            heads: self.heads.saturating_sub(earlier.heads),
            lists: self.lists.saturating_sub(earlier.lists),
            bytes_read: self.bytes_read.saturating_sub(earlier.bytes_read),
            bytes_written: self.bytes_written.saturating_sub(earlier.bytes_written),
            cache_hits: self.cache_hits.saturating_sub(earlier.cache_hits),
            cache_bytes_read: self.cache_bytes_read.saturating_sub(earlier.cache_bytes_read),
        }
    }
}

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its path, relative to the database.
    pub path: String,
    /// Its length in bytes.
    pub length: u64,
}

impl Store {
    /// Connects to the place a URL names: a folder (`path`, `file:///path`), `memory://`, `s3://bucket/prefix`, `gs://`, `az://`.
    /// `options` are pairs as in `aws_region=eu-west-1`; the URL's own query (`s3://b/p?region=…`) comes before them, the environment after.
    /// No request is made here to the store itself; credentials may be looked up.
    ///
    /// # Errors
    /// *Invalid* for a URL or options that make no sense, *unsupported* for a store whose feature is not built in.
    pub async fn connect(url: &str, options: &[(String, String)]) -> Result<Self> {
        connect::connect(url, options).await
    }

    /// What kind of store a URL names, and the options in its query; connects to nothing.
    ///
    /// # Errors
    /// *Invalid* for a URL that makes no sense.
    pub fn describe(url: &str) -> Result<(StoreKind, Vec<(String, String)>)> {
        Ok(match location::parse(url)? {
            location::Location::Memory(_) => (StoreKind::Memory, Vec::new()),
            location::Location::Local(_) => (StoreKind::Local, Vec::new()),
            location::Location::Bucket(bucket) => (StoreKind::Remote, bucket.options),
        })
    }

    /// A place in a store that the caller made: for tests, simulations and embedding.
    pub fn from_object_store(store: Arc<dyn ObjectStore>, prefix: &str, kind: StoreKind, description: &str) -> Self {
        let url = match kind {
            StoreKind::Memory => "memory://".to_string(),
            StoreKind::Local | StoreKind::Remote => description.to_string(),
        };
        let place = Place { description: description.to_string(), credentials: "those of the store given".to_string() };
        Self::new(store, Path::from(prefix), kind, url, place)
    }

    /// A folder of a disk, which may be a simulated one; `folder` is what errors call it.
    pub fn from_local(local: local::DurableLocal, folder: &str) -> Self {
        let url = url::Url::from_directory_path(folder).map_or_else(|()| folder.to_string(), String::from);
        let place = Place { description: format!("folder {folder}"), credentials: "this user's rights".to_string() };
        let url = url.trim_end_matches('/').to_string();
        let mut inner = StoreInner::new(Arc::new(local.clone()), Path::default(), StoreKind::Local, url, place);
        inner.folder_sync = Some(Arc::new(local));
        Self { inner: Arc::new(inner) }
    }

    fn new(store: Arc<dyn ObjectStore>, prefix: Path, kind: StoreKind, url: String, place: Place) -> Self {
        Self { inner: Arc::new(StoreInner::new(store, prefix, kind, url, place)) }
    }

    /// What kind of store it is.
    pub fn kind(&self) -> StoreKind {
        self.inner.kind
    }

    /// The database's URL, without secrets.
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// Where the store is and what was used to reach it: bucket, region, endpoint, the source of the credentials. No secrets.
    pub fn description(&self) -> &str {
        &self.inner.place.description
    }

    /// The store underneath and the database's prefix in it, for those who speak `object_store` themselves.
    pub fn object_store(&self) -> (&Arc<dyn ObjectStore>, Path) {
        (&self.inner.store, self.inner.prefix.clone())
    }

    /// Requests made and bytes moved so far.
    pub fn counts(&self) -> StoreCounts {
        self.inner.counters.read()
    }

    /// The same place, with counts of its own that begin at zero: for those who want to know what one piece of work cost while others use the
    /// store. What it counts is counted here too.
    #[must_use]
    pub fn counting_separately(&self) -> Self {
        self.with(self.inner.block_cache.clone())
    }

    /// The same place, with a cache that segments are read through where it is behind a network; other stores are as near as any cache. Counts begin
    /// at zero, as for [`Self::counting_separately`].
    #[must_use]
    pub fn with_block_cache(&self, cache: Arc<dyn BlockCache>) -> Self {
        self.with((self.inner.kind == StoreKind::Remote).then_some(cache))
    }

    /// The same place, where every byte is read from the store itself.
    #[must_use]
    pub fn without_block_cache(&self) -> Self {
        self.with(None)
    }

    fn with(&self, block_cache: Option<Arc<dyn BlockCache>>) -> Self {
        let StoreInner { store, prefix, kind, url, place, counters: _, folder_sync, block_cache: _ } = self.inner.as_ref();
        let mut inner = StoreInner::new(Arc::clone(store), prefix.clone(), *kind, url.clone(), place.clone());
        inner.folder_sync.clone_from(folder_sync);
        let counters = &inner.counters;
        inner.block_cache = block_cache.map(|cache| Arc::new(CountedBlocks::new(cache, Arc::clone(counters))) as _);
        Self { inner: Arc::new(inner) }
    }

    /// What keeps blocks of segments nearer than the store.
    pub(crate) fn block_cache(&self) -> Option<&dyn BlockCache> {
        self.inner.block_cache.as_deref()
    }

    /// A whole object.
    ///
    /// # Errors
    /// *Not found* only when the store says so plainly (404); a 403 is *permission denied*.
    pub async fn get(&self, path: &str) -> Result<Bytes> {
        let location = self.location(path)?;
        let get = async { body(self.inner.store.get_opts(&location, GetOptions::default()).await?).await };
        get.await.map_err(|error| self.translate(error, "reading", path))
    }

    /// Ranges of an object, neighbours fetched in one request.
    ///
    /// # Errors
    /// *Corrupt* when the object ends before a range does.
    pub async fn get_ranges(&self, path: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let location = self.location(path)?;
        let (requests, request_of) = ranges::plan(ranges, self.gap());
        let bodies = self.fetch(&location, &requests).await.map_err(|error| self.translate(error, "reading", path))?;
        for (request, body) in requests.iter().zip(&bodies) {
            if body.len() as u64 != request.end - request.start {
                let message = format!("reading {path} in {}: bytes {request:?} were asked for, {} came", self.description(), body.len());
                return Err(Error::corrupt(message));
            }
        }
        let slice = |(wanted, request): (&Range<u64>, Option<usize>)| match request {
            None => Bytes::new(),
            Some(request) => {
                let start = requests[request].start;
                bodies[request].slice((wanted.start - start) as usize..(wanted.end - start) as usize)
            }
        };
        Ok(ranges.iter().zip(request_of).map(slice).collect())
    }

    /// How many bytes of an object that nobody asked for are rather read than left out, when that takes a request more.
    pub(crate) fn gap(&self) -> u64 {
        match self.inner.kind {
            StoreKind::Local => ranges::LOCAL_GAP,
            StoreKind::Memory | StoreKind::Remote => ranges::REMOTE_GAP,
        }
    }

    /// Up to how many bytes an object is small: read whole, where a part of it is needed first.
    pub(crate) fn small_object(&self) -> u64 {
        match self.inner.kind {
            StoreKind::Local => ranges::LOCAL_GAP,
            StoreKind::Memory | StoreKind::Remote => ranges::SMALL_OBJECT,
        }
    }

    async fn fetch(&self, location: &Path, requests: &[Range<u64>]) -> object_store::Result<Vec<Bytes>> {
        let store = &self.inner.store;
        match (self.inner.kind, requests) {
            (_, []) => Ok(Vec::new()),
            (StoreKind::Local, _) => store.get_ranges(location, requests).await,
            _ => {
                let fetch = |range: Range<u64>| async move {
                    body(store.get_opts(location, GetOptions::new().with_range(Some(range))).await?).await
                };
                let fetches: Vec<_> = requests.iter().cloned().map(fetch).collect();
                futures::stream::iter(fetches).buffered(ranges::PARALLEL_REQUESTS).try_collect().await
            }
        }
    }

    /// Length of an object in bytes.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub async fn head(&self, path: &str) -> Result<u64> {
        let location = self.location(path)?;
        let head = self.inner.store.get_opts(&location, GetOptions::new().with_head(true)).await;
        Ok(head.map_err(|error| self.translate(error, "looking for", path))?.meta.size)
    }

    /// Creates an object unless there is one. Durable when it returns.
    ///
    /// # Errors
    /// After any error the object may be there all the same, now or later, unless the error's kind is *permission denied*, *limit*, *invalid*
    /// or *unsupported*: then this attempt did nothing.
    pub async fn put_if_absent(&self, path: &str, bytes: Bytes) -> Result<PutIfAbsent> {
        let location = self.location(path)?;
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let result = self.inner.store.put_opts(&location, bytes.into(), options).await;
        translate::put_if_absent(result, path, &self.inner.place)
    }

    /// Writes an object, replacing what is there. Durable when it returns.
    ///
    /// # Errors
    /// After any error the object may have been replaced all the same.
    pub async fn put(&self, path: &str, bytes: Bytes) -> Result<()> {
        let location = self.location(path)?;
        let result = self.inner.store.put_opts(&location, bytes.into(), PutOptions::default()).await;
        result.map(|_| ()).map_err(|error| self.translate(error, "writing", path))
    }

    /// Starts writing an object whose length is not known yet. Nothing is visible before [`Upload::finish`].
    ///
    /// # Errors
    /// *Invalid* for a path that cannot be used. No request is made before the first part is full.
    pub async fn upload(&self, path: &str) -> Result<Upload> {
        Ok(Upload::new(self.clone(), path.to_string(), self.location(path)?))
    }

    /// Every object below a folder, in no particular order.
    ///
    /// # Errors
    /// When the store does not answer or refuses. A folder that does not exist is empty.
    pub async fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        let location = self.location(folder)?;
        let prefix = self.inner.prefix.clone();
        let listed = self.inner.store.list(Some(&location)).try_filter_map(|meta| {
            let path = meta.location.prefix_match(&prefix).map(|parts| {
                let parts: Vec<_> = parts.map(|part| part.as_ref().to_string()).collect();
                parts.join("/")
            });
            futures::future::ready(Ok(path.map(|path| Listed { path, length: meta.size })))
        });
        listed.try_collect().await.map_err(|error| self.translate(error, "listing", folder))
    }

    /// Whether nothing at all is below the database's prefix.
    ///
    /// # Errors
    /// As for [`Self::list`].
    pub async fn is_empty(&self) -> Result<bool> {
        let first = self.inner.store.list(Some(&self.inner.prefix)).try_next().await;
        Ok(first.map_err(|error| self.translate(error, "listing", ""))?.is_none())
    }

    /// Names of what is at the top of the database's prefix: objects and folders.
    ///
    /// # Errors
    /// As for [`Self::list`].
    pub async fn top_level(&self) -> Result<Vec<String>> {
        let listed = self.inner.store.list_with_delimiter(Some(&self.inner.prefix)).await;
        let listed = listed.map_err(|error| self.translate(error, "listing", ""))?;
        let objects = listed.objects.iter().filter_map(|object| object.location.filename());
        let folders = listed.common_prefixes.iter().filter_map(|folder| folder.filename());
        Ok(objects.chain(folders).map(str::to_owned).collect())
    }

    /// Makes every name in a folder durable that is there now, whoever created it. Only a local disk has to do anything for it.
    ///
    /// # Errors
    /// *Unavailable* when the disk fails.
    pub async fn sync_folder(&self, folder: &str) -> Result<()> {
        match &self.inner.folder_sync {
            Some(sync) => sync.sync_folder(&self.location(folder)?).await,
            None => Ok(()),
        }
    }

    /// The place of a path in the store underneath.
    fn location(&self, path: &str) -> Result<Path> {
        let prefix = self.inner.prefix.as_ref();
        let joined = if prefix.is_empty() { Path::parse(path) } else { Path::parse(format!("{prefix}/{path}")) };
        joined.map_err(|error| Error::invalid(format!("'{path}' cannot be the path of an object: {error}")).with_source(error))
    }

    fn translate(&self, error: object_store::Error, doing: &str, path: &str) -> Error {
        translate::translate(error, doing, path, &self.inner.place)
    }
}

/// The error for a request of somebody who has only the store underneath: `doing` is the verb, `description` is what that store says of itself, and of
/// its credentials.
pub fn request_failed(error: object_store::Error, doing: &str, path: &str, description: &str) -> Error {
    let place = Place { description: description.to_owned(), credentials: "as named above".to_owned() };
    translate::translate(error, doing, path, &place)
}

/// The body of an answer, as long as the answer said it would be: one that broke off is a failed request, not a damaged object.
async fn body(answer: GetResult) -> object_store::Result<Bytes> {
    let expected = answer.range.end - answer.range.start;
    let bytes = answer.bytes().await?;
    if bytes.len() as u64 == expected {
        return Ok(bytes);
    }
    let message = format!("the body broke off after {} of {expected} bytes", bytes.len());
    Err(object_store::Error::Generic { store: "store", source: message.into() })
}
