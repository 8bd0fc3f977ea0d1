//! The operator against DataFusion's, on whole queries.

use crate::catalog::testing::TestResult;
use crate::optimizer::tests::data::{answer, plan, run};
use crate::{Database, Options, Session};

/// Rows whose keys are few, dense, spread out, short and long texts, with NULLs among them; and numbers of several types.
const TABLE: &str = "CREATE TABLE t AS SELECT value AS n, value % 7 AS few, value * 7919 % 50021 AS dense, value * 1000003 * 999983 AS spread,
    CASE WHEN value % 11 = 0 THEN NULL ELSE 'k' || (value % 23) END AS short, 'a text of more than twelve bytes ' || (value % 1009) AS long,
    CASE WHEN value % 5 = 0 THEN NULL ELSE CAST(value % 1000 AS DECIMAL(12,2)) / 4 END AS price, DATE '2020-01-01' + CAST(value % 400 AS INT) AS day,
    value % 3 = 0 AS flag, CAST(value AS DOUBLE) / 8 AS x FROM generate_series(1, 120000) AS r(value)";

const QUERIES: &[&str] = &[
    "SELECT few, count(*), sum(n), avg(price), min(day), max(short) FROM t GROUP BY few",
    "SELECT dense, count(price), sum(price), min(x) FROM t GROUP BY dense",
    "SELECT spread, count(*), max(n) FROM t GROUP BY spread HAVING count(*) >= 1",
    "SELECT short, few, count(*), sum(price) FROM t GROUP BY short, few",
    "SELECT short, long, day, sum(n) FROM t GROUP BY short, long, day",
    "SELECT long, count(*) FILTER (WHERE flag), sum(n) FILTER (WHERE few = 3) FROM t GROUP BY long",
    "SELECT flag, x > 100, avg(x), round(stddev(x), 3) FROM t GROUP BY flag, x > 100",
    "SELECT few, count(DISTINCT dense), count(DISTINCT short) FROM t GROUP BY few",
    "SELECT DISTINCT short, flag FROM t",
    "SELECT few, short, grouping(few), sum(n) FROM t GROUP BY ROLLUP (few, short)",
    "SELECT few, flag, short, count(*) FROM t GROUP BY GROUPING SETS ((few, flag), (short), ())",
    "SELECT few, short, count(*), sum(n) FROM t WHERE n < 0 GROUP BY ROLLUP (few, short)",
    "SELECT few, short, flag, count(*), avg(price), min(day), max(long), count(DISTINCT dense), sum(n) FILTER (WHERE flag) FROM t GROUP BY CUBE (few, short, flag)",
    "SELECT flag, few, n, grouping(flag, few, n), sum(price) FROM t GROUP BY ROLLUP (flag, few, n)",
    "SELECT a.n % 2, dense, count(*), sum(a.n) FROM t a JOIN (SELECT 1 AS one FROM generate_series(1, 3) AS r(value)) ON true GROUP BY GROUPING SETS ((a.n % 2, dense), (dense), (dense), ())",
    "SELECT few, count(*) FROM t WHERE n < 0 GROUP BY few",
    "SELECT a.dense, a.c, b.s FROM (SELECT dense, count(*) AS c FROM t GROUP BY dense) a JOIN (SELECT dense, sum(n) AS s FROM t GROUP BY dense) b ON a.dense = b.dense",
    "SELECT few, rank() OVER (ORDER BY sum(n)) FROM t GROUP BY few",
    "SELECT count(*), sum(c) FROM (SELECT spread, count(*) AS c FROM t GROUP BY spread)",
    "SELECT few + 1, 'k', count(*) FROM t GROUP BY few + 1",
    "SELECT price, count(*) FROM t GROUP BY price ORDER BY price NULLS FIRST LIMIT 5",
    "SELECT dense FROM t GROUP BY dense ORDER BY dense DESC LIMIT 3",
    "SELECT o.few, (SELECT count(*) FROM t i WHERE i.few = o.few AND i.n < 50) FROM (SELECT DISTINCT few FROM t) o",
];

async fn session(memory_limit: Option<usize>) -> TestResult<Session> {
    let database = Database::open("memory://", Options { threads: Some(3), memory_limit, ..Options::default() }).await?;
    let mut session = database.session();
    run(&mut session, TABLE).await?;
    Ok(session)
}

async fn both(session: &mut Session, sql: &str) -> TestResult {
    let ours = answer(session, sql).await?;
    run(session, "SET clouddb.optimizer.grouping = false").await?;
    let theirs = answer(session, sql).await?;
    run(session, "SET clouddb.optimizer.grouping = true").await?;
    assert_eq!(ours, theirs, "{sql}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_have_the_answers_that_datafusions_operator_gives() -> TestResult {
    let mut session = session(None).await?;
    let shown = plan(&mut session, "physical_plan", QUERIES[0]).await?;
    assert!(shown.contains("GroupExec") && !shown.contains("AggregateExec"), "{shown}");
    for sql in QUERIES {
        both(&mut session, sql).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_that_do_not_fit_into_memory_go_through_the_disk() -> TestResult {
    let mut session = session(Some(12 << 20)).await?;
    let sql = "SELECT count(*), sum(c), sum(s), count(DISTINCT p) FROM (SELECT spread, long, count(*) AS c, sum(n) AS s, avg(price) AS p FROM t GROUP BY spread, long)";
    let shown = format!("{:?}", run(&mut session, &format!("EXPLAIN (ANALYZE, FORMAT indent) {sql}")).await?);
    let spilled = shown.split("GroupExec").any(|part| {
        let files = part.split("spill_count=").nth(1).and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
        files.is_some_and(|files| files != "0")
    });
    assert!(spilled, "{shown}");
    let rollup = "SELECT count(*), sum(c), sum(s), count(DISTINCT p) FROM (SELECT spread, long, count(*) AS c, sum(n) AS s, avg(price) AS p FROM t GROUP BY ROLLUP (long, spread))";
    assert_eq!(answer(&mut session, rollup).await?, answer(&mut self::session(None).await?, rollup).await?);
    // DataFusion's operator cannot do it with so little.
    let mut unlimited = self::session(None).await?;
    assert_eq!(answer(&mut session, sql).await?, answer(&mut unlimited, sql).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_one_partition_is_the_answer_of_all() -> TestResult {
    let mut session = session(None).await?;
    let error = answer(&mut session, "SELECT dense, sum(9223372036854775807 + n) FROM t GROUP BY dense").await.unwrap_err().to_string();
    assert!(error.contains("out of the range of BIGINT"), "{error}");
    // And the session goes on.
    assert_eq!(answer(&mut session, "SELECT count(*) FROM (SELECT few FROM t GROUP BY few)").await?.len(), 2);
    Ok(())
}

/// Sums of few groups are added up in several lanes, and in one where a lane alone does not fit.
#[tokio::test(flavor = "multi_thread")]
async fn sums_fit_if_they_fit_one_behind_the_other() -> TestResult {
    let mut session = session(None).await?;
    let large = "9".to_owned() + &"0".repeat(37);
    let signed = format!("CASE WHEN value % 2 = 0 THEN CAST({large} AS DECIMAL(38,0)) ELSE CAST(-{large} AS DECIMAL(38,0)) END");
    let sql = format!("SELECT g, sum(d), count(*) FROM (SELECT 1 AS g, {signed} AS d FROM generate_series(1, 8) AS r(value)) GROUP BY g");
    assert_eq!(answer(&mut session, &sql).await?, ["| g | sum(d) | count(*) |", "| 1 | 0 | 8 |"]);
    let sql = "SELECT few % 3, sum(price), sum(n), sum(few), min(n) FROM t GROUP BY few % 3";
    both(&mut session, sql).await
}
