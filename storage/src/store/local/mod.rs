//! Objects as files of a local disk, durable when a write returns.
//!
//! `object_store`'s own local store never syncs, and gives a file its name before its content is on disk: after a power cut a commit that was
//! acknowledged may be empty or gone. This one owns the order of steps (see `write.rs`) and does them on a [`Disk`], which tests replace by a
//! simulated one that loses whatever was not synced.
//!
//! An object's path is the file's path below the root, character by character. A file being written is called `<name>#<digits>` until it is
//! complete; such names are never objects, which is also what `object_store`'s local store holds.

mod disk;
mod read;
pub mod simulated;
mod write;

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error as StoreError, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::FolderSync;
use crate::error::Error;

pub use disk::{Disk, Reading, Stat, SystemDisk, Writing};

/// A folder of a local disk as a store of objects.
#[derive(Debug, Clone)]
pub struct DurableLocal {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    disk: Arc<dyn Disk>,
    /// Where the objects are; need not exist before the first write.
    root: PathBuf,
    /// Folders that this process has made durable, with all that leads to them: they need no further care.
    settled: Mutex<HashSet<PathBuf>>,
    /// Makes the names of unfinished files differ.
    next_unfinished: AtomicU64,
}

impl DurableLocal {
    /// Objects below a folder of this machine, given by its full path.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self::on(Arc::new(SystemDisk), root)
    }

    /// Objects below a folder of a disk.
    pub fn on(disk: Arc<dyn Disk>, root: impl Into<PathBuf>) -> Self {
        let inner = Inner { disk, root: root.into(), settled: Mutex::default(), next_unfinished: AtomicU64::new(0) };
        Self { inner: Arc::new(inner) }
    }

    /// Runs steps on the disk where they may block. They run to their end even if the caller goes away: no write is left half-way.
    async fn run<T: Send + 'static>(&self, steps: impl FnOnce(&Inner) -> Result<T> + Send + 'static) -> Result<T> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || steps(&inner)).await?
    }
}

impl Inner {
    /// The file of an object.
    fn file(&self, location: &Path) -> Result<PathBuf> {
        if location.as_ref().is_empty() || is_unfinished(location.as_ref()) {
            return Err(ours(Error::invalid(format!("'{location}' cannot be the path of an object on a local disk"))));
        }
        Ok(self.folder(Some(location)))
    }

    /// The folder of a prefix.
    fn folder(&self, prefix: Option<&Path>) -> PathBuf {
        let mut path = self.root.clone();
        path.extend(prefix.into_iter().flat_map(|prefix| prefix.as_ref().split('/')).filter(|part| !part.is_empty()));
        path
    }
}

/// Whether a name is that of a file still being written.
fn is_unfinished(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, digits)| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// An error of ours in the clothes of `object_store`; `translate.rs` takes them off again.
fn ours(error: Error) -> StoreError {
    StoreError::Generic { store: "local disk", source: Box::new(error) }
}

impl fmt::Display for DurableLocal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DurableLocal({})", self.inner.root.display())
    }
}

#[async_trait]
impl ObjectStore for DurableLocal {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        refuse_attributes(&opts.attributes)?;
        let replace = match opts.mode {
            PutMode::Overwrite => true,
            PutMode::Create => false,
            PutMode::Update(_) => return Err(not_implemented("replacing an object only if it is unchanged")),
        };
        let path = self.inner.file(location)?;
        self.run(move |inner| inner.put(&path, &payload, replace)).await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        refuse_attributes(&opts.attributes)?;
        let path = self.inner.file(location)?;
        Ok(Box::new(write::Parts::start(self.clone(), path).await?))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let path = self.inner.file(location)?;
        let location = location.clone();
        self.run(move |inner| inner.get(location, path, &options)).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let path = self.inner.file(location)?;
        let ranges = ranges.to_vec();
        self.run(move |inner| inner.get_ranges(&path, &ranges)).await
    }

    /// Deleting is not made durable: an object that comes back after a power cut is waste, not a wrong answer.
    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        let delete = move |location: Path| {
            let store = store.clone();
            async move {
                let path = store.inner.file(&location)?;
                store.run(move |inner| inner.remove(&path)).await?;
                Ok(location)
            }
        };
        locations.and_then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        read::list(self.clone(), prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let prefix = prefix.cloned().unwrap_or_default();
        let (common_prefixes, objects) = self.run(move |inner| inner.list_folder(&prefix)).await?;
        Ok(ListResult { common_prefixes, objects })
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let (from, to) = (self.inner.file(from)?, self.inner.file(to)?);
        let replace = matches!(options.mode, CopyMode::Overwrite);
        self.run(move |inner| inner.copy(&from, &to, replace)).await
    }
}

#[async_trait]
impl FolderSync for DurableLocal {
    async fn sync_folder(&self, folder: &Path) -> crate::Result<()> {
        let path = self.inner.folder(Some(folder));
        let synced = self.run(move |inner| inner.sync_existing(&path)).await;
        let place = super::Place { description: self.to_string(), credentials: "this user's rights".to_string() };
        synced.map_err(|error| super::translate::translate(error, "syncing", folder.as_ref(), &place))
    }
}

fn refuse_attributes(attributes: &object_store::Attributes) -> Result<()> {
    if attributes.is_empty() { Ok(()) } else { Err(not_implemented("attributes of objects")) }
}

fn not_implemented(operation: &str) -> StoreError {
    StoreError::NotImplemented { operation: operation.to_string(), implementer: "a local disk".to_string() }
}
