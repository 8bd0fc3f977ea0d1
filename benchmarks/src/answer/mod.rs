//! A query's answer in a form that is the same for every engine, so that answers can be compared.
//!
//! Engines differ in types: DuckDB's `avg` of decimals is a DOUBLE, DataFusion's a decimal; sums of integers have several widths.
//! A [`Cell`] therefore keeps a value's kind and its exact value, and [`compare`] says which differences are none.

mod compare;
mod from_arrow;
mod nested;

pub use compare::{compare, compare_choice};

use std::fmt;

use serde_json::Value;

use crate::error::{Context, Error, Result};

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// NULL.
    Null,
    /// A truth value.
    Boolean(bool),
    /// An exact number: an integer of any width, or a decimal. Its value is `unscaled / 10^scale`.
    Exact {
        /// The digits.
        unscaled: i128,
        /// How many of them are after the point.
        scale: u32,
    },
    /// A floating-point number.
    Float(f64),
    /// Text; dates and times are text in ISO 8601.
    Text(String),
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Exact { unscaled, scale: 0 } => write!(f, "{unscaled}"),
            Self::Exact { unscaled, scale } => {
                let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = *scale as usize + 1);
                let (whole, fraction) = digits.split_at(digits.len() - *scale as usize);
                write!(f, "{}{whole}.{fraction}", if *unscaled < 0 { "-" } else { "" })
            }
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "'{value}'"),
        }
    }
}

/// The rows of an answer, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// The rows; all have the same length.
    pub rows: Vec<Vec<Cell>>,
}

impl Answer {
    /// Reads the rows as a peer's worker process writes them: an array of arrays of `null` or `[kind, text]`.
    ///
    /// # Errors
    /// For anything that the workers' protocol does not know.
    pub fn from_json(rows: &Value) -> Result<Self> {
        let rows = rows.as_array().context("a worker's rows are not an array")?;
        let rows = rows
            .iter()
            .map(|row| row.as_array().context("a worker's row is not an array")?.iter().map(cell_from_json).collect())
            .collect::<Result<_>>()?;
        Ok(Self { rows })
    }
}

/// A cell as a worker writes it.
impl serde::Serialize for Cell {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Boolean(value) => ("b", value.to_string()).serialize(serializer),
            Self::Exact { .. } => ("d", self.to_string()).serialize(serializer),
            // Debug writes as many digits as it takes to read the same number again.
            Self::Float(value) => ("f", format!("{value:?}")).serialize(serializer),
            Self::Text(value) => ("t", value).serialize(serializer),
        }
    }
}

fn cell_from_json(value: &Value) -> Result<Cell> {
    if value.is_null() {
        return Ok(Cell::Null);
    }
    let unknown = || Error::new(format!("a worker sent a cell that is no [kind, text]: {value}"));
    let [kind, text] = value.as_array().ok_or_else(unknown)?.as_slice() else { return Err(unknown()) };
    let (kind, text) = (kind.as_str().ok_or_else(unknown)?, text.as_str().ok_or_else(unknown)?);
    match kind {
        "b" => Ok(Cell::Boolean(text == "true")),
        "i" | "d" => exact_from_text(text),
        "f" => Ok(Cell::Float(text.parse().context(format!("a worker sent '{text}' as a floating-point number"))?)),
        "t" => Ok(Cell::Text(text.to_owned())),
        _ => Err(unknown()),
    }
}

fn exact_from_text(text: &str) -> Result<Cell> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let unscaled = format!("{whole}{fraction}").parse().context(format!("a worker sent '{text}' as an exact number"))?;
    Ok(Cell::Exact { unscaled, scale: fraction.len() as u32 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_workers_cells() -> Result<()> {
        let json = serde_json::json!([[["i", "-7"], ["d", "-0.05"], ["f", "1.5e300"], ["t", "1995-03-15"], null, ["b", "true"]]]);
        let row = &Answer::from_json(&json)?.rows[0];
        assert_eq!(row[0], Cell::Exact { unscaled: -7, scale: 0 });
        assert_eq!(row[1], Cell::Exact { unscaled: -5, scale: 2 });
        assert_eq!(row[2], Cell::Float(1.5e300));
        assert_eq!(row[3], Cell::Text("1995-03-15".to_owned()));
        assert_eq!(row[4], Cell::Null);
        assert_eq!(row[5], Cell::Boolean(true));
        assert!(Answer::from_json(&serde_json::json!([[["x", "1"]]])).is_err());
        assert!(Answer::from_json(&serde_json::json!([[7]])).is_err());
        Ok(())
    }

    #[test]
    fn cells_travel_as_they_are() -> Result<()> {
        let exact = |unscaled, scale| Cell::Exact { unscaled, scale };
        let row =
            vec![Cell::Null, Cell::Boolean(false), exact(-5, 2), exact(i128::MAX, 0), Cell::Float(0.1 + 0.2), Cell::Text("ä'".to_owned())];
        assert_eq!(Answer::from_json(&serde_json::to_value([&row])?)?.rows, [row]);
        Ok(())
    }

    #[test]
    fn exact_numbers_are_written_with_their_point() {
        assert_eq!(Cell::Exact { unscaled: -5, scale: 2 }.to_string(), "-0.05");
        assert_eq!(Cell::Exact { unscaled: 1234, scale: 2 }.to_string(), "12.34");
        assert_eq!(Cell::Exact { unscaled: 12, scale: 0 }.to_string(), "12");
    }
}
