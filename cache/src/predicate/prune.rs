//! Whether rows can pass a test, by what is known of their columns without looking at them.

use super::{Shape, Test};

/// What is known of a column's values in some rows.
#[derive(Debug, Clone, Copy)]
pub struct Bounds<'a> {
    /// How many rows are NULL, if that is known.
    pub null_count: Option<u64>,
    /// How many rows there are.
    pub rows: u64,
    /// The values, NULLs aside.
    pub values: ValueBounds<'a>,
}

/// Between which values others lie, both included.
#[derive(Debug, Clone, Copy)]
pub enum ValueBounds<'a> {
    /// Nobody knows.
    Unknown,
    /// Integers, and what is one inside.
    Integers(i64, i64),
    /// Strings by their bytes; perhaps shortened, the upper bound upwards.
    Strings(&'a [u8], &'a [u8]),
}

pub(super) fn may_match<'a>(test: &Test, bounds: &dyn Fn(usize) -> Option<Bounds<'a>>) -> bool {
    match test {
        Test::Constant(passes) => *passes,
        Test::All(tests) => tests.iter().all(|test| may_match(test, bounds)),
        Test::Any(tests) => tests.iter().any(|test| may_match(test, bounds)),
        Test::Expression { shape, .. } => shape_may_match(shape, bounds).unwrap_or(true),
    }
}

/// `None` where nothing is known.
fn shape_may_match<'a>(shape: &Shape, bounds: &dyn Fn(usize) -> Option<Bounds<'a>>) -> Option<bool> {
    let overlaps = |column: usize, from: i128, to: i128, outside: bool| {
        let bounds = bounds(column)?;
        if bounds.null_count == Some(bounds.rows) {
            return Some(false);
        }
        match bounds.values {
            ValueBounds::Integers(least, greatest) => {
                let (least, greatest) = (i128::from(least), i128::from(greatest));
                Some(if outside { least < from || greatest > to } else { least <= to && greatest >= from })
            }
            ValueBounds::Unknown | ValueBounds::Strings(..) => None,
        }
    };
    match shape {
        Shape::Unknown => None,
        Shape::Between { column, from, to, outside } => overlaps(*column, *from, *to, *outside),
        Shape::In { column, set, outside: false } => {
            let (least, greatest) = set.bounds();
            overlaps(*column, least.into(), greatest.into(), false)
        }
        Shape::In { column, outside: true, .. } => bounds(*column).map(|bounds| bounds.null_count != Some(bounds.rows)),
        Shape::Null { column, is_null } => {
            let bounds = bounds(*column)?;
            let nulls = bounds.null_count?;
            Some(if *is_null { nulls > 0 } else { nulls < bounds.rows })
        }
        Shape::Strings { column, from, to } => {
            let bounds = bounds(*column)?;
            if bounds.null_count == Some(bounds.rows) {
                return Some(false);
            }
            let ValueBounds::Strings(least, greatest) = bounds.values else { return None };
            let above = from.as_ref().is_none_or(|from| greatest >= from.as_slice());
            let below = to.as_ref().is_none_or(|to| least <= to.as_slice());
            Some(above && below)
        }
    }
}
