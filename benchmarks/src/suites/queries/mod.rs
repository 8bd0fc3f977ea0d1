//! Queries of a workload in CloudDB and its peers, in one run, query by query and engine by engine.
//!
//! A round runs a query once in every engine; which engine goes first changes from round to round. What counts is the median of an engine's
//! rounds; a first round before them is not counted. All answers of all rounds are compared with a peer's: one that differs fails the run, when all
//! queries have been run. An engine that fails at a query, or takes too long, is reported so for that query, and does not run it again.

mod check;
mod contender;
mod measure;
mod results;

use std::path::PathBuf;
use std::time::Duration;

use self::contender::Contender;
use self::results::Results;
use crate::engines::EngineName;
use crate::error::{Error, Result};
use crate::place::{Place, StoreArgs};
use crate::report;
use crate::workload::{Workload, chosen};

/// What CloudDB may keep between queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// What it keeps by default
    Hot,
    /// No decoded data
    Uncached,
    /// No decoded data, but a folder for what is read of a bucket: a new process for every round, which finds what those before it read
    Disk,
    /// What `disk` is set against: no decoded data, the database in a folder of this machine, a new process for every round
    Local,
}

/// Arguments of every suite of queries.
#[derive(Debug, Clone, clap::Args)]
pub struct RunArgs {
    /// Rounds that count
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Threads of every engine
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Engines that take part
    #[arg(long, value_enum, value_delimiter = ',', default_value = "clouddb,duckdb-memory,duckdb-parquet,datafusion-parquet")]
    engines: Vec<EngineName>,
    /// What CloudDB keeps between queries; it takes part once for each
    #[arg(long, value_enum, value_delimiter = ',', default_value = "hot")]
    modes: Vec<Mode>,
    /// GiB of decoded columns that CloudDB may keep; left out, its default
    #[arg(long)]
    cache_gib: Option<u64>,
    /// GiB of memory that the operators of one query may use in CloudDB; left out, as much as there is
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1024))]
    query_memory_gib: Option<u64>,
    /// Queries to run, by name; left out, all
    #[arg(long, value_delimiter = ',')]
    queries: Vec<String>,
    /// Seconds that a query may take in an engine
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Folder for the source data, kept for the next run
    #[arg(long, default_value = "benchmarks/data")]
    data: PathBuf,
    /// Where to put CloudDB's database
    #[command(flatten)]
    store: StoreArgs,
    /// Folder for the results
    #[arg(long, default_value = "benchmarks/results")]
    out: PathBuf,
    /// The report; left out, a file in the folder for the results
    #[arg(long)]
    html: Option<PathBuf>,
    /// The peer that the report sets CloudDB against; left out, the first one
    #[arg(long, value_enum)]
    peer: Option<EngineName>,
}

impl RunArgs {
    fn limit(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

/// Runs a workload.
///
/// # Errors
/// When data or CloudDB's database cannot be made, when no two engines can be opened, or when answers differ.
pub fn run(workload: &dyn Workload, args: &RunArgs) -> Result<()> {
    report::warn_if_unoptimized();
    let queries = chosen(workload.queries()?, &args.queries)?;
    let sources = workload.prepare(&args.data, args.threads)?;
    let place = Place::new(&args.store, workload.suite())?;
    let mut contenders = contender::all(args, &sources, &place)?;
    for contender in &mut contenders {
        match contender.open() {
            Ok(()) => println!("{:<20} {}", contender.name, contender.description),
            Err(error) => println!("{:<20} takes no part: {error}", contender.name),
        }
    }
    contenders.retain(Contender::is_open);
    if contenders.is_empty() {
        return Err(Error::new("no engine could be opened"));
    }
    let measured = queries.iter().map(|query| measure::measure(query, args, &mut contenders, &place)).collect();
    Results { workload, args, contenders: &contenders, measured, place: &place }.report()
}
