//! Damage: a flipped bit or a cut in an object of any kind gives the right rows or a clear error, never wrong rows and never a panic.
//!
//! `CLOUDDB_FLIPS` sets how many flips, and as many cuts, are tried for each kind; 1,000, but for checkpoints, which take long to do without.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "a test may panic, and wait")]
#![allow(missing_docs)]

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Int64Type};
use bytes::Bytes;
use clouddb_storage::catalog::{ColumnSpec, TableMeta};
use clouddb_storage::segment::SegmentBody;
use clouddb_storage::segment::reader::{read_footer, read_inline, read_ranges};
use clouddb_storage::store::{Store, StoreKind};
use clouddb_storage::{Database, Error, ErrorKind, OpenMode, OpenOptions, Result, Transaction};
use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

type Objects = BTreeMap<String, Bytes>;

/// Columns of the wide table, and bytes in each bound: few segments then fill a checkpoint's root and a manifest.
const WIDE: usize = 32;

fn store(inner: &Arc<InMemory>) -> Store {
    Store::from_object_store(Arc::clone(inner) as _, "", StoreKind::Memory, "memory")
}

async fn open(inner: &Arc<InMemory>, mode: OpenMode) -> Result<Database> {
    Database::open_store(store(inner), OpenOptions { mode, ..OpenOptions::default() }).await
}

async fn create(database: &Database, name: &str, columns: Vec<ColumnSpec>) -> Result<()> {
    let mut transaction = database.begin(&database.snapshot().await?)?;
    transaction.create_table(TableMeta::new(transaction.new_table_id(), Default::default(), name, columns, &[])?)?;
    transaction.commit().await.map(drop)
}

async fn append(transaction: &mut Transaction, table: &str, columns: Vec<ArrayRef>, file: bool) -> Result<()> {
    let table = transaction.snapshot().table("main", table).ok_or_else(|| Error::not_found(table))?.meta().clone();
    let mut writer = transaction.writer(table.id)?;
    if file {
        writer = writer.without_inline();
    }
    let schema = table.arrow_schema();
    let columns = columns.into_iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| Ok(arrow::compute::cast(&column, field.data_type())?)).collect::<Result<_>>()?;
    writer.write(RecordBatch::try_new(schema, columns)?).await?;
    let staged = writer.finish().await?;
    transaction.append(table.id, staged)
}

fn numbers(from: i64, to: i64) -> Vec<ArrayRef> {
    vec![Arc::new(Int64Array::from_iter_values(from..to))]
}

fn wide_row(value: usize) -> Vec<ArrayRef> {
    (0..WIDE).map(|column| Arc::new(StringArray::from(vec![format!("{value:030}-{column:030}")])) as ArrayRef).collect()
}

async fn add_wide(database: &Database, segments: usize) -> Result<()> {
    create(database, "wide", (0..WIDE).map(|n| ColumnSpec::new(format!("c{n}"), DataType::Utf8View, true)).collect()).await?;
    let mut transaction = database.begin(&database.snapshot().await?)?;
    for value in 0..segments {
        append(&mut transaction, "wide", wide_row(value), true).await?;
    }
    transaction.commit().await.map(drop)
}

async fn objects(inner: &Arc<InMemory>) -> Objects {
    let listed: Vec<_> = inner.list(None).try_collect().await.unwrap();
    let mut objects = Objects::new();
    for object in listed {
        let bytes = inner.get(&object.location).await.unwrap().bytes().await.unwrap();
        objects.insert(object.location.to_string(), bytes);
    }
    objects
}

async fn restore(objects: &Objects) -> Arc<InMemory> {
    let inner = Arc::new(InMemory::new());
    for (path, bytes) in objects {
        inner.put(&Path::from(path.as_str()), bytes.clone().into()).await.unwrap();
    }
    inner
}

/// A database with a checkpoint of a root and nodes, records behind it, inline rows and files.
async fn with_checkpoint() -> Result<Objects> {
    let inner = Arc::new(InMemory::new());
    let database = open(&inner, OpenMode::Create).await?;
    create(&database, "t", vec![ColumnSpec::new("v", DataType::Int64, true)]).await?;
    add_wide(&database, 60).await?;
    let mut transaction = database.begin(&database.snapshot().await?)?;
    append(&mut transaction, "t", numbers(0, 20_000), true).await?;
    transaction.commit().await?;
    for value in 0..130 {
        let mut transaction = database.begin(&database.snapshot().await?)?;
        append(&mut transaction, "t", numbers(100_000 + value, 100_001 + value), false).await?;
        transaction.commit().await?;
    }
    database.close().await;
    Ok(objects(&inner).await)
}

/// A database that is only a log: no checkpoint stands in for a record. With a transaction that needs a manifest, if wanted.
async fn only_a_log(wide: usize) -> Result<Objects> {
    let inner = Arc::new(InMemory::new());
    let options = OpenOptions { background: false, ..OpenOptions::default() };
    let database = Database::open_store(store(&inner), options).await?;
    create(&database, "t", vec![ColumnSpec::new("v", DataType::Int64, true)]).await?;
    for value in 0..5 {
        let mut transaction = database.begin(&database.snapshot().await?)?;
        append(&mut transaction, "t", numbers(value * 10, value * 10 + 3), false).await?;
        transaction.commit().await?;
    }
    add_wide(&database, wide).await?;
    Ok(objects(&inner).await)
}

/// All that a reader can see: rows of `t` and of the first segments of `wide`, and what the snapshot says of the rest.
async fn read_all(inner: &Arc<InMemory>) -> Result<String> {
    let database = open(inner, OpenMode::ReadOnly).await?;
    let snapshot = database.snapshot().await?;
    let mut seen = format!("snapshot {}\n", snapshot.number());
    for table in snapshot.tables("main") {
        let most = if table.meta().name == "wide" { 2 } else { usize::MAX };
        seen += &format!("{} {} rows {} segments {:?}\n", table.meta().name, table.rows(), table.segment_count(), table.meta().columns);
        for (number, segment) in table.segments().enumerate() {
            if number >= most {
                seen += &format!("{segment:?}");
                continue;
            }
            let batches = match &segment.body {
                SegmentBody::Inline(_) => read_inline(table.meta(), segment)?,
                SegmentBody::Parquet(location) => {
                    let footer = read_footer(table.store(), location).await?;
                    let all = 0..location.length;
                    let bytes = read_ranges(table.store(), location, &footer, std::slice::from_ref(&all)).await?.remove(0);
                    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).and_then(ParquetRecordBatchReaderBuilder::build);
                    reader.map_err(|e| Error::corrupt(e.to_string()))?.collect::<Result<Vec<_>, _>>()?
                }
            };
            for batch in batches {
                let column = batch.column(0);
                match column.as_primitive_opt::<Int64Type>() {
                    Some(numbers) => seen += &format!("{} values, sum {}\n", numbers.len(), numbers.values().iter().sum::<i64>()),
                    None => seen += &format!("{column:?}\n"),
                }
            }
        }
    }
    Ok(seen)
}

/// Whether an error says that something is damaged, or of a version that this one does not read.
fn is_clear(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported) && !error.message().is_empty()
}

/// Damages one object in many ways, and says how often that was found and how often something else stood in for it.
async fn damage(objects: &Objects, kind: &str, path: &str) {
    damage_often(objects, kind, path, 1000).await;
}

async fn damage_often(objects: &Objects, kind: &str, path: &str, times: usize) {
    let inner = restore(objects).await;
    let right = read_all(&inner).await.unwrap();
    let (whole, location) = (&objects[path], Path::from(path));
    let rounds = std::env::var("CLOUDDB_FLIPS").map_or(times, |value| value.parse().unwrap());
    let mut rng = StdRng::seed_from_u64(whole.len() as u64);
    let (mut found, mut unharmed) = (0, 0);
    for round in 0..2 * rounds {
        let (damaged, how) = if round < rounds {
            let bit = rng.random_range(0..whole.len() * 8);
            let mut bytes = whole.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            (Bytes::from(bytes), format!("bit {bit} flipped"))
        } else {
            let length = rng.random_range(0..whole.len());
            (whole.slice(..length), format!("cut to {length} bytes"))
        };
        inner.put(&location, damaged.into()).await.unwrap();
        match read_all(&inner).await {
            Ok(seen) => {
                assert!(seen == right, "{kind} {path}, {how}: wrong rows\n{seen}\ninstead of\n{right}");
                unharmed += 1;
            }
            Err(error) => {
                assert!(is_clear(&error), "{kind} {path}, {how}: {:?} {error}", error.kind());
                found += 1;
            }
        }
    }
    println!("{kind}: {rounds} flips and {rounds} cuts, {found} found, {unharmed} without consequence");
    inner.put(&location, whole.clone().into()).await.unwrap();
    assert_eq!(read_all(&inner).await.unwrap(), right);
}

fn first<'a>(objects: &'a Objects, prefix: &str, suffix: &str) -> &'a str {
    objects.keys().find(|path| path.starts_with(prefix) && path.ends_with(suffix)).unwrap_or_else(|| panic!("no {prefix}…{suffix}"))
}

#[tokio::test]
async fn damaged_records_and_identities_are_found() {
    let objects = only_a_log(1).await.unwrap();
    damage(&objects, "record", "log/000000000000/0000000000000003").await;
    damage(&objects, "last record", objects.keys().rfind(|path| path.starts_with("log/")).unwrap()).await;
    damage(&objects, "clouddb.json", "clouddb.json").await;
}

#[tokio::test]
async fn damaged_manifests_are_found() {
    let objects = only_a_log(280).await.unwrap();
    damage(&objects, "manifest", first(&objects, "data/", ".manifest")).await;
}

#[tokio::test]
async fn damaged_checkpoints_are_found_or_done_without() {
    let objects = with_checkpoint().await.unwrap();
    damage_often(&objects, "head", "head", 150).await;
    damage_often(&objects, "root", first(&objects, "checkpoint/", ".root"), 150).await;
    damage_often(&objects, "node", first(&objects, "checkpoint/", ".node"), 150).await;
}

#[tokio::test]
async fn damaged_segments_are_found() {
    let objects = with_checkpoint().await.unwrap();
    // The file of table `t` is the largest.
    let largest = objects.iter().filter(|(path, _)| path.ends_with(".parquet")).max_by_key(|(_, bytes)| bytes.len()).unwrap();
    damage(&objects, "segment", largest.0).await;
}

/// Reads a database after a change of its objects.
async fn after(objects: &Objects, change: impl FnOnce(&mut Objects)) -> Result<String> {
    let mut changed = objects.clone();
    change(&mut changed);
    read_all(&restore(&changed).await).await
}

const SECOND: &str = "log/000000000000/0000000000000002";
const THIRD: &str = "log/000000000000/0000000000000003";

#[tokio::test]
async fn objects_at_the_wrong_place_are_found() {
    let objects = only_a_log(1).await.unwrap();
    let other = only_a_log(1).await.unwrap();
    let corrupt = |result: Result<String>, what: &str, says: &str| {
        let error = result.err().unwrap_or_else(|| panic!("{what} is not found"));
        assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains(says), "{what}: {error}");
    };
    corrupt(after(&objects, |o| drop(o.remove(THIRD))).await, "a missing record", THIRD);
    corrupt(after(&objects, |o| drop(o.insert(THIRD.into(), Bytes::new()))).await, "an empty slot", "empty");
    corrupt(after(&objects, |o| drop(o.insert(THIRD.into(), objects[SECOND].clone()))).await, "a record twice", "slot 2");
    let swap = |o: &mut Objects| {
        o.insert(THIRD.into(), objects[SECOND].clone());
        o.insert(SECOND.into(), objects[THIRD].clone());
    };
    corrupt(after(&objects, swap).await, "swapped records", "slot 3");
    corrupt(after(&objects, |o| drop(o.insert(THIRD.into(), other[THIRD].clone()))).await, "a record of another database", "belongs to");
    corrupt(
        after(&objects, |o| drop(o.insert("clouddb.json".into(), other["clouddb.json"].clone()))).await,
        "another identity",
        "belongs to",
    );
    let segment = first(&objects, "data/", ".parquet").to_owned();
    let gone = after(&objects, |o| drop(o.remove(&segment))).await.err().unwrap();
    assert!(matches!(gone.kind(), ErrorKind::NotFound | ErrorKind::Corrupt) && gone.to_string().contains(&segment), "{gone}");
}

/// Another version's object is whole: its hash is right, its format is not ours.
fn of_version_7(bytes: &Bytes) -> Bytes {
    let mut bytes = bytes.to_vec();
    bytes[8] = 7;
    let hash = *blake3::Hasher::new().update(&bytes[..144]).update(&bytes[176..]).finalize().as_bytes();
    bytes[144..176].copy_from_slice(&hash);
    bytes.into()
}

#[tokio::test]
async fn objects_of_another_version_are_refused() {
    let objects = only_a_log(1).await.unwrap();
    let error = after(&objects, |o| drop(o.insert(THIRD.into(), of_version_7(&objects[THIRD])))).await.err().unwrap();
    assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains("format 7"), "{error}");
    // A writer that meets such a record where it wanted to put its own knows that nothing of its own was committed.
    let inner = restore(&objects).await;
    let database = open(&inner, OpenMode::MustExist).await.unwrap();
    let mut transaction = database.begin(&database.snapshot().await.unwrap()).unwrap();
    append(&mut transaction, "t", numbers(0, 1), false).await.unwrap();
    let slots = objects.keys().filter(|path| path.starts_with("log/")).count();
    let next = format!("log/000000000000/{:016}", slots + 1);
    inner.put(&Path::from(next), of_version_7(&objects[THIRD]).into()).await.unwrap();
    let error = transaction.commit().await.err().unwrap();
    assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains("nothing was committed"), "{error}");
}

#[tokio::test]
async fn a_checkpoint_without_its_objects_is_done_without() {
    let objects = with_checkpoint().await.unwrap();
    let right = after(&objects, |_| ()).await.unwrap();
    for prefix in ["head", "checkpoint/"] {
        assert_eq!(after(&objects, |o| o.retain(|path, _| !path.starts_with(prefix))).await.unwrap(), right, "without {prefix}");
    }
    for suffix in [".root", ".node"] {
        assert_eq!(after(&objects, |o| o.retain(|path, _| !path.ends_with(suffix))).await.unwrap(), right, "without {suffix}");
    }
}
