//! Rows of every type come back as they were written, from files and from inline blocks, to us and to a reader that has only the file.

use arrow::array::*;
use arrow::compute::concat_batches;
use arrow::datatypes::*;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::data::{array, every_column};
use super::*;
use crate::catalog::types;

fn random_batch(table: &TableMeta, seed: u64, rows: usize) -> RecordBatch {
    let random = &mut StdRng::seed_from_u64(seed);
    let columns = table.columns.iter().map(|column| array(random, column.data_type(), rows, column.field().is_nullable())).collect();
    batch(table, columns)
}

#[tokio::test]
async fn rows_of_every_type_survive_a_file() -> Result<()> {
    let (store, table) = (memory(), table(every_column(), &[]));
    for seed in 0..4 {
        let batches: Vec<_> = (0..3).map(|part| random_batch(&table, seed * 10 + part, 500)).collect();
        let segment = write_file(&store, &table, batches.clone()).await?;
        assert_eq!(segment.rows, 1500);
        let read = read(&store, &table, &segment).await?;
        let written = concat_batches(&table.arrow_schema(), &batches)?;
        for (field, (read, written)) in table.arrow_schema().fields().iter().zip(read.columns().iter().zip(written.columns())) {
            assert_eq!(read, written, "column {field}, seed {seed}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn rows_of_every_type_survive_inline() -> Result<()> {
    for column in every_column() {
        let table = table(vec![column], &[]);
        for rows in [1, 2, 20] {
            let parts = [random_batch(&table, 7, rows), random_batch(&table, 8, rows).slice(rows / 2, rows - rows / 2)];
            let segments = write(&memory(), &table, parts.clone()).await?;
            let [segment] = segments.as_slice() else { panic!("{} segments", segments.len()) };
            assert!(matches!(segment.meta().body, SegmentBody::Inline(_)), "{}", table.columns[0].data_type());
            assert_eq!(read(&memory(), &table, segment.meta()).await?, concat_batches(&table.arrow_schema(), &parts)?);
        }
    }
    Ok(())
}

#[tokio::test]
async fn any_reader_reads_the_file() -> Result<()> {
    let (store, table) = (memory(), table(every_column(), &[]));
    let segment = write_file(&store, &table, [random_batch(&table, 3, 100)]).await?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(store.get(&location(&segment).path).await?).map_err(parquet)?;
    for (field, column) in reader.schema().fields().iter().zip(&table.columns) {
        assert_eq!(field.metadata().get(types::FIELD_ID_KEY), Some(&column.id().to_string()));
        let stored = types::stored_type(column.data_type());
        match (field.data_type(), &stored) {
            (DataType::Utf8, DataType::Utf8View) | (DataType::Binary, DataType::BinaryView) => {}
            // What is nested has its field ids in the file too, but strings are not views there.
            (found, stored) if stored.is_nested() => {
                let views = |text: String| text.replace("Utf8View", "Utf8");
                assert_eq!(views(format!("{found:?}")), views(format!("{stored:?}")));
            }
            (DataType::Timestamp(unit, Some(_)), DataType::Timestamp(stored, Some(_))) => assert_eq!(unit, stored),
            (found, stored) => assert_eq!(found, stored),
        }
    }
    let uuid = reader.schema().fields().last().unwrap();
    assert_eq!(uuid.extension_type_name(), Some("arrow.uuid"));
    let rows: usize = reader.build().map_err(parquet)?.map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 100);
    Ok(())
}

#[tokio::test]
async fn layouts_become_the_tables() -> Result<()> {
    let strings = StringViewArray::from_iter([Some("a"), None, Some("a text that is longer than a view"), Some("a")]);
    let expected: ArrayRef = Arc::new(strings);
    let item = |data_type| Arc::new(Field::new("any", data_type, true));
    let cast_to = |data_type: &DataType| cast(&expected, data_type).unwrap();
    let table = table(vec![column("c", DataType::Utf8, true)], &[]);
    let dictionary = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::LargeUtf8));
    for data_type in [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View, dictionary] {
        let values = RecordBatch::try_from_iter([("other name", cast_to(&data_type))])?;
        let store = memory();
        let segment = write_file(&store, &table, [values.slice(1, 3)]).await?;
        assert_eq!(read(&store, &table, &segment).await?.column(0), &expected.slice(1, 3), "{data_type}");
    }
    let lists = super::table(vec![column("l", DataType::LargeList(item(DataType::Int32)), true)], &[]);
    let values = FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1), None]), None], 2);
    let store = memory();
    let segment = write_file(&store, &lists, [RecordBatch::try_from_iter([("l", Arc::new(values) as ArrayRef)])?]).await?;
    let read = read(&store, &lists, &segment).await?;
    assert_eq!(read.column(0).as_list::<i32>().value(0).as_primitive::<Int32Type>(), &Int32Array::from(vec![Some(1), None]));
    assert!(read.column(0).is_null(1));
    Ok(())
}

#[tokio::test]
async fn seconds_and_days_become_what_parquet_has() -> Result<()> {
    let specs = vec![
        column("ts", DataType::Timestamp(TimeUnit::Second, None), true),
        column("time", DataType::Time32(TimeUnit::Second), true),
        column("date", DataType::Date64, true),
        column("decimal", DataType::Decimal32(5, 2), true),
        column("months", DataType::Interval(IntervalUnit::YearMonth), true),
    ];
    let (store, table) = (memory(), table(specs, &[]));
    let arrays: [(&str, ArrayRef); 5] = [
        ("ts", Arc::new(TimestampSecondArray::from(vec![1_700_000_000]))),
        ("time", Arc::new(Time32SecondArray::from(vec![86_399]))),
        ("date", Arc::new(Date64Array::from(vec![86_400_000 * 3]))),
        ("decimal", Arc::new(Decimal32Array::from(vec![-12_345]).with_precision_and_scale(5, 2)?)),
        ("months", Arc::new(IntervalYearMonthArray::from(vec![-14]))),
    ];
    let segment = write_file(&store, &table, [RecordBatch::try_from_iter(arrays)?]).await?;
    let read = read(&store, &table, &segment).await?;
    assert_eq!(read.column(0).as_primitive::<TimestampMillisecondType>().value(0), 1_700_000_000_000);
    assert_eq!(read.column(1).as_primitive::<Time32MillisecondType>().value(0), 86_399_000);
    assert_eq!(read.column(2).as_primitive::<Date32Type>().value(0), 3);
    assert_eq!(read.column(3).as_primitive::<Decimal128Type>().value(0), -12_345);
    assert_eq!(read.column(4).as_primitive::<IntervalMonthDayNanoType>().value(0), IntervalMonthDayNano::new(-14, 0, 0));

    let too_late = RecordBatch::try_from_iter([("ts", Arc::new(TimestampSecondArray::from(vec![i64::MAX])) as ArrayRef)])?;
    let timestamps = super::table(vec![column("ts", DataType::Timestamp(TimeUnit::Second, None), true)], &[]);
    let error = write_file(&memory(), &timestamps, [too_late]).await.unwrap_err();
    assert!(error.message().starts_with("column 'ts' of table 't': "), "{error}");
    Ok(())
}
