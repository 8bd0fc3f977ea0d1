//! Committing in unusual circumstances: after a close, from another runtime, beside damage.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "a test may panic, and wait")]

#[path = "support/flaky.rs"]
mod flaky;

use std::io;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::array::{Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::DataType;
use clouddb_storage::catalog::{ColumnSpec, TableMeta};
use clouddb_storage::store::local::simulated::{SimulatedDisk, Step};
use clouddb_storage::store::local::{Disk, DurableLocal, Reading, Stat, Writing};
use clouddb_storage::store::{Store, StoreKind};
use clouddb_storage::{AsOf, Database, Error, ErrorKind, OpenMode, OpenOptions, Result, Snapshot};
use flaky::{Fault, Flaky, NoWaiting};
use futures::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

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
    let error = insert(&database, 2).await.map(drop).unwrap_err();
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

/// A database on a disk that fails on command.
async fn on_a_disk() -> Result<(SimulatedDisk, Store, Database)> {
    let disk = SimulatedDisk::new();
    let store = Store::from_local(DurableLocal::on(Arc::new(disk.clone()), "/db"), "/db");
    let database = open(&store).await?;
    create(&database).await?;
    Ok((disk, store, database))
}

#[tokio::test]
async fn a_disk_that_failed_is_not_written_to_again() -> Result<()> {
    let (disk, store, database) = on_a_disk().await?;
    insert(&database, 1).await?;
    disk.fail_next(Step::SyncFolder, std::io::ErrorKind::Other);
    assert_eq!(insert(&database, 2).await.map(drop).unwrap_err().kind(), ErrorKind::OutcomeUnknown);
    for close in [false, true, true] {
        if close {
            database.close().await;
        }
        let error = insert(&database, 3).await.map(drop).unwrap_err();
        assert!(error.kind() == ErrorKind::Unavailable && error.message().contains("nothing was committed"), "{error:?}");
    }
    // Whoever opens it again has looked at the disk, or has another one.
    let again = open(&store).await?;
    insert(&again, 4).await?;
    assert_eq!(again.snapshot().await?.table("main", "t").map(|table| table.rows()), Some(3));
    Ok(())
}

#[tokio::test]
async fn a_database_that_was_replaced_is_not_written_to() -> Result<()> {
    for after in [0, 1] {
        let (inner, store) = memory();
        let old = open(&store).await?;
        create(&old).await?;
        for value in 0..5 {
            insert(&old, value).await?;
        }
        // One that has read the old database and has not written to it yet.
        let reader = Database::open_store(store.clone(), OpenOptions { mode: OpenMode::MustExist, ..Default::default() }).await?;
        let snapshot = reader.snapshot().await?;
        drop(old);
        let (paths, deleted) = (inner.list(None).map_ok(|object| object.location).boxed(), Arc::clone(&inner));
        deleted.delete_stream(paths).try_collect::<Vec<_>>().await.unwrap();
        if after == 1 {
            create(&open(&store).await?).await?;
        }
        let before = store.list("").await?;
        let mut transaction = reader.begin(&snapshot)?;
        transaction.create_schema("another", None)?;
        let error = transaction.commit().await.map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
        assert!(error.message().contains("deleted") || error.message().contains("replaced"), "{error}");
        assert_eq!(store.list("").await?, before);
        assert!(after == 0 || rows(&store).await? == 0);
    }
    Ok(())
}

#[tokio::test]
async fn a_log_without_its_identity_is_damage_and_not_a_new_database() -> Result<()> {
    for mode in [OpenMode::Create, OpenMode::MustExist, OpenMode::ReadOnly] {
        let (inner, store) = memory();
        create(&open(&store).await?).await?;
        inner.delete(&Path::from("clouddb.json")).await.unwrap();
        let error = Database::open_store(store, OpenOptions { mode, ..Default::default() }).await.map(drop).unwrap_err();
        assert!(error.kind() == ErrorKind::Corrupt && error.message().contains("'clouddb.json'"), "{mode:?}: {error:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_manifest_belongs_to_its_database_from_the_first_transaction_on() -> Result<()> {
    const WIDTH: usize = 32;
    let (_, store) = memory();
    let database = open(&store).await?;
    let mut transaction = database.begin(&database.snapshot().await?)?;
    let columns = (0..WIDTH).map(|n| ColumnSpec::new(format!("c{n}"), DataType::Utf8View, true)).collect();
    let id = transaction.new_table_id();
    transaction.create_table(TableMeta::new(id, Default::default(), "wide", columns, &[])?)?;
    let table = transaction.snapshot().table_by_id(id).unwrap().meta().clone();
    // Wide rows have long bounds: this many segments have more to say than a record holds.
    for value in 0..280 {
        let text = |column: usize| StringViewArray::from(vec![format!("{value:030}-{column:030}")]);
        let row = (0..WIDTH).map(|column| Arc::new(text(column)) as _).collect();
        let mut writer = transaction.writer(id)?.without_inline();
        writer.write(RecordBatch::try_new(table.arrow_schema(), row)?).await?;
        transaction.append(id, writer.finish().await?)?;
    }
    transaction.commit().await?;
    let manifests: Vec<_> = store.list("data").await?.into_iter().filter(|object| object.path.ends_with(".manifest")).collect();
    assert!(!manifests.is_empty());
    for manifest in manifests {
        // The header's database id.
        assert_eq!(store.get(&manifest.path).await?[32..48], database.id().unwrap().to_bytes());
    }
    Ok(())
}

/// A disk behind a network: a link may happen although an error comes back.
#[derive(Debug)]
struct Distant(SimulatedDisk, AtomicBool);

impl Disk for Distant {
    fn create_folder(&self, path: &FilePath) -> io::Result<()> {
        self.0.create_folder(path)
    }
    fn create_file(&self, path: &FilePath) -> io::Result<Box<dyn Writing>> {
        self.0.create_file(path)
    }
    fn link(&self, from: &FilePath, to: &FilePath) -> io::Result<()> {
        self.0.link(from, to)?;
        if self.1.swap(false, Ordering::Relaxed) { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }
    fn rename(&self, from: &FilePath, to: &FilePath) -> io::Result<()> {
        self.0.rename(from, to)
    }
    fn sync_folder(&self, path: &FilePath) -> io::Result<()> {
        self.0.sync_folder(path)
    }
    fn remove_file(&self, path: &FilePath) -> io::Result<()> {
        self.0.remove_file(path)
    }
    fn open(&self, path: &FilePath) -> io::Result<Box<dyn Reading>> {
        self.0.open(path)
    }
    fn stat(&self, path: &FilePath) -> io::Result<Stat> {
        self.0.stat(path)
    }
    fn names(&self, folder: &FilePath) -> io::Result<Vec<String>> {
        self.0.names(folder)
    }
}

#[tokio::test]
async fn a_link_whose_answer_was_lost_is_made_durable_before_it_is_acknowledged() -> Result<()> {
    let disk = SimulatedDisk::new();
    let distant = Arc::new(Distant(disk.clone(), AtomicBool::new(false)));
    let store = Store::from_local(DurableLocal::on(Arc::clone(&distant) as _, "/db"), "/db");
    let database = open(&store).await?;
    create(&database).await?;
    distant.1.store(true, Ordering::Relaxed);
    insert(&database, 1).await?;
    for seed in 0..20 {
        let after = Store::from_local(DurableLocal::on(Arc::new(disk.crash(seed)), "/db"), "/db");
        assert_eq!(rows(&after).await?, 1, "seed {seed}");
    }
    Ok(())
}
