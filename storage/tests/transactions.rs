//! What transactions promise, through the public interface: all or nothing, visible to everybody, checked against concurrent ones, kept for
//! time travel, and found again by whoever opens the database next.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "a test may panic, and wait")]

use std::sync::Arc;

use arrow::array::{Array, Int64Array, RecordBatch};
use arrow::datatypes::DataType;
use clouddb_storage::catalog::{ColumnSpec, TableMeta};
use clouddb_storage::segment::SegmentBody;
use clouddb_storage::segment::reader::read_inline;
use clouddb_storage::store::{Store, StoreKind};
use clouddb_storage::{AsOf, Database, ErrorKind, Isolation, OpenMode, OpenOptions, Outcome, Result, Snapshot};
use object_store::memory::InMemory;

fn memory() -> Store {
    Store::from_object_store(Arc::new(InMemory::new()), "db", StoreKind::Memory, "memory")
}

async fn open(store: &Store) -> Result<Database> {
    Database::open_store(store.clone(), OpenOptions::default()).await
}

/// Creates table `main.<name>` with one BIGINT column `v`.
async fn create_table(database: &Database, name: &str) -> Result<Snapshot> {
    let snapshot = database.snapshot().await?;
    let mut transaction = database.begin(&snapshot)?;
    let schema = snapshot.schema("main").map(|schema| schema.id).unwrap_or_default();
    let columns = vec![ColumnSpec::new("v", DataType::Int64, true)];
    transaction.create_table(TableMeta::new(transaction.new_table_id(), schema, name, columns, &[])?)?;
    transaction.describe("create");
    transaction.commit().await
}

async fn append(transaction: &mut clouddb_storage::Transaction, table: &str, values: Vec<i64>) -> Result<()> {
    let table = transaction.snapshot().table("main", table).map(|table| table.meta().clone());
    let table = table.ok_or_else(|| clouddb_storage::Error::not_found("no such table"))?;
    let mut writer = transaction.writer(table.id)?;
    let batch = RecordBatch::try_new(table.arrow_schema(), vec![Arc::new(Int64Array::from(values))])?;
    writer.write(batch).await?;
    let staged = writer.finish().await?;
    transaction.append(table.id, staged)
}

async fn insert(database: &Database, table: &str, values: Vec<i64>) -> Result<Snapshot> {
    let mut transaction = database.begin(&database.snapshot().await?)?;
    append(&mut transaction, table, values).await?;
    transaction.describe("insert");
    transaction.commit().await
}

/// All values of a table that is small enough to be inline.
fn values(snapshot: &Snapshot, table: &str) -> Result<Vec<i64>> {
    let Some(table) = snapshot.table("main", table) else { return Ok(Vec::new()) };
    let mut values = Vec::new();
    for segment in table.segments() {
        assert!(matches!(segment.body, SegmentBody::Inline(_)), "few rows stay inline");
        for batch in read_inline(table.meta(), segment)? {
            let column = batch.column(0).as_any().downcast_ref::<Int64Array>().map(|column| column.iter().flatten().collect::<Vec<_>>());
            values.extend(column.unwrap_or_default());
        }
    }
    assert_eq!(table.rows() as usize, values.len());
    Ok(values)
}

#[tokio::test]
async fn the_first_commit_creates_the_database() -> Result<()> {
    let store = memory();
    let database = open(&store).await?;
    assert!(!database.exists());
    assert_eq!(database.snapshot().await?.number(), 0);
    assert!(store.is_empty().await?, "reading creates nothing");
    create_table(&database, "t").await?;
    assert!(database.exists());
    let again = open(&store).await?;
    assert_eq!(again.id(), database.id());
    assert_eq!(again.snapshot().await?.tables("main").len(), 1);
    Ok(())
}

#[tokio::test]
async fn must_exist_and_read_only_never_create() -> Result<()> {
    let store = memory();
    for mode in [OpenMode::MustExist, OpenMode::ReadOnly] {
        let error = Database::open_store(store.clone(), OpenOptions { mode, ..Default::default() }).await.err();
        assert_eq!(error.map(|e| e.kind()), Some(ErrorKind::NotFound));
    }
    create_table(&open(&store).await?, "t").await?;
    let reader = Database::open_store(store, OpenOptions { mode: OpenMode::ReadOnly, ..Default::default() }).await?;
    let error = reader.begin(&reader.snapshot().await?).err();
    assert_eq!(error.map(|e| e.kind()), Some(ErrorKind::ReadOnly));
    Ok(())
}

#[tokio::test]
async fn a_folder_of_something_else_is_refused() -> Result<()> {
    let store = memory();
    store.put("holiday.jpg", "x".into()).await?;
    let error = open(&store).await.err();
    assert!(error.as_ref().is_some_and(|e| e.kind() == ErrorKind::Invalid && e.message().contains("holiday.jpg")), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn a_database_of_another_format_is_refused() -> Result<()> {
    let store = memory();
    store.put("clouddb.json", "{\"format\": 7, \"something\": 1}".into()).await?;
    let error = open(&store).await.err();
    assert!(error.as_ref().is_some_and(|e| e.kind() == ErrorKind::Unsupported && e.message().contains("format 7")), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn a_transaction_reads_its_own_writes_and_nobody_else_does() -> Result<()> {
    let store = memory();
    let database = open(&store).await?;
    create_table(&database, "a").await?;
    create_table(&database, "b").await?;
    let mut transaction = database.begin(&database.snapshot().await?)?;
    append(&mut transaction, "a", vec![1, 2]).await?;
    append(&mut transaction, "b", vec![3]).await?;
    assert_eq!(values(&transaction.snapshot(), "a")?, [1, 2]);
    let other = open(&store).await?;
    assert!(values(&other.snapshot().await?, "a")?.is_empty());
    transaction.commit().await?;
    let snapshot = other.snapshot().await?;
    assert_eq!((values(&snapshot, "a")?, values(&snapshot, "b")?), (vec![1, 2], vec![3]));
    Ok(())
}

#[tokio::test]
async fn rolled_back_work_is_nowhere() -> Result<()> {
    let database = open(&memory()).await?;
    create_table(&database, "a").await?;
    let mut transaction = database.begin(&database.snapshot().await?)?;
    append(&mut transaction, "a", vec![1]).await?;
    let savepoint = transaction.savepoint();
    append(&mut transaction, "a", vec![2]).await?;
    transaction.rollback_to(savepoint);
    assert_eq!(values(&transaction.snapshot(), "a")?, [1]);
    drop(transaction);
    assert!(values(&database.snapshot().await?, "a")?.is_empty());
    Ok(())
}

#[tokio::test]
async fn concurrent_appends_of_two_processes_both_commit() -> Result<()> {
    let store = memory();
    let (one, two) = (open(&store).await?, open(&store).await?);
    create_table(&one, "t").await?;
    let (snapshot_one, snapshot_two) = (one.snapshot().await?, two.snapshot().await?);
    let (mut first, mut second) = (one.begin(&snapshot_one)?, two.begin(&snapshot_two)?);
    append(&mut first, "t", vec![1]).await?;
    append(&mut second, "t", vec![2]).await?;
    first.commit().await?;
    second.commit().await?;
    assert_eq!(values(&open(&store).await?.snapshot().await?, "t")?, [1, 2]);
    Ok(())
}

#[tokio::test]
async fn what_cannot_both_be_is_a_conflict() -> Result<()> {
    let store = memory();
    let (one, two) = (open(&store).await?, open(&store).await?);
    create_table(&one, "t").await?;
    let snapshot = two.snapshot().await?;
    // The same name twice.
    let mut other = two.begin(&snapshot)?;
    let schema = snapshot.schema("main").map(|schema| schema.id).unwrap_or_default();
    let meta = TableMeta::new(other.new_table_id(), schema, "u", vec![ColumnSpec::new("v", DataType::Int64, true)], &[])?;
    other.create_table(meta)?;
    create_table(&one, "u").await?;
    assert_eq!(other.commit().await.err().map(|e| e.kind()), Some(ErrorKind::AlreadyExists));
    // An append to a table that is dropped meanwhile.
    let snapshot = two.snapshot().await?;
    let mut late = two.begin(&snapshot)?;
    append(&mut late, "t", vec![1]).await?;
    let mut drop_it = one.begin(&one.snapshot().await?)?;
    drop_it.drop_table(snapshot.table("main", "t").map(|table| table.meta().id).unwrap_or_default())?;
    drop_it.commit().await?;
    assert_eq!(late.commit().await.err().map(|e| e.kind()), Some(ErrorKind::Conflict));
    Ok(())
}

#[tokio::test]
async fn serializable_transactions_see_write_skew() -> Result<()> {
    let database = open(&memory()).await?;
    create_table(&database, "a").await?;
    create_table(&database, "b").await?;
    let snapshot = database.snapshot().await?;
    let id = |name: &str| snapshot.table("main", name).map(|table| table.meta().id).unwrap_or_default();
    let (mut one, mut two) = (database.begin(&snapshot)?, database.begin(&snapshot)?);
    for (transaction, reads, writes) in [(&mut one, "a", "b"), (&mut two, "b", "a")] {
        transaction.set_isolation(Isolation::Serializable);
        transaction.note_read(id(reads));
        append(transaction, writes, vec![1]).await?;
    }
    one.commit().await?;
    assert_eq!(two.commit().await.err().map(|e| e.kind()), Some(ErrorKind::Conflict));
    Ok(())
}

#[tokio::test]
async fn every_snapshot_can_be_read_again() -> Result<()> {
    let store = memory();
    let database = open(&store).await?;
    create_table(&database, "t").await?;
    let mut commits = Vec::new();
    for value in 0..300 {
        let snapshot = insert(&database, "t", vec![value]).await?;
        commits.push((snapshot.number(), snapshot.commit_time_us()));
    }
    database.close().await;
    let reader = open(&store).await?;
    for (index, (number, time)) in commits.iter().enumerate().step_by(37) {
        let by_number = reader.snapshot_at(AsOf::Snapshot(*number)).await?;
        let by_time = reader.snapshot_at(AsOf::Timestamp(*time)).await?;
        assert_eq!(values(&by_number, "t")?, (0..=index as i64).collect::<Vec<_>>());
        assert_eq!(by_time.number(), by_number.number());
    }
    assert!(commits.windows(2).all(|pair| pair[0].1 < pair[1].1), "commit times grow");
    let newest = reader.snapshot().await?.number();
    assert_eq!(reader.snapshot_at(AsOf::Snapshot(newest + 1)).await.err().map(|e| e.kind()), Some(ErrorKind::NotFound));
    assert_eq!(reader.snapshot_at(AsOf::Timestamp(0)).await.err().map(|e| e.kind()), Some(ErrorKind::NotFound));
    Ok(())
}

#[tokio::test]
async fn a_checkpoint_is_made_and_used_and_can_be_lost() -> Result<()> {
    let store = memory();
    let database = open(&store).await?;
    create_table(&database, "t").await?;
    for value in 0..200 {
        insert(&database, "t", vec![value]).await?;
    }
    database.close().await;
    let expected: Vec<i64> = (0..200).collect();
    assert!(!store.list("checkpoint").await?.is_empty());
    let before = store.counts().gets;
    assert_eq!(values(&open(&store).await?.snapshot().await?, "t")?, expected);
    assert!(store.counts().gets - before < 200, "the checkpoint saves reading the log from its beginning");
    // A head that is cut, is nonsense, or is not there.
    let head = store.get("head").await?;
    for damaged in [head.slice(..head.len() / 2), "nonsense".into(), bytes::Bytes::new()] {
        store.put("head", damaged).await?;
        assert_eq!(values(&open(&store).await?.snapshot().await?, "t")?, expected);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_share_records() -> Result<()> {
    let store = memory();
    let database = open(&store).await?;
    create_table(&database, "t").await?;
    let tasks: Vec<_> = (0..64)
        .map(|caller| {
            let database = database.clone();
            tokio::spawn(async move {
                for n in 0..20 {
                    insert(&database, "t", vec![caller * 100 + n]).await?;
                }
                Ok::<(), clouddb_storage::Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.map_err(|e| clouddb_storage::Error::internal(e.to_string()))??;
    }
    database.close().await;
    let snapshot = open(&store).await?.snapshot().await?;
    let rows = snapshot.table("main", "t").map(|table| table.rows());
    assert_eq!(rows, Some(64 * 20));
    Ok(())
}

#[tokio::test]
async fn inline_rows_are_written_to_files_and_keep_their_ids() -> Result<()> {
    let store = memory();
    let database = open(&store).await?;
    create_table(&database, "t").await?;
    for value in 0..1100 {
        insert(&database, "t", vec![value]).await?;
    }
    database.close().await;
    let snapshot = open(&store).await?.snapshot().await?;
    let table = snapshot.table("main", "t").ok_or_else(|| clouddb_storage::Error::not_found("t"))?;
    assert_eq!(table.rows(), 1100);
    assert!(table.segment_count() < 1000, "{} segments", table.segment_count());
    assert!(table.segments().any(|segment| matches!(segment.body, SegmentBody::Parquet(_)) && segment.stored_row_ids));
    Ok(())
}

#[tokio::test]
async fn the_history_tells_who_did_what() -> Result<()> {
    let database = Database::open_store(memory(), OpenOptions { who: Some("ann@desk".into()), ..Default::default() }).await?;
    create_table(&database, "t").await?;
    let snapshot = insert(&database, "t", vec![1, 2, 3]).await?;
    let history = database.history(1, snapshot.number()).await?;
    assert_eq!(history.len(), 2);
    assert_eq!(history[0].changes, ["create table main.t"]);
    assert_eq!((history[1].rows_added, history[1].changes[0].as_str()), (3, "append 3 rows to main.t"));
    assert!(history.iter().all(|entry| entry.who == "ann@desk"));
    let outcome = database.outcome(history[1].transaction).await?;
    assert_eq!(outcome, Outcome::Committed(snapshot.number()));
    Ok(())
}
