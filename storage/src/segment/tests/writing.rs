//! What a writer makes of rows: inline or files, how many, sorted how, with which statistics, and what it refuses.

use std::time::Instant;

use arrow::array::*;
use arrow::datatypes::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::catalog::{ROW_ID_NAME, types};
use crate::segment::layout::{ROW_ID_FIELD, SEGMENT_ROWS};
use crate::segment::merge::merge_inline;
use crate::segment::{Bound, Value};

fn one_column(data_type: DataType, nullable: bool) -> Arc<TableMeta> {
    table(vec![column("c", data_type, nullable)], &[])
}

fn is_inline(segments: &[StagedSegment]) -> bool {
    matches!(segments, [one] if matches!(one.meta().body, SegmentBody::Inline(_)))
}

#[tokio::test]
async fn few_rows_are_inline_and_more_are_a_file() -> Result<()> {
    let table = one_column(DataType::Int64, false);
    let numbers = |rows: i64| batch(&table, vec![Arc::new(Int64Array::from_iter_values(0..rows))]);
    for (rows, inline) in [(1, true), (900, true), (1001, false), (50_000, false)] {
        let store = memory();
        let segments = write(&store, &table, [numbers(rows)]).await?;
        assert_eq!(is_inline(&segments), inline, "{rows} rows");
        assert_eq!(store.counts().puts, u64::from(!inline));
        assert_eq!(segments[0].meta().rows, rows as u64);
        assert_eq!(read(&store, &table, segments[0].meta()).await?, numbers(rows));
    }
    let wide = super::table(vec![column("c", DataType::Utf8, false)], &[]);
    let text = batch(&wide, vec![Arc::new(StringViewArray::from(vec!["x".repeat(9000)]))]);
    assert!(!is_inline(&write(&memory(), &wide, [text]).await?));
    assert!(matches!(write_file(&memory(), &table, [numbers(1)]).await?.body, SegmentBody::Parquet(_)));
    assert!(write(&memory(), &table, [numbers(0)]).await?.is_empty());
    assert!(write(&memory(), &table, []).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_small_inline_block_is_short() -> Result<()> {
    let specs = (0..8).map(|n| column(&format!("a_column_with_a_long_name_{n}"), DataType::Int64, true)).collect();
    let table = table(specs, &[]);
    let row = batch(&table, (0..8).map(|n| Arc::new(Int64Array::from(vec![n])) as ArrayRef).collect());
    let segments = write(&memory(), &table, [row]).await?;
    assert!(segments[0].meta().bytes() < 1800, "{} bytes", segments[0].meta().bytes());
    Ok(())
}

#[tokio::test]
async fn a_full_segment_is_followed_by_another() -> Result<()> {
    let (store, table) = (memory(), one_column(DataType::Boolean, false));
    let part = batch(&table, vec![Arc::new(BooleanArray::from(vec![true; 100_000]))]);
    let batches = SEGMENT_ROWS as usize / 100_000 + 2;
    let segments = write(&store, &table, std::iter::repeat_n(part, batches)).await?;
    assert_eq!(segments.len(), 2);
    assert!(segments[0].meta().rows >= SEGMENT_ROWS && segments[0].meta().rows < SEGMENT_ROWS + 100_000);
    assert_eq!(segments.iter().map(|segment| segment.meta().rows).sum::<u64>(), batches as u64 * 100_000);
    assert_ne!(segments[0].meta().id, segments[1].meta().id);
    Ok(())
}

#[tokio::test]
async fn wrong_rows_are_refused_by_name() -> Result<()> {
    let table = table(vec![column("x", DataType::Int64, false), column("y", DataType::Utf8, true)], &[]);
    let rows = |x: ArrayRef, y: ArrayRef| RecordBatch::try_from_iter_with_nullable([("x", x, true), ("y", y, true)]).unwrap();
    let text = || Arc::new(StringArray::from(vec!["a"])) as ArrayRef;
    let cases = [
        (rows(Arc::new(Int64Array::from(vec![None])), text()), "NULL in column 'x' of table 't', which is NOT NULL"),
        (rows(Arc::new(Int32Array::from(vec![1])), text()), "values of type Int32 for column 'x' of table 't', which has type Int64"),
        (rows(text(), text()), "values of type Utf8 for column 'x' of table 't', which has type Int64"),
        (RecordBatch::try_from_iter([("x", text())])?, "rows of 1 values for table 't', which has 2 columns"),
    ];
    for (rows, message) in cases {
        let error = write(&memory(), &table, [rows]).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (crate::ErrorKind::Invalid, message));
    }
    // A NULL that hides in a dictionary's values is one all the same.
    let hidden = DictionaryArray::<Int8Type>::new(Int8Array::from(vec![0]), Arc::new(StringArray::from(vec![None::<&str>])));
    let strict = one_column(DataType::Utf8, false);
    let error = write(&memory(), &strict, [RecordBatch::try_from_iter([("c", Arc::new(hidden) as ArrayRef)])?]).await.unwrap_err();
    assert_eq!(error.message(), "NULL in column 'c' of table 't', which is NOT NULL");
    Ok(())
}

fn shuffled(random: &mut StdRng, table: &TableMeta, rows: usize) -> RecordBatch {
    let keys: StringViewArray = (0..rows).map(|_| random.random_bool(0.9).then(|| format!("{:x}", random.random_range(0..64)))).collect();
    let numbers: Int64Array = (0..rows).map(|_| random.random_bool(0.9).then(|| random.random_range(-50..50))).collect();
    let order = Int64Array::from_iter_values((0..rows).map(|_| random.random()));
    batch(table, vec![Arc::new(order), Arc::new(numbers), Arc::new(keys)])
}

#[tokio::test]
async fn clustered_tables_are_sorted_nulls_last() -> Result<()> {
    let specs = vec![column("v", DataType::Int64, false), column("b", DataType::Int64, true), column("a", DataType::Utf8, true)];
    let table = table(specs, &["a", "b"]);
    for rows in [5, 20_000] {
        let (store, random) = (memory(), &mut StdRng::seed_from_u64(9));
        let batches: Vec<_> = (0..4).map(|_| shuffled(random, &table, rows)).collect();
        let segments = write(&store, &table, batches.clone()).await?;
        assert_eq!((segments.len(), is_inline(&segments)), (1, rows == 5));
        assert!(segments[0].meta().sorted);
        let read = read(&store, &table, segments[0].meta()).await?;
        let sort = |batch: &RecordBatch| {
            let key = |index: usize| arrow::compute::SortColumn {
                values: batch.column(index).clone(),
                options: Some(arrow::compute::SortOptions { descending: false, nulls_first: false }),
            };
            // All columns: the order of rows with equal keys does not matter here.
            let order = arrow::compute::lexsort_to_indices(&[key(2), key(1), key(0)], None).unwrap();
            arrow::compute::take_record_batch(batch, &order).unwrap()
        };
        let keys = |batch: &RecordBatch| batch.project(&[2, 1]).unwrap();
        let expected = sort(&arrow::compute::concat_batches(&table.arrow_schema(), &batches)?);
        assert_eq!(keys(&read), keys(&expected));
        assert_eq!(sort(&read), expected);
        if rows > 5 {
            let footer = read_footer(&store, location(segments[0].meta())).await?;
            let sorting = footer.metadata().row_group(0).sorting_columns().unwrap();
            let columns: Vec<_> = sorting.iter().map(|column| (column.column_idx, column.descending, column.nulls_first)).collect();
            assert_eq!(columns, [(2, false, false), (1, false, false)]);
        }
    }
    Ok(())
}

async fn bounds(table: &Arc<TableMeta>, values: impl Array + 'static) -> Result<(Option<Bound>, Option<Bound>, u64)> {
    let parts = [batch(table, vec![Arc::new(values)])];
    let inline = write(&memory(), table, parts.clone()).await?.remove(0).0;
    let file = write_file(&memory(), table, parts).await?;
    assert_eq!(inline.columns, file.columns);
    let column = file.column(1).unwrap();
    Ok((column.min.clone(), column.max.clone(), column.null_count))
}

fn exact(value: Value) -> Option<Bound> {
    Some(Bound { value, exact: true })
}

fn cut(value: Value) -> Option<Bound> {
    Some(Bound { value, exact: false })
}

#[tokio::test]
async fn bounds_are_exact_for_what_has_an_order() -> Result<()> {
    let numbers = one_column(DataType::Int32, true);
    let found = bounds(&numbers, Int32Array::from(vec![Some(3), None, Some(-7)])).await?;
    assert_eq!(found, (exact(Value::Int(-7)), exact(Value::Int(3)), 1));
    assert_eq!(bounds(&numbers, Int32Array::from(vec![None, None])).await?, (None, None, 2));
    let unsigned = bounds(&one_column(DataType::UInt64, true), UInt64Array::from(vec![u64::MAX, 1])).await?;
    assert_eq!(unsigned, (exact(Value::UInt(1)), exact(Value::UInt(u64::MAX)), 0));
    let decimal = Decimal128Array::from(vec![-(10_i128.pow(37)), 5]).with_precision_and_scale(38, 4)?;
    let found = bounds(&one_column(DataType::Decimal128(38, 4), true), decimal).await?;
    assert_eq!(found, (exact(Value::Decimal(-(10_i128.pow(37)))), exact(Value::Decimal(5)), 0));
    let time =
        bounds(&one_column(DataType::Timestamp(TimeUnit::Nanosecond, None), true), TimestampNanosecondArray::from(vec![5, 4])).await?;
    assert_eq!(time, (exact(Value::Int(4)), exact(Value::Int(5)), 0));
    let truth = bounds(&one_column(DataType::Boolean, true), BooleanArray::from(vec![true, true])).await?;
    assert_eq!(truth, (exact(Value::Boolean(true)), exact(Value::Boolean(true)), 0));
    Ok(())
}

#[tokio::test]
async fn bounds_of_floats_never_exclude_an_equal_value() -> Result<()> {
    let floats = one_column(DataType::Float64, true);
    let found = bounds(&floats, Float64Array::from(vec![1.5, -2.0, f64::INFINITY])).await?;
    assert_eq!(found, (exact(Value::Float(-2.0)), exact(Value::Float(f64::INFINITY)), 0));
    for values in [vec![0.0, 0.0], vec![-0.0, -0.0], vec![-0.0, 0.0]] {
        let (Some(min), Some(max), 0) = bounds(&floats, Float64Array::from(values)).await? else { panic!("no bounds") };
        let (Value::Float(low), Value::Float(high)) = (min.value, max.value) else { panic!("no floats") };
        assert!(low.is_sign_negative() && high.is_sign_positive() && !min.exact && !max.exact);
    }
    for nan in [f64::NAN, -f64::NAN] {
        assert_eq!(bounds(&floats, Float64Array::from(vec![1.0, nan, 2.0])).await?, (None, None, 0));
    }
    let half = bounds(&one_column(DataType::Float16, true), Float16Array::from(vec![half(1.5), half(-2.0)])).await?;
    assert_eq!(half, (exact(Value::Float(-2.0)), exact(Value::Float(1.5)), 0));
    Ok(())
}

fn half(value: f32) -> <Float16Type as ArrowPrimitiveType>::Native {
    <Float16Type as ArrowPrimitiveType>::Native::from_f32(value)
}

#[tokio::test]
async fn bounds_of_long_strings_are_cut_outwards() -> Result<()> {
    let strings = one_column(DataType::Utf8, true);
    let short = bounds(&strings, StringViewArray::from(vec!["b", "a"])).await?;
    assert_eq!(short, (exact(Value::String("a".into())), exact(Value::String("b".into())), 0));
    let found = bounds(&strings, StringViewArray::from(vec!["a".repeat(65), "b".repeat(64)])).await?;
    assert_eq!(found, (cut(Value::String("a".repeat(64))), exact(Value::String("b".repeat(64))), 0));
    // 63 ASCII characters and one of two bytes: cut before it.
    let text = format!("{}é{}", "x".repeat(63), "z");
    let found = bounds(&strings, StringViewArray::from(vec![text])).await?;
    assert_eq!(found, (cut(Value::String("x".repeat(63))), cut(Value::String(format!("{}y", "x".repeat(62)))), 0));
    // The greatest character has no successor, and the last before the surrogates has the first behind them.
    let found = bounds(&strings, StringViewArray::from(vec!["\u{10ffff}".repeat(20)])).await?;
    assert_eq!((found.0, found.1), (cut(Value::String("\u{10ffff}".repeat(16))), None));
    let found = bounds(&strings, StringViewArray::from(vec![format!("a{}", "\u{d7ff}".repeat(30))])).await?;
    assert_eq!(found.1, cut(Value::String(format!("a{}\u{e000}", "\u{d7ff}".repeat(20)))));
    let binary = one_column(DataType::Binary, true);
    let found = bounds(&binary, BinaryViewArray::from_iter_values([vec![255; 65], vec![1; 65]])).await?;
    assert_eq!((found.0, found.1), (cut(Value::Binary(vec![1; 64])), None));
    Ok(())
}

#[tokio::test]
async fn statistics_are_of_the_first_columns_and_the_clustering_key() -> Result<()> {
    let specs = (0..40).map(|n| column(&format!("c{n}"), DataType::Int32, true)).collect();
    let table = table(specs, &["c38"]);
    let row = batch(&table, (0..40).map(|n| Arc::new(Int32Array::from(vec![n])) as ArrayRef).collect());
    let segments = write(&memory(), &table, [row]).await?;
    let with: Vec<u32> = segments[0].meta().columns.iter().map(|column| column.field_id).collect();
    assert_eq!(with, (1..=32).chain([39]).collect::<Vec<_>>());
    assert_eq!(segments[0].meta().column(39).unwrap().min, exact(Value::Int(38)));
    assert_eq!(segments[0].meta().column(1).unwrap().decoded_bytes, 4);
    Ok(())
}

#[tokio::test]
async fn different_values_are_counted_over_all_batches() -> Result<()> {
    let table = table(vec![column("k", DataType::Int64, false), column("n", DataType::Int32, true)], &[]);
    let rows = |from: i64| {
        let numbers = Int32Array::from_iter((from..from + 3_000).map(|key| (key % 4 != 0).then_some((key % 700) as i32)));
        batch(&table, vec![Arc::new(Int64Array::from_iter_values(from..from + 3_000)) as ArrayRef, Arc::new(numbers)])
    };
    let segments = write(&memory(), &table, [rows(0), rows(3_000)]).await?;
    assert_eq!(segments[0].meta().column(1).unwrap().distinct, Some(6_000));
    // Of 700, those that are no multiples of four.
    let numbers = segments[0].meta().column(2).unwrap().distinct.unwrap();
    assert!((490..=560).contains(&numbers), "{numbers}");
    let few = write(&memory(), &table, [rows(0).slice(0, 9)]).await?;
    assert!(matches!(few[0].meta().body, SegmentBody::Inline(_)));
    assert_eq!(few[0].meta().columns.iter().map(|column| column.distinct).collect::<Vec<_>>(), [Some(9), Some(6)]);
    Ok(())
}

#[tokio::test]
async fn merged_inline_rows_keep_their_ids() -> Result<()> {
    let (store, table) = (
        memory(),
        table(vec![column("k", DataType::Int64, false), column("i", DataType::Interval(IntervalUnit::MonthDayNano), true)], &["k"]),
    );
    let mut inline = Vec::new();
    for (first_row_id, keys) in [(100, vec![5, 1]), (7, vec![9]), (40, vec![3, 0])] {
        let intervals = IntervalMonthDayNanoArray::from_iter_values(keys.iter().map(|&key| IntervalMonthDayNano::new(key as i32, 1, -key)));
        let rows = batch(&table, vec![Arc::new(Int64Array::from(keys)), Arc::new(intervals)]);
        let segment = write(&store, &table, [rows]).await?.remove(0).0;
        inline.push(Arc::new(SegmentMeta { first_row_id, ..segment }));
    }
    let merged = merge_inline(&store, &table, ids(), &inline).await?;
    let [StagedSegment(segment)] = merged.as_slice() else { panic!("{} segments", merged.len()) };
    assert_eq!((segment.rows, segment.first_row_id, segment.stored_row_ids, segment.sorted), (5, 7, true, true));
    let file = read_file(&store, location(segment)).await?;
    let mut reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(parquet)?.build().map_err(parquet)?;
    let rows = reader.next().unwrap()?;
    let field = rows.schema_ref().field(2).clone();
    assert_eq!((field.name().as_str(), &field.metadata()[types::FIELD_ID_KEY]), (ROW_ID_NAME, &ROW_ID_FIELD.to_string()));
    // Within a block, rows were sorted before they got their ids: 1, 5 have 100, 101; 9 has 7; 0, 3 have 40, 41.
    assert_eq!(rows.column(0).as_primitive::<Int64Type>().values(), &[0, 1, 3, 5, 9]);
    assert_eq!(rows.column(2).as_primitive::<Int64Type>().values(), &[40, 100, 41, 101, 7]);
    assert_eq!(segment.column(1).unwrap().max, exact(Value::Int(9)));
    assert!(segment.columns.iter().all(|column| column.field_id <= 2));
    Ok(())
}

/// Not a test of speed: prints it, for those who ask (`cargo test --release -p clouddb-storage -- --ignored --nocapture inline_cost`).
#[tokio::test]
#[ignore = "prints a measurement"]
async fn inline_cost() -> Result<()> {
    let table =
        table(vec![column("id", DataType::Int64, false), column("name", DataType::Utf8, true), column("v", DataType::Float64, true)], &[]);
    let row = batch(
        &table,
        vec![
            Arc::new(Int64Array::from(vec![1])),
            Arc::new(StringViewArray::from(vec!["a name that is not short"])),
            Arc::new(Float64Array::from(vec![1.5])),
        ],
    );
    let store = memory();
    let start = Instant::now();
    let mut bytes = 0;
    for _ in 0..10_000 {
        bytes += write(&store, &table, [row.clone()]).await?[0].meta().bytes();
    }
    println!("{} µs a one-row block of {} bytes", start.elapsed().as_micros() as f64 / 10_000.0, bytes / 10_000);
    Ok(())
}
