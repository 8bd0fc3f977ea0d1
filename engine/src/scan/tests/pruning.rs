//! What scans leave out, what they read, and what they say about it.

use std::sync::Arc;

use arrow::array::{Float64Array, Int64Array, RecordBatch, StringViewArray, TimestampMicrosecondArray};
use arrow::datatypes::DataType;
use datafusion::common::stats::Precision;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, collect};
use datafusion::prelude::SessionContext;

use crate::catalog::testing::{Keep, TestDatabase, TestResult, answer, column, metric};

async fn append(test: &TestDatabase, keys: std::ops::Range<i64>, keep: Keep) -> TestResult {
    let names = keys.clone().map(|key| Some(format!("name {key}"))).collect::<StringViewArray>();
    let keys: Int64Array = keys.map(Some).collect();
    let batch = RecordBatch::try_from_iter_with_nullable(vec![("key", Arc::new(keys) as _, true), ("name", Arc::new(names) as _, true)])?;
    test.append("t", batch, keep).await
}

async fn table(segments: i64, keep: Keep) -> TestResult<TestDatabase> {
    let test = TestDatabase::new().await?;
    test.create("t", vec![column("key", DataType::Int64), column("name", DataType::Utf8View)], &[]).await?;
    for segment in 0..segments {
        append(&test, segment * 100..segment * 100 + 50, keep).await?;
    }
    Ok(test)
}

/// Runs a query and returns its plan with metrics, and how many rows it had.
async fn run(context: &SessionContext, sql: &str) -> TestResult<(Arc<dyn ExecutionPlan>, usize)> {
    let plan = context.sql(sql).await?.create_physical_plan().await?;
    let rows = collect(Arc::clone(&plan), context.task_ctx()).await?.iter().map(RecordBatch::num_rows).sum();
    Ok((plan, rows))
}

#[tokio::test]
async fn segments_that_cannot_match_are_left_out() -> TestResult {
    for keep in [Keep::Parquet, Keep::Inline] {
        let test = table(10, keep).await?;
        let context = test.context().await?;
        for (filter, matching, kept) in [
            ("key = 310", 1, 1),
            ("key >= 800", 100, 2),
            ("key < 0", 0, 0),
            ("key IS NULL", 0, 0),
            // Also between "name 0" and "name 9".
            ("name = 'name 310'", 1, 2),
            ("key = 310 OR key = 520", 2, 2),
            ("key IN (1, 101, 201)", 3, 3),
            ("key % 2 = 0", 250, 10),
        ] {
            let (plan, rows) = run(&context, &format!("SELECT name FROM t WHERE {filter}")).await?;
            assert_eq!(
                (rows, metric(&plan, "segments_total"), metric(&plan, "segments_pruned")),
                (matching, 10, 10 - kept),
                "{keep:?} {filter}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_limit_opens_no_more_segments_than_it_takes() -> TestResult {
    let test = table(10, Keep::Parquet).await?;
    let (plan, rows) = run(&test.context().await?, "SELECT * FROM t LIMIT 60").await?;
    assert_eq!((rows, metric(&plan, "segments_pruned")), (60, 8));
    Ok(())
}

#[tokio::test]
async fn requests_and_bytes_are_those_of_the_store() -> TestResult {
    let test = table(3, Keep::Parquet).await?;
    // Texts that hardly compress: a file that is not read whole.
    let keys = 1000..61_000_i64;
    let text = |key: i64| Some(format!("{:x}", key.wrapping_mul(0x1E37_79B9_7F4A_7C15)));
    let names = keys.clone().map(text).collect::<StringViewArray>();
    let keys: Int64Array = keys.map(Some).collect();
    let batch = RecordBatch::try_from_iter_with_nullable(vec![("key", Arc::new(keys) as _, true), ("name", Arc::new(names) as _, true)])?;
    test.append("t", batch, Keep::Parquet).await?;
    let context = test.context().await?;
    // Small files are read whole, once. Of the large one it is first the footer, then what a query needs.
    for (requests, sql) in [
        (5, "SELECT name FROM t"),
        (0, "SELECT name FROM t WHERE key < 200"),
        (1, "SELECT name FROM t WHERE key > 200"),
        (0, "SELECT count(*) FROM t WHERE key % 2 = 0 AND key < 300"),
    ] {
        let before = test.storage.store().counts();
        let (plan, _) = run(&context, sql).await?;
        let made = test.storage.store().counts() - before;
        assert_eq!(
            (metric(&plan, "store_requests") as u64, metric(&plan, "store_bytes_read") as u64),
            (made.gets, made.bytes_read),
            "{sql}"
        );
        assert_eq!((made.gets, made.bytes_read > 0), (requests, requests > 0), "{sql}");
    }
    // Footers stay: a query that statistics answer asks for nothing, and the footers were fetched once.
    let before = test.storage.store().counts();
    run(&context, "SELECT count(*), max(key) FROM t").await?;
    assert_eq!(test.storage.store().counts(), before);
    assert_eq!(test.caches.footers.counts().await.loads, 4);
    Ok(())
}

#[tokio::test]
async fn one_large_segment_is_read_by_all_partitions() -> TestResult {
    let test = table(0, Keep::Parquet).await?;
    append(&test, 0..600_000, Keep::Parquet).await?;
    let context = test.context().await?;
    let (plan, rows) = run(&context, "SELECT key FROM t WHERE key >= 0").await?;
    assert_eq!((rows, plan.output_partitioning().partition_count()), (600_000, 4));
    assert_eq!(
        answer(&context, "SELECT count(*), sum(key) FROM t WHERE key < 500000").await?.lines().nth(3),
        Some("| 500000   | 124999750000 |")
    );
    // Row groups are left out within the segment, by filters that are known and by those that come while the query runs.
    let (plan, rows) = run(&context, "SELECT name FROM t WHERE key = 599999").await?;
    assert_eq!((rows, metric(&plan, "segments_pruned")), (1, 0));
    assert!(metric(&plan, "row_groups_pruned") >= 3, "{}", metric(&plan, "row_groups_pruned"));
    Ok(())
}

#[tokio::test]
async fn explain_analyze_shows_what_was_read() -> TestResult {
    let test = table(4, Keep::Parquet).await?;
    append(&test, 1000..1010, Keep::Inline).await?;
    let text = answer(&test.context().await?, "EXPLAIN ANALYZE SELECT name FROM t WHERE key > 240").await?;
    for shown in ["segments_total=4", "segments_pruned=2", "store_requests=", "store_bytes_read=", "row_groups_pruned", "inline_segments=1"]
    {
        assert!(text.contains(shown), "{shown}:\n{text}");
    }
    Ok(())
}

#[tokio::test]
async fn damaged_files_are_errors() -> TestResult {
    let test = table(1, Keep::Parquet).await?;
    let path = test.snapshot().await?.table("main", "t").and_then(|table| match &table.segments().next()?.body {
        clouddb_storage::segment::SegmentBody::Parquet(location) => Some(location.path.clone()),
        clouddb_storage::segment::SegmentBody::Inline(_) => None,
    });
    let path = path.ok_or("no file")?;
    let mut bytes = test.storage.store().get(&path).await?.to_vec();
    bytes[40] ^= 1;
    test.storage.store().put(&path, bytes.into()).await?;
    match answer(&test.context().await?, "SELECT * FROM t").await {
        Ok(answer) => panic!("damaged rows were read:\n{answer}"),
        Err(error) => assert!(error.to_string().contains(&path), "{error}"),
    }
    Ok(())
}

#[tokio::test]
async fn rows_with_nan_are_not_left_out() -> TestResult {
    let test = TestDatabase::new().await?;
    test.create("t", vec![column("x", DataType::Float64), column("y", DataType::Float64)], &[]).await?;
    // Many row groups and pages; the only NaN is in the middle.
    let x: Float64Array = (0..400_000).map(|row| if row == 200_000 { f64::NAN } else { f64::from(row) }).map(Some).collect();
    let y: Float64Array = (0..400_000).map(|row| Some(f64::from(row))).collect();
    let batch = RecordBatch::try_from_iter_with_nullable(vec![("x", Arc::new(x) as _, true), ("y", Arc::new(y) as _, true)])?;
    test.append("t", batch, Keep::Parquet).await?;
    let context = test.context().await?;
    for (filter, matching) in [("x > 1e9", 1), ("x = 'NaN'::DOUBLE", 1), ("x > 399998", 2), ("x < 0", 0), ("y > 1e9", 0)] {
        let (_, rows) = run(&context, &format!("SELECT * FROM t WHERE {filter}")).await?;
        assert_eq!(rows, matching, "{filter}");
    }
    assert!(answer(&context, "SELECT max(x) FROM t").await?.contains("NaN"));
    Ok(())
}

/// In a context without the rules of our sessions: DataFusion would leave out by `CAST(max AS TIME)`, in the plan and in the file.
#[tokio::test]
async fn casts_that_do_not_keep_the_order_leave_nothing_out() -> TestResult {
    for keep in [Keep::Parquet, Keep::Inline] {
        let test = TestDatabase::new().await?;
        let hour = 3_600_000_000;
        // Noon, and an hour past midnight of the next day.
        let times = TimestampMicrosecondArray::from(vec![12 * hour, 25 * hour, 26 * hour]);
        let numbers = Int64Array::from(vec![-1, 0, 1]);
        let batch =
            RecordBatch::try_from_iter_with_nullable(vec![("at", Arc::new(times) as _, true), ("n", Arc::new(numbers) as _, true)])?;
        test.create_like("t", &batch.schema(), &[]).await?;
        test.append("t", batch, keep).await?;
        test.append(
            "t",
            RecordBatch::try_from_iter_with_nullable(vec![
                ("at", Arc::new(TimestampMicrosecondArray::from(vec![hour, 2 * hour])) as _, true),
                ("n", Arc::new(Int64Array::from(vec![0, 1])) as _, true),
            ])?,
            keep,
        )
        .await?;
        // Without the guard that other mistakes of DataFusion's defaults ask for.
        let context = test.context().await?;
        for (filter, matching) in [("CAST(at AS TIME) > TIME '11:00:00'", 1), ("CAST(n AS BOOLEAN) = false", 2)] {
            let (_, rows) = run(&context, &format!("SELECT * FROM t WHERE {filter}")).await?;
            assert_eq!(rows, matching, "{keep:?} {filter}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn statistics_tell_how_many_values_differ() -> TestResult {
    for keep in [Keep::Parquet, Keep::Inline] {
        let test = table(4, keep).await?;
        append(&test, 300..350, keep).await?;
        let context = test.context().await?;
        let provider = context.table_provider("t").await?;
        let statistics = provider.statistics().ok_or("no statistics")?;
        let distinct = |column: usize| statistics.column_statistics[column].distinct_count;
        // The last segment has keys that another one has too; both count as all different, so they add up, until the range ends.
        assert_eq!(distinct(0), Precision::Inexact(250));
        assert_eq!(distinct(1), Precision::Inexact(250));
    }
    Ok(())
}
