//! When two engines' answers are the same.
//!
//! - Exact numbers (integers, decimals) are equal when their values are; trailing zeros do not matter.
//! - Two floating-point numbers are equal up to a relative difference of 1e-9: sums of floats depend on the order of addition.
//! - A decimal and a floating-point number are equal up to that, or up to one unit of the decimal's last place: the engine with the
//!   decimal has cut the quotient there.
//! - Rows may change places only where the query's ORDER BY leaves it open: the columns that it sorts by must agree row by row, and
//!   the rows must be the same, each as often.

use std::cmp::Ordering;

use super::{Answer, Cell};

/// Sums over millions of rows lose about this much to the order of addition.
const RELATIVE_TOLERANCE: f64 = 1e-9;

/// Compares two answers to one query, whose ORDER BY sorts by `order_by` (positions of columns).
///
/// # Errors
/// The first difference, in words.
pub fn compare(left: &Answer, right: &Answer, order_by: &[usize]) -> Result<(), String> {
    if left.rows.len() != right.rows.len() {
        return Err(format!("{} rows against {}", left.rows.len(), right.rows.len()));
    }
    let Some((left_first, right_first)) = left.rows.first().zip(right.rows.first()) else { return Ok(()) };
    if left_first.len() != right_first.len() {
        return Err(format!("{} columns against {}", left_first.len(), right_first.len()));
    }
    for (number, (left, right)) in left.rows.iter().zip(&right.rows).enumerate() {
        if let Some(column) = order_by.iter().find(|&&column| !same(&left[column], &right[column])) {
            return Err(difference(number, *column, left, right));
        }
    }
    let (left, right) = (sorted(left), sorted(right));
    for (number, (left, right)) in left.iter().zip(&right).enumerate() {
        if let Some(column) = (0..left.len()).find(|&column| !same(&left[column], &right[column])) {
            return Err(difference(number, column, left, right));
        }
    }
    Ok(())
}

fn difference(row: usize, column: usize, left: &[Cell], right: &[Cell]) -> String {
    format!("row {}, column {}: {} against {}", row + 1, column + 1, left[column], right[column])
}

/// The rows in an order that does not depend on rounding: by what is exact first.
fn sorted(answer: &Answer) -> Vec<&[Cell]> {
    let mut rows: Vec<&[Cell]> = answer.rows.iter().map(Vec::as_slice).collect();
    let key = |cell: &Cell| match cell {
        Cell::Null => (0, String::new()),
        Cell::Boolean(value) => (1, value.to_string()),
        Cell::Text(value) => (1, value.clone()),
        Cell::Exact { scale: 0, unscaled } => (1, unscaled.to_string()),
        // Other engines may have rounded these.
        Cell::Exact { .. } | Cell::Float(_) => (2, String::new()),
    };
    let value = |cell: &Cell| if matches!(key(cell), (2, _)) { float(cell) } else { None };
    rows.sort_by(|left, right| {
        let exact = left.iter().map(key).cmp(right.iter().map(key));
        exact.then_with(|| {
            let pairs = left.iter().map(value).zip(right.iter().map(value));
            pairs.fold(Ordering::Equal, |order, (left, right)| order.then_with(|| left.partial_cmp(&right).unwrap_or(Ordering::Equal)))
        })
    });
    rows
}

fn same(left: &Cell, right: &Cell) -> bool {
    match (left, right) {
        (Cell::Exact { unscaled: l, scale: ls }, Cell::Exact { unscaled: r, scale: rs }) => {
            let ((l, ls), (r, rs)) = (reduced(*l, *ls), reduced(*r, *rs));
            (l, ls) == (r, rs)
        }
        (Cell::Float(l), Cell::Float(r)) => close(*l, *r, 0.0),
        (Cell::Float(f), exact @ Cell::Exact { scale, .. }) | (exact @ Cell::Exact { scale, .. }, Cell::Float(f)) => {
            let unit = if *scale == 0 { 0.0 } else { 10_f64.powi(-(*scale as i32)) };
            float(exact).is_some_and(|exact| close(*f, exact, unit))
        }
        (left, right) => left == right,
    }
}

fn float(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Exact { unscaled, scale } => Some(*unscaled as f64 / 10_f64.powi(*scale as i32)),
        Cell::Float(value) => Some(*value),
        _ => None,
    }
}

/// Without trailing zeros after the point, so that equal values have equal digits.
fn reduced(mut unscaled: i128, mut scale: u32) -> (i128, u32) {
    while scale > 0 && unscaled % 10 == 0 {
        unscaled /= 10;
        scale -= 1;
    }
    (unscaled, scale)
}

fn close(left: f64, right: f64, absolute: f64) -> bool {
    let difference = (left - right).abs();
    left == right
        || (left.is_nan() && right.is_nan())
        || difference <= absolute
        || difference <= RELATIVE_TOLERANCE * left.abs().max(right.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(unscaled: i128, scale: u32) -> Cell {
        Cell::Exact { unscaled, scale }
    }

    fn text(value: &str) -> Cell {
        Cell::Text(value.to_owned())
    }

    fn answer(rows: &[&[Cell]]) -> Answer {
        Answer { rows: rows.iter().map(|row| row.to_vec()).collect() }
    }

    fn check_cells(left: Cell, right: Cell, expected: bool) {
        assert_eq!(same(&left, &right), expected, "{left} = {right}");
        assert_eq!(same(&right, &left), expected, "{right} = {left}");
    }

    #[test]
    fn values_of_different_types() {
        check_cells(exact(1200, 2), exact(12, 0), true);
        check_cells(exact(1201, 2), exact(12, 0), false);
        check_cells(exact(1, 4), exact(2, 4), false);
        check_cells(Cell::Float(1.0), Cell::Float(1.0 + 1e-10), true);
        check_cells(Cell::Float(1.0), Cell::Float(1.0 + 1e-8), false);
        check_cells(exact(49985, 6), Cell::Float(0.049_985_295_83), true);
        check_cells(exact(49985, 6), Cell::Float(0.049_987_3), false);
        check_cells(exact(7, 0), Cell::Float(7.5), false);
        check_cells(Cell::Null, exact(0, 0), false);
        check_cells(text("7"), exact(7, 0), false);
        check_cells(Cell::Float(f64::NAN), Cell::Float(f64::NAN), true);
    }

    #[test]
    fn rows_may_change_places_only_within_ties() {
        let left = answer(&[&[exact(1, 0), text("a")], &[exact(1, 0), text("b")], &[exact(2, 0), text("c")]]);
        let tie = answer(&[&[exact(1, 0), text("b")], &[exact(1, 0), text("a")], &[exact(2, 0), text("c")]]);
        let wrong = answer(&[&[exact(2, 0), text("c")], &[exact(1, 0), text("a")], &[exact(1, 0), text("b")]]);
        assert_eq!(compare(&left, &tie, &[0]), Ok(()));
        assert!(compare(&left, &tie, &[0, 1]).is_err());
        assert!(compare(&left, &wrong, &[0]).is_err());
        assert_eq!(compare(&left, &wrong, &[]), Ok(()));
    }

    #[test]
    fn rows_count_as_often_as_they_come() {
        let twice = answer(&[&[text("a")], &[text("a")], &[text("b")]]);
        let other = answer(&[&[text("a")], &[text("b")], &[text("b")]]);
        assert!(compare(&twice, &other, &[]).is_err());
        assert!(compare(&twice, &answer(&[&[text("a")]]), &[]).is_err());
        assert_eq!(compare(&answer(&[]), &answer(&[]), &[0]), Ok(()));
    }
}
