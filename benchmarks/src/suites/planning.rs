//! Planning alone: from a query's text to a plan that could run, in CloudDB and in plain DataFusion, over the same rows.
//!
//! Both plan in this process, on the same threads, query by query in turn. CloudDB plans inside a transaction, where it does not use plans that it has kept, and reads
//! its own segments; DataFusion reads the source Parquet, whose listing, footers and statistics it keeps. Nothing of the plan is run in DataFusion; CloudDB
//! begins to, in a task that is dropped at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clouddb_engine::{Session, StatementResult};
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use serde_json::{Value, json};

use crate::engines::{self, CloudDb};
use crate::error::{Context, Error, Result};
use crate::numbers::{geometric_mean, median, milliseconds};
use crate::place::{Place, StoreArgs};
use crate::report;
use crate::tpch::data::{self, Data, Format};
use crate::tpch::{QUERIES, Query, TABLES, Table};

/// What a dropped plan's task may need to be gone.
const PAUSE: Duration = Duration::from_millis(2);

/// Arguments of the suite.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Rounds; one before them does not count
    #[arg(long, default_value_t = 21, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// TPC-H's scale
    #[arg(long, default_value_t = 0.1)]
    scale: f64,
    /// Threads
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Queries to plan, by number; left out, all
    #[arg(long, value_delimiter = ',')]
    queries: Vec<usize>,
    /// Folder for TPC-H's data, kept for the next run
    #[arg(long, default_value = "benchmarks/data")]
    data: PathBuf,
    /// Where to put CloudDB's database
    #[command(flatten)]
    store: StoreArgs,
    /// Folder for the results
    #[arg(long, default_value = "benchmarks/results")]
    out: PathBuf,
}

/// A query's times, in seconds.
struct Planned {
    query: Query,
    clouddb: Vec<f64>,
    datafusion: Vec<f64>,
}

impl Planned {
    fn ratio(&self) -> f64 {
        median(&self.clouddb) / median(&self.datafusion)
    }
}

/// Runs the suite.
///
/// # Errors
/// When data or the database cannot be made, or a query cannot be planned.
pub fn run(args: &Args) -> Result<()> {
    report::warn_if_unoptimized();
    let place = Place::new(&args.store, "planning")?;
    let data = data::prepare(&args.data, args.scale, Format::ParquetSnappy, &TABLES, args.threads)?;
    let runtime = engines::runtime(args.threads)?;
    let mut database = CloudDb::open(&place.database("db"), args.threads, Arc::clone(&runtime))?;
    for table in TABLES {
        database.load(&data, table)?;
    }
    database.settle();
    let (args, session) = (args.clone(), database.database().session());
    let kind = place.kind();
    let task = runtime.spawn(async move {
        let planned = measure(&args, session, &plain(&data, args.threads).await?).await?;
        show(&args, &planned, kind)
    });
    runtime.block_on(task).map_err(|error| Error::new(format!("planning ended early: {error}")))?
}

async fn plain(data: &Data, threads: usize) -> Result<SessionContext> {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(threads));
    for table in TABLES {
        let path = data.file(table);
        let path = path.to_str().context("the data folder's path is not UTF-8")?;
        context.register_parquet(Table::name(table), path, ParquetReadOptions::default()).await?;
    }
    Ok(context)
}

async fn measure(args: &Args, mut session: Session, plain: &SessionContext) -> Result<Vec<Planned>> {
    if let Some(unknown) = args.queries.iter().find(|number| !QUERIES.iter().any(|query| query.number == **number)) {
        return Err(Error::new(format!("TPC-H has no query {unknown}: they are 1 to {}", QUERIES.len())));
    }
    session.execute("BEGIN").await?;
    let mut planned: Vec<Planned> = QUERIES
        .into_iter()
        .filter(|query| args.queries.is_empty() || args.queries.contains(&query.number))
        .map(|query| Planned { query, clouddb: Vec::new(), datafusion: Vec::new() })
        .collect();
    for round in 0..=args.runs {
        for times in &mut planned {
            let sql = times.query.sql(args.scale);
            // Who is first changes.
            for turn in [round % 2, (round + 1) % 2] {
                let seconds = if turn == 0 { clouddb(&mut session, &sql).await } else { datafusion(plain, &sql).await };
                let seconds = seconds.context(format!("planning query {}", times.query.number))?;
                let counted = if turn == 0 { &mut times.clouddb } else { &mut times.datafusion };
                if round > 0 {
                    counted.push(seconds);
                }
            }
        }
    }
    Ok(planned)
}

async fn clouddb(session: &mut Session, sql: &str) -> Result<f64> {
    let start = Instant::now();
    let result = session.execute(sql).await?;
    let seconds = start.elapsed().as_secs_f64();
    if !matches!(result, StatementResult::Rows(_)) {
        return Err(Error::new("this is no query"));
    }
    drop(result);
    #[allow(clippy::disallowed_methods, reason = "a benchmark waits for real time")]
    tokio::time::sleep(PAUSE).await;
    Ok(seconds)
}

async fn datafusion(context: &SessionContext, sql: &str) -> Result<f64> {
    let start = Instant::now();
    let plan = context.sql(sql).await?.create_physical_plan().await?;
    let seconds = start.elapsed().as_secs_f64();
    drop(plan);
    Ok(seconds)
}

fn show(args: &Args, planned: &[Planned], kind: &str) -> Result<()> {
    println!("planning TPC-H's queries, medians of {} rounds, DataFusion {}", args.runs, datafusion::DATAFUSION_VERSION);
    let sum = |times: fn(&Planned) -> &[f64]| planned.iter().map(|query| median(times(query))).sum::<f64>();
    let (ours, theirs) = (sum(|query| &query.clouddb), sum(|query| &query.datafusion));
    let line =
        |name: String, ours: f64, theirs: f64| vec![name, milliseconds(ours), milliseconds(theirs), format!("{:.2} ×", ours / theirs)];
    let mut lines: Vec<Vec<String>> =
        planned.iter().map(|query| line(format!("Q{}", query.query.number), median(&query.clouddb), median(&query.datafusion))).collect();
    lines.push(line("all".to_owned(), ours, theirs));
    println!("{}", report::table(&["query", "CloudDB", "DataFusion", "CloudDB is"], &lines));
    let mean = geometric_mean(&planned.iter().map(Planned::ratio).collect::<Vec<_>>());
    println!("geometric mean of the ratios: {mean:.2} ×");
    let settings = json!({"scale": args.scale, "runs": args.runs, "threads": args.threads, "store": args.store.store});
    let mut results = report::provenance("planning", &settings);
    results["datafusion"] = json!(datafusion::DATAFUSION_VERSION);
    results["ratio_of_sums"] = json!(ours / theirs);
    results["geometric_mean"] = json!(mean);
    results["queries"] = planned
        .iter()
        .map(|query| json!({"query": query.query.number, "clouddb_seconds": query.clouddb, "datafusion_seconds": query.datafusion}))
        .collect::<Value>();
    report::write_json(&args.out, &format!("planning-sf{}-{kind}", args.scale), &results)?;
    Ok(())
}
