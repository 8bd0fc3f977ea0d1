//! Writing a file so that a power cut at any moment leaves it whole or absent, and never takes back what was acknowledged.
//!
//! The order of steps is the whole point:
//! 1. every folder on the way is there and durable: made, synced, and the folder above it synced;
//! 2. the bytes go to a file under an unfinished name, and are synced: only then can the name that counts lead to them;
//! 3. that name is given: by a link, which fails if it is taken, or by a rename, which replaces;
//! 4. the folder is synced: only then may the caller be told;
//! 5. the unfinished name goes away.
//!
//! A power cut leaves at most unfinished names behind, which are no objects. An error from step 4 on means that the outcome is unknown: the
//! name can be seen by others, but may not survive.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::FutureExt;
use object_store::{Error as StoreError, MultipartUpload, PutPayload, PutResult, Result, UploadPart};

use super::read::failed;
use super::{DurableLocal, Inner, Writing, ours};
use crate::error::{Error, ErrorKind};

/// Copies go through memory in pieces of this length.
const COPY_PIECE: u64 = 4 * 1024 * 1024;

impl Inner {
    /// Puts a whole object.
    pub(super) fn put(&self, path: &Path, payload: &PutPayload, replace: bool) -> Result<()> {
        let (unfinished, mut file) = self.begin(path)?;
        let written = write_pieces(file.as_mut(), 0, payload).map_err(|error| before_name("writing", path, error));
        let done = written.and_then(|()| self.name(&unfinished, file, path, replace));
        self.clear(&unfinished, replace && done.is_ok());
        done
    }

    /// Copies an object.
    pub(super) fn copy(&self, from: &Path, to: &Path, replace: bool) -> Result<()> {
        let mut source = self.disk.open(from).map_err(|error| failed(from, error))?;
        let length = source.stat().map_err(|error| failed(from, error))?.length;
        let (unfinished, mut file) = self.begin(to)?;
        let mut copy = || {
            let mut offset = 0;
            while offset < length {
                let mut piece = vec![0; COPY_PIECE.min(length - offset) as usize];
                source.read_exact_at(offset, &mut piece).map_err(|error| failed(from, error))?;
                file.write_at(offset, &piece).map_err(|error| before_name("writing", to, error))?;
                offset += piece.len() as u64;
            }
            Ok(())
        };
        let done = copy().and_then(|()| self.name(&unfinished, file, to, replace));
        self.clear(&unfinished, replace && done.is_ok());
        done
    }

    /// Steps 1 and the first half of 2: an empty file under an unfinished name, in a durable folder.
    fn begin(&self, path: &Path) -> Result<(PathBuf, Box<dyn Writing>)> {
        let folder = path.parent().unwrap_or(path);
        self.settle(folder)?;
        loop {
            let number = self.next_unfinished.fetch_add(1, Ordering::Relaxed) % 1_000_000_000_000;
            let mut unfinished = path.as_os_str().to_owned();
            unfinished.push(format!("#{}{number:012}", std::process::id()));
            let unfinished = PathBuf::from(unfinished);
            match self.disk.create_file(&unfinished) {
                Ok(file) => return Ok((unfinished, file)),
                // Left behind by a process of the same number, or one on another machine: take the next number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(vanished(folder, error)),
                Err(error) => return Err(before_name("writing", path, error)),
            }
        }
    }

    /// The second half of 2, and 3 and 4.
    fn name(&self, unfinished: &Path, mut file: Box<dyn Writing>, path: &Path, replace: bool) -> Result<()> {
        file.sync().map_err(|error| before_name("syncing", path, error))?;
        drop(file);
        let folder = path.parent().unwrap_or(path);
        let sync = |doing: &str| self.disk.sync_folder(folder).map_err(|error| unclear(doing, path, error));
        if replace {
            self.disk.rename(unfinished, path).map_err(|error| before_name("renaming to", path, error))?;
            return sync("syncing the folder of");
        }
        match self.disk.link(unfinished, path) {
            Ok(()) => sync("syncing the folder of"),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // Whoever made it may not have come to its sync. The caller will build on what it finds: that must be durable first.
                sync("syncing the folder of")?;
                Err(StoreError::AlreadyExists { path: path.display().to_string(), source: error.into() })
            }
            Err(error) if no_links(&error) => {
                let message = format!("creating {}: this file system has no hard links: {error}", path.display());
                Err(ours(Error::unsupported(message).with_hint("put the database on another file system").with_source(error)))
            }
            Err(error) => Err(before_name("linking", path, error)),
        }
    }

    /// Step 5. Failing to is no error: an unfinished name is no object.
    fn clear(&self, unfinished: &Path, renamed: bool) {
        if !renamed {
            let _ = self.disk.remove_file(unfinished);
        }
    }

    fn settled(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Step 1: a folder, and all that leads to it, is there and durable. Remembered, so that it costs something only once.
    ///
    /// Folders that were there already are synced too: whoever made them may not have come to it yet.
    fn settle(&self, folder: &Path) -> Result<()> {
        if self.settled().contains(folder) {
            return Ok(());
        }
        let Some(above) = folder.parent() else { return Ok(()) };
        self.settle(above)?;
        let made = match self.disk.create_folder(folder) {
            Ok(()) => true,
            Err(error) => match self.disk.stat(folder) {
                Ok(stat) if stat.is_folder => false,
                Ok(_) => {
                    let message = format!("{} is a file, where a folder is needed", folder.display());
                    return Err(ours(Error::invalid(message)));
                }
                Err(_) if error.kind() == io::ErrorKind::NotFound => return Err(vanished(above, error)),
                Err(_) => return Err(before_name("making the folder", folder, error)),
            },
        };
        let ours = folder.starts_with(&self.root);
        let sync = |path: &Path| match self.disk.sync_folder(path) {
            Err(error) if made || ours => Err(before_name("syncing the folder", path, error)),
            // Above the database: somebody else's folder, perhaps one that we may not even open.
            _ => Ok(()),
        };
        sync(folder)?;
        if ours && folder != self.root {
            self.sync_predecessor(folder, above)?;
        }
        sync(above)?;
        self.settled().insert(folder.to_path_buf());
        Ok(())
    }

    /// Syncs the folder whose name comes right before this one's.
    ///
    /// A log goes from one folder to the next. What this process saw in the last one may have been put there by another process that has not
    /// synced it yet; something built on it must not be durable before it is. In the same folder one sync covers both, across folders it is this.
    fn sync_predecessor(&self, folder: &Path, above: &Path) -> Result<()> {
        let names = self.disk.names(above).map_err(|error| before_name("reading the folder", above, error))?;
        let Some(name) = folder.file_name().and_then(|name| name.to_str()) else { return Ok(()) };
        let mut before: Vec<String> = names.into_iter().filter(|other| other.as_str() < name).collect();
        before.sort_unstable();
        for other in before.into_iter().rev() {
            let other = above.join(other);
            if self.disk.stat(&other).is_ok_and(|stat| stat.is_folder) {
                return self.disk.sync_folder(&other).map_err(|error| before_name("syncing the folder", &other, error));
            }
        }
        Ok(())
    }

    /// Makes the names in a folder durable, and the folder itself. One that does not exist has nothing to lose.
    pub(super) fn sync_existing(&self, folder: &Path) -> Result<()> {
        match self.disk.stat(folder) {
            Ok(stat) if stat.is_folder => {}
            Ok(_) => return Ok(()),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(()),
            Err(error) => return Err(failed(folder, error)),
        }
        self.settle(folder)?;
        self.disk.sync_folder(folder).map_err(|error| before_name("syncing the folder", folder, error))
    }

    pub(super) fn remove(&self, path: &Path) -> Result<()> {
        self.disk.remove_file(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => failed(path, error),
            _ => before_name("deleting", path, error),
        })
    }
}

fn write_pieces(file: &mut dyn Writing, mut offset: u64, payload: &PutPayload) -> io::Result<()> {
    for piece in payload {
        file.write_at(offset, piece)?;
        offset += piece.len() as u64;
    }
    Ok(())
}

/// Linking says "operation not permitted" on file systems that have no links: not a question of rights, those say "permission denied".
fn no_links(error: &io::Error) -> bool {
    const EPERM: i32 = 1;
    error.kind() == io::ErrorKind::Unsupported || (cfg!(unix) && error.raw_os_error() == Some(EPERM))
}

/// An error before the name was given: where the reason is plain, nothing has happened; a disk that fails otherwise is not to be trusted.
fn before_name(doing: &str, path: &Path, error: io::Error) -> StoreError {
    use io::ErrorKind as Io;
    let shown = path.display();
    let translated = match error.kind() {
        Io::StorageFull => Error::limit(format!("disk full while {doing} {shown}")).with_hint("make room on the disk, then try again"),
        Io::QuotaExceeded => Error::limit(format!("disk quota exceeded while {doing} {shown}")),
        Io::FileTooLarge => Error::limit(format!("the file is larger than the file system allows, while {doing} {shown}")),
        Io::PermissionDenied => Error::new(ErrorKind::PermissionDenied, format!("{doing} {shown}: {error}"))
            .with_hint("this user needs the right to write in that folder"),
        Io::ReadOnlyFilesystem => Error::new(ErrorKind::PermissionDenied, format!("{doing} {shown}: {error}"))
            .with_hint("the file system is mounted for reading only: open the database read-only"),
        Io::InvalidFilename | Io::NotADirectory | Io::IsADirectory => Error::invalid(format!("{doing} {shown}: {error}")),
        _ => Error::unavailable(format!("{doing} {shown}: {error}")),
    };
    ours(translated.with_source(error))
}

/// A folder that this process has made sure of is gone. Making it again would bring half a database back.
fn vanished(folder: &Path, error: io::Error) -> StoreError {
    let message = format!("the folder {} has vanished while it was in use", folder.display());
    ours(Error::invalid(message).with_hint("was the database deleted or moved? Open it again").with_source(error))
}

/// An error after the name was given: whatever the reason, the object may be there.
fn unclear(doing: &str, path: &Path, error: io::Error) -> StoreError {
    let message = format!("{doing} {}: {error}; it is there now, but may not survive a power cut", path.display());
    // Not *unavailable*: reading it back would find it, and prove nothing about what the disk keeps.
    ours(Error::new(ErrorKind::OutcomeUnknown, message).with_source(error))
}

/// An object being written in parts: one unfinished file, named when complete.
#[derive(Debug)]
pub(super) struct Parts {
    store: DurableLocal,
    path: PathBuf,
    unfinished: Option<PathBuf>,
    file: Arc<Mutex<Open>>,
    length: u64,
}

#[derive(Debug)]
struct Open {
    /// Taken when the object is complete or given up.
    file: Option<Box<dyn Writing>>,
    /// Bytes written so far: less than was handed in means that a part is missing.
    written: u64,
}

impl Parts {
    pub(super) async fn start(store: DurableLocal, path: PathBuf) -> Result<Self> {
        let target = path.clone();
        let (unfinished, file) = store.run(move |inner| inner.begin(&target)).await?;
        let file = Arc::new(Mutex::new(Open { file: Some(file), written: 0 }));
        Ok(Self { store, path, unfinished: Some(unfinished), file, length: 0 })
    }
}

fn lock(file: &Mutex<Open>) -> MutexGuard<'_, Open> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

fn given_up() -> StoreError {
    ours(Error::internal("a part was written to an object that is complete or given up"))
}

#[async_trait]
impl MultipartUpload for Parts {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let offset = self.length;
        self.length += data.content_length() as u64;
        let (file, path, store) = (Arc::clone(&self.file), self.path.clone(), self.store.clone());
        let write = move |_: &Inner| {
            let mut open = lock(&file);
            let result = match &mut open.file {
                Some(file) => write_pieces(file.as_mut(), offset, &data).map_err(|error| before_name("writing", &path, error)),
                None => Err(given_up()),
            };
            if result.is_ok() {
                open.written += data.content_length() as u64;
            }
            result
        };
        async move { store.run(write).await }.boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let unfinished = self.unfinished.take().ok_or_else(given_up)?;
        let (file, path, length) = (Arc::clone(&self.file), self.path.clone(), self.length);
        let finish = move |inner: &Inner| {
            let (file, written) = {
                let mut open = lock(&file);
                (open.file.take(), open.written)
            };
            let done = match file {
                Some(file) if written == length => inner.name(&unfinished, file, &path, true),
                _ => Err(ours(Error::internal(format!("{}: {written} of {length} bytes were written; it is given up", path.display())))),
            };
            inner.clear(&unfinished, done.is_ok());
            done
        };
        self.store.run(finish).await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn abort(&mut self) -> Result<()> {
        let Some(unfinished) = self.unfinished.take() else { return Ok(()) };
        let file = Arc::clone(&self.file);
        let clear = move |inner: &Inner| {
            drop(lock(&file).file.take());
            inner.clear(&unfinished, false);
            Ok(())
        };
        self.store.run(clear).await
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        if let Some(unfinished) = self.unfinished.take() {
            // A removal is quick, and there may be no runtime left to hand it to.
            self.store.inner.clear(&unfinished, false);
        }
    }
}
