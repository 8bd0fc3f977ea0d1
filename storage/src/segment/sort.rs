//! Sorts buffered rows by a table's clustering key: ascending, nulls last.
//!
//! The order is the one of Arrow's row format, as engines sort too: strings by their bytes, floats by their total order (-0 before 0, NaN last).

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{SortOptions, interleave};
use arrow::row::{RowConverter, Rows, SortField};

use crate::catalog::TableMeta;
use crate::error::{Error, Result};

/// Rows of the batches that sorted rows come in: what DataFusion and the Parquet writer work best with.
const BATCH_ROWS: usize = 8192;

/// How clustering columns are sorted: scans declare it, so a wrong one would be a wrong answer.
pub const ORDER: SortOptions = SortOptions { descending: false, nulls_first: false };

/// Positions of the clustering key's columns, most significant first.
pub(super) fn key_positions(table: &TableMeta) -> Vec<usize> {
    table.cluster_by.iter().filter_map(|id| table.column_by_id(*id)).map(|(position, _)| position).collect()
}

/// Rows in the order of a key, handed out in batches.
pub(super) struct Sorted {
    batches: Vec<Vec<ArrayRef>>,
    order: Vec<(u32, u32)>,
    next: usize,
}

impl Sorted {
    /// Sorts rows by the columns at the key's positions. Rows with equal keys stay in their order.
    pub(super) fn new(batches: Vec<Vec<ArrayRef>>, key: &[usize]) -> Result<Self> {
        let order = sort(&batches, key)?;
        Ok(Self { batches, order, next: 0 })
    }

    /// The next rows, all columns.
    pub(super) fn next_batch(&mut self) -> Result<Option<Vec<ArrayRef>>> {
        let end = (self.next + BATCH_ROWS).min(self.order.len());
        let rows: Vec<(usize, usize)> = self.order[self.next..end].iter().map(|(batch, row)| (*batch as usize, *row as usize)).collect();
        self.next = end;
        if rows.is_empty() {
            return Ok(None);
        }
        let width = self.batches.first().map_or(0, Vec::len);
        let column = |position: usize| {
            let arrays: Vec<&dyn Array> = self.batches.iter().map(|batch| batch[position].as_ref()).collect();
            interleave(&arrays, &rows)
        };
        Ok(Some((0..width).map(column).collect::<Result<_, _>>()?))
    }
}

fn sort(batches: &[Vec<ArrayRef>], key: &[usize]) -> Result<Vec<(u32, u32)>> {
    let Some(first) = batches.first() else { return Ok(Vec::new()) };
    let fields = key.iter().map(|position| SortField::new_with_options(first[*position].data_type().clone(), ORDER)).collect();
    let converter = RowConverter::new(fields)?;
    let keys: Vec<Rows> = batches
        .iter()
        .map(|batch| converter.convert_columns(&key.iter().map(|position| batch[*position].clone()).collect::<Vec<_>>()))
        .collect::<Result<_, _>>()?;
    let rows = |batch: usize| u32::try_from(keys[batch].num_rows()).map_err(|_| Error::limit("a batch of more than 2^32 rows"));
    let mut order = Vec::with_capacity(keys.iter().map(Rows::num_rows).sum());
    for batch in 0..keys.len() {
        order.extend((0..rows(batch)?).map(|row| (batch as u32, row)));
    }
    order.sort_by(|a, b| keys[a.0 as usize].row(a.1 as usize).cmp(&keys[b.0 as usize].row(b.1 as usize)));
    Ok(order)
}

/// Copies views that keep much more memory alive than they show, as those of filtered rows do.
pub(super) fn compact(array: ArrayRef) -> ArrayRef {
    /// Less is not worth a copy.
    const SLACK: usize = 64 * 1024;
    match array.data_type() {
        arrow::datatypes::DataType::Utf8View => {
            let views = array.as_string_view();
            let held: usize = views.data_buffers().iter().map(|buffer| buffer.len()).sum();
            if held > 2 * views.total_buffer_bytes_used() + SLACK { std::sync::Arc::new(views.gc()) } else { array }
        }
        arrow::datatypes::DataType::BinaryView => {
            let views = array.as_binary_view();
            let held: usize = views.data_buffers().iter().map(|buffer| buffer.len()).sum();
            if held > 2 * views.total_buffer_bytes_used() + SLACK { std::sync::Arc::new(views.gc()) } else { array }
        }
        _ => array,
    }
}
