//! Runs statements and the shell's commands: from `-c`, `-f` and standard input one after the other, and for the prompt one at a time.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use arrow::array::{Array, RecordBatch};
use clouddb_engine::text::values;
use clouddb_engine::{Database, Done, Options, Session, StatementResult};
use clouddb_storage::store::StoreKind;
use clouddb_storage::{OpenMode, OpenOptions};

use crate::args::{CommonArgs, ShellArgs, Source};
use crate::failure::{Failure, Place, Result};
use crate::input::Input;
use crate::interrupt::{self, interruptible, interruptible_until_commit};
use crate::output::{self, Output};
use crate::progress::Progress;
use crate::render::{self, Style, units};
use crate::script::{Piece, Splitter, Statement};
use crate::settings::Settings;
use crate::variables::Variables;
use crate::{dot, shell};

/// Where a database without a name is.
const IN_MEMORY: &str = "memory://";

/// Runs what the arguments say; returns the exit status. Failures are on standard error by then.
pub(crate) async fn run(args: &ShellArgs, common: &CommonArgs, threads: usize) -> u8 {
    interrupt::watch();
    let is_prompt = args.sources.is_empty() && std::io::stdin().is_terminal();
    let sources = match args.sources.is_empty() {
        true if is_prompt => Vec::new(),
        true => vec![Source::Stdin],
        false => args.sources.clone(),
    };
    // Statements that come there leave nothing that could be data.
    if is_prompt || sources.iter().any(|source| matches!(source, Source::Stdin)) {
        clouddb_engine::keep_standard_input();
    }
    let mut runner = match Runner::open(args, common, threads, &sources).await {
        Ok(runner) => runner,
        Err(failure) => {
            failure.report(None);
            return failure.exit_status();
        }
    };
    let status = match is_prompt {
        true => shell::run(&mut runner, args).await,
        false => run_sources(&mut runner, args.init.as_ref(), &sources).await,
    };
    runner.close().await;
    status
}

async fn run_sources(runner: &mut Runner, init: Option<&PathBuf>, sources: &[Source]) -> u8 {
    let init = init.map(|path| Source::File(path.clone()));
    for source in init.iter().chain(sources) {
        if let Err(failure) = run_source(runner, source).await {
            return failure.exit_status();
        }
        if let Some(status) = runner.ended {
            return status;
        }
    }
    if runner.session.in_transaction() {
        let failure = Failure::Message("the script ended inside a transaction, which is rolled back\nhint: COMMIT ends it".to_owned());
        failure.report(None);
        return failure.exit_status();
    }
    // With --continue-on-error the errors are told, and still errors.
    u8::from(runner.has_failed)
}

/// Runs one source to its end or first error, which is reported here, where its place is known.
pub(crate) async fn run_source(runner: &mut Runner, source: &Source) -> Result<()> {
    let mut input = match source {
        Source::Text(_) => None,
        Source::File(path) => Some(Input::file(path).map_err(Failure::told)?),
        Source::Stdin => Some(Input::stdin().map_err(Failure::told)?),
    };
    let name = match source {
        Source::File(path) => Some(path.display().to_string()),
        Source::Text(_) | Source::Stdin => None,
    };
    let mut splitter = Splitter::new();
    if let Source::Text(text) = source {
        splitter.push(text);
    }
    loop {
        while let Some(piece) = splitter.next_piece() {
            let data = match (&piece, &mut input) {
                (Piece::Statement(statement), Some(input)) if statement.reads_standard_input() => {
                    data_behind(&mut splitter, input, matches!(source, Source::Stdin)).await?
                }
                _ => None,
            };
            run_at(runner, name.as_deref(), &piece, data).await?;
            if runner.ended.is_some() {
                return Ok(());
            }
        }
        let piece = match &mut input {
            Some(input) => interruptible(input.next()).await.map_err(Failure::told)?,
            None => None,
        };
        match piece {
            Some(text) => splitter.push(&text),
            None => break,
        }
    }
    match splitter.finish() {
        Some(statement) => run_at(runner, name.as_deref(), &Piece::Statement(statement), None).await,
        None => Ok(()),
    }
}

/// The lines behind a `COPY ... FROM STDIN` that are its data, up to `\.`. Where statements come from standard input, all that follows is data if there is no
/// such line; in a file, nothing is then, and standard input is the data.
async fn data_behind(splitter: &mut Splitter, input: &mut Input, is_standard_input: bool) -> Result<Option<String>> {
    let mut may_have_ended = true;
    loop {
        if may_have_ended && let Some(data) = splitter.data() {
            return Ok(Some(data));
        }
        match interruptible(input.next()).await.map_err(Failure::told)? {
            Some(text) => {
                // Text comes in whole lines: looking at all of it again would be quadratic.
                may_have_ended = text.contains("\\.");
                splitter.push(&text);
            }
            None => return Ok(is_standard_input.then(|| splitter.data_to_the_end())),
        }
    }
}

/// Runs a piece of a script. What goes wrong is told; and it is the end, unless errors are to be passed over.
async fn run_at(runner: &mut Runner, file: Option<&str>, piece: &Piece, data: Option<String>) -> Result<()> {
    let (result, statement) = match piece {
        Piece::Statement(statement) => {
            let statement = runner.filled(statement);
            (runner.statement_with_input(&statement.sql, data).await, statement)
        }
        Piece::Command(command) => {
            let statement = runner.filled(command.about.as_ref().unwrap_or(&command.line));
            (Box::pin(dot::run(runner, command)).await, statement)
        }
    };
    let statement = &statement;
    match result {
        Err(failure) if !runner.settings.bail && failure.can_be_passed_over() => {
            runner.has_failed = true;
            runner.report(&failure, Some(&Place { file, statement, is_typed: false }));
            Ok(())
        }
        Err(failure) => {
            runner.report(&failure, Some(&Place { file, statement, is_typed: false }));
            Err(failure.reported())
        }
        Ok(()) => Ok(()),
    }
}

/// An open database, a session on it, and how its answers are written.
pub(crate) struct Runner {
    pub(crate) database: Database,
    pub(crate) session: Session,
    pub(crate) settings: Settings,
    pub(crate) variables: Variables,
    pub(crate) out: Output,
    /// The statement before, and the last one that gave rows.
    pub(crate) previous: Option<String>,
    pub(crate) last_query: Option<String>,
    /// What came out of an editor: for the history.
    pub(crate) edited: Option<String>,
    /// The exit status, once the end was asked for.
    pub(crate) ended: Option<u8>,
    /// How many files deep scripts are in each other.
    pub(crate) depth: usize,
    /// Whether a statement changed what names there are: tables, views, schemas.
    pub(crate) has_new_names: bool,
    /// Whether somebody sits at a prompt.
    pub(crate) is_prompt: bool,
    /// Whether an error was passed over.
    has_failed: bool,
    /// Whether the location was known to hold a database before the last statement.
    existed: bool,
    opening: Opening,
}

/// What a database is opened with.
struct Opening {
    args: ShellArgs,
    common: CommonArgs,
    threads: usize,
}

impl Opening {
    async fn open(&self, location: Option<&str>, is_read_only: bool, sources: &[Source]) -> Result<Database> {
        let args = &self.args;
        let mode = match (is_read_only, args.must_exist) {
            (true, _) => OpenMode::ReadOnly,
            (false, true) => OpenMode::MustExist,
            (false, false) => OpenMode::Create,
        };
        // A database in memory is new every time: it may always be created.
        let mode = if location.is_none() && mode == OpenMode::MustExist { OpenMode::Create } else { mode };
        let store_options = self.common.store_options.clone();
        let storage = OpenOptions { mode, store_options, prefetch: prefetch(sources), ..OpenOptions::default() };
        let bytes = |bytes: Option<u64>| bytes.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let defaults = Options::default();
        let options = Options {
            storage,
            threads: Some(self.threads),
            memory_limit: bytes(args.memory_limit),
            query_memory_limit: bytes(args.query_memory_limit),
            statement_timeout: args.statement_timeout.and_then(|limit| limit.0),
            cache_bytes: args.cache_size.unwrap_or(defaults.cache_bytes),
            cache_folder: args.cache_dir.clone(),
            cache_folder_bytes: args.cache_dir_size.unwrap_or(defaults.cache_folder_bytes),
            result_cache_bytes: args.result_cache_size.unwrap_or(defaults.result_cache_bytes),
            ..defaults
        };
        interruptible(async { Ok(Database::open(location.unwrap_or(IN_MEMORY), options).await?) }).await
    }
}

impl Runner {
    async fn open(args: &ShellArgs, common: &CommonArgs, threads: usize, sources: &[Source]) -> Result<Self> {
        let opening = Opening { args: args.clone(), common: common.clone(), threads };
        let database = opening.open(args.database.as_deref(), args.readonly, sources).await?;
        let session = database.session();
        let existed = database.storage().exists();
        let mut out = Output::new();
        out.redirect(args.output.as_deref())?;
        let mut runner = Self {
            database,
            session,
            settings: Settings::new(args),
            variables: Variables::default(),
            out,
            previous: None,
            last_query: None,
            edited: None,
            ended: None,
            depth: 0,
            has_new_names: true,
            is_prompt: false,
            has_failed: false,
            existed,
            opening,
        };
        args.variables.iter().for_each(|(name, value)| runner.set_variable(name, value));
        Ok(runner)
    }

    /// Sets a variable. psql's `ON_ERROR_STOP` is the setting that `.bail` has.
    pub(crate) fn set_variable(&mut self, name: &str, value: &str) {
        if name == "ON_ERROR_STOP" {
            self.settings.bail = !["off", "false", "no", "0"].contains(&value.to_ascii_lowercase().as_str());
        }
        self.variables.set(name, value);
    }

    /// A statement with the values of variables in it.
    pub(crate) fn filled(&self, statement: &Statement) -> Statement {
        Statement { sql: self.variables.put_into(&statement.sql).into_owned(), start: statement.start }
    }

    /// Runs one statement, which reads this text as standard input if there is one.
    pub(crate) async fn statement_with_input(&mut self, sql: &str, data: Option<String>) -> Result<()> {
        let Some(data) = data else { return self.statement(sql).await };
        let cannot = |error: std::io::Error| Failure::Message(format!("cannot keep the data of COPY: {error}"));
        let mut file = tempfile::tempfile().map_err(cannot)?;
        file.write_all(data.as_bytes()).map_err(cannot)?;
        drop(data);
        clouddb_engine::give_standard_input(Some(file)).await;
        let result = self.statement(sql).await;
        clouddb_engine::give_standard_input(None).await;
        result
    }

    /// Goes on with another database. If it cannot be opened, the one before stays.
    pub(crate) async fn reopen(&mut self, location: Option<&str>, is_read_only: bool) -> Result<()> {
        let database = self.opening.open(location, is_read_only, &[]).await?;
        if self.session.in_transaction() {
            eprintln!("the open transaction is rolled back");
        }
        self.close().await;
        self.existed = database.storage().exists();
        self.session = database.session();
        self.database = database;
        self.has_new_names = true;
        Ok(())
    }

    /// Runs one statement and writes its answer.
    pub(crate) async fn statement(&mut self, sql: &str) -> Result<()> {
        if self.settings.echo {
            self.say(&format!("{sql};"))?;
        }
        self.out.note(&format!("{sql};"))?;
        self.previous = Some(sql.to_owned());
        let started = Instant::now();
        let (store, committing) = (self.database.storage().store().clone(), self.session.committing());
        let before = store.counts();
        let mut result = interruptible_until_commit(self.execute(sql), &committing).await;
        if matches!(result, Err(Failure::Interrupted(None))) && store.counts().bytes_written > before.bytes_written {
            result = Err(Failure::Interrupted(Some("nothing of the statement was committed".to_owned())));
        }
        // A pager that was quit, or `head`, has seen enough.
        if matches!(result, Err(Failure::Output(_))) && self.out.has_reader_left() {
            result = Ok(());
        }
        self.tell_of_creation();
        let ended = self.out.end_of_answer();
        result?;
        ended?;
        for notice in self.session.notices() {
            eprintln!("{notice}");
        }
        if self.settings.timer {
            eprintln!("time: {}", units::duration(started.elapsed()));
        }
        Ok(())
    }

    async fn execute(&mut self, sql: &str) -> Result<()> {
        let started = Instant::now();
        let progress = Progress::statement(&self.session);
        match self.session.execute(sql).await? {
            StatementResult::Rows(rows) => {
                self.last_query = Some(sql.to_owned());
                let is_terminal = self.out.is_terminal();
                let pager = self.settings.pager.program().filter(|_| is_terminal);
                let style = self.settings.style_of_answer(is_terminal, pager.is_some());
                if let Some(pager) = &pager {
                    self.out.redirect_once(&format!("|{pager}"))?;
                }
                let mut out = progress.before(&mut self.out);
                render::write_result(rows.into_stream(), &style, &mut out).await.map(drop)
            }
            StatementResult::Done(done) => {
                drop(progress);
                self.has_new_names |=
                    ["CREATE", "DROP", "ALTER", "ROLLBACK", "SET", "USE", "ATTACH", "DETACH"].iter().any(|tag| done.tag.starts_with(tag));
                self.tell_done(&done, started.elapsed())
            }
        }
    }

    /// What a statement did that returns no rows: for people only, a script's output is its results.
    fn tell_done(&mut self, done: &Done, elapsed: Duration) -> Result<()> {
        if self.settings.changes || (self.settings.style.format.is_for_people() && self.out.is_terminal()) {
            match done.rows {
                Some(rows) => writeln!(self.out, "{}: {}{}", done.tag, units::counted(rows, "row"), rate(rows, elapsed))?,
                None => writeln!(self.out, "{}", done.tag)?,
            }
            self.out.flush()?;
        }
        Ok(())
    }

    /// Writes a line where answers go.
    pub(crate) fn say(&mut self, line: &str) -> Result<()> {
        writeln!(self.out, "{line}")?;
        self.out.flush()?;
        Ok(())
    }

    /// Tells somebody at the prompt something that is no answer.
    pub(crate) fn tell(&self, line: &str) {
        if self.is_prompt {
            println!("{line}");
        }
    }

    /// Tells what went wrong, on standard error and in the log.
    pub(crate) fn report(&mut self, failure: &Failure, place: Option<&Place<'_>>) {
        if let Some(text) = failure.report(place) {
            // A log that cannot be written must not hide the error.
            let _ = self.out.note(&text);
        }
    }

    /// A query's rows as text, for commands that look something up.
    pub(crate) async fn rows(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>> {
        let committing = self.session.committing();
        let batches = interruptible_until_commit(
            async {
                match self.session.execute(sql).await? {
                    StatementResult::Rows(rows) => Ok(rows.collect().await?),
                    StatementResult::Done(_) => Ok(Vec::new()),
                }
            },
            &committing,
        );
        let mut rows = Vec::new();
        for batch in batches.await? {
            rows.extend(texts(&batch)?);
        }
        Ok(rows)
    }

    /// Writes a query's rows where answers go.
    pub(crate) async fn write_rows(&mut self, sql: &str, style: &Style) -> Result<()> {
        let committing = self.session.committing();
        let write = async {
            match self.session.execute(sql).await? {
                StatementResult::Rows(rows) => render::write_result(rows.into_stream(), style, &mut self.out).await.map(drop),
                StatementResult::Done(_) => Ok(()),
            }
        };
        interruptible_until_commit(write, &committing).await
    }

    fn tell_of_creation(&mut self) {
        let store = self.database.storage().store();
        if !self.existed && self.database.storage().exists() {
            self.existed = true;
            if store.kind() != StoreKind::Memory {
                eprintln!("created database at {}", output::place(store));
            }
        }
    }

    /// Lets background work end: checkpoints that are due, and what is to be kept on disk.
    async fn close(&mut self) {
        if let Err(failure) = self.out.redirect(None) {
            failure.report(None);
        }
        let _ = interruptible(async {
            self.database.close().await;
            Ok(())
        })
        .await;
    }
}

/// Rows a second, where there were enough of them to say so.
fn rate(rows: u64, elapsed: Duration) -> String {
    const ENOUGH: u64 = 1000;
    match rows >= ENOUGH && !elapsed.is_zero() {
        true => format!(" ({} a second)", units::count((rows as f64 / elapsed.as_secs_f64()) as u64)),
        false => String::new(),
    }
}

/// Rows as text; nothing for NULL.
fn texts(batch: &RecordBatch) -> Result<Vec<Vec<Option<String>>>> {
    let options = values::options("NULL");
    let schema = batch.schema();
    let formatters =
        schema.fields().iter().zip(batch.columns()).map(|(field, array)| Ok((values::formatter(field, array, &options)?, array)));
    let formatters = formatters.collect::<Result<Vec<_>>>()?;
    let row = |row: usize| {
        formatters.iter().map(|(formatter, array)| Ok((!array.is_null(row)).then(|| formatter.value(row).to_string()))).collect()
    };
    (0..batch.num_rows()).map(row).collect()
}

/// The tables that the first statement reads: what their segments need can be fetched while the database is opened.
fn prefetch(sources: &[Source]) -> Vec<(String, String)> {
    match sources.first() {
        Some(Source::Text(sql)) => clouddb_engine::table_names(sql),
        _ => Vec::new(),
    }
}

/// A statement as it was typed, for those who have no script.
pub(crate) fn typed(sql: &str) -> Statement {
    Statement { sql: sql.to_owned(), start: crate::script::Position { line: 1, column: 1 } }
}
