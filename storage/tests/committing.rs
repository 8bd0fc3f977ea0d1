//! Committing in unusual circumstances: after a close, from another runtime, beside damage.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "a test may panic, and wait")]

#[path = "support/flaky.rs"]
mod flaky;

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::DataType;
use clouddb_storage::catalog::{ColumnSpec, TableMeta};
use clouddb_storage::store::{Store, StoreKind};
use clouddb_storage::{AsOf, Database, Error, ErrorKind, OpenOptions, Result, Snapshot};
use flaky::{Fault, Flaky, NoWaiting};
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
    create_on(database, &database.snapshot().await?).await
}

async fn create_on(database: &Database, snapshot: &Snapshot) -> Result<()> {
    let mut transaction = database.begin(snapshot)?;
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

#[tokio::test]
async fn a_database_is_created_although_the_store_does_not_answer_at_once() -> Result<()> {
    for (prefix, fault) in [
        ("GET clouddb.json", Fault::Lost),
        ("CREATE clouddb.json", Fault::Lost),
        // It was created; then the probe finds it.
        ("CREATE clouddb.json", Fault::LostAnswer),
    ] {
        for times in [1, 4] {
            let (flaky, clock) = (Flaky::new(), Arc::new(NoWaiting::default()));
            let options = OpenOptions { background: false, env: clock.env(), ..Default::default() };
            let database = Database::open_store(flaky.store(), options).await?;
            let snapshot = database.snapshot().await?;
            flaky.fail_next(times, prefix, fault);
            create_on(&database, &snapshot).await?;
            assert!(clock.waited() > Duration::ZERO, "{prefix} {fault:?}: it must not hurry");
            assert_eq!(rows(&flaky.store()).await?, 0);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_probe_without_an_answer_is_made_again() -> Result<()> {
    let (flaky, clock) = (Flaky::new(), Arc::new(NoWaiting::default()));
    create(&open(&flaky.store()).await?).await?;
    let database = Database::open_store(flaky.store(), OpenOptions { env: clock.env(), ..Default::default() }).await?;
    flaky.fail_next(3, "CREATE clouddb.json", Fault::Lost);
    insert(&database, 1).await?;
    assert!(clock.waited() > Duration::ZERO);
    // It is not waited for ever, and nothing was committed.
    let database = Database::open_store(flaky.store(), OpenOptions { env: clock.env(), ..Default::default() }).await?;
    flaky.fail(|request| (request == "CREATE clouddb.json").then_some(Fault::Lost));
    let error = insert(&database, 2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!((Duration::from_secs(2)..Duration::from_secs(20)).contains(&clock.waited()), "{:?}", clock.waited());
    flaky.fail(|_| None);
    insert(&database, 3).await?;
    assert_eq!(rows(&flaky.store()).await?, 2);
    Ok(())
}

#[tokio::test]
async fn another_database_in_the_same_folder_gets_no_record_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("db");
    let store = || async { Store::connect(place.to_str().unwrap(), &[]).await.unwrap() };
    let old = open(&store().await).await.unwrap();
    create(&old).await.unwrap();
    insert(&old, 1).await.unwrap();
    std::fs::remove_dir_all(&place).unwrap();
    let new = open(&store().await).await.unwrap();
    create(&new).await.unwrap();
    insert(&new, 10).await.unwrap();
    // The old one's next slot is the new one's, too.
    let error = insert(&old, 2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.message().contains("another database"), "{error}");
    insert(&new, 11).await.unwrap();
    let again = open(&store().await).await.unwrap();
    assert_eq!(again.snapshot().await.unwrap().number(), 3);
}
