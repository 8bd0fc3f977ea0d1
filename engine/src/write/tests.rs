//! Tests of writing plans' rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use clouddb_storage::segment::reader::read_inline;
use clouddb_storage::{Error, StagedSegment, TableWriter};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::prelude::SessionContext;

use super::write_plan;
use crate::catalog::testing::{TestDatabase, TestResult, answer, column, config};

/// A batch of numbers that follow each other.
fn numbers(range: std::ops::Range<i64>) -> TestResult<RecordBatch> {
    Ok(RecordBatch::try_from_iter_with_nullable(vec![("n", Arc::new(Int64Array::from_iter_values(range)) as _, true)])?)
}

fn schema() -> TestResult<SchemaRef> {
    Ok(numbers(0..0)?.schema())
}

fn plan(partitions: &[Vec<RecordBatch>]) -> TestResult<Arc<dyn ExecutionPlan>> {
    Ok(MemorySourceConfig::try_new_exec(partitions, schema()?, None)?)
}

fn batches(count: i64) -> TestResult<Vec<RecordBatch>> {
    (0..count).map(|at| numbers(at * 8192..(at + 1) * 8192)).collect()
}

fn context(writers: usize) -> Arc<TaskContext> {
    SessionContext::new_with_config(config().with_target_partitions(writers)).task_ctx()
}

struct Written {
    segments: Vec<StagedSegment>,
    rows: u64,
    writers: usize,
    /// The table's numbers in the order of a scan in one partition.
    scanned: Vec<i64>,
}

/// Writes a plan to a new table, commits it, and reads it back.
async fn write(plan: Arc<dyn ExecutionPlan>, writers: usize) -> TestResult<Written> {
    let test = TestDatabase::new().await?;
    test.create("t", vec![column("n", DataType::Int64)], &[]).await?;
    let mut transaction = test.storage.begin(&test.snapshot().await?)?;
    let table = transaction.snapshot().table("main", "t").ok_or("no table")?.meta().id;
    let made = AtomicUsize::new(0);
    let make = || -> clouddb_storage::Result<TableWriter> {
        made.fetch_add(1, Ordering::Relaxed);
        transaction.writer(table)
    };
    let (segments, rows) = write_plan(make, plan, context(writers)).await?;
    transaction.append(table, segments.clone())?;
    transaction.commit().await?;
    let context = test.context_with(|config| config.with_target_partitions(1)).await?;
    let scanned = context.sql("SELECT n FROM t").await?.collect().await?;
    let scanned = scanned.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect();
    Ok(Written { segments, rows, writers: made.into_inner(), scanned })
}

#[tokio::test]
async fn a_small_input_keeps_its_order() -> TestResult {
    for count in [0, 1, 7] {
        let written = write(plan(&[batches(count)?])?, 4).await?;
        assert_eq!((written.rows, written.writers), (count as u64 * 8192, 1));
        assert_eq!(written.scanned, (0..count * 8192).collect::<Vec<_>>());
    }
    Ok(())
}

#[tokio::test]
async fn a_handful_of_rows_is_one_inline_segment() -> TestResult {
    let test = TestDatabase::new().await?;
    test.create("t", vec![column("n", DataType::Int64)], &[]).await?;
    let transaction = test.storage.begin(&test.snapshot().await?)?;
    let table = transaction.snapshot().table("main", "t").ok_or("no table")?;
    let (segments, _) = write_plan(|| transaction.writer(table.meta().id), plan(&[vec![numbers(0..3)?]])?, context(4)).await?;
    let [segment] = segments.as_slice() else { panic!("{segments:?}") };
    assert_eq!(read_inline(table.meta(), segment.meta())?.iter().map(RecordBatch::num_rows).sum::<usize>(), 3);
    Ok(())
}

#[tokio::test]
async fn a_large_input_is_dealt_out_the_same_way_every_time() -> TestResult {
    let once = write(plan(&[batches(40)?])?, 3).await?;
    assert_eq!((once.rows, once.writers, once.segments.len()), (40 * 8192, 3, 3));
    let mut sorted = once.scanned.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..40 * 8192).collect::<Vec<_>>());
    assert_eq!(write(plan(&[batches(40)?])?, 3).await?.scanned, once.scanned);
    Ok(())
}

#[tokio::test]
async fn a_large_input_with_an_order_keeps_it() -> TestResult {
    let mut descending = batches(20)?;
    descending.reverse();
    let by_number = PhysicalSortExpr::new_default(col("n", schema()?.as_ref())?);
    let sort = SortExec::new(LexOrdering::new([by_number]).ok_or("no order")?, plan(&[descending])?);
    let written = write(Arc::new(sort), 4).await?;
    assert_eq!(written.writers, 1);
    assert!(written.scanned.is_sorted());
    assert_eq!(written.rows, 20 * 8192);
    Ok(())
}

#[tokio::test]
async fn partitions_are_written_in_their_order_by_few_writers() -> TestResult {
    let partitions = (0..7).map(|at| Ok(vec![numbers(at * 2000..(at + 1) * 2000)?])).collect::<TestResult<Vec<_>>>()?;
    let written = write(plan(&partitions)?, 7).await?;
    assert_eq!((written.writers, written.segments.len()), (7, 7));
    assert_eq!(written.scanned, (0..14_000).collect::<Vec<_>>());
    let written = write(plan(&partitions)?, 3).await?;
    assert_eq!((written.writers, written.rows), (3, 14_000));
    Ok(())
}

#[tokio::test]
async fn an_error_anywhere_ends_all() -> TestResult {
    let test = TestDatabase::new().await?;
    test.create("t", vec![column("n", DataType::Int64)], &[]).await?;
    let context = test.context().await?;
    // The source fails late, behind many rows, in one partition and in several.
    for source in
        ["generate_series(1, 300000)", "(SELECT value FROM generate_series(1, 300000) UNION ALL SELECT value FROM generate_series(1, 9))"]
    {
        let failing = context.sql(&format!("SELECT 10 / (value - 290000) FROM {source}")).await?.create_physical_plan().await?;
        let transaction = test.storage.begin(&test.snapshot().await?)?;
        let table = transaction.snapshot().table("main", "t").ok_or("no table")?.meta().id;
        let written = write_plan(|| transaction.writer(table), failing, context.task_ctx()).await;
        assert!(written.is_err_and(|error| error.to_string().contains("Divide by zero")));
    }
    // A writer fails: values that are not the table's type.
    let names = context.sql("SELECT value::VARCHAR FROM generate_series(1, 300000)").await?.create_physical_plan().await?;
    let transaction = test.storage.begin(&test.snapshot().await?)?;
    let table = transaction.snapshot().table("main", "t").ok_or("no table")?.meta().id;
    let written = write_plan(|| transaction.writer(table), names, context.task_ctx()).await;
    assert!(written.is_err_and(|error| error.to_string().contains("column 'n'")));
    // No writer can be made.
    let none = || Err(Error::read_only("nobody writes here"));
    assert!(write_plan(none, plan(&[batches(1)?])?, context.task_ctx()).await.is_err_and(|error| error.to_string().contains("nobody")));
    assert!(answer(&test.context().await?, "SELECT count(*) FROM t").await?.contains("| 0 "));
    Ok(())
}
