//! The order of joins.

use super::data::{answer, database, numbered, plan, random_table, run, tables};
use crate::Session;
use crate::catalog::testing::{Numbers, TestResult};

/// A fact with 60,000 rows, a dimension with 6,000, one with 600, one with 60, each with the next one's key in `f`.
async fn chain(session: &mut Session) -> TestResult {
    numbered(session, "fact", 60_000, 6_000).await?;
    numbered(session, "large", 6_000, 600).await?;
    numbered(session, "middle", 600, 60).await?;
    numbered(session, "small", 60, 6).await
}

async fn logical(session: &mut Session, sql: &str) -> TestResult<String> {
    plan(session, "logical_plan", sql).await
}

#[tokio::test]
async fn the_order_does_not_depend_on_how_a_query_is_written() -> TestResult {
    let mut session = database().await?.session();
    chain(&mut session).await?;
    let condition = "fact.f = large.k AND large.f = middle.k AND middle.f = small.k AND small.s = 's3'";
    for from in ["fact, large, middle, small", "small, middle, large, fact", "large, fact, small, middle", "middle, small, fact, large"] {
        let sql = format!("SELECT count(*) FROM {from} WHERE {condition}");
        let plan = logical(&mut session, &sql).await?;
        // The filtered dimensions are built, smallest first; the fact is read last.
        assert_eq!(tables(&plan), ["small", "middle", "large", "fact"], "{plan}");
        assert_eq!(answer(&mut session, &sql).await?, ["| count(*) |", "| 6000 |"]);
    }
    let sql = format!("SELECT count(*) FROM fact, large, middle, small WHERE {condition}");
    run(&mut session, "SET clouddb.optimizer.join_order = false").await?;
    let plan = logical(&mut session, &sql).await?;
    assert_eq!(tables(&plan), ["fact", "large", "middle", "small"], "{plan}");
    run(&mut session, "RESET clouddb.optimizer.join_order").await?;
    let plan = logical(&mut session, &sql).await?;
    assert_eq!(tables(&plan), ["small", "middle", "large", "fact"], "{plan}");
    assert!(run(&mut session, "SET clouddb.optimizer.nonsense = true").await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_filter_decides_where_to_begin() -> TestResult {
    let mut session = database().await?.session();
    for name in ["one", "two"] {
        numbered(&mut session, name, 5_000, 50).await?;
    }
    run(&mut session, "CREATE TABLE fact AS SELECT range AS k, range % 5000 AS o, (range * 7) % 5000 AS t FROM range(0, 50000)").await?;
    for (filter, first) in [("one.f = 3", "one"), ("two.f IN (3, 4)", "two"), ("one.k < 20", "one"), ("two.k BETWEEN 20 AND 50", "two")] {
        let sql = format!("SELECT count(*) FROM fact, one, two WHERE fact.o = one.k AND fact.t = two.k AND {filter}");
        let plan = logical(&mut session, &sql).await?;
        // The other dimension is built for what is left; or joined last where that is less than it.
        let order = tables(&plan);
        let position = |name: &str| order.iter().position(|table| table == name);
        assert_eq!(position("fact").map(|at| order[at - 1].clone()), Some(first.to_owned()), "{plan}");
    }
    Ok(())
}

#[tokio::test]
async fn no_product_where_keys_connect() -> TestResult {
    let mut session = database().await?.session();
    // Two tiny dimensions of one large fact: their product would be small, but nothing connects them.
    numbered(&mut session, "d1", 3, 2).await?;
    numbered(&mut session, "d2", 3, 2).await?;
    numbered(&mut session, "fact", 20_000, 3).await?;
    let sql = "SELECT count(*) FROM d1, d2, fact WHERE d1.k = fact.f AND d2.k = fact.f + 0 AND d1.f = 1 AND d2.f = 1";
    let physical = plan(&mut session, "physical_plan", sql).await?;
    assert!(!physical.contains("CrossJoin") && !physical.contains("NestedLoop"), "{physical}");
    // Here nothing does, and there has to be one.
    let physical = plan(&mut session, "physical_plan", "SELECT d1.k, d2.s FROM d1, d2").await?;
    assert!(physical.contains("CrossJoin"), "{physical}");
    Ok(())
}

#[tokio::test]
async fn equal_keys_connect_what_the_query_does_not() -> TestResult {
    let mut session = database().await?.session();
    numbered(&mut session, "one", 50, 5).await?;
    numbered(&mut session, "two", 30_000, 50).await?;
    numbered(&mut session, "three", 40, 5).await?;
    // Each names `two` only, which is large: the small ones are joined with each other first.
    let sql = "SELECT count(*) FROM two, one, three WHERE two.f = one.k AND two.f = three.k AND three.s = 's1'";
    let plan = logical(&mut session, sql).await?;
    assert_eq!(tables(&plan), ["three", "one", "two"], "{plan}");
    assert_eq!(answer(&mut session, sql).await?[1], "| 2400 |");
    Ok(())
}

#[tokio::test]
async fn a_semi_join_moves_to_the_rows_it_is_about() -> TestResult {
    let mut session = database().await?.session();
    chain(&mut session).await?;
    let sql = "SELECT count(*) FROM fact, large WHERE fact.f = large.k AND large.f IN (SELECT k FROM middle WHERE s = 's7' AND k < 60)";
    let plan = logical(&mut session, sql).await?;
    assert_eq!(tables(&plan), ["middle", "large", "fact"], "{plan}");
    assert_eq!(answer(&mut session, sql).await?[1], "| 600 |");
    Ok(())
}

#[tokio::test]
async fn the_smaller_side_of_an_outer_join_is_built() -> TestResult {
    let mut session = database().await?.session();
    chain(&mut session).await?;
    for (join, rows) in [("LEFT", 60_000), ("RIGHT", 60_000), ("FULL", 60_000)] {
        for (from, expected) in [("fact x {} JOIN small y", ["small", "fact"]), ("small x {} JOIN fact y", ["small", "fact"])] {
            let sql = format!("SELECT * FROM {} ON x.k = y.k", from.replace("{}", join));
            let plan = logical(&mut session, &sql).await?;
            let order: Vec<_> = plan.lines().filter_map(|line| line.trim_start().strip_prefix("TableScan: ")?.split(' ').next()).collect();
            assert_eq!(order, expected, "{sql}\n{plan}");
            let found = answer(&mut session, &format!("SELECT count(*) FROM ({sql})")).await?;
            let kept = match (join, from.starts_with("fact")) {
                ("LEFT", false) | ("RIGHT", true) => 60,
                _ => rows,
            };
            assert_eq!(found[1], format!("| {kept} |"), "{sql}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn only_wanted_groups_are_made() -> TestResult {
    let mut session = database().await?.session();
    chain(&mut session).await?;
    let grouped = "(SELECT f, count(*) AS n, 2 * sum(k) AS total FROM fact GROUP BY f HAVING count(*) > 1) q";
    let sql = format!("SELECT large.k, q.n FROM {grouped}, large WHERE large.k = q.f AND large.f = 17");
    let with = logical(&mut session, &sql).await?;
    // The dimension is read twice: for its keys below the grouping, and for the join.
    assert_eq!(tables(&with).iter().filter(|table| *table == "large").count(), 2, "{with}");
    assert!(with.contains("RightSemi Join"), "{with}");
    let found = answer(&mut session, &sql).await?;
    assert_eq!(found.len(), 11, "{found:?}");
    assert!(found[1..].iter().all(|row| row.ends_with("| 10 |")), "{found:?}");
    run(&mut session, "SET clouddb.optimizer.wanted_groups = false").await?;
    let without = logical(&mut session, &sql).await?;
    assert!(!without.contains("RightSemi Join"), "{without}");
    assert_eq!(answer(&mut session, &sql).await?, found);
    Ok(())
}

/// A random query over `t0` to `t6`: inner joins by keys of one or two columns, filters, and now and then an outer join, a subquery or a group.
fn random_query(numbers: &mut Numbers) -> String {
    let relations = 2 + numbers.below(5) as usize;
    let grouped = numbers.below(3) == 0;
    let column = |numbers: &mut Numbers| numbers.one_of(&["k", "a", "b"]);
    let mut from = "t0".to_owned();
    let mut conditions = Vec::new();
    for right in 1..relations {
        let left = numbers.below(right as u64);
        let mut on = vec![format!("t{left}.{} = t{right}.{}", column(numbers), numbers.one_of(&["k", "k", "a"]))];
        match numbers.below(9) {
            0 => on.push(format!("t{left}.{} = t{right}.b", column(numbers))),
            1 => on.push(format!("t{left}.{} + t{}.b = t{right}.a", column(numbers), numbers.below(right as u64))),
            2 => on.push(format!("t{left}.{} < t{right}.a", column(numbers))),
            3 => on.push(format!("(t{left}.s = t{right}.s OR t{right}.b IS NULL)")),
            _ => {}
        }
        match numbers.below(7) {
            0 => from = format!("{from} LEFT JOIN t{right} ON {}", on.join(" AND ")),
            1 => from = format!("{from} FULL JOIN t{right} ON {}", on.join(" AND ")),
            2 => from = format!("{from} JOIN t{right} ON {}", on.join(" AND ")),
            _ => {
                from = format!("{from} CROSS JOIN t{right}");
                conditions.extend(on);
            }
        }
    }
    for _ in 0..numbers.below(3) {
        let relation = numbers.below(relations as u64);
        conditions.push(match numbers.below(9) {
            0 => format!("t{relation}.k < {}", numbers.below(50)),
            1 => format!("t{relation}.s LIKE 's{}%'", numbers.below(5)),
            2 => format!("t{relation}.a IN (1, 2, {})", numbers.below(12)),
            3 => format!("t{relation}.a IN (SELECT a FROM t7 WHERE b = {})", numbers.below(4)),
            4 => format!("t{relation}.a NOT IN (SELECT k FROM t7 WHERE b = {})", numbers.below(4)),
            5 => format!("EXISTS (SELECT 1 FROM t7 WHERE t7.a = t{relation}.a AND t7.k > t{relation}.b)"),
            6 => format!("NOT EXISTS (SELECT 1 FROM t7 WHERE t7.k = t{relation}.a AND t7.s <> t{relation}.s)"),
            7 => format!("t{relation}.b > (SELECT avg(b) FROM t7 WHERE t7.a = t{relation}.a)"),
            _ => format!("(t{relation}.b = 1 OR EXISTS (SELECT 1 FROM t7 WHERE t7.k = t{relation}.a))"),
        });
    }
    if grouped {
        let having = numbers.one_of(&["", " HAVING count(*) > 1"]);
        from = format!(
            "{from} CROSS JOIN (SELECT {0} AS g, b AS h, sum(k) + 1 AS total FROM t7 GROUP BY {0}, b{having}) q",
            numbers.one_of(&["a", "k"])
        );
        conditions.push(format!("q.g = t{}.{}", numbers.below(relations as u64), numbers.one_of(&["k", "a"])));
        if numbers.below(2) == 0 {
            conditions.push("t0.b = q.h".to_owned());
        }
    }
    let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let columns: Vec<_> = (0..relations).map(|relation| format!("t{relation}.k, t{relation}.s")).collect();
    if grouped {
        return format!("SELECT t0.k, t1.s, q.* FROM {from}{filter}");
    }
    match numbers.below(4) {
        0 => format!("SELECT t0.b, count(*), sum(t1.k) FROM {from}{filter} GROUP BY t0.b"),
        1 => format!("SELECT count(*), min(t{}.s) FROM {from}{filter}", numbers.below(relations as u64)),
        2 => format!("SELECT DISTINCT t0.a, t1.a FROM {from}{filter}"),
        _ => format!("SELECT {} FROM {from}{filter}", columns.join(", ")),
    }
}

#[tokio::test]
async fn answers_are_the_same_with_and_without() -> TestResult {
    let mut numbers = Numbers::new(31);
    let mut with_rows = 0;
    for round in 0..3_usize {
        let database = database().await?;
        let mut ordered = database.session();
        for table in 0..8 {
            // An empty table and one of a single row, too; but most queries are to have an answer.
            let rows = if table == 6 { round } else { 15 + numbers.below(20) as usize };
            random_table(&mut ordered, &mut numbers, &format!("t{table}"), rows).await?;
        }
        let mut as_written = database.session();
        run(&mut as_written, "SET clouddb.optimizer.join_order = false").await?;
        for query in 0..60 {
            let sql = random_query(&mut numbers);
            let expected = answer(&mut as_written, &sql).await?;
            with_rows += usize::from(expected.len() > 1);
            let found = answer(&mut ordered, &sql).await?;
            if found != expected {
                let plan = logical(&mut ordered, &sql).await?;
                return Err(
                    format!("round {round}, query {query}: {sql}\n{} rows, expected {}\n{plan}", found.len(), expected.len()).into()
                );
            }
        }
    }
    // Queries without an answer would prove nothing.
    assert!(with_rows > 60, "{with_rows}");
    Ok(())
}
