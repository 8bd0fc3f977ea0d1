//! Damages a small database in every way there is, one at a time, and expects to be told each time.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::DataType;
use bytes::Bytes;
use object_store::memory::InMemory;

use super::{VerifyProgress, VerifyReport, verify};
use crate::catalog::{ColumnSpec, TableMeta};
use crate::checkpoint::fold::{KnownNodes, fold, write_head, write_root};
use crate::env::Env;
use crate::error::{ErrorKind, Result};
use crate::ids::TableId;
use crate::log::slot_path;
use crate::state::State;
use crate::store::{Store, StoreKind};
use crate::{Database, OpenOptions};

fn rows(from: i64, count: i64) -> RecordBatch {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter((from..from + count).map(|n| (n % 7 != 0).then_some(n))));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(
        (from..from + count).map(|n| format!("row {n} {:x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64))),
    ));
    RecordBatch::try_from_iter_with_nullable([("n", numbers, true), ("s", texts, true)]).unwrap()
}

async fn append(database: &Database, table: TableId, batch: RecordBatch, is_inline: bool) -> Result<()> {
    let mut transaction = database.begin(&database.snapshot().await?)?;
    let mut writer = transaction.writer(table)?;
    if !is_inline {
        writer = writer.without_inline();
    }
    writer.write(batch).await?;
    transaction.append(table, writer.finish().await?)?;
    transaction.commit().await?;
    Ok(())
}

/// A database with five commits, inline rows, two files and a checkpoint of snapshot 3.
async fn database() -> Result<Store> {
    let store = Store::from_object_store(Arc::new(InMemory::new()), "", StoreKind::Memory, "a test");
    let options = OpenOptions { background: false, env: Env::seeded(1), ..OpenOptions::default() };
    let database = Database::open_store(store.clone(), options).await?;
    let mut transaction = database.begin(&database.snapshot().await?)?;
    let table = transaction.new_table_id();
    let columns = vec![ColumnSpec::new("n", DataType::Int64, true), ColumnSpec::new("s", DataType::Utf8, true)];
    transaction.create_table(TableMeta::new(table, State::MAIN, "t", columns, &[])?)?;
    transaction.commit().await?;
    append(&database, table, rows(0, 3), true).await?;
    append(&database, table, rows(3, 60_000), false).await?;
    let root = fold(&store, &database.snapshot().await?.state, &mut KnownNodes::new()).await?;
    write_root(&store, &root).await?;
    write_head(&store, &root).await?;
    append(&database, table, rows(60_003, 500), false).await?;
    append(&database, table, rows(60_503, 2), true).await?;
    Ok(store)
}

async fn check(store: &Store) -> Result<VerifyReport> {
    verify(store, &VerifyProgress::default()).await
}

/// All objects, sorted.
async fn objects(store: &Store) -> Result<Vec<(String, Bytes)>> {
    let mut objects = Vec::new();
    for listed in store.list("").await? {
        let bytes = store.get(&listed.path).await?;
        objects.push((listed.path, bytes));
    }
    objects.sort();
    Ok(objects)
}

async fn remove(store: &Store, path: &str) {
    let (inner, _) = store.object_store();
    object_store::ObjectStoreExt::delete(inner.as_ref(), &path.into()).await.unwrap();
}

#[tokio::test]
async fn a_sound_database_is_sound() -> Result<()> {
    let store = database().await?;
    let progress = VerifyProgress::default();
    let report = verify(&store, &progress).await?;
    assert_eq!(report.problems, []);
    assert_eq!((report.snapshot, report.records, report.transactions), (5, 5, 5));
    assert_eq!((report.segments, report.rows, report.checkpoints), (4, 60_505, 2));
    assert_eq!((report.unreferenced, report.unreferenced_bytes), (0, 0));
    assert_eq!(progress.bytes(), progress.total_bytes());
    Ok(())
}

#[tokio::test]
async fn a_flipped_bit_anywhere_is_found() -> Result<()> {
    let store = database().await?;
    let all = objects(&store).await?;
    let kinds = ["checkpoint/", "clouddb.json", "data/", "head", "log/"];
    assert!(kinds.iter().all(|kind| all.iter().any(|(path, _)| path.starts_with(kind))), "{all:?}");
    for (path, sound) in all {
        // Every byte would take minutes; a step that shares no factor with any length visits all parts of an object.
        for step in 0..23_usize {
            let at = (step * 7919 + step * sound.len() / 23) % sound.len();
            let mut damaged = sound.to_vec();
            damaged[at] ^= 1 << (step % 8);
            store.put(&path, damaged.into()).await?;
            // A flipped digit can make another format of it, which is refused as a whole.
            match check(&store).await {
                Ok(report) => assert!(report.problems.iter().any(|problem| problem.object == path), "{path} byte {at}: {report:?}"),
                Err(error) => assert!(path == "clouddb.json" && error.kind() == ErrorKind::Unsupported, "{path} byte {at}: {error}"),
            }
        }
        store.put(&path, sound).await?;
    }
    assert_eq!(check(&store).await?.problems, []);
    Ok(())
}

#[tokio::test]
async fn damage_in_a_file_is_told_with_its_block() -> Result<()> {
    let store = database().await?;
    let all = objects(&store).await?;
    let (path, sound) = all.iter().filter(|(path, _)| path.starts_with("data/")).max_by_key(|(_, bytes)| bytes.len()).unwrap();
    assert!(sound.len() > 3 << 16, "the file has several blocks: {}", sound.len());
    let mut damaged = sound.to_vec();
    damaged[70_000] ^= 1;
    damaged[140_000] ^= 1;
    store.put(path, damaged.into()).await?;
    let offsets: Vec<Option<u64>> = check(&store).await?.problems.iter().map(|problem| problem.offset).collect();
    assert_eq!(offsets, [Some(1 << 16), Some(2 << 16)]);
    Ok(())
}

#[tokio::test]
async fn a_missing_or_cut_object_is_found() -> Result<()> {
    let store = database().await?;
    for (path, sound) in objects(&store).await? {
        store.put(&path, sound.slice(..sound.len() / 2)).await?;
        let report = check(&store).await?;
        assert!(report.problems.iter().any(|problem| problem.object == path), "cut {path}: {report:?}");
        remove(&store, &path).await;
        let report = check(&store).await?;
        // Without the newest record the database is as it was before, and `head` may be lost; everything else is missed.
        let may_be_missing = path == "head" || path == slot_path(5) || path.starts_with("checkpoint/");
        assert_eq!(report.problems.is_empty(), may_be_missing, "removed {path}: {report:?}");
        store.put(&path, sound).await?;
    }
    Ok(())
}

#[tokio::test]
async fn lost_and_replaced_records_are_found() -> Result<()> {
    let store = database().await?;
    // The log of another database of the same shape, at a slot in the middle.
    let other = database().await?;
    let foreign = other.get(&slot_path(4)).await?;
    let own = store.get(&slot_path(4)).await?;
    assert_ne!(foreign, own);
    store.put(&slot_path(4), foreign).await?;
    assert!(!check(&store).await?.problems.is_empty());
    store.put(&slot_path(4), own).await?;
    for slot in [3, 4, 5] {
        remove(&store, &slot_path(slot)).await;
    }
    let report = check(&store).await?;
    let lost = |object: &str| {
        report.problems.iter().any(|problem| problem.object.starts_with(object) && problem.what.contains("records were lost"))
    };
    assert!(lost("checkpoint/") && lost("head"), "{report:?}");
    Ok(())
}

#[tokio::test]
async fn damage_in_the_log_hides_nothing_behind_it() -> Result<()> {
    let store = database().await?;
    let all = objects(&store).await?;
    // The record that creates the table is damaged; the checkpoint of snapshot 3 knows it all the same.
    store.put(&slot_path(1), Bytes::from_static(b"nonsense")).await?;
    let small = all.iter().filter(|(path, _)| path.starts_with("data/")).min_by_key(|(_, bytes)| bytes.len()).unwrap();
    remove(&store, &small.0).await;
    let report = check(&store).await?;
    let has = |object: &str| report.problems.iter().any(|problem| problem.object == object);
    assert!(has(&slot_path(1)) && has(&small.0), "{report:?}");
    assert_eq!((report.records, report.snapshot), (4, 5));
    Ok(())
}

#[tokio::test]
async fn leftovers_are_counted_and_are_no_problem() -> Result<()> {
    let store = database().await?;
    store.put("data/000000000000-abc/1.parquet", Bytes::from_static(b"half a file")).await?;
    let report = check(&store).await?;
    assert_eq!((report.unreferenced, report.unreferenced_bytes, report.problems.len()), (1, 11, 0));
    Ok(())
}

#[tokio::test]
async fn no_database_is_an_error() {
    let store = Store::from_object_store(Arc::new(InMemory::new()), "", StoreKind::Memory, "a test");
    assert_eq!(check(&store).await.unwrap_err().kind(), ErrorKind::NotFound);
}
