//! The facade: open a database, read snapshots, begin transactions.

use std::sync::Arc;
use std::time::Duration;

use crate::env::Env;
use crate::error::{Error, Result};
use crate::handle::Handle;
use crate::ids::{DatabaseId, SegmentId, TransactionId};
use crate::log::{folder_of, history};
use crate::segment::reader::SegmentFooter;
use crate::shared::Shared;
use crate::snapshot::Snapshot;
use crate::state::State;
use crate::store::Store;
use crate::transaction::Transaction;

/// What may happen to the location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OpenMode {
    /// Read and write; a location without a database gets one at the first write.
    #[default]
    Create,
    /// Read and write what exists.
    MustExist,
    /// Read what exists.
    ReadOnly,
}

/// How to open a database.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// What may happen to the location.
    pub mode: OpenMode,
    /// How old a snapshot may be; `None` is 0 on local disk and in memory, 1 s remotely. Its own process's commits are always seen.
    pub max_staleness: Option<Duration>,
    /// Options of the store, as `("aws_region", "eu-west-1")`.
    pub store_options: Vec<(String, String)>,
    /// Who writes, for the history; `None` is user@host.
    pub who: Option<String>,
    /// Tables (schema, name) that will be read first: their segments' footers are fetched while the log is read.
    pub prefetch: Vec<(String, String)>,
    /// Whether to do what follows commits in the background: checkpoints, and writing inline rows to files. Simulations turn it off.
    pub background: bool,
    /// Clock and random numbers.
    pub env: Env,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            mode: OpenMode::Create,
            max_staleness: None,
            store_options: Vec::new(),
            who: None,
            prefetch: Vec::new(),
            background: true,
            env: Env::system(),
        }
    }
}

/// A point in a database's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// By number.
    Snapshot(u64),
    /// The newest snapshot committed at or before a time: microseconds since 1970, UTC.
    Timestamp(i64),
}

/// One committed transaction, as the history tells it.
#[derive(Debug, Clone)]
pub struct HistoryEntry {
    /// The snapshot it made (several transactions that were committed together share one).
    pub snapshot: u64,
    /// When: microseconds since 1970, UTC.
    pub commit_time_us: i64,
    /// Its identity.
    pub transaction: TransactionId,
    /// Who committed it.
    pub who: String,
    /// The statement, or what it said of itself.
    pub what: String,
    /// The snapshot that it read.
    pub read_snapshot: u64,
    /// What changed, a line each: `create table main.t`, `append main.t 1000 rows`.
    pub changes: Vec<String>,
    /// Rows added.
    pub rows_added: u64,
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is part of this snapshot and all later ones.
    Committed(u64),
    /// It is in no snapshot so far.
    NotFound,
}

/// A database. Cloning is cheap; all clones share one view of the log and one committer.
#[derive(Debug, Clone)]
pub struct Database {
    pub(crate) handle: Arc<Handle>,
}

impl Database {
    /// Opens the database at a URL (see [`Store::connect`]).
    pub async fn open(url: &str, options: OpenOptions) -> Result<Self> {
        Self::open_store(Store::connect(url, &options.store_options).await?, options).await
    }

    /// Opens the database at a place in a store.
    ///
    /// # Errors
    /// *Not found* when there is none and none may be created; *invalid* when the location holds something else; *unsupported* for another format
    /// version; *corrupt* when `clouddb.json` or the log is damaged.
    pub async fn open_store(store: Store, options: OpenOptions) -> Result<Self> {
        Ok(Self { handle: Arc::new(Handle::new(Shared::open(store, options).await?)) })
    }

    /// Whether the location holds a database already; one that does not gets it at the first write.
    pub fn exists(&self) -> bool {
        self.handle.identity().is_some()
    }

    /// The database's identity, once it exists.
    pub fn id(&self) -> Option<DatabaseId> {
        self.handle.identity().map(|identity| identity.database)
    }

    /// Whether commits are refused.
    pub fn is_read_only(&self) -> bool {
        self.handle.mode == OpenMode::ReadOnly
    }

    /// The store it is in.
    pub fn store(&self) -> &Store {
        &self.handle.store
    }

    /// Hands out the footers that were fetched while the database was opened (see [`OpenOptions::prefetch`]), once, to whoever caches footers.
    pub fn take_prefetched_footers(&self) -> Vec<(SegmentId, Arc<SegmentFooter>)> {
        self.handle.take_prefetched()
    }

    /// The newest snapshot, or one at most `max_staleness` old; never older than this process's own newest commit.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        Ok(self.snapshot_of(self.handle.fresh_tip().await?))
    }

    fn snapshot_of(&self, state: Arc<State>) -> Snapshot {
        Snapshot { state, store: self.handle.store.clone() }
    }

    /// A snapshot of the past.
    ///
    /// # Errors
    /// *Not found* for a number that has not been committed yet, or a time before the first commit.
    pub async fn snapshot_at(&self, as_of: AsOf) -> Result<Snapshot> {
        let mut tip = self.handle.fresh_tip().await?;
        // A snapshot that is a little old may not know what is asked for.
        let is_newer = match as_of {
            AsOf::Snapshot(number) => number > tip.slot,
            AsOf::Timestamp(time_us) => time_us >= tip.commit_time_us,
        };
        if is_newer {
            tip = self.handle.newest_tip().await?;
        }
        let slot = match as_of {
            AsOf::Snapshot(number) if number > tip.slot => {
                return Err(Error::not_found(format!("there is no snapshot {number}; the newest is {}", tip.slot))
                    .with_hint("SELECT snapshot, commit_time FROM system.snapshots lists them"));
            }
            AsOf::Snapshot(number) => number,
            AsOf::Timestamp(time_us) => match history::slot_at_time(&self.handle, &tip, time_us).await? {
                0 => {
                    let time = chrono::DateTime::from_timestamp_micros(time_us).map_or_else(|| time_us.to_string(), |t| t.to_rfc3339());
                    let error = Error::not_found(format!("there is no snapshot as old as {time}"));
                    return Err(match tip.slot {
                        0 => error.with_hint("nothing was committed yet"),
                        _ => {
                            let first = history::state_at(&self.handle, &tip, 1).await?;
                            let since =
                                chrono::DateTime::from_timestamp_micros(first.commit_time_us).map_or_else(String::new, |t| t.to_rfc3339());
                            error.with_hint(format!("the first one, AT (VERSION => 1), is of {since}"))
                        }
                    });
                }
                slot => slot,
            },
        };
        if slot == tip.slot {
            return Ok(self.snapshot_of(tip));
        }
        Ok(self.snapshot_of(Arc::new(history::state_at(&self.handle, &tip, slot).await?)))
    }

    /// Begins a transaction on a snapshot.
    ///
    /// # Errors
    /// *Read only* when the database was opened so.
    pub fn begin(&self, snapshot: &Snapshot) -> Result<Transaction> {
        Transaction::new(Arc::clone(&self.handle), snapshot)
    }

    /// The committed transactions of the snapshots `from..=to`, oldest first; of those that exist.
    pub async fn history(&self, from: u64, to: u64) -> Result<Vec<HistoryEntry>> {
        let to = to.min(self.handle.tip().slot);
        if from > to {
            return Ok(Vec::new());
        }
        history::history(&self.handle, from, to).await
    }

    /// What became of a transaction whose commit ended with *outcome unknown*.
    ///
    /// A commit that is still on its way can arrive after this was asked: *not found* is final only once the writer has ended.
    pub async fn outcome(&self, transaction: TransactionId) -> Result<Outcome> {
        let tip = self.handle.newest_tip().await?;
        if tip.sessions.get(&transaction.session).is_none_or(|highest| *highest < transaction.sequence) {
            return Ok(Outcome::NotFound);
        }
        let entries = history::history(&self.handle, transaction.session.opened_at + 1, tip.slot).await?;
        match entries.into_iter().find(|entry| entry.transaction == transaction) {
            None => Ok(Outcome::NotFound),
            Some(entry) => {
                // The writer may not have made it durable yet; whoever is told that it is committed relies on it.
                self.handle.store.sync_folder(&folder_of(entry.snapshot)).await?;
                Ok(Outcome::Committed(entry.snapshot))
            }
        }
    }

    /// Waits until background work (checkpoints) is done. A database need not be closed: what was acknowledged is durable, and when its last clone is
    /// dropped, what was handed in is committed and everything ends by itself, as long as the runtime lasts.
    pub async fn close(&self) {
        // In this order: writing inline rows to files commits.
        self.handle.upkeep.finish().await;
        self.handle.hang_up().await;
    }
}
