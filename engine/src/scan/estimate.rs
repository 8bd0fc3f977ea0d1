//! How many rows pass a query's filters, before the query runs: join orders and sides depend on it.
//!
//! Where the columns are in the cache, the filters are evaluated on a sample of some ten thousand rows. Otherwise bounds say something of ranges,
//! and for the rest there are customary guesses.

use std::sync::Arc;

use clouddb_cache::bits::Bits;
use clouddb_cache::chunk::BATCH_ROWS;
use clouddb_cache::predicate::{Filter, Shape, Test};
use clouddb_cache::{Chunk, RowGroup};
use clouddb_storage::segment::SegmentMeta;
use datafusion::common::stats::Precision;
use datafusion::common::{ScalarValue, Statistics};

use super::Shared;

/// Batches of a sample: taken from as many row groups, far from each other.
const SAMPLED_BATCHES: usize = 6;

/// The share of rows that a comparison for equality is thought to keep, where nothing is known.
const EQUALITY: f64 = 0.05;

/// The share that any other filter is thought to keep: what DataFusion takes.
const UNKNOWN: f64 = 0.2;

/// The share of rows of these segments that pass a filter: more than 0, at most 1.
pub(super) fn selectivity(shared: &Shared, segments: &[Arc<SegmentMeta>], filter: &Filter, statistics: &Statistics) -> f64 {
    if filter.is_empty() {
        return 1.0;
    }
    if let Some(sampled) = sample(shared, segments, filter) {
        return sampled;
    }
    filter.tests().map(|test| guess(test, statistics)).product::<f64>().clamp(1e-9, 1.0)
}

fn sample(shared: &Shared, segments: &[Arc<SegmentMeta>], filter: &Filter) -> Option<f64> {
    let columns = filter.columns();
    let (mut looked_at, mut kept) = (0, 0);
    let row_groups = spread(shared, segments)?;
    for (row_group, share) in row_groups {
        let rows = row_group.rows();
        let mut chunks: Vec<Option<Arc<Chunk>>> = vec![None; shared.columns.len()];
        for column in &columns {
            chunks[*column] = Some(shared.cache.peek(&row_group, *column)?);
        }
        let batch = (rows.div_ceil(BATCH_ROWS) as f64 * share) as usize * BATCH_ROWS;
        let range = batch.min(rows)..(batch + BATCH_ROWS).min(rows);
        let (_, count) = filter.wanted_of(&chunks, Bits::only(rows, &range)).ok()?;
        looked_at += range.len();
        kept += count;
    }
    // Half a row for what a sample of this size cannot see.
    (looked_at > 0).then(|| ((kept as f64).max(0.5) / looked_at as f64).min(1.0))
}

/// Row groups from all over the segments, and where in each to look. `None` if a footer is not in memory.
fn spread(shared: &Shared, segments: &[Arc<SegmentMeta>]) -> Option<Vec<(RowGroup, f64)>> {
    let rows: u64 = segments.iter().map(|segment| segment.rows).sum();
    let mut found = Vec::with_capacity(SAMPLED_BATCHES);
    for sample in 0..SAMPLED_BATCHES {
        let mut at = rows * (2 * sample as u64 + 1) / (2 * SAMPLED_BATCHES as u64);
        let segment = segments.iter().find(|segment| {
            let here = at < segment.rows;
            if !here {
                at -= segment.rows;
            }
            here
        })?;
        let footer = shared.footers.get(segment.id)?;
        let groups = footer.metadata().num_row_groups();
        let number = usize::try_from(at as u128 * groups as u128 / u128::from(segment.rows.max(1))).ok()?.min(groups.checked_sub(1)?);
        let row_group = RowGroup { segment: Arc::clone(segment), footer, number, columns: Arc::clone(&shared.columns) };
        found.push((row_group, (sample as f64 + 0.5) / SAMPLED_BATCHES as f64));
    }
    Some(found)
}

fn guess(test: &Test, statistics: &Statistics) -> f64 {
    match test {
        Test::Constant(passes) => f64::from(u8::from(*passes)),
        Test::All(tests) => tests.iter().map(|test| guess(test, statistics)).product(),
        Test::Any(tests) => 1.0 - tests.iter().map(|test| 1.0 - guess(test, statistics)).product::<f64>(),
        Test::Expression { shape, .. } => guess_shape(shape, statistics),
    }
}

fn guess_shape(shape: &Shape, statistics: &Statistics) -> f64 {
    let inside = |share: f64, outside: bool| if outside { 1.0 - share } else { share };
    match shape {
        Shape::Between { column, from, to, outside } => {
            let share = match range(statistics, *column) {
                _ if from == to => equality(statistics, *column),
                Some((least, greatest)) if greatest >= least => {
                    let wanted = (to.min(&greatest).saturating_sub(*from.max(&least))).max(-1).saturating_add(1);
                    wanted as f64 / (greatest - least + 1) as f64
                }
                _ => UNKNOWN,
            };
            inside(share, *outside)
        }
        Shape::In { column, set, outside } => inside((equality(statistics, *column) * set.len() as f64).min(1.0), *outside),
        Shape::Null { column, is_null } => {
            let nulls = statistics.column_statistics.get(*column).and_then(|column| column.null_count.get_value().copied());
            match (nulls, statistics.num_rows.get_value()) {
                (Some(nulls), Some(rows)) if *rows > 0 => inside(nulls as f64 / *rows as f64, !is_null),
                _ => UNKNOWN,
            }
        }
        Shape::Strings { column, from, to } if from.is_some() && from == to => equality(statistics, *column),
        Shape::Strings { .. } | Shape::Unknown => UNKNOWN,
    }
}

fn equality(statistics: &Statistics, column: usize) -> f64 {
    let distinct = statistics.column_statistics.get(column).and_then(|column| column.distinct_count.get_value().copied());
    distinct.map_or(EQUALITY, |distinct| 1.0 / distinct.max(1) as f64)
}

/// The least and the greatest value of a column of integers, and of what is one inside.
fn range(statistics: &Statistics, column: usize) -> Option<(i128, i128)> {
    let column = statistics.column_statistics.get(column)?;
    let integer = |value: &ScalarValue| super::compile::integer(value, &value.data_type());
    Some((integer(column.min_value.get_value()?)?, integer(column.max_value.get_value()?)?))
}

/// Statistics of a share of the rows; of all of them, unchanged, if nothing is left out.
pub(super) fn scaled(statistics: &Statistics, share: f64, left_out: bool) -> Statistics {
    if !left_out {
        return statistics.clone();
    }
    let scale = |count: &Precision<usize>| match count.get_value() {
        Some(count) => Precision::Inexact((*count as f64 * share).ceil() as usize),
        None => Precision::Absent,
    };
    let num_rows = scale(&statistics.num_rows);
    let mut scaled = statistics.clone().to_inexact();
    scaled.total_byte_size = scale(&statistics.total_byte_size);
    for column in &mut scaled.column_statistics {
        column.null_count = scale(&column.null_count);
        column.byte_size = scale(&column.byte_size);
        if let (Some(distinct), Some(rows)) = (column.distinct_count.get_value(), num_rows.get_value()) {
            column.distinct_count = Precision::Inexact((*distinct).min(*rows));
        }
    }
    scaled.num_rows = num_rows;
    scaled
}
