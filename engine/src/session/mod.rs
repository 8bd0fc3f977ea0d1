//! Sessions: run SQL one statement at a time, with a transaction, a schema and settings of their own.
//!
//! - Outside a transaction every statement is one: it reads the newest snapshot, and commits what it changes. If another transaction got in the way it is
//!   run again on a fresh snapshot; nothing was committed then, so that this is safe.
//! - Inside a transaction all statements read the snapshot of BEGIN with the transaction's own changes. A statement that fails may have staged half of
//!   what it does, so the transaction is over: only ROLLBACK is accepted, and COMMIT fails.
//! - A session that is pinned to a snapshot of the past reads that, and writes nothing.

mod attach;
pub(crate) mod catalogs;
mod configure;
pub(crate) mod progress;
pub(crate) mod result;
pub(crate) mod stack;
pub(crate) mod temporary;
mod transaction;
pub(crate) mod variables;
pub(crate) mod view;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clouddb_storage::{Snapshot, Transaction};
use datafusion::common::runtime::SpawnedTask;
use datafusion::execution::session_state::SessionState;
use datafusion::execution::{FunctionRegistry, SessionStateBuilder};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;

use self::attach::Attached;
use self::catalogs::SessionCatalogs;
use self::progress::Progress;
use self::result::{Done, Rows, StatementResult};
use self::temporary::Temporary;
use self::transaction::State;
use self::variables::Variables;
use self::view::SessionView;
use crate::database::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::explain::{Explained, Format, Wish};
use crate::limits::{Running, StatementLimits};
use crate::reuse::Query;
use crate::statements::context::Context;
use crate::statements::explain;
use crate::statements::kind::{self, Kind};
use crate::statements::lookup;
use crate::statements::meaning::rewrite;
use crate::statements::prepare::{Execute, Prepared};
use crate::statements::rows::cache;
use crate::statements::rows::copy;
use crate::statements::rows::export;
use crate::statements::show::{self, Show};
use crate::statements::syntax::parse::{self, Parsed, Statement};
use crate::statements::targets;
use crate::statements::unsupported;
use crate::statements::write::{self, Write};

/// How often a statement is run again after a conflict. Conflicts need two transactions that create, drop or alter the same name: more than a few in a
/// row means that somebody does nothing else.
const ATTEMPTS: usize = 10;

/// How much of a statement the history keeps.
const DESCRIPTION_CHARACTERS: usize = 200;

/// A commit under way; over when dropped.
struct Committing<'a>(&'a AtomicBool);

impl<'a> Committing<'a> {
    fn begin(flag: &'a AtomicBool) -> Self {
        flag.store(true, Ordering::Release);
        Self(flag)
    }
}

impl Drop for Committing<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Runs SQL on a database, one statement at a time.
#[derive(Debug)]
pub struct Session {
    database: Database,
    state: SessionState,
    catalogs: Arc<SessionCatalogs>,
    transaction: State,
    pinned: Option<Snapshot>,
    committing: Arc<AtomicBool>,
    /// The number of the settings: what was kept is used with the same ones only.
    settings: u64,
    /// What each statement may take.
    limits: StatementLimits,
    /// The statement that runs, or ran last.
    running: Arc<Running>,
    /// Statements that wait for their values, by name.
    prepared: BTreeMap<String, Prepared>,
    /// Other databases, by name.
    attached: BTreeMap<String, Attached>,
    /// Its temporary tables and views, once it made some.
    temporary: Option<Temporary>,
    /// Values with names.
    variables: Variables,
    progress: Progress,
}

impl Session {
    pub(crate) fn new(database: Database) -> Self {
        let catalogs = Arc::new(SessionCatalogs::default());
        let list: Arc<dyn datafusion::catalog::CatalogProviderList> = Arc::clone(&catalogs) as _;
        let mut config = database.template().config().clone();
        config.options_mut().extensions.insert(SessionView::new(database.clone(), Arc::clone(&catalogs)));
        let mut state = SessionStateBuilder::new_from_existing(database.template().clone())
            .with_config(config)
            .with_runtime_env(Arc::clone(database.runtime()))
            .with_catalog_list(list)
            .build();
        let variables = Variables::default();
        // It fails only where a planner refuses functions of its kind, which none does.
        let _ = state.register_udf(Arc::new(variables.function()));
        let (limits, committing) = (database.default_statement_limits(), Arc::default());
        let running = Arc::clone(database.limits().begin(limits, Arc::clone(&committing)).running());
        let settings = database.default_settings();
        let (prepared, attached) = (BTreeMap::new(), BTreeMap::new());
        Self {
            database,
            state,
            catalogs,
            transaction: State::None,
            pinned: None,
            committing,
            settings,
            limits,
            running,
            prepared,
            attached,
            temporary: None,
            variables,
            progress: Progress::default(),
        }
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Whether a transaction is open, failed ones included.
    pub fn in_transaction(&self) -> bool {
        !matches!(self.transaction, State::None)
    }

    /// Tells, while a statement runs, whether its commit is under way. A statement that is dropped before has committed nothing; one that is
    /// dropped while it commits may be committed all the same, so whoever cancels statements waits for this to be over.
    pub fn committing(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.committing)
    }

    /// Tells, while a statement runs, how far it has come.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// What there is to say of the statement that ran last, beside its result: how many lines of files it refused. To be asked when its rows have been read.
    pub fn notices(&self) -> Vec<String> {
        self.running.refused().notice().into_iter().collect()
    }

    /// The snapshot of the past that the session is pinned to.
    pub fn pinned(&self) -> Option<&Snapshot> {
        self.pinned.as_ref()
    }

    /// Runs the one statement of a text.
    ///
    /// # Errors
    /// *Invalid* if the text holds none or several statements (see [`crate::parse`]); those of the statement.
    pub async fn execute(&mut self, sql: &str) -> Result<StatementResult> {
        let statements = parse::parse(sql)?;
        match <[Statement; 1]>::try_from(statements) {
            Ok([statement]) => self.run(&statement).await,
            Err(statements) if statements.is_empty() => Err(Error::invalid("there is no statement")),
            Err(statements) => Err(Error::invalid(format!("there are {} statements; one is run at a time", statements.len()))),
        }
    }

    /// Runs a statement of a script.
    ///
    /// # Errors
    /// Those of the statement. Inside a transaction an error means that the transaction has failed.
    pub async fn run(&mut self, statement: &Statement) -> Result<StatementResult> {
        let held = self.database.limits().begin(self.limits, Arc::clone(&self.committing));
        self.running = Arc::clone(held.running());
        self.progress.follow(held.running());
        self.transaction.look_at_rows();
        let result = held.running().run(Box::pin(stack::with_big_stack(statement.sql(), self.run_here(statement)))).await;
        match result {
            Ok(StatementResult::Rows(rows)) => Ok(StatementResult::Rows(rows.held(held, self.transaction.of_rows()))),
            Ok(done) => Ok(done),
            Err(error) => {
                self.transaction.fail();
                Err(error)
            }
        }
    }

    async fn run_here(&mut self, statement: &Statement) -> Result<StatementResult> {
        if let (false, Some(temporary)) = (self.in_transaction(), &mut self.temporary) {
            // What a statement left that was dropped; nobody waits any more for what a commit came to.
            let _ = temporary.settle().await;
            temporary.roll_back();
        }
        if !self.attached.is_empty() || self.temporary.is_some() {
            self.refresh_attached().await?;
        }
        // A plan that was kept knows no temporary tables, whose names go first.
        let knows_all = self.temporary.as_ref().is_none_or(Temporary::is_empty);
        if knows_all && !self.in_transaction() && self.database.reuse().plans.knows(statement.sql(), self.settings) {
            let context = self.read_context().await?;
            if let Some(query) = self.database.reuse().plans.get(statement.sql(), self.settings, context.snapshot.number()) {
                return self.run_planned(context, query).await.map(StatementResult::Rows);
            }
        }
        let parsed = parse::parse_statement(statement)?;
        if matches!(self.transaction, State::Failed) && !ends_transaction(&parsed) {
            return Err(
                Error::invalid("the transaction has failed: an earlier statement in it ended with an error").with_hint("ROLLBACK ends it")
            );
        }
        match parsed {
            Parsed::Variable(statement) => self.set_variable(*statement).await.map(StatementResult::Done),
            Parsed::Reset(name) => self.reset(&name).map(StatementResult::Done),
            Parsed::Show(show) => self.show(statement.sql(), *show).await,
            Parsed::Write(write) => self.write(statement.sql(), *write).await.map(StatementResult::Done),
            Parsed::Prepare(prepare) => {
                self.check_names(&prepare.prepared).await?;
                self.prepared.insert(prepare.name, prepare.prepared);
                Ok(StatementResult::Done(Done::new("PREPARE")))
            }
            Parsed::Execute(execute) => self.execute_prepared(&execute).await,
            Parsed::Attach(statement) => Box::pin(self.attach(*statement)).await.map(StatementResult::Done),
            Parsed::Deallocate(name) => self.deallocate(name.as_deref()).map(StatementResult::Done),
            Parsed::Cache(statement) => cache::carry_out(&self.read_context().await?, statement).await.map(StatementResult::Done),
            Parsed::Export(export) => {
                let context = self.read_context().await?;
                let done = export::carry_out(&context, export).await;
                self.note_reads(&context);
                done.map(StatementResult::Done)
            }
            Parsed::Import(import) => self.write(statement.sql(), Write::Import(import)).await.map(StatementResult::Done),
            Parsed::Copy(copy) => match copy.to_files() {
                true => {
                    let context = self.read_context().await?;
                    let done = copy::to_files(&context, *copy).await;
                    self.note_reads(&context);
                    done.map(StatementResult::Done)
                }
                false => self.write(statement.sql(), Write::Copy(copy)).await.map(StatementResult::Done),
            },
            Parsed::InsertByName(sql) => Box::pin(self.write(statement.sql(), Write::InsertByName(sql))).await.map(StatementResult::Done),
            Parsed::Sql(sql) => match kind::of(&sql)? {
                Kind::Query => Box::pin(self.query(statement.sql(), *sql)).await.map(StatementResult::Rows),
                Kind::Write => Box::pin(self.write(statement.sql(), Write::Sql(sql))).await.map(StatementResult::Done),
                Kind::Transaction => {
                    let done = self.control_transaction(*sql).await;
                    self.pin_attached().await?;
                    done.map(StatementResult::Done)
                }
                Kind::Session => Box::pin(self.set(*sql)).await.map(StatementResult::Done),
            },
        }
    }

    /// Notes what a statement read for the open transaction.
    fn note_reads(&mut self, context: &Context) {
        if let State::Active(active) = &mut self.transaction {
            active.note_reads(context);
        }
    }

    /// The snapshot that a statement reads now.
    async fn snapshot(&self) -> Result<Snapshot> {
        match (&self.pinned, &self.transaction) {
            (Some(pinned), _) => Ok(pinned.clone()),
            (None, State::Active(active)) => Ok(active.snapshot()),
            (None, State::None | State::Failed) => self.database.storage().snapshot().await,
        }
    }

    fn context(&self, snapshot: Snapshot) -> Context {
        let mut state = self.state.clone();
        state.mark_start_execution();
        let reusable = (!self.in_transaction()).then_some(self.settings);
        let context = Context::new(self.database.clone(), state, Arc::clone(&self.catalogs), snapshot, Arc::clone(&self.running), reusable);
        context.with_temporary(self.temporary.as_ref().filter(|temporary| !temporary.is_empty()).map(Temporary::snapshot))
    }

    async fn read_context(&self) -> Result<Context> {
        Ok(self.context(self.snapshot().await?))
    }

    async fn query(&mut self, sql: &str, statement: SqlStatement) -> Result<Rows> {
        let keep = matches!(statement, SqlStatement::Query(_)).then(|| sql.to_owned());
        let statement = match statement {
            explain @ SqlStatement::Explain { .. } => match explain::understood(explain)? {
                (wish, statement) if wish.format == Format::Indent => statement,
                (wish, query) => return self.explain(sql, query, wish).await,
            },
            other => other,
        };
        let context = self.read_context().await?;
        // In a task of its own: what is constant is computed while a query is planned, for as long as that takes.
        let planned = SpawnedTask::spawn(Box::pin(plan(context, statement, sql.to_owned(), keep)));
        let (context, query, physical) = planned.join_unwind().await.map_err(|error| planner_ended(&error))??;
        if let State::Active(active) = &mut self.transaction {
            active.note_reads(&context);
        }
        Rows::run_within(context, query, physical)
    }

    /// SHOW, DESCRIBE and their like.
    async fn show(&mut self, sql: &str, show: Show) -> Result<StatementResult> {
        if let Some(setting) = show.change()? {
            self.change(setting).await?;
            return Ok(StatementResult::Done(Done::new("SET")));
        }
        let (context, sql) = (self.read_context().await?, sql.to_owned());
        let planned = SpawnedTask::spawn(Box::pin(async move {
            let rows = stack::with_big_stack(&sql, Box::pin(show::rows(&context, show))).await?;
            Ok::<_, Error>((context, rows))
        }));
        let (context, rows) = planned.join_unwind().await.map_err(|error| planner_ended(&error))??;
        if let State::Active(active) = &mut self.transaction {
            active.note_reads(&context);
        }
        Ok(StatementResult::Rows(rows))
    }

    /// Refuses to prepare a query whose tables or columns are not there.
    async fn check_names(&self, prepared: &Prepared) -> Result<()> {
        let Some(mut query) = prepared.query() else { return Ok(()) };
        let context = self.read_context().await?;
        match stack::deep(Box::pin(rewrite::rewrite(&context, &mut query))).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(error),
            // What else may be wrong depends on the values.
            _ => Ok(()),
        }
    }

    /// Runs a prepared statement with its values.
    fn execute_prepared<'a>(&'a mut self, execute: &'a Execute) -> Pin<Box<dyn Future<Output = Result<StatementResult>> + Send + 'a>> {
        Box::pin(async move {
            let prepared = self.prepared.get(&execute.name).ok_or_else(|| self.no_prepared(&execute.name))?;
            let statement = prepared.with(execute)?;
            let text = statement.sql().to_owned();
            stack::with_big_stack(&text, Box::pin(self.run_here(&statement))).await
        })
    }

    fn deallocate(&mut self, name: Option<&str>) -> Result<Done> {
        match name {
            None => self.prepared.clear(),
            Some(name) => {
                if self.prepared.remove(name).is_none() {
                    return Err(self.no_prepared(name));
                }
            }
        }
        Ok(Done::new("DEALLOCATE"))
    }

    fn no_prepared(&self, name: &str) -> Error {
        let error = Error::not_found(format!("there is no prepared statement '{name}'"));
        lookup::with_nearest(error, name, self.prepared.keys().map(String::as_str), &format!("PREPARE {name} AS ... makes it"))
    }

    /// Explains a query, or runs it and tells how that went.
    async fn explain(&mut self, sql: &str, query: SqlStatement, wish: Wish) -> Result<Rows> {
        let context = self.read_context().await?;
        let planned = SpawnedTask::spawn(Box::pin(plan(context, query, sql.to_owned(), None)));
        let (context, optimized, physical) = planned.join_unwind().await.map_err(|error| planner_ended(&error))??;
        if let State::Active(active) = &mut self.transaction {
            active.note_reads(&context);
        }
        let explained = Explained::new(Arc::clone(&physical), wish);
        let run = wish.analyze.then(|| Rows::run_within(context, optimized, physical)).transpose()?;
        Ok(Rows::explained(run, explained))
    }

    /// Runs a query whose optimized plan was kept.
    async fn run_planned(&self, context: Context, query: Query) -> Result<Rows> {
        let settings = self.settings;
        let planned = SpawnedTask::spawn(Box::pin(stack::deep(async move {
            let physical = Box::pin(context.physical_query(&query.plan, Some(settings))).await?;
            Ok::<_, Error>((context, query, physical))
        })));
        let (context, query, physical) = planned.join_unwind().await.map_err(|error| planner_ended(&error))??;
        Rows::run_within(context, query, physical)
    }

    fn check_writable(&self) -> Result<()> {
        if let Some(pinned) = &self.pinned {
            return Err(Error::read_only(format!("the session reads snapshot {} and writes nothing", pinned.number()))
                .with_hint("RESET snapshot returns to the present"));
        }
        if self.database.storage().is_read_only() {
            return Err(Error::read_only("the database was opened for reading only"));
        }
        Ok(())
    }

    async fn write(&mut self, sql: &str, mut write: Write) -> Result<Done> {
        if targets::is_temporary(&mut write, self.temporary.as_ref().map(Temporary::snapshot).as_ref())? {
            return self.write_temporary(write).await;
        }
        self.check_writable()?;
        match std::mem::replace(&mut self.transaction, State::Failed) {
            State::Failed => Err(Error::internal("a failed transaction is asked to write")),
            State::None => {
                self.transaction = State::None;
                self.write_alone(sql, write).await
            }
            // Until the statement is done, the transaction counts as failed: half of it may be staged when this future is dropped.
            State::Active(mut active) => {
                let context = self.context(active.snapshot());
                let transaction = active.transaction_mut()?;
                transaction.describe(&description(sql));
                let done = write::carry_out(&context, transaction, write).await?;
                active.note_reads(&context);
                self.transaction = State::Active(active);
                Ok(done)
            }
        }
    }

    /// Changes temporary tables or views, which a session may that writes nothing else.
    async fn write_temporary(&mut self, write: Write) -> Result<Done> {
        let context = self.read_context().await?;
        let temporary = match &mut self.temporary {
            Some(temporary) => temporary,
            none => none.insert(Temporary::open().await?),
        };
        let context = context.changing(temporary.snapshot());
        match std::mem::replace(&mut self.transaction, State::Failed) {
            State::Failed => Err(Error::internal("a failed transaction is asked to write")),
            State::None => {
                self.transaction = State::None;
                let done = write::carry_out(&context, temporary.transaction_mut()?, write).await?;
                temporary.commit(None).await?;
                Ok(done)
            }
            // As above.
            State::Active(mut active) => {
                let done = write::carry_out(&context, temporary.transaction_mut()?, write).await?;
                active.note_reads(&context);
                self.transaction = State::Active(active);
                Ok(done)
            }
        }
    }

    /// Runs a statement as a transaction of its own.
    async fn write_alone(&self, sql: &str, write: Write) -> Result<Done> {
        let mut attempt = 1;
        loop {
            let snapshot = self.database.storage().snapshot().await?;
            let mut transaction = self.database.storage().begin(&snapshot)?;
            transaction.describe(&description(sql));
            let context = self.context(snapshot);
            let mut done = write::carry_out(&context, &mut transaction, write.clone()).await?;
            if !transaction.has_changes() {
                return Ok(done);
            }
            match self.commit_noted(transaction).await {
                Ok(committed) => {
                    done.snapshot = Some(committed.number());
                    return Ok(done);
                }
                Err(error) if error.kind() == ErrorKind::Conflict && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Commits, and notes meanwhile that it does.
    async fn commit_noted(&self, transaction: Transaction) -> Result<Snapshot> {
        let _committing = Committing::begin(&self.committing);
        transaction.commit().await
    }
}

impl Session {
    async fn control_transaction(&mut self, statement: SqlStatement) -> Result<Done> {
        match statement {
            SqlStatement::StartTransaction { modes, begin: _, transaction: _, modifier, statements, exception, has_end_keyword } => {
                if modifier.is_some() || !statements.is_empty() || exception.is_some() || has_end_keyword {
                    return Err(unsupported("this kind of BEGIN"));
                }
                if self.in_transaction() {
                    return Err(Error::invalid("a transaction is open already").with_hint("COMMIT or ROLLBACK ends it"));
                }
                if self.pinned.is_some() {
                    return Err(Error::read_only("the session reads the past").with_hint("RESET snapshot returns to the present"));
                }
                let snapshot = self.database.storage().snapshot().await?;
                self.transaction = State::begin(self.database.storage(), snapshot, &modes)?;
                Ok(Done::new("BEGIN"))
            }
            SqlStatement::Commit { chain, end: _, modifier } => {
                if chain || modifier.is_some() {
                    return Err(unsupported("AND CHAIN"));
                }
                self.commit().await
            }
            SqlStatement::Rollback { chain, savepoint } => {
                if chain || savepoint.is_some() {
                    return Err(unsupported("AND CHAIN and savepoints"));
                }
                if let Some(temporary) = &mut self.temporary {
                    temporary.roll_back();
                }
                match std::mem::replace(&mut self.transaction, State::None) {
                    State::None => Err(no_transaction()),
                    State::Active(_) | State::Failed => Ok(Done::new("ROLLBACK")),
                }
            }
            other => Err(unsupported(other)),
        }
    }

    async fn commit(&mut self) -> Result<Done> {
        match std::mem::replace(&mut self.transaction, State::None) {
            State::None => Err(no_transaction()),
            State::Failed => {
                Err(Error::invalid("nothing was committed: a statement of the transaction had failed")
                    .with_hint("run the transaction again"))
            }
            State::Active(active) => {
                let mut done = Done::new("COMMIT");
                let stored = active.into_transaction();
                let changes = stored.as_ref().is_some_and(Transaction::has_changes);
                let _committing = Committing::begin(&self.committing);
                let committed = match (&mut self.temporary, stored) {
                    (Some(temporary), stored) => temporary.commit(stored).await?,
                    (None, Some(stored)) => Some(stored.commit().await?),
                    (None, None) => None,
                };
                done.snapshot = committed.filter(|_| changes).map(|committed| committed.number());
                Ok(done)
            }
        }
    }
}

fn no_transaction() -> Error {
    Error::invalid("no transaction is open").with_hint("BEGIN opens one")
}

fn ends_transaction(parsed: &Parsed) -> bool {
    match parsed {
        Parsed::Sql(statement) => matches!(**statement, SqlStatement::Commit { .. } | SqlStatement::Rollback { .. }),
        Parsed::Cache(_)
        | Parsed::Copy(_)
        | Parsed::Export(_)
        | Parsed::Import(_)
        | Parsed::InsertByName(_)
        | Parsed::Reset(_)
        | Parsed::Variable(_)
        | Parsed::Show(_)
        | Parsed::Write(_)
        | Parsed::Prepare(_)
        | Parsed::Execute(_)
        | Parsed::Attach(_)
        | Parsed::Deallocate(_) => false,
    }
}

fn planner_ended(error: &tokio::task::JoinError) -> Error {
    Error::internal(format!("the planner's task ended: {error}"))
}

/// Plans a query, on a stack that is deep enough, and keeps the plan if it can be used again. The futures below are large, and threads' stacks are not.
async fn plan(
    context: Context,
    statement: SqlStatement,
    sql: String,
    keep: Option<String>,
) -> Result<(Context, Query, Arc<dyn ExecutionPlan>)> {
    let plan = Box::pin(async {
        let begin = Instant::now();
        let (logical, names) = Box::pin(context.plan(statement)).await?;
        let settled = context.settled(&logical)?;
        let query = Query { plan: Arc::new(context.optimized(&logical)?), names };
        if let (Some(settings), Some(sql)) = (settled, &keep) {
            context.database.reuse().plans.planned(sql, settings, context.snapshot.number(), &query, begin.elapsed());
        }
        let physical = Box::pin(context.physical_query(&query.plan, settled)).await?;
        Ok::<_, Error>((query, physical))
    });
    let (query, physical) = stack::with_big_stack(&sql, plan).await?;
    Ok((context, query, physical))
}

/// A statement for the history: its beginning, on one line.
fn description(sql: &str) -> String {
    let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(DESCRIPTION_CHARACTERS) {
        Some((at, _)) => format!("{}...", &line[..at]),
        None => line,
    }
}
