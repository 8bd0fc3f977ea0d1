//! Reads and writes rows of the simulations' tables, which all have the columns `v` (unique) and `amount`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use arrow::array::{Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::DataType;
use clouddb_storage::catalog::{ColumnSpec, TableMeta};
use clouddb_storage::segment::reader::{read_footer, read_inline, read_ranges};
use clouddb_storage::segment::{SegmentBody, SegmentMeta};
use clouddb_storage::store::Store;
use clouddb_storage::{Error, Result, Snapshot, Transaction};
use clouddb_storage::{SchemaId, SegmentId, TableId};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// A row: `v` and `amount`.
pub type Row = (i64, i64);

/// A table of `v BIGINT, amount BIGINT, filler VARCHAR`.
///
/// # Errors
/// None, unless names stop being valid.
pub fn table(id: TableId, name: &str) -> Result<TableMeta> {
    let columns = vec![
        ColumnSpec::new("v", DataType::Int64, false),
        ColumnSpec::new("amount", DataType::Int64, true),
        ColumnSpec::new("filler", DataType::Utf8View, true),
    ];
    TableMeta::new(id, SchemaId::default(), name, columns, &[])
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct How {
    /// Never inline.
    pub file: bool,
    /// Bytes of filler in each row.
    pub filler: usize,
}

/// Stages rows for a table of a transaction.
///
/// # Errors
/// Those of the writer and of the transaction.
pub async fn append(transaction: &mut Transaction, table: TableId, rows: &[Row], how: How) -> Result<()> {
    let Some(meta) = transaction.snapshot().table_by_id(table).map(|table| Arc::clone(table.meta())) else {
        return Err(Error::not_found("the table is gone"));
    };
    let mut writer = transaction.writer(table)?;
    if how.file {
        writer = writer.without_inline();
    }
    // Different in each row, so that it does not compress away.
    let filler = |v: i64| -> String {
        let mut state = v as u64;
        let letter = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'!' + (state >> 40) as u8 % 90)
        };
        (0..how.filler).map(letter).collect()
    };
    for rows in rows.chunks(4096) {
        let schema = meta.arrow_schema();
        let filler = arrow::compute::cast(&StringArray::from_iter_values(rows.iter().map(|row| filler(row.0))), &DataType::Utf8View)?;
        let v = Int64Array::from_iter_values(rows.iter().map(|row| row.0));
        let amount = Int64Array::from_iter_values(rows.iter().map(|row| row.1));
        writer.write(RecordBatch::try_new(schema, vec![Arc::new(v), Arc::new(amount), filler])?).await?;
    }
    let staged = writer.finish().await?;
    transaction.append(table, staged)
}

/// Rows of segments that were read already: segments never change.
#[derive(Debug, Default)]
pub struct Cache(HashMap<SegmentId, Vec<Row>>);

impl Cache {
    /// All rows of a table, sorted; `None` where there is no such table.
    ///
    /// # Errors
    /// Those of reading, and *corrupt* when the rows are not as many as the snapshot says, or row ids are given twice.
    pub async fn rows(&mut self, snapshot: &Snapshot, name: &str) -> Result<Option<Vec<Row>>> {
        let Some(table) = snapshot.table("main", name) else { return Ok(None) };
        let mut rows = Vec::new();
        let mut ids = Vec::new();
        for segment in table.segments() {
            let known = match self.0.entry(segment.id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(read(snapshot.store(), table.meta(), segment).await?),
            };
            rows.extend(known.iter().copied());
            if !segment.stored_row_ids {
                ids.push((segment.first_row_id, segment.rows));
            }
        }
        if rows.len() as u64 != table.rows() {
            return Err(Error::corrupt(format!("'{name}' has {} rows in its segments, {} by the snapshot", rows.len(), table.rows())));
        }
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0].0 + pair[0].1 > pair[1].0) {
            return Err(Error::corrupt(format!("'{name}' has the same row id twice: {ids:?}")));
        }
        rows.sort_unstable();
        Ok(Some(rows))
    }
}

async fn read(store: &Store, table: &TableMeta, segment: &SegmentMeta) -> Result<Vec<Row>> {
    let batches = match &segment.body {
        SegmentBody::Inline(_) => read_inline(table, segment)?,
        SegmentBody::Parquet(location) => {
            let footer = read_footer(store, location).await?;
            let bytes = read_ranges(store, location, &footer, std::slice::from_ref(&(0..location.length))).await?.remove(0);
            let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).and_then(ParquetRecordBatchReaderBuilder::build);
            let reader = reader.map_err(|error| Error::corrupt(error.to_string()))?;
            reader.collect::<Result<Vec<_>, _>>()?
        }
    };
    let mut rows = Vec::new();
    for batch in batches {
        let column = |name: &str| {
            let column = batch.column_by_name(name).and_then(|column| column.as_any().downcast_ref::<Int64Array>());
            column.cloned().ok_or_else(|| Error::corrupt(format!("no column '{name}' in segment {}", segment.id)))
        };
        let (v, amount) = (column("v")?, column("amount")?);
        rows.extend(v.values().iter().copied().zip(amount.values().iter().copied()));
    }
    Ok(rows)
}
