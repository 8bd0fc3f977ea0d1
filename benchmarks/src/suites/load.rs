//! Loads: TPC-H from Parquet and from CSV, into CloudDB and into a DuckDB file, interleaved.
//!
//! Every load is made by a process of its own, so that its peak memory is its own. What is timed is the statements that load: CloudDB's are
//! durable when they end, DuckDB's as its WAL settings make them; what DuckDB writes when it closes its file is stated beside.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::child::{self, Child};
use crate::engines::{self, CloudDb, Worker};
use crate::error::{Context, Error, Result};
use crate::numbers::{bytes, median};
use crate::place::{Location, Place, StoreArgs};
use crate::report;
use crate::tpch::data::{self, Data, Format};
use crate::tpch::{TABLES, Table};

/// An engine that can be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Loader {
    /// CloudDB
    Clouddb,
    /// DuckDB, into its own file on local disk
    Duckdb,
}

/// Arguments of the suite.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The scale factor: 1 is 1 GB as text
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Rounds
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Threads of every engine
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Sources
    #[arg(long, value_enum, value_delimiter = ',', default_value = "parquet-snappy,csv")]
    formats: Vec<Format>,
    /// Engines that take part
    #[arg(long, value_enum, value_delimiter = ',', default_value = "clouddb,duckdb")]
    engines: Vec<Loader>,
    /// Tables to load; left out, all eight
    #[arg(long, value_delimiter = ',')]
    tables: Vec<String>,
    /// Folder for the source data, kept for the next run
    #[arg(long, default_value = "benchmarks/data")]
    data: PathBuf,
    /// Where to put CloudDB's databases
    #[command(flatten)]
    store: StoreArgs,
    /// Folder for the results
    #[arg(long, default_value = "benchmarks/results")]
    out: PathBuf,
}

/// What a loading process is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    location: Location,
    folder: PathBuf,
    format: Format,
    scale: f64,
    tables: Vec<String>,
    threads: usize,
}

/// What one load took.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Loaded {
    /// Seconds for each table.
    seconds: BTreeMap<String, f64>,
    /// Seconds to close the database.
    closing: f64,
    /// The process's peak memory, where the system tells it.
    peak_rss_bytes: Option<u64>,
    /// What the database takes: everything in its folder or file; in a bucket, the segments.
    bytes: u64,
}

impl Loaded {
    fn total(&self) -> f64 {
        self.seconds.values().sum()
    }
}

/// Runs the suite.
///
/// # Errors
/// When a load fails.
pub fn run(args: &Args) -> Result<()> {
    report::warn_if_unoptimized();
    let tables: Vec<Table> = match args.tables.as_slice() {
        [] => TABLES.to_vec(),
        names => names.iter().map(|name| Table::from_name(name).context(format!("TPC-H has no table '{name}'"))).collect::<Result<_>>()?,
    };
    let sources = args
        .formats
        .iter()
        .map(|format| data::prepare(&args.data, args.scale, *format, &tables, args.threads))
        .collect::<Result<Vec<_>>>()?;
    let mut loads: Vec<BTreeMap<Loader, Vec<Loaded>>> = vec![BTreeMap::new(); sources.len()];
    for round in 0..args.runs as usize {
        for (source, loads) in sources.iter().zip(&mut loads) {
            for turn in 0..args.engines.len() {
                let engine = args.engines[(turn + round) % args.engines.len()];
                // A place for each load: it starts from nothing and leaves nothing behind.
                let place = Place::new(&args.store, "load")?;
                let loaded = match engine {
                    Loader::Clouddb => load_clouddb(args, source, &tables, &place),
                    Loader::Duckdb => load_duckdb(args, source, &tables),
                }
                .context(format!("loading {:?} into {engine:?}", source.format))?;
                eprintln!("{:?} into {engine:?}: {:.2} s", source.format, loaded.total());
                loads.entry(engine).or_default().push(loaded);
            }
        }
    }
    report(args, &sources, &tables, &loads)
}

fn load_clouddb(args: &Args, source: &Data, tables: &[Table], place: &Place) -> Result<Loaded> {
    let mut child = Child::start(&child::Task::Load(Task {
        location: place.database("db"),
        folder: source.folder.clone(),
        format: source.format,
        scale: source.scale,
        tables: tables.iter().map(|table| table.name().to_owned()).collect(),
        threads: args.threads,
    }))?;
    let mut loaded: Loaded = child.answer()?;
    child.finish()?;
    if let Some(folder) = place.folder() {
        loaded.bytes = folder_bytes(folder)?;
    }
    Ok(loaded)
}

/// Loads, in the child.
pub(crate) fn child(task: &Task) -> Result<()> {
    let data = Data { folder: task.folder.clone(), format: task.format, scale: task.scale };
    let mut database = CloudDb::open(&task.location, task.threads, engines::runtime(task.threads)?)?;
    let mut seconds = BTreeMap::new();
    for name in &task.tables {
        let table = Table::from_name(name).context(format!("TPC-H has no table '{name}'"))?;
        seconds.insert(name.clone(), database.load(&data, table)?);
    }
    let closing = std::time::Instant::now();
    database.settle();
    let closing = closing.elapsed().as_secs_f64();
    let bytes = database.table_bytes()?;
    child::tell(&Loaded { seconds, closing, peak_rss_bytes: crate::memory::peak_rss_bytes(), bytes })
}

fn load_duckdb(args: &Args, data: &Data, tables: &[Table]) -> Result<Loaded> {
    // On the disk that holds CloudDB's database, if that is one; else with the data.
    let beside = if args.store.store.contains("://") { &args.data } else { Path::new(&args.store.store) };
    let folder = tempfile::tempdir_in(beside).context(format!("making a folder in {}", beside.display()))?;
    let mut duckdb = Worker::duckdb(Some(folder.path()), args.threads)?;
    let mut seconds = BTreeMap::new();
    for table in tables {
        let sql = format!("CREATE TABLE {} AS SELECT * FROM {}", table.name(), source(data, *table)?);
        seconds.insert(table.name().to_owned(), duckdb.execute(&sql)?);
    }
    let peak_rss_bytes = duckdb.memory()?.peak_rss_bytes;
    let closing = duckdb.close()?;
    Ok(Loaded { seconds, closing, peak_rss_bytes, bytes: folder_bytes(folder.path())? })
}

/// What stands after FROM in DuckDB's SQL to read a table's file.
fn source(data: &Data, table: Table) -> Result<String> {
    let path = data.file(table);
    let path = path.to_str().context("the data folder's path is not UTF-8")?.replace('\'', "''");
    Ok(match data.format {
        Format::ParquetSnappy | Format::ParquetZstd => format!("'{path}'"),
        Format::Csv => format!("read_csv('{path}', header = true, columns = {})", table.duckdb_csv_columns()),
    })
}

/// Bytes of all files below a folder.
fn folder_bytes(folder: &Path) -> Result<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(folder).context(folder.display())? {
        let entry = entry?;
        total += if entry.file_type()?.is_dir() { folder_bytes(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(total)
}

fn report(args: &Args, sources: &[Data], tables: &[Table], loads: &[BTreeMap<Loader, Vec<Loaded>>]) -> Result<()> {
    let header = ["source, engine", "time", "closing", "time / DuckDB's", "database", "size / source", "peak memory"];
    let mut lines = Vec::new();
    let mut entries = Vec::new();
    for (source, loads) in sources.iter().zip(loads) {
        let source_bytes = source.bytes(tables)?;
        let total = |loads: &Vec<Loaded>| median(&loads.iter().map(Loaded::total).collect::<Vec<_>>());
        let duckdb = loads.get(&Loader::Duckdb).map(total);
        for (engine, runs) in loads {
            let seconds = total(runs);
            let closing = median(&runs.iter().map(|run| run.closing).collect::<Vec<_>>());
            let last = runs.last().ok_or_else(|| Error::new("an engine was not run"))?;
            let peak = runs.iter().filter_map(|run| run.peak_rss_bytes).max();
            lines.push(vec![
                format!("{:?} ({}), {engine:?}", source.format, bytes(source_bytes)),
                format!("{seconds:.2} s"),
                format!("{closing:.2} s"),
                duckdb.map_or_else(String::new, |duckdb| format!("{:.2}", seconds / duckdb)),
                bytes(last.bytes),
                format!("{:.2}", last.bytes as f64 / source_bytes as f64),
                peak.map_or_else(|| "unknown".to_owned(), bytes),
            ]);
            entries.push(json!({
                "source": format!("{:?}", source.format), "source_bytes": source_bytes, "engine": format!("{engine:?}"),
                "median_seconds": seconds, "median_closing_seconds": closing, "ratio_to_duckdb": duckdb.map(|duckdb| seconds / duckdb),
                "database_bytes": last.bytes, "peak_rss_bytes": peak, "runs": runs,
            }));
        }
    }
    let names: Vec<&str> = tables.iter().map(|table| table.name()).collect();
    println!("TPC-H scale {}: {}; {} threads, medians of {} rounds", args.scale, names.join(", "), args.threads, args.runs);
    println!("{}", report::table(&header, &lines));
    let settings = json!({
        "scale": args.scale, "runs": args.runs, "threads": args.threads, "tables": names, "store": args.store.store,
        "far": args.store.far.then(|| json!({"delay_ms": args.store.distance.delay_ms, "rate_mb": args.store.distance.rate_mb})),
    });
    let mut results = report::provenance("load", &settings);
    results["loads"] = json!(entries);
    let some = if tables.len() == TABLES.len() { String::new() } else { format!("-{}", names.join("-")) };
    report::write_json(&args.out, &format!("load-sf{}{some}", args.scale), &results)?;
    Ok(())
}
