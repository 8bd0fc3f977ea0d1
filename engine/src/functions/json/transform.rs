//! `json_transform`: JSON as structs, lists and values of types.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, ListArray, StringViewArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, FieldRef};
use arrow::util::display::FormatOptions;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::ScalarUDF;

use super::super::extended::{Way, alone};
use super::structure::Structure;
use super::tree::{self, Json};
use crate::error::{Error, Result};
use crate::semantics::{from_texts, shortened};
use crate::types;

pub(in crate::functions) fn functions() -> Vec<Arc<ScalarUDF>> {
    let usage = "json_transform(json, structure)";
    let example = "json_transform('{\"a\": 1, \"b\": [2]}', '{\"a\": \"INTEGER\", \"b\": [\"BIGINT\"]}')";
    vec![
        alone(
            &["json_transform", "from_json"],
            usage,
            "JSON as a struct, a list or a value of a type; what does not fit is NULL",
            example,
            Way { takes, gives, run: |arrays, result| run(arrays, result, false) },
        ),
        alone(
            &["json_transform_strict", "from_json_strict"],
            "json_transform_strict(json, structure)",
            "as json_transform, where what does not fit is an error",
            "json_transform_strict('[1, 2]', '[\"INTEGER\"]')",
            Way { takes, gives, run: |arrays, result| run(arrays, result, true) },
        ),
    ]
}

fn takes(arguments: &[DataType]) -> Option<Vec<DataType>> {
    match arguments {
        [json, structure] if (json.is_string() || json.is_null()) && structure.is_string() => {
            Some(vec![DataType::Utf8View, structure.clone()])
        }
        _ => None,
    }
}

fn gives(_: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
    match constants.get(1).copied().flatten().and_then(|structure| structure.try_as_str().flatten()) {
        Some(structure) => Ok(Structure::read(structure)?.data_type()),
        None => Err(Error::invalid("the structure that json_transform takes is a constant")),
    }
}

fn run(arrays: &[ArrayRef], result: &DataType, strict: bool) -> Result<ArrayRef> {
    let structures = cast(&arrays[1], &DataType::Utf8View)?;
    if structures.is_empty() {
        return Ok(arrow::array::new_empty_array(result));
    }
    let structure = Structure::read(structures.as_string_view().value(0))?;
    let parsed = arrays[0].as_string_view().iter().map(|text| text.map(tree::parse).transpose()).collect::<Result<Vec<_>>>()?;
    let rows: Vec<Option<&Json<'_>>> = parsed.iter().map(|json| json.as_ref().filter(|json| !is_null(json))).collect();
    made(&structure, &rows, strict)
}

fn is_null(json: &Json<'_>) -> bool {
    matches!(json, Json::Null)
}

/// The values of a structure, none of which is JSON's null.
fn made(structure: &Structure, rows: &[Option<&Json<'_>>], strict: bool) -> Result<ArrayRef> {
    match structure {
        Structure::Struct(fields) => structs(fields, rows, strict),
        Structure::List(item) => lists(item, rows, strict),
        Structure::Json => Ok(Arc::new(rows.iter().map(|json| json.map(Json::text)).collect::<StringViewArray>())),
        Structure::Value(field) => values(field, rows, strict),
    }
}

fn structs(fields: &[(String, Structure)], rows: &[Option<&Json<'_>>], strict: bool) -> Result<ArrayRef> {
    let mut columns = Vec::with_capacity(fields.len());
    for (name, inner) in fields {
        let column = rows.iter().map(|json| entry(*json, name, strict)).collect::<Result<Vec<_>>>()?;
        columns.push((Arc::new(Field::new(name, inner.data_type(), true)), made(inner, &column, strict)?));
    }
    let (fields, columns): (Vec<FieldRef>, Vec<ArrayRef>) = columns.into_iter().unzip();
    let nulls: NullBuffer = rows.iter().map(Option::is_some).collect::<Vec<_>>().into();
    Ok(Arc::new(StructArray::try_new_with_length(fields.into(), columns, Some(nulls), rows.len())?))
}

/// What stands under a key, unless it is null.
fn entry<'j, 'a>(json: Option<&'j Json<'a>>, name: &str, strict: bool) -> Result<Option<&'j Json<'a>>> {
    let Some(json) = json else { return Ok(None) };
    let Json::Object(entries) = json else {
        return if strict { Err(no_value(json, "object")) } else { Ok(None) };
    };
    let mut found = entries.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
    let first = found.next();
    if strict && first.is_none() {
        return Err(Error::invalid(format!("there is no key '{name}' in the JSON {}", shortened(&json.text()))));
    }
    if strict && found.next().is_some() {
        return Err(Error::invalid(format!("the key '{name}' is in the JSON twice: {}", shortened(&json.text()))));
    }
    Ok(first.filter(|json| !is_null(json)))
}

fn no_value(json: &Json<'_>, wanted: &str) -> Error {
    Error::invalid(format!("the JSON {} is no {wanted}", shortened(&json.text()))).with_hint("json_transform makes it NULL")
}

fn lists(item: &Structure, rows: &[Option<&Json<'_>>], strict: bool) -> Result<ArrayRef> {
    let mut items: Vec<Option<&Json<'_>>> = Vec::new();
    let (mut lengths, mut are_there) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for json in rows {
        let before = items.len();
        match json {
            Some(Json::Array(found)) => items.extend(found.iter().map(|json| Some(json).filter(|json| !is_null(json)))),
            Some(other) if strict => return Err(no_value(other, "array")),
            _ => {}
        }
        lengths.push(items.len() - before);
        are_there.push(matches!(json, Some(Json::Array(_))));
    }
    let values = made(item, &items, strict)?;
    let field = Arc::new(Field::new_list_field(item.data_type(), true));
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), values, Some(NullBuffer::from(are_there)))?))
}

/// Values of a type that is neither a struct nor a list.
fn values(field: &FieldRef, rows: &[Option<&Json<'_>>], strict: bool) -> Result<ArrayRef> {
    let made = of_type(field, rows)?;
    let lost = (0..rows.len()).find(|row| rows[*row].is_some() && made.is_null(*row));
    match lost.and_then(|row| rows[row]) {
        Some(json) if strict => Err(no_value(json, &types::sql_name(field))),
        _ => Ok(made),
    }
}

fn of_type(field: &FieldRef, rows: &[Option<&Json<'_>>]) -> Result<ArrayRef> {
    let each = |of: fn(&Json<'_>) -> Option<String>| rows.iter().map(|json| json.and_then(of)).collect::<StringViewArray>();
    let lenient = CastOptions { safe: true, format_options: FormatOptions::default() };
    Ok(match field.data_type() {
        DataType::Utf8View => Arc::new(each(|json| json.plain())),
        DataType::Boolean => Arc::new(rows.iter().map(|json| json.and_then(truth)).collect::<BooleanArray>()),
        whole if whole.is_integer() => {
            let numbers: Decimal128Array = rows.iter().map(|json| json.and_then(whole_number)).collect();
            let numbers: ArrayRef = Arc::new(numbers.with_precision_and_scale(DECIMAL128_MAX_PRECISION, 0)?);
            cast_with_options(&numbers, whole, &lenient)?
        }
        real if real.is_floating() => {
            let numbers: ArrayRef = Arc::new(rows.iter().map(|json| json.and_then(number)).collect::<Float64Array>());
            cast_with_options(&numbers, real, &lenient)?
        }
        DataType::Decimal128(..) => {
            let texts = each(|json| match json {
                Json::Bool(truth) => Some(u8::from(*truth).to_string()),
                Json::Number(digits) => Some(digits.to_string()),
                Json::String(text) => Some(text.to_string()),
                _ => None,
            });
            from_texts(&(Arc::new(texts) as ArrayRef), field)?
        }
        _ => {
            let texts = each(|json| match json {
                Json::String(text) => Some(text.to_string()),
                _ => None,
            });
            from_texts(&(Arc::new(texts) as ArrayRef), field)?
        }
    })
}

fn number(json: &Json<'_>) -> Option<f64> {
    match json {
        Json::Bool(truth) => Some(f64::from(u8::from(*truth))),
        Json::Number(digits) => digits.parse().ok(),
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The nearest whole number, as far as a DECIMAL goes.
fn whole_number(json: &Json<'_>) -> Option<i128> {
    const BEYOND: i128 = 10_i128.pow(DECIMAL128_MAX_PRECISION as u32);
    let exact = match json {
        Json::Number(digits) => digits.parse().ok(),
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let nearest = || number(json).map(f64::round_ties_even).filter(|number| number.abs() < 1e30).map(|number| number as i128);
    exact.or_else(nearest).filter(|number: &i128| number.unsigned_abs() < BEYOND.unsigned_abs())
}

fn truth(json: &Json<'_>) -> Option<bool> {
    match json {
        Json::Bool(truth) => Some(*truth),
        Json::Number(_) => number(json).map(|number| number != 0.0),
        Json::String(text) => {
            let text: ArrayRef = Arc::new(StringViewArray::from_iter_values([text.as_ref()]));
            let truth = cast(&text, &DataType::Boolean).ok()?;
            let truth = truth.as_boolean();
            truth.is_valid(0).then(|| truth.value(0))
        }
        _ => None,
    }
}
