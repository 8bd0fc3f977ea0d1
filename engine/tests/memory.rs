//! Limits on memory: what can spill finishes, what cannot ends with one kind of error, and the database goes on.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use arrow::array::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use clouddb_engine::{Database, Error, ErrorKind, Options, Session, StatementResult};

async fn rows(session: &mut Session, sql: &str) -> Result<String, Error> {
    let StatementResult::Rows(rows) = session.execute(sql).await? else { return Ok(String::new()) };
    let batches: Vec<RecordBatch> = rows.collect().await?;
    Ok(pretty_format_batches(&batches).unwrap().to_string())
}

async fn session(options: Options) -> Session {
    Database::open("memory://", Options { threads: Some(2), ..options }).await.unwrap().session()
}

const JOIN: &str = "SELECT count(*), sum(a.v), max(b.t) FROM \
    (SELECT range AS k, range * 3 AS v FROM range(0, 400000)) AS a JOIN \
    (SELECT range AS k, 'text number ' || range AS t FROM range(0, 600000)) AS b ON a.k = b.k";

const SPILLING: [&str; 5] = [
    JOIN,
    "SELECT count(*), max(t), min(r) FROM (SELECT t, row_number() OVER (ORDER BY t DESC) AS r FROM (SELECT 'text number ' || range AS t FROM range(0, 400000)))",
    "SELECT count(*), sum(c) FROM (SELECT 'text number ' || (range % 300000) AS t, count(*) AS c FROM range(0, 600000) GROUP BY 1)",
    "SELECT count(*) FROM (SELECT range AS k FROM range(0, 600000)) a WHERE NOT EXISTS (SELECT 1 FROM range(300000, 1200000) b WHERE b.range = a.k)",
    "SELECT count(*), count(b.k) FROM (SELECT range AS k FROM range(0, 600000)) a FULL JOIN (SELECT range AS k FROM range(300000, 1200000)) b ON a.k = b.k",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_spills_finishes_with_the_same_answer() {
    let mut unlimited = session(Options::default()).await;
    let mut limited = session(Options { memory_limit: Some(24 << 20), ..Options::default() }).await;
    let mut by_setting = session(Options::default()).await;
    rows(&mut by_setting, "SET query_memory_limit = '24MiB'").await.unwrap();
    for query in SPILLING {
        let expected = rows(&mut unlimited, query).await.unwrap();
        assert_eq!(rows(&mut limited, query).await.unwrap(), expected, "{query}");
        assert_eq!(rows(&mut by_setting, query).await.unwrap(), expected, "{query}");
        for session in [&mut unlimited, &mut limited] {
            rows(session, &format!("CREATE OR REPLACE TABLE t AS {}", query.replacen("SELECT count(*)", "SELECT count(*) AS n", 1)))
                .await
                .unwrap();
        }
        assert_eq!(rows(&mut limited, "SELECT * FROM t").await.unwrap(), rows(&mut unlimited, "SELECT * FROM t").await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_spill_fails_and_the_rest_goes_on() {
    let mut session = session(Options { query_memory_limit: Some(4 << 20), ..Options::default() }).await;
    let all = "SELECT array_length(array_agg('text number ' || range)) FROM range(0, 2000000)";
    let error = rows(&mut session, all).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error:?}");
    let message = error.message();
    let (operator, rest) = message.strip_prefix("not enough memory for ").unwrap().split_once(", which").unwrap();
    assert_eq!(operator, "an aggregation", "{message}");
    assert!(rest.ends_with("query_memory_limit is 4MiB"), "{message}");
    assert!(error.hint().unwrap().contains("SET query_memory_limit"), "{error:?}");
    assert!(rows(&mut session, "SELECT 44").await.unwrap().contains("44"));
    rows(&mut session, "SET query_memory_limit = 0").await.unwrap();
    assert!(rows(&mut session, all).await.unwrap().contains("2000000"));
    rows(&mut session, "SET memory_limit = '4MiB'").await.unwrap();
    let message = rows(&mut session, all).await.unwrap_err().message().to_owned();
    assert!(message.contains(" memory_limit is 4MiB"), "{message}");
    // It is the process's: other sessions have it, too, until it is as it was.
    let mut other = session.database().session();
    rows(&mut other, all).await.unwrap_err();
    rows(&mut other, "RESET memory_limit").await.unwrap();
    assert!(rows(&mut session, all).await.unwrap().contains("2000000"));
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_that_nobody_accounts_for_is_seen() {
    // A window over everything holds all rows, 3 GB here, and reserves nothing for them.
    let mut session = session(Options { memory_limit: Some(64 << 20), cache_bytes: 0, ..Options::default() }).await;
    let query = "SELECT count(m) FROM (SELECT max(t) OVER () AS m, t FROM (SELECT repeat('x', 1000) || range AS t FROM range(0, 3000000)))";
    let error = rows(&mut session, query).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error:?}");
    assert!(error.hint().unwrap().contains("SET memory_limit"), "{error:?}");
}
