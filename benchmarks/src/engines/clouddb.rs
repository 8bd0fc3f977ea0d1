//! CloudDB in this process, through its own SQL sessions.
//!
//! What it keeps between queries: the newest snapshot (the list of segments), segments' footers, and decoded columns within a budget.

use std::sync::Arc;

use clouddb_engine::{CachePolicy, DEFAULT_SCHEMA, Database, Options, Session, StatementResult};
use clouddb_storage::OpenOptions;
use tokio::runtime::Runtime;
use tokio::sync::Mutex;

use super::{Batches, Engine, Keeps, Run, names, time_query};
use crate::error::{Context, Error, Result};
use crate::place::Location;
use crate::tpch::Table;
use crate::tpch::data::{Data, Format};

/// A session on a CloudDB database.
pub struct CloudDb {
    session: Arc<Mutex<Session>>,
    database: Database,
    runtime: Arc<Runtime>,
}

/// All options of a database that is measured are chosen here.
fn options(location: &Location, threads: usize, keeps: &Keeps) -> Options {
    let prefetch = keeps.prefetch.iter().map(|table| (DEFAULT_SCHEMA.to_owned(), table.clone())).collect();
    let storage = OpenOptions { store_options: location.options.clone(), prefetch, ..OpenOptions::default() };
    let defaults = Options::default();
    Options {
        storage,
        threads: Some(threads),
        cache_bytes: keeps.cache_bytes.unwrap_or(defaults.cache_bytes),
        query_memory_limit: keeps.query_memory,
        cache_policy: if keeps.lru { CachePolicy::Lru } else { CachePolicy::TinyLfu },
        cache_folder: keeps.cache_folder.clone(),
        ..defaults
    }
}

impl CloudDb {
    /// Opens a database and a session on it.
    ///
    /// # Errors
    /// Those of opening it.
    pub fn open(location: &Location, threads: usize, runtime: Arc<Runtime>) -> Result<Self> {
        Self::open_with(location, threads, runtime, &Keeps::default())
    }

    /// The same, saying what it may keep.
    ///
    /// # Errors
    /// Those of opening it.
    pub fn open_with(location: &Location, threads: usize, runtime: Arc<Runtime>, keeps: &Keeps) -> Result<Self> {
        let options = options(location, threads, keeps);
        let url = location.url.clone();
        let opening = runtime.spawn(async move { Database::open(&url, options).await });
        let database = runtime.block_on(opening).map_err(task_ended)?.context(format!("opening {}", location.url))?;
        Ok(Self { session: Arc::new(Mutex::new(database.session())), database, runtime })
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Runs a statement; gives its rows, if it is a query, and the seconds it took.
    ///
    /// # Errors
    /// Those of the statement.
    pub fn execute(&mut self, sql: &str) -> Result<Run> {
        let (session, sql) = (Arc::clone(&self.session), sql.to_owned());
        time_query(&self.runtime, async move { execute(&mut *session.lock().await, &sql).await })
    }

    /// Loads a table of TPC-H from its file and says how many seconds that took, up to the durable commit.
    ///
    /// # Errors
    /// Those of the statements.
    pub fn load(&mut self, data: &Data, table: Table) -> Result<f64> {
        let path = data.file(table);
        let path = path.to_str().context("the data folder's path is not UTF-8")?;
        let name = table.name();
        match data.format {
            Format::ParquetSnappy | Format::ParquetZstd => self.load_parquet(name, path),
            Format::Csv => {
                // CSV has no types: both engines are told them.
                let create = self.execute(&format!("CREATE TABLE {name} ({})", table.sql_columns()))?;
                let copy = self.execute(&format!("COPY {name} FROM '{}' (FORMAT csv, HEADER true)", path.replace('\'', "''")))?;
                Ok(create.seconds + copy.seconds)
            }
        }
    }

    /// Makes a table of a Parquet file's rows and says how many seconds that took, up to the durable commit.
    ///
    /// # Errors
    /// Those of the statement.
    pub fn load_parquet(&mut self, name: &str, path: &str) -> Result<f64> {
        let sql = format!("CREATE TABLE {name} AS SELECT * FROM '{}'", path.replace('\'', "''"));
        Ok(self.execute(&sql).context(format!("loading {name}"))?.seconds)
    }

    /// Bytes that tables' segments take in the store.
    ///
    /// # Errors
    /// Those of reading the newest snapshot.
    pub fn table_bytes(&self) -> Result<u64> {
        let storage = self.database.storage().clone();
        let reading = self.runtime.spawn(async move { storage.snapshot().await });
        let snapshot = self.runtime.block_on(reading).map_err(task_ended)??;
        Ok(snapshot.tables("main").iter().map(|table| table.bytes()).sum())
    }

    /// Waits for background work, so that none of it falls into what is measured next.
    pub fn settle(&self) {
        self.runtime.block_on(self.database.close());
    }
}

async fn execute(session: &mut Session, sql: &str) -> Result<Batches> {
    match session.execute(sql).await.context(format!("running {}", sql.lines().next().unwrap_or_default()))? {
        StatementResult::Rows(rows) => Ok((names(rows.schema()), rows.collect().await?)),
        StatementResult::Done(_) => Ok(Batches::default()),
    }
}

fn task_ended(error: tokio::task::JoinError) -> Error {
    Error::new(format!("a task of CloudDB ended early: {error}"))
}

impl Engine for CloudDb {
    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    fn run(&mut self, sql: &str) -> Result<Run> {
        self.execute(sql)
    }

    fn close(&mut self) {
        self.settle();
    }
}
