//! Runs statements: from `-c`, `-f` and standard input one after the other, and for the prompt one at a time.

use std::io::{BufWriter, IsTerminal, Stdout, Write};
use std::time::Instant;

use clouddb_engine::{Database, Done, Options, Session, StatementResult};
use clouddb_storage::store::StoreKind;
use clouddb_storage::{OpenMode, OpenOptions};

use crate::args::{CommonArgs, Format, ShellArgs, Source};
use crate::failure::{Failure, Place, Result};
use crate::input::Input;
use crate::interrupt::{self, interruptible, interruptible_until_commit};
use crate::progress::Progress;
use crate::render::{self, Style, units};
use crate::script::{Splitter, Statement};
use crate::{output, shell};

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
    let mut runner = match Runner::open(args, common, threads, &sources).await {
        Ok(runner) => runner,
        Err(failure) => {
            failure.report(None);
            return failure.exit_status();
        }
    };
    let status = match is_prompt {
        true => shell::run(&mut runner).await,
        false => run_sources(&mut runner, &sources).await,
    };
    runner.close().await;
    status
}

async fn run_sources(runner: &mut Runner, sources: &[Source]) -> u8 {
    for source in sources {
        if let Err(failure) = run_source(runner, source).await {
            return failure.exit_status();
        }
    }
    if runner.session.in_transaction() {
        let failure = Failure::Message("the script ended inside a transaction, which is rolled back\nhint: COMMIT ends it".to_owned());
        failure.report(None);
        return failure.exit_status();
    }
    0
}

/// Runs one source to its end or first error, which is reported here, where its place is known.
async fn run_source(runner: &mut Runner, source: &Source) -> Result<()> {
    let told = |failure: Failure| {
        failure.report(None);
        failure
    };
    let mut input = match source {
        Source::Text(_) => None,
        Source::File(path) => Some(Input::file(path).map_err(told)?),
        Source::Stdin => Some(Input::stdin().map_err(told)?),
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
        while let Some(statement) = splitter.next_statement() {
            run_at(runner, name.as_deref(), &statement).await?;
        }
        let piece = match &mut input {
            Some(input) => interruptible(input.next()).await.map_err(told)?,
            None => None,
        };
        match piece {
            Some(text) => splitter.push(&text),
            None => break,
        }
    }
    match splitter.finish() {
        Some(statement) => run_at(runner, name.as_deref(), &statement).await,
        None => Ok(()),
    }
}

async fn run_at(runner: &mut Runner, file: Option<&str>, statement: &Statement) -> Result<()> {
    let result = runner.statement(&statement.sql).await;
    result.inspect_err(|failure| failure.report(Some(&Place { file, statement })))
}

/// An open database, a session on it, and how its answers are written.
pub(crate) struct Runner {
    pub(crate) database: Database,
    pub(crate) session: Session,
    pub(crate) style: Style,
    pub(crate) timer: bool,
    /// Whether the location was known to hold a database before the last statement.
    existed: bool,
    out: BufWriter<Stdout>,
}

impl Runner {
    async fn open(args: &ShellArgs, common: &CommonArgs, threads: usize, sources: &[Source]) -> Result<Self> {
        let mode = match (args.readonly, args.must_exist) {
            (true, _) => OpenMode::ReadOnly,
            (false, true) => OpenMode::MustExist,
            (false, false) => OpenMode::Create,
        };
        let url = match &args.database {
            Some(url) => url.as_str(),
            // A database in memory is new every time: it may always be created.
            None => IN_MEMORY,
        };
        let mode = if args.database.is_none() && mode == OpenMode::MustExist { OpenMode::Create } else { mode };
        let storage =
            OpenOptions { mode, store_options: common.store_options.clone(), prefetch: prefetch(sources), ..OpenOptions::default() };
        let bytes = |bytes: Option<u64>| bytes.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let (memory_limit, query_memory_limit) = (bytes(args.memory_limit), bytes(args.query_memory_limit));
        let statement_timeout = args.statement_timeout.and_then(|limit| limit.0);
        let defaults = Options::default();
        let cache_bytes = args.cache_size.unwrap_or(defaults.cache_bytes);
        let cache_folder_bytes = args.cache_dir_size.unwrap_or(defaults.cache_folder_bytes);
        let cache_folder = args.cache_dir.clone();
        let options = Options {
            storage,
            threads: Some(threads),
            memory_limit,
            query_memory_limit,
            statement_timeout,
            cache_bytes,
            cache_folder,
            cache_folder_bytes,
            result_cache_bytes: args.result_cache_size.unwrap_or(defaults.result_cache_bytes),
            ..defaults
        };
        let database = interruptible(async { Ok(Database::open(url, options).await?) }).await?;
        let session = database.session();
        let existed = database.storage().exists();
        Ok(Self { database, session, style: output::style(args), timer: args.timer, existed, out: output::stdout() })
    }

    /// Runs one statement and writes its answer.
    pub(crate) async fn statement(&mut self, sql: &str) -> Result<()> {
        let started = Instant::now();
        let (store, committing) = (self.database.storage().store().clone(), self.session.committing());
        let before = store.counts();
        let mut result = interruptible_until_commit(self.execute(sql), &committing).await;
        if matches!(result, Err(Failure::Interrupted(None))) && store.counts().bytes_written > before.bytes_written {
            result = Err(Failure::Interrupted(Some("nothing of the statement was committed".to_owned())));
        }
        self.tell_of_creation();
        result?;
        for notice in self.session.notices() {
            eprintln!("{notice}");
        }
        if self.timer {
            eprintln!("time: {}", units::duration(started.elapsed()));
        }
        Ok(())
    }

    async fn execute(&mut self, sql: &str) -> Result<()> {
        let progress = Progress::load();
        let result = self.session.execute(sql).await?;
        drop(progress);
        match result {
            StatementResult::Rows(rows) => render::write_result(rows.into_stream(), self.style, &mut self.out).await.map(drop),
            StatementResult::Done(done) => self.tell_done(&done),
        }
    }

    /// What a statement did that returns no rows: for people only, a script's output is its results.
    fn tell_done(&mut self, done: &Done) -> Result<()> {
        if self.style.format == Format::Box && output::stdout_is_terminal() {
            match done.rows {
                Some(rows) => writeln!(self.out, "{}: {}", done.tag, units::counted(rows, "row"))?,
                None => writeln!(self.out, "{}", done.tag)?,
            }
            self.out.flush()?;
        }
        Ok(())
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
        let _ = interruptible(async {
            self.database.close().await;
            Ok(())
        })
        .await;
    }
}

/// The tables that the first statement reads: what their segments need can be fetched while the database is opened.
fn prefetch(sources: &[Source]) -> Vec<(String, String)> {
    match sources.first() {
        Some(Source::Text(sql)) => clouddb_engine::table_names(sql),
        _ => Vec::new(),
    }
}
