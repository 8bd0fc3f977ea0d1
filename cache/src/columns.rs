//! The cache of decoded columns.
//!
//! - Keys name a column of a row group of a segment. Segments never change, so nothing is ever invalidated.
//! - Entries are weighed in bytes; the total stays below the budget. TinyLFU decides what enters, unless the caller wants another policy: a scan that
//!   passes once does not flush what is used often. With a budget of 0 everything works and nothing stays.
//! - Loads are single-flight: whoever wants a chunk that somebody is loading waits for that load. A load goes on when those who wait for it are gone,
//!   so that nobody's cancellation is somebody else's error.
//! - Where few rows of a column are wanted, it is loaded only if it was wanted before, and the more often the less room there is: until then its reader had
//!   better read those rows alone.
//! - What is pinned stays, and takes its room from the others.
//! - An error is never kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

use clouddb_storage::store::Store;
use clouddb_storage::{Error, Result, SegmentId};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};

use crate::chunk::Chunk;
use crate::frequency::Frequency;
use crate::kept::{Entry, Kept};
use crate::policy::CachePolicy;
use crate::row_group::RowGroup;

/// How many bytes of decoded columns are kept unless the caller says otherwise: a modest share of a laptop's memory.
pub const DEFAULT_COLUMN_BYTES: u64 = 1 << 30;

/// How often few rows of a column are wanted before it is loaded whole, where there is room for it.
const TIMES_WITH_ROOM: u8 = 2;

/// The same where others would have to go.
const TIMES_WITHOUT_ROOM: u8 = 4;

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
    /// Whether it stays whatever else is wanted.
    pub pinned: bool,
}

type Load = Shared<BoxFuture<'static, Result<Arc<Vec<Arc<Chunk>>>>>>;

/// Decoded columns in memory, within a budget. Cloning is cheap; clones share the entries.
#[derive(Clone)]
pub struct ColumnCache {
    kept: Arc<RwLock<Kept>>,
    loading: Arc<Mutex<HashMap<ChunkKey, (Load, usize)>>>,
    missed: Arc<Frequency>,
    counters: Arc<Counters>,
    budget: u64,
}

#[derive(Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    loads: AtomicU64,
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
        let kept = Arc::new(RwLock::new(Kept::new(budget, policy)));
        Self { kept, loading: Arc::default(), missed: Arc::default(), counters: Arc::default(), budget }
    }

    /// Whether anything is kept at all.
    pub fn keeps(&self) -> bool {
        self.budget > 0
    }

    /// A chunk that is there. Counts as a use, and as nothing if it is not there.
    pub fn get(&self, row_group: &RowGroup, column: usize) -> Option<Arc<Chunk>> {
        let entry = self.kept().get(&key(row_group, column)?)?;
        self.counters.hits.fetch_add(1, Ordering::Relaxed);
        self.counters.saved.fetch_add(entry.cost, Ordering::Relaxed);
        Some(entry.chunk)
    }

    /// A chunk that is there, for a look that is not counted as a hit.
    pub fn peek(&self, row_group: &RowGroup, column: usize) -> Option<Arc<Chunk>> {
        self.kept().get(&key(row_group, column)?).map(|entry| entry.chunk)
    }

    /// Whether columns that are missing are worth loading for whoever wants few of their rows. Counts as a miss if they are not.
    pub fn are_worth_loading(&self, row_group: &RowGroup, columns: &[usize]) -> bool {
        let times = columns.iter().filter_map(|column| key(row_group, *column)).map(|key| self.missed.note(&key)).min().unwrap_or_default();
        let enough = if self.kept().is_nearly_full() { TIMES_WITHOUT_ROOM } else { TIMES_WITH_ROOM };
        if times < enough {
            self.counters.misses.fetch_add(columns.len() as u64, Ordering::Relaxed);
        }
        times >= enough
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
            } else if let Some(entry) = self.kept().get(&key) {
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
        let kept = self.kept();
        keys.iter().zip(&chunks).for_each(|(key, chunk)| kept.insert(*key, Entry { chunk: Arc::clone(chunk), cost }));
        kept.settle();
        drop(kept);
        drop(done);
        Ok(chunks)
    }

    /// Loads columns of a row group, by their positions in the table, if they are not there, and keeps them until they are forgotten, whatever else
    /// is wanted.
    ///
    /// # Errors
    /// Those of reading them; *limit* if all pinned columns together would take more than the budget.
    pub async fn pin(&self, store: &Store, row_group: &RowGroup, columns: &[usize]) -> Result<()> {
        let chunks = self.load(store, row_group, columns).finish().await?;
        let cost = |key| self.kept().get(&key).map_or(0, |entry| entry.cost);
        let entry = |(column, chunk): (&usize, Arc<Chunk>)| {
            let key = key(row_group, *column)?;
            Some((key, Entry { chunk, cost: cost(key) }))
        };
        let entries = columns.iter().zip(chunks).filter_map(entry).collect();
        self.kept.write().unwrap_or_else(PoisonError::into_inner).pin(entries)
    }

    /// Forgets chunks, pinned ones, too.
    pub fn forget(&self, keys: impl IntoIterator<Item = ChunkKey>) {
        self.kept.write().unwrap_or_else(PoisonError::into_inner).forget(keys);
    }

    /// What is there now.
    pub fn entries(&self) -> Vec<Cached> {
        let cached = |(key, chunk, pinned): (ChunkKey, Arc<Chunk>, bool)| {
            let (rows, bytes) = (chunk.rows() as u64, chunk.memory_size() as u64);
            Cached { key, rows, bytes, pinned }
        };
        self.kept().entries().into_iter().map(cached).collect()
    }

    fn kept(&self) -> RwLockReadGuard<'_, Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it did so far.
    pub fn counts(&self) -> ColumnCacheCounts {
        let (entries, bytes, evictions) = self.kept().counts();
        let counters = &self.counters;
        ColumnCacheCounts {
            hits: counters.hits.load(Ordering::Relaxed),
            misses: counters.misses.load(Ordering::Relaxed),
            loads: counters.loads.load(Ordering::Relaxed),
            evictions,
            saved_nanoseconds: counters.saved.load(Ordering::Relaxed),
            entries,
            bytes,
            budget: self.budget,
        }
    }
}

impl std::fmt::Debug for ColumnCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ColumnCache").field("budget", &self.budget).field("bytes", &self.kept().counts().1).finish_non_exhaustive()
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

    /// Whether nobody has to wait for them any more.
    pub fn is_done(&mut self) -> bool {
        let mut done = true;
        for part in &mut self.parts {
            let Part::Under(load, position) = part else { continue };
            match load.clone().now_or_never() {
                Some(Ok(loaded)) => {
                    if let Some(chunk) = loaded.get(*position) {
                        *part = Part::There(Arc::clone(chunk));
                    }
                }
                // It is told when they are wanted.
                Some(Err(_)) => {}
                None => done = false,
            }
        }
        done
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
