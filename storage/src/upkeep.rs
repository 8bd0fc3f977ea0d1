//! Work that follows commits, in the background: checkpoints, `head`, and writing inline rows to files.
//!
//! Nothing here is needed for correctness. A process that ends before it is done leaves the work to the next writer.
//!
//! A root is due when the log behind the newest one has become long. Where requests cross a network, `head` is also due when more records stand
//! behind it than a new reader asks for at once, and when a large file was added: whoever opens the database fetches the footers of the segments
//! that `head` knows together with the log behind it; a footer that only the log tells of would cost a trip more. (Small files are read whole,
//! footer and rows at once, and need no such care.)

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::task::{AbortHandle, JoinHandle};

use crate::checkpoint::HEAD;
use crate::checkpoint::fold::{KnownNodes, fold, write_head, write_root};
use crate::error::{ErrorKind, Result};
use crate::format::root::decode_root;
use crate::handle::Handle;
use crate::segment::reader::is_read_whole;
use crate::segment::{SegmentBody, SegmentMeta};
use crate::shared::Shared;
use crate::state::{State, TableState};
use crate::store::{Store, StoreKind};

/// Records behind the newest root before the next one is due.
const FOLD_RECORDS: u64 = 128;

/// Bytes of records behind the newest checkpoint before the next one is due.
const FOLD_BYTES: u64 = 512 << 10;

/// Records behind `head` before it is due where requests cross a network: a new reader asks for 32 at once, and a few more may come before `head` is
/// written.
const HEAD_RECORDS: u64 = 24;

/// `head` is replaced at most this often: some stores allow one write a second to one object.
const HEAD_PAUSE: Duration = Duration::from_secs(1);

/// Inline segments of a table, and their bytes, before they are written to a file: decoding this many takes some milliseconds.
const FLUSH_SEGMENTS: u64 = 1024;
const FLUSH_BYTES: u64 = 512 << 10;

fn fold_records() -> u64 {
    #[cfg(feature = "simulation")]
    if let Some(records) = crate::simulation::fold_records() {
        return records;
    }
    FOLD_RECORDS
}

fn flush_segments() -> u64 {
    #[cfg(feature = "simulation")]
    if let Some(segments) = crate::simulation::flush_segments() {
        return segments;
    }
    FLUSH_SEGMENTS
}

/// Whether a segment is one that `head` should know: a reader's first request for it brings no rows.
pub(crate) fn belongs_in_head(store: &Store, segment: &SegmentMeta) -> bool {
    match &segment.body {
        SegmentBody::Parquet(location) => store.kind() != StoreKind::Local && !is_read_whole(store, location),
        SegmentBody::Inline(_) => false,
    }
}

/// A commit, as far as it matters here.
pub(crate) struct Committed<'a> {
    pub(crate) after: &'a State,
    /// Bytes of its record.
    pub(crate) bytes: usize,
    /// Whether it added a segment that belongs in `head`.
    pub(crate) belongs_in_head: bool,
}

/// The background work of one open database.
#[derive(Debug)]
pub(crate) struct Upkeep {
    enabled: bool,
    /// The slot that `head` is of, as far as this process knows.
    head: AtomicU64,
    /// The newest slot with a segment that belongs in `head`, as far as this process knows.
    wanted: AtomicU64,
    /// Records behind `head` before it is due.
    head_records: u64,
    /// Bytes of records since the newest root, as far as this process wrote them.
    tail_bytes: AtomicU64,
    folding: Work,
    flushing: Work,
    checkpoints: tokio::sync::Mutex<Checkpoints>,
}

/// What this process knows of the checkpoints in the store.
#[derive(Debug)]
struct Checkpoints {
    nodes: KnownNodes,
    /// When it wrote `head` last, or tried to.
    tried: Option<Duration>,
}

impl Upkeep {
    /// For a database that was opened with `state`, from a checkpoint of slot `head` with these nodes.
    pub(crate) fn new(enabled: bool, store: &Store, state: &State, head: u64, nodes: KnownNodes) -> Self {
        // Left over from a writer that ended before it was done. Segments stand in the order in which they were added.
        let newer = |table: &Arc<TableState>| {
            let newer = table.segments().rev().take_while(|segment| segment.added_at > head);
            newer.filter(|segment| belongs_in_head(store, segment)).map(|segment| segment.added_at).max()
        };
        let wanted = state.tables.values().filter_map(newer).max().unwrap_or(0);
        Self {
            enabled,
            head: AtomicU64::new(head),
            wanted: AtomicU64::new(wanted),
            head_records: if store.kind() == StoreKind::Local { u64::MAX } else { HEAD_RECORDS },
            tail_bytes: AtomicU64::new(0),
            folding: Work::default(),
            flushing: Work::default(),
            checkpoints: tokio::sync::Mutex::new(Checkpoints { nodes, tried: None }),
        }
    }

    /// Looks whether something is due after a commit.
    pub(crate) fn committed(&self, shared: &Arc<Shared>, handle: &Weak<Handle>, commit: &Committed<'_>) {
        if !self.enabled {
            return;
        }
        self.tail_bytes.fetch_add(commit.bytes as u64, Ordering::Relaxed);
        if commit.belongs_in_head {
            self.wanted.fetch_max(commit.after.slot, Ordering::Relaxed);
        }
        if self.is_fold_due(commit.after.slot) && !commit.after.has_unknown_actions {
            start(shared, "writing a checkpoint", |upkeep| &upkeep.folding, |shared| async move { shared.upkeep.fold(&shared).await });
        }
        if full_table(commit.after).is_some() {
            let handle = Weak::clone(handle);
            start(shared, "writing rows of small commits to a file", |upkeep| &upkeep.flushing, move |_| flush(Weak::clone(&handle)));
        }
    }

    fn is_fold_due(&self, slot: u64) -> bool {
        let head = self.head.load(Ordering::Relaxed);
        self.is_root_due(slot, head) || self.wanted.load(Ordering::Relaxed) > head || slot.saturating_sub(head) >= self.head_records
    }

    /// Whether `head` alone is not enough. Where large files are added all the time, `head` follows closely; roots stay as they are for ever, so they
    /// are made as rarely as ever: one for every so many slots.
    fn is_root_due(&self, slot: u64, head: u64) -> bool {
        slot / fold_records() > head / fold_records() || self.tail_bytes.load(Ordering::Relaxed) >= FOLD_BYTES
    }

    async fn fold(&self, shared: &Arc<Shared>) -> Result<()> {
        if !self.is_fold_due(shared.tip().slot) {
            return Ok(());
        }
        let mut checkpoints = self.checkpoints.lock().await;
        let clock = &shared.env.clock;
        if let Some(last) = checkpoints.tried {
            clock.sleep((last + HEAD_PAUSE).saturating_sub(clock.elapsed())).await;
        }
        let (state, tail_bytes) = (shared.tip(), self.tail_bytes.load(Ordering::Relaxed));
        // Another writer may have been quicker: one small request tells.
        let known = self.head.load(Ordering::Relaxed);
        let head = known.max(head_slot(shared).await?);
        if head > known {
            self.head.store(head, Ordering::Relaxed);
        }
        if head >= state.slot || !self.is_fold_due(state.slot) {
            return Ok(());
        }
        let written = self.write(&shared.store, &state, head, tail_bytes, &mut checkpoints.nodes).await;
        checkpoints.tried = Some(clock.elapsed());
        written
    }

    async fn write(&self, store: &Store, state: &State, head: u64, tail_bytes: u64, nodes: &mut KnownNodes) -> Result<()> {
        let root = fold(store, state, nodes).await?;
        if self.is_root_due(state.slot, head) {
            write_root(store, &root).await?;
            self.tail_bytes.fetch_sub(tail_bytes, Ordering::Relaxed);
        }
        write_head(store, &root).await?;
        self.head.store(state.slot, Ordering::Relaxed);
        Ok(())
    }

    /// Waits for what is under way.
    pub(crate) async fn finish(&self) {
        for work in [&self.flushing, &self.folding] {
            let task = work.lock().as_mut().and_then(|running| running.task.take());
            if let Some(task) = task {
                // A task that failed has said so; nothing depends on it.
                let _ = task.await;
            }
        }
    }
}

/// One kind of work, of which at most one piece is under way.
#[derive(Debug, Default)]
struct Work(Mutex<Option<Running>>);

#[derive(Debug)]
struct Running {
    alive: AbortHandle,
    /// Taken by whoever waits for its end.
    task: Option<JoinHandle<()>>,
    /// Whether something became due since it began: it has to look again.
    again: bool,
}

impl Work {
    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the piece under way has to look again; if not, it is over.
    fn goes_on(&self) -> bool {
        let mut running = self.lock();
        let again = running.as_mut().is_some_and(|running| std::mem::take(&mut running.again));
        if !again {
            *running = None;
        }
        again
    }
}

/// Starts a piece of work, or has the one that is running look again when it is done.
fn start<F: Future<Output = Result<()>> + Send + 'static>(
    shared: &Arc<Shared>,
    what: &'static str,
    which: fn(&Upkeep) -> &Work,
    work: impl Fn(Arc<Shared>) -> F + Send + 'static,
) {
    let mut running = which(&shared.upkeep).lock();
    // One whose runtime has ended is neither alive nor over.
    if let Some(running) = running.as_mut().filter(|running| !running.alive.is_finished()) {
        running.again = true;
        return;
    }
    let shared = Arc::clone(shared);
    let task = tokio::spawn(async move {
        loop {
            if let Err(error) = work(Arc::clone(&shared)).await {
                tracing::warn!("{what} failed, and will be tried again: {error}");
            }
            if !which(&shared.upkeep).goes_on() {
                return;
            }
        }
    });
    *running = Some(Running { alive: task.abort_handle(), task: Some(task), again: false });
}

async fn head_slot(shared: &Shared) -> Result<u64> {
    match shared.store.get(HEAD).await {
        Ok(bytes) => Ok(decode_root(HEAD, &bytes).map_or(0, |(envelope, _)| envelope.header.slot)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(0),
        Err(e) => Err(e),
    }
}

/// A table whose inline rows are due to be written to a file.
fn full_table(state: &State) -> Option<&Arc<TableState>> {
    state.tables.values().find(|table| table.inline_segments >= flush_segments() || table.inline_bytes >= FLUSH_BYTES)
}

/// Writes a table's inline rows to a file, as a transaction like any other: whoever reads or writes meanwhile is not disturbed.
async fn flush(handle: Weak<Handle>) -> Result<()> {
    // Nobody uses the database any more: it is left to the next writer.
    let Some(handle) = handle.upgrade() else { return Ok(()) };
    let tip = handle.tip();
    let Some(table) = full_table(&tip) else { return Ok(()) };
    match crate::transaction::flush::flush_inline(&handle, table.meta.id).await {
        // Somebody else was quicker, or the table is gone: nothing is left to do.
        Err(e) if e.kind() == ErrorKind::Conflict => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use tokio::sync::Semaphore;

    use super::*;
    use crate::{Database, OpenOptions};

    #[tokio::test]
    async fn what_becomes_due_while_work_is_under_way_is_done_after_it() -> Result<()> {
        let shared = Arc::clone(Database::open("memory://", OpenOptions::default()).await?.handle.shared());
        let (rounds, may_end) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let due = || {
            let (rounds, may_end) = (Arc::clone(&rounds), Arc::clone(&may_end));
            start(
                &shared,
                "a test",
                |upkeep| &upkeep.folding,
                move |_| {
                    let (rounds, may_end) = (Arc::clone(&rounds), Arc::clone(&may_end));
                    async move {
                        rounds.fetch_add(1, Ordering::Relaxed);
                        if let Ok(permit) = may_end.acquire().await {
                            permit.forget();
                        }
                        Ok(())
                    }
                },
            );
        };
        due();
        tokio::task::yield_now().await;
        // Under way: these two are one more round.
        due();
        due();
        may_end.add_permits(2);
        shared.upkeep.finish().await;
        assert_eq!(rounds.load(Ordering::Relaxed), 2);
        // Over: a new piece begins.
        due();
        may_end.add_permits(1);
        shared.upkeep.finish().await;
        assert_eq!(rounds.load(Ordering::Relaxed), 3);
        Ok(())
    }
}
