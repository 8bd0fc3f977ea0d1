//! The cache on disk, before a store that counts what is asked of it: what a later process finds, and what becomes of files that are not what was
//! written, folders that are gone and budgets that are full.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::DataType;
use bytes::Bytes;
use clouddb_storage::catalog::{ColumnSpec, TableMeta};
use clouddb_storage::env::SystemClock;
use clouddb_storage::segment::reader::{read_footer, read_ranges};
use clouddb_storage::segment::{BLOCK, ParquetLocation, SegmentBody};
use clouddb_storage::store::{Store, StoreCounts, StoreKind};
use clouddb_storage::{Database, OpenOptions};
use object_store::memory::InMemory;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::TestResult;
use crate::DiskCache;

const PLENTY: u64 = 1 << 30;

/// Segments far away, of random numbers: some 800 KiB of blocks each.
struct Far {
    objects: Arc<InMemory>,
    segments: Vec<(ParquetLocation, Bytes)>,
}

impl Far {
    async fn new(segments: usize, rows: usize) -> TestResult<Self> {
        let objects = Arc::new(InMemory::new());
        let database = Database::open_store(plain(&objects, StoreKind::Remote), OpenOptions::default()).await?;
        let mut transaction = database.begin(&database.snapshot().await?)?;
        let table = TableMeta::new(
            transaction.new_table_id(),
            Default::default(),
            "t",
            vec![ColumnSpec::new("noise", DataType::Int64, false)],
            &[],
        )?;
        let id = table.id;
        transaction.create_table(table)?;
        let random = &mut StdRng::seed_from_u64(3);
        let mut all = Vec::new();
        for _ in 0..segments {
            let mut writer = transaction.writer(id)?.without_inline();
            let noise: ArrayRef = Arc::new(Int64Array::from_iter_values((0..rows).map(|_| random.random())));
            writer.write(RecordBatch::try_from_iter(vec![("noise", noise)])?).await?;
            for segment in writer.finish().await? {
                let SegmentBody::Parquet(location) = &segment.meta().body else { continue };
                all.push((location.clone(), database.store().get(&location.path).await?));
            }
        }
        assert_eq!(all.len(), segments);
        Ok(Self { objects, segments: all })
    }

    /// The store as a process sees it that has just begun, with a cache.
    fn process(&self, folder: &Path, budget: u64) -> Process<'_> {
        let cache = DiskCache::new(folder, budget, Arc::new(SystemClock));
        Process { far: self, store: plain(&self.objects, StoreKind::Remote).with_block_cache(Arc::new(cache.clone())), cache }
    }
}

fn plain(objects: &Arc<InMemory>, kind: StoreKind) -> Store {
    Store::from_object_store(Arc::clone(objects) as _, "", kind, "far away")
}

struct Process<'a> {
    far: &'a Far,
    store: Store,
    cache: DiskCache,
}

impl Process<'_> {
    /// Reads a segment's footer and a range of its rows, or all, compares them with what was written, waits until they are kept; what was asked of the
    /// store.
    async fn read(&self, segment: usize, range: Option<Range<u64>>) -> TestResult<StoreCounts> {
        let before = self.store.counts();
        self.check(segment, range).await?;
        self.cache.flush().await;
        Ok(self.store.counts() - before)
    }

    async fn check(&self, segment: usize, range: Option<Range<u64>>) -> TestResult {
        let (location, written) = &self.far.segments[segment];
        let footer = read_footer(&self.store, location).await?;
        let range = range.unwrap_or(0..location.length - location.tail_length);
        let read = read_ranges(&self.store, location, &footer, std::slice::from_ref(&range)).await?;
        assert!(read[0] == written.slice(range.start as usize..range.end as usize), "other bytes than were written");
        Ok(())
    }
}

/// All files in a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() { all.extend(files(&entry.path())) } else { all.push(entry.path()) }
    }
    all.sort();
    all
}

fn length(folder: &Path) -> u64 {
    files(folder).iter().filter_map(|file| fs::metadata(file).ok()).map(|metadata| metadata.len()).sum()
}

#[tokio::test]
async fn a_later_process_asks_the_store_for_what_is_not_there_and_no_more() -> TestResult {
    let (far, folder) = (Far::new(2, 100_000).await?, tempfile::tempdir()?);
    let first = far.process(folder.path(), PLENTY);
    let made = first.read(0, Some(BLOCK + 5..3 * BLOCK)).await?;
    assert_eq!((made.gets, made.cache_hits), (2, 0), "{made:?}");
    // The blocks around those that are there, in two requests or, as they are near, in one that reads the middle once more.
    let second = far.process(folder.path(), PLENTY);
    let made = second.read(0, Some(0..5 * BLOCK)).await?;
    assert_eq!((made.gets, made.cache_hits, made.cache_bytes_read - far.segments[0].0.tail_length), (1, 2, 2 * BLOCK), "{made:?}");
    assert_eq!(second.read(0, None).await?.gets, 1);
    let third = far.process(folder.path(), PLENTY);
    for range in [None, Some(BLOCK + 5..3 * BLOCK), Some(7..5 * BLOCK + 1)] {
        let made = third.read(0, range.clone()).await?;
        assert_eq!((made.gets, made.heads, made.bytes_read), (0, 0, 0), "{range:?}: {made:?}");
    }
    assert!(third.read(1, None).await?.gets > 0, "another segment is other bytes");
    let counts = third.cache.counts().await;
    assert!(counts.hits == 6 && counts.misses == 2 && counts.saved_nanoseconds > 0 && counts.bytes_read > 0, "{counts:?}");
    assert_eq!((counts.evictions, counts.damaged, counts.not_kept), (0, 0, 0), "{counts:?}");
    assert_eq!(counts.entries as usize, files(folder.path()).len());
    Ok(())
}

#[tokio::test]
async fn a_small_file_is_kept_whole() -> TestResult {
    let (far, folder) = (Far::new(1, 10_000).await?, tempfile::tempdir()?);
    assert_eq!(far.process(folder.path(), PLENTY).read(0, None).await?.gets, 1);
    assert_eq!(files(folder.path()).len(), 1);
    let made = far.process(folder.path(), PLENTY).read(0, None).await?;
    assert_eq!((made.gets, made.cache_hits), (0, 1), "{made:?}");
    Ok(())
}

#[tokio::test]
async fn stores_that_are_near_are_read_themselves() -> TestResult {
    let (far, folder) = (Far::new(1, 10_000).await?, tempfile::tempdir()?);
    for kind in [StoreKind::Memory, StoreKind::Local] {
        let cache = DiskCache::new(folder.path(), PLENTY, Arc::new(SystemClock));
        let store = plain(&far.objects, kind).with_block_cache(Arc::new(cache.clone()));
        let process = Process { far: &far, store, cache };
        assert!(process.read(0, None).await?.gets > 0);
        assert!(process.read(0, None).await?.gets > 0);
    }
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
    Ok(())
}

#[tokio::test]
async fn a_damaged_file_is_fetched_again() -> TestResult {
    let seed = rand::random();
    println!("seed {seed}");
    let random = &mut StdRng::seed_from_u64(seed);
    let (far, folder) = (Far::new(2, 100_000).await?, tempfile::tempdir()?);
    let small = Far::new(1, 10_000).await?;
    let read_all = async || -> TestResult<(u64, u64)> {
        let (process, other) = (far.process(folder.path(), PLENTY), small.process(folder.path(), PLENTY));
        let mut gets = process.read(0, Some(0..3 * BLOCK)).await?.gets;
        gets += process.read(0, None).await?.gets + process.read(1, None).await?.gets + other.read(0, None).await?.gets;
        Ok((gets, process.cache.counts().await.damaged + other.cache.counts().await.damaged))
    };
    read_all().await?;
    assert_eq!(read_all().await?, (0, 0));
    let whole = files(folder.path());
    assert_eq!(whole.len(), 6, "{whole:?}");
    let bytes = whole.iter().map(fs::read).collect::<Result<Vec<_>, _>>()?;
    let restore = || {
        whole.iter().zip(&bytes).try_for_each(|(file, bytes)| {
            fs::create_dir_all(file.parent().unwrap_or(folder.path()))?;
            fs::write(file, bytes)
        })
    };
    type Damage = fn(&mut Vec<u8>, &mut StdRng);
    let damages: [(&str, Damage); 5] = [
        ("flipped", |bytes, random| {
            let at = random.random_range(0..bytes.len());
            bytes[at] ^= 1 << random.random_range(0..8);
        }),
        ("cut", |bytes, random| bytes.truncate(random.random_range(0..bytes.len()))),
        ("emptied", |bytes, _| bytes.clear()),
        ("zeroed", |bytes, _| bytes.fill(0)),
        ("longer", |bytes, _| bytes.push(0)),
    ];
    for (what, damage) in damages {
        for file in &whole {
            let mut bytes = fs::read(file)?;
            damage(&mut bytes, random);
            fs::write(file, &bytes)?;
            let (gets, damaged) = read_all().await?;
            assert!(gets > 0 && damaged > 0, "{what} {file:?}: {gets} requests, {damaged} damaged");
            assert!(!file.exists() || fs::read(file)? != bytes, "{what} {file:?} is still there");
            assert_eq!(read_all().await?, (0, 0), "{what} {file:?}");
            // What was fetched again may have another name: the next damage begins with the same files.
            files(folder.path()).iter().try_for_each(fs::remove_file)?;
            restore()?;
        }
    }
    // Bytes of another segment under this one's name.
    let pair: Vec<_> = whole.iter().filter(|file| fs::metadata(file).is_ok_and(|file| file.len() > 8 * BLOCK)).collect();
    fs::copy(pair[0], pair[1])?;
    assert!(read_all().await?.1 > 0);
    Ok(())
}

#[tokio::test]
async fn the_budget_holds_and_what_was_used_last_stays() -> TestResult {
    let (far, folder) = (Far::new(8, 100_000).await?, tempfile::tempdir()?);
    let all = far.segments[0].0.length;
    for budget in [0, 1, 100_000, 2 << 20, 16 * all] {
        for _ in 0..2 {
            let process = far.process(folder.path(), budget);
            for segment in 0..8 {
                process.read(segment, None).await?;
                assert!(length(folder.path()) <= budget, "{} bytes of {budget}", length(folder.path()));
            }
            let counts = process.cache.counts().await;
            assert!(counts.bytes <= budget, "{counts:?}");
        }
    }
    // Room for four of them: the first is used all the time.
    fs::remove_dir_all(folder.path())?;
    let process = far.process(folder.path(), 6 * all);
    for segment in 0..8 {
        process.read(segment, None).await?;
        let made = process.read(0, None).await?;
        assert_eq!(made.gets, 0, "used last, gone after {segment}");
    }
    assert!(process.cache.counts().await.evictions > 0);
    assert!(process.read(1, None).await?.gets > 0, "not used for longest, but there");
    // What a larger budget left behind goes.
    far.process(folder.path(), 3 * all).read(7, None).await?;
    far.process(folder.path(), 3 * all).read(2, None).await?;
    assert!(length(folder.path()) <= 3 * all);
    Ok(())
}

#[tokio::test]
async fn what_killed_processes_left_is_cleaned_up() -> TestResult {
    let (far, folder) = (Far::new(1, 100_000).await?, tempfile::tempdir()?);
    far.process(folder.path(), PLENTY).read(0, Some(0..BLOCK)).await?;
    let root = folder.path().join("clouddb-segments-1");
    let (old, new, foreign) = (root.join("tmp-old"), root.join("tmp-new"), folder.path().join("tmp-not-ours"));
    for file in [&old, &new, &foreign] {
        fs::write(file, vec![1; 100_000])?;
    }
    for file in [&old, &foreign] {
        fs::File::open(file)?.set_modified(fs::metadata(file)?.modified()? - Duration::from_secs(3600))?;
    }
    fs::create_dir(root.join("empty"))?;
    let process = far.process(folder.path(), PLENTY);
    process.read(0, None).await?;
    assert!(!old.exists() && new.exists() && foreign.exists() && !root.join("empty").exists());
    assert!(process.cache.counts().await.bytes > length(&root) - 1, "what is being written counts");
    assert_eq!(far.process(folder.path(), PLENTY).read(0, None).await?.gets, 0);
    Ok(())
}

#[tokio::test]
async fn without_its_folder_answers_are_the_same() -> TestResult {
    let (far, folder) = (Far::new(2, 100_000).await?, tempfile::tempdir()?);
    let process = far.process(folder.path(), PLENTY);
    process.read(0, None).await?;
    // Deleted: what comes next is kept again.
    fs::remove_dir_all(folder.path())?;
    assert!(process.read(0, None).await?.gets > 0);
    assert_eq!(process.read(0, None).await?.gets, 0);
    assert_eq!(process.cache.counts().await.not_kept, 0);
    // Not a folder any more, nor from the start: nothing is kept, for whomever.
    fs::remove_dir_all(folder.path())?;
    fs::write(folder.path(), "in the way")?;
    for process in [process, far.process(folder.path(), PLENTY)] {
        for _ in 0..2 {
            assert!(process.read(1, None).await?.gets > 0);
        }
        let counts = process.cache.counts().await;
        assert!(counts.not_kept > 0 && counts.entries == 0, "{counts:?}");
    }
    assert_eq!(fs::read(folder.path())?, b"in the way");
    fs::remove_file(folder.path())?;
    fs::create_dir(folder.path())?;
    Ok(())
}

/// Two processes that read and evict in one folder, while somebody deletes and damages files.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_share_a_folder_that_is_too_small() -> TestResult {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let (far, folder) = (Arc::new(Far::new(6, 60_000).await?), tempfile::tempdir()?);
    let budget = 4 * far.segments[0].0.length;
    let tasks = (0..4).map(|number| {
        let (far, path) = (Arc::clone(&far), folder.path().to_owned());
        tokio::spawn(async move {
            let random = &mut StdRng::seed_from_u64(seed + number);
            let process = far.process(&path, budget);
            for _ in 0..100 {
                let segment = random.random_range(0..far.segments.len());
                let length = far.segments[segment].0.length;
                let start = random.random_range(0..length);
                process.check(segment, Some(start..random.random_range(start..=length))).await?;
                if number == 0 {
                    let files = files(&path);
                    match files.get(random.random_range(0..files.len().max(1))) {
                        Some(file) if random.random() => drop(fs::write(file, "no blocks")),
                        Some(file) => drop(fs::remove_file(file)),
                        None => {}
                    }
                }
            }
            process.cache.flush().await;
            TestResult::Ok(process.cache.counts().await)
        })
    });
    let mut total = (0, 0);
    for task in tasks.collect::<Vec<_>>() {
        let counts = task.await??;
        total = (total.0 + counts.hits, total.1 + counts.evictions);
    }
    assert!(total.0 > 0 && total.1 > 0, "{total:?}");
    assert!(length(folder.path()) <= budget, "{} bytes of {budget}", length(folder.path()));
    Ok(())
}
