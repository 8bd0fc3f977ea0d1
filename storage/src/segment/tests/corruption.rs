//! Changed and shortened files: every read gives the rows that were written or says that the file is corrupt, and where.

use arrow::array::{Array, Float64Array, Int64Array, StringViewArray};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;

async fn written(store: &Store) -> Result<(Arc<TableMeta>, SegmentMeta)> {
    let table =
        table(vec![column("n", DataType::Int64, false), column("s", DataType::Utf8, true), column("f", DataType::Float64, true)], &[]);
    let random = &mut StdRng::seed_from_u64(5);
    let rows = 20_000;
    let numbers = Int64Array::from_iter_values((0..rows).map(|_| random.random_range(0..1 << 40)));
    let strings = StringViewArray::from_iter((0..rows).map(|row| (row % 7 != 0).then(|| format!("string {}", row % 1000))));
    let floats = Float64Array::from_iter((0..rows).map(|row| (row % 5 != 0).then(|| random.random::<f64>())));
    let segment = write_file(store, &table, [batch(&table, vec![Arc::new(numbers), Arc::new(strings), Arc::new(floats)])]).await?;
    Ok((table, segment))
}

#[tokio::test]
async fn no_changed_bit_goes_unnoticed() -> Result<()> {
    let store = memory();
    let (table, segment) = written(&store).await?;
    let location = location(&segment);
    let (original, rows) = (store.get(&location.path).await?, read(&store, &table, &segment).await?);
    assert!(original.len() > 3 * 65_536, "{}", original.len());
    let random = &mut StdRng::seed_from_u64(6);
    let mut in_tail = 0;
    for round in 0..1_000 {
        let mut changed = original.to_vec();
        // Every fourth in the tail, which is a small part of the file.
        let first = if round % 4 == 0 { original.len() - location.tail_length as usize } else { 0 };
        let at = random.random_range(first..original.len());
        changed[at] ^= 1 << random.random_range(0..8);
        in_tail += usize::from(at as u64 >= location.length - location.tail_length);
        store.put(&location.path, changed.into()).await?;
        let error = read(&store, &table, &segment).await.unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Corrupt, "byte {at}: {error}");
        assert!(error.message().contains(&location.path), "{error}");
    }
    assert!(in_tail > 200 && in_tail < 900);
    store.put(&location.path, original).await?;
    assert_eq!(read(&store, &table, &segment).await?, rows);
    Ok(())
}

#[tokio::test]
async fn damage_in_a_small_file_is_told_to_who_reads_it() -> Result<()> {
    let store = memory();
    let table = table(vec![column("n", DataType::Int64, false)], &[]);
    let random = &mut StdRng::seed_from_u64(8);
    let values = Int64Array::from_iter_values((0..20_000).map(|_| random.random()));
    let segment = write_file(&store, &table, [batch(&table, vec![Arc::new(values)])]).await?;
    let location = location(&segment);
    let original = store.get(&location.path).await?;
    assert!((2 * 65_536..256 * 1024).contains(&original.len()), "{}", original.len());
    let mut changed = original.to_vec();
    changed[70_000] ^= 1;
    store.put(&location.path, changed.into()).await?;
    // The footer is sound. What is damaged is not kept.
    let footer = read_footer(&store, location).await?;
    assert!(read_ranges(&store, location, &footer, &[0..65_536]).await.is_ok());
    let error = read_ranges(&store, location, &footer, &[0..70_001]).await.unwrap_err();
    assert!(error.kind() == crate::ErrorKind::Corrupt && error.message().contains("block 1"), "{error}");
    store.put(&location.path, original.clone()).await?;
    assert_eq!(read_ranges(&store, location, &footer, &[0..70_001]).await?, [original.slice(..70_001)]);
    Ok(())
}

#[tokio::test]
async fn no_lost_or_added_byte_goes_unnoticed() -> Result<()> {
    let store = memory();
    let (table, segment) = written(&store).await?;
    let location = location(&segment);
    let (original, rows) = (store.get(&location.path).await?, read(&store, &table, &segment).await?);
    let random = &mut StdRng::seed_from_u64(7);
    for _ in 0..200 {
        let kept = random.random_range(0..original.len());
        store.put(&location.path, original.slice(..kept)).await?;
        let error = read(&store, &table, &segment).await.unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Corrupt, "{kept} bytes: {error}");
    }
    // Bytes behind the end are not looked at.
    store.put(&location.path, [original.as_ref(), b"more"].concat().into()).await?;
    assert_eq!(read(&store, &table, &segment).await?, rows);
    Ok(())
}

#[tokio::test]
async fn a_log_that_is_wrong_about_a_file_is_noticed() -> Result<()> {
    let store = memory();
    let (_, segment) = written(&store).await?;
    let right = location(&segment);
    let wrong: [fn(&mut ParquetLocation); 5] = [
        |location| location.length -= 1,
        |location| location.tail_length += 1,
        |location| location.tail_length = location.length + 1,
        |location| location.tail_hash[0] ^= 1,
        |location| (location.tail_length, location.tail_hash) = (0, *blake3::hash(b"").as_bytes()),
    ];
    for change in wrong {
        let mut location = right.clone();
        change(&mut location);
        assert_eq!(read_footer(&store, &location).await.unwrap_err().kind(), crate::ErrorKind::Corrupt, "{location:?}");
    }
    Ok(())
}

#[tokio::test]
async fn inline_rows_that_are_not_the_tables_are_corrupt() -> Result<()> {
    let table = table(vec![column("n", DataType::Int64, false), column("s", DataType::Utf8, true)], &[]);
    let rows = batch(&table, vec![Arc::new(Int64Array::from(vec![1, 2])), Arc::new(StringViewArray::from(vec![Some("x"), None]))]);
    let segments = write(&memory(), &table, [rows]).await?;
    let SegmentBody::Inline(stream) = &segments[0].meta().body else { panic!("a file") };
    // Whether bits changed, the hash of the record tells.
    let corrupt = |table: &TableMeta, segment: SegmentMeta| {
        assert_eq!(read_inline(table, &segment).unwrap_err().kind(), crate::ErrorKind::Corrupt);
    };
    for kept in 0..stream.len() - 8 {
        corrupt(&table, SegmentMeta { body: SegmentBody::Inline(stream.slice(..kept)), ..segments[0].meta().clone() });
    }
    corrupt(&table, SegmentMeta { rows: 3, ..segments[0].meta().clone() });
    let other = super::table(vec![column("n", DataType::Int32, false), column("s", DataType::Utf8, true)], &[]);
    corrupt(&other, segments[0].meta().clone());
    let more =
        super::table(vec![column("n", DataType::Int64, false), column("s", DataType::Utf8, true), column("m", DataType::Int8, false)], &[]);
    corrupt(&more, segments[0].meta().clone());
    let added =
        super::table(vec![column("n", DataType::Int64, false), column("s", DataType::Utf8, true), column("m", DataType::Int8, true)], &[]);
    assert_eq!(read_inline(&added, segments[0].meta())?[0].column(2).null_count(), 2);
    Ok(())
}
