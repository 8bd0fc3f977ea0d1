//! Tests of the catalog: pinned snapshots, views, inserts, refusals, system tables.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::DataType;
use clouddb_storage::catalog::ColumnSpec;
use datafusion::prelude::SessionContext;

use super::testing::{Keep, TestDatabase, TestResult, answer, column, config};

fn numbers(values: Vec<i64>) -> TestResult<RecordBatch> {
    Ok(RecordBatch::try_from_iter_with_nullable(vec![("n", Arc::new(Int64Array::from(values)) as _, true)])?)
}

async fn table_of(values: Vec<i64>) -> TestResult<TestDatabase> {
    let test = TestDatabase::new().await?;
    test.create("t", vec![column("n", DataType::Int64)], &[]).await?;
    test.append("t", numbers(values)?, Keep::Inline).await?;
    Ok(test)
}

/// The rows of an answer of one column.
async fn rows(context: &SessionContext, sql: &str) -> TestResult<Vec<String>> {
    let text = answer(context, sql).await?;
    Ok(text.lines().filter(|line| line.starts_with('|')).skip(1).map(|line| line.trim_matches(['|', ' ']).to_owned()).collect())
}

async fn error(context: &SessionContext, sql: &str) -> String {
    match answer(context, sql).await {
        Ok(answer) => panic!("{sql} gave\n{answer}"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_catalog_stays_at_its_snapshot() -> TestResult {
    let test = table_of(vec![1, 2]).await?;
    test.create_view("v", "SELECT sum(n) AS s FROM t").await?;
    let before = test.context().await?;
    test.append("t", numbers(vec![10])?, Keep::Parquet).await?;
    test.create("later", vec![column("n", DataType::Int64)], &[]).await?;
    let after = test.context().await?;
    assert_eq!(rows(&before, "SELECT s FROM v").await?, ["3"]);
    assert_eq!(rows(&after, "SELECT s FROM v").await?, ["13"]);
    assert!(error(&before, "SELECT * FROM later").await.contains("not found"));
    Ok(())
}

#[tokio::test]
async fn views_resolve_names_in_their_own_catalog() -> TestResult {
    let test = table_of(vec![1, 2]).await?;
    test.create_view("v", "SELECT n + 1 AS m FROM t").await?;
    test.create_view("w", "SELECT m FROM v WHERE m > 2 UNION ALL SELECT n FROM elsewhere.main.t").await?;
    let old = test.catalog().await?;
    test.append("t", numbers(vec![10])?, Keep::Inline).await?;
    // Two snapshots side by side, neither of them the default catalog.
    let context = SessionContext::new_with_config(config().with_default_catalog_and_schema("datafusion", "public"));
    context.register_catalog("old", old);
    context.register_catalog("new", test.catalog().await?);
    assert_eq!(rows(&context, "SELECT * FROM old.main.w ORDER BY 1").await?, ["1", "2", "3"]);
    assert_eq!(rows(&context, "SELECT * FROM new.main.w ORDER BY 1").await?, ["1", "2", "3", "10", "11"]);
    assert_eq!(rows(&context, "SELECT count(*) FROM old.main.w o JOIN new.main.w n ON o.m = n.m").await?, ["3"]);
    Ok(())
}

#[tokio::test]
async fn views_that_cannot_be_planned_are_errors() -> TestResult {
    let test = table_of(vec![1]).await?;
    test.create_view("a", "SELECT * FROM b").await?;
    test.create_view("b", "SELECT * FROM a").await?;
    test.create_view("gone", "SELECT * FROM nowhere").await?;
    test.create_view("writes", "INSERT INTO t VALUES (1)").await?;
    test.create_view("d0", "SELECT * FROM t").await?;
    for depth in 1..40 {
        test.create_view(&format!("d{depth}"), &format!("SELECT * FROM d{}", depth - 1)).await?;
    }
    let context = test.context().await?;
    assert!(error(&context, "SELECT * FROM a").await.contains("view main.a refers to itself"));
    let gone = error(&context, "SELECT * FROM gone").await;
    assert!(gone.contains("the view 'gone' cannot be read") && gone.contains("nowhere"), "{gone}");
    assert!(error(&context, "SELECT * FROM writes").await.contains("is no query"));
    assert!(error(&context, "SELECT * FROM d39").await.contains("nested deeper"));
    assert_eq!(rows(&context, "SELECT * FROM d20").await?, ["1"]);
    Ok(())
}

#[tokio::test]
async fn inserts_of_a_foreign_context_are_committed() -> TestResult {
    let test = TestDatabase::new().await?;
    let with_default = ColumnSpec { default: Some("40 + 2".to_owned()), ..column("d", DataType::Int64) };
    test.create("t", vec![ColumnSpec::new("n", DataType::Int64, false), with_default], &[]).await?;
    let context = test.context().await?;
    assert_eq!(rows(&context, "INSERT INTO t (n) VALUES (1), (2)").await?, ["2"]);
    assert_eq!(rows(&context, "INSERT INTO t SELECT value, 0 FROM generate_series(1, 200000)").await?, ["200000"]);
    assert_eq!(rows(&context, "SELECT count(*) FROM t").await?, ["0"], "the catalog is pinned");
    let later = test.context().await?;
    assert_eq!(rows(&later, "SELECT sum(d) FROM t").await?, ["84"]);
    assert_eq!(rows(&later, "SELECT count(DISTINCT n) FROM t").await?, ["200000"]);
    let before = test.snapshot().await?.number();
    assert!(error(&later, "INSERT INTO t (d) VALUES (1)").await.contains("NOT NULL"));
    assert!(
        error(&later, "INSERT INTO t SELECT 10 / (value - 150000), 0 FROM generate_series(1, 200000)").await.contains("Divide by zero")
    );
    assert_eq!(test.snapshot().await?.number(), before, "nothing of a failed INSERT is committed");
    Ok(())
}

#[tokio::test]
async fn changes_of_rows_are_refused() -> TestResult {
    let test = table_of(vec![1, 2]).await?;
    let context = test.context().await?;
    for sql in ["DELETE FROM t WHERE n = 1", "UPDATE t SET n = 3", "TRUNCATE TABLE t", "INSERT OVERWRITE t VALUES (1)"] {
        let error = error(&context, sql).await;
        assert!(error.contains("not implemented") || error.contains("not supported"), "{sql}: {error}");
    }
    assert_eq!(rows(&test.context().await?, "SELECT n FROM t ORDER BY n").await?, ["1", "2"]);
    Ok(())
}

#[tokio::test]
async fn schemas_list_what_they_have() -> TestResult {
    let test = table_of(vec![1]).await?;
    test.create_view("v", "SELECT 1").await?;
    let context = test.context_with(|config| config.with_information_schema(true)).await?;
    let tables =
        rows(&context, "SELECT table_name FROM information_schema.tables WHERE table_schema IN ('main', 'system') ORDER BY 1").await?;
    assert_eq!(tables, ["cache", "cached_columns", "columns", "rejects", "segments", "snapshots", "t", "tables", "v", "views"]);
    assert!(error(&context, "SELECT * FROM system.nothing").await.contains("not found"));
    Ok(())
}
