//! Transactions: changes staged on a snapshot, committed all at once or not at all.

use std::sync::Arc;

use crate::catalog::{TableMeta, ViewMeta};
use crate::error::Result;
use crate::ids::{SchemaId, TableId, ViewId};
use crate::segment::writer::{StagedSegment, TableWriter};
use crate::snapshot::Snapshot;

/// What concurrent transactions may have changed under a transaction that commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// It read one snapshot; others may have changed what it read, not what it changes.
    #[default]
    Snapshot,
    /// It commits only if nothing that it read has changed since.
    Serializable,
}

/// Changes staged on a snapshot. Dropping it is a rollback.
pub struct Transaction {
    _private: (),
}

impl Transaction {
    /// The snapshot that it reads: as of its beginning, with its own changes.
    pub fn snapshot(&self) -> Snapshot {
        todo!()
    }

    /// Whether a commit would change anything.
    pub fn has_changes(&self) -> bool {
        todo!()
    }

    /// How its commit is checked against concurrent ones.
    pub fn set_isolation(&mut self, isolation: Isolation) {
        let _ = isolation;
        todo!()
    }

    /// Notes that it read a table: with [`Isolation::Serializable`], a concurrent change of the table is then a conflict.
    pub fn note_read(&mut self, table: TableId) {
        let _ = table;
        todo!()
    }

    /// What it does, in a few words (its statement), for the history. Later calls add to it.
    pub fn describe(&mut self, what: &str) {
        let _ = what;
        todo!()
    }

    /// Creates a schema.
    pub fn create_schema(&mut self, name: &str, comment: Option<String>) -> Result<SchemaId> {
        let _ = (name, comment);
        todo!()
    }

    /// Drops a schema, which must be empty.
    pub fn drop_schema(&mut self, id: SchemaId) -> Result<()> {
        let _ = id;
        todo!()
    }

    /// Creates a table (see [`TableMeta::new`]; take the id from [`Transaction::new_table_id`]).
    pub fn create_table(&mut self, table: TableMeta) -> Result<()> {
        let _ = table;
        todo!()
    }

    /// A new table's id.
    pub fn new_table_id(&self) -> TableId {
        todo!()
    }

    /// Drops a table.
    pub fn drop_table(&mut self, id: TableId) -> Result<()> {
        let _ = id;
        todo!()
    }

    /// Creates a view; its id is given here.
    pub fn create_view(
        &mut self,
        schema: SchemaId,
        name: &str,
        sql: &str,
        search_path: &str,
        comment: Option<String>,
    ) -> Result<Arc<ViewMeta>> {
        let _ = (schema, name, sql, search_path, comment);
        todo!()
    }

    /// Drops a view.
    pub fn drop_view(&mut self, id: ViewId) -> Result<()> {
        let _ = id;
        todo!()
    }

    /// A writer of a table's rows. Several can write at once, also while the transaction does something else;
    /// nothing is part of the transaction before [`Transaction::append`].
    pub fn writer(&self, table: TableId) -> Result<TableWriter> {
        let _ = table;
        todo!()
    }

    /// Adds what writers wrote to a table.
    pub fn append(&mut self, table: TableId, segments: Vec<StagedSegment>) -> Result<()> {
        let _ = (table, segments);
        todo!()
    }

    /// Commits: durable and visible to everybody when it returns. Runs to its end even if the returned future is dropped.
    /// Without changes, nothing is written and the snapshot it read is returned.
    ///
    /// # Errors
    /// Three outcomes: `Ok` is committed; *outcome unknown* is unknown, with the transaction's id to ask for later
    /// ([`crate::Database::outcome`]); every other error means not committed (*conflict*: run it again on a fresh snapshot).
    pub async fn commit(self) -> Result<Snapshot> {
        todo!()
    }
}
