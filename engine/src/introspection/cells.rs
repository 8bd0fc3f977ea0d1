//! Rows made cell by cell: what the catalog's own tables are made of. They have few rows, and readable code is worth more than speed here.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, ListBuilder, RecordBatch, RecordBatchOptions, StringViewArray,
    StringViewBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::error::Result;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// VARCHAR.
    Text,
    /// INTEGER.
    Int,
    /// BIGINT.
    Number,
    /// DOUBLE.
    Double,
    /// BOOLEAN.
    Flag,
    /// VARCHAR[].
    Texts,
}

/// A column: its name and its type.
pub(crate) type Column = (&'static str, Kind);

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Null,
    Text(String),
    /// A whole number, of a column of any number's type.
    Number(i64),
    Flag(bool),
    Texts(Vec<String>),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for Cell {
    fn from(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<Vec<String>> for Cell {
    fn from(texts: Vec<String>) -> Self {
        Self::Texts(texts)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// YES or NO, as the information schema says it.
pub(crate) fn yes_no(flag: bool) -> Cell {
    Cell::from(if flag { "YES" } else { "NO" })
}

/// One row, from anything that is a value.
macro_rules! row {
    ($($cell:expr),* $(,)?) => { vec![$($crate::introspection::cells::Cell::from($cell)),*] };
}
pub(crate) use row;

/// The columns as Arrow's schema.
pub(crate) fn schema(columns: &[Column]) -> SchemaRef {
    let field = |(name, kind): &Column| Field::new(*name, data_type(*kind), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8View,
        Kind::Int => DataType::Int32,
        Kind::Number => DataType::Int64,
        Kind::Double => DataType::Float64,
        Kind::Flag => DataType::Boolean,
        Kind::Texts => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8View, true))),
    }
}

/// Rows as a batch. A row may be shorter than the columns: the rest is NULL.
pub(crate) fn batch(columns: &[Column], rows: &[Vec<Cell>]) -> Result<RecordBatch> {
    let arrays = columns.iter().enumerate().map(|(at, (_, kind))| array(*kind, rows.iter().map(|row| row.get(at).unwrap_or(&Cell::Null))));
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    Ok(RecordBatch::try_new_with_options(schema(columns), arrays.collect(), &options)?)
}

fn array<'a>(kind: Kind, cells: impl Iterator<Item = &'a Cell>) -> ArrayRef {
    let number = |cell: &Cell| match cell {
        Cell::Number(number) => Some(*number),
        _ => None,
    };
    match kind {
        Kind::Text => {
            let text = |cell: &'a Cell| match cell {
                Cell::Text(text) => Some(text.as_str()),
                _ => None,
            };
            Arc::new(cells.map(text).collect::<StringViewArray>())
        }
        Kind::Int => Arc::new(cells.map(|cell| number(cell).and_then(|number| i32::try_from(number).ok())).collect::<Int32Array>()),
        Kind::Number => Arc::new(cells.map(number).collect::<Int64Array>()),
        Kind::Double => {
            let double = |cell: &Cell| match cell {
                Cell::Number(value) => Some(*value as f64),
                _ => None,
            };
            Arc::new(cells.map(double).collect::<Float64Array>())
        }
        Kind::Flag => {
            let flag = |cell: &Cell| match cell {
                Cell::Flag(flag) => Some(*flag),
                _ => None,
            };
            Arc::new(cells.map(flag).collect::<BooleanArray>())
        }
        Kind::Texts => {
            let mut builder = ListBuilder::new(StringViewBuilder::new());
            for cell in cells {
                if let Cell::Texts(texts) = cell {
                    texts.iter().for_each(|text| builder.values().append_value(text));
                }
                builder.append(matches!(cell, Cell::Texts(_)));
            }
            Arc::new(builder.finish())
        }
    }
}
