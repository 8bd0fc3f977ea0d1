//! A session's open transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clouddb_storage::{Database as Storage, Isolation, Snapshot, Transaction};
use datafusion::sql::sqlparser::ast::{TransactionAccessMode, TransactionIsolationLevel, TransactionMode};

use crate::error::{Error, Result};
use crate::statements::context::Context;

/// Whether a session has a transaction.
pub(super) enum State {
    /// None: every statement is a transaction of its own.
    None,
    /// Open.
    Active(Box<Active>),
    /// A statement in it has failed; it waits for its ROLLBACK.
    Failed,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Active(_) => "Active",
            Self::Failed => "Failed",
        })
    }
}

/// An open transaction.
pub(super) struct Active {
    snapshot: Snapshot,
    /// None if it only reads.
    transaction: Option<Transaction>,
    serializable: bool,
    /// Whether a query ended with an error while its rows were read.
    failed: Arc<AtomicBool>,
}

impl State {
    /// Begins a transaction on a snapshot.
    pub(super) fn begin(storage: &Storage, snapshot: Snapshot, modes: &[TransactionMode]) -> Result<Self> {
        let mut read_only = storage.is_read_only();
        let mut serializable = false;
        for mode in modes {
            match mode {
                TransactionMode::AccessMode(TransactionAccessMode::ReadOnly) => read_only = true,
                TransactionMode::AccessMode(TransactionAccessMode::ReadWrite) if storage.is_read_only() => {
                    return Err(Error::read_only("the database was opened for reading only"));
                }
                TransactionMode::AccessMode(TransactionAccessMode::ReadWrite) => read_only = false,
                // Snapshot isolation gives at least what the weaker levels promise.
                TransactionMode::IsolationLevel(
                    TransactionIsolationLevel::ReadUncommitted
                    | TransactionIsolationLevel::ReadCommitted
                    | TransactionIsolationLevel::RepeatableRead
                    | TransactionIsolationLevel::Snapshot,
                ) => serializable = false,
                TransactionMode::IsolationLevel(TransactionIsolationLevel::Serializable) => serializable = true,
            }
        }
        let transaction = match read_only {
            true => None,
            false => {
                let mut transaction = storage.begin(&snapshot)?;
                if serializable {
                    transaction.set_isolation(Isolation::Serializable);
                }
                Some(transaction)
            }
        };
        Ok(Self::Active(Box::new(Active { snapshot, transaction, serializable, failed: Arc::default() })))
    }

    /// Notes it if a query of the transaction has failed while its rows were read.
    pub(super) fn look_at_rows(&mut self) {
        if matches!(self, Self::Active(active) if active.failed.load(Ordering::Acquire)) {
            *self = Self::Failed;
        }
    }

    /// What a query of the open transaction sets when it fails while its rows are read.
    pub(super) fn of_rows(&self) -> Option<Arc<AtomicBool>> {
        match self {
            Self::Active(active) => Some(Arc::clone(&active.failed)),
            Self::None | Self::Failed => None,
        }
    }

    /// Notes that a statement has failed.
    pub(super) fn fail(&mut self) {
        if matches!(self, Self::Active(_)) {
            *self = Self::Failed;
        }
    }
}

impl Active {
    /// What its statements read.
    pub(super) fn snapshot(&self) -> Snapshot {
        match &self.transaction {
            Some(transaction) => transaction.snapshot(),
            None => self.snapshot.clone(),
        }
    }

    /// The transaction, to change something.
    pub(super) fn transaction_mut(&mut self) -> Result<&mut Transaction> {
        self.transaction.as_mut().ok_or_else(|| Error::read_only("the transaction is READ ONLY"))
    }

    /// The transaction, to commit it; none if it only read.
    pub(super) fn into_transaction(self) -> Option<Transaction> {
        self.transaction
    }

    /// Notes the tables that a statement has read: a serializable transaction depends on them.
    pub(super) fn note_reads(&mut self, context: &Context) {
        if let Some(transaction) = self.transaction.as_mut().filter(|_| self.serializable) {
            context.tables_read().into_iter().for_each(|table| transaction.note_read(table));
        }
    }
}
