//! The cache of decoded columns: what a budget that is too small for all of them is good for, and whether it is kept to.
//!
//! A mix of queries over TPC-H asks for some columns often and for most of them seldom; after a third of it, everything is read once. It is run
//! with budgets that are shares of what all columns take, by the cache's own policy and by LRU, each time in a new process. The suite fails
//! when an answer changes, when a process has more memory than it may, or when callers that want one column at once load it more than once.

pub(crate) mod callers;
mod mix;
mod replay;
mod results;

use std::path::PathBuf;

use self::callers::Asked;
use self::mix::Mix;
use self::replay::Replayed;
use self::results::Results;
use crate::engines::{self, CloudDb, Keeps};
use crate::error::Result;
use crate::place::{Place, StoreArgs};
use crate::report;
use crate::tpch::TABLES;
use crate::tpch::data::{self, Format};

/// Arguments of the suite.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// TPC-H's scale
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Budgets, in percent of what all columns take decoded
    #[arg(long, value_delimiter = ',', default_value = "10,25,50,100", value_parser = clap::value_parser!(u64).range(1..))]
    budgets: Vec<u64>,
    /// Queries of the mix
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(3..))]
    queries: u64,
    /// Chooses which columns are asked for often, and when
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Rounds: runs of the mix with each budget and policy
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Callers that want one column at once
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    callers: u32,
    /// Threads of each process
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Folder for TPC-H's data, kept for the next run
    #[arg(long, default_value = "benchmarks/data")]
    data: PathBuf,
    /// Where to put the database
    #[command(flatten)]
    store: StoreArgs,
    /// Folder for the results
    #[arg(long, default_value = "benchmarks/results")]
    out: PathBuf,
}

/// A budget, a policy, and what the mix took with them.
struct Case {
    policy: &'static str,
    /// In percent of the working set.
    percent: u64,
    keeps: Keeps,
    runs: Vec<Replayed>,
}

/// Callers that want one column at once.
struct Callers {
    /// With a budget for everything.
    many: Asked,
    /// One alone, likewise.
    one: Asked,
    /// As many as before, with no budget.
    unkept: Asked,
}

/// Runs the suite.
///
/// # Errors
/// When the database cannot be made, an answer changes, or a process had more memory or made more loads than it may.
pub fn run(args: &Args) -> Result<()> {
    report::warn_if_unoptimized();
    let place = Place::new(&args.store, "cache")?;
    load(args, &place)?;
    let (location, mix) = (place.database("db"), Mix::new(args.queries, args.seed));
    let (answers, working_set) = replay::working_set(&location, args.threads, &mix)?;
    let case = |policy, lru, percent: u64| {
        let keeps = Keeps { cache_bytes: Some((working_set * percent).div_ceil(100)), lru, ..Keeps::default() };
        Case { policy, percent, keeps, runs: Vec::new() }
    };
    // The first keeps nothing: what its process has, it has for the queries.
    let mut cases = vec![case("none", false, 0)];
    cases.extend(args.budgets.iter().flat_map(|percent| [case("TinyLFU", false, *percent), case("LRU", true, *percent)]));
    for round in 0..args.runs as usize {
        for turn in 0..cases.len() {
            let position = (turn + round) % cases.len();
            let case = &mut cases[position];
            let replayed = replay::replay(&location, args.threads, &mix, &answers, case.keeps.clone())?;
            eprintln!("{} %, {}: {:.2} s", case.percent, case.policy, replayed.seconds);
            case.runs.push(replayed);
        }
    }
    let ask = |budget, callers| callers::ask(&location, budget, callers, args.threads);
    let callers = args.callers as usize;
    let callers = Callers { many: ask(working_set, callers)?, one: ask(working_set, 1)?, unkept: ask(0, callers)? };
    Results { args, working_set, cases, callers, kind: place.kind() }.report()
}

fn load(args: &Args, place: &Place) -> Result<()> {
    let data = data::prepare(&args.data, args.scale, Format::ParquetSnappy, &TABLES, args.threads)?;
    let mut database = CloudDb::open(&place.near("db"), args.threads, engines::runtime(args.threads)?)?;
    for table in TABLES {
        database.load(&data, table)?;
    }
    database.settle();
    Ok(())
}
