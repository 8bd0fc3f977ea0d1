//! Real processes on a real disk: killed at random moments, and many at once.
//!
//! `CLOUDDB_KILL_ROUNDS` sets how often processes are killed, `CLOUDDB_APPENDS` how many commits each of eight processes makes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "a test may panic, and wait")]

use std::io::Read;
use std::path::Path as FilePath;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clouddb_sim::checker::check_store;
use clouddb_sim::rows::Cache;
use clouddb_sim::script::{Kind, prepare, read_lines};
use clouddb_sim::workload::{Attempt, Told, balance};
use clouddb_storage::store::Store;
use clouddb_storage::{Database, OpenOptions};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().expect("a number"))
}

fn start(url: &str, name: &str, first: u64, count: u64, mix: &str, options: &[(String, String)]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clouddb-sim-process"));
    command.args([url, name, &first.to_string(), &count.to_string(), mix]);
    command.args(options.iter().map(|(key, value)| format!("{key}={value}")));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Reads what a process says to its end; the thread ends with the process.
fn listen(child: &mut Child) -> std::thread::JoinHandle<(String, String)> {
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = err.read_to_string(&mut text);
        text
    });
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = out.read_to_end(&mut bytes);
        (String::from_utf8_lossy(&bytes).into_owned(), errors.join().unwrap())
    })
}

async fn check_folder(folder: &FilePath, attempts: &[Attempt]) -> Result<clouddb_sim::checker::Report, String> {
    let plain = Arc::new(LocalFileSystem::new_with_prefix(folder).unwrap()) as _;
    Ok(check_store(&plain, &Path::from("db"), attempts).await?.0)
}

/// Rounds on one folder before the next one: what is checked is all there is, so it must not grow for ever.
const ROUNDS_PER_FOLDER: u64 = 3;

#[tokio::test]
async fn killed_processes_lose_nothing_acknowledged() {
    let rounds = number("CLOUDDB_KILL_ROUNDS").unwrap_or(6);
    let mut rng = StdRng::seed_from_u64(9);
    let mut folder = tempfile::tempdir().unwrap();
    let mut attempts = Vec::new();
    let mut total = clouddb_sim::checker::Report::default();
    for round in 0..rounds {
        if round % ROUNDS_PER_FOLDER == 0 {
            folder = tempfile::tempdir().unwrap();
            attempts.clear();
        }
        let url = folder.path().join("db").display().to_string();
        let begin = |process: u64| start(&url, &format!("{round}.{process}"), (round * 2 + process) * 1_000_000_000, 10_000, "all", &[]);
        let mut children = [begin(0), begin(1)];
        let heard = children.each_mut().map(listen);
        for child in &mut children {
            tokio::time::sleep(Duration::from_millis(rng.random_range(1..700))).await;
            assert!(child.try_wait().unwrap().is_none(), "a process ended by itself");
            child.kill().unwrap();
            child.wait().unwrap();
        }
        for heard in heard {
            let (out, err) = heard.join().unwrap();
            assert_eq!(err, "", "round {round}");
            attempts.extend(read_lines(&out).unwrap());
        }
        let report = check_folder(folder.path(), &attempts).await.unwrap_or_else(|what| panic!("round {round}: {what}"));
        if (round + 1) % ROUNDS_PER_FOLDER == 0 {
            total += report;
        }
    }
    println!("{rounds} rounds: {total:?}");
}

/// Processes at once.
const PROCESSES: u64 = 8;

/// Appends by many processes at once, half of them moving amounts, while a reader looks on.
async fn append_from_many(url: &str, options: &[(String, String)], count: u64) -> Vec<Attempt> {
    let open = || Database::open(url, OpenOptions { store_options: options.to_vec(), ..OpenOptions::default() });
    let database = open().await.unwrap();
    let (mut tables, transaction) = prepare(&database, &database.snapshot().await.unwrap(), "tables", Kind::Tables, 0).await.unwrap();
    tables.told = Told::from_result(&transaction.commit().await);
    let done = Arc::new(AtomicBool::new(false));
    let looks_on = tokio::spawn({
        let (database, done) = (open().await.unwrap(), Arc::clone(&done));
        async move {
            let (mut cache, mut looks, mut newest) = (Cache::default(), 0, 0);
            while !done.load(Ordering::Relaxed) {
                let snapshot = database.snapshot().await.unwrap();
                assert!(snapshot.number() >= newest);
                newest = snapshot.number();
                assert_eq!(balance(&mut cache, &snapshot).await.unwrap(), 0, "in snapshot {newest}");
                looks += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            looks
        }
    });
    let begin = Instant::now();
    let mut children: Vec<_> = (0..PROCESSES)
        .map(|process| {
            let mix = if process % 2 == 0 { "insert" } else { "transfer" };
            start(url, &process.to_string(), (1 + process) * 1_000_000_000, count, mix, options)
        })
        .collect();
    let heard: Vec<_> = children.iter_mut().map(listen).collect();
    let mut attempts = vec![tables];
    let mut waits = Vec::new();
    for heard in heard {
        let (out, err) = tokio::task::spawn_blocking(|| heard.join().unwrap()).await.unwrap();
        let wait = err.strip_prefix("longest wait: ").and_then(|rest| rest.strip_suffix(" ms\n")?.parse::<u64>().ok());
        waits.push(wait.unwrap_or_else(|| panic!("a process failed: {err}")));
        attempts.extend(read_lines(&out).unwrap());
    }
    let took = begin.elapsed();
    children.iter_mut().for_each(|child| assert!(child.wait().unwrap().success()));
    done.store(true, Ordering::Relaxed);
    let looks = looks_on.await.unwrap();
    let commits = PROCESSES * count;
    let rate = commits as f64 / took.as_secs_f64();
    println!("{PROCESSES} processes × {count}: {took:.1?}, {rate:.0} commits/s, longest waits {waits:?} ms, a reader looked {looks} times");
    assert_eq!(attempts.len() as u64, 1 + commits);
    for attempt in &attempts {
        assert!(matches!(attempt.told, Told::Committed(_)), "{attempt:?}");
    }
    attempts
}

#[tokio::test]
async fn eight_processes_append_at_once_on_local_disk() {
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("db").display().to_string();
    let attempts = append_from_many(&url, &[], number("CLOUDDB_APPENDS").unwrap_or(25)).await;
    let report = check_folder(folder.path(), &attempts).await.unwrap();
    assert_eq!(report.committed, attempts.len() as u64);
}

/// Against a real MinIO, where `CLOUDDB_TEST_MINIO` says that one runs.
#[tokio::test]
async fn eight_processes_append_at_once_on_minio() {
    let Ok(endpoint) = std::env::var("CLOUDDB_TEST_MINIO") else {
        assert!(std::env::var_os("CLOUDDB_TEST_REQUIRE_MINIO").is_none(), "there is no MinIO: run this with scripts/minio run");
        eprintln!("skipped: no MinIO server; run it with scripts/minio run");
        return;
    };
    let options: Vec<_> = [("aws_endpoint_url", endpoint.as_str()), ("aws_allow_http", "true"), ("aws_region", "us-east-1")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    let unique = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let url = format!("s3://test/processes-{unique}");
    let attempts = append_from_many(&url, &options, number("CLOUDDB_APPENDS").unwrap_or(25)).await;
    let store = Store::connect(&url, &options).await.unwrap();
    let (plain, prefix) = store.object_store();
    let (report, _) = check_store(plain, &prefix, &attempts).await.unwrap();
    assert_eq!(report.committed, attempts.len() as u64);
}
