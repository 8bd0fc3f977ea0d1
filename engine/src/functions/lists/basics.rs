//! Lengths, places and elements of lists; lists put together.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, UInt64Array, make_comparator};
use arrow::compute::{SortOptions, cast, concat};
use arrow::datatypes::DataType;

use super::selection::common;
use super::{Definition, as_list, chosen, column_of, item, list_of, lists};
use crate::error::Result;

pub(super) fn definitions() -> Vec<Definition> {
    [lengths(), places()].concat()
}

fn lengths() -> Vec<Definition> {
    vec![
        Definition {
            name: "array_length",
            aliases: &["list_length", "array_size"],
            usage: "array_length(list[, dimension])",
            about: "how many elements a list has",
            example: "array_length([1, 2, 3])",
            takes: |arguments| match arguments {
                [list] => Some(vec![as_list(list)?]),
                [list, dimension] if dimension.is_integer() => Some(vec![as_list(list)?, DataType::Int64]),
                _ => None,
            },
            gives: |_| DataType::Int64,
            run: |arrays, _| {
                let lists = lists(&arrays[0])?;
                let dimensions = arrays.get(1).map(|dimensions| cast(dimensions, &DataType::Int64)).transpose()?;
                let row = |row: usize| -> Result<Option<i64>> {
                    let dimension = match &dimensions {
                        Some(dimensions) if dimensions.is_null(row) => return Ok(None),
                        Some(dimensions) => arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(dimensions).value(row),
                        None => 1,
                    };
                    if lists.is_null(row) || dimension < 1 {
                        return Ok(None);
                    }
                    // Deeper ones are as long as the first list in each.
                    let mut list = lists.value(row);
                    for _ in 1..dimension {
                        let Some(inner) = arrow::array::AsArray::as_list_opt::<i32>(&list).filter(|inner| !inner.is_empty()) else {
                            return Ok(None);
                        };
                        let first = inner.value(0);
                        list = first;
                    }
                    Ok(i64::try_from(list.len()).ok())
                };
                Ok(Arc::new((0..lists.len()).map(row).collect::<Result<Int64Array>>()?))
            },
        },
        Definition {
            name: "list_concat",
            aliases: &["list_cat", "array_cat", "array_concat"],
            usage: "list_concat(list, list, ...)",
            about: "several lists as one; a NULL among them adds nothing",
            example: "list_concat([1], [2, 3])",
            takes: |arguments| {
                let mut element = DataType::Null;
                for argument in arguments {
                    element = common(&element, &item(Some(&as_list(argument)?)))?;
                }
                (!arguments.is_empty()).then(|| vec![list_of(element); arguments.len()])
            },
            gives: |arguments| arguments[0].clone(),
            run: |arrays, result| {
                let all = arrays.iter().map(lists).collect::<Result<Vec<_>>>()?;
                let row = |row: usize| -> Result<Option<ArrayRef>> {
                    let parts: Vec<ArrayRef> = all.iter().filter(|lists| lists.is_valid(row)).map(|lists| lists.value(row)).collect();
                    let parts: Vec<&dyn Array> = parts.iter().map(|part| part.as_ref()).collect();
                    Ok(if parts.is_empty() { None } else { Some(concat(&parts)?) })
                };
                column_of((0..arrays[0].len()).map(row).collect::<Result<Vec<_>>>()?, result)
            },
        },
    ]
}

fn places() -> Vec<Definition> {
    vec![
        Definition {
            name: "list_distinct",
            aliases: &["array_distinct"],
            usage: "list_distinct(list)",
            about: "the elements without repetitions and NULLs, each where it first was",
            example: "list_distinct([1, 1, NULL, 2])",
            takes: |arguments| match arguments {
                [list] => Some(vec![as_list(list)?]),
                _ => None,
            },
            gives: |arguments| arguments[0].clone(),
            run: |arrays, result| {
                if item(Some(result)) == DataType::Null {
                    return chosen(&arrays[0], result, |_, _| Ok(Some(UInt64Array::from(Vec::<u64>::new()))));
                }
                chosen(&arrays[0], result, |_, list| {
                    let mut firsts: Vec<u64> = crate::functions::aggregates::runs(list)?.map(|run| run.first).collect();
                    firsts.sort_unstable();
                    Ok(Some(firsts.into()))
                })
            },
        },
        Definition {
            name: "list_position",
            aliases: &["array_position", "list_indexof", "array_indexof"],
            usage: "list_position(list, element)",
            about: "where an element first is, counted from 1; NULL if it is not",
            example: "list_position(['a', 'b'], 'b')",
            takes: |arguments| match arguments {
                [list, element] => {
                    let common = common(&item(Some(&as_list(list)?)), element)?;
                    Some(vec![list_of(common.clone()), common])
                }
                _ => None,
            },
            gives: |_| DataType::Int64,
            run: |arrays, _| {
                let lists = lists(&arrays[0])?;
                if *arrays[1].data_type() == DataType::Null {
                    let first_null = |row: usize| (lists.is_valid(row) && !lists.value(row).is_empty()).then_some(1_i64);
                    return Ok(Arc::new((0..lists.len()).map(first_null).collect::<Int64Array>()));
                }
                let compare = make_comparator(lists.values(), &arrays[1], SortOptions::default())?;
                let row = |row: usize| -> Option<i64> {
                    let offsets = lists.value_offsets();
                    let mut places = offsets[row]..offsets[row + 1];
                    let found = places.position(|place| compare(place.unsigned_abs() as usize, row).is_eq())?;
                    i64::try_from(found + 1).ok().filter(|_| lists.is_valid(row))
                };
                Ok(Arc::new((0..lists.len()).map(row).collect::<Int64Array>()))
            },
        },
    ]
}
