//! Power cuts under a whole database: before every step of a workload with commits, files of rows and checkpoints, any subset of what was not
//! synced is lost. Nothing acknowledged may be lost, no transaction may be there by half, and the database must go on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "a test may panic, and wait")]

use std::sync::Arc;
use std::time::Duration;

use clouddb_sim::checker::check_store;
use clouddb_sim::script::{Kind, prepare};
use clouddb_sim::workload::{Attempt, Told};
use clouddb_storage::env::{Clock, Env, SeededRandom, SystemClock};
use clouddb_storage::simulation::{Switches, set};
use clouddb_storage::store::Store;
use clouddb_storage::store::local::DurableLocal;
use clouddb_storage::store::local::simulated::{Mistake, SimulatedDisk};
use clouddb_storage::{Database, OpenOptions};
use futures::FutureExt;
use futures::future::{BoxFuture, join};
use object_store::ObjectStore;
use object_store::path::Path;

/// Disks looked at after each power cut.
const SEEDS: u64 = 4;

/// Waiting for a disk whose power is off is pointless.
#[derive(Debug)]
struct Impatient;

impl Clock for Impatient {
    fn now_us(&self) -> i64 {
        SystemClock.now_us()
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        tokio::task::yield_now().boxed()
    }
}

async fn transactions(database: &Database, name: &str, first: i64, kinds: &[Kind]) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    for (number, kind) in kinds.iter().enumerate() {
        let Ok(snapshot) = database.snapshot().await else { continue };
        let prepared = prepare(database, &snapshot, &format!("{name}.{number}"), *kind, first + 100 * number as i64).await;
        let Ok((mut attempt, transaction)) = prepared else { continue };
        attempt.told = Told::from_result(&transaction.commit().await);
        attempts.push(attempt);
    }
    attempts
}

/// Commits of two processes on one disk, each with two callers.
async fn work(disk: &SimulatedDisk, name: &str, seed: u64) -> Vec<Attempt> {
    use Kind::{Insert, Load, OwnTable, Tables, Transfer};
    let mut databases = Vec::new();
    for process in 0..2 {
        let store = Store::from_local(DurableLocal::on(Arc::new(disk.clone()), "/home/db"), "/home/db");
        let env = Env { clock: Arc::new(Impatient), random: Arc::new(SeededRandom::new(10 * seed + process)) };
        match Database::open_store(store, OpenOptions { env, ..OpenOptions::default() }).await {
            Ok(database) => databases.push(database),
            Err(_) => return Vec::new(),
        }
    }
    let first = 100_000 * (1 + seed as i64);
    let mut attempts = transactions(&databases[0], &format!("{name}.tables"), 0, &[Tables]).await;
    let (one, two) = join(
        transactions(&databases[0], &format!("{name}.one"), first, &[Insert, Transfer, Load(30, 10), OwnTable, Insert]),
        transactions(&databases[1], &format!("{name}.two"), first + 10_000, &[Transfer, Insert, Transfer, Insert]),
    )
    .await;
    attempts.extend(one.into_iter().chain(two));
    for database in databases {
        database.close().await;
    }
    attempts
}

/// Cuts the power before each step; says what was wrong, and how often it was cut.
async fn cut_everywhere(mistake: Option<Mistake>) -> Result<u64, String> {
    for cut in 1.. {
        let disk = SimulatedDisk::new();
        mistake.into_iter().for_each(|mistake| disk.make_mistake(mistake));
        disk.cut_power_after(cut);
        let attempts = work(&disk, "before", 1).await;
        for seed in 0..SEEDS {
            let after = disk.crash(cut * SEEDS + seed);
            let plain: Arc<dyn ObjectStore> = Arc::new(DurableLocal::on(Arc::new(after.clone()), "/home"));
            let say = |what: String| format!("power cut after {cut} steps, disk {seed}: {what}");
            check_store(&plain, &Path::from("db"), &attempts).await.map_err(say)?;
            if seed == 0 {
                let mut attempts = attempts.clone();
                attempts.extend(work(&after, "after", 2).await);
                check_store(&plain, &Path::from("db"), &attempts).await.map_err(|what| say(format!("going on: {what}")))?;
            }
        }
        if disk.steps() < cut {
            let all = attempts.iter().all(|attempt| matches!(attempt.told, Told::Committed(_)));
            return if all { Ok(cut) } else { Err(format!("not all is committed without a power cut: {attempts:?}")) };
        }
    }
    Err("there are always more steps".into())
}

fn run(mistake: Option<Mistake>) -> Result<u64, String> {
    set(Switches { bug: None, fold_records: Some(3), flush_segments: Some(3) });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let result = runtime.block_on(cut_everywhere(mistake));
    println!("{mistake:?}: {result:?}");
    result
}

#[test]
fn nothing_acknowledged_is_lost_by_a_power_cut() {
    let cuts = run(None).unwrap();
    assert!(cuts > 100, "{cuts} steps are too few to prove anything");
}

#[test]
fn acknowledging_before_the_folder_is_synced_is_found() {
    assert!(run(Some(Mistake::SkipFolderSync)).is_err());
}

#[test]
fn acknowledging_before_the_file_is_synced_is_found() {
    assert!(run(Some(Mistake::SkipFileSync)).is_err());
}

#[test]
fn naming_a_file_before_it_is_synced_is_found() {
    assert!(run(Some(Mistake::NameBeforeSync)).is_err());
}
