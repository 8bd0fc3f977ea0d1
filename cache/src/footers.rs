//! A cache of segments' footers.
//!
//! Invariants: a footer is verified against the log before it enters; concurrent readers of one segment cause one request (single flight); an
//! error is never cached. It does not know which table or database a segment belongs to: a segment's id is unique everywhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clouddb_storage::segment::ParquetLocation;
use clouddb_storage::segment::reader::{self, SegmentFooter};
use clouddb_storage::store::Store;
use clouddb_storage::{Result, SegmentId};
use futures::FutureExt;
use moka::future::Cache;

/// How many bytes of footers are kept unless the caller says otherwise. A footer with page indexes takes some 100 KiB for a segment of a hundred
/// million values, so this is room for the segments of a database of some 50 GB. A small file of a remote store is kept with its footer, so it is
/// also room for at least 250 of those.
pub const DEFAULT_FOOTER_BYTES: u64 = 64 << 20;

/// What an entry costs beside the footer: the key, and moka's own bookkeeping for it.
const ENTRY_OVERHEAD: usize = size_of::<SegmentId>() + 128;

/// A cache of segments' footers, bounded by their size in memory. Cloning is cheap; clones share the entries.
#[derive(Clone)]
pub struct FooterCache {
    entries: Cache<SegmentId, Arc<SegmentFooter>>,
    counters: Arc<Counters>,
    budget: u64,
}

#[derive(Default)]
struct Counters {
    hits: AtomicU64,
    loads: AtomicU64,
    evictions: AtomicU64,
    load_nanoseconds: AtomicU64,
}

/// What a cache did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FooterCacheCounts {
    /// Footers that were there already, or that another call was fetching.
    pub hits: u64,
    /// Footers fetched from the store.
    pub loads: u64,
    /// Entries now.
    pub entries: u64,
    /// Bytes that the entries take now.
    pub bytes: u64,
    /// Bytes that they may take.
    pub budget: u64,
    /// Footers that left to make room.
    pub evictions: u64,
    /// Nanoseconds that the hits would have taken to load, at what a load took on average.
    pub saved_nanoseconds: u64,
}

impl FooterCache {
    /// A cache that keeps at most `budget` bytes of footers. A footer that does not fit is used and forgotten.
    pub fn new(budget: u64) -> Self {
        let counters: Arc<Counters> = Arc::default();
        let evictions = Arc::clone(&counters);
        let entries = Cache::builder()
            .max_capacity(budget)
            .weigher(|_, footer: &Arc<SegmentFooter>| u32::try_from(footer.memory_size() + ENTRY_OVERHEAD).unwrap_or(u32::MAX))
            .eviction_listener(move |_, _, cause| {
                if cause.was_evicted() {
                    evictions.evictions.fetch_add(1, Ordering::Relaxed);
                }
            })
            .build();
        Self { entries, counters, budget }
    }

    /// A segment's footer, from memory or else from the store.
    ///
    /// # Errors
    /// Those of [`reader::read_footer`].
    pub async fn footer(&self, store: &Store, segment: SegmentId, location: &ParquetLocation) -> Result<Arc<SegmentFooter>> {
        self.footer_by(segment, async { reader::read_footer(store, location).await.map(Arc::new) }).await
    }

    /// A segment's footer, from memory or else by `load`.
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn footer_by(
        &self,
        segment: SegmentId,
        load: impl Future<Output = Result<Arc<SegmentFooter>>>,
    ) -> Result<Arc<SegmentFooter>> {
        // The error is shared by all who waited for the same request; cloning it is cheap.
        let begin = Instant::now();
        let entry = self.entries.entry(segment).or_try_insert_with(load).await.map_err(Arc::unwrap_or_clone)?;
        if entry.is_fresh() {
            let took = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.counters.load_nanoseconds.fetch_add(took, Ordering::Relaxed);
        }
        let counter = if entry.is_fresh() { &self.counters.loads } else { &self.counters.hits };
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(entry.into_value())
    }

    /// Whether a segment's footer is in memory. Does not count as a use.
    pub fn contains(&self, segment: SegmentId) -> bool {
        self.entries.contains_key(&segment)
    }

    /// A segment's footer, if it is in memory.
    pub fn get(&self, segment: SegmentId) -> Option<Arc<SegmentFooter>> {
        // moka's answer is there at once; it is a future for the sake of its maintenance, which other calls do as well.
        self.entries.get(&segment).now_or_never().flatten()
    }

    /// Adds a footer that was read in another way: ahead of need, together with the log. One that is there already stays.
    pub async fn insert(&self, segment: SegmentId, footer: Arc<SegmentFooter>) {
        self.entries.entry(segment).or_insert(footer).await;
    }

    /// About how many bytes footers take, without waiting for anything.
    pub fn bytes(&self) -> u64 {
        self.entries.weighted_size()
    }

    /// What it did so far. Waits for pending evictions, so that the sizes are those of now.
    pub async fn counts(&self) -> FooterCacheCounts {
        self.entries.run_pending_tasks().await;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (hits, loads) = (count(&self.counters.hits), count(&self.counters.loads));
        FooterCacheCounts {
            hits,
            loads,
            budget: self.budget,
            evictions: count(&self.counters.evictions),
            saved_nanoseconds: (count(&self.counters.load_nanoseconds) / loads.max(1)).saturating_mul(hits),
            entries: self.entries.entry_count(),
            bytes: self.entries.weighted_size(),
        }
    }
}

impl Default for FooterCache {
    fn default() -> Self {
        Self::new(DEFAULT_FOOTER_BYTES)
    }
}

impl std::fmt::Debug for FooterCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FooterCache").field("entries", &self.entries.entry_count()).field("bytes", &self.entries.weighted_size()).finish()
    }
}
