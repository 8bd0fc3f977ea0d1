//! A disk that is full, for real: a small file system in memory, mounted in a namespace of its own, where this system allows that.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::support::{Folder, Run, clouddb, clouddb_with_input, files};

/// A file system of some size; it and the process that holds it are gone when this is dropped.
pub(crate) struct SmallDisk {
    holder: Child,
    root: PathBuf,
    _place: Folder,
}

impl SmallDisk {
    /// A disk of so many KiB; nothing, and a line that says so, where none can be mounted.
    pub(crate) fn new(kib: usize) -> Option<Self> {
        // As root in a user namespace of its own, or as the root that this is already.
        for flags in ["-rm", "-m"] {
            let place = Folder::new();
            let at = place.path("");
            let script = format!("mount -t tmpfs -o size={kib}k none '{at}' && echo mounted && exec sleep 600");
            let held = Command::new("unshare")
                .args([flags, "sh", "-c", &script])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn();
            let Ok(mut holder) = held else { continue };
            let mut line = String::new();
            let answered = BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line);
            // Through the process one can see into its namespace.
            let root = PathBuf::from(format!("/proc/{}/root{at}", holder.id()));
            let disk = Self { holder, root, _place: place };
            if answered.is_ok() && line == "mounted\n" && std::fs::read_dir(&disk.root).is_ok() {
                return Some(disk);
            }
        }
        eprintln!("skipped: this system lets nobody mount a file system in a namespace");
        None
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.root.join(name).display().to_string()
    }

    /// Takes up space.
    fn fill(&self, kib: usize) -> PathBuf {
        let path = self.root.join("other");
        std::fs::write(&path, vec![1; kib << 10]).unwrap();
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn number(db: &str, sql: &str) -> usize {
    let out = clouddb([db, "--format", "csv", "-c", sql]).ok();
    out.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or_else(|| panic!("{sql}: {out}"))
}

#[track_caller]
fn assert_full(run: &Run) {
    assert!(run.err.contains("error (limit reached)") && run.err.contains("disk full"), "{run:?}");
    assert!(run.err.contains("hint: make room on the disk"), "{run:?}");
}

#[test]
fn a_load_that_does_not_fit_leaves_nothing_behind() {
    let Some(disk) = SmallDisk::new(4096) else { return };
    let db = disk.path("db");
    clouddb([&db, "-c", "CREATE TABLE t (id BIGINT, number DOUBLE)", "-c", "INSERT INTO t VALUES (1, 1)"]).success();
    let before = files(&db);
    let rows = "SELECT range, random() FROM range(0, 2000000)";
    for sql in [format!("INSERT INTO t {rows}"), format!("CREATE TABLE u AS {rows}")] {
        assert_full(&clouddb([&db, "-c", &sql]).failure());
        assert_eq!(files(&db), before, "what was written in vain takes no space");
        assert_eq!(number(&db, "SELECT count(*) FROM t"), 1);
    }
    clouddb(["verify", &db]).success();
    // What fits is loaded.
    clouddb([&db, "-c", "INSERT INTO t SELECT range, random() FROM range(0, 100000)"]).ok();
    assert_eq!(number(&db, "SELECT count(*) FROM t"), 100_001);
    clouddb(["verify", &db]).success();
}

#[test]
fn commits_on_a_disk_that_fills_up_are_there_or_are_refused() {
    let Some(disk) = SmallDisk::new(2048) else { return };
    let db = disk.path("db");
    let other = disk.fill(700);
    clouddb([&db, "-c", "CREATE TABLE t (n INTEGER)"]).success();
    // What comes out after a commit tells that it was acknowledged.
    let script: String = (0..4000).map(|n| format!("INSERT INTO t VALUES ({n}); SELECT {n} AS committed;\n")).collect();
    let run = clouddb_with_input([&db, "--format", "csv"], &script).failure();
    assert_full(&run);
    assert!(run.err.contains("nothing was committed"), "{run:?}");
    let committed = run.out.lines().filter(|line| *line != "committed").count();
    assert!(committed > 10, "{run:?}");
    // Full as it is, it can be read.
    let expected = || (number(&db, "SELECT count(*) FROM t"), number(&db, "SELECT count(DISTINCT n) FROM t WHERE n >= 0"));
    assert_eq!(expected(), (committed, committed));
    clouddb(["verify", &db]).success();
    // Still full.
    assert_full(&clouddb([&db, "-c", "INSERT INTO t VALUES (-1)"]).failure());
    assert_eq!(expected(), (committed, committed));

    std::fs::remove_file(other).unwrap();
    clouddb([&db, "-c", "INSERT INTO t VALUES (-1)"]).ok();
    assert_eq!(number(&db, "SELECT count(*) FROM t"), committed + 1);
    clouddb(["verify", &db]).success();
}

#[test]
fn a_database_that_finds_no_room_at_all_says_so() {
    let Some(disk) = SmallDisk::new(64) else { return };
    let other = disk.root.join("other");
    // To the last byte.
    let filled = (0..).take_while(|n| std::fs::write(other.with_extension(format!("{n}")), [1]).is_ok()).count();
    assert!(filled > 2, "{filled}");
    let db = disk.path("db");
    let run = clouddb([&db, "-c", "CREATE TABLE t (n INTEGER)"]).failure();
    assert_full(&run);
    for n in 0..filled {
        std::fs::remove_file(other.with_extension(format!("{n}"))).unwrap();
    }
    let _ = std::fs::remove_file(other.with_extension(format!("{filled}")));
    clouddb([&db, "-c", "CREATE TABLE t (n INTEGER)", "-c", "INSERT INTO t VALUES (1)"]).success();
    assert_eq!(number(&db, "SELECT count(*) FROM t"), 1);
}
