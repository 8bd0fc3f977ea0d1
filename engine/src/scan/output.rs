//! Columns of a row group's output, behind its filter: through the cache, or, where it keeps nothing or few rows of cold columns are wanted, decoded for this
//! query alone.
//!
//! What is decoded for one query has the type that queries see and no other form first; only decimals stay narrow until a batch is made of them. Where
//! wanted rows stand together, only their pages are fetched and only their rows decoded.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, MutableArrayData, UInt32Array, make_array};
use arrow::compute::take;
use clouddb_cache::bits::Bits;
use clouddb_cache::chunk::Rows;
use clouddb_cache::{Chunk, Loading, RowGroup, is_narrow, seen};
use clouddb_storage::store::Store;
use datafusion::common::Result;
use datafusion::common::runtime::SpawnedTask;

use crate::error::{Error, to_datafusion};

/// Rows that are not wanted are decoded all the same between wanted ones, unless they are so many: skipping fewer saves nothing.
const GAP_ROWS: usize = 1024;

/// Rows that are left out must be a tenth of the row group, or it is decoded whole.
const LEAST_SAVED: usize = 10;

/// Columns on their way, by their positions in the table.
pub(super) enum Coming {
    /// Through the cache.
    Cached(Loading),
    /// For this query alone: all rows, or those of runs.
    Once { columns: Vec<usize>, runs: Option<Arc<Vec<Range<usize>>>>, task: SpawnedTask<clouddb_storage::Result<Vec<ArrayRef>>> },
}

impl Coming {
    /// Begins to fetch and decode columns for this query alone.
    pub(super) fn once(store: &Store, row_group: &RowGroup, columns: Vec<usize>) -> Self {
        Self::runs(store, row_group, columns, None)
    }

    /// Begins to fetch and decode the wanted rows of columns, for this query alone.
    pub(super) fn wanted(store: &Store, row_group: &RowGroup, columns: Vec<usize>, wanted: Option<&Bits>) -> Self {
        Self::runs(store, row_group, columns, wanted.and_then(runs).map(Arc::new))
    }

    fn runs(store: &Store, row_group: &RowGroup, columns: Vec<usize>, runs: Option<Arc<Vec<Range<usize>>>>) -> Self {
        let (store, row_group, wanted, of) = (store.clone(), row_group.clone(), columns.clone(), runs.clone());
        let task = async move { row_group.read_once(&store, &wanted, of.as_deref().map(Vec::as_slice)).await };
        Self::Once { columns, runs, task: SpawnedTask::spawn(task) }
    }

    /// Which columns.
    pub(super) fn columns(&self) -> &[usize] {
        match self {
            Self::Cached(loading) => loading.columns(),
            Self::Once { columns, .. } => columns,
        }
    }

    /// Whether there is something to wait for.
    pub(super) fn is_missing(&self) -> bool {
        match self {
            Self::Cached(loading) => loading.missing() > 0,
            Self::Once { columns, .. } => !columns.is_empty(),
        }
    }

    /// The columns, each at its position.
    pub(super) async fn finish(self, into: &mut [Option<Column>]) -> Result<()> {
        match self {
            Self::Cached(loading) => {
                let columns = loading.columns().to_vec();
                let chunks = loading.finish().await.map_err(to_datafusion)?;
                columns.into_iter().zip(chunks).for_each(|(column, chunk)| into[column] = Some(Column::Chunk(chunk)));
            }
            Self::Once { columns, runs, task } => {
                let arrays =
                    task.join_unwind().await.map_err(|error| to_datafusion(Error::internal(format!("a load ended early: {error}"))))?;
                let arrays = arrays.map_err(to_datafusion)?;
                columns.into_iter().zip(arrays).for_each(|(column, array)| into[column] = Some(Column::Once(array, runs.clone())));
            }
        }
        Ok(())
    }
}

/// The rows to decode; `None` for all.
fn runs(wanted: &Bits) -> Option<Vec<Range<usize>>> {
    let runs = wanted.runs(GAP_ROWS);
    (decoded(&runs) + wanted.rows() / LEAST_SAVED < wanted.rows()).then_some(runs)
}

fn decoded(runs: &[Range<usize>]) -> usize {
    runs.iter().map(Range::len).sum()
}

/// The share of rows that would be decoded.
pub(super) fn share(wanted: &Bits) -> f64 {
    decoded(&wanted.runs(GAP_ROWS)) as f64 / wanted.rows().max(1) as f64
}

/// A column of a row group that is at hand.
pub(super) enum Column {
    /// In the cache's form.
    Chunk(Arc<Chunk>),
    /// As queries see it: all rows, or those of runs, one behind the other.
    Once(ArrayRef, Option<Arc<Vec<Range<usize>>>>),
}

impl Column {
    /// Rows, which are all within the runs.
    pub(super) fn gather(&self, rows: Rows<'_>) -> Result<ArrayRef> {
        let rows = match (self, rows) {
            (Self::Chunk(chunk), rows) => return Ok(chunk.gather(rows)?),
            (Self::Once(array, None), Rows::Range(start, end)) => copied(array, start, end)?,
            (Self::Once(array, None), Rows::Indices(indices)) => take(array, &UInt32Array::from(indices.to_vec()), None)?,
            (Self::Once(array, Some(runs)), Rows::Indices(indices)) => take(array, &UInt32Array::from(places(runs, indices)), None)?,
            (Self::Once(array, Some(runs)), Rows::Range(start, end)) => {
                let indices: Vec<u32> = (start..end).filter_map(|row| u32::try_from(row).ok()).collect();
                take(array, &UInt32Array::from(places(runs, &indices)), None)?
            }
        };
        Ok(seen(rows)?)
    }
}

/// A part of an array that does not hold on to the rest: operators account for what arrays hold on to.
fn copied(array: &ArrayRef, start: usize, end: usize) -> Result<ArrayRef> {
    if let Some(strings) = array.as_string_view_opt() {
        return Ok(Arc::new(strings.slice(start, end - start).gc()));
    }
    if is_narrow(array.data_type()) {
        // Becomes a copy in any case.
        return Ok(array.slice(start, end - start));
    }
    let data = array.to_data();
    let mut copy = MutableArrayData::new(vec![&data], false, end - start);
    copy.try_extend(0, start, end)?;
    Ok(make_array(copy.freeze()))
}

/// Where rows, ascending, are among those of the runs.
fn places(runs: &[Range<usize>], rows: &[u32]) -> Vec<u32> {
    let mut runs = runs.iter();
    let (mut run, mut before) = (0..0, 0);
    let place = |row: &u32| {
        let row = *row as usize;
        while run.end <= row {
            before += run.len();
            match runs.next() {
                Some(next) => run = next.clone(),
                None => break,
            }
        }
        u32::try_from(before + row - run.start).unwrap_or(u32::MAX)
    };
    rows.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_in_their_runs() {
        let runs = [64..128, 1280..1344, 2560..2624];
        assert_eq!(places(&runs, &[64, 127, 1280, 1343, 2600]), [0, 63, 64, 127, 168]);
        assert_eq!(places(&runs, &[2560]), [128]);
        assert_eq!(places(&[0..64], &[0, 5]), [0, 5]);
    }

    #[test]
    fn few_rows_apart_are_not_worth_skipping() {
        let all = Bits::all(100_000);
        assert_eq!(runs(&all), None);
        assert_eq!(runs(&Bits::only(100_000, &(640..1280))), Some(vec![640..1280]));
        assert!(share(&Bits::only(100_000, &(640..1280))) < 0.01);
    }
}
