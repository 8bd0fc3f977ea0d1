//! Segments read through a cache of blocks that forgets and damages what it was given.

use std::ops::Range;
use std::sync::Mutex;
use std::time::Duration;

use arrow::array::Int64Array;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::segment::{BLOCK, BlockCache, Lookup, Piece, fetch};

/// Hands out some of the blocks that were asked for, as they are in the file or with a bit flipped; notes what it is told.
#[derive(Debug)]
struct Unreliable {
    file: Bytes,
    random: Mutex<StdRng>,
    there: f64,
    damaged: f64,
    told: Mutex<Vec<Range<u64>>>,
    handed_out_damaged: Mutex<Vec<Range<u64>>>,
    kept: Mutex<Vec<Piece>>,
}

#[async_trait::async_trait]
impl BlockCache for Unreliable {
    async fn find(&self, _: &ParquetLocation, ranges: &[Range<u64>]) -> Lookup {
        let random = &mut *self.random.lock().unwrap();
        let mut pieces = Vec::new();
        for range in ranges {
            let mut start = range.start;
            while start < range.end {
                // The rest at once, or some blocks.
                let blocks = random.random_range(1..4) * BLOCK;
                let end = if random.random_bool(0.5) { range.end } else { range.end.min(start / BLOCK * BLOCK + blocks) };
                if random.random_bool(self.there) {
                    let mut bytes = self.file[start as usize..end as usize].to_vec();
                    if random.random_bool(self.damaged) {
                        let at = random.random_range(0..bytes.len());
                        bytes[at] ^= 1 << random.random_range(0..8);
                        self.handed_out_damaged.lock().unwrap().push(start..end);
                    }
                    pieces.push((start, bytes.into()));
                }
                start = end;
            }
        }
        Lookup { pieces, at: Duration::ZERO }
    }

    fn keep(&self, _: &ParquetLocation, pieces: Vec<Piece>, _: Duration) {
        self.kept.lock().unwrap().extend(pieces);
    }

    fn damaged(&self, _: &ParquetLocation, range: Range<u64>) {
        self.told.lock().unwrap().push(range);
    }
}

#[tokio::test]
async fn a_cache_that_forgets_and_damages_changes_no_byte() -> Result<()> {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let random = &mut StdRng::seed_from_u64(seed);
    let remote = Store::from_object_store(Arc::new(InMemory::new()), "", StoreKind::Remote, "far away");
    let table = table(vec![column("n", DataType::Int64, false)], &[]);
    for rows in [5_000, 100_000] {
        let values = Int64Array::from_iter_values((0..rows).map(|_| random.random()));
        let segment = write_file(&remote, &table, [batch(&table, vec![Arc::new(values)])]).await?;
        let location = location(&segment);
        let file = remote.get(&location.path).await?;
        for (there, damaged) in [(0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (0.7, 0.3), (1.0, 1.0)] {
            let cache = Arc::new(Unreliable {
                file: file.clone(),
                random: Mutex::new(StdRng::seed_from_u64(random.random())),
                there,
                damaged,
                told: Mutex::default(),
                handed_out_damaged: Mutex::default(),
                kept: Mutex::default(),
            });
            let store = remote.with_block_cache(Arc::clone(&cache) as _);
            for _ in 0..60 {
                let footer = read_footer(&store, location).await?;
                let ends = [random.random_range(0..=location.length), random.random_range(0..=location.length)];
                let range = ends[0].min(ends[1])..ends[0].max(ends[1]);
                let part = read_ranges(&store, location, &footer, std::slice::from_ref(&range)).await?.remove(0);
                assert!(part == file.slice(range.start as usize..range.end as usize), "{range:?} of {there}, {damaged}");
            }
            for (start, bytes) in cache.kept.lock().unwrap().iter() {
                assert!(*bytes == file.slice(*start as usize..*start as usize + bytes.len()), "kept what is not in the file");
            }
            let (told, out) = (cache.told.lock().unwrap(), cache.handed_out_damaged.lock().unwrap());
            // Footers want their range in one piece, and do not look at others.
            assert!(told.iter().all(|range| out.contains(range)) && told.is_empty() == out.is_empty(), "{told:?} of {out:?}");
            assert_eq!(store.counts().gets == 0, (there, damaged) == (1.0, 0.0), "{:?}", store.counts());
            assert_eq!(store.counts().cache_hits == 0, there == 0.0);
        }
    }
    Ok(())
}

#[test]
fn what_is_missing_is_what_no_piece_has() {
    let piece = |start: u64, length: usize| (start, Bytes::from(vec![0; length]));
    let pieces = [piece(5, 10), piece(15, 5), piece(40, 20)];
    assert_eq!(fetch::missing(&[0..10, 12..30, 41..42, 50..70], &pieces), [0..5, 20..30, 60..70]);
    assert_eq!(fetch::missing(&[5..20, 20..20, 20..21], &pieces), [20..21]);
    assert_eq!(fetch::missing(&[0..1, 70..71], &[]), [0..1, 70..71]);
}
