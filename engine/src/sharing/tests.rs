//! What is shared, what is not, and that the answers are the same.

use crate::catalog::testing::TestResult;
use crate::optimizer::tests::data::{answer, plan, run};
use crate::{Database, Options, Session};

async fn session(memory_limit: Option<usize>) -> TestResult<Session> {
    let database = Database::open("memory://", Options { threads: Some(3), memory_limit, ..Options::default() }).await?;
    let mut session = database.session();
    let table = "CREATE TABLE t AS SELECT value AS n, value % 97 AS k, value % 5 AS year, 'name ' || (value % 13) AS s FROM generate_series(1, 30000) AS r(value)";
    run(&mut session, table).await?;
    Ok(session)
}

/// How many parts are shared, how often each; and that the answer is the same without.
async fn shared(session: &mut Session, sql: &str) -> TestResult<Vec<usize>> {
    Box::pin(with_and_without(session, sql)).await
}

async fn with_and_without(session: &mut Session, sql: &str) -> TestResult<Vec<usize>> {
    let shown = plan(session, "physical_plan", sql).await?;
    let with = answer(session, sql).await?;
    run(session, "SET clouddb.optimizer.sharing = false").await?;
    assert!(!plan(session, "physical_plan", sql).await?.contains("SharedExec"));
    let without = answer(session, sql).await?;
    run(session, "SET clouddb.optimizer.sharing = true").await?;
    assert_eq!(with, without, "{sql}");
    let parts = (1..).map(|part| shown.matches(&format!("SharedExec: part={part}\n")).count());
    Ok(parts.take_while(|count| *count > 0).collect())
}

const MONTHLY: &str = "WITH monthly AS (SELECT k, year, sum(n) AS total FROM t GROUP BY k, year)";

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_stands_twice_runs_once() -> TestResult {
    let mut session = session(None).await?;
    let twice = format!(
        "{MONTHLY} SELECT a.k, a.total, b.total FROM monthly a JOIN monthly b ON a.k = b.k AND b.year = a.year + 1 WHERE b.total > a.total"
    );
    assert_eq!(shared(&mut session, &twice).await?, [2]);
    let thrice =
        format!("{MONTHLY} SELECT count(*) FROM (SELECT * FROM monthly UNION ALL SELECT * FROM monthly UNION ALL SELECT * FROM monthly)");
    assert_eq!(shared(&mut session, &thrice).await?, [3]);
    let greatest = format!("{MONTHLY} SELECT k, total FROM monthly WHERE total = (SELECT max(total) FROM monthly)");
    shared(&mut session, &greatest).await?;
    let ranks = "WITH r AS (SELECT k, n, row_number() OVER (PARTITION BY k ORDER BY n) AS place FROM t) SELECT sum(a.n - b.n) FROM r a JOIN r b ON a.k = b.k AND a.place = b.place + 1";
    assert_eq!(shared(&mut session, ranks).await?, [2]);
    // Copies that begin at once, each with several partitions: all rows are one run's.
    let many = "WITH g AS (SELECT n, count(*) AS c FROM t GROUP BY n) SELECT count(*), sum(c) FROM (SELECT * FROM g UNION ALL SELECT * FROM g UNION ALL SELECT * FROM g UNION ALL SELECT * FROM g)";
    for _ in 0..10 {
        assert_eq!(shared(&mut session, many).await?, [4]);
    }
    // Reading only one row of one of them ends well.
    let first = format!("{MONTHLY} SELECT * FROM monthly UNION ALL SELECT * FROM monthly ORDER BY k, year LIMIT 1");
    shared(&mut session, &first).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_same_is_not_shared() -> TestResult {
    let mut session = session(None).await?;
    let filters = format!("{MONTHLY} SELECT a.k FROM monthly a JOIN monthly b ON a.k = b.k WHERE a.year = 1 AND b.year = 2");
    assert_eq!(shared(&mut session, &filters).await?, [0; 0]);
    let random = "(SELECT k, max(random()) AS x FROM t GROUP BY k)";
    let apart = format!("SELECT count(a.x - b.x) FROM {random} a JOIN {random} b ON a.k = b.k");
    assert_eq!(shared(&mut session, &apart).await?, [0; 0]);
    // A query in WITH is one, whether sharing is on or not.
    let one = format!("WITH r AS {random} SELECT count(*) FILTER (WHERE a.x = b.x) FROM r a JOIN r b ON a.k = b.k");
    for sharing in ["false", "true"] {
        run(&mut session, &format!("SET clouddb.optimizer.sharing = {sharing}")).await?;
        assert!(answer(&mut session, &one).await?.iter().any(|row| row.contains("97")));
    }
    let names = "SELECT * FROM (SELECT k, sum(n) FROM t GROUP BY k) UNION ALL SELECT * FROM (SELECT year, sum(n) FROM t GROUP BY year)";
    assert_eq!(shared(&mut session, names).await?, [0; 0]);
    // As text, the two are the same: a long BLOB is cut off.
    let blobs = "SELECT count(*) FROM (SELECT k FROM t WHERE CAST(s AS BLOB) > CAST('name 1, and so on' AS BLOB) GROUP BY k
        UNION ALL SELECT k FROM t WHERE CAST(s AS BLOB) > CAST('name 1, and so z' AS BLOB) GROUP BY k)";
    assert_eq!(shared(&mut session, blobs).await?, [0; 0]);
    // What was written in between is another snapshot's, also within a transaction.
    run(&mut session, "BEGIN").await?;
    let groups = "SELECT count(*) FROM (SELECT k FROM t GROUP BY k UNION ALL SELECT k FROM t GROUP BY k)";
    let before = answer(&mut session, groups).await?;
    run(&mut session, "INSERT INTO t VALUES (0, 1000, 0, 'name')").await?;
    let after = answer(&mut session, groups).await?;
    run(&mut session, "ROLLBACK").await?;
    assert!(before.iter().any(|row| row.contains("194")) && after.iter().any(|row| row.contains("196")), "{before:?} {after:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_into_memory_is_kept_on_disk() -> TestResult {
    let mut session = session(Some(2 << 20)).await?;
    let sql = "WITH g AS (SELECT n, s, count(*) AS c FROM t GROUP BY n, s) SELECT count(*), sum(x) FROM (SELECT sum(c) AS x FROM g GROUP BY n % 10 UNION ALL SELECT sum(c + n) FROM g GROUP BY n % 10)";
    assert_eq!(shared(&mut session, sql).await?, [2]);
    let with = answer(&mut session, sql).await?;
    assert!(with.iter().any(|row| row.contains("20") && row.contains("450075000")), "{with:?}");
    let shown = format!("{:?}", run(&mut session, &format!("EXPLAIN (ANALYZE, FORMAT indent) {sql}")).await?);
    let files = |part: &str| {
        let line = part.split("\\n").next()?;
        line.split("spill_count=").nth(1)?.split(|c: char| !c.is_ascii_digit()).next()?.parse::<usize>().ok()
    };
    let files: usize = shown.split("SharedExec").skip(1).filter_map(files).sum();
    assert!(files > 0, "{shown}");
    Ok(())
}
