//! Structs: their names, their values, put together.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, StringViewArray, StructArray, make_comparator};
use arrow::compute::{SortOptions, cast};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::ScalarUDF;

use super::super::extended::{Way, alone, column_of};
use super::selection::common;
use super::{Definition, list_of};
use crate::error::{Error, Result, from_datafusion};

pub(super) fn definitions() -> Vec<Definition> {
    vec![
        Definition {
            name: "struct_keys",
            aliases: &[],
            usage: "struct_keys(struct)",
            about: "the names of a struct's fields",
            example: "struct_keys({'a': 1})",
            takes: |arguments| matches!(arguments, [DataType::Struct(_)]).then(|| arguments.to_vec()),
            gives: |_| list_of(DataType::Utf8View),
            run: |arrays, _| {
                let names: ArrayRef =
                    Arc::new(StringViewArray::from_iter_values(arrays[0].as_struct().fields().iter().map(|field| field.name())));
                let list = datafusion::common::utils::SingleRowListArrayBuilder::new(names).with_nullable(true).build_list_scalar();
                let null = ScalarValue::try_from(&list_of(DataType::Utf8View)).map_err(from_datafusion)?;
                let each = (0..arrays[0].len()).map(|row| if arrays[0].is_null(row) { null.clone() } else { list.clone() });
                ScalarValue::iter_to_array(each).map_err(from_datafusion)
            },
        },
        Definition {
            name: "struct_concat",
            aliases: &[],
            usage: "struct_concat(struct, struct, ...)",
            about: "the fields of several structs as one",
            example: "struct_concat({'a': 1}, {'b': 2})",
            takes: |arguments| {
                let all = !arguments.is_empty() && arguments.iter().all(|argument| matches!(argument, DataType::Struct(_)));
                all.then(|| arguments.to_vec())
            },
            gives: |arguments| DataType::Struct(fields(arguments).into()),
            run: |arrays, result| {
                let DataType::Struct(fields) = result else { return Err(Error::internal("a struct has another type")) };
                let columns: Vec<ArrayRef> = arrays.iter().map(columns).collect::<Result<Vec<_>>>()?.concat();
                Ok(Arc::new(StructArray::try_new(fields.clone(), columns, None)?))
            },
        },
        Definition {
            name: "struct_update",
            aliases: &[],
            usage: "struct_update(struct, name := value, ...)",
            about: "a struct with other values in some of its fields, and with further fields",
            example: "struct_update({'a': 1, 'b': 2}, a := 'x')",
            takes: |arguments| matches!(arguments, [DataType::Struct(_), DataType::Struct(_)]).then(|| arguments.to_vec()),
            gives: |arguments| {
                let (old, new) = (fields(&arguments[..1]), fields(&arguments[1..]));
                DataType::Struct(updated(&old, &new, &old, &new).into())
            },
            run: |arrays, result| {
                let DataType::Struct(fields) = result else { return Err(Error::internal("a struct has another type")) };
                let (old, new) = (arrays[0].as_struct().fields(), arrays[1].as_struct().fields());
                let columns = updated(old, new, &columns(&arrays[0])?, &columns(&arrays[1])?);
                Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, None, arrays[0].len())?))
            },
        },
        Definition {
            name: "struct_values",
            aliases: &[],
            usage: "struct_values(struct)",
            about: "the values of a struct as a tuple",
            example: "struct_values({'a': 1, 'b': 'x'})",
            takes: |arguments| matches!(arguments, [DataType::Struct(_)]).then(|| arguments.to_vec()),
            gives: |arguments| {
                let of_tuple = |(at, field): (usize, FieldRef)| field.as_ref().clone().with_name(format!("c{at}"));
                DataType::Struct(fields(arguments).into_iter().enumerate().map(of_tuple).collect())
            },
            run: |arrays, result| {
                let DataType::Struct(fields) = result else { return Err(Error::internal("a struct has another type")) };
                let rows = arrays[0].as_struct();
                let (columns, nulls) = (rows.columns().to_vec(), rows.nulls().cloned());
                Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, rows.len())?))
            },
        },
        Definition {
            name: "struct_contains",
            aliases: &["struct_has"],
            usage: "struct_contains(tuple, value)",
            about: "whether a tuple has a value",
            example: "struct_contains((1, 2), 2)",
            takes: tuple_and_value,
            gives: |_| DataType::Boolean,
            run: |arrays, _| {
                let rows = arrays[0].as_struct();
                let found = positions(arrays)?;
                let row = |row: usize| (rows.is_valid(row) && arrays[1].is_valid(row)).then(|| found.is_valid(row));
                Ok(Arc::new((0..rows.len()).map(row).collect::<BooleanArray>()))
            },
        },
        Definition {
            name: "struct_position",
            aliases: &["struct_indexof"],
            usage: "struct_position(tuple, value)",
            about: "where a value first is in a tuple, counted from 1; NULL if it is not",
            example: "struct_position((1, 2), 2)",
            takes: tuple_and_value,
            gives: |_| DataType::Int64,
            run: |arrays, _| Ok(Arc::new(positions(arrays)?)),
        },
    ]
}

/// Those whose result depends on constants.
pub(super) fn by_constants() -> Vec<Arc<ScalarUDF>> {
    vec![alone(
        &["struct_extract_at"],
        "struct_extract_at(struct, n)",
        "the value of a struct's nth field, counted from 1",
        "struct_extract_at({'a': 1, 'b': 'x'}, 2)",
        Way {
            takes: |arguments| match arguments {
                [DataType::Struct(_), place] if place.is_integer() => Some(arguments.to_vec()),
                _ => None,
            },
            gives: |arguments, constants| match (arguments.first(), constants.get(1).copied().flatten()) {
                (Some(DataType::Struct(fields)), Some(place)) => Ok(fields[place_of(place, fields.len())?].data_type().clone()),
                _ => Err(Error::invalid("the place that struct_extract_at takes is a constant")),
            },
            run: |arrays, _| {
                let rows = arrays[0].as_struct();
                match arrays[1].len() {
                    0 => Ok(arrow::array::new_empty_array(rows.column(0).data_type())),
                    _ => column_of(rows, place_of(&super::scalar(&arrays[1], 0)?, rows.num_columns())?),
                }
            },
        },
    )]
}

/// A place from 1 as one from 0.
fn place_of(place: &ScalarValue, fields: usize) -> Result<usize> {
    let place = place.cast_to(&DataType::Int64).map_err(from_datafusion)?;
    match place {
        ScalarValue::Int64(Some(place)) => usize::try_from(place - 1).ok().filter(|place| *place < fields).ok_or_else(|| {
            Error::invalid(format!("there is no field {place} in the struct")).with_hint(format!("places are from 1 to {fields}"))
        }),
        _ => Err(Error::invalid("the place that struct_extract_at takes is not NULL")),
    }
}

/// What stands beside the old names, with what stands beside the new ones in its place, or behind.
fn updated<T: Clone>(old: &[FieldRef], new: &[FieldRef], of_old: &[T], of_new: &[T]) -> Vec<T> {
    let same = |field: &FieldRef, other: &FieldRef| field.name().eq_ignore_ascii_case(other.name());
    let kept = old.iter().zip(of_old).map(|(field, value)| match new.iter().position(|changed| same(field, changed)) {
        Some(changed) => of_new[changed].clone(),
        None => value.clone(),
    });
    let further = new.iter().zip(of_new).filter(|(field, _)| !old.iter().any(|known| same(field, known)));
    kept.chain(further.map(|(_, value)| value.clone())).collect()
}

/// A struct whose fields have no names of their own, and a value that may be in it.
fn tuple_and_value(arguments: &[DataType]) -> Option<Vec<DataType>> {
    match arguments {
        [DataType::Struct(fields), _] => {
            let is_tuple = fields.iter().enumerate().all(|(at, field)| *field.name() == format!("c{at}"));
            is_tuple.then(|| arguments.to_vec())
        }
        _ => None,
    }
}

/// Where each row's value is among its struct's; fields that have no type in common with it are others.
fn positions(arrays: &[ArrayRef]) -> Result<Int64Array> {
    let rows = arrays[0].as_struct();
    let mut found: Vec<Option<i64>> = vec![None; rows.len()];
    for (at, column) in rows.columns().iter().enumerate() {
        let (left, right) = (column.data_type(), arrays[1].data_type());
        let Some(common) = common(left, right).filter(|_| left.is_string() == right.is_string() || left.is_null() || right.is_null())
        else {
            continue;
        };
        let (left, right) = (cast(column, &common)?, cast(&arrays[1], &common)?);
        if common.is_null() {
            found.iter_mut().filter(|found| found.is_none()).for_each(|found| *found = i64::try_from(at + 1).ok());
            continue;
        }
        let compare = make_comparator(&left, &right, SortOptions::default())?;
        for (row, found) in found.iter_mut().enumerate().filter(|(_, found)| found.is_none()) {
            *found = compare(row, row).is_eq().then(|| i64::try_from(at + 1).unwrap_or(i64::MAX));
        }
    }
    let is_there = |(row, found): (usize, Option<i64>)| found.filter(|_| rows.is_valid(row));
    Ok(found.into_iter().enumerate().map(is_there).collect())
}

fn fields(structs: &[DataType]) -> Vec<FieldRef> {
    let of = |data_type: &DataType| match data_type {
        DataType::Struct(fields) => fields.iter().map(|field| Arc::new(field.as_ref().clone().with_nullable(true))).collect(),
        _ => Vec::new(),
    };
    structs.iter().flat_map(of).collect()
}

/// The columns of a struct's fields; those of a NULL are NULL.
fn columns(array: &ArrayRef) -> Result<Vec<ArrayRef>> {
    let (_, columns, nulls) = array.as_struct().clone().into_parts();
    let Some(nulls) = nulls else { return Ok(columns) };
    let places: arrow::array::UInt64Array =
        (0..array.len()).map(|row| nulls.is_valid(row).then_some(u64::try_from(row).unwrap_or_default())).collect();
    Ok(columns.iter().map(|column| arrow::compute::take(column, &places, None)).collect::<std::result::Result<_, _>>()?)
}
