//! Where databases are: created, found, refused; several processes on one.

use crate::support::{Folder, clouddb, clouddb_with_input, files};

#[test]
fn a_database_is_created_by_the_first_write_and_says_so_once() {
    let folder = Folder::new();
    let db = folder.path("new.db");
    // Reading creates nothing.
    assert_eq!(clouddb([&db, "--format", "csv", "-c", "SELECT 1 AS a"]).ok(), "a\n1\n");
    assert!(!std::path::Path::new(&db).exists() || files(&db).is_empty());
    let run = clouddb([&db, "-c", "CREATE TABLE t (a INTEGER)", "-c", "INSERT INTO t VALUES (1), (2)"]).success();
    assert_eq!(run.err.matches("created database at").count(), 1, "{}", run.err);
    assert!(run.err.contains("new.db"), "{}", run.err);
    // Another process finds it.
    assert_eq!(clouddb([&db, "--format", "csv", "-c", "SELECT sum(a) AS s FROM t"]).ok(), "s\n3\n");
}

#[test]
fn must_exist_and_readonly_create_nothing() {
    let folder = Folder::new();
    let db = folder.path("missing.db");
    for flag in ["--must-exist", "--readonly"] {
        let run = clouddb([&db, flag, "-c", "CREATE TABLE t (a INTEGER)"]).failure();
        assert!(run.err.contains("not found") && run.err.contains("missing.db"), "{}", run.err);
        assert!(!std::path::Path::new(&db).exists());
    }
    assert_eq!(clouddb([&db, "--must-exist", "--readonly", "-c", "SELECT 1"]).status, 2, "one of the two");
}

#[test]
fn readonly_reads_and_refuses_to_write() {
    let folder = Folder::new();
    let db = folder.path("db");
    clouddb([&db, "-c", "CREATE TABLE t AS SELECT 1 AS a"]).success();
    let before = files(&db);
    assert_eq!(clouddb([&db, "--readonly", "--format", "csv", "-c", "SELECT a FROM t"]).ok(), "a\n1\n");
    let run = clouddb([&db, "--readonly", "-c", "INSERT INTO t VALUES (2)"]).failure();
    assert!(run.err.contains("read only"), "{}", run.err);
    assert_eq!(files(&db), before);
    clouddb([&db, "--must-exist", "-c", "INSERT INTO t VALUES (2)"]).ok();
    assert_eq!(clouddb([&db, "--format", "csv", "-c", "SELECT count(*) AS n FROM t"]).ok(), "n\n2\n");
}

#[test]
fn memory_is_new_every_time_and_says_nothing() {
    assert_eq!(clouddb(["--format", "csv", "-c", "CREATE TABLE t AS SELECT 1 AS a; SELECT * FROM t"]).ok(), "a\n1\n");
    clouddb(["-c", "SELECT * FROM t"]).failure();
}

#[test]
fn a_folder_of_something_else_is_refused() {
    let folder = Folder::new();
    folder.file("precious.txt", "do not touch");
    let place = folder.path("");
    let run = clouddb([place.as_str(), "-c", "CREATE TABLE t (a INTEGER)"]).failure();
    assert!(run.err.contains("precious.txt"), "{}", run.err);
    assert_eq!(files(&place).len(), 1);
}

#[test]
fn a_transaction_lives_in_one_process_and_is_gone_with_it() {
    let folder = Folder::new();
    let db = folder.path("db");
    clouddb([&db, "-c", "CREATE TABLE a (x INTEGER); CREATE TABLE b (x INTEGER)"]).success();
    clouddb_with_input([&db], "BEGIN; INSERT INTO a VALUES (1); INSERT INTO b VALUES (1); COMMIT;").ok();
    let run = clouddb_with_input([&db], "BEGIN; INSERT INTO a VALUES (2); INSERT INTO b VALUES (2);").failure();
    assert!(run.err.contains("inside a transaction"), "{}", run.err);
    clouddb_with_input([&db], "BEGIN; INSERT INTO a VALUES (3); INSERT INTO missing VALUES (3); COMMIT;").failure();
    let sums = "SELECT (SELECT sum(x) FROM a) AS a, (SELECT sum(x) FROM b) AS b";
    assert_eq!(clouddb([&db, "--format", "csv", "-c", sums]).ok(), "a,b\n1,1\n");
}

#[test]
fn processes_that_write_at_once_lose_nothing() {
    let folder = Folder::new();
    let db = folder.path("db");
    clouddb([&db, "-c", "CREATE TABLE t (writer INTEGER, n INTEGER)"]).success();
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let db = db.clone();
            std::thread::spawn(move || {
                let sql: String = (0..10).map(|n| format!("INSERT INTO t VALUES ({writer}, {n});\n")).collect();
                clouddb_with_input([&db], &sql).ok();
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    let count = "SELECT count(*) AS n, count(DISTINCT writer * 100 + n) AS d FROM t";
    assert_eq!(clouddb([&db, "--format", "csv", "-c", count]).ok(), "n,d\n40,40\n");
}
