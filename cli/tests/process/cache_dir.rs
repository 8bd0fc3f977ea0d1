//! `--cache-dir` before a real S3 server: MinIO, where `CLOUDDB_TEST_MINIO` says that one runs.

#![allow(clippy::disallowed_methods, reason = "a test may wait")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::bucket::place;
#[cfg(target_os = "linux")]
use crate::full_disk::SmallDisk;
use crate::support::{Folder, clouddb, program};

const QUERY: &str = "SELECT count(*) AS n, sum(id) AS s FROM t WHERE number >= 0";
const ANSWER: &str = "n,s\n500000,124999750000\n";

/// A table in the bucket whose rows no encoding makes shorter.
fn table(name: &str) -> Option<String> {
    let db = format!("{}/db", place(name)?);
    let rows = "CREATE TABLE t AS SELECT value AS id, random() AS number FROM range(0, 500000) AS r(value)";
    clouddb([&db, "-c", rows]).success();
    Some(db)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_second_run_reads_the_disk() {
    let Some(db) = table("cache-dir") else { return };
    let folder = Folder::new();
    let dir = folder.path("cache");
    let run = |sql: &str, size: &str| {
        clouddb([&db, "--readonly", "--format", "csv", "--cache-dir", &dir, "--cache-dir-size", size, "-c", sql]).ok()
    };
    let plan = format!("EXPLAIN (ANALYZE, FORMAT indent) {QUERY}");
    let first = run(&plan, "1GiB");
    assert!(first.contains("disk_hits=0") && !first.contains("store_bytes_read=0,"), "{first}");
    let second = run(&plan, "1GiB");
    assert!(!second.contains("disk_hits=0") && second.contains("store_bytes_read=0, store_requests=0]"), "{second}");
    assert_eq!(run(QUERY, "1GiB"), ANSWER);
    // Too small for anything: what is there goes at the next write, and answers are the same.
    assert_eq!(run(QUERY, "1MiB"), ANSWER);
    // In the way of the folder: one word, and the answer.
    fs::remove_dir_all(&dir).unwrap();
    fs::write(&dir, "in the way").unwrap();
    let run = clouddb([&db, "--readonly", "--format", "csv", "--cache-dir", &dir, "-c", QUERY]).success();
    assert_eq!((run.out.as_str(), run.err.matches("warning:").count()), (ANSWER, 1), "{run:?}");
    assert!(run.err.contains(&dir), "{run:?}");
}

#[test]
fn killed_while_it_writes() {
    let Some(db) = table("cache-kill") else { return };
    let folder = Folder::new();
    let dir = folder.path("cache");
    let mut torn = 0;
    for round in 0..40 {
        let arguments = [&db, "--readonly", "--format", "csv", "--cache-dir", &dir, "-c", QUERY];
        let mut child = program().args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        // As soon as something is written, a little later, and so on.
        while files(Path::new(&dir)).is_empty() && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_micros(100));
        }
        std::thread::sleep(Duration::from_micros(round * 100));
        let _ = child.kill();
        child.wait().unwrap();
        torn += usize::from(files(Path::new(&dir)).iter().any(|file| file.file_name().unwrap().to_str().unwrap().starts_with("tmp-")));
        let run = clouddb([&db, "--readonly", "--format", "csv", "--cache-dir", &dir, "-c", QUERY]).ok();
        assert_eq!(run, ANSWER);
        if round % 2 == 0 {
            fs::remove_dir_all(&dir).unwrap();
        }
    }
    println!("{torn} of 40 left a file that was not written to its end");
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_full_disk() {
    let (Some(disk), Some(db)) = (SmallDisk::new(1024), table("cache-full")) else { return };
    let dir = disk.path("cache");
    for _ in 0..2 {
        let run = clouddb([&db, "--readonly", "--format", "csv", "--cache-dir", &dir, "-c", QUERY]).success();
        assert_eq!(run.out, ANSWER);
        assert_eq!(run.err.matches("warning:").count(), 1, "{run:?}");
        assert!(run.err.contains(&dir) && run.err.to_lowercase().contains("no space"), "{run:?}");
    }
    let names: Vec<_> = files(Path::new(&dir)).into_iter().filter_map(|file| file.file_name()?.to_str().map(str::to_owned)).collect();
    assert!(!names.is_empty() && !names.iter().any(|name| name.starts_with("tmp-")), "what fits stays, in whole files: {names:?}");
}
