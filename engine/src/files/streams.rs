//! Standard input, standard output and other streams where a file's path may stand: `/dev/stdin`, `/dev/stdout`, `/dev/fd/N`, pipes.
//!
//! A stream can be read once and from its beginning only, while readers look at a file several times and in parallel. So what comes is put into a file
//! without a name first, to its end, and read there: as often as statements ask, for as long as the process lives. What is to be written is
//! made in a file, too, and copied when it is complete. Nothing else may be done with such a path: a file that is renamed to `/dev/stdout`
//! would take the place of the device.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path as LocalPath, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::execution::session_state::SessionState;
use datafusion::execution::spill_file::SpillFile;
use tokio::sync::Mutex;

use super::place::Place;
use crate::error::{Error, Result, from_datafusion};

/// Standard input and output, as paths.
pub(crate) const INPUT: &str = "/dev/stdin";
pub(crate) const OUTPUT: &str = "/dev/stdout";

/// Whether standard input is somebody else's: a shell's that reads its statements there.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// What was read of streams, by their paths; nothing where that was begun and did not come to its end.
static READ: Mutex<Option<HashMap<String, Option<File>>>> = Mutex::const_new(None);

/// Says that standard input is no data: statements are read there. It is an error from now on to read it as a file.
pub fn keep_standard_input() {
    IS_TAKEN.store(true, Ordering::Relaxed);
}

/// What is read as standard input while it is given.
static GIVEN: Mutex<Option<File>> = Mutex::const_new(None);

/// Gives what is read as standard input from now on: data that stands among the statements. `None` ends that.
pub async fn give_standard_input(data: Option<File>) {
    *GIVEN.lock().await = data;
}

/// A path without `file://`.
fn plain(written: &str) -> &str {
    written.strip_prefix("file://").unwrap_or(written)
}

/// Whether a path names a stream of this process.
pub(crate) fn is_own(written: &str) -> bool {
    let path = plain(written);
    matches!(path, INPUT | OUTPUT | "/dev/stderr") || path.strip_prefix("/dev/fd/").is_some_and(|number| number.parse::<u32>().is_ok())
}

/// Whether a path names something that is written byte by byte, and must not be replaced by a file.
pub(crate) fn is_stream(written: &str) -> bool {
    is_own(written) || std::fs::metadata(plain(written)).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// The file behind a symbolic link, which is to be written in the link's place: a file that is renamed to the link's name would replace the link.
pub(crate) fn behind_link(written: &str) -> String {
    let path = LocalPath::new(plain(written));
    if is_own(written) || !std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
        return written.to_owned();
    }
    let target = path
        .canonicalize()
        .or_else(|_| std::fs::read_link(path).map(|to| path.parent().map_or_else(|| to.clone(), |folder| folder.join(&to))));
    target.map_or_else(|_| written.to_owned(), |target| target.to_string_lossy().into_owned())
}

/// Where a path is, for those who read it.
pub(super) async fn place_to_read(state: &SessionState, store_options: &[(String, String)], written: &str) -> Result<Place> {
    let path = plain(written);
    if !is_own(written) {
        return match is_pipe(path) {
            true => Err(Error::unsupported(format!("'{written}' is a pipe that others have a name for, and cannot be read as a file"))
                .with_hint(format!("'{INPUT}' can: clouddb -c \"...\" < {path}"))),
            false => Place::of(state, store_options, written).await,
        };
    }
    if path == INPUT
        && let Some(file) = GIVEN.lock().await.as_ref()
    {
        return Ok(Place { written: written.to_owned(), ..Place::of(state, store_options, &link(file)).await? });
    }
    if matches!(path, INPUT | "/dev/fd/0") && IS_TAKEN.load(Ordering::Relaxed) {
        return Err(Error::unsupported("standard input is where the statements come from, so that it cannot be data as well").with_hint(
            "the data of COPY ... FROM STDIN may stand on the lines behind it, up to a line \\. ; \
                 clouddb -c \"...\" < file and clouddb -f script.sql < file leave standard input to the data",
        ));
    }
    if std::fs::metadata(path).is_ok_and(|found| found.is_file()) {
        return Place::of(state, store_options, written).await;
    }
    if !cfg!(target_os = "linux") {
        return Err(Error::unsupported("pipes are read on Linux only").with_hint("a file on standard input can be read: < file"));
    }
    let mut read = READ.lock().await;
    let read = read.get_or_insert_default();
    if !read.contains_key(path) {
        read.insert(path.to_owned(), None);
        let spool = Temporary::new(state)?;
        let from = path.to_owned();
        let file = unblocked(move || spooled(&from, &spool)).await.map_err(|error| failed("reading", written, &error))?;
        read.insert(path.to_owned(), Some(file));
    }
    let Some(Some(file)) = read.get(path) else {
        return Err(Error::invalid(format!("'{written}' was not read to its end before, and can be read only once")));
    };
    Ok(Place { written: written.to_owned(), ..Place::of(state, store_options, &link(file)).await? })
}

/// A path of a file that is open and has no name any more.
#[cfg(unix)]
fn link(file: &File) -> String {
    use std::os::fd::AsRawFd;
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

#[cfg(not(unix))]
fn link(_: &File) -> String {
    String::new()
}

#[cfg(unix)]
fn is_pipe(path: &str) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::metadata(LocalPath::new(path)).is_ok_and(|found| found.file_type().is_fifo() || found.file_type().is_socket())
}

#[cfg(not(unix))]
fn is_pipe(_: &str) -> bool {
    false
}

/// Puts all that comes into a file; its name goes with `spool`.
fn spooled(from: &str, spool: &Temporary) -> io::Result<File> {
    let mut file = File::options().read(true).write(true).open(&spool.path)?;
    let mut source: Box<dyn Read> = match from {
        INPUT | "/dev/fd/0" => Box::new(io::stdin().lock()),
        _ => Box::new(File::open(from)?),
    };
    io::copy(&mut source, &mut file)?;
    Ok(file)
}

/// A file that is copied into a stream once it is complete.
pub(crate) struct Copied {
    target: String,
    file: Temporary,
}

impl Copied {
    /// The file for a stream, and its place.
    pub(crate) async fn new(state: &SessionState, target: &str) -> Result<(Self, Place)> {
        let file = Temporary::new(state)?;
        let place = Place::of(state, &[], &file.path.to_string_lossy()).await?;
        Ok((Self { target: target.to_owned(), file }, Place { written: target.to_owned(), ..place }))
    }

    /// Writes what is in the file now into the stream. Whoever reads there may stop whenever there is enough: that is no error.
    pub(crate) async fn copy(self) -> Result<()> {
        let target = self.target.clone();
        match unblocked(move || copied(&self)).await {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(failed("writing", &target, &error)),
            _ => Ok(()),
        }
    }
}

fn copied(copied: &Copied) -> io::Result<()> {
    let mut file = File::open(&copied.file.path)?;
    // Opened again by its name, a file behind standard output would be written from its beginning.
    let mut target: Box<dyn Write> = match plain(&copied.target) {
        OUTPUT | "/dev/fd/1" => Box::new(io::stdout().lock()),
        "/dev/stderr" | "/dev/fd/2" => Box::new(io::stderr().lock()),
        path => Box::new(File::options().append(true).open(path)?),
    };
    io::copy(&mut file, &mut target)?;
    target.flush()
}

/// A file that is removed when nobody needs it any more.
struct Temporary {
    path: PathBuf,
    _file: Arc<dyn SpillFile>,
}

impl Temporary {
    fn new(state: &SessionState) -> Result<Self> {
        let file = state.runtime_env().disk_manager.create_tmp_file("a stream").map_err(from_datafusion)?;
        let path = file.path().ok_or_else(|| Error::internal("temporary files have no paths"))?.to_owned();
        Ok(Self { path, _file: file })
    }
}

/// Runs what may wait for ever where nobody else waits for it.
async fn unblocked<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

fn failed(doing: &str, written: &str, error: &io::Error) -> Error {
    Error::invalid(format!("{doing} '{written}': {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_told_from_files() {
        for (path, own, stream) in [
            (INPUT, true, true),
            ("file:///dev/stdout", true, true),
            ("/dev/fd/63", true, true),
            ("/dev/null", false, true),
            ("a.csv", false, false),
            ("/tmp", false, false),
        ] {
            assert_eq!((is_own(path), is_stream(path)), (own, stream), "{path}");
        }
    }
}
