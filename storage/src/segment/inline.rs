//! Rows inside the log's record: one Arrow IPC stream with one batch.
//!
//! To be small, the stream's columns are named by their field ids in decimal digits, have no metadata, and hold strings and binaries as Arrow's `Utf8`
//! and `Binary`, whose bytes stand side by side (nested ones as they are in the table). A column that was added to the table later is missing, and one that was dropped is skipped.

use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::{cast_with_options, concat};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use bytes::Bytes;

use super::conform::STRICT;
use crate::catalog::TableMeta;
use crate::error::{Error, Result};

/// More rows than this are a file: reading them from the record would cost every reader of the log more than a request.
pub(super) const MOST_ROWS: usize = 1000;

/// Longer streams are a file: a record with one such block stays within what one small request moves (8 KiB is 0.1 ms at 100 MB/s), and the state in
/// memory stays small with many of them.
pub(super) const MOST_BYTES: usize = 8 * 1024;

/// Rows that take more decoded memory than this are not tried: they hardly encode to [`MOST_BYTES`].
pub(super) const MOST_DECODED: u64 = 2 * MOST_BYTES as u64;

fn flat(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        other => other.clone(),
    }
}

/// The rows as an IPC stream; nothing if it gets too long. Columns are the table's, in its types.
pub(super) fn encode(table: &TableMeta, batches: &[Vec<ArrayRef>]) -> Result<Option<Bytes>> {
    let mut fields = Vec::with_capacity(table.columns.len());
    let mut arrays = Vec::with_capacity(table.columns.len());
    for (position, column) in table.columns.iter().enumerate() {
        let array = match batches {
            [one] => one[position].clone(),
            several => concat(&several.iter().map(|batch| batch[position].as_ref()).collect::<Vec<_>>())?,
        };
        let data_type = flat(column.data_type());
        arrays.push(if data_type == *array.data_type() { array } else { cast_with_options(&array, &data_type, &STRICT)? });
        fields.push(Field::new(column.id().to_string(), data_type, column.field().is_nullable()));
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
    let options = IpcWriteOptions::try_new(8, false, arrow::ipc::MetadataVersion::V5)?;
    let mut writer = StreamWriter::try_new_with_options(Vec::with_capacity(1024), &schema, options)?;
    writer.write(&batch)?;
    let bytes = writer.into_inner()?;
    Ok((bytes.len() <= MOST_BYTES).then(|| Bytes::from(bytes)))
}

/// The rows of a stream in the table's schema.
pub(super) fn decode(table: &TableMeta, stream: &[u8]) -> Result<Vec<RecordBatch>> {
    let corrupt = |error: arrow::error::ArrowError| Error::corrupt(format!("inline rows do not decode: {error}")).with_source(error);
    let schema = table.arrow_schema();
    let mut batches = Vec::new();
    for batch in StreamReader::try_new(Cursor::new(stream), None).map_err(corrupt)? {
        let batch = batch.map_err(corrupt)?;
        let arrays = table.columns.iter().map(|column| {
            let Some(array) = batch.column_by_name(&column.id().to_string()) else {
                return match (&column.initial_default, column.field().is_nullable()) {
                    (None, true) => Ok(new_null_array(column.data_type(), batch.num_rows())),
                    _ => Err(Error::corrupt(format!("inline rows lack column '{}'", column.name()))),
                };
            };
            let (from, to) = (array.data_type(), column.data_type());
            if *from != *to && *from != flat(to) {
                return Err(Error::corrupt(format!("inline rows have type {from} in column '{}', which has type {to}", column.name())));
            }
            cast_with_options(array, to, &STRICT).map_err(corrupt)
        });
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        batches.push(RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options).map_err(corrupt)?);
    }
    Ok(batches)
}
