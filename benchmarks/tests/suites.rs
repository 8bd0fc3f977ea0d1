//! Suites of queries, at a small scale, through the program itself: every answer is every peer's. The program compares them and fails where
//! they differ.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::{Command, Output};
use std::time::Duration;

use clouddb_benchmarks::engines::{Failure, Worker};

/// Runs a suite in CloudDB, on a store, and in peers.
fn run(suite: &[&str], store: Option<&str>, peers: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let below = |name: &str| folder.path().join(name).display().to_string();
    let store = store.map_or_else(|| below("store"), str::to_owned);
    Command::new(env!("CARGO_BIN_EXE_clouddb-bench"))
        .args(suite)
        .args(["--runs", "1", "--threads", "2"])
        .args(["--engines", &format!("clouddb,{peers}"), "--store", &store])
        .args(["--data", &below("data"), "--out", &below("results")])
        .output()
        .unwrap()
}

/// The same, and every answer has to be there and to agree; the last query is `last`.
fn compare(suite: &[&str], store: Option<&str>, peers: &str, last: &str) {
    let output = run(suite, store, peers);
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}\n{errors}");
    assert!(told.contains("all answers of all engines agree") && told.contains(last), "{told}\n{errors}");
    assert!(!told.contains("takes no part") && !told.contains("compared with nobody"), "{told}\n{errors}");
}

/// Whether DuckDB is there; says so where it is not.
fn has_duckdb() -> bool {
    let there = clouddb_benchmarks::engines::python().is_ok();
    if !there {
        assert!(std::env::var_os("CLOUDDB_TEST_REQUIRE_PEERS").is_none(), "there are no peers: run scripts/setup-peers");
        eprintln!("skipped: no DuckDB; run scripts/setup-peers first");
    }
    there
}

const TPCH: [&str; 3] = ["tpch", "--scale", "0.01"];

#[test]
fn tpch_has_the_answers_of_datafusion_on_the_same_rows() {
    compare(&TPCH, None, "datafusion-parquet,datafusion-memory", "Q22");
}

#[test]
fn tpch_has_the_answers_of_duckdb() {
    if !has_duckdb() {
        return;
    }
    compare(&TPCH, None, "duckdb-parquet,duckdb-memory,duckdb-file", "Q22");
    if !has_minio() {
        return;
    }
    compare(&TPCH, Some("s3://test/tpch"), "duckdb-parquet", "Q22");
    let far = ["tpch", "--scale", "0.01", "--queries", "1,6", "--far", "--delay-ms", "1"];
    compare(&far, Some("s3://test/tpch"), "datafusion-parquet", "Q6");
}

#[test]
fn tpcds_has_the_answers_of_duckdb() {
    if !has_duckdb() {
        return;
    }
    if !clouddb_benchmarks::engines::extensions().exists() {
        eprintln!("skipped: no extension tpcds of DuckDB, which has the queries; scripts/setup-peers could not install it");
        return;
    }
    let output = run(&["tpcds", "--scale", "0.01"], None, "duckdb-memory");
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // A difference ends it with an error. What cannot be planned yet is missing, and said to be.
    assert!(output.status.success(), "{told}\n{errors}");
    assert!(told.contains("geometric mean of 9") && told.contains("Q99"), "{told}\n{errors}");
}

#[test]
fn clickbench_has_the_answers_of_duckdb() {
    if has_duckdb() {
        compare(&["clickbench", "--rows", "20000"], None, "duckdb-memory,datafusion-parquet", "Q43");
    }
}

#[test]
fn shapes_have_the_answers_of_duckdb() {
    if has_duckdb() {
        compare(&["shapes", "--rows", "20000"], None, "duckdb-memory", "cte-twice");
    }
}

#[test]
fn lookups_have_the_answers_of_peers() {
    let lookups = |more: &[&str]| {
        let suite = [&["lookup", "--scale", "0.01", "--keys", "30"], more].concat();
        run(&suite, more.contains(&"--far").then_some("s3://test/lookup"), "datafusion-parquet")
    };
    let check = |output: Output| {
        let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && told.contains("all answers of all engines agree"), "{told}\n{errors}");
        assert!(told.contains("p99") && !told.contains("takes no part"), "{told}\n{errors}");
    };
    check(lookups(&[]));
    if has_minio() {
        check(lookups(&["--far", "--delay-ms", "1"]));
    }
}

/// Whether there is an S3 server; says so where there is none.
fn has_minio() -> bool {
    let there = std::env::var_os("CLOUDDB_TEST_MINIO").is_some();
    if !there {
        assert!(std::env::var_os("CLOUDDB_TEST_REQUIRE_MINIO").is_none(), "there is no MinIO: run this with scripts/minio run");
        eprintln!("skipped on S3: no MinIO server; run it with scripts/minio run");
    }
    there
}

#[test]
fn a_new_process_finds_on_disk_what_was_read_of_the_bucket() {
    if !has_minio() {
        return;
    }
    let suite = ["tpch", "--scale", "0.01", "--queries", "1,6", "--modes", "disk,local", "--far", "--delay-ms", "1"];
    let output = run(&suite, Some("s3://test/tpch-disk"), "datafusion-parquet");
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.contains("all answers of all engines agree"), "{told}\n{errors}");
    let sums = told.lines().skip_while(|line| !line.contains("last round")).find(|line| line.contains("clouddb-disk")).unwrap();
    let (first, last) = sums.trim_end_matches('|').rsplit_once('|').unwrap();
    // A look at the log is a few bytes; rows are more.
    assert!(first.contains("KiB") && !last.contains("iB"), "{told}");
}

#[test]
fn a_cache_keeps_its_budget_and_loads_a_column_once() {
    let folder = tempfile::tempdir().unwrap();
    let below = |name: &str| folder.path().join(name).display().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_clouddb-bench"))
        .args(["cache", "--scale", "0.01", "--queries", "30", "--budgets", "25,100", "--callers", "8", "--runs", "3"])
        .args(["--store", &below("store"), "--data", &below("data"), "--out", &below("results")])
        .output()
        .unwrap();
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}\n{errors}");
    assert!(told.contains("memory and loads are as they have to be"), "{told}\n{errors}");
    for policy in ["none", "TinyLFU", "LRU"] {
        assert!(told.contains(policy), "{told}");
    }
    for name in ["cache-sf0.01-local.json", "cache-sf0.01-local.html"] {
        assert!(folder.path().join("results").join(name).exists(), "{told}");
    }
}

#[test]
fn a_query_that_takes_too_long_ends_its_process_only() {
    if !has_duckdb() {
        return;
    }
    let mut duckdb = Worker::duckdb(None, 1).unwrap();
    assert!(matches!(duckdb.run("SELECT nothing", None), Err(Failure::Error(message)) if message.contains("nothing")));
    assert_eq!(duckdb.run("SELECT 42", Some(Duration::from_secs(60))).unwrap().answer.rows.len(), 1);
    // More pairs than anybody counts in the time that this test has.
    let endless = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range * b.range % 7 = 3";
    let limit = Duration::from_millis(300);
    assert_eq!(duckdb.run(endless, Some(limit)).unwrap_err(), Failure::TimedOut(limit));
    assert_eq!(duckdb.run("SELECT 42", None).unwrap_err(), Failure::Ended);
}

#[test]
fn statements_have_the_answers_of_duckdb_or_a_listed_reason() {
    if !has_duckdb() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let below = |name: &str| folder.path().join(name).display().to_string();
    let statements = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/statements");
    let stores = [Some(below("store")), has_minio().then(|| "s3://test/statements".to_owned())];
    for store in stores.into_iter().flatten() {
        let output = Command::new(env!("CARGO_BIN_EXE_clouddb-bench"))
            .args(["statements", "--statements", statements, "--store", &store, "--out", &below("results")])
            .output()
            .unwrap();
        let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{told}\n{errors}");
        assert!(told.contains("silent difference"), "{told}");
    }
}
