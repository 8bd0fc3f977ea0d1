//! The program `clouddb-bench`: what it is asked on the command line, and which suite answers.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use clouddb_benchmarks::proxy::{Distance, Proxy};
use clouddb_benchmarks::suites::queries::{self, RunArgs};
use clouddb_benchmarks::suites::{cache, cold_open, commits, load, lookup, planning, start_up, statements};
use clouddb_benchmarks::tpch::data::{self, Format};
use clouddb_benchmarks::tpch::{TABLES, Table};
use clouddb_benchmarks::workload::clickbench::ClickBench;
use clouddb_benchmarks::workload::shapes::Shapes;
use clouddb_benchmarks::workload::tpcds::TpcDs;
use clouddb_benchmarks::workload::tpch::TpcH;
use clouddb_benchmarks::{Context, Error, Result, child, numbers, report};

/// The same for CloudDB and for the peers that run in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures CloudDB against its peers, in one run and interleaved.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make TPC-H's tables as files
    Data(DataArguments),
    /// TPC-H's 22 queries in CloudDB and its peers; all answers compared
    Tpch(Queries<TpcH>),
    /// TPC-DS's 99 queries, likewise
    Tpcds(Queries<TpcDs>),
    /// ClickBench's 43 queries, likewise, on data that is made here and is not its own
    Clickbench(Queries<ClickBench>),
    /// Shapes of queries that those have few of, over a star of our own
    Shapes(Queries<Shapes>),
    /// Loads of TPC-H from Parquet and CSV, against DuckDB into its own file
    Load(load::Args),
    /// What a new process pays for its first answer, in time, requests and round trips
    ColdOpen(cold_open::Args),
    /// Decoded columns in budgets that are too small for them: hit ratios, memory, loads
    Cache(cache::Args),
    /// A few rows of a big clustered table, by new processes and by some that have been asked before
    Lookup(lookup::Args),
    /// Commits a second, with many callers and processes; every row exactly once
    Commits(commits::Args),
    /// Statements of every kind beside DuckDB and plain DataFusion: who gives which answer
    Statements(statements::Args),
    /// From a query's text to its plan, beside plain DataFusion
    Planning(planning::Args),
    /// What the shell takes to start, and its memory
    StartUp(start_up::Args),
    /// A far-away store: a proxy in front of an S3 server, until a signal ends it
    Proxy(ProxyArguments),
    /// A part of a suite that needs a process of its own
    #[command(hide = true)]
    Child {
        /// What to do, as JSON
        task: String,
    },
}

/// A suite of queries.
#[derive(Debug, clap::Args)]
struct Queries<W: clap::Args> {
    #[command(flatten)]
    workload: W,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, clap::Args)]
struct DataArguments {
    /// The scale factor: 1 is 1 GB as text
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// How the files are written
    #[arg(long, value_enum, default_value = "parquet-snappy")]
    format: Format,
    /// Tables to make; left out, all of them
    #[arg(long, value_delimiter = ',')]
    tables: Vec<String>,
    /// Threads; each makes one table at a time
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Folder for the data
    #[arg(long, default_value = "benchmarks/data")]
    data: PathBuf,
}

#[derive(Debug, clap::Args)]
struct ProxyArguments {
    /// The server behind it
    #[arg(long, env = "AWS_ENDPOINT_URL", value_name = "URL")]
    upstream: String,
    /// The port of loopback to listen on
    #[arg(long, default_value_t = 9100)]
    port: u16,
    /// How far away
    #[command(flatten)]
    distance: Distance,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Data(arguments) => make_data(&arguments),
        Command::Tpch(suite) => queries::run(&suite.workload, &suite.run),
        Command::Tpcds(suite) => queries::run(&suite.workload, &suite.run),
        Command::Clickbench(suite) => queries::run(&suite.workload, &suite.run),
        Command::Shapes(suite) => queries::run(&suite.workload, &suite.run),
        Command::Load(arguments) => load::run(&arguments),
        Command::ColdOpen(arguments) => cold_open::run(&arguments),
        Command::Cache(arguments) => cache::run(&arguments),
        Command::Lookup(arguments) => lookup::run(&arguments),
        Command::Commits(arguments) => commits::run(&arguments),
        Command::Statements(arguments) => statements::run(&arguments),
        Command::Planning(arguments) => planning::run(&arguments),
        Command::StartUp(arguments) => start_up::run(&arguments),
        Command::Proxy(arguments) => serve(&arguments),
        Command::Child { task } => child::run(&task),
    }
}

fn make_data(arguments: &DataArguments) -> Result<()> {
    let tables: Vec<Table> = match arguments.tables.as_slice() {
        [] => TABLES.to_vec(),
        names => names.iter().map(|name| Table::from_name(name).context(format!("TPC-H has no table '{name}'"))).collect::<Result<_>>()?,
    };
    let made = data::prepare(&arguments.data, arguments.scale, arguments.format, &tables, arguments.threads)?;
    println!("{}: {}", made.folder.display(), numbers::bytes(made.bytes(&tables)?));
    Ok(())
}

/// Runs the proxy until Ctrl-C, then says what went through.
fn serve(arguments: &ProxyArguments) -> Result<()> {
    let proxy = Proxy::start(&arguments.upstream, arguments.distance, arguments.port)?;
    let Distance { delay_ms, rate_mb } = arguments.distance;
    println!("{} is {} with {delay_ms} ms added and {rate_mb} MB/s a connection; Ctrl-C ends it", proxy.url(), arguments.upstream);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::from)?;
    runtime.block_on(tokio::signal::ctrl_c())?;
    let trace = proxy.take_trace();
    let counts = trace.counts();
    let row = [counts.requests, counts.gets, counts.puts, counts.heads, counts.others].map(|count| count.to_string());
    let row = [row.as_slice(), &[numbers::bytes(counts.bytes_up), numbers::bytes(counts.bytes_down)]].concat();
    println!("{}", report::table(&["requests", "GET", "PUT", "HEAD", "others", "sent", "received"], &[row]));
    Ok(())
}
