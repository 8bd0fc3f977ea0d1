//! Reads everything that a database consists of and tells what is wrong with it.
//!
//! - `chain` replays the log from slot 1: every record's hash, the chain of hashes, every action against the rules.
//! - `checkpoints` compares every checkpoint, and `head`, with the state that the log says it must hold.
//! - `segments` reads every segment that any snapshot has: tail, every block's checksum, and every row, decoded and counted.
//!
//! It works on a store, not on an open database: a database whose newest record is damaged does not open, and it is then that one wants to know
//! what else is damaged. It writes nothing. What is damaged is a [`Problem`] and does not end the work; a store that does not answer does.

mod chain;
mod checkpoints;
mod segments;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::checkpoint::FOLDER as CHECKPOINTS;
use crate::error::{Error, ErrorKind, Result};
use crate::identity;
use crate::store::{Listed, Store};

/// The folder of the log.
const LOG: &str = "log";
/// The folder of segments.
const DATA: &str = "data";

/// How far the work has come; to be looked at while it runs.
#[derive(Debug, Default)]
pub struct VerifyProgress {
    total_bytes: AtomicU64,
    bytes: AtomicU64,
}

impl VerifyProgress {
    /// Bytes to read, as far as known: of all objects that are listed.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes.load(Ordering::Relaxed)
    }

    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn advance(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The object, by its path below the database.
    pub object: String,
    /// Where in it, in bytes, where that can be told. Damage is within the 64 KiB from there.
    pub offset: Option<u64>,
    /// What is wrong.
    pub what: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.offset {
            Some(offset) => write!(f, "{} at byte {offset}: {}", self.object, self.what),
            None => write!(f, "{}: {}", self.object, self.what),
        }
    }
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct VerifyReport {
    /// The newest snapshot that the log tells of.
    pub snapshot: u64,
    /// Records of the log that were read.
    pub records: u64,
    /// Transactions in them.
    pub transactions: u64,
    /// Checkpoints, `head` included.
    pub checkpoints: u64,
    /// Segments of all snapshots, those that only old snapshots have included.
    pub segments: u64,
    /// Rows decoded in them.
    pub rows: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Objects that nothing refers to: left behind by writers that ended before they committed. They do no harm.
    pub unreferenced: u64,
    /// Their bytes.
    pub unreferenced_bytes: u64,
    /// What is wrong, in the order in which it was found.
    pub problems: Vec<Problem>,
}

impl VerifyReport {
    fn add(&mut self, object: impl Into<String>, offset: Option<u64>, what: impl Into<String>) {
        self.problems.push(Problem { object: object.into(), offset, what: what.into() });
    }

    /// Notes an error as a problem if it is about what is stored.
    ///
    /// # Errors
    /// The error itself if it is about the store not answering.
    fn note(&mut self, object: &str, error: Error) -> Result<()> {
        match error.kind() {
            ErrorKind::Corrupt | ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::AlreadyExists | ErrorKind::Unsupported => {
                self.add(object, None, error.message());
                Ok(())
            }
            _ => Err(error.context(format!("cannot verify '{object}'"))),
        }
    }
}

/// Reads every object of the database at a place and checks everything that can be checked.
///
/// # Errors
/// *Not found* when there is no database at all; *unsupported* when it is of another format; whatever keeps the store from answering. What is
/// damaged is no error but part of the report.
pub async fn verify(store: &Store, progress: &VerifyProgress) -> Result<VerifyReport> {
    // What a cache has is no evidence of what the store has.
    let store = &store.without_block_cache();
    let mut report = VerifyReport::default();
    let (log, checkpoints, data) = (store.list(LOG).await?, store.list(CHECKPOINTS).await?, store.list(DATA).await?);
    let total = [&log, &checkpoints, &data].into_iter().flatten().map(|object| object.length).sum();
    progress.total_bytes.store(total, Ordering::Relaxed);

    let identity = read_identity(store, &log, &mut report).await?;
    let mut chain = chain::replay(store, &log, &checkpoints, progress, &mut report).await?;
    if let (Some(identity), Some((database, lineage))) = (identity, chain.identity)
        && (identity.database, identity.lineage) != (database, lineage)
    {
        let what = format!(
            "it names database {}, lineage {}; the log is of database {database}, lineage {lineage}",
            identity.database, identity.lineage
        );
        report.add(identity::PATH, None, what);
    }
    chain.identity = chain.identity.or(identity.map(|identity| (identity.database, identity.lineage)));
    checkpoints::check(store, &chain, &checkpoints, progress, &mut report).await?;
    segments::check(store, chain.segments, progress, &mut report).await?;
    count_unreferenced(&data, &chain.referenced, &mut report);
    report.bytes = progress.bytes();
    Ok(report)
}

/// The identity in `clouddb.json`; `None` when that is damaged.
async fn read_identity(store: &Store, log: &[Listed], report: &mut VerifyReport) -> Result<Option<identity::Identity>> {
    match identity::read(store).await {
        Ok(Some(identity)) => Ok(Some(identity)),
        Ok(None) if log.is_empty() => Err(Error::not_found(format!("there is no database at {}", store.url())).with_hint("check the path")),
        Ok(None) => {
            report.add(identity::PATH, None, "it is missing, although there is a log");
            Ok(None)
        }
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            report.note(identity::PATH, error)?;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn count_unreferenced(data: &[Listed], referenced: &std::collections::HashSet<String>, report: &mut VerifyReport) {
    for object in data.iter().filter(|object| !referenced.contains(&object.path)) {
        report.unreferenced += 1;
        report.unreferenced_bytes += object.length;
    }
}

/// A table's columns, shared by all its segments.
type Table = Arc<crate::catalog::TableMeta>;
