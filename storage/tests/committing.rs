//! Committing in unusual circumstances: after a close, from another runtime, beside damage.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "a test may panic, and wait")]

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::DataType;
use clouddb_storage::catalog::{ColumnSpec, TableMeta};
use clouddb_storage::store::{Store, StoreKind};
use clouddb_storage::{AsOf, Database, Error, ErrorKind, OpenOptions, Result, Snapshot};
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;

fn memory() -> (Arc<InMemory>, Store) {
    let inner = Arc::new(InMemory::new());
    (Arc::clone(&inner), Store::from_object_store(inner, "", StoreKind::Memory, "memory"))
}

async fn open(store: &Store) -> Result<Database> {
    Database::open_store(store.clone(), OpenOptions { background: false, ..Default::default() }).await
}

async fn create(database: &Database) -> Result<()> {
    let mut transaction = database.begin(&database.snapshot().await?)?;
    let columns = vec![ColumnSpec::new("v", DataType::Int64, true)];
    transaction.create_table(TableMeta::new(transaction.new_table_id(), Default::default(), "t", columns, &[])?)?;
    transaction.commit().await.map(drop)
}

async fn insert(database: &Database, value: i64) -> Result<Snapshot> {
    let snapshot = database.snapshot().await?;
    let table = snapshot.table("main", "t").ok_or_else(|| Error::not_found("t"))?.meta().clone();
    let mut transaction = database.begin(&snapshot)?;
    let mut writer = transaction.writer(table.id)?;
    writer.write(RecordBatch::try_new(table.arrow_schema(), vec![Arc::new(Int64Array::from(vec![value]))])?).await?;
    let staged = writer.finish().await?;
    transaction.append(table.id, staged)?;
    transaction.commit().await
}

async fn rows(store: &Store) -> Result<u64> {
    let snapshot = open(store).await?.snapshot().await?;
    Ok(snapshot.table("main", "t").map_or(0, |table| table.rows()))
}

#[tokio::test]
async fn commits_after_a_close_are_kept() -> Result<()> {
    let (_, store) = memory();
    let database = open(&store).await?;
    create(&database).await?;
    for value in 0..5 {
        insert(&database, value).await?;
        database.close().await;
    }
    assert_eq!(rows(&store).await?, 5);
    Ok(())
}

#[test]
fn commits_from_one_runtime_after_the_other_are_kept() -> Result<()> {
    let (_, store) = memory();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = runtime().block_on(open(&store))?;
    runtime().block_on(create(&database))?;
    for value in 0..5 {
        runtime().block_on(insert(&database, value))?;
    }
    assert_eq!(runtime().block_on(rows(&store))?, 5);
    Ok(())
}

#[tokio::test]
async fn a_missing_record_is_damage_and_not_the_end_of_the_log() -> Result<()> {
    let (inner, store) = memory();
    let database = open(&store).await?;
    create(&database).await?;
    for value in 0..5 {
        insert(&database, value).await?;
    }
    inner.delete(&Path::from("log/000000000000/0000000000000004")).await.map_err(|e| Error::internal(e.to_string()))?;
    let error = open(&store).await.err();
    assert_eq!(error.map(|e| e.kind()), Some(ErrorKind::Corrupt));
    // One that had read it already goes on; snapshots behind the gap cannot be built again, those before it can.
    assert_eq!(database.snapshot().await?.number(), 6);
    assert_eq!(database.snapshot_at(AsOf::Snapshot(3)).await?.number(), 3);
    assert_eq!(database.snapshot_at(AsOf::Snapshot(4)).await.err().map(|e| e.kind()), Some(ErrorKind::Corrupt));
    assert_eq!(database.snapshot_at(AsOf::Snapshot(5)).await.err().map(|e| e.kind()), Some(ErrorKind::Corrupt));
    Ok(())
}
