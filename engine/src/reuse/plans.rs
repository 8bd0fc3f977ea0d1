//! Optimized plans of queries, by the text of the statement.
//!
//! A plan is kept when its query is planned for the second time: the first run may have planned without seeing the columns that it then loaded, and most
//! texts never come again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use datafusion::logical_expr::LogicalPlan;
use moka::sync::Cache;

use super::ReuseCounts;

/// How many texts are remembered.
const ENTRIES: u64 = 1024;

/// A plan that nobody asks for holds on to its snapshot no longer than this.
const IDLE: Duration = Duration::from_secs(600);

/// Longer texts are lists of values, mostly, and come once.
const LONGEST_TEXT: usize = 64 * 1024;

/// A statement's text, and the settings that it is planned with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    sql: Arc<str>,
    settings: u64,
}

/// A query as it is kept: optimized, and what its columns are called where the plan does not say it.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    /// The optimized plan.
    pub(crate) plan: Arc<LogicalPlan>,
    /// The names of the result's columns, where they are not the plan's.
    pub(crate) names: Option<Arc<[String]>>,
}

#[derive(Debug, Clone)]
struct Entry {
    /// The snapshot that it was planned on.
    snapshot: u64,
    /// The plan, from the second time on.
    query: Option<Query>,
    /// What planning took.
    cost: Duration,
}

/// See the module. Cloning is cheap; clones share the entries.
#[derive(Debug, Clone)]
pub(crate) struct PlanCache {
    entries: Cache<Key, Entry>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    evictions: AtomicU64,
    saved: AtomicU64,
}

impl PlanCache {
    pub(super) fn new() -> Self {
        let counters: Arc<Counters> = Arc::default();
        let evictions = Arc::clone(&counters);
        let entries = Cache::builder()
            .max_capacity(ENTRIES)
            .time_to_idle(IDLE)
            .eviction_listener(move |_, _, cause| {
                if cause.was_evicted() {
                    evictions.evictions.fetch_add(1, Ordering::Relaxed);
                }
            })
            .build();
        Self { entries, counters }
    }

    /// Whether there is a plan for the text, on whichever snapshot.
    pub(crate) fn knows(&self, sql: &str, settings: u64) -> bool {
        sql.len() <= LONGEST_TEXT && self.entries.get(&key(sql, settings)).is_some_and(|entry| entry.query.is_some())
    }

    /// The plan for the text on a snapshot.
    pub(crate) fn get(&self, sql: &str, settings: u64, snapshot: u64) -> Option<Query> {
        let entry = self.entries.get(&key(sql, settings)).filter(|entry| entry.snapshot == snapshot)?;
        let query = entry.query?;
        self.counters.hits.fetch_add(1, Ordering::Relaxed);
        self.counters.saved.fetch_add(u64::try_from(entry.cost.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        Some(query)
    }

    /// Notes that a query was planned, and keeps the plan if that is not the first time on this snapshot.
    pub(crate) fn planned(&self, sql: &str, settings: u64, snapshot: u64, query: &Query, cost: Duration) {
        if sql.len() > LONGEST_TEXT {
            return;
        }
        self.counters.misses.fetch_add(1, Ordering::Relaxed);
        let key = key(sql, settings);
        let again = self.entries.get(&key).is_some_and(|entry| entry.snapshot == snapshot);
        self.entries.insert(key, Entry { snapshot, query: again.then(|| query.clone()), cost });
    }

    /// What it did so far. Its budget is a number of entries, so that it has none in bytes.
    pub(crate) fn counts(&self) -> ReuseCounts {
        self.entries.run_pending_tasks();
        ReuseCounts {
            entries: self.entries.entry_count(),
            bytes: 0,
            budget: 0,
            hits: self.counters.hits.load(Ordering::Relaxed),
            misses: self.counters.misses.load(Ordering::Relaxed),
            evictions: self.counters.evictions.load(Ordering::Relaxed),
            saved_nanoseconds: self.counters.saved.load(Ordering::Relaxed),
        }
    }
}

fn key(sql: &str, settings: u64) -> Key {
    Key { sql: Arc::from(sql), settings }
}
