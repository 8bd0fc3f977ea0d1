//! Clustered tables: the order that scans declare, and that it is true.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::DataType;

use crate::catalog::testing::{Keep, TestDatabase, TestResult, answer, column};

/// Appends rows with keys `from, from + step, …`, some of them twice, in descending order.
async fn append(test: &TestDatabase, from: i64, step: i64, nulls: usize) -> TestResult {
    let mut keys: Vec<Option<i64>> = (0..50).rev().flat_map(|at| vec![Some(from + at * step); 1 + (at % 3 == 0) as usize]).collect();
    keys.extend(vec![None; nulls]);
    let names = keys.iter().map(|key| key.map(|key| format!("{key}"))).collect::<StringViewArray>();
    let batch = RecordBatch::try_from_iter_with_nullable(vec![
        ("key", Arc::new(Int64Array::from(keys)) as _, true),
        ("name", Arc::new(names) as _, true),
    ])?;
    test.append("t", batch, Keep::Parquet).await
}

async fn table() -> TestResult<TestDatabase> {
    let test = TestDatabase::new().await?;
    test.create("t", vec![column("key", DataType::Int64), column("name", DataType::Utf8View)], &["key"]).await?;
    Ok(test)
}

/// Whether a query is planned without a sort, and its keys, which must come in order.
async fn sorted_without_sort(test: &TestDatabase, sql: &str) -> TestResult<bool> {
    let context = test.context().await?;
    let plan = answer(&context, &format!("EXPLAIN {sql}")).await?;
    let keys: Vec<i64> = answer(&context, sql).await?.lines().filter_map(|line| line.split('|').nth(1)?.trim().parse().ok()).collect();
    assert!(!keys.is_empty());
    assert!(keys.is_sorted(), "{sql}: {keys:?}\n{plan}");
    Ok(!plan.contains("SortExec"))
}

#[tokio::test]
async fn one_file_a_partition_is_in_order() -> TestResult {
    let test = table().await?;
    // They overlap, and have NULLs: each in its own partition is sorted all the same.
    append(&test, 0, 1, 3).await?;
    append(&test, 10, 2, 2).await?;
    assert!(sorted_without_sort(&test, "SELECT key FROM t ORDER BY key").await?);
    assert!(sorted_without_sort(&test, "SELECT key, name FROM t WHERE name <> '7' ORDER BY key NULLS LAST").await?);
    assert!(!sorted_without_sort(&test, "SELECT key FROM t ORDER BY key NULLS FIRST").await?);
    Ok(())
}

#[tokio::test]
async fn several_files_a_partition_are_in_order_if_they_do_not_overlap() -> TestResult {
    let test = table().await?;
    // Not in the order of their keys.
    for from in [300, 0, 600, 900, 1200, 100, 400, 700, 1000] {
        append(&test, from, 1, 0).await?;
    }
    assert!(sorted_without_sort(&test, "SELECT key FROM t ORDER BY key").await?);
    Ok(())
}

#[tokio::test]
async fn files_that_overlap_are_sorted() -> TestResult {
    let test = table().await?;
    for _ in 0..9 {
        append(&test, 0, 1, 0).await?;
    }
    assert!(!sorted_without_sort(&test, "SELECT key FROM t ORDER BY key").await?);
    Ok(())
}

#[tokio::test]
async fn nulls_between_files_are_sorted() -> TestResult {
    let test = table().await?;
    for from in [0, 100, 200, 300, 400, 500] {
        append(&test, from, 1, 2).await?;
    }
    assert!(!sorted_without_sort(&test, "SELECT key FROM t ORDER BY key").await?);
    Ok(())
}

#[tokio::test]
async fn inline_rows_are_sorted_in() -> TestResult {
    let test = table().await?;
    append(&test, 0, 2, 0).await?;
    let batch = RecordBatch::try_from_iter_with_nullable(vec![
        ("key", Arc::new(Int64Array::from(vec![5, 1])) as _, true),
        ("name", Arc::new(StringViewArray::from(vec!["five", "one"])) as _, true),
    ])?;
    test.append("t", batch, Keep::Inline).await?;
    assert!(!test.context().await?.sql("SELECT key FROM t").await?.collect().await?.is_empty());
    sorted_without_sort(&test, "SELECT key FROM t ORDER BY key").await?;
    Ok(())
}

#[tokio::test]
async fn order_gives_way_to_parallel_reading() -> TestResult {
    let test = table().await?;
    for from in [0, 1000, 2000] {
        append(&test, from, 1, 0).await?;
    }
    let keys = Int64Array::from_iter_values(5000..305_000);
    let names = (0..300_000).map(|at| Some(format!("{at}"))).collect::<StringViewArray>();
    let batch = RecordBatch::try_from_iter_with_nullable(vec![("key", Arc::new(keys) as _, true), ("name", Arc::new(names) as _, true)])?;
    test.append("t", batch, Keep::Parquet).await?;
    // One file has nearly all rows, but row groups enough for all partitions: they read parts of it, in order.
    assert!(sorted_without_sort(&test, "SELECT key FROM t WHERE name <> '' ORDER BY key").await?);
    // Two files that overlap, for four partitions: in order, one of them would have nearly all the work.
    append(&test, 4000, 10, 0).await?;
    append(&test, 4100, 10, 0).await?;
    let context = test.context_with(|config| config.with_target_partitions(2)).await?;
    let plan = answer(&context, "EXPLAIN SELECT key FROM t WHERE name <> '' AND key > 4000").await?;
    assert!(!plan.contains("output_ordering"), "{plan}");
    Ok(())
}
