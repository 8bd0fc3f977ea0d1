//! A table's answers are those of the same rows in memory: filters, projections, aggregates from statistics, joins.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use datafusion::datasource::MemTable;
use datafusion::physical_plan::displayable;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::data::{self, ORDERED};
use crate::catalog::testing::{Keep, Numbers, TestDatabase, TestResult, answer, config, sorted_rows};

#[derive(Debug, Clone, Copy)]
enum Layout {
    Inline,
    Parquet,
    Mixed,
}

/// The same batches in a table and in memory.
struct Pair {
    table: SessionContext,
    memory: SessionContext,
}

impl Pair {
    async fn new(batches: Vec<RecordBatch>, layout: Layout, cluster_by: &[&str]) -> TestResult<Self> {
        let test = TestDatabase::new().await?;
        test.create_like("t", &data::schema(), cluster_by).await?;
        for (number, batch) in batches.iter().enumerate() {
            let keep = match layout {
                Layout::Inline => Keep::Inline,
                Layout::Mixed if number % 2 == 0 => Keep::Inline,
                Layout::Parquet | Layout::Mixed => Keep::Parquet,
            };
            test.append("t", batch.clone(), keep).await?;
        }
        let memory = SessionContext::new_with_config(config().with_default_catalog_and_schema("datafusion", "public"));
        memory.register_table("t", Arc::new(MemTable::try_new(data::schema(), vec![batches])?))?;
        Ok(Self { table: test.context().await?, memory })
    }

    async fn check(&self, sql: &str) -> TestResult {
        let ours = sorted_rows(&self.table, sql).await?;
        let expected = sorted_rows(&self.memory, sql).await?;
        if ours != expected {
            let plan = answer(&self.table, &format!("EXPLAIN {sql}")).await?;
            return Err(format!("{sql}\nours:     {ours:?}\nexpected: {expected:?}\n{plan}").into());
        }
        Ok(())
    }

    /// Aggregates without a filter may come from statistics; those with one never do.
    async fn check_aggregates(&self) -> TestResult {
        for column in ORDERED {
            self.check(&format!("SELECT count(*), count({column}), min({column}), max({column}) FROM t")).await?;
            self.check(&format!("SELECT min({column}) FROM t WHERE id % 2 = 0")).await?;
            self.check(&format!("SELECT max({column}) FROM t")).await?;
        }
        Ok(())
    }

    async fn check_filters(&self, numbers: &mut Numbers, how_many: usize) -> TestResult {
        for _ in 0..how_many {
            let first = comparison(numbers);
            let filter = match numbers.below(4) {
                0 => first,
                1 => format!("{first} AND {}", comparison(numbers)),
                2 => format!("({first} OR {})", comparison(numbers)),
                _ => format!("NOT ({first})"),
            };
            match numbers.below(3) {
                0 => self.check(&format!("SELECT * FROM t WHERE {filter}")).await?,
                1 => self.check(&format!("SELECT id, name, pair['a'] AS a, list FROM t WHERE {filter}")).await?,
                _ => {
                    self.check(&format!("SELECT flag, count(*), min(name), max(clean), sum(id) FROM t WHERE {filter} GROUP BY flag"))
                        .await?
                }
            }
        }
        Ok(())
    }
}

fn comparison(numbers: &mut Numbers) -> String {
    let number = numbers.below(260) as i64 - 20;
    let op = ["=", "<", "<=", ">", ">=", "<>"][numbers.below(6) as usize];
    match numbers.below(16) {
        0 => format!("id {op} {number}"),
        1 => format!("small {op} {number}"),
        2 => format!("number {op} {}", u64::MAX - number.unsigned_abs()),
        3 => format!("real {op} {}", number as f64 / 4.0),
        4 => format!("real {op} 0.0"),
        5 => format!("name {op} 'n{number:04}'"),
        6 => format!("name LIKE 'n00{}%'", number.unsigned_abs() % 10),
        7 => format!("long {op} '{}{number:04}'", "é".repeat(60)),
        8 => format!("flag = {}", number % 2 == 0),
        9 => format!("day {op} DATE '1970-03-{:02}'", number.unsigned_abs() % 28 + 1),
        10 => format!("price {op} {}", number as f64 / 4.0),
        11 => format!("at {op} to_timestamp_micros({number}::BIGINT * 3600000000)"),
        12 => format!("small IN ({number}, {}, {})", number + 1, number + 7),
        13 => format!("small BETWEEN {number} AND {}", number + 30),
        14 => format!("{} IS NULL", ORDERED[numbers.below(ORDERED.len() as u64) as usize]),
        _ => format!("{} IS NOT NULL", ORDERED[numbers.below(ORDERED.len() as u64) as usize]),
    }
}

fn batches(numbers: &mut Numbers, count: usize, rows: u64) -> Vec<RecordBatch> {
    let one = |number: usize| {
        let rows = numbers.below(rows) as usize + 1;
        data::batch(numbers, rows, number as i64 * 30)
    };
    (0..count).map(one).collect()
}

#[tokio::test]
async fn answers_equal_those_of_the_rows_in_memory() -> TestResult {
    for (seed, layout) in [(1, Layout::Inline), (2, Layout::Parquet), (3, Layout::Mixed), (4, Layout::Mixed)] {
        for cluster_by in [&[][..], &["small", "name"][..]] {
            let mut numbers = Numbers::new(seed);
            let rows = if matches!(layout, Layout::Inline) { 20 } else { 120 };
            let pair = Pair::new(batches(&mut numbers, 6, rows), layout, cluster_by).await?;
            pair.check("SELECT * FROM t").await.map_err(|error| format!("{layout:?} by {cluster_by:?}: {error}"))?;
            pair.check_aggregates().await.map_err(|error| format!("{layout:?} by {cluster_by:?}: {error}"))?;
            pair.check_filters(&mut numbers, 40).await.map_err(|error| format!("{layout:?} by {cluster_by:?}, seed {seed}: {error}"))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn intervals_and_nested_columns_can_be_filtered_and_compared() -> TestResult {
    let mut numbers = Numbers::new(11);
    for layout in [Layout::Inline, Layout::Parquet, Layout::Mixed] {
        let pair = Pair::new(batches(&mut numbers, 4, 15), layout, &[]).await?;
        pair.check("SELECT id, span FROM t WHERE span > INTERVAL '1 month 40 days'").await?;
        pair.check("SELECT id, list FROM t WHERE list = [31, 32]").await?;
        pair.check("SELECT id, pair FROM t WHERE pair['b'] < 'b5'").await?;
        pair.check("SELECT id, list FROM t WHERE array_length(list) = 2").await?;
        pair.check("SELECT list FROM t UNION ALL SELECT [1, 2]").await?;
        pair.check("SELECT unnest(list) FROM t").await?;
        pair.check("SELECT pair['a'], count(*) FROM t GROUP BY pair['a']").await?;
        pair.check("SELECT count(*) FROM t WHERE encode(key, 'hex') > '00000020'").await?;
    }
    Ok(())
}

#[tokio::test]
async fn joins_top_k_and_windows_are_right_with_dynamic_filters() -> TestResult {
    let mut numbers = Numbers::new(12);
    let pair = Pair::new(batches(&mut numbers, 8, 100), Layout::Mixed, &["id"]).await?;
    pair.check("SELECT a.id, b.name FROM t a JOIN t b ON a.id = b.small WHERE b.flag AND a.id > 50").await?;
    pair.check("SELECT id FROM t ORDER BY id LIMIT 17").await?;
    pair.check("SELECT id FROM t ORDER BY id DESC LIMIT 17").await?;
    pair.check("SELECT small FROM t ORDER BY small DESC NULLS LAST LIMIT 9").await?;
    pair.check("SELECT small FROM t ORDER BY small NULLS FIRST LIMIT 30").await?;
    pair.check("SELECT id, row_number() OVER (PARTITION BY id ORDER BY name, real, day, price, at, bytes) FROM t").await?;
    pair.check("SELECT id FROM t WHERE id IN (SELECT small FROM t WHERE flag)").await?;
    pair.check("SELECT count(*) FROM t a WHERE NOT EXISTS (SELECT 1 FROM t b WHERE b.small = a.id AND b.real > a.real)").await?;
    Ok(())
}

#[tokio::test]
async fn limits_give_as_many_rows_as_there_are() -> TestResult {
    let mut numbers = Numbers::new(13);
    for layout in [Layout::Inline, Layout::Parquet, Layout::Mixed] {
        let pair = Pair::new(batches(&mut numbers, 6, 20), layout, &[]).await?;
        for limit in [0, 1, 7, 30, 10_000] {
            pair.check(&format!("SELECT count(*) FROM (SELECT id FROM t LIMIT {limit})")).await?;
            pair.check(&format!("SELECT count(*) FROM (SELECT id FROM t LIMIT {limit} OFFSET 3)")).await?;
            pair.check(&format!("SELECT count(*) FROM (SELECT id FROM t WHERE small >= 0 LIMIT {limit})")).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_table_without_rows_has_answers() -> TestResult {
    let pair = Pair::new(Vec::new(), Layout::Mixed, &["id"]).await?;
    pair.check("SELECT * FROM t").await?;
    pair.check("SELECT * FROM t WHERE id = 1 ORDER BY id LIMIT 3").await?;
    pair.check_aggregates().await
}

/// datafusion#24816: a filter made of min(a), max(a) and max(b) leaves out a file that min(c + 1) needs.
#[tokio::test]
async fn a_context_with_default_settings_gets_right_minima() -> TestResult {
    let test = TestDatabase::new().await?;
    let column = |values: [i64; 2]| Arc::new(Int64Array::from(values.to_vec())) as ArrayRef;
    // The first file again and again: when the last one's turn comes, the filter is there, however far ahead files are opened.
    let mut files = vec![([1, 8], [6, 12], [90, 110]); 8];
    files.push(([1, 8], [12, 4], [100, 70]));
    for (at, (a, b, c)) in files.into_iter().enumerate() {
        let batch = RecordBatch::try_from_iter_with_nullable([("a", column(a), true), ("b", column(b), true), ("c", column(c), true)])?;
        if at == 0 {
            test.create_like("t", &batch.schema(), &[]).await?;
        }
        test.append("t", batch, Keep::Parquet).await?;
    }
    let config = SessionConfig::new().with_default_catalog_and_schema("db", "main").with_target_partitions(2);
    assert!(config.options().optimizer.enable_aggregate_dynamic_filter_pushdown);
    let context = SessionContext::new_with_config(config);
    context.register_catalog("db", test.catalog().await?);
    let found = sorted_rows(&context, "SELECT min(a), max(a), max(b), min(c + 1) FROM t").await?;
    assert!(found.len() == 1 && found[0].contains("71"), "{found:?}");
    // Filters of the query itself still leave out what cannot match.
    let plan = context.sql("SELECT a FROM t WHERE c > 100").await?.create_physical_plan().await?;
    datafusion::physical_plan::collect(Arc::clone(&plan), context.task_ctx()).await?;
    assert!(displayable(plan.as_ref()).indent(false).to_string().contains("predicate=c@2 > 100"));
    Ok(())
}
