//! Work that follows commits, in the background: checkpoints, `head`, and writing inline rows to files.
//!
//! Nothing here is needed for correctness. A process that ends before it is done leaves the work to the next writer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::checkpoint::HEAD;
use crate::checkpoint::fold::{KnownNodes, fold, write_head};
use crate::error::{ErrorKind, Result};
use crate::format::root::decode_root;
use crate::ids::TableId;
use crate::shared::Shared;
use crate::state::State;

/// Records behind the newest checkpoint before the next one is due: a new reader fetches them in one trip.
const FOLD_RECORDS: u64 = 128;

/// Bytes of records behind the newest checkpoint before the next one is due.
const FOLD_BYTES: u64 = 512 << 10;

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

/// The background work of one open database.
#[derive(Debug)]
pub(crate) struct Upkeep {
    enabled: bool,
    /// The slot of the newest checkpoint that this process knows of.
    folded: AtomicU64,
    /// Bytes of records since then, as far as this process wrote them.
    tail_bytes: AtomicU64,
    folding: Mutex<Option<JoinHandle<()>>>,
    flushing: Mutex<Option<JoinHandle<()>>>,
    nodes: tokio::sync::Mutex<(KnownNodes, Option<Duration>)>,
}

impl Upkeep {
    pub(crate) fn new(enabled: bool, slot: u64) -> Self {
        Self {
            enabled,
            folded: AtomicU64::new(slot - slot % fold_records()),
            tail_bytes: AtomicU64::new(0),
            folding: Mutex::default(),
            flushing: Mutex::default(),
            nodes: tokio::sync::Mutex::default(),
        }
    }

    /// Looks whether something is due after a commit.
    pub(crate) fn committed(&self, shared: &Arc<Shared>, after: &Arc<State>, bytes: usize) {
        if !self.enabled {
            return;
        }
        let tail_bytes = self.tail_bytes.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        let tail = after.slot.saturating_sub(self.folded.load(Ordering::Relaxed));
        if (tail >= fold_records() || tail_bytes >= FOLD_BYTES) && !after.has_unknown_actions {
            start(&self.folding, || {
                let shared = Arc::clone(shared);
                async move { shared.upkeep.fold(&shared).await }
            });
        }
        let full = after.tables.values().find(|t| t.inline_segments >= flush_segments() || t.inline_bytes >= FLUSH_BYTES);
        if let Some(table) = full {
            let id = table.meta.id;
            start(&self.flushing, || {
                let shared = Arc::clone(shared);
                async move { flush(&shared, id).await }
            });
        }
    }

    async fn fold(&self, shared: &Arc<Shared>) -> Result<()> {
        let mut nodes = self.nodes.lock().await;
        if let Some(last) = nodes.1 {
            let clock = &shared.env.clock;
            clock.sleep((last + HEAD_PAUSE).saturating_sub(clock.elapsed())).await;
        }
        let state = shared.tip();
        // Another writer may have been quicker: one small request tells.
        let known = self.folded.load(Ordering::Relaxed).max(head_slot(shared).await?);
        if state.slot < known + fold_records() && self.tail_bytes.load(Ordering::Relaxed) < FOLD_BYTES {
            self.folded.store(known, Ordering::Relaxed);
            return Ok(());
        }
        self.tail_bytes.store(0, Ordering::Relaxed);
        let root = fold(&shared.store, &state, &mut nodes.0).await?;
        write_head(&shared.store, &root).await?;
        nodes.1 = Some(shared.env.clock.elapsed());
        self.folded.store(state.slot, Ordering::Relaxed);
        Ok(())
    }

    /// Waits for what is under way.
    pub(crate) async fn finish(&self) {
        for running in [&self.flushing, &self.folding] {
            let handle = running.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(handle) = handle {
                // A task that failed has said so; nothing depends on it.
                let _ = handle.await;
            }
        }
    }
}

/// Starts a piece of work unless it is running.
fn start<F: Future<Output = Result<()>> + Send + 'static>(running: &Mutex<Option<JoinHandle<()>>>, work: impl FnOnce() -> F) {
    let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
    if running.as_ref().is_some_and(|handle| !handle.is_finished()) {
        return;
    }
    let work = work();
    *running = Some(tokio::spawn(async move {
        if let Err(error) = work.await {
            tracing::warn!("background work failed, and will be tried again: {error}");
        }
    }));
}

async fn head_slot(shared: &Shared) -> Result<u64> {
    match shared.store.get(HEAD).await {
        Ok(bytes) => Ok(decode_root(HEAD, &bytes).map_or(0, |(envelope, _)| envelope.header.slot)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(0),
        Err(e) => Err(e),
    }
}

/// Writes a table's inline rows to a file, as a transaction like any other: whoever reads or writes meanwhile is not disturbed.
async fn flush(shared: &Arc<Shared>, table: TableId) -> Result<()> {
    match crate::transaction::flush::flush_inline(shared, table).await {
        // Somebody else was quicker, or the table is gone: nothing is left to do.
        Err(e) if e.kind() == ErrorKind::Conflict => Ok(()),
        other => other,
    }
}
