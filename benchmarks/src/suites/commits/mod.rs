//! Commits: how many small transactions a second, how long each caller waits, and whether every row is there afterwards, exactly once.
//!
//! Callers use the storage interface, as an application does that embeds the database: take a snapshot, begin, write one row, append, commit.
//! Every commit is acknowledged as durable before the caller's next one begins. With `--transfer`, every second transaction is one over two
//! tables, which moves an amount from `debit` to `credit`; a reader in a process of its own looks all the while whether the two sum up to 0.

mod ledger;
pub mod reader;
pub mod worker;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clouddb_storage::Database;
use serde::Serialize;
use serde_json::json;

use self::ledger::{Ledger, RowId, TableName};
use crate::child::{self, Child};
use crate::error::{Error, Result};
use crate::numbers::{milliseconds, percentile};
use crate::place::{Location, Place, StoreArgs};
use crate::{engines, report};

/// Arguments of the suite.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Processes that commit at once
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    processes: u32,
    /// Callers in each process that commit at once
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    callers: u32,
    /// Transactions of each caller, one after the other
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    each: u32,
    /// Every second transaction is one over two tables whose sums must balance, and a reader looks all the while
    #[arg(long)]
    transfer: bool,
    /// Threads of each process
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Where to put the database
    #[command(flatten)]
    store: StoreArgs,
    /// Folder for the results
    #[arg(long, default_value = "benchmarks/results")]
    out: PathBuf,
}

/// What the callers of all processes had, together.
#[derive(Debug, Serialize)]
struct Summary {
    commits: usize,
    errors: Vec<String>,
    seconds: f64,
    commits_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    slowest_ms: f64,
    requests_per_commit: f64,
    rows_verified: usize,
}

/// Runs the suite.
///
/// # Errors
/// When a caller had an error, a row is missing or there twice, or sums did not balance.
pub fn run(args: &Args) -> Result<()> {
    report::warn_if_unoptimized();
    let place = Place::new(&args.store, "commits")?;
    let (location, near) = (place.database("db"), place.near("db"));
    let runtime = engines::runtime(1)?;
    runtime.block_on(ledger::create(&near))?;

    let mut looking = match args.transfer {
        true => Some(Child::start(&child::Task::Look(reader::Task { location: near.clone() }))?),
        false => None,
    };
    if let Some(reader) = &mut looking {
        // The first look has been taken: it is looking.
        reader.answer::<()>()?;
    }
    let answers = work(args, &location, &place)?;
    let looks = match looking {
        Some(mut reader) => {
            reader.end_input();
            let looks: reader::Answer = reader.answer()?;
            reader.finish()?;
            Some(looks)
        }
        None => None,
    };
    let rows_verified = runtime.block_on(verify(args, &near))?;
    let summary = summarize(&answers, rows_verified);
    print(args, &summary, looks.as_ref());

    let settings = json!({
        "processes": args.processes, "callers": args.callers, "each": args.each, "transfer": args.transfer, "threads": args.threads,
        "store": args.store.store, "far": args.store.far.then(|| json!({"delay_ms": args.store.distance.delay_ms, "rate_mb": args.store.distance.rate_mb})),
    });
    let mut results = report::provenance("commits", &settings);
    results["summary"] = serde_json::to_value(&summary)?;
    results["reader"] = serde_json::to_value(&looks)?;
    let transfer = if args.transfer { "-transfer" } else { "" };
    report::write_json(&args.out, &format!("commits-{}-{}x{}{transfer}", place.kind(), args.processes, args.callers), &results)?;
    if let Some(error) = summary.errors.first() {
        return Err(Error::new(format!("{} commits failed; the first: {error}", summary.errors.len())));
    }
    Ok(())
}

/// Starts the processes, lets them go at once, and gathers what they had.
fn work(args: &Args, location: &Location, place: &Place) -> Result<Vec<worker::Answer>> {
    let mut workers = (0..args.processes)
        .map(|process| {
            let first_caller = process * args.callers;
            Child::start(&child::Task::Commit(worker::Task {
                location: location.clone(),
                callers: (first_caller..first_caller + args.callers).collect(),
                each: args.each,
                transfer: args.transfer,
                threads: args.threads,
            }))
        })
        .collect::<Result<Vec<_>>>()?;
    for worker in &mut workers {
        // Its database is open.
        worker.answer::<()>()?;
    }
    if let Some(proxy) = &place.proxy {
        proxy.take_trace();
    }
    for worker in &mut workers {
        worker.go()?;
    }
    workers
        .into_iter()
        .map(|mut worker| {
            let answer = worker.answer()?;
            worker.finish()?;
            Ok(answer)
        })
        .collect()
}

fn summarize(answers: &[worker::Answer], rows_verified: usize) -> Summary {
    let latencies: Vec<f64> = answers.iter().flat_map(|answer| &answer.latencies).copied().collect();
    let seconds = answers.iter().map(|answer| answer.seconds).fold(0.0, f64::max);
    let requests: u64 = answers.iter().map(|answer| answer.requests).sum();
    Summary {
        commits: latencies.len(),
        errors: answers.iter().flat_map(|answer| &answer.errors).cloned().collect(),
        seconds,
        commits_per_second: latencies.len() as f64 / seconds,
        p50_ms: percentile(&latencies, 50.0) * 1e3,
        p99_ms: percentile(&latencies, 99.0) * 1e3,
        slowest_ms: percentile(&latencies, 100.0) * 1e3,
        requests_per_commit: requests as f64 / latencies.len() as f64,
        rows_verified,
    }
}

fn print(args: &Args, summary: &Summary, looks: Option<&reader::Answer>) {
    let what = if args.transfer { "transactions, half of them over two tables" } else { "one-row transactions" };
    println!("{} processes x {} callers x {} {what} on {}", args.processes, args.callers, args.each, args.store.store);
    if args.store.far {
        println!("(+{} ms to the first byte, {} MB/s a connection)", args.store.distance.delay_ms, args.store.distance.rate_mb);
    }
    let row = vec![
        summary.commits.to_string(),
        summary.errors.len().to_string(),
        format!("{:.2} s", summary.seconds),
        format!("{:.1}/s", summary.commits_per_second),
        milliseconds(summary.p50_ms / 1e3),
        milliseconds(summary.p99_ms / 1e3),
        milliseconds(summary.slowest_ms / 1e3),
        format!("{:.2}", summary.requests_per_commit),
    ];
    println!("{}", report::table(&["committed", "failed", "time", "rate", "p50", "p99", "slowest", "requests/commit"], &[row]));
    println!("all {} rows are there, each exactly once", summary.rows_verified);
    if let Some(looks) = looks {
        println!("a reader looked {} times at {} different snapshots: the sums balanced every time", looks.looks, looks.snapshots);
    }
}

/// Reads everything back with a database opened anew, and checks that each row is there once: those of the callers, and no others.
async fn verify(args: &Args, near: &Location) -> Result<usize> {
    let database = Database::open(&near.url, ledger::reading(near)).await?;
    let snapshot = database.snapshot().await?;
    let mut verified = 0;
    for table in TableName::ALL {
        let mut found: BTreeMap<RowId, usize> = BTreeMap::new();
        for row in Ledger::of(&snapshot, table)?.rows().await? {
            *found.entry(row.id).or_default() += 1;
        }
        let expected =
            (0..args.processes * args.callers).flat_map(|caller| (0..args.each).map(move |n| RowId { caller: caller.into(), n: n.into() }));
        for id in expected.filter(|id| table.has(*id, args.transfer)) {
            match found.remove(&id) {
                Some(1) => verified += 1,
                Some(times) => return Err(Error::new(format!("{id:?} is {times} times in {table:?}"))),
                None => return Err(Error::new(format!("{id:?} is missing from {table:?}, though its commit was acknowledged or failed"))),
            }
        }
        if let Some(id) = found.keys().next() {
            return Err(Error::new(format!("{id:?} is in {table:?}, and nobody put it there")));
        }
    }
    Ok(verified)
}
