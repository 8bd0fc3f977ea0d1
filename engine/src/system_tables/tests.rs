//! Tests of the schema `system`.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::DataType;
use clouddb_storage::catalog::ColumnSpec;

use crate::catalog::testing::{Keep, TestDatabase, TestResult, answer, column, sorted_rows};

async fn database() -> TestResult<TestDatabase> {
    let test = TestDatabase::new().await?;
    let name = ColumnSpec { default: Some("'none'".to_owned()), comment: Some("who".to_owned()), ..column("name", DataType::Utf8View) };
    test.create("t", vec![ColumnSpec::new("id", DataType::Int64, false), name], &["id"]).await?;
    for (ids, name, keep) in [(vec![3, 1], Some("x".repeat(100)), Keep::Parquet), (vec![7, 5], None, Keep::Inline)] {
        let names = ids.iter().map(|_| name.clone()).collect::<StringViewArray>();
        let batch = RecordBatch::try_from_iter_with_nullable(vec![
            ("id", Arc::new(Int64Array::from(ids)) as _, false),
            ("name", Arc::new(names) as _, true),
        ])?;
        test.append("t", batch, keep).await?;
    }
    test.create_view("v", "SELECT 1 AS one").await?;
    Ok(test)
}

async fn check(test: &TestDatabase, sql: &str, expected: &[&str]) -> TestResult {
    let rows = sorted_rows(&test.context().await?, sql).await?;
    let squeezed: Vec<_> = rows.iter().map(|row| row.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(squeezed, expected, "{sql}");
    Ok(())
}

#[tokio::test]
async fn tables_and_views_are_listed() -> TestResult {
    let test = database().await?;
    let last = test.snapshot().await?.number();
    let expected = format!("| main | t | 4 | true | 2 | {} | {} | [id] | |", last - 3, last - 1);
    check(&test, "SELECT schema, name, rows, bytes > 0, segments, created, changed, cluster_by, comment FROM system.tables", &[&expected])
        .await?;
    check(&test, "SELECT * FROM system.views", &["| main | v | SELECT 1 AS one | main | |"]).await
}

#[tokio::test]
async fn columns_have_their_statistics() -> TestResult {
    let test = database().await?;
    let long = "x".repeat(64);
    let after = format!("{}y", "x".repeat(63));
    let name = format!("| name | VARCHAR | true | 'none' | who | 2 | 2 | {long} | {after} | false | false |");
    check(
        &test,
        "SELECT name, type, nullable, default_value, comment, field_id, null_count, min, max, min_exact, max_exact FROM system.columns",
        &["| id | BIGINT | false | | | 1 | 0 | 1 | 7 | true | true |", &name],
    )
    .await?;
    check(&test, "SELECT schema, table_name, position FROM system.columns WHERE name = 'name'", &["| main | t | 2 |"]).await
}

#[tokio::test]
async fn what_is_cached_is_listed() -> TestResult {
    let test = database().await?;
    let cached = "SELECT schema, table_name, column_name, row_groups, rows, bytes > 0 FROM system.cached_columns";
    check(&test, cached, &[]).await?;
    // The first row group is asked for with all columns that the query names.
    for _ in 0..2 {
        sorted_rows(&test.context().await?, "SELECT name FROM t WHERE id = 2").await?;
    }
    check(&test, cached, &["| main | t | id | 1 | 2 | true |", "| main | t | name | 1 | 2 | true |"]).await?;
    check(
        &test,
        "SELECT kind, entries, bytes > 0, budget > bytes, hits > 0, misses, evictions, saved_seconds > 0 FROM system.cache",
        &["| columns | 2 | true | true | true | 2 | 0 | true |", "| footers | 1 | true | true | true | 1 | 0 | true |"],
    )
    .await
}

#[tokio::test]
async fn segments_are_listed() -> TestResult {
    let test = database().await?;
    let last = test.snapshot().await?.number();
    let inline = format!("| main | t | inline | false | 2 | true | 2 | {} | true |", last - 1);
    let parquet = format!("| main | t | parquet | true | 2 | true | 0 | {} | true |", last - 2);
    check(
        &test,
        "SELECT schema, table_name, kind, path LIKE 'data/%.parquet' IS TRUE, rows, bytes > 0, first_row_id, added, sorted FROM system.segments",
        &[&inline, &parquet],
    )
    .await
}

#[tokio::test]
async fn snapshots_tell_the_history_up_to_the_pinned_one() -> TestResult {
    let test = database().await?;
    let last = test.snapshot().await?.number();
    let context = test.context().await?;
    test.create_view("later", "SELECT 2").await?;
    let all = sorted_rows(&context, "SELECT snapshot FROM system.snapshots").await?;
    assert_eq!(all.len() as u64, last);
    for (filter, expected) in [
        ("snapshot = 2", 1),
        ("snapshot >= 2", last - 1),
        ("2 > snapshot", 1),
        ("snapshot BETWEEN 2 AND 3", 2),
        ("snapshot < 0", 0),
        ("snapshot > -5", last),
        ("snapshot > 2 AND snapshot <> 4", last - 3),
        ("snapshot = 1 OR snapshot = 3", 2),
        ("rows_added > 0", 2),
    ] {
        let rows = sorted_rows(&context, &format!("SELECT snapshot FROM system.snapshots WHERE {filter}")).await?;
        assert_eq!(rows.len() as u64, expected, "{filter}");
    }
    assert_eq!(sorted_rows(&context, "SELECT snapshot FROM system.snapshots LIMIT 2").await?.len(), 2);
    let text = answer(&context, "SELECT rows_added, changes, who <> '' FROM system.snapshots ORDER BY commit_time DESC LIMIT 3").await?;
    assert!(text.contains("| 2 ") && text.contains("append 2 rows") && text.contains("create view"), "{text}");
    Ok(())
}
