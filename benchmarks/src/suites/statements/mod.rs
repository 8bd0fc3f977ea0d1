//! Statements of every kind in CloudDB, DuckDB and plain DataFusion, one after the other in one database each: who gives which answer.
//!
//! Each file of `testdata/statements` is a family; `setup.sql` makes the tables that they read. DuckDB is the reference. Where CloudDB means something else on
//! purpose, a line `-- differs: KEY` stands above the statement, and the book's page on differences explains it. An answer that differs without one fails the run.

mod family;
mod results;
mod verdict;

use std::path::{Path, PathBuf};
use std::time::Duration;

use self::family::Family;
use self::results::Results;
use self::verdict::Verdict;
use crate::engines::{EngineName, Opening, Source, Worker};
use crate::error::{Context, Result};
use crate::place::{Place, StoreArgs};

/// A statement that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(60);
/// The file that makes the tables.
const SETUP: &str = "setup";

/// The suite's arguments.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The folder of the statements: a family a file, and `setup.sql`
    #[arg(long, default_value = "testdata/statements")]
    statements: PathBuf,
    /// Families to run, by name; left out, all
    #[arg(long, value_delimiter = ',')]
    families: Vec<String>,
    /// Threads of every engine
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Where to put CloudDB's database
    #[command(flatten)]
    store: StoreArgs,
    /// Folder for the results
    #[arg(long, default_value = "benchmarks/results")]
    out: PathBuf,
}

/// A statement, and what became of it.
struct Judged {
    family: String,
    sql: String,
    /// The difference that the book explains.
    listed: Option<String>,
    clouddb: Verdict,
    datafusion: Verdict,
}

/// Runs the suite.
///
/// # Errors
/// When an engine cannot be opened, or an answer of CloudDB differs and no reason is given.
pub fn run(args: &Args) -> Result<()> {
    let (setup, families) = family::read(&args.statements, SETUP, &args.families)?;
    let place = Place::new(&args.store, "statements")?;
    let scratch = tempfile::tempdir()?;
    let mut duckdb = Worker::duckdb(None, args.threads)?;
    let opening = Opening { threads: args.threads, location: Some(place.database("db")), ..Opening::default() };
    let (mut clouddb, _) = EngineName::Clouddb.open(&opening)?;
    for statement in &setup.statements {
        duckdb.execute(&statement.sql).context(format!("DuckDB: {}", statement.sql))?;
        clouddb.execute(&statement.sql).context(format!("CloudDB: {}", statement.sql))?;
    }
    // DataFusion does not read all types' names: it gets the tables as files.
    let tables = exported(&mut duckdb, scratch.path())?;
    let (mut datafusion, _) = EngineName::DatafusionMemory.open(&Opening { tables, ..opening })?;

    let mut judged = Vec::new();
    for Family { name, statements } in families {
        for statement in statements {
            let reference = duckdb.run(&statement.sql, Some(LIMIT));
            let judge = |worker: &mut Worker| verdict::judge(&statement.sql, &reference, &worker.run(&statement.sql, Some(LIMIT)));
            let (clouddb, datafusion) = (judge(&mut clouddb), judge(&mut datafusion));
            judged.push(Judged { family: name.clone(), sql: statement.sql.clone(), listed: statement.differs, clouddb, datafusion });
        }
    }
    Results { args, judged: &judged, kind: place.kind() }.report()
}

/// DuckDB's tables as Parquet files.
fn exported(duckdb: &mut Worker, folder: &Path) -> Result<Vec<Source>> {
    let tables = duckdb.run("SELECT table_name FROM information_schema.tables ORDER BY 1", Some(LIMIT))?;
    tables
        .answer
        .rows
        .iter()
        .map(|row| {
            let name = row.first().map(ToString::to_string).context("a table without a name")?.trim_matches('\'').to_owned();
            let path = folder.join(format!("{name}.parquet")).display().to_string();
            duckdb.execute(&format!("COPY {name} TO '{}' (FORMAT parquet)", path.replace('\'', "''")))?;
            Ok(Source { name, path })
        })
        .collect()
}
