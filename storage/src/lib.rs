//! CloudDB's storage: a transactional, columnar database in a bucket or a folder.
//!
//! A database is a folder of immutable Parquet segments and one commit log. A commit is one object at the log's next free slot, created with
//! put-if-absent; nothing else makes a change visible. Everything else (checkpoints, `head`) can be lost and is made again.
//!
//! - [`Database`] opens a location; [`Snapshot`] is the database as one commit left it; [`Transaction`] stages changes and commits them.
//! - [`segment`] writes and reads rows, verified by checksums; [`store`] is the object store underneath.
//!
//! This crate knows nothing of SQL. `FORMAT.md` describes the bytes, `ARCHITECTURE.md` the map.

pub mod catalog;
mod checkpoint;
mod database;
pub mod env;
mod error;
mod format;
mod handle;
mod identity;
mod ids;
mod log;
pub mod segment;
mod shared;
#[cfg(feature = "simulation")]
#[doc(hidden)]
pub mod simulation;
mod snapshot;
mod state;
pub mod store;
mod transaction;
mod upkeep;
pub mod verify;

pub use database::{AsOf, Database, HistoryEntry, OpenMode, OpenOptions, Outcome};
pub use error::{Error, ErrorKind, Position, Result};
pub use ids::{DatabaseId, LineageId, MacroId, SchemaId, SegmentId, SequenceId, SessionId, TableId, TransactionId, ViewId};
pub use segment::writer::{StagedSegment, TableWriter};
pub use snapshot::{Snapshot, TableSnapshot};
pub use transaction::{Isolation, Savepoint, Transaction};

/// The version of the format that is read and written; a database of another one is refused.
pub const FORMAT_VERSION: u32 = format::FORMAT_VERSION;
