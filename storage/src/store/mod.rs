//! The object store underneath: local disk, memory, S3 and what speaks S3; GCS and Azure behind features.
//!
//! Everything above knows only [`Store`]: a store, the database's place in it, and what was used to reach it, so that errors can say so.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use object_store::ObjectStore;

use crate::error::Result;

/// A database's place in an object store. Cloning is cheap. All paths are relative to the database.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<StoreInner>,
}

#[derive(Debug)]
struct StoreInner {
    store: Arc<dyn ObjectStore>,
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
#[derive(Debug)]
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
    /// No request is made here.
    pub async fn connect(url: &str, options: &[(String, String)]) -> Result<Self> {
        let _ = (url, options);
        todo!()
    }

    /// A place in a store that the caller made: for tests, simulations and embedding.
    pub fn from_object_store(store: Arc<dyn ObjectStore>, prefix: &str, kind: StoreKind, description: &str) -> Self {
        let _ = (prefix, kind, description);
        Self { inner: Arc::new(StoreInner { store }) }
    }

    /// What kind of store it is.
    pub fn kind(&self) -> StoreKind {
        todo!()
    }

    /// The database's URL, without secrets.
    pub fn url(&self) -> &str {
        todo!()
    }

    /// Where the store is and what was used to reach it: bucket, region, endpoint, the source of the credentials. No secrets.
    pub fn description(&self) -> &str {
        todo!()
    }

    /// The store underneath and the database's prefix in it, for those who speak `object_store` themselves.
    pub fn object_store(&self) -> (&Arc<dyn ObjectStore>, object_store::path::Path) {
        let _ = &self.inner.store;
        todo!()
    }

    /// Requests made and bytes moved so far.
    pub fn counts(&self) -> StoreCounts {
        todo!()
    }

    /// A whole object.
    ///
    /// # Errors
    /// *Not found* only when the store says so plainly (404); a 403 is *permission denied*.
    pub async fn get(&self, path: &str) -> Result<Bytes> {
        let _ = path;
        todo!()
    }

    /// Ranges of an object, neighbours fetched in one request.
    ///
    /// # Errors
    /// *Corrupt* when the object ends before a range does.
    pub async fn get_ranges(&self, path: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let _ = (path, ranges);
        todo!()
    }

    /// Length of an object in bytes.
    pub async fn head(&self, path: &str) -> Result<u64> {
        let _ = path;
        todo!()
    }

    /// Creates an object unless there is one. Durable when it returns.
    ///
    /// # Errors
    /// After any error the object may be there all the same, now or later, unless the error's kind is *permission denied*, *limit* or *invalid*:
    /// then this attempt did nothing.
    pub async fn put_if_absent(&self, path: &str, bytes: Bytes) -> Result<PutIfAbsent> {
        let _ = (path, bytes);
        todo!()
    }

    /// Writes an object, replacing what is there. Durable when it returns.
    pub async fn put(&self, path: &str, bytes: Bytes) -> Result<()> {
        let _ = (path, bytes);
        todo!()
    }

    /// Starts writing an object whose length is not known yet. Nothing is visible before [`Upload::finish`].
    pub async fn upload(&self, path: &str) -> Result<Upload> {
        let _ = path;
        todo!()
    }

    /// Every object below a folder, in no particular order.
    pub async fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        let _ = folder;
        todo!()
    }

    /// Whether anything at all is below the database's prefix.
    pub async fn is_empty(&self) -> Result<bool> {
        todo!()
    }
}

/// An object being written piece by piece; memory is bounded by a few parts. Dropping it abandons the object.
#[derive(Debug)]
pub struct Upload {}

impl Upload {
    /// Adds bytes; waits while too many parts are under way.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let _ = bytes;
        todo!()
    }

    /// Completes the object: durable and visible when it returns.
    pub async fn finish(self) -> Result<()> {
        todo!()
    }
}
