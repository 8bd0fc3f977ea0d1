//! The keys of one join.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clouddb_cache::set::IntegerSet;
use datafusion::execution::memory_pool::MemoryReservation;

/// So many keys are remembered: more leave little out, and a table of hashes does it as well.
pub(super) const MOST_KEYS: usize = 4 << 20;

/// The keys that a join's built side has, once all of its partitions are through.
#[derive(Debug)]
pub(crate) struct JoinKeys {
    /// The filter that the join hands down.
    filter: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Which partitions have begun.
    begun: Vec<bool>,
    /// How many are not through.
    missing: usize,
    /// By the position of the key, until all are through; nothing for keys that are not integers inside, or are too many.
    values: Vec<Option<Vec<i64>>>,
    sets: Vec<Option<Arc<IntegerSet>>>,
    /// Memory for all of this.
    reservations: Vec<MemoryReservation>,
}

/// The keys of one partition, by their positions.
pub(super) type Collected = Vec<Option<Vec<i64>>>;

impl JoinKeys {
    /// Of so many keys, on a side that has so many partitions.
    pub(super) fn new(filter: u64, keys: usize, partitions: usize) -> Self {
        let state = State {
            begun: vec![false; partitions],
            missing: partitions,
            values: vec![Some(Vec::new()); keys],
            sets: Vec::new(),
            reservations: Vec::new(),
        };
        Self { filter, state: Mutex::new(state) }
    }

    /// One key, whose values are known.
    #[cfg(test)]
    pub(crate) fn known(filter: u64, values: &[i64]) -> Self {
        let keys = Self::new(filter, 1, 1);
        keys.state().sets = vec![IntegerSet::new(values).map(Arc::new)];
        keys
    }

    /// The filter that the join hands down, by its identity.
    pub(crate) fn filter(&self) -> u64 {
        self.filter
    }

    /// The values of a key, by its position in the join, that a row must have one of to find a partner. `None` if that is not known, or not yet.
    pub(crate) fn set(&self, key: usize) -> Option<Arc<IntegerSet>> {
        self.state().sets.get(key)?.clone()
    }

    /// A partition begins; `false` if its keys are not wanted. A plan may be run again, and its rows need not be the same then: nothing is known from there on.
    pub(super) fn begin(&self, partition: usize) -> bool {
        let mut state = self.state();
        match state.begun.get_mut(partition) {
            Some(begun) if !*begun => {
                *begun = true;
                true
            }
            _ => {
                state.missing = usize::MAX;
                state.values.clear();
                state.sets.clear();
                state.reservations.clear();
                false
            }
        }
    }

    /// A partition is through, and has these keys.
    pub(super) fn add(&self, collected: Collected, reservation: MemoryReservation) {
        let mut state = self.state();
        for (all, values) in state.values.iter_mut().zip(collected) {
            let both = all.take().zip(values).filter(|(all, values)| all.len() + values.len() <= MOST_KEYS);
            *all = both.map(|(mut all, values)| {
                match all.is_empty() {
                    true => all = values,
                    false => all.extend(values),
                }
                all
            });
        }
        state.reservations.push(reservation);
        state.missing = state.missing.saturating_sub(1);
        if state.missing > 0 {
            return;
        }
        let (values, mut reservations) = (std::mem::take(&mut state.values), std::mem::take(&mut state.reservations));
        // Scans that begin meanwhile do without.
        drop(state);
        let needed = values.iter().flatten().map(|values| IntegerSet::memory_needed(values)).sum();
        let reservation = reservations.first().map(MemoryReservation::new_empty);
        let Some(reservation) = reservation.filter(|reservation| reservation.try_grow(needed).is_ok()) else { return };
        let sets = values.into_iter().map(|values| IntegerSet::new(&values?).map(Arc::new)).collect();
        reservations.clear();
        let mut state = self.state();
        // Unless the plan is being run again.
        if state.missing == 0 {
            state.sets = sets;
            state.reservations.push(reservation);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
