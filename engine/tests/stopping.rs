//! Statements that are dropped or run out of time end, whatever operator is at work.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test may panic, and wait while its queries run")]

use std::time::{Duration, Instant};

use clouddb_engine::{Database, ErrorKind, Options, Session, StatementResult};
use futures::StreamExt;
use tokio::runtime::Handle;

/// Queries that would take minutes at least, each with an operator that seldom or never waits.
const ENDLESS: [(&str, &str); 18] = [
    (
        "pairs without matches",
        "SELECT count(*) FROM range(0, 1000000) AS a(value) JOIN range(0, 1000000) AS b(value) ON a.value + b.value < 0",
    ),
    ("pairs with matches", "SELECT count(*) FROM range(0, 1000000) AS a(value) JOIN range(0, 1000000) AS b(value) ON a.value < b.value"),
    (
        "pairs, kept",
        "SELECT count(*) FROM range(0, 1000000) AS a(value) LEFT JOIN range(0, 1000000) AS b(value) ON a.value > b.value + 1000000",
    ),
    ("cross join", "SELECT sum(a.value % 7 + b.value % 3) FROM range(0, 1000000) AS a(value), range(0, 1000000) AS b(value)"),
    (
        "hash join without matches",
        "SELECT count(*) FROM range(0, 1000000) AS a(value) JOIN range(0, 1000000) AS b(value) ON a.value % 10 = b.value % 10 AND a.value + b.value < 0",
    ),
    (
        "hash join with many matches",
        "SELECT count(*) FROM range(0, 1000000) AS a(value) JOIN range(0, 1000000) AS b(value) ON a.value % 10 = b.value % 10",
    ),
    (
        "semi join",
        "SELECT count(*) FROM range(0, 1000000) a(value) WHERE EXISTS (SELECT 1 FROM range(0, 1000000) b(value) WHERE a.value % 3 = b.value % 3 AND a.value + b.value < 0)",
    ),
    ("sort", "SELECT count(*) FROM (SELECT value FROM range(0, 300000000) AS r(value) ORDER BY value % 1000003 LIMIT 200000000)"),
    ("distinct", "SELECT count(DISTINCT value * 7 % 1000000007) FROM range(0, 300000000) AS r(value)"),
    ("groups", "SELECT max(c) FROM (SELECT value * 7 % 1000000007 AS v, count(*) AS c FROM range(0, 300000000) AS r(value) GROUP BY v)"),
    (
        "texts as groups",
        "SELECT max(c) FROM (SELECT 'number ' || value AS v, count(*) AS c FROM range(0, 300000000) AS r(value) GROUP BY v)",
    ),
    ("unnest", "SELECT count(*) FROM (SELECT unnest(range(0, a.value % 1000)) AS v FROM range(0, 100000000) AS a(value)) WHERE v < 0"),
    ("recursion", "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t"),
    (
        "regular expression",
        "SELECT count(*) FROM range(0, 100000000) AS r(value) WHERE regexp_like(repeat('ab', 100) || value, '(a|b)*c$')",
    ),
    (
        "window",
        "SELECT sum(s) FROM (SELECT sum(value) OVER (ORDER BY value ROWS BETWEEN 100 PRECEDING AND CURRENT ROW) AS s FROM range(0, 100000000) AS r(value))",
    ),
    (
        "window of everything",
        "SELECT sum(s) FROM (SELECT row_number() OVER (ORDER BY value % 1000003) AS s FROM range(0, 300000000) AS r(value))",
    ),
    (
        "frames computed anew",
        "SELECT sum(s) FROM (SELECT median(value) OVER (ORDER BY value ROWS BETWEEN 100000 PRECEDING AND CURRENT ROW) AS s FROM range(0, 200000) AS r(value))",
    ),
    ("range", "SELECT count(*) FROM range(0, 1000000000000) AS r(value) WHERE value % 2 = 3"),
];

/// Long enough for any machine; a statement that does not end never would.
const LONG: Duration = Duration::from_secs(20);

fn run(test: impl AsyncFnOnce(Session)) {
    // Left alone at the end: where a test fails, dropping it would wait for what does not end.
    let runtime = Box::leak(Box::new(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()));
    runtime.block_on(async {
        let database = Database::open("memory://", Options { threads: Some(2), ..Options::default() }).await.unwrap();
        test(database.session()).await;
    });
}

async fn first_batch(session: &mut Session, sql: &str) -> Result<usize, clouddb_engine::Error> {
    let StatementResult::Rows(mut rows) = session.execute(sql).await? else { return Ok(0) };
    rows.next().await.map_or(Ok(0), |batch| batch.map(|batch| batch.num_rows()))
}

/// A moment for a query to come to its work. Not of the runtime's clock, which stands still while no thread of it waits.
async fn moment() {
    let (end, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        let _ = end.send(());
    });
    ended.await.unwrap();
}

/// Waits until no more tasks are there than this; returns how long that took.
fn wait_for_tasks(at_most: usize, what: &str) -> Duration {
    let since = Instant::now();
    while Handle::current().metrics().num_alive_tasks() > at_most {
        assert!(since.elapsed() < LONG, "{what} does not end");
        std::thread::sleep(Duration::from_millis(1));
    }
    since.elapsed()
}

#[test]
fn dropped_rows_end_their_work() {
    run(async |mut session| {
        let at_rest = Handle::current().metrics().num_alive_tasks();
        for (name, sql) in ENDLESS {
            for mode in ["true", "false"] {
                first_batch(&mut session, &format!("SET datafusion.optimizer.prefer_hash_join = {mode}")).await.unwrap();
                let StatementResult::Rows(mut rows) = session.execute(sql).await.unwrap() else { panic!("no rows") };
                tokio::select! {
                    answer = rows.next() => panic!("{name} has an answer already: {answer:?}"),
                    () = moment() => {}
                }
                drop(rows);
                let took = wait_for_tasks(at_rest, name);
                println!("{name}, hash joins {mode}: ended after {took:?}");
                assert_eq!(first_batch(&mut session, "SELECT 44").await.unwrap(), 1);
            }
        }
    });
}

#[test]
fn a_statement_has_only_so_much_time() {
    run(async |mut session| {
        let at_rest = Handle::current().metrics().num_alive_tasks();
        first_batch(&mut session, "SET statement_timeout = '300ms'").await.unwrap();
        for (name, sql) in ENDLESS {
            let error = first_batch(&mut session, sql).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Limit, "{name}: {error:?}");
            assert_eq!(error.message(), "the statement ran for longer than statement_timeout, 300ms", "{name}");
            assert!(error.hint().unwrap().contains("SET statement_timeout"), "{error:?}");
            wait_for_tasks(at_rest, name);
            assert_eq!(first_batch(&mut session, "SELECT 44").await.unwrap(), 1);
        }
    });
}

#[test]
fn what_writes_is_stopped_and_commits_nothing() {
    run(async |mut session| {
        first_batch(&mut session, "CREATE TABLE t (a BIGINT)").await.unwrap();
        first_batch(&mut session, "SET statement_timeout = 300").await.unwrap();
        for write in [
            "INSERT INTO t SELECT value FROM range(0, 100000000000) AS r(value)",
            "CREATE TABLE u AS SELECT a.value FROM range(0, 1000000) AS a(value) JOIN range(0, 1000000) AS b(value) ON a.value + b.value < 0",
        ] {
            let error = first_batch(&mut session, write).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Limit, "{error:?}");
            first_batch(&mut session, "BEGIN").await.unwrap();
            first_batch(&mut session, write).await.unwrap_err();
            assert!(first_batch(&mut session, "SELECT 1").await.unwrap_err().message().contains("the transaction has failed"));
            first_batch(&mut session, "ROLLBACK").await.unwrap();
        }
        first_batch(&mut session, "SET statement_timeout = 0").await.unwrap();
        assert_eq!(first_batch(&mut session, "SELECT a FROM t").await.unwrap(), 0);
        assert!(first_batch(&mut session, "SELECT * FROM u").await.is_err());
    });
}

#[test]
fn a_stuck_reader_is_told_in_time() {
    // Nobody works on the rows but who reads them; all threads are busy with other statements.
    run(async |mut session| {
        let mut others: Vec<Session> = (0..6).map(|_| session.database().session()).collect();
        let mut busy = Vec::new();
        for other in &mut others {
            let StatementResult::Rows(rows) = other.execute(ENDLESS[0].1).await.unwrap() else { panic!("no rows") };
            busy.push(rows);
        }
        first_batch(&mut session, "SET statement_timeout = '200ms'").await.unwrap();
        let error = first_batch(&mut session, ENDLESS[1].1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{error:?}");
    });
}
