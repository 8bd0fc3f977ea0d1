//! Starting up: what the shell takes from its start to its end for a statement that costs nothing, and the most memory that it had.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use crate::engines::{self, CloudDb};
use crate::error::{Context, Error, Result};
use crate::numbers::{bytes, median, milliseconds, percentile};
use crate::place::{Place, StoreArgs};
use crate::report;

/// Arguments of the suite.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Processes of each kind
    #[arg(long, default_value_t = 51, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// The shell; left out, the one beside this program
    #[arg(long)]
    shell: Option<PathBuf>,
    /// Other programs to start beside it, each a command of the system's shell
    #[arg(long, value_name = "COMMAND")]
    beside: Vec<String>,
    /// Where to put the database that one kind opens
    #[command(flatten)]
    store: StoreArgs,
    /// Folder for the results
    #[arg(long, default_value = "benchmarks/results")]
    out: PathBuf,
}

/// A program that is started again and again.
struct Case {
    name: String,
    command: Vec<String>,
    /// The most memory, where it can be asked.
    peak: Option<u64>,
    seconds: Vec<f64>,
}

/// Runs the suite.
///
/// # Errors
/// When a program does not start, or fails.
pub fn run(args: &Args) -> Result<()> {
    report::warn_if_unoptimized();
    let shell = match &args.shell {
        Some(shell) => shell.clone(),
        None => std::env::current_exe()?.with_file_name("clouddb"),
    };
    let place = Place::new(&args.store, "start-up")?;
    let location = place.database("db");
    let mut database = CloudDb::open(&location, 2, engines::runtime(2)?)?;
    database.execute("CREATE TABLE t AS SELECT 1 AS v")?;
    database.settle();
    drop(database);
    let mut cases = vec![case(&shell, "in memory, SELECT 1", &["-c", "SELECT 1"])?];
    cases.push(case(&shell, "a database, a row of a table", &[&location.url, "-c", "FROM t"])?);
    for command in &args.beside {
        cases.push(Case {
            name: command.clone(),
            command: ["sh", "-c", command].map(str::to_owned).to_vec(),
            peak: None,
            seconds: Vec::new(),
        });
    }
    for round in 0..=args.runs as usize {
        for turn in 0..cases.len() {
            let position = (turn + round) % cases.len();
            let case = &mut cases[position];
            let seconds = start(&case.command)?;
            if round > 0 {
                case.seconds.push(seconds);
            }
        }
    }
    show(args, &cases, place.kind())
}

fn case(shell: &Path, name: &str, arguments: &[&str]) -> Result<Case> {
    let shell = shell.to_str().context("the shell's path is not UTF-8")?;
    let command: Vec<String> = std::iter::once(shell).chain(arguments.iter().copied()).map(str::to_owned).collect();
    // The same once more, and then it asks the system what it has had.
    let asking = Command::new(shell).args(arguments).args(["-c", ".shell grep VmHWM /proc/$PPID/status"]).output();
    let asked = asking.context(format!("starting {shell}"))?;
    let words = String::from_utf8_lossy(&asked.stdout).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let kibibytes = words.iter().position(|word| word == "VmHWM:").and_then(|position| words.get(position + 1)?.parse::<u64>().ok());
    Ok(Case { name: name.to_owned(), command, peak: kibibytes.map(|count| count * 1024), seconds: Vec::new() })
}

/// Seconds from starting a program to its end.
fn start(command: &[String]) -> Result<f64> {
    let (program, arguments) = command.split_first().context("a command is empty")?;
    let start = Instant::now();
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().context(format!("starting {program}"))?;
    let seconds = start.elapsed().as_secs_f64();
    if output.status.success() {
        return Ok(seconds);
    }
    Err(Error::new(format!("{}: {}: {}", command.join(" "), output.status, String::from_utf8_lossy(&output.stderr))))
}

fn show(args: &Args, cases: &[Case], kind: &str) -> Result<()> {
    println!("from start to end, {} processes each", args.runs);
    let line = |case: &Case| {
        let memory = case.peak.map_or_else(|| "unknown".to_owned(), bytes);
        vec![case.name.clone(), milliseconds(median(&case.seconds)), milliseconds(percentile(&case.seconds, 95.0)), memory]
    };
    println!("{}", report::table(&["started", "median", "p95", "most memory"], &cases.iter().map(line).collect::<Vec<_>>()));
    let mut results = report::provenance("start-up", &json!({"runs": args.runs, "store": args.store.store}));
    results["cases"] =
        cases.iter().map(|case| json!({"name": case.name, "peak_rss_bytes": case.peak, "seconds": case.seconds})).collect::<Value>();
    report::write_json(&args.out, &format!("start-up-{kind}"), &results)?;
    Ok(())
}
