//! TPC-H: the 22 queries in CloudDB and its peers, in one run, query by query and engine by engine.
//!
//! A round runs a query once in every engine; which engine goes first changes from round to round. What counts is the median of an engine's
//! rounds; a first round before them is not counted. All answers of all rounds are compared with the first peer's: one that differs fails the run.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::answer::{Answer, compare};
use crate::engines::{self, CloudDb, DataFusionParquet, DuckDb, Engine};
use crate::error::{Context, Error, Result};
use crate::numbers::{geometric_mean, median, milliseconds};
use crate::place::{Place, StoreArgs};
use crate::report::{self, Bars};
use crate::tpch::data::{self, Data, Format};
use crate::tpch::{QUERIES, Query, TABLES};

/// An engine that can take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum EngineName {
    /// CloudDB on its own segments
    Clouddb,
    /// DuckDB on tables in its memory
    DuckdbMemory,
    /// DuckDB on the source Parquet
    DuckdbParquet,
    /// DataFusion on the source Parquet
    DatafusionParquet,
}

/// Arguments of the suite.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The scale factor: 1 is 1 GB as text
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Rounds that count
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Threads of every engine
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Engines that take part
    #[arg(long, value_enum, value_delimiter = ',', default_value = "clouddb,duckdb-memory,duckdb-parquet,datafusion-parquet")]
    engines: Vec<EngineName>,
    /// Queries to run; left out, all 22
    #[arg(long, value_delimiter = ',')]
    queries: Vec<usize>,
    /// How the source Parquet is compressed
    #[arg(long, value_enum, default_value = "parquet-snappy")]
    format: Format,
    /// Folder for the source data, kept for the next run
    #[arg(long, default_value = "benchmarks/data")]
    data: PathBuf,
    /// Where to put CloudDB's database
    #[command(flatten)]
    store: StoreArgs,
    /// Folder for the results
    #[arg(long, default_value = "benchmarks/results")]
    out: PathBuf,
}

/// One query's times, by engine.
struct Measured {
    query: usize,
    rows: usize,
    /// Seconds of each counted round, for each engine.
    seconds: Vec<Vec<f64>>,
    /// What CloudDB asked of a far-away store in the last round.
    far: Option<Value>,
}

impl Measured {
    fn medians(&self) -> Vec<f64> {
        self.seconds.iter().map(|seconds| median(seconds)).collect()
    }
}

/// Runs the suite.
///
/// # Errors
/// When an engine fails, or answers differ.
pub fn run(args: &Args) -> Result<()> {
    report::warn_if_unoptimized();
    if args.format == Format::Csv {
        return Err(Error::new("the peers read Parquet: --format is parquet-snappy or parquet-zstd"));
    }
    let queries = chosen(&args.queries)?;
    let data = data::prepare(&args.data, args.scale, args.format, &TABLES, args.threads)?;
    let place = Place::new(&args.store, "tpch")?;
    let mut engines = args.engines.iter().map(|name| open(*name, args, &data, &place)).collect::<Result<Vec<_>>>()?;
    for engine in &engines {
        println!("{:<20} {}", engine.name(), engine.description());
    }
    let measured = queries.iter().map(|query| measure(query, args, &mut engines, &place)).collect::<Result<Vec<_>>>()?;
    report(args, &engines, &measured, &place)
}

fn chosen(numbers: &[usize]) -> Result<Vec<Query>> {
    if numbers.is_empty() {
        return Ok(QUERIES.to_vec());
    }
    let query = |number: &usize| QUERIES.into_iter().find(|query| query.number == *number).context(format!("TPC-H has no query {number}"));
    numbers.iter().map(query).collect()
}

fn open(name: EngineName, args: &Args, data: &Data, place: &Place) -> Result<Box<dyn Engine>> {
    Ok(match name {
        EngineName::Clouddb => {
            let runtime = engines::runtime(args.threads)?;
            let mut loading = CloudDb::open(&place.near("tpch"), args.threads, runtime.clone())?;
            let seconds = loading.load_all(data)?;
            loading.settle();
            println!("loaded CloudDB in {seconds:.1} s");
            Box::new(CloudDb::open(&place.database("tpch"), args.threads, runtime)?)
        }
        EngineName::DuckdbMemory => Box::new(DuckDb::in_memory(data, args.threads)?),
        EngineName::DuckdbParquet => Box::new(DuckDb::on_parquet(data, args.threads)?),
        EngineName::DatafusionParquet => Box::new(DataFusionParquet::open(data, args.threads, engines::runtime(args.threads)?)?),
    })
}

/// Runs one query, in all engines and rounds.
fn measure(query: &Query, args: &Args, engines: &mut [Box<dyn Engine>], place: &Place) -> Result<Measured> {
    let sql = query.sql(args.scale);
    // A peer's answer is the reference; with no peer, the engine's own first one.
    let reference_engine = engines.iter().position(|engine| engine.name() != "clouddb").unwrap_or(0);
    let reference = engines[reference_engine].run(&sql).context(format!("Q{}", query.number))?.answer;
    let mut measured = Measured { query: query.number, rows: reference.rows.len(), seconds: vec![Vec::new(); engines.len()], far: None };
    // The round before the first does not count: it reads files into the system's memory, and footers into everybody's.
    for round in 0..=args.runs as usize {
        for turn in 0..engines.len() {
            let position = (turn + round) % engines.len();
            let engine = &mut engines[position];
            if let Some(proxy) = &place.proxy {
                proxy.take_trace();
            }
            let run = engine.run(&sql).context(format!("Q{} in {}", query.number, engine.name()))?;
            check(query, engine.name(), &run.answer, &reference)?;
            if round > 0 {
                measured.seconds[position].push(run.seconds);
            }
            if let (Some(proxy), "clouddb") = (&place.proxy, engine.name()) {
                let trace = proxy.take_trace();
                let counts = trace.counts();
                measured.far = Some(json!({"requests": counts.requests, "bytes": counts.bytes_down, "round_trips": trace.round_trips()}));
            }
        }
    }
    let medians: Vec<_> = measured.medians().into_iter().map(milliseconds).collect();
    eprintln!("Q{:<3} {}", query.number, medians.join("  "));
    Ok(measured)
}

fn check(query: &Query, engine: &str, answer: &Answer, reference: &Answer) -> Result<()> {
    compare(answer, reference, query.order_by)
        .map_err(|difference| Error::new(format!("Q{}: {engine}'s answer is not the reference's: {difference}", query.number)))
}

fn report(args: &Args, engines: &[Box<dyn Engine>], measured: &[Measured], place: &Place) -> Result<()> {
    let names: Vec<&str> = engines.iter().map(|engine| engine.name()).collect();
    let medians: Vec<Vec<f64>> = measured.iter().map(Measured::medians).collect();
    let of_engine = |position: usize| medians.iter().map(|row| row[position]).collect::<Vec<f64>>();
    let us = names.iter().position(|name| *name == "clouddb");
    let peers: Vec<usize> = (0..names.len()).filter(|position| Some(*position) != us).collect();
    let ratios = |row: &[f64]| us.map(|us| peers.iter().map(|peer| row[us] / row[*peer]).collect::<Vec<f64>>()).unwrap_or_default();

    let mut header = vec!["query".to_owned()];
    header.extend(names.iter().map(|name| format!("{name}, ms")));
    if us.is_some() {
        header.extend(peers.iter().map(|peer| format!("clouddb / {}", names[*peer])));
    }
    let line = |label: String, times: &[f64]| {
        let mut line = vec![label];
        line.extend(times.iter().map(|seconds| format!("{:.1}", seconds * 1e3)));
        line.extend(ratios(times).iter().map(|ratio| format!("{ratio:.2}")));
        line
    };
    let mut lines: Vec<_> = measured.iter().zip(&medians).map(|(query, times)| line(format!("Q{}", query.query), times)).collect();
    let means: Vec<f64> = (0..names.len()).map(|position| geometric_mean(&of_engine(position))).collect();
    let sums: Vec<f64> = (0..names.len()).map(|position| of_engine(position).iter().sum()).collect();
    lines.push(line("geometric mean".to_owned(), &means));
    lines.push(line("sum".to_owned(), &sums));
    println!("{}", report::table(&header.iter().map(String::as_str).collect::<Vec<_>>(), &lines));
    println!(
        "TPC-H scale {}, {} threads each, medians of {} rounds; all answers of all engines agree",
        args.scale, args.threads, args.runs
    );

    let kind = if args.store.far {
        "far"
    } else if place.folder().is_some() {
        "local"
    } else {
        "bucket"
    };
    let name = format!("tpch-sf{}-{kind}", args.scale);
    if us.is_some() && !peers.is_empty() {
        let numbers: Vec<usize> = measured.iter().map(|query| query.query).collect();
        let bars: Vec<Bars> = peers
            .iter()
            .enumerate()
            .map(|(place, peer)| Bars {
                label: format!("{}: {:.2}", names[*peer], ratios(&means)[place]),
                ratios: medians.iter().map(|row| ratios(row)[place]).collect(),
            })
            .collect();
        std::fs::create_dir_all(&args.out)?;
        let path = args.out.join(format!("{name}.svg"));
        let title =
            format!("TPC-H scale {}, {} threads: time of CloudDB / time of a peer (below 1 CloudDB is faster)", args.scale, args.threads);
        report::ratio_bars(&path, &title, &numbers, &bars)?;
        println!("wrote {}", path.display());
    }
    let settings = json!({
        "scale": args.scale, "runs": args.runs, "threads": args.threads, "source": format!("{:?}", args.format), "store": args.store.store,
        "far": args.store.far.then(|| json!({"delay_ms": args.store.distance.delay_ms, "rate_mb": args.store.distance.rate_mb})),
        "engines": engines.iter().map(|engine| (engine.name(), engine.description())).collect::<std::collections::BTreeMap<_, _>>(),
    });
    let mut results = report::provenance("tpch", &settings);
    let by_engine = |values: &[f64]| names.iter().copied().zip(values.iter().copied()).collect::<std::collections::BTreeMap<_, _>>();
    results["geometric_mean_seconds"] = json!(by_engine(&means));
    results["sum_seconds"] = json!(by_engine(&sums));
    results["queries"] = measured
        .iter()
        .zip(&medians)
        .map(|(query, times)| {
            let runs = names.iter().copied().zip(&query.seconds).collect::<std::collections::BTreeMap<_, _>>();
            json!({"query": query.query, "rows": query.rows, "median_seconds": by_engine(times), "seconds": runs, "far": query.far})
        })
        .collect();
    report::write_json(&args.out, &name, &results)?;
    Ok(())
}
