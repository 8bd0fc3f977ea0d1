//! The 22 queries of TPC-H, at a small scale, through the program itself: every answer is every peer's. The program compares them and fails where
//! they differ.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Command;

/// Runs the suite in CloudDB, on a store, and in peers.
fn compare(store: Option<&str>, peers: &str) {
    let folder = tempfile::tempdir().unwrap();
    let below = |name: &str| folder.path().join(name).display().to_string();
    let store = store.map_or_else(|| below("store"), str::to_owned);
    let output = Command::new(env!("CARGO_BIN_EXE_clouddb-bench"))
        .args(["tpch", "--scale", "0.01", "--runs", "1", "--threads", "2"])
        .args(["--engines", &format!("clouddb,{peers}"), "--store", &store])
        .args(["--data", &below("data"), "--out", &below("results")])
        .output()
        .unwrap();
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}\n{errors}");
    assert!(told.contains("all answers of all engines agree") && told.contains("Q22"), "{told}");
}

#[test]
fn answers_are_those_of_datafusion_on_the_same_rows() {
    compare(None, "datafusion-parquet");
}

#[test]
fn answers_are_those_of_duckdb() {
    if clouddb_benchmarks::engines::python().is_err() {
        assert!(std::env::var_os("CLOUDDB_TEST_REQUIRE_PEERS").is_none(), "there are no peers: run scripts/setup-peers");
        eprintln!("skipped: no DuckDB; run scripts/setup-peers first");
        return;
    }
    compare(None, "duckdb-parquet,duckdb-memory");
    if std::env::var_os("CLOUDDB_TEST_MINIO").is_none() {
        assert!(std::env::var_os("CLOUDDB_TEST_REQUIRE_MINIO").is_none(), "there is no MinIO: run this with scripts/minio run");
        eprintln!("skipped on S3: no MinIO server; run it with scripts/minio run");
        return;
    }
    compare(Some("s3://test/tpch"), "duckdb-parquet");
}
