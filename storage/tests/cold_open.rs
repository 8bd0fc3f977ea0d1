//! How many trips it takes from opening a database far away to the first rows, and that commits pay nothing for it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "support/waves.rs"]
mod waves;

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::DataType;
use clouddb_storage::catalog::{ColumnSpec, TableMeta};
use clouddb_storage::segment::reader::{read_footer, read_ranges};
use clouddb_storage::segment::{ParquetLocation, SegmentBody};
use clouddb_storage::store::Store;
use clouddb_storage::{Database, OpenMode, OpenOptions, Result, Snapshot};
use object_store::memory::InMemory;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use waves::{far_away, nearby};

/// Rows of a file that is not read whole: random numbers take eight bytes each.
const LARGE: usize = 60_000;

/// Rows of a file that is.
const SMALL: usize = 10_000;

async fn open(store: &Store) -> Result<Database> {
    Database::open_store(store.clone(), OpenOptions::default()).await
}

async fn create(database: &Database) -> Result<()> {
    let mut transaction = database.begin(&database.snapshot().await?)?;
    let columns = vec![ColumnSpec::new("v", DataType::Int64, true)];
    transaction.create_table(TableMeta::new(transaction.new_table_id(), Default::default(), "t", columns, &[])?)?;
    transaction.commit().await.map(drop)
}

/// Commits random rows.
async fn append(database: &Database, rows: usize) -> Result<Snapshot> {
    let snapshot = database.snapshot().await?;
    let table = snapshot.table("main", "t").unwrap().meta().clone();
    let mut random = StdRng::seed_from_u64(snapshot.number());
    let values = Int64Array::from_iter_values((0..rows).map(|_| random.random()));
    let mut transaction = database.begin(&snapshot)?;
    let mut writer = transaction.writer(table.id)?;
    writer.write(RecordBatch::try_new(table.arrow_schema(), vec![Arc::new(values)])?).await?;
    transaction.append(table.id, writer.finish().await?)?;
    transaction.commit().await
}

/// A database of one table with a segment for each of these numbers of rows, closed.
#[tokio::main(flavor = "current_thread")]
async fn with_segments(rows: &[usize]) -> Arc<InMemory> {
    let objects = Arc::new(InMemory::new());
    let database = open(&nearby(&objects)).await.unwrap();
    create(&database).await.unwrap();
    for rows in rows {
        append(&database, *rows).await.unwrap();
    }
    database.close().await;
    objects
}

async fn open_to_read(store: &Store) -> Result<Database> {
    let options = OpenOptions {
        mode: OpenMode::ReadOnly,
        prefetch: vec![("main".to_owned(), "t".to_owned())],
        // However slow the machine is, nothing is looked up a second time.
        max_staleness: Some(Duration::from_secs(3600)),
        ..OpenOptions::default()
    };
    Database::open_store(store.clone(), options).await
}

fn files(snapshot: &Snapshot) -> Vec<ParquetLocation> {
    let table = snapshot.table("main", "t").unwrap();
    let location = |body: &SegmentBody| match body {
        SegmentBody::Parquet(location) => Some(location.clone()),
        SegmentBody::Inline(_) => None,
    };
    table.segments().filter_map(|segment| location(&segment.body)).collect()
}

#[test]
fn a_large_files_rows_come_with_the_third_trip() {
    // The two loads follow each other closely: the second one has to be in `head` as well.
    let objects = with_segments(&[LARGE, LARGE, 1]);
    far_away(&objects, async |far, store| {
        let database = open_to_read(&store).await.unwrap();
        let snapshot = database.snapshot().await.unwrap();
        let waves = far.waves();
        assert_eq!(waves.len(), 2, "{waves:#?}");
        assert_eq!(waves[0], ["GET clouddb.json", "GET head"]);
        let files = files(&snapshot);
        for file in &files {
            let footer = format!("GET {} {}..{}", file.path, file.length - file.tail_length, file.length);
            assert!(waves[1].contains(&footer), "{footer}: {waves:#?}");
        }
        let footers = database.take_prefetched_footers();
        assert_eq!((footers.len(), files.len()), (2, 2));
        for (file, (_, footer)) in files.iter().zip(&footers) {
            read_ranges(&store, file, footer, &[0..1000]).await.unwrap();
        }
        assert_eq!(far.waves().len(), 4, "one more for each");
    });
}

#[test]
fn small_files_come_with_the_second_trip() {
    let objects = with_segments(&[SMALL, SMALL, SMALL]);
    far_away(&objects, async |far, store| {
        let database = open_to_read(&store).await.unwrap();
        let snapshot = database.snapshot().await.unwrap();
        // Small files are not worth a checkpoint: these are only in the log, so that their footers were not known to be needed.
        assert_eq!((far.waves().len(), database.take_prefetched_footers().len()), (2, 0));
        let reads = files(&snapshot).into_iter().map(|file| {
            let store = store.clone();
            async move {
                let footer = read_footer(&store, &file).await?;
                assert!(footer.memory_size() as u64 > file.length, "what is kept is counted");
                read_ranges(&store, &file, &footer, &[0..1000, file.length - 10..file.length, 5000..60_000]).await
            }
        });
        futures::future::try_join_all(reads).await.unwrap();
        let waves = far.waves();
        assert_eq!((waves.len(), waves[2].len()), (3, 3), "rows and footers at once, a request for each file: {waves:#?}");
    });
}

#[test]
fn small_files_in_head_need_no_third_trip() {
    // The large one makes `head` follow.
    let objects = with_segments(&[SMALL, SMALL, LARGE]);
    far_away(&objects, async |far, store| {
        let database = open_to_read(&store).await.unwrap();
        let files = files(&database.snapshot().await.unwrap());
        let footers = database.take_prefetched_footers();
        assert_eq!((far.waves().len(), footers.len()), (2, 3));
        for (file, (_, footer)) in files.iter().zip(&footers).take(2) {
            read_ranges(&store, file, footer, &[0..file.length]).await.unwrap();
        }
        assert_eq!(far.waves().len(), 2);
    });
}

#[test]
fn a_hundred_small_commits_come_with_the_second_trip() {
    let objects = with_segments(&[1; 100]);
    far_away(&objects, async |far, store| {
        let database = open_to_read(&store).await.unwrap();
        assert_eq!(database.snapshot().await.unwrap().number(), 101);
        let waves = far.waves();
        assert_eq!(waves.len(), 2, "{waves:#?}");
    });
}

async fn objects_below(store: &Store, folder: &str) -> Vec<String> {
    store.list(folder).await.unwrap().into_iter().map(|listed| listed.path).collect()
}

#[tokio::test]
async fn a_commit_without_large_files_is_one_request() {
    let store = nearby(&Arc::new(InMemory::new()));
    let database = open(&store).await.unwrap();
    create(&database).await.unwrap();
    append(&database, SMALL).await.unwrap();
    let before = store.counts();
    for _ in 0..10 {
        append(&database, 1).await.unwrap();
    }
    database.close().await;
    let made = store.counts() - before;
    assert_eq!((made.puts, made.gets, made.lists), (10, 0, 0));
    // Nor is `head` written again for what it knows already.
    append(&database, LARGE).await.unwrap();
    database.close().await;
    let before = store.counts();
    append(&database, 1).await.unwrap();
    database.close().await;
    let made = store.counts() - before;
    assert_eq!((made.puts, made.gets), (1, 0));
}

#[tokio::test]
async fn following_closely_leaves_nothing_behind() {
    let store = nearby(&Arc::new(InMemory::new()));
    let database = open(&store).await.unwrap();
    create(&database).await.unwrap();
    for _ in 0..4 {
        append(&database, LARGE).await.unwrap();
    }
    database.close().await;
    assert!(store.head("head").await.is_ok());
    assert_eq!(objects_below(&store, "checkpoint").await, [""; 0], "`head` is replaced, roots would stay for ever");
}

#[tokio::test]
async fn what_a_writer_leaves_is_done_by_the_next() {
    let objects = Arc::new(InMemory::new());
    let store = nearby(&objects);
    let ends_early = Database::open_store(store.clone(), OpenOptions { background: false, ..OpenOptions::default() }).await.unwrap();
    create(&ends_early).await.unwrap();
    append(&ends_early, LARGE).await.unwrap();
    assert!(store.head("head").await.is_err());
    let next = open(&store).await.unwrap();
    append(&next, 1).await.unwrap();
    next.close().await;
    let reader = open_to_read(&store).await.unwrap();
    assert_eq!(reader.take_prefetched_footers().len(), 1);
}

/// Wide rows have long bounds: some sixty segments fill a root, and what finds no place in it goes to nodes.
async fn add_wide_segments(database: &Database, segments: usize) -> Result<()> {
    const WIDTH: usize = 32;
    let mut transaction = database.begin(&database.snapshot().await?)?;
    let columns = (0..WIDTH).map(|n| ColumnSpec::new(format!("c{n}"), DataType::Utf8View, true)).collect();
    let id = transaction.new_table_id();
    transaction.create_table(TableMeta::new(id, Default::default(), "wide", columns, &[])?)?;
    let table = transaction.snapshot().table_by_id(id).unwrap().meta().clone();
    for value in 0..segments {
        let text = |column: usize| StringViewArray::from(vec![format!("{value:030}-{column:030}")]);
        let row = (0..WIDTH).map(|column| Arc::new(text(column)) as _).collect();
        let mut writer = transaction.writer(id)?.without_inline();
        writer.write(RecordBatch::try_new(table.arrow_schema(), row)?).await?;
        transaction.append(id, writer.finish().await?)?;
    }
    transaction.commit().await.map(drop)
}

#[tokio::test]
async fn nodes_are_written_once_whoever_wrote_them() {
    let store = nearby(&Arc::new(InMemory::new()));
    let database = open(&store).await.unwrap();
    create(&database).await.unwrap();
    add_wide_segments(&database, 60).await.unwrap();
    append(&database, LARGE).await.unwrap();
    database.close().await;
    let nodes = objects_below(&store, "checkpoint").await;
    assert!(!nodes.is_empty() && nodes.iter().all(|path| path.ends_with(".node")), "{nodes:?}");
    let head = store.get("head").await.unwrap();
    let next = open(&store).await.unwrap();
    append(&next, LARGE).await.unwrap();
    next.close().await;
    assert_ne!(store.get("head").await.unwrap(), head);
    assert_eq!(objects_below(&store, "checkpoint").await.len(), nodes.len());
}
