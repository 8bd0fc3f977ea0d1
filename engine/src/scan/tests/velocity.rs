//! Scans through the cache: shared work, filters that come late, budgets.

use std::sync::Arc;

use arrow::array::{AsArray, Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, Int64Type};
use clouddb_cache::ColumnCache;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::catalog::testing::{Keep, TestDatabase, TestResult, column, metric, sorted_rows};
use crate::optimizer::CloudOptions;

const ROWS: i64 = 600_000;

/// A table `t` of five row groups, in one segment or several, and a small one, `few`, with three of its keys.
async fn tables(segments: i64) -> TestResult<TestDatabase> {
    let test = TestDatabase::new().await?;
    test.create("t", vec![column("key", DataType::Int64), column("name", DataType::Utf8View)], &[]).await?;
    for segment in 0..segments {
        let keys = segment * ROWS / segments..(segment + 1) * ROWS / segments;
        let names = keys.clone().map(|key| Some(format!("name {}", key % 1000))).collect::<StringViewArray>();
        let keys: Int64Array = keys.map(Some).collect();
        let columns = vec![("key", Arc::new(keys) as _, true), ("name", Arc::new(names) as _, true)];
        test.append("t", RecordBatch::try_from_iter_with_nullable(columns)?, Keep::Parquet).await?;
    }
    test.create("few", vec![column("id", DataType::Int64)], &[]).await?;
    let ids = Int64Array::from(vec![Some(300_001), Some(300_500), None, Some(300_999)]);
    test.append("few", RecordBatch::try_from_iter_with_nullable(vec![("id", Arc::new(ids) as _, true)])?, Keep::Parquet).await?;
    Ok(test)
}

/// A context whose partitions take work from each other, as our own sessions' do.
async fn sharing(test: &TestDatabase) -> TestResult<SessionContext> {
    let ours = |config: SessionConfig| config.with_option_extension(CloudOptions::default());
    test.context_with(|config| ours(config).set_bool("datafusion.execution.enable_file_stream_work_stealing", true)).await
}

async fn rows_of(context: &SessionContext, plan: &Arc<dyn ExecutionPlan>) -> TestResult<usize> {
    Ok(collect(Arc::clone(plan), context.task_ctx()).await?.iter().map(RecordBatch::num_rows).sum())
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_share_the_work_and_a_plan_can_run_again() -> TestResult {
    for segments in [1, 7] {
        let test = tables(segments).await?;
        let context = sharing(&test).await?;
        let plan = context.sql("SELECT name FROM t WHERE key % 3 = 0").await?.create_physical_plan().await?;
        for _ in 0..3 {
            assert_eq!(rows_of(&context, &plan).await?, 200_000);
        }
        // Each partition on its own queue, where partitions may run in different places.
        let context = test.context().await?;
        let plan = context.sql("SELECT name FROM t WHERE key % 3 = 0").await?.create_physical_plan().await?;
        assert_eq!(rows_of(&context, &plan).await?, 200_000);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_top_k_reads_first_where_its_rows_are() -> TestResult {
    for (segments, skipped, pruned) in [(1, 0, 4), (6, 5, 0)] {
        let test = tables(segments).await?;
        let one = |config: SessionConfig| config.with_option_extension(CloudOptions::default()).with_target_partitions(1);
        let context = test.context_with(one).await?;
        for (order, first) in [("DESC", ROWS - 1), ("ASC", 0), ("DESC NULLS LAST", ROWS - 1)] {
            let plan = context.sql(&format!("SELECT key FROM t ORDER BY key {order} LIMIT 3")).await?.create_physical_plan().await?;
            let batches = collect(Arc::clone(&plan), context.task_ctx()).await?;
            let keys: Vec<i64> = batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect();
            let step = if first == 0 { 1 } else { -1 };
            assert_eq!(keys, [first, first + step, first + 2 * step], "{segments} {order}");
            // NULLs would come first, and nobody can tell that a row group has none before it is read: not of a filter that lets them through.
            if order != "DESC" {
                let left_out = (metric(&plan, "segments_skipped"), metric(&plan, "row_groups_pruned"));
                assert_eq!(left_out, (skipped, pruned), "{segments} {order}");
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_of_joins_and_top_k_leave_out_row_groups() -> TestResult {
    let test = tables(1).await?;
    let context = sharing(&test).await?;
    let plan = context.sql("SELECT name FROM few JOIN t ON id = key").await?.create_physical_plan().await?;
    assert_eq!(rows_of(&context, &plan).await?, 3);
    assert_eq!(metric(&plan, "row_groups_pruned"), 4);
    // One partition, so that the first row group is done before the next one begins.
    let one = |config: SessionConfig| config.with_option_extension(CloudOptions::default()).with_target_partitions(1);
    let context = test.context_with(one).await?;
    let plan = context.sql("SELECT name FROM t ORDER BY key LIMIT 5").await?.create_physical_plan().await?;
    assert_eq!(rows_of(&context, &plan).await?, 5);
    assert!(metric(&plan, "row_groups_pruned") >= 3, "{}", metric(&plan, "row_groups_pruned"));
    Ok(())
}

#[tokio::test]
async fn columns_of_the_output_are_read_only_where_a_row_is_wanted() -> TestResult {
    let test = tables(1).await?;
    let context = test.context_with(|config| config.with_target_partitions(1)).await?;
    // 7 is no multiple of 1000 away from a key that ends in 500: nothing matches, but bounds cannot tell.
    let sql = "SELECT name FROM t WHERE key % 1000 = 7 AND key % 10 = 3";
    let plan = context.sql(sql).await?.create_physical_plan().await?;
    assert_eq!(rows_of(&context, &plan).await?, 0);
    assert_eq!((metric(&plan, "row_groups_total"), metric(&plan, "row_groups_empty")), (5, 5));
    // The first row groups are asked for with all columns; then it is known that this does not pay.
    assert!(metric(&plan, "cache_misses") < 10, "{}", metric(&plan, "cache_misses"));
    // The second time everything that is needed is there.
    let plan = context.sql(sql).await?.create_physical_plan().await?;
    assert_eq!((rows_of(&context, &plan).await?, metric(&plan, "store_requests")), (0, 0));
    Ok(())
}

#[tokio::test]
async fn any_budget_gives_the_same_answers() -> TestResult {
    let mut test = tables(3).await?;
    let queries = [
        "SELECT count(*), sum(key), min(name), max(name) FROM t",
        "SELECT name, count(*) FROM t WHERE key BETWEEN 100000 AND 400000 AND name LIKE '%7%' GROUP BY name",
        "SELECT key FROM t WHERE name = 'name 500' AND key > 599000",
        "SELECT t.key, name FROM t JOIN few ON key = id OR key = id + 1",
    ];
    let mut answers = Vec::new();
    for budget in [0, 300_000, 64 << 20] {
        test.caches.columns = ColumnCache::new(budget);
        let context = sharing(&test).await?;
        let mut of_budget = Vec::new();
        for query in queries {
            of_budget.push(sorted_rows(&context, query).await?);
            assert_eq!(&sorted_rows(&context, query).await?, of_budget.last().ok_or("no answer")?);
        }
        assert!(test.caches.columns.counts().bytes <= budget);
        answers.push(of_budget);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    Ok(())
}
