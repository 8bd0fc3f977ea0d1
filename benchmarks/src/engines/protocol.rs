//! What suites and engines say to each other: every engine is a process of its own, which reads requests and writes answers, a line of JSON each.
//!
//! CloudDB and DataFusion run in this program, started again ([`serve`](super::serve)); the others in Python (`benchmarks/peers/worker.py`).
//! An answer is an object; the key `error` says that the request failed.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::place::Location;

/// A request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub(super) enum Request {
    /// Open the engine; comes first. Answered with [`Opened`].
    Open(Box<Opening>),
    /// Run a query or statement: `{"seconds": S, "names": [name, …], "rows": [[cell, …], …] | null}`.
    Run {
        /// Its text.
        sql: String,
        /// Whether the rows are wanted.
        rows: bool,
    },
    /// The process's memory: [`Memory`].
    Memory,
    /// Close the database: `{"seconds": S}`.
    Close,
}

/// How an engine is to be opened.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Opening {
    /// Which engine the worker is to be.
    pub engine: String,
    /// Where it has its rows: `parquet` (the sources, in place), `memory`, `file`, `own` (CloudDB's segments, ClickHouse's MergeTree).
    pub storage: String,
    /// The tables that it is to have.
    pub tables: Vec<Source>,
    /// A folder of its own, for a database of its own.
    pub scratch: Option<PathBuf>,
    /// CloudDB's database.
    pub location: Option<Location>,
    /// The endpoint of the store, if the sources are in a bucket.
    pub endpoint: Option<String>,
    /// Threads.
    pub threads: usize,
    /// What CloudDB may keep.
    pub keeps: Keeps,
}

/// What CloudDB may keep, and use, and which footers it is to have at once.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Keeps {
    /// Bytes of decoded columns; `None` is its default.
    pub cache_bytes: Option<u64>,
    /// Bytes that the operators of one query may use; `None` is no limit.
    pub query_memory: Option<usize>,
    /// Whether the columns used last stay, and not those used often.
    pub lru: bool,
    /// A folder for what is read of segments in a store behind a network.
    pub cache_folder: Option<PathBuf>,
    /// Tables whose footers are wanted when it opens.
    pub prefetch: Vec<String>,
}

/// A table and the Parquet file that holds its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its name in SQL.
    pub name: String,
    /// The file, or its URL.
    pub path: String,
}

/// The answer to opening.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Opened {
    /// The engine's version.
    pub version: String,
    /// What loading the tables took.
    pub seconds: f64,
}

/// A process's resident memory, where the system tells it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The most that it has had.
    pub peak_rss_bytes: Option<u64>,
    /// What it has now.
    pub rss_bytes: Option<u64>,
}
