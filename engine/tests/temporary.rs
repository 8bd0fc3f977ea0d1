//! Temporary tables where nothing else may be written, and when a COMMIT is not waited for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "a test may panic, and wait")]

use std::time::Duration;

use clouddb_engine::{Database, Options, Session, StatementResult};
use clouddb_storage::{OpenMode, OpenOptions};

async fn run(session: &mut Session, sql: &str) {
    if let StatementResult::Rows(rows) = session.execute(sql).await.expect(sql) {
        rows.collect().await.expect(sql);
    }
}

async fn count(session: &mut Session, table: &str) -> usize {
    match session.execute(&format!("SELECT * FROM {table}")).await.unwrap() {
        StatementResult::Rows(rows) => rows.collect().await.unwrap().iter().map(|batch| batch.num_rows()).sum(),
        StatementResult::Done(done) => panic!("{done:?}"),
    }
}

#[tokio::test]
async fn a_session_that_only_reads_has_temporary_tables() {
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().to_str().unwrap();
    let database = Database::open(url, Options::default()).await.unwrap();
    run(&mut database.session(), "CREATE TABLE t AS SELECT 1 AS x").await;
    let storage = OpenOptions { mode: OpenMode::ReadOnly, ..OpenOptions::default() };
    let reader = Database::open(url, Options { storage, ..Options::default() }).await.unwrap();
    let mut session = reader.session();
    run(&mut session, "CREATE TEMP TABLE mine AS SELECT * FROM t").await;
    run(&mut session, "INSERT INTO mine VALUES (2)").await;
    assert_eq!(count(&mut session, "mine").await, 2);
    session.execute("INSERT INTO t VALUES (2)").await.unwrap_err();
    assert_eq!(count(&mut session, "t").await, 1);
}

/// Whoever stops waiting for a COMMIT gets both halves of it, or none.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_nobody_waits_for_is_of_both() {
    let database = Database::open("memory://", Options::default()).await.unwrap();
    let mut session = database.session();
    run(&mut session, "CREATE TABLE stored (x INTEGER)").await;
    run(&mut session, "CREATE TEMP TABLE mine (x INTEGER)").await;
    for round in 0..20 {
        run(&mut session, "BEGIN").await;
        run(&mut session, "INSERT INTO stored VALUES (1)").await;
        run(&mut session, "INSERT INTO mine VALUES (1)").await;
        let _ = tokio::time::timeout(Duration::from_micros(round * 20), session.execute("COMMIT")).await;
        if session.in_transaction() {
            run(&mut session, "ROLLBACK").await;
        }
        // A statement waits for the commit that may be under way.
        let mine = count(&mut session, "mine").await;
        assert_eq!(count(&mut session, "stored").await, mine, "round {round}");
    }
}
