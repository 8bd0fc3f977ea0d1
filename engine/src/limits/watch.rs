//! A thread that looks at statements while there are any: at their deadlines, and at the memory that the process really holds.
//!
//! It is a thread and no task, because statements may keep all of a runtime's threads busy. It ends when nothing has run for a while.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::pool::Process;
use super::resident::private_bytes;
use super::statement::Running;
use super::{duration_text, size_text};
use crate::error::{Error, ErrorKind};

/// How often it looks. Memory grows by some ten megabytes meanwhile, or by some hundred where a single operator fills it.
const INTERVAL: Duration = Duration::from_millis(20);

/// How long it waits for the memory of a statement that it stopped before it stops another: what is freed comes back with a delay.
const GRACE: Duration = Duration::from_millis(300);

/// How long it stays without anything to watch: a thread for each of many short statements would cost more than a few looks.
const IDLE: Duration = Duration::from_secs(1);

/// Memory beside operators and caches: buffers of requests, batches under way, plans.
const HEADROOM: u64 = 512 << 20;

/// How many bytes caches hold now.
pub(crate) type Cached = Box<dyn Fn() -> u64 + Send>;

/// Whoever watches the statements of one database.
#[derive(Debug)]
pub(super) struct Watch(Arc<Mutex<Watched>>);

struct Watched {
    process: Arc<Process>,
    cached: Cached,
    statements: Vec<Weak<Running>>,
    has_thread: bool,
    /// Memory that was held at the last look, and at the last one when nothing ran.
    last: u64,
    at_rest: u64,
    /// When a statement was stopped for its memory.
    stopped: Option<Instant>,
    /// When something last ran.
    busy: Instant,
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched").field("process", &self.process).field("statements", &self.statements.len()).finish_non_exhaustive()
    }
}

impl Watch {
    pub(super) fn new(process: Arc<Process>, cached: Cached) -> Self {
        let at_rest = private_bytes().unwrap_or(0);
        Self(Arc::new(Mutex::new(Watched {
            process,
            cached,
            statements: Vec::new(),
            has_thread: false,
            last: at_rest,
            at_rest,
            stopped: None,
            busy: Instant::now(),
        })))
    }

    /// Watches a statement until it is over.
    pub(super) fn add(&self, running: &Arc<Running>) {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if running.deadline.is_none() && watched.process.limit().is_none() {
            // Nothing to look for.
            return;
        }
        watched.statements.push(Arc::downgrade(running));
        if !watched.has_thread {
            let shared = Arc::clone(&self.0);
            let look = move || {
                loop {
                    #[allow(clippy::disallowed_methods, reason = "a thread of its own, and no runtime's")]
                    std::thread::sleep(INTERVAL);
                    let mut watched = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    if !watched.look() {
                        watched.has_thread = false;
                        return;
                    }
                }
            };
            // Without a thread statements run on, unwatched: better than none at all.
            watched.has_thread = std::thread::Builder::new().name("clouddb-watch".to_owned()).spawn(look).is_ok();
        }
    }
}

impl Watched {
    /// Looks at everything; `false` if there has been nothing to look at for a while.
    fn look(&mut self) -> bool {
        let now = Instant::now();
        self.statements.retain(|statement| statement.upgrade().is_some_and(|running| !running.is_stopped()));
        let running: Vec<_> = self.statements.iter().filter_map(Weak::upgrade).collect();
        for statement in &running {
            if let Some((deadline, timeout)) = statement.deadline
                && now >= deadline
                && !statement.is_committing()
            {
                statement.stop(Some(timed_out(timeout)));
            }
        }
        self.look_at_memory(&running, now);
        if !running.is_empty() {
            self.busy = now;
        }
        now.duration_since(self.busy) < IDLE
    }

    fn look_at_memory(&mut self, running: &[Arc<Running>], now: Instant) {
        let (Some(limit), Some(held)) = (self.process.limit(), private_bytes()) else { return };
        let grown = held.saturating_sub(self.last);
        self.last = held;
        if running.is_empty() {
            // What allocators keep of earlier statements is nobody's fault.
            self.at_rest = held;
            return;
        }
        let share = grown / running.len() as u64;
        for statement in running {
            statement.growth.fetch_add(share, Ordering::Relaxed);
        }
        let limit = limit as u64;
        let room = limit + limit / 4 + (self.cached)() + HEADROOM;
        if held <= room.max(self.at_rest + HEADROOM) || self.stopped.is_some_and(|stopped| now.duration_since(stopped) < GRACE) {
            return;
        }
        // Whoever was there while memory grew, and grew most.
        let candidates = running.iter().filter(|statement| !statement.is_committing() && !statement.is_stopped());
        if let Some(statement) = candidates.max_by_key(|statement| statement.growth.load(Ordering::Relaxed)) {
            statement.stop(Some(too_large(held, limit)));
            self.stopped = Some(now);
        }
    }
}

fn timed_out(timeout: Duration) -> Error {
    Error::new(ErrorKind::Limit, format!("the statement ran for longer than statement_timeout, {}", duration_text(timeout)))
        .with_hint("SET statement_timeout = '5min' gives it more time, and 0 all the time it needs")
}

fn too_large(held: u64, limit: u64) -> Error {
    let (held, limit) = (size_text(usize::try_from(held).unwrap_or(usize::MAX)), size_text(usize::try_from(limit).unwrap_or(usize::MAX)));
    Error::new(
        ErrorKind::Limit,
        format!("the statement was stopped, because the process came to hold {held} of memory; memory_limit is {limit}"),
    )
    .with_hint(
        "raise the limit with SET memory_limit = '8GB' (--memory-limit on the command line), or let the statement work on less at once",
    )
}
