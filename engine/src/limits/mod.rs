//! What keeps one statement from taking everything: time, memory, and a way to stop it at any moment.
//!
//! - `statement`: one statement that runs: its deadline, its memory, and whether it has been stopped.
//! - `watch`: a thread that looks at deadlines and at the process's real memory while statements run.
//! - `pool`: memory that operators account for: of the process, and within it of each statement.
//! - `guard`: plans whose operators notice that they have been stopped, also those that never wait; `pace`: and that let others run.
//! - `resident`: how much memory the process really holds; `amounts`: sizes and durations as people write them.
//!
//! A statement is stopped by a flag. Whoever waits for its rows gets the error at once; its operators see the flag before each batch that they hand out and
//! at each evaluation of a join's condition. One call of a function over one batch is never interrupted.

mod amounts;
mod guard;
mod pace;
mod polled;
mod pool;
mod resident;
mod statement;
mod watch;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use datafusion::execution::memory_pool::MemoryPool;

pub(crate) use amounts::{duration_text, size_text};
pub use amounts::{parse_duration, parse_size};
pub(crate) use guard::guarded;
pub(crate) use polled::check_stopped;
pub(crate) use pool::leaves_room;
use pool::{Process, QueryPool};
pub(crate) use statement::{Held, Running};
use watch::Watch;

pub(crate) use watch::Cached;

/// What one statement may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StatementLimits {
    /// How long it may run.
    pub(crate) timeout: Option<Duration>,
    /// How many bytes its operators may hold.
    pub(crate) memory: Option<usize>,
}

/// The limits of a database in this process: memory that all statements share, and who watches them.
#[derive(Debug)]
pub(crate) struct Limits {
    process: Arc<Process>,
    watch: Watch,
}

impl Limits {
    /// Limits on what operators hold. `cached` says how many bytes caches hold besides.
    pub(crate) fn new(memory: Option<usize>, cached: Cached) -> Self {
        let process = Arc::new(Process::new(memory));
        let watch = Watch::new(Arc::clone(&process), cached);
        Self { process, watch }
    }

    /// Begins a statement. It is watched until the answer is dropped, and then stopped, if it still runs. While `committing` is set it is not stopped.
    pub(crate) fn begin(&self, limits: StatementLimits, committing: Arc<AtomicBool>) -> Held {
        let pool = Arc::new(QueryPool::new(Arc::clone(&self.process), limits.memory));
        let running = Arc::new(Running::new(limits.timeout, pool, committing));
        self.watch.add(&running);
        Held::new(running)
    }

    /// Memory without a statement: for contexts that plan only.
    pub(crate) fn pool(&self) -> Arc<dyn MemoryPool> {
        Arc::new(QueryPool::new(Arc::clone(&self.process), None))
    }

    /// How many bytes the operators of all statements may hold.
    pub(crate) fn memory(&self) -> Option<usize> {
        self.process.limit()
    }

    /// Changes that. What is held already stays held.
    pub(crate) fn set_memory(&self, bytes: Option<usize>) {
        self.process.set_limit(bytes);
    }
}
