//! Groups before joins.

use super::data::{answer, database, plan, run};
use crate::Session;
use crate::catalog::testing::TestResult;

/// Sales of items in stores, with NULLs among the keys; items and stores that nobody sold, and sales of such as are not listed.
async fn star(session: &mut Session) -> TestResult {
    for sql in [
        "CREATE TABLE sales AS SELECT value AS n, CASE WHEN value % 17 = 0 THEN NULL ELSE value * 7919 % 1100 END AS item, value % 23 AS store,
            CASE WHEN value % 5 = 0 THEN NULL ELSE CAST(CAST(value % 1000 AS DOUBLE) / 4 AS DECIMAL(7,2)) END AS price, CAST(value % 90 AS INT) AS quantity,
            value * 7 % 31 AS a, value * 11 % 29 AS b, value * 13 % 37 AS c, value / 31 % 41 AS d, CAST(value % 8 AS DOUBLE) / 4 AS x, 't' || (value % 9) AS s,
            DATE '2020-01-01' + CAST(value % 400 AS INT) AS day FROM range(0, 300000) AS r(value)",
        "CREATE TABLE item AS SELECT value AS k, 'brand of some length ' || (value % 40) AS brand, 'class ' || (value % 7) AS class FROM range(0, 1000) AS r(value)",
        "CREATE TABLE store AS SELECT value AS k, 'state ' || (value % 4) AS state FROM range(3, 30) AS r(value)",
    ] {
        run(session, sql).await?;
    }
    Ok(())
}

/// Queries whose groups are made early.
const EARLY: &[&str] = &[
    "SELECT i.k, min(n), max(n), sum(x), avg(x), min(price), max(price), avg(price), min(s), min(day), count(x) FROM item i LEFT JOIN sales ON item = i.k AND store < 8 GROUP BY i.k",
    "SELECT class, min(n), max(quantity), sum(x), avg(x), avg(price), min(day), count(n), count(*) FROM sales JOIN item ON item = k + 5000 GROUP BY ROLLUP (class)",
    "SELECT i.k, sum(quantity), avg(price) FROM item i LEFT JOIN sales ON item = i.k GROUP BY i.k",
    "SELECT brand, sum(quantity), count(*), count(price), min(price), max(s), avg(quantity) FROM sales, item WHERE item = k GROUP BY brand",
    "SELECT brand, sum(price), sum(price * 2 - 1), avg(price), sum(price / 2) FROM sales JOIN item ON item = k GROUP BY brand ORDER BY 2 LIMIT 5",
    "SELECT brand, class, sum(quantity), grouping(brand) FROM sales, item WHERE item = k GROUP BY ROLLUP (class, brand)",
    "SELECT upper(brand), state, count(*) FROM sales, item i, store t WHERE item = i.k AND store = t.k GROUP BY upper(brand), state",
    "SELECT i.k, count(price), sum(price), min(quantity) FROM item i LEFT JOIN sales ON item = i.k GROUP BY i.k",
    "SELECT i.k, brand, count(n) FROM sales RIGHT JOIN item i ON item = i.k GROUP BY i.k, brand",
    "SELECT brand, count(*), sum(quantity) FROM sales LEFT JOIN item ON item = k GROUP BY brand",
    "SELECT brand, sum(quantity) FROM sales, item WHERE item = k AND store IN (SELECT k FROM store WHERE state = 'state 2') GROUP BY brand",
    "SELECT brand, sum(quantity) AS q FROM sales, item WHERE item = k GROUP BY brand HAVING sum(quantity) > 10 AND count(*) > 5",
    "SELECT brand, count(*) FROM sales, item WHERE item = k AND quantity > 60 GROUP BY brand",
    "SELECT b.brand, b.q, a.brand FROM (SELECT brand, sum(quantity) q FROM sales, item WHERE item = k GROUP BY brand) b, (SELECT brand, count(*) q FROM sales, item WHERE item = k GROUP BY brand) a WHERE a.brand = b.brand",
];

/// Queries whose groups are not: what is left out would count, or an argument may fail, or is none of one table alone.
const LATE: &[&str] = &[
    "SELECT i.k, count(*) FROM item i LEFT JOIN sales ON item = i.k GROUP BY i.k",
    "SELECT i.k, sum(CASE WHEN price IS NULL THEN 1 ELSE 2 END) FROM item i LEFT JOIN sales ON item = i.k GROUP BY i.k",
    "SELECT brand, sum(n + 1) FROM sales, item WHERE item = k GROUP BY brand",
    "SELECT brand, sum(quantity / (i.k + 1)) FROM sales, item i WHERE item = i.k GROUP BY brand",
    "SELECT brand, count(DISTINCT quantity) FROM sales, item WHERE item = k GROUP BY brand",
    "SELECT brand, 1 / x AS y, count(*) FROM sales, item WHERE item = k GROUP BY brand, 1 / x",
    "SELECT count(*), max(c) FROM (SELECT uuid() AS u, count(*) AS c FROM sales, item WHERE item = k GROUP BY u)",
    "SELECT a, b, count(*) FROM (SELECT store AS a, store AS b FROM sales JOIN item ON item = k) GROUP BY a, b",
    "SELECT a, b, count(*) FROM (SELECT store AS a, store AS b FROM sales JOIN item ON item = k) GROUP BY ROLLUP (a, b)",
    "SELECT n, brand, sum(quantity) FROM sales, item WHERE item = k GROUP BY n, brand",
];

async fn both(session: &mut Session, sql: &str) -> TestResult {
    let early = answer(session, sql).await?;
    run(session, "SET clouddb.optimizer.early_groups = false").await?;
    let late = answer(session, sql).await?;
    run(session, "RESET clouddb.optimizer.early_groups").await?;
    assert_eq!(early, late, "{sql}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_those_of_groups_behind_joins() -> TestResult {
    let mut session = database().await?.session();
    star(&mut session).await?;
    for (queries, expected) in [(EARLY, true), (LATE, false)] {
        for sql in queries {
            let shown = plan(&mut session, "physical_plan", sql).await?;
            assert_eq!(shown.contains("EarlyGroupExec"), expected, "{sql}\n{shown}");
            both(&mut session, sql).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_share_no_groups_are_handed_on() -> TestResult {
    let mut session = database().await?.session();
    star(&mut session).await?;
    run(&mut session, "SET datafusion.execution.target_partitions = 1").await?;
    // So many columns are taken to depend on each other, which they do not.
    let sql = "SELECT a, b, c, d, state, sum(quantity), count(price), avg(price), min(s) FROM sales, store t WHERE store = t.k GROUP BY a, b, c, d, state";
    let shown = format!("{:?}", run(&mut session, &format!("EXPLAIN (ANALYZE, FORMAT indent) {sql}")).await?);
    let handed_on = shown.split("ungrouped_rows=").nth(1).is_some_and(|rest| !rest.starts_with('0'));
    assert!(handed_on, "{shown}");
    both(&mut session, sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_a_join_drops_cannot_fail() -> TestResult {
    let mut session = database().await?.session();
    star(&mut session).await?;
    run(&mut session, "INSERT INTO sales (n, item, price, quantity) VALUES (1, 5000, 1.00, 1), (2, 5001, 99999.99, 0)").await?;
    run(&mut session, "CREATE TABLE large AS SELECT item, CAST(quantity AS DECIMAL(38,0)) AS d FROM sales").await?;
    run(
        &mut session,
        "INSERT INTO large SELECT 6000, CAST('90000000000000000000000000000000000000' AS DECIMAL(38,0)) FROM range(0, 3) AS r(value)",
    )
    .await?;
    for sql in [
        "SELECT brand, sum(d) FROM large, item WHERE item = k GROUP BY brand",
        "SELECT brand, sum(100 / quantity) FROM sales, item WHERE item = k AND n = 7919 GROUP BY brand",
        "SELECT brand, sum(CAST(price AS DECIMAL(5,2))) FROM sales, item WHERE item = k GROUP BY brand",
        "SELECT brand, max(CAST(s AS BIGINT)) FROM (SELECT item, substr(s, 2) AS s FROM sales) s, item WHERE item = k GROUP BY brand",
    ] {
        both(&mut session, sql).await?;
    }
    Ok(())
}
