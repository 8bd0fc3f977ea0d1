//! An engine's process, seen from the suite: started, asked, and ended when it takes too long.

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Run;
use super::protocol::{Memory, Opened, Opening, Request};
use crate::answer::Answer;
use crate::child::Task;
use crate::error::{Context, Error, Result};

/// The benchmarks' own folder, for their scripts: where this crate was built from.
const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// The Python that `scripts/setup-peers` made.
///
/// # Errors
/// When it is not there.
pub fn python() -> Result<PathBuf> {
    let python = Path::new(FOLDER).join("peers/.venv/bin/python");
    if python.exists() {
        return Ok(python);
    }
    Err(Error::new(format!("{} is not there: run scripts/setup-peers first", python.display())))
}

/// Where `scripts/setup-peers` puts DuckDB's extensions, and the version of DuckDB that they are built for.
pub fn extensions() -> PathBuf {
    Path::new(FOLDER).join("peers/.extensions")
}

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The engine reported an error.
    Error(String),
    /// It took longer than it may; its process has been ended.
    TimedOut(Duration),
    /// Its process ended, as it does when the system is out of memory.
    Ended,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(message) => f.write_str(message),
            Self::TimedOut(limit) => write!(f, "no answer within {} s", limit.as_secs_f64()),
            Self::Ended => f.write_str("the engine's process ended (out of memory, or see its message above)"),
        }
    }
}

impl std::error::Error for Failure {}

/// An engine's process.
pub struct Worker {
    engine: String,
    process: Child,
    input: Option<ChildStdin>,
    /// Its lines; closed when it has ended.
    lines: Receiver<String>,
}

impl Worker {
    /// Starts the process of an engine that runs in this program.
    ///
    /// # Errors
    /// When it does not start or open.
    pub fn own(opening: &Opening) -> Result<(Self, Opened)> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("child").arg(serde_json::to_string(&Task::Serve)?);
        Self::start(command, opening)
    }

    /// Starts the process of an engine that runs in Python.
    ///
    /// # Errors
    /// When the peers are not set up, or the engine does not start or open.
    pub fn python(opening: &Opening) -> Result<(Self, Opened)> {
        let mut command = Command::new(python()?);
        command.arg(Path::new(FOLDER).join("peers/worker.py"));
        command.env("CLOUDDB_BENCH_EXTENSIONS", extensions());
        // Polars asks the environment, and no other way.
        command.env("POLARS_MAX_THREADS", opening.threads.to_string());
        Self::start(command, opening)
    }

    /// Starts DuckDB with an empty database in a file of a folder, or in memory.
    ///
    /// # Errors
    /// When the peers are not set up, or DuckDB does not start.
    pub fn duckdb(folder: Option<&Path>, threads: usize) -> Result<Self> {
        let storage = if folder.is_some() { "file" } else { "memory" };
        let (engine, storage, scratch) = ("duckdb".to_owned(), storage.to_owned(), folder.map(Path::to_owned));
        Ok(Self::python(&Opening { engine, storage, scratch, threads, ..Opening::default() })?.0)
    }

    fn start(mut command: Command, opening: &Opening) -> Result<(Self, Opened)> {
        let engine = opening.engine.clone();
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context(format!("starting the process of {engine}"))?;
        let input = process.stdin.take();
        let output = process.stdout.take().context("a worker process has no standard output")?;
        let (sender, lines) = channel();
        // A thread reads, so that waiting can end. It ends with the process's output.
        std::thread::spawn(move || BufReader::new(output).lines().map_while(|line| line.ok()).try_for_each(|line| sender.send(line)));
        let mut worker = Self { engine, process, input, lines };
        let opened = worker.ask(&Request::Open(Box::new(opening.clone())), None).context(format!("opening {}", worker.engine))?;
        Ok((worker, opened))
    }

    /// Runs a query.
    ///
    /// # Errors
    /// When the engine reports one, takes longer than `limit` (if there is one), or ends.
    pub fn run(&mut self, sql: &str, limit: Option<Duration>) -> Result<Run, Failure> {
        let answer: Value = self.ask(&Request::Run { sql: sql.to_owned(), rows: true }, limit)?;
        let run = || {
            let names = Vec::<String>::deserialize(&answer["names"])?;
            Ok(Run { seconds: seconds(&answer)?, names, answer: Answer::from_json(&answer["rows"])? })
        };
        run().map_err(|error: Error| Failure::Error(error.to_string()))
    }

    /// Runs a statement and says how many seconds it took.
    ///
    /// # Errors
    /// When the engine reports one.
    pub fn execute(&mut self, sql: &str) -> Result<f64> {
        seconds(&self.ask(&Request::Run { sql: sql.to_owned(), rows: false }, None)?)
    }

    /// The process's memory.
    ///
    /// # Errors
    /// When the worker does not answer.
    pub fn memory(&mut self) -> Result<Memory> {
        Ok(self.ask(&Request::Memory, None)?)
    }

    /// Closes the database, which writes what is still outstanding, and says how many seconds that took.
    ///
    /// # Errors
    /// When the engine reports one.
    pub fn close(&mut self) -> Result<f64> {
        seconds(&self.ask(&Request::Close, None)?)
    }

    fn ask<T: DeserializeOwned>(&mut self, request: &Request, limit: Option<Duration>) -> Result<T, Failure> {
        let wrong = |error: serde_json::Error| Failure::Error(format!("an answer that is none: {error}"));
        let text = serde_json::to_string(request).map_err(wrong)?;
        let input = self.input.as_mut().ok_or(Failure::Ended)?;
        writeln!(input, "{text}").and_then(|()| input.flush()).map_err(|_| Failure::Ended)?;
        let line = match limit {
            None => self.lines.recv().map_err(|_| Failure::Ended)?,
            Some(limit) => match self.lines.recv_timeout(limit) {
                Ok(line) => line,
                Err(RecvTimeoutError::Disconnected) => return Err(Failure::Ended),
                Err(RecvTimeoutError::Timeout) => {
                    self.end();
                    return Err(Failure::TimedOut(limit));
                }
            },
        };
        let answer: Value = serde_json::from_str(&line).map_err(wrong)?;
        match answer["error"].as_str() {
            Some(error) => Err(Failure::Error(error.to_owned())),
            None => serde_json::from_value(answer).map_err(wrong),
        }
    }

    fn end(&mut self) {
        self.input = None;
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn seconds(answer: &Value) -> Result<f64> {
    answer["seconds"].as_f64().context("a worker process gave no seconds")
}

impl Drop for Worker {
    fn drop(&mut self) {
        // End of input ends the worker's loop.
        self.input = None;
        let _ = self.process.wait();
    }
}
