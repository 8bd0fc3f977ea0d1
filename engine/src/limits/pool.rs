//! Memory that operators account for: of the process, and within it of each statement.
//!
//! What can spill to disk gets what is free of the first half, and always its fair share of another half; beyond, its fair share of all as long as a quarter
//! stays free. What cannot spill gets what is free, first come first served, and always a quarter of all: who can spill gives way when it next asks. So one
//! large sort has much, and many operators of many statements still each have enough to work with. An operator that gets nothing spills, or fails with an
//! error that says which operator and which limit it was.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};

use super::size_text;
use crate::error::HINT;

/// What is held, and how much may be.
#[derive(Debug, Default)]
struct Account {
    limit: Option<usize>,
    /// Bytes of those who can spill, and of those who cannot.
    spillable: usize,
    fixed: usize,
    /// How many can spill.
    spillers: usize,
}

impl Account {
    fn of(limit: Option<usize>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Whether somebody who holds `size` bytes may hold so many more.
    fn allows(&self, can_spill: bool, size: usize, additional: usize) -> bool {
        let Some(limit) = self.limit else { return true };
        if additional == 0 {
            return true;
        }
        let after = self.spillable.saturating_add(self.fixed).saturating_add(additional);
        if !can_spill {
            return after <= limit || self.fixed.saturating_add(additional) <= limit / 4;
        }
        let spillers = self.spillers.max(1);
        let size = size.saturating_add(additional);
        after <= limit / 2
            || size <= limit / 2 / spillers
            || (size <= limit.saturating_sub(self.fixed) / spillers && after <= limit / 4 * 3)
    }

    fn add(&mut self, can_spill: bool, bytes: usize) {
        match can_spill {
            true => self.spillable += bytes,
            false => self.fixed += bytes,
        }
    }

    fn remove(&mut self, can_spill: bool, bytes: usize) {
        match can_spill {
            true => self.spillable = self.spillable.saturating_sub(bytes),
            false => self.fixed = self.fixed.saturating_sub(bytes),
        }
    }
}

/// Whether half of the memory that a statement may have is free: what only saves time grows no further.
pub(crate) fn leaves_room(pool: &Arc<dyn MemoryPool>) -> bool {
    match pool.memory_limit() {
        MemoryLimit::Finite(limit) => pool.reserved() <= limit / 2,
        MemoryLimit::Infinite | MemoryLimit::Unknown => true,
    }
}

/// The memory of all statements.
#[derive(Debug)]
pub(super) struct Process(Mutex<Account>);

impl Process {
    pub(super) fn new(limit: Option<usize>) -> Self {
        Self(Mutex::new(Account::of(limit)))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Account) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn limit(&self) -> Option<usize> {
        self.with(|account| account.limit)
    }

    pub(super) fn set_limit(&self, limit: Option<usize>) {
        self.with(|account| account.limit = limit);
    }
}

/// The memory of one statement, which is part of the process's.
#[derive(Debug)]
pub(super) struct QueryPool {
    process: Arc<Process>,
    account: Mutex<Account>,
}

impl QueryPool {
    pub(super) fn new(process: Arc<Process>, limit: Option<usize>) -> Self {
        Self { process, account: Mutex::new(Account::of(limit)) }
    }

    /// The statement's account and the process's, always locked in this order.
    fn with<T>(&self, work: impl FnOnce(&mut Account, &mut Account) -> T) -> T {
        let mut own = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        self.process.with(|process| work(&mut own, process))
    }

    fn with_each(&self, mut work: impl FnMut(&mut Account)) {
        self.with(|own, process| {
            work(own);
            work(process);
        });
    }
}

impl MemoryPool for QueryPool {
    fn name(&self) -> &str {
        "query"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            self.with_each(|account| account.spillers += 1);
        }
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            self.with_each(|account| account.spillers = account.spillers.saturating_sub(1));
        }
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.with_each(|account| account.add(reservation.consumer().can_spill(), additional));
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.with_each(|account| account.remove(reservation.consumer().can_spill(), shrink));
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let (can_spill, size) = (reservation.consumer().can_spill(), reservation.size());
        self.with(|own, process| {
            for (account, limit) in [(&*own, Limit::Query), (&*process, Limit::Process)] {
                if !account.allows(can_spill, size, additional) {
                    return Err(exhausted(reservation, additional, account, limit));
                }
            }
            own.add(can_spill, additional);
            process.add(can_spill, additional);
            Ok(())
        })
    }

    fn reserved(&self) -> usize {
        self.with(|own, _| own.spillable + own.fixed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        let limit = self.with(|own, process| own.limit.into_iter().chain(process.limit).min());
        limit.map_or(MemoryLimit::Infinite, MemoryLimit::Finite)
    }
}

impl fmt::Display for QueryPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), size_text(self.reserved()))
    }
}

/// Which limit it was.
#[derive(Debug, Clone, Copy)]
enum Limit {
    Query,
    Process,
}

/// The error for people.
fn exhausted(reservation: &MemoryReservation, additional: usize, account: &Account, limit: Limit) -> DataFusionError {
    let operator = operator(reservation.consumer().name());
    let (holds, wants) = (size_text(reservation.size()), size_text(additional));
    let of_all = size_text(account.spillable + account.fixed);
    let allowed = size_text(account.limit.unwrap_or(usize::MAX));
    let (whose, setting, flag) = match limit {
        Limit::Query => ("of the statement", "query_memory_limit", "--query-memory-limit"),
        Limit::Process => ("of all statements", "memory_limit", "--memory-limit"),
    };
    DataFusionError::ResourcesExhausted(format!(
        "not enough memory for {operator}, which holds {holds} and needs {wants} more: the operators {whose} hold {of_all}, and {setting} is {allowed}{HINT}raise the limit with SET {setting} = '8GB' ({flag} on the command line), or let the statement work on less at once"
    ))
}

/// An operator in words. `consumer` is its name with what tells its parts apart, as `HashJoinInput[3]`.
fn operator(consumer: &str) -> &str {
    const OPERATORS: [(&str, &str); 17] = [
        ("HashJoinInput", "a hash join"),
        ("NestedLoopJoin", "a join without equality"),
        ("CrossJoin", "a cross join"),
        ("SMJStream", "a merge join"),
        ("SymmetricHashJoin", "a hash join"),
        ("PiecewiseMergeJoin", "a merge join"),
        ("ExternalSorter", "a sort"),
        ("SortPreservingMerge", "merging sorted rows"),
        ("PartitionedTopK", "a window's first rows"),
        ("TopK", "ORDER BY with LIMIT"),
        ("Repartition", "dealing rows out to threads"),
        ("RecursiveQuery", "a recursive query"),
        ("WindowAgg", "a window function"),
        ("BoundedWindowAgg", "a window function"),
        ("ParquetSink", "writing Parquet"),
        ("Buffer", "a buffer of rows"),
        ("ScalarSubquery", "a subquery"),
    ];
    let known = OPERATORS.iter().find(|(name, _)| consumer.starts_with(name));
    match known {
        Some((_, words)) => words,
        None if consumer.contains("Aggregate") || consumer.contains("Group") => "an aggregation",
        None => consumer.split('[').next().unwrap_or(consumer),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const MB: usize = 1 << 20;

    fn pool(process: &Arc<Process>, limit: Option<usize>) -> Arc<dyn MemoryPool> {
        Arc::new(QueryPool::new(Arc::clone(process), limit))
    }

    fn fixed(pool: &Arc<dyn MemoryPool>) -> MemoryReservation {
        MemoryConsumer::new("HashJoinInput[1]").register(pool)
    }

    fn spiller(pool: &Arc<dyn MemoryPool>) -> MemoryReservation {
        MemoryConsumer::new("ExternalSorter[0]").with_can_spill(true).register(pool)
    }

    #[test]
    fn a_statement_has_its_own_limit_within_the_process() {
        let process = Arc::new(Process::new(Some(100 * MB)));
        let (small, large) = (pool(&process, Some(10 * MB)), pool(&process, None));
        let (one, other) = (fixed(&small), fixed(&large));
        one.try_grow(10 * MB).unwrap();
        let error = one.try_grow(1).unwrap_err().to_string();
        assert!(error.contains("a hash join") && error.contains("query_memory_limit is 10MiB"), "{error}");
        other.try_grow(90 * MB).unwrap();
        let error = other.try_grow(1).unwrap_err().to_string();
        assert!(error.contains(" memory_limit is 100MiB"), "{error}");
        drop(one);
        other.try_grow(10 * MB).unwrap();
        process.set_limit(Some(50 * MB));
        other.try_grow(1).unwrap_err();
        process.set_limit(None);
        other.try_grow(1 << 40).unwrap();
    }

    #[test]
    fn who_spills_has_a_fair_share_at_least() {
        let process = Arc::new(Process::new(Some(100 * MB)));
        let pool = pool(&process, None);
        let spillers: Vec<_> = (0..10).map(|_| spiller(&pool)).collect();
        // The first half is free for whoever asks first.
        spillers[0].try_grow(50 * MB).unwrap();
        spillers[0].try_grow(1).unwrap_err();
        for other in &spillers[1..] {
            other.try_grow(5 * MB).unwrap();
        }
        let waiting = fixed(&pool);
        waiting.try_grow(30 * MB).unwrap_err();
        spillers[0].free();
        waiting.try_grow(50 * MB).unwrap();
        spillers[1].try_grow(5 * MB).unwrap_err();
    }

    #[test]
    fn everything_comes_back() {
        let process = Arc::new(Process::new(Some(MB)));
        let pool = pool(&process, Some(MB));
        {
            let (one, other) = (fixed(&pool), spiller(&pool));
            one.grow(10 * MB);
            other.grow(MB);
            assert_eq!(pool.reserved(), 11 * MB);
            one.shrink(MB);
        }
        assert_eq!(pool.reserved(), 0);
        assert_eq!(process.with(|account| (account.fixed, account.spillable, account.spillers)), (0, 0, 0));
    }
}
