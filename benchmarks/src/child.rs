//! Parts of suites that need a process of their own: this program, started again with the hidden subcommand `child`.
//!
//! A child gets its task as JSON on the command line, and answers in lines of JSON on its standard output.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::engines;
use crate::error::{Context, Error, Result};
use crate::suites::{cache, cold_open, commits, load};

/// What a child can do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Task {
    /// Be an engine, until standard input ends.
    Serve,
    /// Load TPC-H.
    Load(load::Task),
    /// Open a database and run a query, twice.
    Query(cold_open::Task),
    /// Commit transactions.
    Commit(commits::worker::Task),
    /// Want one column, many callers at once.
    Callers(cache::callers::Task),
    /// Look whether sums balance, until standard input ends.
    Look(commits::reader::Task),
}

/// Carries a task out, in the child.
///
/// # Errors
/// Those of the task.
pub fn run(task: &str) -> Result<()> {
    match serde_json::from_str(task).context("reading the child's task")? {
        Task::Serve => engines::serve(),
        Task::Load(task) => load::child(&task),
        Task::Query(task) => cold_open::child(&task),
        Task::Commit(task) => commits::worker::child(&task),
        Task::Callers(task) => cache::callers::child(&task),
        Task::Look(task) => commits::reader::child(&task),
    }
}

/// Sends a line to the parent.
pub(crate) fn tell(answer: &impl Serialize) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(answer)?)?;
    Ok(out.flush()?)
}

/// Waits for a line from the parent, or for the end of input.
pub(crate) fn wait() -> Result<()> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(())
}

/// A child at work.
pub(crate) struct Child {
    process: std::process::Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Child {
    pub(crate) fn start(task: &Task) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("child")
            .arg(serde_json::to_string(task)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting a child process")?;
        let input = process.stdin.take();
        let output = process.stdout.take().context("a child process has no standard output")?;
        Ok(Self { process, input, output: BufReader::new(output) })
    }

    /// The child's next answer.
    pub(crate) fn answer<T: DeserializeOwned>(&mut self) -> Result<T> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err(Error::new("a child process ended without an answer; see its message above"));
        }
        serde_json::from_str(&line).context("reading a child's answer")
    }

    /// Lets a child that waits go on.
    pub(crate) fn go(&mut self) -> Result<()> {
        let input = self.input.as_mut().context("a child process has no standard input")?;
        writeln!(input)?;
        Ok(input.flush()?)
    }

    /// Ends the child's input.
    pub(crate) fn end_input(&mut self) {
        self.input = None;
    }

    /// Waits until it has ended, well or not.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.end_input();
        let status = self.process.wait()?;
        if status.success() { Ok(()) } else { Err(Error::new(format!("a child process failed: {status}"))) }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Only after an error is it still running here.
        self.input = None;
        if !matches!(self.process.try_wait(), Ok(Some(_))) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}
