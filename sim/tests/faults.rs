//! A store that fails in every way it can: no acknowledged commit is lost, none is applied twice, none is reported wrongly.
//!
//! `CLOUDDB_SIM_RUNS` sets how many seeds are run, `CLOUDDB_SIM_SEED` runs one again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "a test may panic, and wait")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use clouddb_sim::checker::{Report, check};
use clouddb_sim::time::VirtualTime;
use clouddb_sim::workload::{Plan, run};
use clouddb_storage::simulation::{Bug, Switches, set};

/// Seeds run by default: about a minute's work for two cores without optimisation.
const RUNS: u64 = 1000;

/// Seeds tried to find a mistake that was put in on purpose.
const RUNS_FOR_BUGS: u64 = 200;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().expect("a number"))
}

/// Runs a seed; says what went wrong.
fn simulate(seed: u64, bug: Option<Bug>) -> Result<Report, String> {
    // Small numbers, so that a short run has checkpoints and files.
    set(Switches { bug, fold_records: Some(4 + seed % 8), flush_segments: Some(3 + seed % 5) });
    let run = std::panic::catch_unwind(|| {
        VirtualTime::run(|time| async move {
            let trace = run(time, Plan::new(seed)).await;
            check(&trace).await
        })
    });
    set(Switches::default());
    run.unwrap_or_else(|panic| {
        Err(format!(
            "panic: {}",
            panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string())).unwrap_or_default()
        ))
    })
}

#[test]
fn nothing_is_lost_doubled_or_reported_wrongly() {
    let seeds = match number("CLOUDDB_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("CLOUDDB_SIM_RUNS").unwrap_or(RUNS),
    };
    let (next, total, wrong) = (AtomicU64::new(seeds.start), Mutex::new(Report::default()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if !seeds.contains(&seed) {
                        return;
                    }
                    match simulate(seed, None) {
                        Ok(report) => *total.lock().unwrap() += report,
                        Err(what) => wrong.lock().unwrap().push((seed, what)),
                    }
                }
            });
        }
    });
    let (total, wrong) = (total.into_inner().unwrap(), wrong.into_inner().unwrap());
    println!("{} seeds: {total:?}", seeds.end - seeds.start);
    for (seed, what) in &wrong {
        println!(
            "seed {seed}: {what}\n  again: CLOUDDB_SIM_SEED={seed} cargo test -p clouddb-sim --test faults -- --nocapture nothing_is_lost"
        );
    }
    assert!(wrong.is_empty(), "{} of {} seeds failed", wrong.len(), seeds.end - seeds.start);
    if seeds.end - seeds.start >= RUNS {
        let Report { committed, not_committed, unknown_there, unknown_absent, checkpoints, flushes, .. } = total;
        let least = [committed, not_committed, unknown_there, unknown_absent, checkpoints, flushes].into_iter().min();
        assert!(least > Some(100), "the simulation does not reach what it should: {total:?}");
    }
}

#[test]
fn a_seed_runs_the_same_way_again() {
    for seed in [3, 14, 15, 92, 65] {
        assert_eq!(simulate(seed, None), simulate(seed, None));
    }
}

fn finds(bug: Bug) {
    let found = (0..RUNS_FOR_BUGS).find_map(|seed| simulate(seed, Some(bug)).err().map(|what| (seed, what)));
    println!("{bug:?}: {found:?}");
    assert!(found.is_some(), "{RUNS_FOR_BUGS} seeds do not find {bug:?}");
}

#[test]
fn skipping_the_look_after_a_lost_answer_is_found() {
    finds(Bug::NoReread);
}

#[test]
fn other_bytes_at_the_retry_are_found() {
    finds(Bug::OtherBytesAtRetry);
}

#[test]
fn taking_doubt_for_failure_is_found() {
    finds(Bug::DoubtIsFailure);
}
