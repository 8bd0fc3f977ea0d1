//! How often columns of row groups were missing lately, roughly.
//!
//! A counter for each hash of a key, halved now and then so that what is long ago counts for less: as in TinyLFU (Einziger, Friedman, Manes: "TinyLFU: A
//! Highly Efficient Cache Admission Policy", 2017), with one row of counters. Keys that share a counter seem to be wanted more often than they are, which costs
//! a load that was not worth it, and nothing else.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use crate::columns::ChunkKey;

/// As many counters as columns of row groups that may be missed between two halvings.
const COUNTERS: usize = 64 * 1024;

/// See the module.
pub(crate) struct Frequency {
    counters: Box<[AtomicU8]>,
    noted: AtomicUsize,
    hasher: RandomState,
}

impl Default for Frequency {
    fn default() -> Self {
        let counters = std::iter::repeat_with(AtomicU8::default).take(COUNTERS).collect();
        Self { counters, noted: AtomicUsize::default(), hasher: RandomState::new() }
    }
}

impl Frequency {
    /// Notes that a column was missing; how often that was, with this time.
    pub(crate) fn note(&self, key: &ChunkKey) -> u8 {
        if self.noted.fetch_add(1, Ordering::Relaxed) % COUNTERS == COUNTERS - 1 {
            for counter in &self.counters {
                counter.store(counter.load(Ordering::Relaxed) / 2, Ordering::Relaxed);
            }
        }
        // The remainder fits in any case.
        #[allow(clippy::cast_possible_truncation)]
        let counter = &self.counters[self.hasher.hash_one(key) as usize % COUNTERS];
        // Two at once may count as one: nobody minds.
        let count = counter.load(Ordering::Relaxed).saturating_add(1);
        counter.store(count, Ordering::Relaxed);
        count
    }
}

#[cfg(test)]
mod tests {
    use clouddb_storage::{SegmentId, SessionId};

    use super::*;

    fn key(row_group: u32) -> ChunkKey {
        let segment = SegmentId { session: SessionId { opened_at: 1, random: 2 }, number: 3 };
        ChunkKey { segment, row_group, field_id: 1 }
    }

    #[test]
    fn what_is_long_ago_counts_for_less() {
        let frequency = Frequency::default();
        assert_eq!((1..=10).map(|_| frequency.note(&key(0))).max(), Some(10));
        // Of so many others about each counter gets one, and all are halved.
        for other in 0..COUNTERS as u32 {
            frequency.note(&key(other + 1));
        }
        assert!((5..=9).contains(&frequency.note(&key(0))));
    }
}
