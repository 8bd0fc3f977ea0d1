//! Tests of the cache of footers.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::DataType;
use clouddb_storage::catalog::{ColumnSpec, TableMeta};
use clouddb_storage::segment::{ParquetLocation, SegmentBody};
use clouddb_storage::{Database, OpenOptions, SegmentId};
use futures::future::try_join_all;

use crate::FooterCache;
use crate::tests::TestResult;

/// Writes segments of one row each, which no table needs to have.
pub(super) async fn segments(count: usize) -> TestResult<(Database, Vec<(SegmentId, ParquetLocation)>)> {
    let database = Database::open("memory://", OpenOptions::default()).await?;
    let mut transaction = database.begin(&database.snapshot().await?)?;
    let schema = match transaction.snapshot().schema("main").map(|schema| schema.id) {
        Some(schema) => schema,
        None => transaction.create_schema("main", None)?,
    };
    let columns = vec![ColumnSpec::new("n", DataType::Int64, false)];
    let table = TableMeta::new(transaction.new_table_id(), schema, "t", columns, &[])?;
    let id = table.id;
    transaction.create_table(table)?;
    let mut written = Vec::new();
    for number in 0..count {
        let mut writer = transaction.writer(id)?.without_inline();
        writer.write(RecordBatch::try_from_iter(vec![("n", Arc::new(Int64Array::from(vec![number as i64])) as _)])?).await?;
        for segment in writer.finish().await? {
            if let SegmentBody::Parquet(location) = &segment.meta().body {
                written.push((segment.meta().id, location.clone()));
            }
        }
    }
    assert_eq!(written.len(), count);
    Ok((database, written))
}

#[tokio::test(flavor = "multi_thread")]
async fn many_readers_cause_one_request() -> TestResult {
    let (database, segments) = segments(1).await?;
    let cache = FooterCache::default();
    let store = database.store().counting_separately();
    let readers = (0..50).map(|_| cache.footer(&store, segments[0].0, &segments[0].1));
    for footer in try_join_all(readers).await? {
        assert_eq!(footer.metadata().file_metadata().num_rows(), 1);
    }
    assert_eq!(store.counts().gets, 1);
    let counts = cache.counts().await;
    assert_eq!((counts.loads, counts.hits, counts.entries), (1, 49, 1));
    assert!(counts.bytes > 0);
    Ok(())
}

#[tokio::test]
async fn the_budget_holds() -> TestResult {
    let (database, segments) = segments(40).await?;
    let one = FooterCache::default();
    one.footer(database.store(), segments[0].0, &segments[0].1).await?;
    let budget = one.counts().await.bytes * 10;
    let cache = FooterCache::new(budget);
    for _ in 0..3 {
        for (id, location) in &segments {
            cache.footer(database.store(), *id, location).await?;
        }
    }
    let counts = cache.counts().await;
    assert!(counts.bytes <= budget && counts.entries > 0, "{counts:?} in {budget}");
    // What does not fit at all is read every time.
    let none = FooterCache::new(1);
    for _ in 0..2 {
        none.footer(database.store(), segments[0].0, &segments[0].1).await?;
        assert_eq!(none.counts().await.bytes, 0);
    }
    assert_eq!(none.counts().await.loads, 2);
    Ok(())
}

#[tokio::test]
async fn errors_are_not_kept() -> TestResult {
    let (database, segments) = segments(1).await?;
    let (id, location) = &segments[0];
    let cache = FooterCache::default();
    let bytes = database.store().get(&location.path).await?;
    let mut damaged = bytes.to_vec();
    if let Some(last) = damaged.last_mut() {
        *last ^= 1;
    }
    database.store().put(&location.path, damaged.into()).await?;
    assert!(cache.footer(database.store(), *id, location).await.is_err());
    assert!(!cache.contains(*id));
    database.store().put(&location.path, bytes).await?;
    let footer = cache.footer(database.store(), *id, location).await?;
    // A footer that is there stays; one that comes later is not needed.
    cache.insert(*id, Arc::clone(&footer)).await;
    assert_eq!(cache.counts().await.entries, 1);
    Ok(())
}
