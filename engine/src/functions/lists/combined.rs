//! Lists made of other lists: repeated, paired up, without levels; the product of vectors.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array, ListArray, StructArray, UInt64Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type};
use datafusion::common::ScalarValue;

use super::super::extended::Way;
use super::{Definition, as_list, item, list_of, lists};
use crate::error::{Error, Result};

/// More elements than a result may have.
const MOST: usize = i32::MAX as usize;

pub(super) fn definitions() -> Vec<Definition> {
    vec![
        Definition {
            name: "repeat_list",
            aliases: &[],
            usage: "repeat_list(list, n)",
            about: "the elements of a list n times: what repeat is of a list",
            example: "repeat_list([1, 2], 2)",
            takes: |arguments| match arguments {
                [list @ DataType::List(_), times] if times.is_integer() || times.is_null() => Some(vec![list.clone(), DataType::Int64]),
                _ => None,
            },
            gives: |arguments| arguments[0].clone(),
            run: repeated,
        },
        Definition {
            name: "flatten_all",
            aliases: &[],
            usage: "flatten_all(list)",
            about: "every element of the lists within a list, however deep: what unnest(list, recursive := true) gives",
            example: "flatten_all([[[1], [2]], [[3]]])",
            takes: |arguments| match arguments {
                [list] => as_list(list).filter(|list| !matches!(innermost(list), DataType::Struct(_))).map(|list| vec![list]),
                _ => None,
            },
            gives: |arguments| list_of(innermost(&arguments[0])),
            run: |arrays, _| {
                let mut all = Arc::clone(&arrays[0]);
                while is_of_lists(all.data_type()) {
                    all = flattened(&all)?;
                }
                Ok(all)
            },
        },
        Definition {
            name: "flatten_level",
            aliases: &[],
            usage: "flatten_level(list)",
            about: "the elements of the lists in a list, or of the list if there are none: what unnest(list, max_depth := 2) gives",
            example: "flatten_level([[1, 2], [3]])",
            takes: |arguments| match arguments {
                [list] => as_list(list).filter(|list| !matches!(item(Some(list)), DataType::Struct(_))).map(|list| vec![list]),
                _ => None,
            },
            gives: |arguments| match is_of_lists(&arguments[0]) {
                true => list_of(item(Some(&item(arguments.first())))),
                false => arguments[0].clone(),
            },
            run: |arrays, _| match is_of_lists(arrays[0].data_type()) {
                true => flattened(&arrays[0]),
                false => Ok(Arc::clone(&arrays[0])),
            },
        },
        Definition {
            name: "array_cross_product",
            aliases: &["list_cross_product", "cross_product"],
            usage: "array_cross_product(a, b)",
            about: "the vector at right angles to two vectors of three numbers",
            example: "array_cross_product([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])",
            takes: |arguments| match arguments {
                [left, right] => {
                    let of_numbers = |list: &DataType| as_list(list).is_some_and(|list| item(Some(&list)).is_numeric());
                    let are_real = |list: &DataType| item(Some(list)) == DataType::Float32;
                    let number = if are_real(left) && are_real(right) { DataType::Float32 } else { DataType::Float64 };
                    (of_numbers(left) && of_numbers(right)).then(|| vec![list_of(number); 2])
                }
                _ => None,
            },
            gives: |arguments| arguments[0].clone(),
            run: cross_products,
        },
    ]
}

/// The way in which lists are paired up to the end of the shortest one.
pub(super) const SHORTEST: Way = Way {
    takes: |arguments| match arguments.split_last() {
        Some((DataType::Boolean, paired)) if !paired.is_empty() => {
            let paired: Option<Vec<DataType>> = paired.iter().map(as_list).collect();
            Some(paired?.into_iter().chain([DataType::Boolean]).collect())
        }
        _ => None,
    },
    gives: |arguments, _: &[Option<&ScalarValue>]| {
        let paired = arguments.split_last().map_or(arguments, |(_, paired)| paired);
        let field = |(at, list): (usize, &DataType)| Field::new((at + 1).to_string(), item(Some(list)), true);
        Ok(list_of(DataType::Struct(paired.iter().enumerate().map(field).collect())))
    },
    run: zipped,
};

fn zipped(arrays: &[ArrayRef], result: &DataType) -> Result<ArrayRef> {
    let (DataType::List(field), Some((truncates, paired))) = (result, arrays.split_last()) else {
        return Err(Error::internal("pairs are no list"));
    };
    let DataType::Struct(fields) = field.data_type() else { return Err(Error::internal("pairs are no structs")) };
    let (paired, truncates) = (paired.iter().map(lists).collect::<Result<Vec<_>>>()?, truncates.as_boolean());
    let mut places: Vec<Vec<Option<u64>>> = vec![Vec::new(); paired.len()];
    let mut lengths = Vec::with_capacity(truncates.len());
    for row in 0..truncates.len() {
        let own: Vec<usize> =
            paired.iter().map(|list| if list.is_valid(row) { list.value_length(row).unsigned_abs() as usize } else { 0 }).collect();
        let shortest = truncates.is_valid(row) && truncates.value(row);
        let length = if shortest { own.iter().min() } else { own.iter().max() }.copied().unwrap_or_default();
        for ((list, places), own) in paired.iter().zip(&mut places).zip(own) {
            let first = list.value_offsets()[row].unsigned_abs() as usize;
            places.extend((0..length).map(|place| (place < own).then(|| (first + place) as u64)));
        }
        lengths.push(length);
    }
    let rows = places.first().map_or(0, Vec::len);
    let columns = paired.iter().zip(places).map(|(list, places)| Ok(take(list.values(), &UInt64Array::from(places), None)?));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let pairs = StructArray::try_new_with_length(Fields::clone(fields), columns, None, rows)?;
    Ok(Arc::new(ListArray::try_new(Arc::clone(field), OffsetBuffer::from_lengths(lengths), Arc::new(pairs), None)?))
}

fn repeated(arrays: &[ArrayRef], result: &DataType) -> Result<ArrayRef> {
    let DataType::List(field) = result else { return Err(Error::internal("a list that is repeated is none")) };
    let (lists, times) = (lists(&arrays[0])?, arrays[1].as_primitive::<Int64Type>());
    let (mut chosen, mut lengths, mut are_there) = (Vec::<u64>::new(), Vec::new(), Vec::new());
    for row in 0..lists.len() {
        let is_there = lists.is_valid(row) && times.is_valid(row);
        let before = chosen.len();
        if is_there {
            let first = u64::from(lists.value_offsets()[row].unsigned_abs());
            let length = u64::from(lists.value_length(row).unsigned_abs());
            let times = usize::try_from(times.value(row).max(0)).unwrap_or(usize::MAX);
            let all = usize::try_from(length).unwrap_or(usize::MAX).saturating_mul(times);
            if before.saturating_add(all) > MOST {
                return Err(Error::invalid(format!("the lists would have more than {MOST} elements")));
            }
            if length > 0 {
                (0..times).for_each(|_| chosen.extend(first..first + length));
            }
        }
        lengths.push(chosen.len() - before);
        are_there.push(is_there);
    }
    let values = take(lists.values(), &UInt64Array::from(chosen), None)?;
    Ok(Arc::new(ListArray::try_new(Arc::clone(field), OffsetBuffer::from_lengths(lengths), values, Some(NullBuffer::from(are_there)))?))
}

fn is_of_lists(data_type: &DataType) -> bool {
    as_list(&item(Some(data_type))).is_some() && !item(Some(data_type)).is_null()
}

/// The type of what is in no list any more.
fn innermost(list: &DataType) -> DataType {
    match as_list(list) {
        Some(inner) if !list.is_null() => innermost(&item(Some(&inner))),
        _ => list.clone(),
    }
}

/// Lists of lists without the inner brackets; a NULL among the inner ones adds nothing.
fn flattened(array: &ArrayRef) -> Result<ArrayRef> {
    let outer = lists(array)?;
    let inner = match as_list(&outer.value_type()) {
        Some(list) if list != outer.value_type() => cast(outer.values(), &list)?,
        _ => Arc::clone(outer.values()),
    };
    let inner = lists(&inner)?;
    let offsets = outer.value_offsets();
    let mut chosen = Vec::<u64>::new();
    let mut lengths = Vec::with_capacity(outer.len());
    for row in 0..outer.len() {
        let before = chosen.len();
        if outer.is_valid(row) {
            let each = offsets[row].unsigned_abs() as usize..offsets[row + 1].unsigned_abs() as usize;
            for list in each.filter(|list| inner.is_valid(*list)) {
                let own = inner.value_offsets();
                chosen.extend(u64::from(own[list].unsigned_abs())..u64::from(own[list + 1].unsigned_abs()));
            }
        }
        lengths.push(chosen.len() - before);
    }
    let values = take(inner.values(), &UInt64Array::from(chosen), None)?;
    let field = Arc::new(Field::new_list_field(inner.value_type(), true));
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), values, outer.nulls().cloned())?))
}

fn cross_products(arrays: &[ArrayRef], result: &DataType) -> Result<ArrayRef> {
    let DataType::List(field) = result else { return Err(Error::internal("a vector is no list")) };
    let (left, right) = (lists(&arrays[0])?, lists(&arrays[1])?);
    let (mut numbers, mut are_there) = (Vec::<f64>::new(), Vec::with_capacity(left.len()));
    for row in 0..left.len() {
        let is_there = left.is_valid(row) && right.is_valid(row);
        are_there.push(is_there);
        if is_there {
            let (a, b) = (vector(left, row)?, vector(right, row)?);
            numbers.extend([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]);
        }
    }
    let values: ArrayRef = match field.data_type() {
        // Products of two of 24 bits have 48: only the results are rounded.
        DataType::Float32 => Arc::new(numbers.iter().map(|number| Some(*number as f32)).collect::<Float32Array>()),
        _ => Arc::new(Float64Array::from(numbers)),
    };
    let lengths = are_there.iter().map(|is_there| if *is_there { 3 } else { 0 });
    Ok(Arc::new(ListArray::try_new(
        Arc::clone(field),
        OffsetBuffer::from_lengths(lengths),
        values,
        Some(NullBuffer::from(are_there.clone())),
    )?))
}

/// The three numbers of a vector.
fn vector(lists: &ListArray, row: usize) -> Result<[f64; 3]> {
    let numbers = cast(&lists.value(row), &DataType::Float64)?;
    if numbers.null_count() > 0 {
        return Err(Error::invalid("a vector has no NULLs"));
    }
    let numbers = numbers.as_primitive::<Float64Type>().values();
    <[f64; 3]>::try_from(numbers.as_ref())
        .map_err(|_| Error::invalid(format!("array_cross_product takes vectors of 3 numbers, not of {}", numbers.len())))
}
