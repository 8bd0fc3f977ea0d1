//! The order of a clustered table of several files, below a filter with a LIMIT: partitions that take work from each other would lose it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use clouddb_engine::{Database, Options, StatementResult};
use datafusion::prelude::{SessionConfig, SessionContext};

/// How often: by itself, on one thread, the mistake shows at once; the rest is for threads that interleave otherwise.
const RUNS: usize = 40;

fn keys(batches: &[RecordBatch]) -> Vec<i64> {
    batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
}

#[tokio::test]
async fn a_filter_with_a_limit_keeps_the_order() {
    let open = async |threads| Database::open("memory://order", Options { threads: Some(threads), ..Options::default() }).await.unwrap();
    // Written by one thread, so that there is one file for each INSERT: as many as there are partitions to read them.
    let writer = open(1).await;
    let mut session = writer.session();
    session.execute("CREATE TABLE t (k BIGINT, s VARCHAR) CLUSTER BY (k)").await.unwrap();
    for rows in [10_000, 30_000] {
        let value = "CASE WHEN range % 20 = 0 THEN NULL ELSE 'x' || range END";
        session.execute(&format!("INSERT INTO t SELECT range * 7919 % 20011, {value} FROM range(1, {rows})")).await.unwrap();
    }
    let database = open(2).await;
    let mut session = database.session();
    let mut expected: Vec<i64> =
        [10_000, 30_000].iter().flat_map(|rows| (1..*rows).filter(|value| value % 20 == 0).map(|value| value * 7919 % 20011)).collect();
    expected.sort_unstable();
    expected.truncate(1000);
    let query = "SELECT k FROM t WHERE s IS NULL ORDER BY k LIMIT 1000";
    for run in 0..RUNS {
        let StatementResult::Rows(rows) = session.execute(query).await.unwrap() else { panic!("no rows") };
        assert_eq!(keys(&rows.collect().await.unwrap()), expected, "run {run}");
    }
    let plan = format!("EXPLAIN {query}");
    let StatementResult::Rows(rows) = session.execute(&plan).await.unwrap() else { panic!("no rows") };
    let plan = format!("{:?}", rows.collect().await.unwrap());
    assert!(plan.contains("output_ordering") && plan.contains("SortPreservingMergeExec"), "the order is not used: {plan}");
    // The same in a context of somebody else's, with DataFusion's defaults.
    let config = SessionConfig::new().with_default_catalog_and_schema("db", "main").with_target_partitions(2);
    let context = SessionContext::new_with_config(config);
    context.register_catalog("db", database.catalog().await.unwrap());
    for run in 0..RUNS {
        assert_eq!(keys(&context.sql(query).await.unwrap().collect().await.unwrap()), expected, "run {run} in another context");
    }
}
