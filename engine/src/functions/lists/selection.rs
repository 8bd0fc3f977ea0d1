//! Some of a list's elements, and lists with one more.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, UInt64Array};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::logical_expr::type_coercion::binary::type_union_resolution;

use super::{Definition, as_list, chosen, column_of, item, list_of, lists};
use crate::error::{Error, Result};

pub(super) fn definitions() -> Vec<Definition> {
    [elements(), vectors_as_numbers()].concat()
}

fn elements() -> Vec<Definition> {
    vec![
        Definition {
            name: "list_select",
            aliases: &["array_select"],
            usage: "list_select(list, places)",
            about: "the elements at some places, counted from 1",
            example: "list_select(['a', 'b', 'c'], [3, 1])",
            takes: |arguments| match arguments {
                [list, places] => Some(vec![as_list(list)?, as_list(places).map(|_| list_of(DataType::Int64))?]),
                _ => None,
            },
            gives: |arguments| arguments[0].clone(),
            run: |arrays, result| {
                let places = lists(&arrays[1])?;
                chosen(&arrays[0], result, |row, list| {
                    if places.is_null(row) {
                        return Ok(None);
                    }
                    let places = places.value(row);
                    let places = places.as_primitive::<Int64Type>();
                    let place = |place: Option<i64>| place.and_then(|place| at(place, list.len()));
                    Ok(Some(places.iter().map(place).collect::<UInt64Array>()))
                })
            },
        },
        Definition {
            name: "list_where",
            aliases: &["array_where"],
            usage: "list_where(list, conditions)",
            about: "the elements whose condition, in another list, is true",
            example: "list_where([1, 2, 3], [true, false, true])",
            takes: |arguments| match arguments {
                [list, conditions] => Some(vec![as_list(list)?, as_list(conditions).map(|_| list_of(DataType::Boolean))?]),
                _ => None,
            },
            gives: |arguments| arguments[0].clone(),
            run: |arrays, result| {
                let conditions = lists(&arrays[1])?;
                chosen(&arrays[0], result, |row, list| {
                    if conditions.is_null(row) {
                        return Ok(None);
                    }
                    let conditions = conditions.value(row);
                    let conditions = conditions.as_boolean();
                    if conditions.len() != list.len() {
                        return Err(Error::invalid("list_where takes as many conditions as there are elements"));
                    }
                    let places = (0..list.len()).filter(|place| conditions.is_valid(*place) && conditions.value(*place));
                    Ok(Some(UInt64Array::from_iter_values(places.filter_map(|place| u64::try_from(place).ok()))))
                })
            },
        },
        Definition {
            name: "list_prepend",
            aliases: &["array_prepend"],
            usage: "list_prepend(element, list)",
            about: "the list with an element in front",
            example: "list_prepend(0, [1, 2])",
            takes: |arguments| match arguments {
                [element, list] => {
                    let common = common(&item(Some(&as_list(list)?)), element)?;
                    Some(vec![common.clone(), list_of(common)])
                }
                _ => None,
            },
            gives: |arguments| arguments[1].clone(),
            run: |arrays, result| prepended(&arrays[1], &arrays[0], result),
        },
        Definition {
            name: "array_push_front",
            aliases: &["list_push_front"],
            usage: "array_push_front(list, element)",
            about: "the list with an element in front",
            example: "array_push_front([1, 2], 0)",
            takes: |arguments| match arguments {
                [list, element] => {
                    let common = common(&item(Some(&as_list(list)?)), element)?;
                    Some(vec![list_of(common.clone()), common])
                }
                _ => None,
            },
            gives: |arguments| arguments[0].clone(),
            run: |arrays, result| prepended(&arrays[0], &arrays[1], result),
        },
    ]
}

fn vectors_as_numbers() -> Vec<Definition> {
    vec![
        Definition {
            name: "list_cosine_similarity",
            aliases: &["array_cosine_similarity"],
            usage: "list_cosine_similarity(a, b)",
            about: "the cosine of the angle between two vectors",
            example: "list_cosine_similarity([1.0, 2.0], [2.0, 4.0])",
            takes: vectors,
            gives: |_| DataType::Float64,
            run: |arrays, _| {
                pairs(arrays, |left, right| {
                    let product = |left: &[f64], right: &[f64]| left.iter().zip(right).map(|(left, right)| left * right).sum::<f64>();
                    product(left, right) / (product(left, left).sqrt() * product(right, right).sqrt())
                })
            },
        },
        Definition {
            name: "list_negative_inner_product",
            aliases: &["list_negative_dot_product", "array_negative_inner_product", "array_negative_dot_product"],
            usage: "list_negative_inner_product(a, b)",
            about: "the product of two vectors with a minus in front",
            example: "list_negative_inner_product([1.0, 2.0], [3.0, 4.0])",
            takes: vectors,
            gives: |_| DataType::Float64,
            run: |arrays, _| pairs(arrays, |left, right| -left.iter().zip(right).map(|(left, right)| left * right).sum::<f64>()),
        },
    ]
}

/// Each row's list with an element in front; NULL counts as an empty list.
fn prepended(array: &ArrayRef, elements: &ArrayRef, result: &DataType) -> Result<ArrayRef> {
    let lists = lists(array)?;
    let row = |row: usize| -> Result<Option<ArrayRef>> {
        let first = elements.slice(row, 1);
        Ok(Some(match lists.is_null(row) {
            true => first,
            false => concat(&[first.as_ref(), lists.value(row).as_ref()])?,
        }))
    };
    column_of((0..lists.len()).map(row).collect::<Result<Vec<_>>>()?, result)
}

/// A place from 1, or from the end if negative, as one from 0.
fn at(place: i64, length: usize) -> Option<u64> {
    let length = i64::try_from(length).ok()?;
    let place = if place < 0 { length + place } else { place - 1 };
    u64::try_from(place).ok().filter(|_| place < length)
}

/// The type in which two meet.
pub(super) fn common(left: &DataType, right: &DataType) -> Option<DataType> {
    match (left, right) {
        (DataType::Null, other) | (other, DataType::Null) => Some(other.clone()),
        _ => type_union_resolution(&[left.clone(), right.clone()]),
    }
}

fn vectors(arguments: &[DataType]) -> Option<Vec<DataType>> {
    match arguments {
        [left, right] if [left, right].iter().all(|list| as_list(list).is_some()) => Some(vec![list_of(DataType::Float64); 2]),
        _ => None,
    }
}

fn pairs(arrays: &[ArrayRef], of: fn(&[f64], &[f64]) -> f64) -> Result<ArrayRef> {
    let (left, right) = (lists(&arrays[0])?, lists(&arrays[1])?);
    let row = |row: usize| -> Result<Option<f64>> {
        if left.is_null(row) || right.is_null(row) {
            return Ok(None);
        }
        let pair = [left.value(row), right.value(row)].map(|list| cast(&list, &DataType::Float64));
        let [left, right] = pair;
        let (left, right) = (left?, right?);
        if left.null_count() + right.null_count() > 0 {
            return Err(Error::invalid("a vector has no NULLs"));
        }
        if left.len() != right.len() {
            return Err(Error::invalid(format!("vectors of {} and {} numbers do not fit together", left.len(), right.len())));
        }
        Ok(Some(of(left.as_primitive::<Float64Type>().values(), right.as_primitive::<Float64Type>().values())))
    };
    Ok(Arc::new((0..left.len()).map(row).collect::<Result<Float64Array>>()?))
}
