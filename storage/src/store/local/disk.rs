//! The few things that writing durably asks of a disk, so that a simulated one can stand in for it.
//!
//! Every method is one step that a power cut can come between. Nothing here retries or interprets.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::SystemTime;

/// A file system.
pub trait Disk: Debug + Send + Sync + 'static {
    /// Makes one folder; the one above must exist.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Makes a file that must not exist yet, to be written.
    fn create_file(&self, path: &Path) -> io::Result<Box<dyn Writing>>;
    /// Gives a file a second name, which must not exist yet.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file another name, taking it from whatever had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes a folder's entries durable.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Takes a file's name away.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Opens a file to read it.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Reading>>;
    /// What a path leads to, links followed.
    fn stat(&self, path: &Path) -> io::Result<Stat>;
    /// The names in a folder, in any order.
    fn names(&self, folder: &Path) -> io::Result<Vec<String>>;
}

/// A file being written.
pub trait Writing: Debug + Send {
    /// Writes all of these bytes at a place.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Makes the content durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file being read.
pub trait Reading: Debug + Send {
    /// What it is now.
    fn stat(&self) -> io::Result<Stat>;
    /// Fills the buffer from a place on.
    fn read_exact_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// The operating system's file, if it is one: for reading large objects without holding them.
    fn into_file(self: Box<Self>) -> Result<File, Box<dyn Reading>>;
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Length of a file in bytes.
    pub length: u64,
    /// When it last changed.
    pub modified: SystemTime,
}

impl From<std::fs::Metadata> for Stat {
    fn from(metadata: std::fs::Metadata) -> Self {
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Self { is_folder: metadata.is_dir(), length: metadata.len(), modified }
    }
}

/// The operating system's file systems.
#[derive(Debug, Clone, Copy)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir(path)
    }

    fn create_file(&self, path: &Path) -> io::Result<Box<dyn Writing>> {
        Ok(Box::new(OpenOptions::new().write(true).create_new(true).open(path)?))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::hard_link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    #[cfg(unix)]
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    /// Elsewhere a folder cannot be opened as a file; the file system orders its own metadata.
    #[cfg(not(unix))]
    fn sync_folder(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Reading>> {
        Ok(Box::new(File::open(path)?))
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        Ok(std::fs::metadata(path)?.into())
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            // A name that is not UTF-8 is none of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }
}

impl Writing for File {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(offset))?;
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

impl Reading for File {
    fn stat(&self) -> io::Result<Stat> {
        Ok(self.metadata()?.into())
    }

    fn read_exact_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(offset))?;
        self.read_exact(buffer)
    }

    fn into_file(self: Box<Self>) -> Result<File, Box<dyn Reading>> {
        Ok(*self)
    }
}
