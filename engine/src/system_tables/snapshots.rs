//! `system.snapshots`: what was committed, by whom and when.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringViewArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, SchemaRef, TimeUnit};
use clouddb_storage::{Database, HistoryEntry, Snapshot};
use datafusion::common::Result;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::scalar::ScalarValue;

use super::{batch, number, schema_of, text, text_list, texts_lists, to_number};
use crate::error::to_datafusion;

const SNAPSHOT: &str = "snapshot";

pub(super) fn schema() -> SchemaRef {
    schema_of(vec![
        number(SNAPSHOT),
        Field::new("commit_time", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
        text("transaction_id"),
        text("who"),
        text("what"),
        number("read_snapshot"),
        text_list("changes"),
        number("rows_added"),
    ])
}

pub(super) async fn rows(database: &Database, snapshot: &Snapshot, filters: &[Expr], limit: Option<usize>) -> Result<RecordBatch> {
    let mut range = filters.iter().filter_map(range_of).fold(1..=snapshot.number(), intersect);
    if let (Some(limit), []) = (limit, filters) {
        // Every snapshot has at least one transaction.
        range = intersect(range, 1..=limit as u64);
    }
    let entries =
        if range.is_empty() { Vec::new() } else { database.history(*range.start(), *range.end()).await.map_err(to_datafusion)? };
    let number = |of: fn(&HistoryEntry) -> u64| Arc::new(entries.iter().map(|entry| Some(to_number(of(entry)))).collect::<Int64Array>());
    batch(
        schema(),
        vec![
            number(|entry| entry.snapshot),
            Arc::new(TimestampMicrosecondArray::from_iter_values(entries.iter().map(|entry| entry.commit_time_us)).with_timezone("UTC")),
            Arc::new(entries.iter().map(|entry| Some(entry.transaction.to_string())).collect::<StringViewArray>()),
            Arc::new(entries.iter().map(|entry| Some(&entry.who)).collect::<StringViewArray>()),
            Arc::new(entries.iter().map(|entry| Some(&entry.what)).collect::<StringViewArray>()),
            number(|entry| entry.read_snapshot),
            texts_lists(entries.iter().map(|entry| entry.changes.iter().map(String::as_str).collect())),
            number(|entry| entry.rows_added),
        ],
    )
}

/// Whether a filter says which snapshots are asked for, so that not the whole history is read.
pub(super) fn narrows(filter: &Expr) -> bool {
    range_of(filter).is_some()
}

/// The snapshots for which a comparison of `snapshot` with a number can be true.
fn range_of(filter: &Expr) -> Option<RangeInclusive<u64>> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (as_number(left), as_number(right)) {
            (None, Some(value)) if is_snapshot(left) => range_to(*op, value),
            (Some(value), None) if is_snapshot(right) => range_to(op.swap()?, value),
            _ => None,
        },
        Expr::Between(between) if !between.negated && is_snapshot(&between.expr) => {
            let from = range_to(Operator::GtEq, as_number(&between.low)?)?;
            Some(intersect(from, range_to(Operator::LtEq, as_number(&between.high)?)?))
        }
        _ => None,
    }
}

/// The numbers that compare with a value as an operator says.
fn range_to(op: Operator, value: i64) -> Option<RangeInclusive<u64>> {
    // Numbers below 0 bound nothing from below and everything from above.
    let clamped = u64::try_from(value).unwrap_or(0);
    #[allow(clippy::reversed_empty_ranges, reason = "no snapshot compares so")]
    let none = 1..=0;
    match op {
        Operator::Eq if value < 0 => Some(none),
        Operator::Eq => Some(clamped..=clamped),
        Operator::GtEq => Some(clamped..=u64::MAX),
        Operator::Gt if value < 0 => Some(0..=u64::MAX),
        Operator::Gt => Some(clamped.saturating_add(1)..=u64::MAX),
        Operator::LtEq if value < 0 => Some(none),
        Operator::LtEq => Some(0..=clamped),
        Operator::Lt if value <= 0 => Some(none),
        Operator::Lt => Some(0..=clamped - 1),
        _ => None,
    }
}

fn is_snapshot(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(column) if column.name == SNAPSHOT)
}

fn as_number(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::Int64(value), _) => *value,
        _ => None,
    }
}

fn intersect(left: RangeInclusive<u64>, right: RangeInclusive<u64>) -> RangeInclusive<u64> {
    *left.start().max(right.start())..=*left.end().min(right.end())
}
