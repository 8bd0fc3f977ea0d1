//! The files of the cache's folder: what they are called, how they are read and written.
//!
//! A segment has a folder, named by the hash of its tail. A file there has ranges of the segment's file, one behind the other, and nothing else; its
//! name says which, and how long it took to get them: `<start>-<end>_<start>-<end>….<microseconds>`, in hexadecimal. A file gets its name when all of
//! it is written. It is not synced: one that a power cut tore has another length than its name says, or blocks with other checksums.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use clouddb_storage::segment::{Piece, missing};

/// How temporary files' names begin.
pub(super) const TEMPORARY: &str = "tmp-";

/// Names stay below the 255 bytes that file systems take.
const LONGEST_NAME: usize = 230;

/// What a file has: ranges of a segment's file, ascending and disjoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) ranges: Vec<Range<u64>>,
    /// How long it took to get them from the store.
    pub(super) took: Duration,
}

impl Contents {
    pub(super) fn length(&self) -> u64 {
        self.ranges.iter().map(|range| range.end - range.start).sum()
    }

    pub(super) fn name(&self) -> String {
        let mut name = String::new();
        for (index, range) in self.ranges.iter().enumerate() {
            // Writing to a String does not fail.
            let _ = write!(name, "{}{:x}-{:x}", if index == 0 { "" } else { "_" }, range.start, range.end);
        }
        let _ = write!(name, ".{:x}", self.took.as_micros());
        name
    }

    /// What a name says; nothing if it is none of ours.
    pub(super) fn of(name: &str) -> Option<Self> {
        let hex = |text: &str| u64::from_str_radix(text, 16).ok();
        let (ranges, took) = name.split_once('.')?;
        let range = |text: &str| text.split_once('-').and_then(|(start, end)| Some(hex(start)?..hex(end)?));
        let ranges = ranges.split('_').map(range).collect::<Option<Vec<_>>>()?;
        let ascend = ranges.iter().all(|range| range.start < range.end) && ranges.is_sorted_by(|one, next| one.end <= next.start);
        ascend.then_some(Self { ranges, took: Duration::from_micros(hex(took)?) })
    }

    /// What of these ranges the file has: where in the file, and where in the segment's.
    fn within(&self, wanted: &[Range<u64>]) -> Vec<(u64, Range<u64>)> {
        let mut parts = Vec::new();
        let mut at = 0;
        for range in &self.ranges {
            let first = wanted.partition_point(|wanted| wanted.end <= range.start);
            for wanted in wanted[first..].iter().take_while(|wanted| wanted.start < range.end) {
                let part = wanted.start.max(range.start)..wanted.end.min(range.end);
                parts.push((at + part.start - range.start, part));
            }
            at += range.end - range.start;
        }
        parts
    }
}

/// What was found of a segment.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Ascending and disjoint.
    pub(super) pieces: Vec<Piece>,
    /// What it took to get them from the store.
    pub(super) saved: Duration,
    /// Files that were not as long as their names say, and are gone now.
    pub(super) damaged: u64,
}

/// Reads what a segment's folder has of ranges, which are ascending and disjoint. What cannot be read is not there.
pub(super) fn read(folder: &Path, wanted: &[Range<u64>], now: SystemTime) -> Found {
    let mut found = Found::default();
    let mut left = wanted.to_vec();
    let mut files = list(folder);
    files.sort_by_key(|(_, contents)| Reverse(contents.length()));
    for (path, contents) in files {
        let parts = contents.within(&left);
        if parts.is_empty() {
            continue;
        }
        match read_parts(&path, &contents, &parts, now) {
            Ok(pieces) => {
                let length: u64 = pieces.iter().map(|(_, bytes)| bytes.len() as u64).sum();
                found.saved += contents.took.mul_f64(length as f64 / contents.length() as f64);
                found.pieces.extend(pieces);
                found.pieces.sort_unstable_by_key(|(start, _)| *start);
                left = missing(wanted, &found.pieces);
            }
            Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidData) => {
                found.damaged += u64::from(fs::remove_file(&path).is_ok());
            }
            // Evicted meanwhile, or the disk fails: the store has it.
            Err(_) => {}
        }
        if left.is_empty() {
            break;
        }
    }
    found
}

/// The files in a segment's folder.
pub(super) fn list(folder: &Path) -> Vec<(PathBuf, Contents)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.path(), Contents::of(entry.file_name().to_str()?)?))).collect()
}

/// Reads parts of a file, neighbours in it at once, and notes that it was used.
fn read_parts(path: &Path, contents: &Contents, parts: &[(u64, Range<u64>)], now: SystemTime) -> io::Result<Vec<Piece>> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() != contents.length() {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut pieces = Vec::with_capacity(parts.len());
    let end_of = |(at, part): &(u64, Range<u64>)| at + part.end - part.start;
    for run in parts.chunk_by(|one, next| end_of(one) == next.0) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        let length = end_of(last) - first.0;
        let mut bytes = Vec::with_capacity(length as usize);
        file.seek(SeekFrom::Start(first.0))?;
        if (&mut file).take(length).read_to_end(&mut bytes)? as u64 != length {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let bytes = Bytes::from(bytes);
        let piece = |part: &(u64, Range<u64>)| (part.1.start, bytes.slice((part.0 - first.0) as usize..(end_of(part) - first.0) as usize));
        pieces.extend(run.iter().map(piece));
    }
    // Without the right to do so, it goes before its time.
    let _ = file.set_modified(now);
    Ok(pieces)
}

/// Divides pieces among files of at most `largest` bytes, cutting only those that are longer.
pub(super) fn divide(pieces: Vec<Piece>, largest: u64, took: Duration) -> Vec<(Contents, Vec<Bytes>)> {
    let total: u64 = pieces.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    let mut files: Vec<(Contents, Vec<Bytes>)> = Vec::new();
    for (mut start, mut bytes) in pieces {
        while !bytes.is_empty() {
            let part = bytes.split_to(bytes.len().min(largest as usize));
            let range = start..start + part.len() as u64;
            start = range.end;
            match files.last_mut() {
                Some((contents, parts))
                    if contents.length() + part.len() as u64 <= largest && contents.name().len() < LONGEST_NAME - 2 * 17 =>
                {
                    contents.ranges.push(range);
                    parts.push(part);
                }
                _ => files.push((Contents { ranges: vec![range], took: Duration::ZERO }, vec![part])),
            }
        }
    }
    for (contents, _) in &mut files {
        contents.took = took.mul_f64(contents.length() as f64 / total as f64);
    }
    files
}

/// Writes a file into a segment's folder: it is there as a whole or not at all.
pub(super) fn write(root: &Path, segment: &str, contents: &Contents, parts: &[Bytes], now: SystemTime) -> io::Result<()> {
    let temporary = root.join(format!("{TEMPORARY}{:016x}", RandomState::new().build_hasher().finish()));
    let write = || {
        let mut file = match File::create_new(&temporary) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                create_folder(root)?;
                File::create_new(&temporary)?
            }
            file => file?,
        };
        parts.iter().try_for_each(|part| file.write_all(part))?;
        let _ = file.set_modified(now);
        drop(file);
        let folder = root.join(segment);
        let name = folder.join(contents.name());
        fs::rename(&temporary, &name).or_else(|_| {
            // Folders come with their first file, and go with their last, maybe just now.
            create_folder(&folder)?;
            fs::rename(&temporary, &name)
        })
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

/// Creates a folder that is for this user's eyes: what is in it may be secret in the bucket.
pub(super) fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
