//! The cache of columns: loads once, keeps its budget, keeps no error.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::DataType;
use clouddb_storage::catalog::{ColumnSpec, TableMeta};
use clouddb_storage::segment::SegmentBody;
use clouddb_storage::segment::reader::read_footer;
use clouddb_storage::{Database, OpenOptions};
use futures::future::try_join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::TestResult;
use crate::chunk::Rows;
use crate::{ColumnCache, ColumnShape, RowGroup};

const ROWS: i64 = 300_000;

/// A segment with three row groups, whose column `n` counts and whose column `s` repeats.
async fn row_groups() -> TestResult<(Database, Vec<RowGroup>)> {
    let database = Database::open("memory://", OpenOptions::default()).await?;
    let mut transaction = database.begin(&database.snapshot().await?)?;
    let schema = match transaction.snapshot().schema("main").map(|schema| schema.id) {
        Some(schema) => schema,
        None => transaction.create_schema("main", None)?,
    };
    let columns = vec![
        ColumnSpec::new("n", DataType::Int64, false),
        ColumnSpec::new("s", DataType::Utf8View, true),
        ColumnSpec::new("noise", DataType::Int64, false),
    ];
    let table = TableMeta::new(transaction.new_table_id(), schema, "t", columns, &[])?;
    let shapes: Arc<[ColumnShape]> = table
        .columns
        .iter()
        .map(|column| ColumnShape {
            field_id: column.id(),
            physical_name: column.physical_name().to_owned(),
            data_type: column.data_type().clone(),
        })
        .collect();
    let id = table.id;
    transaction.create_table(table)?;
    let mut writer = transaction.writer(id)?.without_inline();
    let numbers: ArrayRef = Arc::new((0..ROWS).map(Some).collect::<Int64Array>());
    let texts: ArrayRef = Arc::new((0..ROWS).map(|row| Some(format!("text {}", row % 10))).collect::<StringViewArray>());
    // What no encoding shortens: a file that is not read whole with its footer.
    let random = &mut StdRng::seed_from_u64(1);
    let noise: ArrayRef = Arc::new((0..ROWS).map(|_| Some(random.random::<i64>())).collect::<Int64Array>());
    writer.write(RecordBatch::try_from_iter(vec![("n", numbers), ("s", texts), ("noise", noise)])?).await?;
    let mut groups = Vec::new();
    for segment in writer.finish().await? {
        let SegmentBody::Parquet(location) = &segment.meta().body else { continue };
        let footer = Arc::new(read_footer(database.store(), location).await?);
        for number in 0..footer.metadata().num_row_groups() {
            let segment = Arc::new(segment.meta().clone());
            groups.push(RowGroup::new(segment, Arc::clone(&footer), number, Arc::clone(&shapes)));
        }
    }
    assert_eq!(groups.len(), 3);
    Ok((database, groups))
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_load_a_column_once() -> TestResult {
    let (database, groups) = row_groups().await?;
    let cache = ColumnCache::new(64 << 20);
    let store = database.store().counting_separately();
    let callers = (0..32).map(|caller| {
        let (cache, store, group) = (cache.clone(), store.clone(), groups[0].clone());
        // Some want both columns, some one of them.
        let columns: Vec<usize> = [vec![0], vec![0, 1], vec![1]][caller % 3].clone();
        async move {
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(
                tokio::spawn(async move { cache.load(&store, &group, &columns).finish().await }).await??,
            )
        }
    });
    try_join_all(callers).await?;
    let counts = cache.counts();
    assert_eq!(counts.entries, 2, "{counts:?}");
    assert!(store.counts().gets <= 2, "{:?}", store.counts());
    assert!(counts.bytes > 0 && counts.hits + counts.misses == 43, "{counts:?}");
    let again = cache.load(&store, &groups[0], &[0, 1]);
    assert_eq!(again.missing(), 0);
    let chunks = again.finish().await?;
    assert_eq!(chunks[0].gather(Rows::Range(5, 6))?.as_ref(), &Int64Array::from(vec![5]) as &dyn arrow::array::Array);
    Ok(())
}

#[tokio::test]
async fn the_budget_holds_and_may_be_nothing() -> TestResult {
    let (database, groups) = row_groups().await?;
    for budget in [0, 200_000, 64 << 20] {
        let cache = ColumnCache::new(budget);
        for _ in 0..3 {
            for (number, group) in groups.iter().enumerate() {
                let chunks = cache.load(database.store(), group, &[1, 0]).finish().await?;
                let first = number as i64 * 128 * 1024;
                assert_eq!(chunks[1].gather(Rows::Indices(&[0]))?.as_ref(), &Int64Array::from(vec![first]) as &dyn arrow::array::Array);
            }
        }
        let counts = cache.counts();
        assert!(counts.bytes <= budget, "{counts:?}");
        assert_eq!(counts.entries == 0, budget == 0, "{counts:?}");
        // Where not all fit, some are loaded again.
        assert_eq!((counts.misses == 6, counts.evictions == 0), (budget == 64 << 20, budget != 200_000), "{counts:?}");
    }
    Ok(())
}

#[tokio::test]
async fn errors_are_not_kept() -> TestResult {
    let (database, groups) = row_groups().await?;
    let SegmentBody::Parquet(location) = &groups[0].segment.body else { return Err("no file".into()) };
    let bytes = database.store().get(&location.path).await?;
    let mut damaged = bytes.to_vec();
    for byte in &mut damaged[..1000] {
        *byte ^= 0x55;
    }
    database.store().put(&location.path, damaged.into()).await?;
    let cache = ColumnCache::new(64 << 20);
    let error = cache.load(database.store(), &groups[0], &[0]).finish().await.err().ok_or("damaged bytes were decoded")?;
    assert_eq!(error.kind(), clouddb_storage::ErrorKind::Corrupt, "{error}");
    assert_eq!(cache.counts().entries, 0);
    database.store().put(&location.path, bytes).await?;
    assert_eq!(cache.load(database.store(), &groups[0], &[0]).finish().await?[0].rows(), groups[0].rows());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pinned_stays_and_takes_its_room_from_the_others() -> TestResult {
    let (database, groups) = row_groups().await?;
    let store = database.store();
    let one = ColumnCache::new(64 << 20).load(store, &groups[0], &[2]).finish().await?[0].memory_size() as u64;
    let cache = ColumnCache::new(2 * one + one / 8);
    cache.pin(store, &groups[0], &[2]).await?;
    cache.pin(store, &groups[0], &[2]).await?;
    for _ in 0..5 {
        for group in &groups {
            cache.load(store, group, &[0, 1, 2]).finish().await?;
        }
    }
    let counts = cache.counts();
    assert!(counts.bytes <= counts.budget && counts.evictions > 0, "{counts:?}");
    assert_eq!(cache.load(store, &groups[0], &[2]).missing(), 0);
    let pinned: Vec<_> = cache.entries().into_iter().filter(|entry| entry.pinned).map(|entry| (entry.key, entry.bytes)).collect();
    assert_eq!(pinned.len(), 1);
    assert_eq!(pinned[0].1, one);
    // What does not fit is not pinned, and what was stays.
    cache.pin(store, &groups[1], &[2]).await?;
    let error = cache.pin(store, &groups[2], &[2]).await.err();
    assert!(error.is_some_and(|error| error.message().contains("pinned")));
    assert_eq!(cache.entries().iter().filter(|entry| entry.pinned).count(), 2);
    assert!(cache.counts().bytes <= cache.counts().budget, "{:?}", cache.counts());
    // Forgotten, its room is the others' again.
    let keys: Vec<_> = cache.entries().into_iter().map(|entry| entry.key).collect();
    cache.forget(keys);
    assert_eq!((cache.counts().entries, cache.counts().bytes), (0, 0));
    cache.load(store, &groups[1], &[2]).finish().await?;
    assert_eq!(cache.load(store, &groups[1], &[2]).missing(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_budget_nothing_can_be_pinned() -> TestResult {
    let (database, groups) = row_groups().await?;
    let cache = ColumnCache::new(0);
    assert!(cache.pin(database.store(), &groups[0], &[0]).await.is_err());
    assert_eq!(cache.counts().entries, 0);
    Ok(())
}
