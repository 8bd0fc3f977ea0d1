//! Ranges of files: any range is what the file has there, in few requests, and metadata keeps within the file.

use arrow::array::Int64Array;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;

async fn numbers(store: &Store, rows: i64) -> Result<SegmentMeta> {
    let table = table(vec![column("n", DataType::Int64, false)], &[]);
    let random = &mut StdRng::seed_from_u64(1);
    let values = Int64Array::from_iter_values((0..rows).map(|_| random.random()));
    write_file(store, &table, [batch(&table, vec![Arc::new(values)])]).await
}

#[tokio::test]
async fn any_ranges_are_the_files() -> Result<()> {
    // The first is read whole with its footer.
    for rows in [5_000, 60_000] {
        let store = memory();
        let segment = numbers(&store, rows).await?;
        let location = location(&segment);
        let (file, footer) = (store.get(&location.path).await?, read_footer(&store, location).await?);
        assert_eq!(file.len() as u64, location.length);
        let random = &mut StdRng::seed_from_u64(2);
        for _ in 0..300 {
            let mut ranges = Vec::new();
            for _ in 0..random.random_range(0..6) {
                let start = random.random_range(0..=location.length);
                let longest = if random.random_bool(0.5) { 100 } else { location.length };
                ranges.push(start..random.random_range(start..=location.length.min(start + longest)));
            }
            let parts = read_ranges(&store, location, &footer, &ranges).await?;
            for (range, part) in ranges.iter().zip(parts) {
                assert_eq!(part, file.slice(range.start as usize..range.end as usize), "{range:?}");
            }
        }
        let beyond = location.length..location.length + 1;
        assert_eq!(read_ranges(&store, location, &footer, &[beyond]).await.unwrap_err().kind(), crate::ErrorKind::Corrupt);
    }
    Ok(())
}

#[tokio::test]
async fn a_small_file_takes_one_request() -> Result<()> {
    let (store, disk) = (memory(), Store::from_object_store(Arc::new(InMemory::new()), "", StoreKind::Local, "like a disk"));
    for (store, requests, rows) in [(&store, 1, 5_000), (&store, 2, 60_000), (&disk, 1, 1_000), (&disk, 2, 5_000)] {
        let segment = numbers(store, rows).await?;
        let (location, before) = (location(&segment), store.counts().gets);
        let footer = read_footer(store, location).await?;
        read_ranges(store, location, &footer, &[0..100, 2000..3000]).await?;
        assert_eq!(store.counts().gets - before, requests, "{rows} rows");
        assert_eq!(footer.memory_size() as u64 > location.length, requests == 1, "what is kept is counted");
    }
    Ok(())
}

#[tokio::test]
async fn a_footer_takes_one_request_and_neighbours_share_one() -> Result<()> {
    let store = memory();
    let segment = numbers(&store, 60_000).await?;
    let before = store.counts().gets;
    let footer = read_footer(&store, location(&segment)).await?;
    assert_eq!(store.counts().gets - before, 1);
    read_ranges(&store, location(&segment), &footer, &[10..20, 70_000..80_000, 30..40]).await?;
    assert_eq!(store.counts().gets - before, 2);
    assert!(footer.memory_size() > 1000);
    Ok(())
}

#[tokio::test]
async fn the_tail_begins_where_the_last_page_ends() -> Result<()> {
    let store = memory();
    let segment = numbers(&store, 300_000).await?;
    let (location, footer) = (location(&segment), read_footer(&store, location(&segment)).await?);
    let metadata = footer.metadata();
    assert_eq!(metadata.num_row_groups(), 3);
    let last = metadata.row_groups().last().unwrap().columns().last().unwrap();
    let (start, length) = last.byte_range();
    assert_eq!(start + length, location.length - location.tail_length);
    assert!(metadata.column_index().is_some() && metadata.offset_index().is_some());
    let rows: i64 = metadata.row_groups().iter().map(|group| group.num_rows()).sum();
    assert_eq!(rows, 300_000);
    Ok(())
}

#[tokio::test]
async fn a_missing_file_is_not_found() -> Result<()> {
    let segment = numbers(&memory(), 10).await?;
    let error = read_footer(&memory(), location(&segment)).await.unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::NotFound);
    assert!(error.to_string().contains(&location(&segment).path), "{error}");
    Ok(())
}
