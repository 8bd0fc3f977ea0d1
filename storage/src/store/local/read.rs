//! Reading and listing the files of a local disk.

use std::io;
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{Attributes, Error as StoreError, GetOptions, GetResult, GetResultPayload, ObjectMeta, Result};

use super::{DurableLocal, Inner, Reading, Stat, is_unfinished, ours};
use crate::error::{Error, ErrorKind};

/// Up to this length a file is read by the call that opens it: a second trip to the blocking threads would cost more than the read.
const READ_AT_ONCE: u64 = 4 * 1024 * 1024;

/// No database nests folders this deep: deeper means links in a circle.
const DEEPEST: usize = 64;

impl Inner {
    fn open(&self, path: &FilePath) -> Result<(Box<dyn Reading>, Stat)> {
        let file = self.disk.open(path).map_err(|error| failed(path, error))?;
        let stat = file.stat().map_err(|error| failed(path, error))?;
        if stat.is_folder {
            return Err(failed(path, io::ErrorKind::NotFound.into()));
        }
        Ok((file, stat))
    }

    pub(super) fn get(&self, location: Path, path: PathBuf, options: &GetOptions) -> Result<GetResult> {
        let (mut file, stat) = self.open(&path)?;
        let meta = meta(location, stat);
        options.check_preconditions(&meta)?;
        let range = match &options.range {
            None => 0..stat.length,
            Some(range) => {
                let range = range.as_range(stat.length);
                range.map_err(|error| StoreError::Generic { store: "local disk", source: Box::new(error) })?
            }
        };
        let payload = if options.head {
            GetResultPayload::Stream(futures::stream::empty().boxed())
        } else if range.end - range.start > READ_AT_ONCE {
            match file.into_file() {
                Ok(file) => GetResultPayload::File(file, path),
                Err(mut file) => at_once(read(file.as_mut(), &path, &range)?),
            }
        } else {
            at_once(read(file.as_mut(), &path, &range)?)
        };
        Ok(GetResult { payload, meta, range, attributes: Attributes::default() })
    }

    pub(super) fn get_ranges(&self, path: &FilePath, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let (mut file, _) = self.open(path)?;
        ranges.iter().map(|range| read(file.as_mut(), path, range)).collect()
    }

    /// The folders and the objects directly below a prefix.
    pub(super) fn list_folder(&self, prefix: &Path) -> Result<(Vec<Path>, Vec<ObjectMeta>)> {
        let folder = self.folder(Some(prefix));
        let mut names = match self.disk.names(&folder) {
            Ok(names) => names,
            // What is not there, or is a file, has nothing below it.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Vec::new(),
            Err(error) => return Err(failed(&folder, error)),
        };
        names.sort_unstable();
        let (mut folders, mut objects) = (Vec::new(), Vec::new());
        for name in names {
            let joined = if prefix.as_ref().is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            // A name that is no object's path was not written by us and cannot be asked for.
            let Ok(location) = Path::parse(&joined) else { continue };
            if is_unfinished(&name) {
                continue;
            }
            let path = folder.join(&name);
            match self.disk.stat(&path) {
                Ok(stat) if stat.is_folder => folders.push(location),
                Ok(stat) => objects.push(meta(location, stat)),
                // Gone since its name was read, or a link to nowhere.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(&path, error)),
            }
        }
        Ok((folders, objects))
    }
}

/// Everything below a prefix, one folder at a time, so that the first objects come before the last folder was read.
pub(super) fn list(store: DurableLocal, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
    let start = prefix.cloned().unwrap_or_default();
    let pending = vec![(start, 0_usize)];
    let folders = futures::stream::try_unfold((store, pending), |(store, mut pending)| async move {
        let Some((folder, depth)) = pending.pop() else { return Ok::<_, StoreError>(None) };
        if depth > DEEPEST {
            let message = format!("folder {folder} is nested more than {DEEPEST} deep");
            return Err(ours(Error::invalid(message).with_hint("look for links in a circle")));
        }
        let (folders, objects) = store.run(move |inner| inner.list_folder(&folder)).await?;
        pending.extend(folders.into_iter().rev().map(|folder| (folder, depth + 1)));
        Ok(Some((futures::stream::iter(objects.into_iter().map(Ok)), (store, pending))))
    });
    futures::TryStreamExt::try_flatten(folders).boxed()
}

fn at_once(bytes: Bytes) -> GetResultPayload {
    GetResultPayload::Stream(futures::stream::once(futures::future::ready(Ok(bytes))).boxed())
}

fn read(file: &mut dyn Reading, path: &FilePath, range: &Range<u64>) -> Result<Bytes> {
    let length = usize::try_from(range.end.saturating_sub(range.start))
        .map_err(|_| ours(Error::invalid(format!("reading {}: the range {range:?} does not fit into memory", path.display()))))?;
    let mut buffer = vec![0; length];
    match file.read_exact_at(range.start, &mut buffer) {
        Ok(()) => Ok(buffer.into()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(ours(Error::corrupt(format!("reading {}: the file ends before bytes {range:?} do", path.display()))))
        }
        Err(error) => Err(failed(path, error)),
    }
}

fn meta(location: Path, stat: Stat) -> ObjectMeta {
    let modified = stat.modified.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    // Objects are replaced by new files: time and length tell versions apart as far as a reader needs.
    let e_tag = Some(format!("{:x}-{:x}", modified.as_nanos(), stat.length));
    ObjectMeta { location, last_modified: stat.modified.into(), size: stat.length, e_tag, version: None }
}

/// An error of the operating system while reading.
pub(super) fn failed(path: &FilePath, error: io::Error) -> StoreError {
    let shown = path.display().to_string();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => StoreError::NotFound { path: shown, source: error.into() },
        io::ErrorKind::PermissionDenied => {
            let ours = Error::new(ErrorKind::PermissionDenied, format!("reading {shown}: {error}"));
            StoreError::PermissionDenied { path: shown, source: Box::new(ours.with_source(error)) }
        }
        _ => ours(Error::unavailable(format!("reading {shown}: {error}")).with_source(error)),
    }
}
