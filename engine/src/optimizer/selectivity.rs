//! Which share of rows passes a filter, from statistics of columns.
//!
//! Ranges are measured against a column's bounds, equality and IN against its different values; all other conditions get constants. Conditions on one
//! column that bound it from both sides count as one range; apart from that, conditions are taken to be independent of each other.

use std::collections::BTreeMap;

use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{Between, InList, Like};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::estimate::ColumnEstimate;

/// Equality with one of an unknown number of values.
const EQUAL: f64 = 0.05;
/// A range of an unknown whole.
const RANGE: f64 = 0.3;
/// Text that contains something.
const CONTAINS: f64 = 0.1;
/// Text that begins with something.
const BEGINS: f64 = 0.05;
/// What nothing is known of.
const UNKNOWN: f64 = 0.25;
/// A boolean.
const TRUE: f64 = 0.5;

/// The columns that a filter is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns<'a> {
    pub(super) schema: &'a DFSchema,
    pub(super) estimates: &'a [ColumnEstimate],
}

impl Columns<'_> {
    fn get(&self, column: &Column) -> Option<(usize, &ColumnEstimate)> {
        let index = self.schema.maybe_index_of_column(column)?;
        Some((index, self.estimates.get(index)?))
    }

    /// A column, also below a name or a cast to a number, which leaves it where it is on the line.
    fn column(&self, expr: &Expr) -> Option<(usize, &ColumnEstimate)> {
        match expr {
            Expr::Column(column) => self.get(column),
            Expr::Cast(cast) if cast.field.data_type().is_numeric() => self.column(&cast.expr),
            Expr::TryCast(cast) if cast.field.data_type().is_numeric() => self.column(&cast.expr),
            Expr::Alias(alias) => self.column(&alias.expr),
            _ => None,
        }
    }
}

/// A range that conditions leave of a column.
#[derive(Debug, Clone, Copy)]
struct Range {
    low: f64,
    high: f64,
}

/// What filters leave.
#[derive(Debug)]
pub(super) struct Share {
    /// Of all rows.
    pub(super) rows: f64,
    /// By column, the share that the conditions on it alone leave; and as many values are left of those it had.
    pub(super) columns: BTreeMap<usize, f64>,
}

/// The share of rows for which all filters are true.
pub(super) fn share<'a>(filters: impl IntoIterator<Item = &'a Expr>, columns: Columns<'_>) -> Share {
    let mut ranges: BTreeMap<usize, Range> = BTreeMap::new();
    let mut found = Share { rows: 1.0, columns: BTreeMap::new() };
    for filter in filters.into_iter().flat_map(split_conjunction) {
        let bounds = bounds(filter, columns);
        if let Some((column, low, high)) = bounds {
            let range = ranges.entry(column).or_insert(Range { low: f64::NEG_INFINITY, high: f64::INFINITY });
            *range = Range { low: range.low.max(low), high: range.high.min(high) };
            continue;
        }
        let share = of_one(filter, columns).clamp(0.0, 1.0);
        found.rows *= share;
        if let [column] = columns_of(filter, columns).as_slice() {
            *found.columns.entry(*column).or_insert(1.0) *= share;
        }
    }
    for (column, range) in ranges {
        let share = columns.estimates.get(column).map_or(RANGE, |estimate| of_range(range, estimate));
        found.rows *= share;
        *found.columns.entry(column).or_insert(1.0) *= share;
    }
    found
}

fn columns_of(expr: &Expr, columns: Columns<'_>) -> Vec<usize> {
    let mut found: Vec<usize> = expr.column_refs().into_iter().filter_map(|column| Some(columns.get(column)?.0)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The range that a condition leaves of a column whose bounds are known.
fn bounds(filter: &Expr, columns: Columns<'_>) -> Option<(usize, f64, f64)> {
    let known = |expr: &Expr| columns.column(expr).filter(|(_, estimate)| estimate.bounds.is_some()).map(|(index, _)| index);
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (column, value, op) = match (known(left), literal(right)) {
                (Some(column), Some(value)) => (column, value, *op),
                _ => (known(right)?, literal(left)?, op.swap()?),
            };
            match op {
                Operator::Lt | Operator::LtEq => Some((column, f64::NEG_INFINITY, value)),
                Operator::Gt | Operator::GtEq => Some((column, value, f64::INFINITY)),
                _ => None,
            }
        }
        Expr::Between(Between { expr, negated: false, low, high }) => Some((known(expr)?, literal(low)?, literal(high)?)),
        _ => None,
    }
}

fn of_range(range: Range, column: &ColumnEstimate) -> f64 {
    let Some((low, high)) = column.bounds else { return RANGE };
    // A range may be a single value.
    let least = 1.0 / column.distinct.unwrap_or(1000.0).max(1.0);
    if range.low > high || range.high < low || range.low > range.high {
        return 0.0;
    }
    let width = high - low;
    match width > 0.0 {
        true => ((range.high.min(high) - range.low.max(low)) / width).clamp(least.min(1.0), 1.0),
        false => 1.0,
    }
}

/// The share for one condition.
fn of_one(filter: &Expr, columns: Columns<'_>) -> f64 {
    match filter {
        Expr::Literal(ScalarValue::Boolean(value), _) => f64::from(u8::from(*value == Some(true))),
        Expr::Column(_) => TRUE,
        Expr::Alias(alias) => of_one(&alias.expr, columns),
        Expr::Not(inner) => 1.0 - of_one(inner, columns),
        Expr::IsNull(inner) => nulls(inner, columns),
        Expr::IsNotNull(inner) => 1.0 - nulls(inner, columns),
        Expr::IsTrue(inner) | Expr::IsNotFalse(inner) => of_one(inner, columns),
        Expr::IsFalse(inner) | Expr::IsNotTrue(inner) => 1.0 - of_one(inner, columns),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => share([left.as_ref(), right.as_ref()], columns).rows,
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let (left, right) = (of_one(left, columns), of_one(right, columns));
            left + right - left * right
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => compared(left, *op, right, columns),
        Expr::Between(Between { expr, negated, low, high }) => {
            let inside = match bounds(&Expr::Between(Between::new(expr.clone(), false, low.clone(), high.clone())), columns) {
                Some((column, low, high)) => {
                    columns.estimates.get(column).map_or(RANGE, |estimate| of_range(Range { low, high }, estimate))
                }
                None => RANGE,
            };
            if *negated { 1.0 - inside } else { inside }
        }
        Expr::InList(InList { expr, list, negated }) => {
            let inside = (equal(expr, columns) * list.len() as f64).min(1.0);
            if *negated { 1.0 - inside } else { inside }
        }
        Expr::Like(Like { negated, pattern, .. }) | Expr::SimilarTo(Like { negated, pattern, .. }) => {
            let matching = like(pattern);
            if *negated { 1.0 - matching } else { matching }
        }
        _ => UNKNOWN,
    }
}

fn compared(left: &Expr, op: Operator, right: &Expr, columns: Columns<'_>) -> f64 {
    let both = || columns.column(left).is_some() && columns.column(right).is_some();
    match op {
        Operator::Eq | Operator::IsNotDistinctFrom if both() => equal(left, columns).min(equal(right, columns)),
        Operator::Eq | Operator::IsNotDistinctFrom => match (columns.column(left), columns.column(right)) {
            (Some((_, column)), None) => outside(column, right).unwrap_or_else(|| equal(left, columns)),
            (None, Some((_, column))) => outside(column, left).unwrap_or_else(|| equal(right, columns)),
            _ => EQUAL,
        },
        Operator::NotEq | Operator::IsDistinctFrom => 1.0 - compared(left, Operator::Eq, right, columns),
        Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => {
            match bounds(&Expr::BinaryExpr(BinaryExpr::new(Box::new(left.clone()), op, Box::new(right.clone()))), columns) {
                Some((column, low, high)) => {
                    columns.estimates.get(column).map_or(RANGE, |estimate| of_range(Range { low, high }, estimate))
                }
                None => RANGE,
            }
        }
        Operator::LikeMatch | Operator::ILikeMatch => like(right),
        Operator::NotLikeMatch | Operator::NotILikeMatch => 1.0 - like(right),
        _ => UNKNOWN,
    }
}

/// Nothing equals a value beyond the bounds.
fn outside(column: &ColumnEstimate, value: &Expr) -> Option<f64> {
    let (low, high) = column.bounds?;
    let value = literal(value)?;
    (value < low || value > high).then_some(0.0)
}

fn equal(expr: &Expr, columns: Columns<'_>) -> f64 {
    let distinct = columns.column(expr).and_then(|(_, column)| column.distinct);
    distinct.map_or(EQUAL, |distinct| 1.0 / distinct.max(1.0))
}

fn nulls(expr: &Expr, columns: Columns<'_>) -> f64 {
    columns.column(expr).map_or(EQUAL, |(_, column)| column.nulls)
}

fn like(pattern: &Expr) -> f64 {
    match text(pattern) {
        Some(pattern) if !pattern.contains(['%', '_']) => EQUAL,
        Some(pattern) if !pattern.starts_with(['%', '_']) => BEGINS,
        _ => CONTAINS,
    }
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(ScalarValue::Utf8(text) | ScalarValue::Utf8View(text) | ScalarValue::LargeUtf8(text), _) => text.as_deref(),
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Literal(value, _) => number(value),
        Expr::Alias(alias) => literal(&alias.expr),
        _ => None,
    }
}

/// A value as a point on its type's line.
pub(super) fn number(value: &ScalarValue) -> Option<f64> {
    let scaled = |value: f64, scale: i8| value / 10_f64.powi(i32::from(scale));
    Some(match value {
        ScalarValue::Int8(Some(value)) => f64::from(*value),
        ScalarValue::Int16(Some(value)) => f64::from(*value),
        ScalarValue::Int32(Some(value)) | ScalarValue::Date32(Some(value)) => f64::from(*value),
        ScalarValue::Int64(Some(value)) => *value as f64,
        ScalarValue::UInt8(Some(value)) => f64::from(*value),
        ScalarValue::UInt16(Some(value)) => f64::from(*value),
        ScalarValue::UInt32(Some(value)) => f64::from(*value),
        ScalarValue::UInt64(Some(value)) => *value as f64,
        ScalarValue::Float32(Some(value)) => f64::from(*value),
        ScalarValue::Float64(Some(value)) => *value,
        ScalarValue::Decimal32(Some(value), _, scale) => scaled(f64::from(*value), *scale),
        ScalarValue::Decimal64(Some(value), _, scale) => scaled(*value as f64, *scale),
        ScalarValue::Decimal128(Some(value), _, scale) => scaled(*value as f64, *scale),
        // In nanoseconds, whatever the unit.
        ScalarValue::TimestampSecond(Some(value), _) => *value as f64 * 1e9,
        ScalarValue::TimestampMillisecond(Some(value), _) => *value as f64 * 1e6,
        ScalarValue::TimestampMicrosecond(Some(value), _) => *value as f64 * 1e3,
        ScalarValue::TimestampNanosecond(Some(value), _) => *value as f64,
        ScalarValue::Time32Second(Some(value)) => f64::from(*value) * 1e9,
        ScalarValue::Time32Millisecond(Some(value)) => f64::from(*value) * 1e6,
        ScalarValue::Time64Microsecond(Some(value)) => *value as f64 * 1e3,
        ScalarValue::Time64Nanosecond(Some(value)) => *value as f64,
        _ => return None,
    })
    .filter(|value| value.is_finite())
}
