//! Reading the past by a time that lies between two commits: in one query, and for a whole session.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use clouddb_engine::{Database, Options, Session, StatementResult};

async fn number(session: &mut Session, sql: &str) -> i64 {
    match session.execute(sql).await.unwrap() {
        StatementResult::Rows(rows) => rows.collect().await.unwrap()[0].column(0).as_primitive::<Int64Type>().value(0),
        StatementResult::Done(done) => panic!("{sql}: {done:?}"),
    }
}

#[tokio::test]
async fn a_time_between_two_commits_shows_the_first() {
    let database = Database::open("memory://", Options::default()).await.unwrap();
    let mut session = database.session();
    session.execute("CREATE TABLE t (a INTEGER)").await.unwrap();
    for value in 1..=3 {
        session.execute(&format!("INSERT INTO t VALUES ({value})")).await.unwrap();
    }
    let history = database.storage().history(1, u64::MAX).await.unwrap();
    let time = |us: i64| {
        let time = chrono::DateTime::from_timestamp_micros(us).unwrap();
        time.format("%Y-%m-%d %H:%M:%S%.6f").to_string()
    };
    let commits: Vec<_> = history.iter().filter(|entry| entry.rows_added == 1).map(|entry| entry.commit_time_us).collect();
    assert_eq!(commits.len(), 3);
    for (before, commit) in commits.iter().enumerate() {
        // At the moment of a commit it is there; a microsecond earlier it is not.
        for (at, rows) in [(*commit, before + 1), (commit - 1, before)] {
            let at = time(at);
            let query = format!("SELECT count(*) FROM t AT (TIMESTAMP => '{at}')");
            assert_eq!(number(&mut session, &query).await, rows as i64, "{at}");
            let mut past = database.session();
            past.execute(&format!("SET timestamp = '{at}'")).await.unwrap();
            assert_eq!(number(&mut past, "SELECT count(*) FROM t").await, rows as i64, "{at}");
            let error = past.execute("INSERT INTO t VALUES (9)").await.unwrap_err();
            assert!(error.to_string().contains("read"), "{error}");
            past.execute("RESET timestamp").await.unwrap();
            assert_eq!(number(&mut past, "SELECT count(*) FROM t").await, 3);
        }
    }
}
