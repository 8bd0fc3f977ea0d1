//! The second tier: bytes of segments in a far-away store, kept in a folder of a local disk, so that a process that starts again need not fetch them.
//!
//! - What it has is what the folder has ([`files`]): nothing is kept in memory, any number of processes share a folder, and what one wrote the others
//!   find at once. A segment's bytes never change, so nothing is ever invalidated.
//! - What it finds is verified by who reads it, as if the store had sent it. What is wrong is deleted and fetched again.
//! - It never fails: what cannot be read is not there, what cannot be written is not kept.
//! - Writing waits in a bounded queue ([`queue`]), and is left out where that is full.
//! - Before more is written than the budget allows, what was not used for longest is deleted ([`tidy`]).
//!
//! It lies between the reader of segments and the store: see [`clouddb_storage::segment::BlockCache`].

mod files;
mod queue;
mod tidy;

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use clouddb_storage::env::Clock;
use clouddb_storage::segment::{BLOCK, BlockCache, Lookup, ParquetLocation, Piece};

use files::{Contents, Found};
use queue::Queue;

/// How many bytes are kept on disk unless the caller says otherwise.
pub const DEFAULT_DISK_BYTES: u64 = 10 << 30;

/// Everything is in a folder of this name in the folder given, and nothing else is ever touched. Another layout gets another name.
const FOLDER: &str = "clouddb-segments-1";

/// Bytes that wait to be written; more are not kept: memory is worth more than what is fetched once more.
const WAITING_BYTES: u64 = 64 << 20;

/// The longest file; what is fetched at once is mostly shorter.
const LONGEST_FILE: u64 = 32 << 20;

/// Bytes of segments on a local disk, within a budget. Cloning is cheap; clones share it.
#[derive(Clone)]
pub struct DiskCache {
    folder: Arc<Folder>,
    queue: Arc<Queue<Job>>,
}

/// What a cache on disk did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiskCacheCounts {
    /// Reads of which everything was there.
    pub hits: u64,
    /// Reads of which something was not.
    pub misses: u64,
    /// Bytes that were there.
    pub bytes_read: u64,
    /// Files that this process deleted to make room.
    pub evictions: u64,
    /// Files, or parts of files, that were not what was written, and were deleted.
    pub damaged: u64,
    /// Writes that were left out because too much waited to be written, or that failed.
    pub not_kept: u64,
    /// Nanoseconds that it took once to get what was there from the store.
    pub saved_nanoseconds: u64,
    /// Files in the folder now, whoever wrote them.
    pub entries: u64,
    /// Bytes that they take.
    pub bytes: u64,
    /// Bytes that they may take.
    pub budget: u64,
}

#[derive(Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    bytes_read: AtomicU64,
    evictions: AtomicU64,
    damaged: AtomicU64,
    not_kept: AtomicU64,
    saved: AtomicU64,
}

fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

/// What the queue does.
enum Job {
    Keep { segment: String, pieces: Vec<Piece>, took: Duration },
    Delete { segment: String, range: Range<u64> },
}

/// A segment's name in the folder.
fn name(file: &ParquetLocation) -> String {
    // Half of the hash tells all files in the world apart, and what it does not tell apart, checksums do.
    file.tail_hash[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

impl DiskCache {
    /// A cache in a folder, which is created if it is not there, with at most `budget` bytes, of which an eighth stays free for what other
    /// processes write meanwhile. Below some 8 MiB, small segments are cut and not found whole; below 1 MiB, nothing fits.
    pub fn new(folder: &Path, budget: u64, clock: Arc<dyn Clock>) -> Self {
        let folder = Arc::new(Folder {
            root: folder.join(FOLDER),
            budget,
            clock,
            known: Mutex::default(),
            counters: Counters::default(),
            warned: AtomicBool::new(false),
        });
        if let Err(error) = files::create_folder(&folder.root) {
            folder.warn(&error);
        }
        let works = Arc::clone(&folder);
        let queue = Queue::new(WAITING_BYTES, move |job| match job {
            Job::Keep { segment, pieces, took } => works.write(&segment, pieces, took),
            Job::Delete { segment, range } => works.delete(&segment, &range),
        });
        Self { folder, queue }
    }

    /// Waits until everything is written that was given to keep.
    pub async fn flush(&self) {
        self.queue.drained().await;
    }

    /// What it did so far. Looks at the folder.
    pub async fn counts(&self) -> DiskCacheCounts {
        let (root, now) = (self.folder.root.clone(), self.folder.now());
        let tally = tokio::task::spawn_blocking(move || tidy::count(&root, now)).await.unwrap_or_default();
        let counters = &self.folder.counters;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        DiskCacheCounts {
            hits: count(&counters.hits),
            misses: count(&counters.misses),
            bytes_read: count(&counters.bytes_read),
            evictions: count(&counters.evictions),
            damaged: count(&counters.damaged),
            not_kept: count(&counters.not_kept),
            saved_nanoseconds: count(&counters.saved),
            entries: tally.files,
            bytes: tally.bytes,
            budget: self.folder.budget,
        }
    }
}

impl fmt::Debug for DiskCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskCache").field("root", &self.folder.root).field("budget", &self.folder.budget).finish_non_exhaustive()
    }
}

#[async_trait]
impl BlockCache for DiskCache {
    async fn find(&self, file: &ParquetLocation, ranges: &[Range<u64>]) -> Lookup {
        if ranges.is_empty() {
            return Lookup::default();
        }
        let (folder, wanted, now) = (self.folder.root.join(name(file)), ranges.to_vec(), self.folder.now());
        let found = tokio::task::spawn_blocking(move || files::read(&folder, &wanted, now)).await;
        // A runtime that ends finds nothing.
        let Found { pieces, saved, damaged } = found.unwrap_or_default();
        let counters = &self.folder.counters;
        let bytes: u64 = pieces.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        let all = bytes == ranges.iter().map(|range| range.end - range.start).sum::<u64>();
        add(if all { &counters.hits } else { &counters.misses }, 1);
        add(&counters.bytes_read, bytes);
        add(&counters.saved, u64::try_from(saved.as_nanos()).unwrap_or(u64::MAX));
        add(&counters.damaged, damaged);
        Lookup { pieces, at: self.folder.clock.elapsed() }
    }

    fn keep(&self, file: &ParquetLocation, pieces: Vec<Piece>, looked_up_at: Duration) {
        let took = self.folder.clock.elapsed().saturating_sub(looked_up_at);
        let bytes = pieces.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        if !self.queue.push(Job::Keep { segment: name(file), pieces, took }, bytes) {
            add(&self.folder.counters.not_kept, 1);
        }
    }

    fn damaged(&self, file: &ParquetLocation, range: Range<u64>) {
        add(&self.folder.counters.damaged, 1);
        // In line with writes: what is fetched again may get the same name.
        self.queue.push(Job::Delete { segment: name(file), range }, 0);
    }
}

/// The folder, as those see it who write to it.
struct Folder {
    root: PathBuf,
    budget: u64,
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
    counters: Counters,
    warned: AtomicBool,
}

/// What this process knows of the folder.
#[derive(Default)]
struct Known {
    /// What it had when this process last looked, and what this process wrote since.
    bytes: u64,
    /// What this process may write before it looks again.
    unseen: u64,
}

impl Folder {
    /// When files are used that are used now.
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_micros(self.clock.now_us().max(0).unsigned_abs())
    }

    fn write(&self, segment: &str, pieces: Vec<Piece>, took: Duration) {
        // Files may be cut at blocks only.
        let largest = LONGEST_FILE.min(self.budget / 16) / BLOCK * BLOCK;
        for (contents, parts) in files::divide(pieces, largest.max(BLOCK), took) {
            if let Err(error) = self.write_file(segment, &contents, &parts) {
                add(&self.counters.not_kept, 1);
                self.warn(&error);
            }
        }
    }

    fn write_file(&self, segment: &str, contents: &Contents, parts: &[Bytes]) -> std::io::Result<()> {
        let weight = tidy::weight(contents.length());
        // Eight processes may write an eighth of this each before they see each other's.
        let spare = self.budget / 8;
        if weight > spare {
            add(&self.counters.not_kept, 1);
            return Ok(());
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.unseen < weight || known.bytes + weight > self.budget {
            let (tally, evicted) =
                tidy::tidy(&self.root, self.budget - spare - weight, (self.budget - spare) / 16 * 15 - weight, self.now())?;
            add(&self.counters.evictions, evicted);
            *known = Known { bytes: tally.bytes, unseen: (spare / 8).max(weight) };
        }
        files::write(&self.root, segment, contents, parts, self.now())?;
        known.bytes += weight;
        known.unseen -= weight;
        Ok(())
    }

    fn delete(&self, segment: &str, range: &Range<u64>) {
        for (path, contents) in files::list(&self.root.join(segment)) {
            if contents.ranges.iter().any(|has| has.start < range.end && range.start < has.end) {
                let _ = std::fs::remove_file(path);
            }
        }
    }

    /// Tells why something is not kept, once.
    fn warn(&self, error: &std::io::Error) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!("what is read from the store is not kept in {}: {error}", self.root.display());
        }
    }
}
