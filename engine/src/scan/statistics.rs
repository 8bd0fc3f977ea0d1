//! What is known about a table's rows without reading them, in DataFusion's terms.
//!
//! DataFusion answers COUNT, MIN and MAX from statistics that are marked exact, so exact means: a scan would say the same. Everything else is
//! an estimate, or a bound.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::Schema;
use clouddb_storage::segment::{Bound, ColumnStatistics as SegmentColumn, SegmentMeta};
use clouddb_storage::{TableId, TableSnapshot};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Statistics};

use super::distinct::{self, Part};
use super::values;

/// Of so many tables statistics are kept.
const MOST_TABLES: usize = 1024;

/// Statistics of whole tables, for the next statement that reads them: a table that did not change has the same. Cloning is cheap; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct TableStatistics(Arc<Mutex<HashMap<TableId, OfTable>>>);

/// A table as it was when its statistics were computed.
#[derive(Debug)]
struct OfTable {
    table: TableSnapshot,
    statistics: Arc<Statistics>,
}

impl TableStatistics {
    /// Those that are kept of the table as it is now; if there are none, those that are computed, which are kept.
    pub(crate) fn of(&self, table: &TableSnapshot, compute: impl FnOnce() -> Statistics) -> Arc<Statistics> {
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = table.meta().id;
        if let Some(OfTable { statistics, .. }) = kept().get(&id).filter(|of| of.table.is_unchanged_from(table)) {
            return Arc::clone(statistics);
        }
        let statistics = Arc::new(compute());
        let mut kept = kept();
        if kept.len() >= MOST_TABLES {
            kept.clear();
        }
        kept.insert(id, OfTable { table: table.clone(), statistics: Arc::clone(&statistics) });
        statistics
    }
}

/// The statistics of a set of segments. Costs one pass over them.
pub(crate) fn of_segments<'a>(
    schema: &Schema,
    positions: &HashMap<u32, usize>,
    segments: impl IntoIterator<Item = &'a SegmentMeta>,
) -> Statistics {
    let mut columns: Vec<Accumulator<'a>> = vec![Accumulator::default(); schema.fields().len()];
    let mut rows = 0;
    let mut stored_bytes = 0;
    let mut some_deleted = false;
    let mut segment_count = 0;
    for segment in segments {
        segment_count += 1;
        rows += segment.live_rows();
        stored_bytes += segment.bytes();
        some_deleted |= segment.deleted_rows > 0;
        for column in &segment.columns {
            if let Some(accumulator) = positions.get(&column.field_id).and_then(|position| columns.get_mut(*position)) {
                accumulator.add(column, segment.rows);
            }
        }
    }
    let column_statistics: Vec<_> =
        columns.iter().zip(schema.fields()).map(|(column, field)| column.finish(field.data_type(), segment_count, some_deleted)).collect();
    let decoded_bytes = column_statistics.iter().try_fold(0, |sum, column| Some(sum + *column.byte_size.get_value()?));
    let bytes = decoded_bytes.unwrap_or(stored_bytes as usize);
    Statistics { num_rows: Precision::Exact(rows as usize), total_byte_size: Precision::Inexact(bytes), column_statistics }
}

#[derive(Clone)]
struct Accumulator<'a> {
    /// Segments that have statistics of the column.
    segments: usize,
    /// Whether a segment has values that its bounds say nothing about: a NaN, or a type without order.
    unbounded: bool,
    null_count: u64,
    decoded_bytes: u64,
    min: Option<&'a Bound>,
    max: Option<&'a Bound>,
    /// What each segment says of its different values; nothing once one of them does not.
    distinct: Option<Vec<Part<'a>>>,
}

impl Default for Accumulator<'_> {
    fn default() -> Self {
        Self { segments: 0, unbounded: false, null_count: 0, decoded_bytes: 0, min: None, max: None, distinct: Some(Vec::new()) }
    }
}

impl<'a> Accumulator<'a> {
    fn add(&mut self, column: &'a SegmentColumn, rows: u64) {
        self.segments += 1;
        self.null_count += column.null_count;
        self.decoded_bytes += column.decoded_bytes;
        let bounds = column.min.as_ref().zip(column.max.as_ref()).map(|(min, max)| (&min.value, &max.value));
        let part = column.distinct.map(|distinct| Part { bounds, values: rows.saturating_sub(column.null_count), distinct });
        self.distinct = self.distinct.take().zip(part).map(|(mut parts, part)| {
            parts.push(part);
            parts
        });
        match (&column.min, &column.max) {
            (Some(min), Some(max)) => {
                self.keep(min, Ordering::Less);
                self.keep(max, Ordering::Greater);
            }
            _ => self.unbounded |= column.null_count < rows,
        }
    }

    /// Keeps the bound if it goes further than the one so far; of two that go equally far, the exact one, since then the value is there.
    fn keep(&mut self, bound: &'a Bound, further: Ordering) {
        let kept = if further == Ordering::Less { &mut self.min } else { &mut self.max };
        let replace = match kept {
            None => true,
            Some(kept) => match values::compare(&bound.value, &kept.value) {
                Some(Ordering::Equal) => bound.exact && !kept.exact,
                Some(ordering) => ordering == further,
                None => {
                    self.unbounded = true;
                    return;
                }
            },
        };
        if replace {
            *kept = Some(bound);
        }
    }

    fn finish(&self, data_type: &arrow::datatypes::DataType, segments: usize, some_deleted: bool) -> ColumnStatistics {
        let mut statistics = ColumnStatistics::new_unknown();
        if self.segments != segments {
            return statistics;
        }
        let exactly = |exact: bool| exact && !some_deleted;
        statistics.null_count = precision(self.null_count as usize, exactly(true));
        statistics.byte_size = Precision::Inexact(self.decoded_bytes as usize);
        if let Some(parts) = &self.distinct {
            statistics.distinct_count = Precision::Inexact(distinct::merged(parts) as usize);
        }
        if !self.unbounded {
            let bound = |bound: Option<&Bound>| match bound.and_then(|bound| Some((values::to_scalar(&bound.value, data_type)?, bound))) {
                None => Precision::Absent,
                Some((value, bound)) => precision(value, exactly(bound.exact && !values::is_float_zero(&bound.value))),
            };
            statistics.min_value = bound(self.min);
            statistics.max_value = bound(self.max);
        }
        statistics
    }
}

fn precision<T: std::fmt::Debug + Clone + PartialEq + Eq + PartialOrd>(value: T, exact: bool) -> Precision<T> {
    if exact { Precision::Exact(value) } else { Precision::Inexact(value) }
}
