//! Which chunks are kept: some because somebody pinned them, the others as the policy says, in what the pins leave of the budget.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clouddb_storage::{Error, ErrorKind, Result};
use moka::sync::Cache;

use crate::chunk::Chunk;
use crate::columns::ChunkKey;
use crate::policy::CachePolicy;

/// Room for pins is taken from the others in steps of this share of the budget: moka's caches cannot shrink, so that each step makes a new one.
const STEPS: u64 = 16;

/// A chunk in the cache.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) chunk: Arc<Chunk>,
    /// What fetching and decoding it took, in nanoseconds.
    pub(crate) cost: u64,
}

/// See the module.
pub(crate) struct Kept {
    others: Cache<ChunkKey, Entry>,
    pinned: HashMap<ChunkKey, Entry>,
    pinned_bytes: u64,
    /// What of the budget the others may not use.
    set_aside: u64,
    budget: u64,
    policy: CachePolicy,
    evictions: Arc<AtomicU64>,
}

impl Kept {
    pub(crate) fn new(budget: u64, policy: CachePolicy) -> Self {
        let evictions: Arc<AtomicU64> = Arc::default();
        let others = cache(budget, policy, &evictions);
        Self { others, pinned: HashMap::new(), pinned_bytes: 0, set_aside: 0, budget, policy, evictions }
    }

    pub(crate) fn get(&self, key: &ChunkKey) -> Option<Entry> {
        self.pinned.get(key).cloned().or_else(|| self.others.get(key))
    }

    /// Keeps an entry, if the policy says so.
    pub(crate) fn insert(&self, key: ChunkKey, entry: Entry) {
        if self.budget > 0 && !self.pinned.contains_key(&key) {
            self.others.insert(key, entry);
        }
    }

    /// Lets go at once what the policy does not keep: moka waits until 64 entries have come, which may be more than the budget.
    pub(crate) fn settle(&self) {
        self.others.run_pending_tasks();
    }

    /// Keeps entries whatever else is wanted.
    ///
    /// # Errors
    /// *Limit* if all pins together would take more than the budget. Nothing is pinned then.
    pub(crate) fn pin(&mut self, entries: Vec<(ChunkKey, Entry)>) -> Result<()> {
        let new: Vec<_> = entries.into_iter().filter(|(key, _)| !self.pinned.contains_key(key)).collect();
        let bytes = self.pinned_bytes + new.iter().map(|(_, entry)| entry.chunk.memory_size() as u64).sum::<u64>();
        if bytes > self.budget {
            let of = self.budget;
            return Err(Error::new(ErrorKind::Limit, format!("the pinned columns would take {bytes} bytes of a cache of {of}"))
                .with_hint("give the cache more memory, name the columns that matter, or drop others with UNCACHE TABLE"));
        }
        for (key, entry) in new {
            self.others.invalidate(&key);
            self.pinned.insert(key, entry);
        }
        self.pinned_bytes = bytes;
        if self.pinned_bytes > self.set_aside {
            self.set_aside();
        }
        Ok(())
    }

    /// Forgets entries, pinned or not.
    pub(crate) fn forget(&mut self, keys: impl IntoIterator<Item = ChunkKey>) {
        for key in keys {
            self.others.invalidate(&key);
            if let Some(entry) = self.pinned.remove(&key) {
                self.pinned_bytes -= entry.chunk.memory_size() as u64;
            }
        }
        self.set_aside();
    }

    /// Sets aside what the pins take, and gives the others the rest.
    fn set_aside(&mut self) {
        let bytes = self.pinned_bytes.next_multiple_of((self.budget / STEPS).max(1)).min(self.budget);
        if bytes == self.set_aside {
            return;
        }
        self.set_aside = bytes;
        let others = cache(self.budget - self.set_aside, self.policy, &self.evictions);
        for (key, entry) in &self.others {
            others.insert(*key, entry);
        }
        self.others = others;
    }

    /// Whether little room is left for more.
    pub(crate) fn is_nearly_full(&self) -> bool {
        self.others.weighted_size() + self.set_aside > self.budget / 8 * 7
    }

    /// All entries, and whether they are pinned.
    pub(crate) fn entries(&self) -> Vec<(ChunkKey, Arc<Chunk>, bool)> {
        self.others.run_pending_tasks();
        let others = self.others.iter().map(|(key, entry)| (*key, entry.chunk, false));
        others.chain(self.pinned.iter().map(|(key, entry)| (*key, Arc::clone(&entry.chunk), true))).collect()
    }

    /// How many entries there are, their bytes, and how many left to make room.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        self.others.run_pending_tasks();
        let entries = self.others.entry_count() + self.pinned.len() as u64;
        (entries, self.others.weighted_size() + self.pinned_bytes, self.evictions.load(Ordering::Relaxed))
    }
}

fn cache(capacity: u64, policy: CachePolicy, evictions: &Arc<AtomicU64>) -> Cache<ChunkKey, Entry> {
    let evictions = Arc::clone(evictions);
    Cache::builder()
        .max_capacity(capacity)
        .eviction_policy(policy.eviction())
        .weigher(|_, entry: &Entry| u32::try_from(entry.chunk.memory_size()).unwrap_or(u32::MAX))
        .eviction_listener(move |_, _, cause| {
            if cause.was_evicted() {
                evictions.fetch_add(1, Ordering::Relaxed);
            }
        })
        .build()
}
