//! Rows of queries, by the optimized plan.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use datafusion::logical_expr::LogicalPlan;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::ReuseCounts;

/// One result may take this share of the budget.
const LARGEST_SHARE: u64 = 8;

/// What an entry takes beside its rows, roughly: the plan.
const ENTRY_BYTES: u64 = 16 * 1024;

/// What a result is the result of. Tables are named in the plan, and mean those of the snapshot.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ResultKey {
    pub(crate) plan: LogicalPlan,
    pub(crate) snapshot: u64,
    pub(crate) settings: u64,
}

/// The rows of a query.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) batches: Vec<RecordBatch>,
    pub(super) bytes: u64,
    /// What running the query took.
    pub(super) cost: Duration,
}

/// See the module. Cloning is cheap; clones share the entries.
#[derive(Debug, Clone)]
pub(crate) struct ResultCache {
    entries: Cache<Arc<ResultKey>, Arc<Kept>>,
    counters: Arc<Counters>,
    budget: u64,
}

#[derive(Debug, Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    evictions: AtomicU64,
    saved: AtomicU64,
}

impl ResultCache {
    pub(super) fn new(budget: u64) -> Self {
        let counters: Arc<Counters> = Arc::default();
        let evictions = Arc::clone(&counters);
        let entries = Cache::builder()
            .max_capacity(budget)
            // Those of older snapshots are never asked for again, however often they were.
            .eviction_policy(EvictionPolicy::lru())
            .weigher(|_, kept: &Arc<Kept>| u32::try_from(kept.bytes.saturating_add(ENTRY_BYTES)).unwrap_or(u32::MAX))
            .eviction_listener(move |_, _, cause| {
                if cause.was_evicted() {
                    evictions.evictions.fetch_add(1, Ordering::Relaxed);
                }
            })
            .build();
        Self { entries, counters, budget }
    }

    /// Whether anything is kept at all.
    pub(crate) fn is_on(&self) -> bool {
        self.budget > 0
    }

    /// How many bytes the rows of one query may take.
    pub(super) fn most_bytes(&self) -> u64 {
        self.budget / LARGEST_SHARE
    }

    pub(super) fn get(&self, key: &Arc<ResultKey>) -> Option<Arc<Kept>> {
        let kept = self.entries.get(key);
        match &kept {
            Some(kept) => {
                self.counters.hits.fetch_add(1, Ordering::Relaxed);
                self.counters.saved.fetch_add(u64::try_from(kept.cost.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
            None => {
                self.counters.misses.fetch_add(1, Ordering::Relaxed);
            }
        }
        kept
    }

    pub(super) fn keep(&self, key: Arc<ResultKey>, kept: Kept) {
        self.entries.insert(key, Arc::new(kept));
    }

    /// What it did so far.
    pub(crate) fn counts(&self) -> ReuseCounts {
        self.entries.run_pending_tasks();
        ReuseCounts {
            entries: self.entries.entry_count(),
            bytes: self.entries.weighted_size(),
            budget: self.budget,
            hits: self.counters.hits.load(Ordering::Relaxed),
            misses: self.counters.misses.load(Ordering::Relaxed),
            evictions: self.counters.evictions.load(Ordering::Relaxed),
            saved_nanoseconds: self.counters.saved.load(Ordering::Relaxed),
        }
    }
}
