//! When two engines' answers are the same.
//!
//! - Exact numbers (integers, decimals) are equal when their values are; trailing zeros do not matter. Two decimals with six or more digits after the point
//!   are equal up to one unit of the last: one engine rounds an average of decimals there, the other cuts it off.
//! - Two floating-point numbers are equal up to a relative difference of 1e-9: sums of floats depend on the order of addition.
//! - A decimal and a floating-point number are equal up to that, or up to one unit of the decimal's last place: the engine with the
//!   decimal has cut the quotient there.
//! - A date is equal to the timestamp of its first moment: engines differ in what `date_trunc` of a date is.
//! - Rows may change places only where the query's ORDER BY leaves it open: the columns that it sorts by must agree row by row, and
//!   the rows must be the same, each as often.
//! - Where LIMIT cuts through ties, engines may choose different rows. Such a choice is right when it has the reference's values in the columns
//!   sorted by, row by row, and all its rows are in the answer without LIMIT, as often ([`compare_choice`]).

use std::collections::HashMap;

use super::{Answer, Cell};

/// Sums over millions of rows lose about this much to the order of addition.
const RELATIVE_TOLERANCE: f64 = 1e-9;

/// Decimals that nobody divided have fewer after the point in the suites' tables.
const DIGITS_OF_QUOTIENTS: u32 = 6;

/// Compares two answers to one query, whose ORDER BY sorts by `order_by` (positions of columns).
///
/// # Errors
/// The first difference, in words.
pub fn compare(left: &Answer, right: &Answer, order_by: &[usize]) -> Result<(), String> {
    compare_sorted_columns(left, right, order_by)?;
    contained(left, right)
}

/// Compares an answer that LIMIT has cut with another engine's, and with the answer that the query has `without_limit`.
///
/// # Errors
/// The first difference, in words.
pub fn compare_choice(left: &Answer, right: &Answer, order_by: &[usize], without_limit: &Answer) -> Result<(), String> {
    compare_sorted_columns(left, right, order_by)?;
    contained(left, without_limit).map_err(|difference| format!("{difference} (not even in the answer without LIMIT)"))
}

/// Whether answers have as many rows and columns, and the same values in the columns that are sorted by.
fn compare_sorted_columns(left: &Answer, right: &Answer, order_by: &[usize]) -> Result<(), String> {
    if left.rows.len() != right.rows.len() {
        return Err(format!("{} rows against {}", left.rows.len(), right.rows.len()));
    }
    let Some((left_first, right_first)) = left.rows.first().zip(right.rows.first()) else { return Ok(()) };
    if left_first.len() != right_first.len() {
        return Err(format!("{} columns against {}", left_first.len(), right_first.len()));
    }
    for (number, (left, right)) in left.rows.iter().zip(&right.rows).enumerate() {
        let other = |column: &&usize| match (left.get(**column), right.get(**column)) {
            (Some(left), Some(right)) => !same(left, right),
            _ => true,
        };
        if let Some(column) = order_by.iter().find(other) {
            return Err(difference(number, *column, left, right));
        }
    }
    Ok(())
}

/// Whether every row of `left` is in `right`, as often.
fn contained(left: &Answer, right: &Answer) -> Result<(), String> {
    let exact = exact_columns(left, right);
    let cell = |cell: &Cell| match cell {
        Cell::Text(text) => moment(text).to_owned(),
        other => other.to_string(),
    };
    let key = |row: &[Cell]| exact.iter().map(|&column| row.get(column).map_or_else(String::new, cell)).collect::<Vec<_>>();
    let mut candidates: HashMap<Vec<String>, Vec<&[Cell]>> = HashMap::new();
    for row in &right.rows {
        candidates.entry(key(row)).or_default().push(row);
    }
    for (number, row) in left.rows.iter().enumerate() {
        let none = || format!("row {} ({}) is not in the other answer", number + 1, text(row));
        let candidates = candidates.get_mut(&key(row)).ok_or_else(none)?;
        let equal = |other: &&[Cell]| row.len() == other.len() && row.iter().zip(*other).all(|(left, right)| same(left, right));
        match candidates.iter().position(equal) {
            Some(position) => drop(candidates.swap_remove(position)),
            None => {
                let nearest = candidates.first().ok_or_else(|| format!("row {} ({}) comes too often", number + 1, text(row)))?;
                let column = row.iter().zip(*nearest).position(|(left, right)| !same(left, right));
                return Err(column.map_or_else(none, |column| difference(number, column, row, nearest)));
            }
        }
    }
    Ok(())
}

/// Columns in which no engine can have rounded: what both answers have there is NULL, text, a truth value or an integer.
fn exact_columns(left: &Answer, right: &Answer) -> Vec<usize> {
    let width = left.rows.first().or(right.rows.first()).map_or(0, Vec::len);
    let is_exact = |cell: &Cell| matches!(cell, Cell::Null | Cell::Boolean(_) | Cell::Text(_) | Cell::Exact { scale: 0, .. });
    let all_exact = |column: &usize| left.rows.iter().chain(&right.rows).all(|row| row.get(*column).is_none_or(is_exact));
    (0..width).filter(all_exact).collect()
}

fn text(row: &[Cell]) -> String {
    row.iter().map(Cell::to_string).collect::<Vec<_>>().join(", ")
}

fn difference(row: usize, column: usize, left: &[Cell], right: &[Cell]) -> String {
    let value = |row: &[Cell]| row.get(column).map_or_else(|| "nothing".to_owned(), Cell::to_string);
    format!("row {}, column {}: {} against {}", row + 1, column + 1, value(left), value(right))
}

fn same(left: &Cell, right: &Cell) -> bool {
    match (left, right) {
        (Cell::Exact { unscaled: l, scale: ls }, Cell::Exact { unscaled: r, scale: rs }) => {
            let is_quotient = ls == rs && *ls >= DIGITS_OF_QUOTIENTS;
            reduced(*l, *ls) == reduced(*r, *rs) || (is_quotient && l.abs_diff(*r) <= 1)
        }
        (Cell::Float(l), Cell::Float(r)) => close(*l, *r, 0.0),
        (Cell::Float(f), exact @ Cell::Exact { scale, .. }) | (exact @ Cell::Exact { scale, .. }, Cell::Float(f)) => {
            let unit = if *scale == 0 { 0.0 } else { 10_f64.powi(-(*scale as i32)) };
            float(exact).is_some_and(|exact| close(*f, exact, unit))
        }
        (Cell::Text(left), Cell::Text(right)) => moment(left) == moment(right),
        (left, right) => left == right,
    }
}

/// A text without the midnight that makes a timestamp of a date.
fn moment(text: &str) -> &str {
    text.strip_suffix("T00:00:00").unwrap_or(text)
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
        check_cells(exact(25_575_155, 6), exact(25_575_154, 6), true);
        check_cells(exact(25_575_156, 6), exact(25_575_154, 6), false);
        check_cells(Cell::Float(1.0), Cell::Float(1.0 + 1e-10), true);
        check_cells(Cell::Float(1.0), Cell::Float(1.0 + 1e-8), false);
        check_cells(exact(49985, 6), Cell::Float(0.049_985_295_83), true);
        check_cells(exact(49985, 6), Cell::Float(0.049_987_3), false);
        check_cells(exact(7, 0), Cell::Float(7.5), false);
        check_cells(Cell::Null, exact(0, 0), false);
        check_cells(text("7"), exact(7, 0), false);
        check_cells(text("2022-01-01"), text("2022-01-01T00:00:00"), true);
        check_cells(text("2022-01-01"), text("2022-01-01T00:00:01"), false);
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

    #[test]
    fn a_choice_among_ties_is_none_of_other_rows() {
        let row = |key, name: &str| vec![exact(key, 0), text(name)];
        let all = Answer { rows: vec![row(1, "a"), row(2, "b"), row(2, "c"), row(3, "d")] };
        let reference = Answer { rows: vec![row(1, "a"), row(2, "b")] };
        let other = Answer { rows: vec![row(1, "a"), row(2, "c")] };
        assert!(compare(&other, &reference, &[0]).is_err());
        assert_eq!(compare_choice(&other, &reference, &[0], &all), Ok(()));
        for wrong in [row(2, "d"), row(3, "d"), row(1, "a")] {
            let wrong = Answer { rows: vec![row(1, "a"), wrong] };
            assert!(compare_choice(&wrong, &reference, &[0], &all).is_err());
        }
        assert!(compare_choice(&Answer { rows: vec![row(1, "a")] }, &reference, &[0], &all).is_err());
    }

    #[test]
    fn rounded_numbers_do_not_hide_a_difference() {
        let left = answer(&[&[text("a"), Cell::Float(1.0)], &[text("a"), Cell::Float(2.0)]]);
        let rounded = answer(&[&[text("a"), Cell::Float(2.0 + 1e-10)], &[text("a"), Cell::Float(1.0)]]);
        let planted = answer(&[&[text("a"), Cell::Float(2.0)], &[text("a"), Cell::Float(1.001)]]);
        let decimal = answer(&[&[text("a"), exact(10, 1)], &[text("a"), exact(2, 0)]]);
        assert_eq!(compare(&left, &rounded, &[]), Ok(()));
        assert!(compare(&left, &planted, &[]).is_err());
        assert_eq!(compare(&left, &decimal, &[]), Ok(()));
    }
}
