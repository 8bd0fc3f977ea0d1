//! Scans that know the keys of the other side against those that look into the join's table.

use std::sync::Arc;

use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation, UnboundedMemoryPool};

use super::JoinKeys;
use crate::catalog::testing::TestResult;
use crate::optimizer::tests::data::{answer, plan, run};
use crate::{Database, Options, Session};

fn reservation() -> MemoryReservation {
    let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
    MemoryConsumer::new("test").register(&pool)
}

#[test]
fn keys_are_known_when_all_partitions_are_through() {
    let keys = JoinKeys::new(1, 3, 2);
    assert!(keys.begin(0) && keys.begin(1));
    keys.add(vec![Some(vec![3, 5]), None, Some(vec![1])], reservation());
    assert!(keys.set(0).is_none());
    keys.add(vec![Some(vec![7]), Some(vec![1]), Some(Vec::new())], reservation());
    let set = keys.set(0).unwrap();
    assert_eq!([3, 4, 5, 7].map(|key| set.contains(key)), [true, false, true, true]);
    assert!(keys.set(1).is_none() && keys.set(2).is_some() && keys.set(3).is_none());
}

#[test]
fn nothing_is_known_once_a_plan_is_run_again() {
    let keys = JoinKeys::new(1, 1, 1);
    assert!(keys.begin(0));
    keys.add(vec![Some(vec![3])], reservation());
    assert!(keys.set(0).is_some());
    assert!(!keys.begin(0));
    assert!(keys.set(0).is_none());
    // Nor by what is still under way.
    keys.add(vec![Some(vec![4])], reservation());
    assert!(keys.set(0).is_none());
}

/// A table to look up, and smaller ones to build: keys of several types, dense and far apart, negative, missing, several times.
const TABLES: &[&str] = &[
    "CREATE TABLE big AS SELECT value AS n, value % 1009 AS few, CAST(value % 5003 AS SMALLINT) AS small, value * 1000003 - 7 AS spread,
        CASE WHEN value % 13 = 0 THEN NULL ELSE value % 4001 - 2000 END AS maybe, DATE '2000-01-01' + CAST(value % 3000 AS INT) AS day,
        CAST(value % 2503 AS DECIMAL(12,2)) / 4 AS price, 'k' || (value % 701) AS name, CAST(value % 907 AS DOUBLE) AS x
        FROM generate_series(1, 300000) AS r(value)",
    "CREATE TABLE built AS SELECT value AS n, value % 97 AS few, CAST(value * 11 AS SMALLINT) AS small, value * 3000009 - 7 AS spread,
        CASE WHEN value % 5 = 0 THEN NULL ELSE value - 500 END AS maybe, DATE '2001-01-01' + CAST(value % 50 AS INT) AS day,
        CAST(value AS DECIMAL(12,2)) / 4 AS price, 'k' || (value * 3) AS name, CAST(value AS DOUBLE) AS x
        FROM generate_series(1, 400) AS r(value)",
    "CREATE TABLE nothing AS SELECT * FROM built WHERE n < 0",
];

const QUERIES: &[&str] = &[
    "SELECT count(*), sum(big.n), sum(b.n) FROM built b JOIN big ON b.n = big.n",
    "SELECT count(*), sum(big.n) FROM built b JOIN big ON b.few = big.few WHERE b.n % 3 = 0",
    "SELECT count(*), sum(big.n) FROM built b JOIN big ON b.small = big.small",
    "SELECT count(*), sum(big.n) FROM built b JOIN big ON b.small = big.few",
    "SELECT count(*), sum(big.n) FROM built b JOIN big ON b.spread = big.spread",
    "SELECT count(*), sum(big.n) FROM built b JOIN big ON b.maybe = big.maybe",
    "SELECT count(*), sum(big.n) FROM built b JOIN big ON b.maybe IS NOT DISTINCT FROM big.maybe WHERE b.n < 60",
    "SELECT count(*), sum(big.n) FROM built b JOIN big ON b.day = big.day AND b.few = big.few",
    "SELECT count(*), sum(big.n) FROM built b JOIN big ON b.price = big.price AND b.name = big.name",
    "SELECT count(*), sum(big.n) FROM built b JOIN big ON b.x = big.x",
    "SELECT count(*), sum(big.n) FROM built b JOIN big ON b.n = big.n + 5",
    "SELECT count(*), sum(big.n) FROM built b JOIN big ON b.n + 5 = big.n AND big.x < b.x",
    "SELECT count(*), count(big.n), sum(big.n) FROM built b LEFT JOIN big ON b.small = big.small AND big.n < 1000",
    "SELECT count(*), count(b.n), sum(big.n) FROM built b RIGHT JOIN big ON b.small = big.small",
    "SELECT count(*), count(b.n), count(big.n) FROM built b FULL JOIN big ON b.spread = big.spread",
    "SELECT count(*), sum(n) FROM big WHERE few IN (SELECT few FROM built WHERE n < 10)",
    "SELECT count(*), sum(n) FROM big WHERE maybe NOT IN (SELECT maybe FROM built)",
    "SELECT count(*), sum(n) FROM big WHERE maybe NOT IN (SELECT maybe FROM built WHERE maybe IS NOT NULL)",
    "SELECT count(*), sum(n) FROM built WHERE maybe NOT IN (SELECT maybe FROM big)",
    "SELECT count(*), sum(n) FROM built b WHERE EXISTS (SELECT 1 FROM big WHERE big.maybe = b.maybe AND big.n > 299000)",
    "SELECT count(*), sum(n) FROM built b WHERE NOT EXISTS (SELECT 1 FROM big WHERE big.maybe = b.maybe AND big.n > 299000)",
    "SELECT count(*), sum(n) FROM built b WHERE n < 5 OR EXISTS (SELECT 1 FROM big WHERE big.spread = b.spread)",
    "SELECT count(*), sum(big.n) FROM nothing b JOIN big ON b.n = big.n",
    "SELECT count(*), sum(big.n) FROM (SELECT maybe AS m FROM built WHERE maybe IS NULL) b JOIN big ON b.m = big.maybe",
    "SELECT b.few, sum(big.n) FROM built b JOIN big ON b.n = big.n JOIN built c ON c.spread = big.spread GROUP BY b.few ORDER BY 1",
    "SELECT g.few, g.c, b.n FROM (SELECT few, count(*) AS c FROM big GROUP BY few) g JOIN built b ON b.n = g.few WHERE b.n < 20 ORDER BY 1, 3",
    "SELECT a.few, a.c, b.c FROM (SELECT few, count(*) AS c FROM big GROUP BY few) a JOIN (SELECT few, count(*) AS c FROM big WHERE few IN (SELECT n FROM built) GROUP BY few) b ON a.few = b.few ORDER BY 1",
    "WITH RECURSIVE r(n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT big.few FROM r JOIN big ON big.n = r.n * 3 WHERE r.n < 500) SELECT count(*), sum(n) FROM r",
    "SELECT count(*) FROM (SELECT big.n FROM built b JOIN big ON b.few = big.few ORDER BY big.n DESC LIMIT 7)",
];

async fn session(memory_limit: Option<usize>) -> TestResult<Session> {
    let database = Database::open("memory://", Options { threads: Some(3), memory_limit, ..Options::default() }).await?;
    let mut session = database.session();
    for sql in TABLES {
        run(&mut session, sql).await?;
    }
    Ok(session)
}

async fn both(session: &mut Session, sql: &str) -> TestResult {
    let with = answer(session, sql).await?;
    run(session, "SET clouddb.optimizer.key_sets = false").await?;
    let without = answer(session, sql).await?;
    run(session, "SET clouddb.optimizer.key_sets = true").await?;
    assert_eq!(with, without, "{sql}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_have_the_answers_that_they_have_without() -> TestResult {
    let mut session = session(None).await?;
    let shown = plan(&mut session, "physical_plan", QUERIES[0]).await?;
    assert!(shown.contains("KeySetExec: keys=[n@0]"), "{shown}");
    let shown = plan(&mut session, "physical_plan", QUERIES[6]).await?;
    assert!(!shown.contains("KeySetExec"), "NULL equals NULL there: {shown}");
    for sql in QUERIES {
        both(&mut session, sql).await?;
    }
    // Both sides in several partitions.
    run(&mut session, "SET datafusion.optimizer.hash_join_single_partition_threshold = 0").await?;
    run(&mut session, "SET datafusion.optimizer.hash_join_single_partition_threshold_rows = 0").await?;
    let shown = plan(&mut session, "physical_plan", QUERIES[0]).await?;
    assert!(shown.contains("mode=Partitioned") && shown.contains("KeySetExec"), "{shown}");
    for sql in QUERIES {
        both(&mut session, sql).await?;
    }
    Ok(())
}

/// A filter on a key of a semi join is one on its partner, whatever else the other side calls by the key's name.
#[tokio::test(flavor = "multi_thread")]
async fn filters_of_semi_joins_find_the_keys_partner() -> TestResult {
    let mut session = session(None).await?;
    run(&mut session, "CREATE TABLE edges AS SELECT value src, value + 1 dst FROM generate_series(1, 100000) AS r(value) UNION ALL SELECT value + 1, value FROM generate_series(1, 100000) AS r(value)").await?;
    run(&mut session, "CREATE TABLE node AS SELECT 1000 AS id").await?;
    let reciprocal = "EXISTS (SELECT 1 FROM edges r WHERE r.src = e.dst AND r.dst = e.src)";
    for sql in [
        format!("SELECT count(*) FROM node JOIN (SELECT * FROM edges e WHERE {reciprocal}) e ON e.dst = CAST(node.id AS BIGINT)"),
        format!("SELECT count(*) FROM (SELECT * FROM edges e WHERE {reciprocal}) e JOIN node ON e.src = CAST(node.id AS BIGINT)"),
        format!("SELECT count(*) FROM edges e WHERE {reciprocal} AND e.dst IN (SELECT CAST(id AS BIGINT) FROM node)"),
    ] {
        for order in [true, false] {
            run(&mut session, &format!("SET clouddb.optimizer.join_order = {order}")).await?;
            assert_eq!(answer(&mut session, &sql).await?, ["| count(*) |", "| 2 |"], "{sql}");
        }
    }
    Ok(())
}

/// Zero has two signs and is one key.
#[tokio::test(flavor = "multi_thread")]
async fn zeros_of_both_signs_meet() -> TestResult {
    let mut session = session(None).await?;
    run(
        &mut session,
        "CREATE TABLE p AS SELECT -CAST(value AS DOUBLE) AS u, CAST(value AS DOUBLE) AS v, value AS id FROM generate_series(0, 49999) AS r(value)",
    )
    .await?;
    run(&mut session, "CREATE TABLE z AS SELECT 0.0::DOUBLE AS x, -CAST(0 AS DOUBLE) AS y").await?;
    for sql in [
        "SELECT count(*) FROM p JOIN z ON p.u = z.x",
        "SELECT count(*) FROM p JOIN z ON p.v = z.y",
        "SELECT count(*) FROM p WHERE u IN (SELECT x FROM z)",
        "SELECT count(*) FROM p WHERE v IN (SELECT y FROM z)",
        "SELECT count(p.u) FROM z LEFT JOIN p ON p.u = z.x",
        "SELECT count(*) FROM z JOIN (SELECT u, count(*) FROM p GROUP BY u) g ON g.u = z.x",
    ] {
        assert_eq!(answer(&mut session, sql).await?[1], "| 1 |", "{sql}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn scans_leave_out_rows_without_a_partner() -> TestResult {
    let mut session = session(None).await?;
    // Within the keys' bounds, and most of them none: bounds leave out nothing.
    let sql = "SELECT count(*) FROM (SELECT n * 700 AS n FROM built) b JOIN big ON b.n = big.n";
    let rows = format!("{:?}", run(&mut session, &format!("EXPLAIN (ANALYZE, FORMAT indent) {sql}")).await?);
    let scan = rows.split("table=big").nth(1).unwrap_or_default();
    assert!(scan.contains("output_rows=400,") || scan.contains("output_rows=400 "), "{scan}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_for_the_keys_a_join_does_without() -> TestResult {
    let mut session = session(Some(8 << 20)).await?;
    let sql = "SELECT count(*), sum(b.n), sum(big.n) FROM (SELECT spread, n FROM big WHERE n % 3 = 0) b JOIN big ON b.spread = big.spread";
    let mut unlimited = self::session(None).await?;
    assert_eq!(answer(&mut session, sql).await?, answer(&mut unlimited, sql).await?);
    Ok(())
}
