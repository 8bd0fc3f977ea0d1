//! A process that works on a database until it is done or killed, and says on standard output what it tries and what it was told.
//!
//! `clouddb-sim-process URL NAME FIRST COUNT MIX [OPTION=VALUE…]`: the values of its rows begin with FIRST; COUNT is how many transactions each of its
//! tasks does; MIX is `all` (two tasks that insert, move, load and create), or `insert` or `transfer` (one task). A line on standard error tells the longest wait for a commit.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clouddb_sim::script::{Kind, line_of_told, line_of_try, prepare};
use clouddb_sim::workload::Told;
use clouddb_storage::{Database, Error, OpenOptions, Result};

/// Rows of a load, and bytes of each besides its numbers: a file of some MiB, so that a process is often killed while it writes one.
const LOAD: Kind = Kind::Load(6000, 200);

static OUTPUT: Mutex<()> = Mutex::new(());

/// Prints a line at once and whole.
fn say(line: &str) -> Result<()> {
    let _held = OUTPUT.lock();
    let mut out = std::io::stdout();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).map_err(|error| Error::unavailable(error.to_string()))
}

async fn work(database: Database, name: String, mut first: i64, count: i64, mix: String) -> Result<Duration> {
    let mut longest = Duration::ZERO;
    for number in 0..count {
        let snapshot = database.snapshot().await?;
        let kind = match (snapshot.table("main", "t"), mix.as_str(), number % 8) {
            (None, ..) => Kind::Tables,
            (_, "insert", _) => Kind::Insert,
            (_, "transfer", _) | (_, _, 1 | 4) => Kind::Transfer,
            (_, _, 2 | 5) => LOAD,
            (_, _, 7) => Kind::OwnTable,
            _ => Kind::Insert,
        };
        let (attempt, transaction) = prepare(&database, &snapshot, &format!("{name}.{number}"), kind, first).await?;
        first += 10_000;
        say(&line_of_try(&attempt))?;
        let start = Instant::now();
        let result = transaction.commit().await;
        longest = longest.max(start.elapsed());
        say(&line_of_told(&attempt.name, &Told::from_result(&result)))?;
    }
    Ok(longest)
}

async fn run(arguments: &[String]) -> Result<Duration> {
    let usage = || Error::invalid("usage: clouddb-sim-process URL NAME FIRST COUNT all|insert|transfer [OPTION=VALUE…]");
    let [url, name, first, count, mix, options @ ..] = arguments else { return Err(usage()) };
    let number = |text: &String| text.parse::<i64>().map_err(|_| usage());
    let (first, count) = (number(first)?, number(count)?);
    let store_options = options.iter().filter_map(|option| option.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let database = Database::open(url, OpenOptions { store_options, ..OpenOptions::default() }).await?;
    let tasks = if mix == "all" { 2 } else { 1 };
    let tasks: Vec<_> = (0..tasks)
        .map(|task| tokio::spawn(work(database.clone(), format!("{name}.{task}"), first + task * 500_000_000, count, mix.clone())))
        .collect();
    let mut longest = Duration::ZERO;
    for task in tasks {
        longest = longest.max(task.await.map_err(|error| Error::internal(error.to_string()))??);
    }
    database.close().await;
    Ok(longest)
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments).await {
        Ok(longest) => {
            eprintln!("longest wait: {} ms", longest.as_millis());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{:?}: {error}", error.kind());
            ExitCode::FAILURE
        }
    }
}
