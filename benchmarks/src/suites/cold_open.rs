//! Cold opens: what a process pays that has never seen a database before it has its first answer.
//!
//! Each measurement is a process of its own, which opens a database, runs one query and ends. Where the store is far away, the proxy sees every
//! request; the times of the requests say how many round trips followed each other.
//!
//! - `inline`: one row of a table of 20 commits of one row each, whose rows are in the log.
//! - `segments`: one row of a table of 20 commits whose rows are segments of their own.
//! - `scan`: one query over TPC-H's lineitem: log, footers, data.
//! - a refresh: the same process asks again after somebody else has committed.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::child::{self, Child};
use crate::engines::{self, CloudDb, Keeps};
use crate::error::{Context, Error, Result};
use crate::numbers::{bytes, median, milliseconds};
use crate::place::{Location, Place, StoreArgs};
use crate::proxy::{Part, Request, Trace};
use crate::report;
use crate::tpch::Table;
use crate::tpch::data::{self, Format};

/// Commits of the small tables.
const COMMITS: u32 = 20;

/// Rows in each commit of the table whose commits are segments: far more than are kept in the log.
const ROWS_OF_A_SEGMENT: u32 = 10_000;

/// Longer than a snapshot of a remote store may be old by default (1 s): what is asked after it has to look at the store.
const STALE: Duration = Duration::from_millis(1100);

/// Arguments of the suite.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Processes of each kind
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// TPC-H's scale for the scan
    #[arg(long, default_value_t = 0.1)]
    scale: f64,
    /// Threads
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Do not tell the library beforehand which table will be read
    #[arg(long)]
    no_prefetch: bool,
    /// Show every request of each kind's last process
    #[arg(long)]
    show_requests: bool,
    /// Folder for TPC-H's data, kept for the next run
    #[arg(long, default_value = "benchmarks/data")]
    data: PathBuf,
    /// Where to put the databases
    #[command(flatten)]
    store: StoreArgs,
    /// Folder for the results
    #[arg(long, default_value = "benchmarks/results")]
    out: PathBuf,
}

/// What a process is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    location: Location,
    table: String,
    prefetch: bool,
    sql: String,
    threads: usize,
}

/// What it had: sent when the first query has its answer, and again after the refresh.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Answered {
    rows: usize,
    /// The query alone, without opening.
    query_seconds: f64,
}

/// A database and the query for it.
struct Case {
    name: &'static str,
    table: &'static str,
    sql: &'static str,
    /// What somebody else commits before the refresh.
    commit: &'static str,
}

const CASES: [Case; 3] = [
    Case {
        name: "inline",
        table: "small",
        sql: "SELECT * FROM small WHERE id = 13",
        commit: "INSERT INTO small VALUES (1000, 'another row')",
    },
    Case {
        name: "segments",
        table: "small",
        sql: "SELECT * FROM small WHERE id = 130000",
        commit: "INSERT INTO small VALUES (1000000, 'another row')",
    },
    Case {
        name: "scan",
        table: "lineitem",
        sql: "SELECT sum(l_extendedprice * l_discount) AS revenue FROM lineitem WHERE l_shipdate >= DATE '1994-01-01' \
              AND l_shipdate < DATE '1995-01-01' AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24",
        commit: "CREATE TABLE other (id BIGINT)",
    },
];

/// What one process took.
#[derive(Debug, Clone)]
struct Measured {
    wall: f64,
    query: f64,
    trace: Trace,
    refresh: f64,
    refresh_trace: Trace,
}

/// Runs the suite.
///
/// # Errors
/// When a database cannot be made, or a process has not one row.
pub fn run(args: &Args) -> Result<()> {
    report::warn_if_unoptimized();
    let place = Place::new(&args.store, "cold-open")?;
    let mut lines = Vec::new();
    let mut entries = Vec::new();
    for case in &CASES {
        let mut writer = prepare(args, case, &place)?;
        let runs = (0..args.runs).map(|_| measure(args, case, &place, &mut writer)).collect::<Result<Vec<_>>>()?;
        let last = runs.last().ok_or_else(|| Error::new("nothing was run"))?;
        if args.show_requests {
            show(case.name, &last.trace);
            show("refresh", &last.refresh_trace);
        }
        lines.extend([
            line(case.name, &runs, |run| (run.wall, run.query, &run.trace)),
            line("  refresh", &runs, |run| (run.refresh, run.refresh, &run.refresh_trace)),
        ]);
        entries.push(entry(case, &runs));
    }
    println!("medians of {} processes each, on {}", args.runs, args.store.store);
    if args.store.far {
        println!("(+{} ms to the first byte, {} MB/s a connection)", args.store.distance.delay_ms, args.store.distance.rate_mb);
    }
    let header = ["case", "whole process", "query alone", "round trips", "to first data", "requests", "received"];
    println!("{}", report::table(&header, &lines));
    if place.proxy.is_none() {
        println!("round trips and requests are counted at the proxy: --far");
    }
    let settings = json!({
        "runs": args.runs, "threads": args.threads, "prefetch": !args.no_prefetch, "scale": args.scale, "store": args.store.store,
        "far": args.store.far.then(|| json!({"delay_ms": args.store.distance.delay_ms, "rate_mb": args.store.distance.rate_mb})),
    });
    let mut results = report::provenance("cold-open", &settings);
    results["cases"] = json!(entries);
    report::write_json(&args.out, &format!("cold-open-{}", place.kind()), &results)?;
    Ok(())
}

/// Makes a case's database, not through the proxy.
fn prepare(args: &Args, case: &Case, place: &Place) -> Result<CloudDb> {
    let mut database = CloudDb::open(&place.near(case.name), args.threads, engines::runtime(args.threads)?)?;
    match case.name {
        "scan" => {
            let data = data::prepare(&args.data, args.scale, Format::ParquetSnappy, &[Table::Lineitem], args.threads)?;
            database.load(&data, Table::Lineitem)?;
        }
        name => {
            database.execute("CREATE TABLE small (id BIGINT, note VARCHAR)")?;
            let rows = if name == "inline" { 1 } else { ROWS_OF_A_SEGMENT };
            for commit in 0..COMMITS {
                let (from, to) = (commit * rows, (commit + 1) * rows - 1);
                database.execute(&format!(
                    "INSERT INTO small SELECT generate_series, 'note ' || CAST(generate_series AS VARCHAR) FROM generate_series({from}, {to})"
                ))?;
            }
        }
    }
    database.settle();
    Ok(database)
}

/// One process: from starting it to its answer; then a refresh.
fn measure(args: &Args, case: &Case, place: &Place, writer: &mut CloudDb) -> Result<Measured> {
    let take = || place.proxy.as_ref().map(|proxy| proxy.take_trace()).unwrap_or_default();
    let task = child::Task::Query(Task {
        location: place.database(case.name),
        table: case.table.to_owned(),
        prefetch: !args.no_prefetch,
        sql: case.sql.to_owned(),
        threads: args.threads,
    });
    take();
    let start = Instant::now();
    let mut child = Child::start(&task)?;
    let first: Answered = child.answer().context(case.name)?;
    let wall = start.elapsed().as_secs_f64();
    let trace = take();
    writer.execute(case.commit).or_else(|error| if case.name == "scan" { writer.execute("DROP TABLE other") } else { Err(error) })?;
    writer.settle();
    #[allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]
    std::thread::sleep(STALE);
    take();
    child.go()?;
    let second: Answered = child.answer().context(case.name)?;
    let refresh_trace = take();
    child.finish()?;
    if (first.rows, second.rows) != (1, 1) {
        return Err(Error::new(format!("{}: {} and {} rows came instead of one", case.name, first.rows, second.rows)));
    }
    Ok(Measured { wall, query: first.query_seconds, trace, refresh: second.query_seconds, refresh_trace })
}

/// Opens, asks, waits for the word, asks again; in the child.
pub(crate) fn child(task: &Task) -> Result<()> {
    let keeps = Keeps { prefetch: if task.prefetch { vec![task.table.clone()] } else { Vec::new() }, ..Keeps::default() };
    let mut database = CloudDb::open_with(&task.location, task.threads, engines::runtime(task.threads)?, &keeps)?;
    for query in 0..2 {
        let run = database.execute(&task.sql)?;
        child::tell(&Answered { rows: run.answer.rows.len(), query_seconds: run.seconds })?;
        if query == 0 {
            child::wait()?;
        }
    }
    Ok(())
}

/// Round trips up to the first byte of data: the longest chain of requests that ends with the first request for rows. Where there is none, the
/// rows were in the log.
pub(super) fn trips_to_first_data(trace: &Trace) -> usize {
    trace.requests.iter().find(|request| is_for_rows(request)).map_or_else(|| trace.round_trips(), |request| trips_until(trace, request))
}

/// Whether a request brings rows of a segment's file: not one for its end alone, which holds the footer. A small file comes whole.
fn is_for_rows(request: &Request) -> bool {
    let is_footer = |part: Part| part.first > 0 && part.last + 1 == part.of;
    request.method == "GET" && request.path.contains("/data/") && request.path.contains(".parquet") && !request.part.is_some_and(is_footer)
}

fn trips_until(trace: &Trace, last: &Request) -> usize {
    let before = trace.requests.iter().filter(|request| request.end_us <= last.start_us).cloned().collect();
    Trace { requests: before }.round_trips() + 1
}

fn line(name: &str, runs: &[Measured], part: impl Fn(&Measured) -> (f64, f64, &Trace)) -> Vec<String> {
    let median_of = |value: &dyn Fn(&Measured) -> f64| median(&runs.iter().map(value).collect::<Vec<_>>());
    let count = |value: &dyn Fn(&Trace) -> f64| median_of(&|run| value(part(run).2));
    vec![
        name.to_owned(),
        milliseconds(median_of(&|run| part(run).0)),
        milliseconds(median_of(&|run| part(run).1)),
        format!("{}", count(&|trace| trace.round_trips() as f64)),
        format!("{}", count(&|trace| trips_to_first_data(trace) as f64)),
        format!("{}", count(&|trace| trace.requests.len() as f64)),
        bytes(count(&|trace| trace.counts().bytes_down as f64) as u64),
    ]
}

fn entry(case: &Case, runs: &[Measured]) -> Value {
    let part = |seconds: f64, trace: &Trace| {
        json!({
            "seconds": seconds, "round_trips": trace.round_trips(), "round_trips_to_first_data": trips_to_first_data(trace),
            "requests": trace.requests.len(), "bytes_received": trace.counts().bytes_down,
        })
    };
    json!({
        "case": case.name,
        "sql": case.sql,
        "cold": runs.iter().map(|run| part(run.wall, &run.trace)).collect::<Vec<_>>(),
        "refresh": runs.iter().map(|run| part(run.refresh, &run.refresh_trace)).collect::<Vec<_>>(),
    })
}

fn show(name: &str, trace: &Trace) {
    println!("{name}:");
    let origin = trace.requests.first().map_or(0, |request| request.start_us);
    for request in &trace.requests {
        let ms = |time: u64| time.saturating_sub(origin) as f64 / 1e3;
        let Request { connection, method, path, status, bytes_down, .. } = request;
        println!(
            "  {:7.1} - {:7.1} ms  connection {connection:2}  {method:4} {status} {path} ({bytes_down} bytes)",
            ms(request.start_us),
            ms(request.end_us)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, part: Option<(u64, u64, u64)>, start_us: u64, end_us: u64) -> Request {
        Request {
            connection: 1,
            method: "GET".to_owned(),
            path: path.to_owned(),
            status: 200,
            part: part.map(|(first, last, of)| Part { first, last, of }),
            start_us,
            end_us,
            bytes_up: 0,
            bytes_down: 1,
        }
    }

    #[test]
    fn the_first_data_comes_after_the_footer() {
        let mut trace = Trace {
            requests: vec![
                request("/b/db/head", None, 0, 30),
                request("/b/db/clouddb.json", None, 0, 31),
                request("/b/db/log/1", None, 32, 60),
                request("/b/db/data/s/1.parquet", Some((900, 999, 1000)), 33, 61),
                request("/b/db/data/s/1.parquet", Some((0, 499, 1000)), 62, 90),
                request("/b/db/data/s/1.parquet", Some((500, 899, 1000)), 91, 120),
            ],
        };
        assert_eq!((trips_to_first_data(&trace), trace.round_trips()), (3, 4));
        // Rows in the log.
        trace.requests.truncate(3);
        assert_eq!(trips_to_first_data(&trace), 2);
    }

    #[test]
    fn a_small_file_comes_with_its_footer() {
        let trace = Trace {
            requests: vec![
                request("/b/db/head", None, 0, 30),
                request("/b/db/log/1", None, 32, 60),
                request("/b/db/data/s/1.parquet", Some((900, 999, 1000)), 33, 61),
                request("/b/db/data/s/2.parquet", Some((0, 999, 1000)), 34, 62),
                request("/b/db/data/s/1.parquet", Some((0, 899, 1000)), 63, 90),
            ],
        };
        assert_eq!((trips_to_first_data(&trace), trace.round_trips()), (2, 3));
    }

    #[test]
    fn a_known_footer_is_not_asked_for() {
        // The refresh of a process that has read the file before.
        let trace = Trace {
            requests: vec![
                request("/b/db/log/2", None, 0, 30),
                request("/b/db/data/s/1.parquet", Some((0, 499, 1000)), 31, 60),
                request("/b/db/data/s/1.parquet", Some((500, 899, 1000)), 61, 90),
            ],
        };
        assert_eq!(trips_to_first_data(&trace), 2);
    }
}
