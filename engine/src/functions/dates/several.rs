//! Several parts of a moment at once, and dates of structs.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field as ArrowField, Fields};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF};

use super::super::extended::{Way, alone, call, extended, names_in};
use super::field::Field;
use crate::error::{Error, Result};

/// They look at whole columns, or at what constants say. `named` finds the functions that look at rows.
pub(in crate::functions) fn functions(named: impl Fn(&str) -> Option<Arc<ScalarUDF>>) -> Vec<Arc<ScalarUDF>> {
    let parts = alone(
        &["date_parts"],
        "date_parts(parts, value)",
        "several parts of a date, a time or an interval, one a line, as a struct: what date_part is of a list",
        "date_part(['year', 'month'], DATE '2024-05-06')",
        Way { takes: of_moments, gives: struct_of_parts, run: parts },
    );
    let made =
        named("make_date").map(|make_date| extended(&make_date, Way { takes: of_fields, gives: |_, _| Ok(DataType::Date32), run: dates }));
    std::iter::once(parts).chain(made).collect()
}

fn is_moment(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Date32 | DataType::Timestamp(..) | DataType::Time32(_) | DataType::Time64(_) | DataType::Interval(_) | DataType::Null
    )
}

fn of_moments(arguments: &[DataType]) -> Option<Vec<DataType>> {
    match arguments {
        [names, moment] if names.is_string() && is_moment(moment) => {
            let moment = if moment.is_null() { DataType::Date32 } else { moment.clone() };
            Some(vec![names.clone(), moment])
        }
        _ => None,
    }
}

fn struct_of_parts(_: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
    let names = names_in("date_part", constants.first().copied().flatten())?;
    let field = |name: &String| {
        let data_type = if Field::parse(name)?.is_fraction() { DataType::Float64 } else { DataType::Int64 };
        Ok(ArrowField::new(name, data_type, true))
    };
    Ok(DataType::Struct(names.iter().map(field).collect::<Result<Fields>>()?))
}

fn parts(arrays: &[ArrayRef], result: &DataType) -> Result<ArrayRef> {
    let (DataType::Struct(fields), [_, moments]) = (result, arrays) else { return Err(Error::internal("parts are no struct")) };
    let date_part = super::super::scalar_named("date_part").ok_or_else(|| Error::internal("date_part is missing"))?;
    let one = |field: &Arc<ArrowField>| {
        let name = ColumnarValue::Scalar(ScalarValue::Utf8View(Some(field.name().clone())));
        call(&date_part, vec![name, ColumnarValue::Array(Arc::clone(moments))], moments.len())
    };
    let columns = fields.iter().map(one).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, moments.logical_nulls(), moments.len())?))
}

/// The places of year, month and day among a struct's fields: by their names, or in this order in a tuple.
fn places(fields: &Fields) -> Option<[usize; 3]> {
    let place = |name: &str| fields.iter().position(|field| field.name().eq_ignore_ascii_case(name));
    let found = match (place("year"), place("month"), place("day")) {
        (Some(year), Some(month), Some(day)) => [year, month, day],
        _ => [place("c0")?, place("c1")?, place("c2")?],
    };
    (fields.len() == 3).then_some(found)
}

fn of_fields(arguments: &[DataType]) -> Option<Vec<DataType>> {
    let [DataType::Struct(fields)] = arguments else { return None };
    let are_numbers = fields.iter().all(|field| field.data_type().is_integer() || field.data_type().is_null());
    (are_numbers && places(fields).is_some()).then(|| arguments.to_vec())
}

fn dates(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let [rows] = arrays else { return Err(Error::internal("a date is made of one struct")) };
    let rows = rows.as_struct();
    let make_date = super::super::scalar_named("make_date").ok_or_else(|| Error::internal("make_date is missing"))?;
    let places = places(rows.fields()).ok_or_else(|| Error::internal("a struct lost a field"))?;
    let column = |place: usize| -> Result<ColumnarValue> {
        // The parts of a NULL are NULL.
        let column = super::super::extended::column_of(rows, place)?;
        Ok(ColumnarValue::Array(cast(&column, &DataType::Int64)?))
    };
    call(&make_date, places.into_iter().map(column).collect::<Result<Vec<_>>>()?, rows.len())
}
