//! Transactions: changes staged on a snapshot, committed all at once or not at all.
//!
//! A transaction keeps two things: the actions that a commit will write to the log, and the state that they make of its snapshot, so that it reads
//! its own writes through the same code as everybody reads everybody's.

mod alter;
pub(crate) mod flush;
mod pack;

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::catalog::{TableMeta, ViewMeta};
use crate::database::OpenMode;
use crate::error::{Error, ErrorKind, Result};
use crate::format::action::Action;
use crate::handle::Handle;
use crate::ids::{SchemaId, TableId, ViewId};
use crate::log::committer::Request;
use crate::segment::writer::{StagedSegment, TableWriter};
use crate::snapshot::Snapshot;
use crate::state::State;

/// What concurrent transactions may have changed under a transaction that commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// It read one snapshot; others may have changed what it read, not what it changes.
    #[default]
    Snapshot,
    /// It commits only if no table that it read has changed since. Writing a table's inline rows to a file counts as a change: a conflict that was
    /// not necessary, but never a missed one.
    Serializable,
}

/// Changes staged on a snapshot. Dropping it is a rollback.
#[derive(Debug)]
pub struct Transaction {
    handle: Arc<Handle>,
    base: Arc<State>,
    overlay: State,
    actions: Vec<Action>,
    isolation: Isolation,
    reads: Vec<TableId>,
    /// Tables that must not have changed, whatever the isolation.
    required: Vec<TableId>,
    what: Vec<String>,
}

/// How much a transaction had done at some point; see [`Transaction::savepoint`].
#[derive(Debug, Clone)]
pub struct Savepoint {
    overlay: State,
    actions: usize,
    what: usize,
}

/// Longest description kept in the log: enough to recognise a statement by.
const MAX_DESCRIPTION: usize = 500;

impl Transaction {
    pub(crate) fn new(handle: Arc<Handle>, snapshot: &Snapshot) -> Result<Self> {
        if handle.mode == OpenMode::ReadOnly {
            return Err(Error::read_only(format!("the database at {} was opened for reading only", handle.store.url()))
                .with_hint("open it without --readonly to write"));
        }
        // The session's id has to be older than anything it writes.
        handle.session();
        let base = Arc::clone(&snapshot.state);
        let overlay = State { slot: base.slot + 1, ..State::clone(&base) };
        Ok(Self {
            handle,
            base,
            overlay,
            actions: Vec::new(),
            isolation: Isolation::default(),
            reads: Vec::new(),
            required: Vec::new(),
            what: Vec::new(),
        })
    }

    /// The snapshot that it reads: as of its beginning, with its own changes.
    pub fn snapshot(&self) -> Snapshot {
        let state = if self.has_changes() {
            // Its own changes have no number yet: it still reads the snapshot it began with.
            Arc::new(State { slot: self.base.slot, ..self.overlay.clone() })
        } else {
            Arc::clone(&self.base)
        };
        Snapshot { state, store: self.handle.store.clone() }
    }

    /// Whether a commit would change anything.
    pub fn has_changes(&self) -> bool {
        !self.actions.is_empty()
    }

    /// A point to go back to when a statement fails in the middle.
    pub fn savepoint(&self) -> Savepoint {
        Savepoint { overlay: self.overlay.clone(), actions: self.actions.len(), what: self.what.len() }
    }

    /// Undoes what was done since a savepoint of this transaction.
    pub fn rollback_to(&mut self, savepoint: Savepoint) {
        self.overlay = savepoint.overlay;
        self.actions.truncate(savepoint.actions);
        self.what.truncate(savepoint.what);
    }

    /// How its commit is checked against concurrent ones.
    pub fn set_isolation(&mut self, isolation: Isolation) {
        self.isolation = isolation;
    }

    /// Notes that it read a table: with [`Isolation::Serializable`], a concurrent change of the table is then a conflict.
    pub fn note_read(&mut self, table: TableId) {
        if !self.reads.contains(&table) && self.base.table(table).is_some() {
            self.reads.push(table);
        }
    }

    /// Makes a concurrent change of a table a conflict, whatever the isolation: for a table that is replaced by what was read of it, where rows that somebody
    /// else added meanwhile would be lost.
    pub fn require_unchanged(&mut self, table: TableId) {
        if !self.required.contains(&table) && self.base.table(table).is_some() {
            self.required.push(table);
        }
    }

    /// What it does, in a few words (its statement), for the history. Later calls add to it.
    pub fn describe(&mut self, what: &str) {
        self.what.push(what.to_owned());
    }

    fn stage(&mut self, action: Action) -> Result<()> {
        let mut changed = self.overlay.clone();
        changed.apply(&action)?;
        self.overlay = changed;
        self.actions.push(action);
        Ok(())
    }

    /// Creates a schema.
    ///
    /// # Errors
    /// *Already exists*.
    pub fn create_schema(&mut self, name: &str, comment: Option<String>) -> Result<SchemaId> {
        let id = SchemaId::random(self.handle.env.random.as_ref());
        self.stage(Action::CreateSchema(crate::catalog::SchemaMeta { id, name: check_name("schema", name)?, comment }))?;
        Ok(id)
    }

    /// Drops a schema, which must be empty.
    ///
    /// # Errors
    /// *Invalid* when it is not empty, or is the schema `main`.
    pub fn drop_schema(&mut self, id: SchemaId) -> Result<()> {
        if id == State::MAIN {
            return Err(Error::invalid(format!("schema '{}' is part of every database and cannot be dropped", State::MAIN_NAME)));
        }
        self.stage(Action::DropSchema(id)).map_err(not_concurrent)
    }

    /// Creates a table (see [`TableMeta::new`]; take the id from [`Transaction::new_table_id`]).
    ///
    /// # Errors
    /// *Already exists* for a table or view of that name.
    pub fn create_table(&mut self, table: TableMeta) -> Result<()> {
        check_name("table", &table.name)?;
        self.stage(Action::CreateTable(table))
    }

    /// A new table's id.
    pub fn new_table_id(&self) -> TableId {
        TableId::random(self.handle.env.random.as_ref())
    }

    /// Drops a table. Older snapshots keep it.
    pub fn drop_table(&mut self, id: TableId) -> Result<()> {
        self.stage(Action::DropTable(id)).map_err(not_concurrent)
    }

    /// Creates a view; its id is given here.
    ///
    /// # Errors
    /// *Already exists* for a table or view of that name.
    pub fn create_view(
        &mut self,
        schema: SchemaId,
        name: &str,
        sql: &str,
        search_path: &str,
        comment: Option<String>,
    ) -> Result<Arc<ViewMeta>> {
        let id = ViewId::random(self.handle.env.random.as_ref());
        let name = check_name("view", name)?;
        let view = ViewMeta { id, schema, name, sql: sql.to_owned(), search_path: search_path.to_owned(), comment };
        self.stage(Action::CreateView(view.clone()))?;
        Ok(Arc::new(view))
    }

    /// Drops a view.
    pub fn drop_view(&mut self, id: ViewId) -> Result<()> {
        self.stage(Action::DropView(id)).map_err(not_concurrent)
    }

    /// Makes sure that what it writes can be committed: creates the database where there is none, and refuses a store that does not honour put-if-absent. The
    /// commit does it anyway; asked for before a large load, the answer comes before its rows are uploaded.
    ///
    /// # Errors
    /// *Unsupported* for such a store; those of reaching it.
    pub async fn prepare(&self) -> Result<()> {
        self.handle.prepare_to_write().await
    }

    /// A writer of a table's rows. Several can write at once, also while the transaction does something else;
    /// nothing is part of the transaction before [`Transaction::append`].
    ///
    /// # Errors
    /// *Not found* when the transaction has no such table.
    pub fn writer(&self, table: TableId) -> Result<TableWriter> {
        let table = self.overlay.table(table).ok_or_else(|| Error::not_found(format!("there is no table {table}")))?;
        Ok(self.handle.shared().table_writer(&table.meta))
    }

    /// Adds what writers wrote to a table.
    pub fn append(&mut self, table: TableId, segments: Vec<StagedSegment>) -> Result<()> {
        let savepoint = self.savepoint();
        for StagedSegment(segment) in segments {
            if let Err(error) = self.stage(Action::AddSegment { table, segment }) {
                self.rollback_to(savepoint);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Commits: durable and visible to everybody when it returns. Runs to its end even if the returned future is dropped.
    /// Without changes, nothing is written and the snapshot it read is returned.
    ///
    /// # Errors
    /// Three outcomes: `Ok` is committed; *outcome unknown* is unknown, with the transaction's id to ask for later
    /// ([`crate::Database::outcome`]); every other error means not committed (*conflict*: run it again on a fresh snapshot).
    pub async fn commit(self) -> Result<Snapshot> {
        let store = self.handle.store.clone();
        if !self.has_changes() {
            return Ok(Snapshot { state: self.base, store });
        }
        // A task of its own: a caller that stops waiting must not leave a commit half-way.
        let state = tokio::spawn(self.hand_over())
            .await
            .map_err(|e| Error::new(ErrorKind::OutcomeUnknown, format!("the task that commits was ended: {e}")))??;
        Ok(Snapshot { state, store })
    }

    async fn hand_over(self) -> Result<Arc<State>> {
        let handle = Arc::clone(&self.handle);
        let mut reads = self.required;
        if self.isolation == Isolation::Serializable {
            reads.extend(self.reads);
        }
        let mut what = self.what.join("; ");
        if what.len() > MAX_DESCRIPTION {
            let end = (0..=MAX_DESCRIPTION).rev().find(|at| what.is_char_boundary(*at)).unwrap_or(0);
            what.truncate(end);
            what.push('…');
        }
        // First: what is packed may be uploaded, and carries the database's identity.
        handle.prepare_to_write().await.map_err(before_commit)?;
        let packed = pack::pack(handle.shared(), &self.overlay, self.actions).await.map_err(before_commit)?;
        let (reply, answer) = oneshot::channel();
        let request = Request { read_slot: self.base.slot, what, actions: packed.actions, encoded: packed.encoded, reads, reply };
        handle.submit(request).await.map_err(before_commit)?;
        answer.await.map_err(|_| {
            Error::new(ErrorKind::OutcomeUnknown, "the task that commits ended before it answered")
                .with_hint("look for the transaction in system.snapshots before you run it again")
        })?
    }
}

/// Before the committer has the transaction, a write whose outcome is unknown leaves at most an object that nobody refers to.
fn before_commit(error: Error) -> Error {
    match error.kind() {
        ErrorKind::OutcomeUnknown => {
            Error::unavailable(format!("nothing was committed: {}", error.message())).with_hint("check the disk").with_source(error)
        }
        _ => error,
    }
}

/// The transaction's own view of an object that is not there is a missing object, not a concurrent change.
fn not_concurrent(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Conflict => {
            let kind = if error.message().contains("not empty") { ErrorKind::Invalid } else { ErrorKind::NotFound };
            let plain = Error::new(kind, error.message().replace(" was dropped by a concurrent transaction", " does not exist"));
            match error.hint() {
                Some(hint) => plain.with_hint(hint),
                None => plain,
            }
        }
        _ => error,
    }
}

fn check_name(kind: &str, name: &str) -> Result<String> {
    match name {
        "" => Err(Error::invalid(format!("the name of a {kind} cannot be empty"))),
        name if name.len() > 255 => Err(Error::invalid(format!("the name of a {kind} has {} bytes; 255 is the most", name.len()))),
        name => Ok(name.to_owned()),
    }
}
