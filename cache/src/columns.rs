//! The cache of decoded columns.
//!
//! - Keys name a column of a row group of a segment. Segments never change, so nothing is ever invalidated.
//! - Entries are weighed in bytes; the total stays below the budget. TinyLFU decides what enters, unless the caller wants another policy: a scan that
//!   passes once does not flush what is used often. With a budget of 0 everything works and nothing stays.
//! - Loads are single-flight: whoever wants a chunk that somebody is loading waits for that load. A load goes on when those who wait for it are gone,
//!   so that nobody's cancellation is somebody else's error.
//! - An error is never kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use clouddb_storage::store::Store;
use clouddb_storage::{Error, Result, SegmentId};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use moka::sync::Cache;

use crate::chunk::Chunk;
use crate::policy::CachePolicy;
use crate::row_group::RowGroup;

/// How many bytes of decoded columns are kept unless the caller says otherwise: a modest share of a laptop's memory.
pub const DEFAULT_COLUMN_BYTES: u64 = 1 << 30;

/// Which column of which row group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkKey {
    /// The segment.
    pub segment: SegmentId,
    /// Which of its row groups.
    pub row_group: u32,
    /// The column's field id.
    pub field_id: u32,
}

/// A chunk that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cached {
    /// Which.
    pub key: ChunkKey,
    /// Its rows.
    pub rows: u64,
    /// Its bytes in memory.
    pub bytes: u64,
}

/// A chunk in the cache.
#[derive(Debug, Clone)]
struct Entry {
    chunk: Arc<Chunk>,
    /// What fetching and decoding it took, in nanoseconds.
    cost: u64,
}

type Load = Shared<BoxFuture<'static, Result<Arc<Vec<Arc<Chunk>>>>>>;

/// Decoded columns in memory, within a budget. Cloning is cheap; clones share the entries.
#[derive(Clone)]
pub struct ColumnCache {
    entries: Cache<ChunkKey, Entry>,
    loading: Arc<Mutex<HashMap<ChunkKey, (Load, usize)>>>,
    counters: Arc<Counters>,
    budget: u64,
}

#[derive(Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    loads: AtomicU64,
    evictions: AtomicU64,
    saved: AtomicU64,
}

/// What a cache of columns did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ColumnCacheCounts {
    /// Chunks that were there.
    pub hits: u64,
    /// Chunks that had to be loaded, or whose load was waited for.
    pub misses: u64,
    /// Chunks whose load began.
    pub loads: u64,
    /// Chunks that left to make room.
    pub evictions: u64,
    /// Nanoseconds that loading the hits took once, and not again.
    pub saved_nanoseconds: u64,
    /// Entries now.
    pub entries: u64,
    /// Bytes that the entries take now.
    pub bytes: u64,
    /// Bytes that they may take.
    pub budget: u64,
}

impl ColumnCache {
    /// A cache that keeps at most `budget` bytes.
    pub fn new(budget: u64) -> Self {
        Self::with_policy(budget, CachePolicy::default())
    }

    /// The same, which says what stays.
    pub fn with_policy(budget: u64, policy: CachePolicy) -> Self {
        let counters: Arc<Counters> = Arc::default();
        let evictions = Arc::clone(&counters);
        let entries = Cache::builder()
            .max_capacity(budget)
            .eviction_policy(policy.eviction())
            .weigher(|_, entry: &Entry| u32::try_from(entry.chunk.memory_size()).unwrap_or(u32::MAX))
            .eviction_listener(move |_, _, cause| {
                if cause.was_evicted() {
                    evictions.evictions.fetch_add(1, Ordering::Relaxed);
                }
            })
            .build();
        Self { entries, loading: Arc::default(), counters, budget }
    }

    /// A chunk that is there. Counts as a use, and as nothing if it is not there.
    pub fn get(&self, row_group: &RowGroup, column: usize) -> Option<Arc<Chunk>> {
        let entry = self.entries.get(&key(row_group, column)?)?;
        self.counters.hits.fetch_add(1, Ordering::Relaxed);
        self.counters.saved.fetch_add(entry.cost, Ordering::Relaxed);
        Some(entry.chunk)
    }

    /// A chunk that is there, for a look that is not counted as a hit.
    pub fn peek(&self, row_group: &RowGroup, column: usize) -> Option<Arc<Chunk>> {
        self.entries.get(&key(row_group, column)?).map(|entry| entry.chunk)
    }

    /// Begins to load columns of a row group, by their positions in the table, if they are not there. The load goes on by itself; it is counted with
    /// `store`.
    pub fn load(&self, store: &Store, row_group: &RowGroup, columns: &[usize]) -> Loading {
        let mut parts = Vec::with_capacity(columns.len());
        let mut missing = Vec::new();
        for column in columns {
            match self.get(row_group, *column) {
                Some(chunk) => parts.push(Part::There(chunk)),
                None => {
                    missing.push((parts.len(), *column));
                    parts.push(Part::Missing);
                }
            }
        }
        if !missing.is_empty() {
            self.counters.misses.fetch_add(missing.len() as u64, Ordering::Relaxed);
            self.load_missing(store, row_group, &missing, &mut parts);
        }
        Loading { columns: columns.to_vec(), parts }
    }

    fn load_missing(&self, store: &Store, row_group: &RowGroup, missing: &[(usize, usize)], parts: &mut [Part]) {
        let mut loading = lock(&self.loading);
        let mut ours = Vec::new();
        for (at, column) in missing {
            let Some(key) = key(row_group, *column) else { continue };
            if let Some((load, position)) = loading.get(&key) {
                parts[*at] = Part::Under(load.clone(), *position);
            } else if let Some(entry) = self.entries.get(&key) {
                // Somebody's load was over just before.
                parts[*at] = Part::There(entry.chunk);
            } else {
                ours.push((*at, *column, key));
            }
        }
        if ours.is_empty() {
            return;
        }
        self.counters.loads.fetch_add(ours.len() as u64, Ordering::Relaxed);
        let columns: Vec<_> = ours.iter().map(|(_, column, _)| *column).collect();
        let keys: Vec<_> = ours.iter().map(|(_, _, key)| *key).collect();
        let task = tokio::spawn(self.clone().read(store.clone(), row_group.clone(), columns, keys));
        let load: Load = async move {
            match task.await {
                Ok(read) => read.map(Arc::new),
                Err(error) => Err(Error::internal(format!("a load ended early: {error}"))),
            }
        }
        .boxed()
        .shared();
        for (position, (at, _, key)) in ours.into_iter().enumerate() {
            parts[at] = Part::Under(load.clone(), position);
            loading.insert(key, (load.clone(), position));
        }
    }

    /// Reads columns, keeps them, and is then no longer loading them, whatever happens.
    async fn read(self, store: Store, row_group: RowGroup, columns: Vec<usize>, keys: Vec<ChunkKey>) -> Result<Vec<Arc<Chunk>>> {
        let done = Done { loading: &self.loading, keys: &keys };
        let begin = Instant::now();
        let chunks: Vec<_> = row_group.read(&store, &columns).await?.into_iter().map(Arc::new).collect();
        let cost = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX) / chunks.len().max(1) as u64;
        if self.budget > 0 {
            for (key, chunk) in keys.iter().zip(&chunks) {
                self.entries.insert(*key, Entry { chunk: Arc::clone(chunk), cost });
            }
        }
        drop(done);
        Ok(chunks)
    }

    /// Forgets chunks.
    pub fn forget(&self, keys: impl IntoIterator<Item = ChunkKey>) {
        for key in keys {
            self.entries.invalidate(&key);
        }
    }

    /// What is there now.
    pub fn entries(&self) -> Vec<Cached> {
        self.entries.run_pending_tasks();
        let cached = |key: ChunkKey, chunk: &Chunk| Cached { key, rows: chunk.rows() as u64, bytes: chunk.memory_size() as u64 };
        self.entries.iter().map(|(key, entry)| cached(*key, &entry.chunk)).collect()
    }

    /// What it did so far.
    pub fn counts(&self) -> ColumnCacheCounts {
        self.entries.run_pending_tasks();
        let counters = &self.counters;
        ColumnCacheCounts {
            hits: counters.hits.load(Ordering::Relaxed),
            misses: counters.misses.load(Ordering::Relaxed),
            loads: counters.loads.load(Ordering::Relaxed),
            evictions: counters.evictions.load(Ordering::Relaxed),
            saved_nanoseconds: counters.saved.load(Ordering::Relaxed),
            entries: self.entries.entry_count(),
            bytes: self.entries.weighted_size(),
            budget: self.budget,
        }
    }
}

impl std::fmt::Debug for ColumnCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ColumnCache").field("budget", &self.budget).field("bytes", &self.entries.weighted_size()).finish_non_exhaustive()
    }
}

fn key(row_group: &RowGroup, column: usize) -> Option<ChunkKey> {
    let field_id = row_group.columns.get(column)?.field_id;
    Some(ChunkKey { segment: row_group.segment.id, row_group: u32::try_from(row_group.number).ok()?, field_id })
}

/// Ends loads when it is dropped.
struct Done<'a> {
    loading: &'a Mutex<HashMap<ChunkKey, (Load, usize)>>,
    keys: &'a [ChunkKey],
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        let mut loading = lock(self.loading);
        self.keys.iter().for_each(|key| drop(loading.remove(key)));
    }
}

/// Columns that are there or on their way.
#[derive(Debug)]
pub struct Loading {
    columns: Vec<usize>,
    parts: Vec<Part>,
}

enum Part {
    There(Arc<Chunk>),
    Under(Load, usize),
    Missing,
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::There(_) => "There",
            Self::Under(..) => "Under",
            Self::Missing => "Missing",
        })
    }
}

impl Loading {
    /// The columns that were asked for, by their positions in the table.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// How many columns were not there.
    pub fn missing(&self) -> usize {
        self.parts.iter().filter(|part| !matches!(part, Part::There(_))).count()
    }

    /// The columns, in the order in which they were asked for.
    ///
    /// # Errors
    /// Those of reading them.
    pub async fn finish(self) -> Result<Vec<Arc<Chunk>>> {
        let mut chunks = Vec::with_capacity(self.parts.len());
        for part in self.parts {
            chunks.push(match part {
                Part::There(chunk) => chunk,
                Part::Under(load, position) => {
                    let loaded = load.await?;
                    Arc::clone(loaded.get(position).ok_or_else(|| Error::internal("a load has fewer columns than were asked for"))?)
                }
                Part::Missing => return Err(Error::internal("a column was asked for that the table does not have")),
            });
        }
        Ok(chunks)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
