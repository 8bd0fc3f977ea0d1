//! Lists in order, without repetitions, and the order that they would have.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, UInt64Array};
use arrow::compute::{SortOptions, cast, partition, sort_to_indices, take};
use arrow::datatypes::DataType;

use super::{Definition, as_list, chosen, column_of, item, list_of, lists};
use crate::error::{Error, Result};
use crate::semantics::order_keys;

pub(super) fn definitions() -> Vec<Definition> {
    vec![
        Definition {
            name: "list_sort",
            aliases: &["array_sort", "sort_array"],
            usage: "list_sort(list[, 'ASC' or 'DESC'[, 'NULLS FIRST' or 'NULLS LAST']])",
            about: "the elements in order, NULLs last unless it is said otherwise",
            example: "list_sort([3, 1, 2])",
            takes: |arguments| sortable(arguments, 3),
            gives: |arguments| arguments[0].clone(),
            run: |arrays, result| sorted(arrays, result, false, 1),
        },
        Definition {
            name: "list_reverse_sort",
            aliases: &["array_reverse_sort"],
            usage: "list_reverse_sort(list[, 'NULLS FIRST' or 'NULLS LAST'])",
            about: "the elements in order, the greatest first",
            example: "list_reverse_sort([3, 1, 2])",
            takes: |arguments| sortable(arguments, 2),
            gives: |arguments| arguments[0].clone(),
            run: |arrays, result| sorted(arrays, result, true, 0),
        },
        Definition {
            name: "list_grade_up",
            aliases: &["array_grade_up", "grade_up"],
            usage: "list_grade_up(list)",
            about: "the places of the elements in order",
            example: "list_grade_up([30, 10, 20])",
            takes: |arguments| sortable(arguments, 1),
            gives: |_| list_of(DataType::Int64),
            run: |arrays, result| {
                let lists = lists(&arrays[0])?;
                let row = |row: usize| -> Result<Option<ArrayRef>> {
                    if lists.is_null(row) {
                        return Ok(None);
                    }
                    let order = sort_to_indices(&order_keys(&lists.value(row))?, Some(options(false, false)), None)?;
                    Ok(Some(Arc::new(Int64Array::from_iter_values(order.values().iter().map(|place| i64::from(*place) + 1)))))
                };
                column_of((0..lists.len()).map(row).collect::<Result<Vec<_>>>()?, result)
            },
        },
        Definition {
            name: "list_unique",
            aliases: &["array_unique"],
            usage: "list_unique(list)",
            about: "how many different elements there are, without NULL",
            example: "list_unique([1, 1, 2])",
            takes: |arguments| sortable(arguments, 1),
            gives: |_| DataType::Int64,
            run: |arrays, _| {
                let lists = lists(&arrays[0])?;
                let row = |row: usize| -> Result<Option<i64>> {
                    if lists.is_null(row) {
                        return Ok(None);
                    }
                    let list = lists.value(row);
                    if list.len() == list.null_count() {
                        return Ok(Some(0));
                    }
                    let order = sort_to_indices(&list, Some(options(false, false)), None)?;
                    let sorted = take(&list, &order, None)?.slice(0, list.len() - list.null_count());
                    Ok(i64::try_from(partition(&[sorted])?.len()).ok())
                };
                Ok(Arc::new((0..lists.len()).map(row).collect::<Result<Int64Array>>()?))
            },
        },
    ]
}

fn sortable(arguments: &[DataType], most: usize) -> Option<Vec<DataType>> {
    let (first, rest) = arguments.split_first()?;
    let list = as_list(first)?;
    let are_words = rest.len() < most && rest.iter().all(|word| word.is_string() || *word == DataType::Null);
    are_words.then(|| std::iter::once(list).chain(rest.iter().map(|_| DataType::Utf8View)).collect())
}

fn options(descending: bool, nulls_first: bool) -> SortOptions {
    SortOptions { descending, nulls_first }
}

/// Each list sorted; the words that say how are `words` arguments of the direction and one of NULLs.
fn sorted(arrays: &[ArrayRef], result: &DataType, descending: bool, words: usize) -> Result<ArrayRef> {
    let (mut descending, mut nulls_first) = (descending, false);
    for (place, word) in arrays.iter().enumerate().skip(1) {
        let word = cast(word, &DataType::Utf8View)?;
        let word = word.as_string_view();
        // They are the same for all rows.
        if word.is_empty() || word.is_null(0) {
            continue;
        }
        match (word.value(0).trim().to_ascii_uppercase().as_str(), place <= words) {
            ("ASC" | "ASCENDING", true) => descending = false,
            ("DESC" | "DESCENDING", true) => descending = true,
            ("NULLS FIRST", _) => nulls_first = true,
            ("NULLS LAST", _) => nulls_first = false,
            (other, _) => {
                return Err(
                    Error::invalid(format!("'{other}' is no order")).with_hint("orders are 'ASC', 'DESC', 'NULLS FIRST' and 'NULLS LAST'")
                );
            }
        }
    }
    if item(Some(result)) == DataType::Null {
        return Ok(Arc::clone(&arrays[0]));
    }
    chosen(&arrays[0], result, |_, list| {
        let order = sort_to_indices(&order_keys(list)?, Some(options(descending, nulls_first)), None)?;
        Ok(Some(UInt64Array::from_iter_values(order.values().iter().map(|place| u64::from(*place)))))
    })
}
