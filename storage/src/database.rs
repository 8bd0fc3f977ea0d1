//! The facade: open a database, read snapshots, begin transactions.

use std::time::Duration;

use crate::env::Env;
use crate::error::Result;
use crate::ids::{DatabaseId, TransactionId};
use crate::snapshot::Snapshot;
use crate::store::Store;
use crate::transaction::Transaction;

/// What may happen to the location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OpenMode {
    /// Read and write; a location without a database gets one at the first commit.
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
    /// Clock and random numbers.
    pub env: Env,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { mode: OpenMode::Create, max_staleness: None, store_options: Vec::new(), who: None, prefetch: Vec::new(), env: Env::system() }
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
pub struct Database {}

impl Database {
    /// Opens the database at a URL (see [`Store::connect`]).
    pub async fn open(url: &str, options: OpenOptions) -> Result<Self> {
        Self::open_store(Store::connect(url, &options.store_options).await?, options).await
    }

    /// Opens the database at a place in a store.
    pub async fn open_store(store: Store, options: OpenOptions) -> Result<Self> {
        let _ = (store, options);
        todo!()
    }

    /// Whether the location holds a database already; one that does not gets it at the first commit.
    pub fn exists(&self) -> bool {
        todo!()
    }

    /// The database's identity, once it exists.
    pub fn id(&self) -> Option<DatabaseId> {
        todo!()
    }

    /// Whether commits are refused.
    pub fn is_read_only(&self) -> bool {
        todo!()
    }

    /// The store it is in.
    pub fn store(&self) -> &Store {
        todo!()
    }

    /// The newest snapshot, or one at most `max_staleness` old; never older than this process's own newest commit.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        todo!()
    }

    /// A snapshot of the past.
    pub async fn snapshot_at(&self, as_of: AsOf) -> Result<Snapshot> {
        let _ = as_of;
        todo!()
    }

    /// Begins a transaction on a snapshot.
    pub fn begin(&self, snapshot: &Snapshot) -> Result<Transaction> {
        let _ = snapshot;
        todo!()
    }

    /// The committed transactions of the snapshots `from..=to`, oldest first.
    pub async fn history(&self, from: u64, to: u64) -> Result<Vec<HistoryEntry>> {
        let _ = (from, to);
        todo!()
    }

    /// What became of a transaction whose commit ended with *outcome unknown*.
    pub async fn outcome(&self, transaction: TransactionId) -> Result<Outcome> {
        let _ = transaction;
        todo!()
    }

    /// Waits until background work (checkpoints) is done. A database need not be closed: what was acknowledged is durable.
    pub async fn close(&self) {
        todo!()
    }
}
