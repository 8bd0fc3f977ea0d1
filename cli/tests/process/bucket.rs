//! The program on a real S3 server: MinIO, where `CLOUDDB_TEST_MINIO` says that one runs.

use crate::support::{Folder, clouddb};

/// A place in the bucket that nobody else uses, or nothing and a line that says so.
pub(crate) fn place(name: &str) -> Option<String> {
    if std::env::var_os("CLOUDDB_TEST_MINIO").is_none() {
        assert!(std::env::var_os("CLOUDDB_TEST_REQUIRE_MINIO").is_none(), "there is no MinIO: run this with scripts/minio run");
        eprintln!("skipped: no MinIO server; run it with scripts/minio run");
        return None;
    }
    let unique = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    Some(format!("s3://test/cli-{name}-{unique}"))
}

#[test]
fn a_database_in_a_bucket() {
    let Some(place) = place("database") else { return };
    let db = format!("{place}/db");
    let run = clouddb([&db, "-c", "CREATE TABLE t AS SELECT range AS a FROM range(0, 100000)"]).success();
    assert!(run.err.contains("created database at") && run.err.contains(&db), "{}", run.err);
    clouddb([&db, "-c", "BEGIN; INSERT INTO t VALUES (7); CREATE TABLE u (x INTEGER); COMMIT"]).ok();
    assert_eq!(
        clouddb([&db, "--readonly", "--format", "csv", "-c", "SELECT count(*) AS n, sum(a) AS s FROM t"]).ok(),
        "n,s\n100001,4999950007\n"
    );
    let verified = clouddb(["verify", &db]).success();
    assert!(verified.out.contains("nothing is wrong"), "{verified:?}");
    clouddb([&format!("{place}/nothing"), "--must-exist", "-c", "SELECT 1"]).failure();
}

#[test]
fn files_in_a_bucket_are_written_read_and_queried_in_place() {
    let Some(place) = place("files") else { return };
    let folder = Folder::new();
    let db = folder.path("db");
    let table = "CREATE TABLE t (id BIGINT, name VARCHAR)";
    let rows = "INSERT INTO t SELECT range, 'name ' || range FROM range(0, 5000)";
    clouddb([&db, "-c", table, "-c", rows]).success();
    for (format, options) in [("parquet", ""), ("csv", "(HEADER true)"), ("json", ""), ("arrow", "")] {
        for part in [0, 1] {
            let query = format!("SELECT * FROM t WHERE id % 2 = {part}");
            clouddb([&db, "-c", &format!("COPY ({query}) TO '{place}/{format}/part{part}.{format}' {options}")]).ok();
        }
        let files = format!("{place}/{format}/*.{format}");
        let sum = format!("SELECT count(*) AS n, sum(id) AS s, max(name) AS m FROM '{files}'");
        assert_eq!(clouddb(["--format", "csv", "-c", &sum]).ok(), "n,s,m\n5000,12497500,name 999\n", "{format}");
        let loaded = format!("CREATE TABLE {format} (id BIGINT, name VARCHAR); COPY {format} FROM '{files}' {options}");
        clouddb([&db, "-c", &loaded]).ok();
        let differences = format!("SELECT count(*) AS n FROM (SELECT * FROM t EXCEPT SELECT * FROM {format})");
        assert_eq!(clouddb([&db, "--format", "csv", "-c", &differences]).ok(), "n\n0\n", "{format}");
    }
    let missing = clouddb(["-c", &format!("SELECT * FROM '{place}/none/*.parquet'")]).failure();
    assert!(missing.err.contains("none/*.parquet"), "{}", missing.err);
}

/// Options on the command line hold for the files that a statement names, also when the database itself is on a disk.
#[test]
fn options_hold_for_files() {
    let Some(place) = place("options") else { return };
    let folder = Folder::new();
    let db = folder.path("db");
    clouddb([&db, "-c", &format!("COPY (SELECT 1 AS a) TO '{place}/one.parquet'")]).ok();
    let query = format!("SELECT a FROM '{place}/one.parquet'");
    let endpoint = format!("endpoint={}", std::env::var("CLOUDDB_TEST_MINIO").unwrap());
    assert_eq!(clouddb([&db, "--option", &endpoint, "--format", "csv", "-c", &query]).ok(), "a\n1\n");
    let run = clouddb([&db, "--option", "secret_access_key=wrong", "--option", "access_key_id=wrong", "-c", &query]).failure();
    assert!(run.err.contains("bucket 'test'") && run.err.contains("credentials: options"), "{}", run.err);
}

#[test]
fn a_missing_bucket_and_wrong_keys_are_named() {
    let Some(place) = place("errors") else { return };
    let create = "CREATE TABLE t (a INTEGER)";
    let run = clouddb(["s3://no-such-bucket/db", "-c", create]).failure();
    assert!(run.err.contains("no-such-bucket") && run.err.contains("region"), "{}", run.err);
    let run = clouddb([&format!("{place}?access_key_id=nobody&secret_access_key=nothing"), "-c", create]).failure();
    assert!(run.err.contains("bucket 'test'") && run.err.contains("credentials: URL") && !run.err.contains("nothing"), "{}", run.err);
}
