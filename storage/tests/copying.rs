//! A database is copied with any tool: the copy opens, is sound, has the same rows, and can be written to on its own.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::panic, missing_docs)]

#[path = "support/s3_server.rs"]
mod s3_server;

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::DataType;
use clouddb_storage::catalog::{ColumnSpec, TableMeta};
use clouddb_storage::segment::SegmentBody;
use clouddb_storage::segment::reader::{read_footer, read_inline, read_ranges};
use clouddb_storage::store::Store;
use clouddb_storage::verify::{VerifyProgress, verify};
use clouddb_storage::{AsOf, Database, OpenMode, OpenOptions, Result, Snapshot};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use s3_server::S3Server;

/// Commits of one row each: more than fit behind a checkpoint.
const SMALL_COMMITS: i64 = 140;

/// Rows of the commit that is a file.
const LARGE_COMMIT: i64 = 50_000;

async fn open(store: &Store, mode: OpenMode) -> Result<Database> {
    Database::open_store(store.clone(), OpenOptions { mode, ..OpenOptions::default() }).await
}

async fn append(database: &Database, values: std::ops::Range<i64>) -> Result<Snapshot> {
    let snapshot = database.snapshot().await?;
    let table = snapshot.table("main", "t").unwrap().meta().clone();
    let mut transaction = database.begin(&snapshot)?;
    let mut writer = transaction.writer(table.id)?;
    writer.write(RecordBatch::try_new(table.arrow_schema(), vec![Arc::new(Int64Array::from_iter_values(values))])?).await?;
    transaction.append(table.id, writer.finish().await?)?;
    transaction.commit().await
}

/// A database in a folder: a view, inline rows, a file, a checkpoint.
async fn original(folder: &Path) -> Result<Store> {
    let store = Store::connect(folder.to_str().unwrap(), &[]).await?;
    let database = open(&store, OpenMode::Create).await?;
    let mut transaction = database.begin(&database.snapshot().await?)?;
    let columns = vec![ColumnSpec::new("v", DataType::Int64, true)];
    transaction.create_table(TableMeta::new(transaction.new_table_id(), Default::default(), "t", columns, &[])?)?;
    transaction.create_view(Default::default(), "all_of_t", "SELECT * FROM t", "main", None)?;
    transaction.commit().await?;
    append(&database, 0..LARGE_COMMIT).await?;
    for value in 0..SMALL_COMMITS {
        append(&database, value..value + 1).await?;
    }
    database.close().await;
    Ok(store)
}

/// Number and sum of a table's values, each read and verified.
async fn values(snapshot: &Snapshot) -> Result<(usize, i64)> {
    let table = snapshot.table("main", "t").unwrap();
    let mut batches = Vec::new();
    for segment in table.segments() {
        match &segment.body {
            SegmentBody::Inline(_) => batches.extend(read_inline(table.meta(), segment)?),
            SegmentBody::Parquet(location) => {
                let footer = read_footer(table.store(), location).await?;
                let file = read_ranges(table.store(), location, &footer, &[0..location.length]).await?.remove(0);
                let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
                batches.extend(reader.map(|batch| batch.unwrap()));
            }
        }
    }
    let column = |batch: &RecordBatch| batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap().clone();
    let columns: Vec<Int64Array> = batches.iter().map(column).collect();
    assert_eq!(columns.iter().map(|column| column.values().len()).sum::<usize>() as u64, table.rows());
    Ok((table.rows() as usize, columns.iter().flat_map(|column| column.values()).sum()))
}

async fn is_sound(store: &Store) -> Result<()> {
    let report = verify(store, &VerifyProgress::default()).await?;
    assert_eq!((report.problems, report.unreferenced), (Vec::new(), 0));
    Ok(())
}

/// Expects a copy to be the original, and to go its own way from there.
async fn check(original: &Store, copy: &Store) -> Result<()> {
    is_sound(copy).await?;
    let (from, to) = (open(original, OpenMode::ReadOnly).await?, open(copy, OpenMode::MustExist).await?);
    let (old, new) = (from.snapshot().await?, to.snapshot().await?);
    assert_eq!((to.id(), new.number(), new.commit_time_us()), (from.id(), old.number(), old.commit_time_us()));
    let expected = values(&old).await?;
    assert_eq!(values(&new).await?, expected);
    assert_eq!(new.views("main").len(), 1);
    assert_eq!(values(&to.snapshot_at(AsOf::Snapshot(20)).await?).await?.0, LARGE_COMMIT as usize + 18);

    append(&to, 0..1).await?;
    append(&to, 0..LARGE_COMMIT).await?;
    to.close().await;
    is_sound(copy).await?;
    let copied = open(copy, OpenMode::ReadOnly).await?.snapshot().await?;
    assert_eq!(values(&copied).await?, (expected.0 + 1 + LARGE_COMMIT as usize, expected.1 + (0..LARGE_COMMIT).sum::<i64>()));
    assert_eq!(values(&open(original, OpenMode::ReadOnly).await?.snapshot().await?).await?, expected);
    is_sound(original).await
}

/// As `cp -r` does it.
fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        match path.is_dir() {
            true => copy_folder(&path, &to.join(name)),
            false => drop(std::fs::copy(&path, to.join(name)).unwrap()),
        }
    }
}

/// As `aws s3 cp --recursive` does it: every file is an object, whose name is the file's path.
async fn copy_to_bucket(from: &Path, folder: &Path, bucket: &Store) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            Box::pin(copy_to_bucket(from, &path, bucket)).await;
        } else {
            let name = path.strip_prefix(from).unwrap().to_str().unwrap().replace(std::path::MAIN_SEPARATOR, "/");
            bucket.put(&name, std::fs::read(&path).unwrap().into()).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_folder_to_a_folder() -> Result<()> {
    let place = tempfile::tempdir().unwrap();
    let (from, to) = (place.path().join("a"), place.path().join("somewhere else"));
    let original = original(&from).await?;
    copy_folder(&from, &to);
    check(&original, &Store::connect(to.to_str().unwrap(), &[]).await?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_folder_to_a_bucket_and_back() -> Result<()> {
    let place = tempfile::tempdir().unwrap();
    let from = place.path().join("a");
    let original = original(&from).await?;
    let server = S3Server::start().await;
    let bucket = server.store("copied/here").await;
    copy_to_bucket(&from, &from, &bucket).await;
    check(&original, &bucket).await?;
    // The copy has grown since: back into another folder.
    let back = place.path().join("back");
    for object in bucket.list("").await? {
        let path = back.join(&object.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bucket.get(&object.path).await?).unwrap();
    }
    check(&bucket, &Store::connect(back.to_str().unwrap(), &[]).await?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_folder_to_minio() -> Result<()> {
    let Ok(endpoint) = std::env::var("CLOUDDB_TEST_MINIO") else {
        assert!(std::env::var_os("CLOUDDB_TEST_REQUIRE_MINIO").is_none(), "there is no MinIO: run this with scripts/minio run");
        eprintln!("skipped: no MinIO; run scripts/minio run cargo test --workspace");
        return Ok(());
    };
    let place = tempfile::tempdir().unwrap();
    let from = place.path().join("a");
    let original = original(&from).await?;
    let unique = clouddb_storage::env::Env::system().random.next_u128();
    let bucket = Store::connect(&format!("s3://test/copying-{unique:x}"), &[("endpoint".to_owned(), endpoint)]).await?;
    copy_to_bucket(&from, &from, &bucket).await;
    check(&original, &bucket).await
}
