//! DuckDB, in a Python process of its own that stays for a whole run: `benchmarks/peers/duckdb_worker.py`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use super::{Engine, Run};
use crate::answer::Answer;
use crate::error::{Context, Error, Result};
use crate::tpch::TABLES;
use crate::tpch::data::{Data, Format};

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

/// A DuckDB in a process of its own.
pub struct DuckDb {
    name: &'static str,
    version: String,
    reads: &'static str,
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl DuckDb {
    /// Starts DuckDB with an empty database: in memory, or in a file.
    ///
    /// # Errors
    /// When the peers are not set up, or DuckDB does not start.
    pub fn start(database: Option<&Path>, threads: usize) -> Result<Self> {
        let mut process = Command::new(python()?)
            .arg(Path::new(FOLDER).join("peers/duckdb_worker.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting DuckDB's worker process")?;
        let input = process.stdin.take();
        let output = process.stdout.take().context("DuckDB's worker process has no standard output")?;
        let mut worker =
            Self { name: "duckdb", version: String::new(), reads: "its own tables", process, input, output: BufReader::new(output) };
        let database = database.map(|path| path.to_string_lossy().into_owned());
        let answer = worker.ask(&json!({"do": "open", "database": database, "threads": threads}))?;
        worker.version = answer["version"].as_str().unwrap_or("of unknown version").to_owned();
        Ok(worker)
    }

    /// DuckDB with TPC-H in tables in its memory.
    ///
    /// # Errors
    /// When it cannot start or read the files.
    pub fn in_memory(data: &Data, threads: usize) -> Result<Self> {
        let mut worker = Self::start(None, threads)?;
        (worker.name, worker.reads) = ("duckdb-memory", "tables in memory");
        for table in TABLES {
            worker.execute(&format!("CREATE TABLE {} AS SELECT * FROM {}", table.name(), source(data, table)?))?;
        }
        Ok(worker)
    }

    /// DuckDB with views on TPC-H's Parquet files.
    ///
    /// # Errors
    /// When it cannot start or read the files.
    pub fn on_parquet(data: &Data, threads: usize) -> Result<Self> {
        let mut worker = Self::start(None, threads)?;
        (worker.name, worker.reads) = ("duckdb-parquet", "the source Parquet");
        for table in TABLES {
            worker.execute(&format!("CREATE VIEW {} AS SELECT * FROM {}", table.name(), source(data, table)?))?;
        }
        Ok(worker)
    }

    /// Runs a statement and says how many seconds it took.
    ///
    /// # Errors
    /// When DuckDB reports one.
    pub fn execute(&mut self, sql: &str) -> Result<f64> {
        seconds(&self.ask(&json!({"do": "run", "sql": sql, "rows": false}))?)
    }

    /// The process's peak memory, where it is known.
    ///
    /// # Errors
    /// When the worker does not answer.
    pub fn peak_rss_bytes(&mut self) -> Result<Option<u64>> {
        Ok(self.ask(&json!({"do": "memory"}))?["peak_rss_bytes"].as_u64())
    }

    /// Closes the database, which writes what is still outstanding to its file, and says how many seconds that took.
    ///
    /// # Errors
    /// When DuckDB reports one.
    pub fn close(&mut self) -> Result<f64> {
        seconds(&self.ask(&json!({"do": "close"}))?)
    }

    /// DuckDB's version.
    pub fn version(&self) -> &str {
        &self.version
    }

    fn ask(&mut self, request: &Value) -> Result<Value> {
        let input = self.input.as_mut().context("DuckDB's worker process has no standard input")?;
        writeln!(input, "{request}").context("writing to DuckDB's worker process")?;
        input.flush().context("writing to DuckDB's worker process")?;
        let mut line = String::new();
        if self.output.read_line(&mut line).context("reading from DuckDB's worker process")? == 0 {
            return Err(Error::new("DuckDB's worker process ended; see its message above"));
        }
        let answer: Value = serde_json::from_str(&line).context("reading from DuckDB's worker process")?;
        match answer["error"].as_str() {
            Some(error) => Err(Error::new(format!("{}: {error}", self.name))),
            None => Ok(answer),
        }
    }
}

/// What stands after FROM in DuckDB's SQL to read a table's file.
///
/// # Errors
/// When the path is not UTF-8.
pub(crate) fn source(data: &Data, table: crate::tpch::Table) -> Result<String> {
    let path = data.file(table);
    let path = path.to_str().context("the data folder's path is not UTF-8")?.replace('\'', "''");
    Ok(match data.format {
        Format::ParquetSnappy | Format::ParquetZstd => format!("'{path}'"),
        Format::Csv => format!("read_csv('{path}', header = true, columns = {})", table.duckdb_csv_columns()),
    })
}

fn seconds(answer: &Value) -> Result<f64> {
    answer["seconds"].as_f64().context("DuckDB's worker process gave no seconds")
}

impl Drop for DuckDb {
    fn drop(&mut self) {
        // End of input ends the worker's loop.
        self.input = None;
        let _ = self.process.wait();
    }
}

impl Engine for DuckDb {
    fn name(&self) -> &str {
        self.name
    }

    fn description(&self) -> String {
        format!("DuckDB {} on {}", self.version, self.reads)
    }

    fn run(&mut self, sql: &str) -> Result<Run> {
        let answer = self.ask(&json!({"do": "run", "sql": sql, "rows": true}))?;
        Ok(Run { seconds: seconds(&answer)?, answer: Answer::from_json(&answer["rows"])? })
    }
}
