//! Answers from Arrow batches.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal32Type, Decimal64Type, Decimal128Type, Float32Type, Float64Type, Int64Type, UInt64Type};

use super::nested::texts;
use super::{Answer, Cell};
use crate::error::{Error, Result};

impl Answer {
    /// The rows of batches.
    ///
    /// # Errors
    /// For decimals of 256 bits, and when a cast that should always work does not.
    pub fn from_batches(batches: &[RecordBatch]) -> Result<Self> {
        let mut rows = Vec::new();
        for batch in batches {
            let columns = batch.columns().iter().map(|column| cells(column.as_ref())).collect::<Result<Vec<_>>>()?;
            rows.extend((0..batch.num_rows()).map(|row| columns.iter().map(|column| column[row].clone()).collect()));
        }
        Ok(Self { rows })
    }
}

fn cells(array: &dyn Array) -> Result<Vec<Cell>> {
    let integer = |value: i128| Cell::Exact { unscaled: value, scale: 0 };
    match array.data_type() {
        DataType::Null => Ok(vec![Cell::Null; array.len()]),
        DataType::Boolean => Ok(array.as_boolean().iter().map(|value| value.map_or(Cell::Null, Cell::Boolean)).collect()),
        DataType::UInt64 => Ok(numbers(array.as_primitive::<UInt64Type>().iter(), |value| integer(i128::from(value)))),
        data_type if data_type.is_integer() => {
            let wide = arrow::compute::cast(array, &DataType::Int64)?;
            Ok(numbers(wide.as_primitive::<Int64Type>().iter(), |value| integer(i128::from(value))))
        }
        DataType::Float64 => Ok(numbers(array.as_primitive::<Float64Type>().iter(), Cell::Float)),
        DataType::Float32 => Ok(numbers(array.as_primitive::<Float32Type>().iter(), |value| Cell::Float(f64::from(value)))),
        DataType::Decimal32(_, scale) => Ok(numbers(array.as_primitive::<Decimal32Type>().iter(), decimal(*scale, i128::from))),
        DataType::Decimal64(_, scale) => Ok(numbers(array.as_primitive::<Decimal64Type>().iter(), decimal(*scale, i128::from))),
        DataType::Decimal128(_, scale) => Ok(numbers(array.as_primitive::<Decimal128Type>().iter(), decimal(*scale, |value| value))),
        DataType::Decimal256(_, _) => Err(Error::new("answers with decimals of 256 bits cannot be compared")),
        _ => Ok(texts(array)?.into_iter().map(|text| text.map_or(Cell::Null, Cell::Text)).collect()),
    }
}

fn numbers<T>(values: impl Iterator<Item = Option<T>>, cell: impl Fn(T) -> Cell) -> Vec<Cell> {
    values.map(|value| value.map_or(Cell::Null, &cell)).collect()
}

fn decimal<T>(scale: i8, widen: impl Fn(T) -> i128) -> impl Fn(T) -> Cell {
    move |value| match u32::try_from(scale) {
        Ok(scale) => Cell::Exact { unscaled: widen(value), scale },
        // A negative scale counts zeros before the point.
        Err(_) => Cell::Exact { unscaled: widen(value) * 10_i128.pow(scale.unsigned_abs().into()), scale: 0 },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Float64Array, Int32Array, StringViewArray};

    use super::*;

    #[test]
    fn every_kind_of_column_becomes_cells() -> Result<()> {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("i", Arc::new(Int32Array::from(vec![Some(-3), None]))),
            ("d", Arc::new(Decimal128Array::from(vec![1234, -5]).with_precision_and_scale(15, 2)?)),
            ("f", Arc::new(Float64Array::from(vec![0.5, 2.0]))),
            ("t", Arc::new(StringViewArray::from(vec!["a", "b"]))),
            ("day", Arc::new(Date32Array::from(vec![0, 9204]))),
        ];
        let answer = Answer::from_batches(&[RecordBatch::try_from_iter(columns)?])?;
        let exact = |unscaled, scale| Cell::Exact { unscaled, scale };
        let text = |text: &str| Cell::Text(text.to_owned());
        assert_eq!(answer.rows[0], vec![exact(-3, 0), exact(1234, 2), Cell::Float(0.5), text("a"), text("1970-01-01")]);
        assert_eq!(answer.rows[1], vec![Cell::Null, exact(-5, 2), Cell::Float(2.0), text("b"), text("1995-03-15")]);
        Ok(())
    }
}
