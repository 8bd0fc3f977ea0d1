//! What is kept is used where it is right, and nowhere else.

use crate::catalog::testing::TestResult;
use crate::optimizer::tests::data::{answer, run};
use crate::{Database, Options, Session};

async fn database(result_cache_bytes: u64) -> TestResult<Database> {
    let database = Database::open("memory://", Options { threads: Some(2), result_cache_bytes, ..Options::default() }).await?;
    let mut session = database.session();
    run(&mut session, "CREATE TABLE t AS SELECT value AS n, value % 97 AS k FROM generate_series(1, 30000) AS r(value)").await?;
    Ok(database)
}

/// Hits of a kind so far.
fn hits(database: &Database, kind: &str) -> u64 {
    match kind {
        "plans" => database.reuse().plans.counts().hits,
        _ => database.reuse().results.counts().hits,
    }
}

/// The one value of an answer.
async fn number(session: &mut Session, sql: &str) -> TestResult<String> {
    let rows = answer(session, sql).await?;
    Ok(rows.last().map(|row| row.trim_matches(['|', ' ']).to_owned()).unwrap_or_default())
}

/// How a query went.
async fn analyzed(session: &mut Session, sql: &str) -> TestResult<String> {
    Ok(format!("{:?}", run(session, &format!("EXPLAIN (ANALYZE, FORMAT indent) {sql}")).await?))
}

const QUERY: &str = "SELECT k, count(*) AS c, sum(n) AS s FROM t WHERE n > 5 GROUP BY k ORDER BY k";

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_used_from_the_third_time_on_until_something_is_committed() -> TestResult {
    let database = database(0).await?;
    let mut session = database.session();
    let first = answer(&mut session, QUERY).await?;
    for hits_before in [0, 0, 1, 2] {
        assert_eq!(hits(&database, "plans"), hits_before);
        assert_eq!(answer(&mut session, QUERY).await?, first);
    }
    // Another session of the database has it, too.
    assert_eq!(answer(&mut database.session(), QUERY).await?, first);
    assert_eq!(hits(&database, "plans"), 4);
    run(&mut session, "INSERT INTO t VALUES (1000000, 3)").await?;
    let second = answer(&mut session, QUERY).await?;
    assert_ne!(first, second);
    assert_eq!(hits(&database, "plans"), 4);
    assert_eq!(hits(&database, "results"), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_those_of_the_plan_the_snapshot_and_the_settings() -> TestResult {
    let database = database(1 << 20).await?;
    let mut session = database.session();
    let first = answer(&mut session, QUERY).await?;
    assert_eq!(answer(&mut session, QUERY).await?, first);
    assert_eq!(hits(&database, "results"), 1);
    // Another text, the same plan.
    let otherwise = "select k, count(*) as c, sum(n) as s from main.t where 5 < n group by k order by k";
    assert_eq!(answer(&mut session, otherwise).await?.len(), first.len());
    let told = analyzed(&mut session, QUERY).await?;
    assert!(told.contains("ResultCacheExec: hit"), "{told}");
    let before = hits(&database, "results");
    run(&mut session, "SET use_cached_result = false").await?;
    assert_eq!(answer(&mut session, QUERY).await?, first);
    assert_eq!(hits(&database, "results"), before);
    run(&mut session, "RESET use_cached_result").await?;
    run(&mut session, "INSERT INTO t VALUES (1000000, 3)").await?;
    assert_ne!(answer(&mut session, QUERY).await?, first);
    let told = analyzed(&mut session, "SELECT max(n) + 1 FROM t WHERE k = 3").await?;
    assert!(told.contains("ResultCacheExec: miss"), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_change_is_not_kept() -> TestResult {
    let database = database(1 << 20).await?;
    let mut session = database.session();
    run(&mut session, "CREATE VIEW later AS SELECT n, random() AS r FROM t").await?;
    for query in [
        "SELECT sum(n + random()) FROM t",
        "SELECT max(r) FROM later",
        "SELECT max(now()) FROM t",
        "SELECT count(*) FROM t WHERE n < (SELECT random() * 1000)",
        "SELECT count(*) FROM t WHERE EXISTS (SELECT 1 FROM t AS u WHERE u.n + random() > t.n)",
        "SELECT * FROM system.cache",
        "SELECT count(*) FROM information_schema.tables",
        "SELECT count(*) FROM t AT (VERSION => 1)",
        "SELECT uuid() FROM t LIMIT 1",
    ] {
        for _ in 0..4 {
            answer(&mut session, query).await?;
        }
        assert_eq!((hits(&database, "plans"), hits(&database, "results")), (0, 0), "{query}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_shown_as_they_are() -> TestResult {
    let database = database(1 << 20).await?;
    let mut session = database.session();
    for seconds in ["10s", "20s", "30s", "40s"] {
        run(&mut session, &format!("SET statement_timeout = '{seconds}'")).await?;
        assert!(answer(&mut session, "SHOW statement_timeout").await?.concat().contains(seconds), "{seconds}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_sees_its_own_rows() -> TestResult {
    let database = database(1 << 20).await?;
    let mut session = database.session();
    let count = "SELECT count(*) FROM t WHERE k >= 0 AND n + 1 > 0";
    for _ in 0..4 {
        assert_eq!(number(&mut session, count).await?, "30000");
    }
    run(&mut session, "BEGIN").await?;
    run(&mut session, "INSERT INTO t VALUES (1000000, 3)").await?;
    for _ in 0..4 {
        assert_eq!(number(&mut session, count).await?, "30001");
    }
    run(&mut session, "ROLLBACK").await?;
    assert_eq!(number(&mut session, count).await?, "30000");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn names_mean_what_the_schema_says() -> TestResult {
    let database = database(1 << 20).await?;
    let mut session = database.session();
    run(&mut session, "CREATE SCHEMA other").await?;
    run(&mut session, "CREATE TABLE other.t AS SELECT 1 AS n, 1 AS k").await?;
    let count = "SELECT count(*) FROM t WHERE k + 1 > 0";
    for _ in 0..4 {
        assert_eq!(number(&mut session, count).await?, "30000");
    }
    run(&mut session, "USE other").await?;
    for _ in 0..4 {
        assert_eq!(number(&mut session, count).await?, "1");
    }
    run(&mut session, "RESET schema").await?;
    assert_eq!(number(&mut session, count).await?, "30000");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_result_is_not_kept_and_a_part_of_one_neither() -> TestResult {
    let database = database(1 << 20).await?;
    let mut session = database.session();
    for _ in 0..2 {
        answer(&mut session, "SELECT * FROM t").await?;
        let crate::StatementResult::Rows(mut rows) = session.execute("SELECT n + 1 FROM t WHERE n < 20000").await? else {
            return Err("no rows".into());
        };
        futures::StreamExt::next(&mut rows).await.ok_or("no batch")??;
    }
    assert_eq!(hits(&database, "results"), 0);
    Ok(())
}
