//! Parts of lists, and of texts: `list[from:to:step]`. Places begin at 1, and count from the end if negative.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, PrimitiveArray, StringViewBuilder, UInt64Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::take;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::ScalarValue;

use super::super::extended::Way;
use super::super::text::{part, sliced};
use super::{Definition, as_list, lists};
use crate::error::{Error, Result};

pub(super) fn definitions() -> Vec<Definition> {
    vec![Definition {
        name: "array_slice",
        aliases: &["list_slice"],
        usage: "array_slice(list, from, to[, step])",
        about: "the elements of a list, or the characters of a text, from one place to another: what list[from:to:step] means",
        example: "array_slice([1, 2, 3, 4], 2, 3)",
        takes: |arguments| {
            let (first, places) = arguments.split_first()?;
            let are_places = places.iter().all(|place| place.is_integer() || place.is_null());
            if !are_places || !matches!(places.len(), 2 | 3) {
                return None;
            }
            let first = if first.is_string() { DataType::Utf8View } else { as_list(first)? };
            Some(std::iter::once(first).chain(places.iter().map(|_| DataType::Int64)).collect())
        },
        gives: |arguments| arguments[0].clone(),
        run: |arrays, result| match result {
            DataType::Utf8View => of_texts(arrays),
            _ => of_lists(arrays, result),
        },
    }]
}

/// The way in which an element of a list is asked for, with a text in the list's place.
pub(super) const CHARACTER: Way = Way {
    takes: |arguments| match arguments {
        [text, place] if text.is_string() && (place.is_integer() || place.is_null()) => Some(vec![DataType::Utf8View, DataType::Int64]),
        _ => None,
    },
    gives: |_, _: &[Option<&ScalarValue>]| Ok(DataType::Utf8View),
    run: |arrays, _| {
        let [texts, places] = arrays else { return Err(Error::internal("a character of no text")) };
        let (texts, places) = (texts.as_string_view(), places.as_primitive::<Int64Type>());
        let mut characters = StringViewBuilder::with_capacity(texts.len());
        for (text, place) in texts.iter().zip(places) {
            characters.append_option(text.zip(place).map(|(text, place)| part(text, place, Some(1))));
        }
        Ok(Arc::new(characters.finish()))
    },
};

fn of_texts(arrays: &[ArrayRef]) -> Result<ArrayRef> {
    let texts = arrays[0].as_string_view();
    let places: Vec<&PrimitiveArray<Int64Type>> = arrays[1..].iter().map(|places| places.as_primitive::<Int64Type>()).collect();
    let mut parts = StringViewBuilder::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        match text {
            Some(text) if places.iter().all(|places| places.is_valid(row)) => {
                let step = places.get(2).map_or(1, |steps| steps.value(row));
                parts.append_value(sliced(text, places[0].value(row), places[1].value(row), step)?);
            }
            _ => parts.append_null(),
        }
    }
    Ok(Arc::new(parts.finish()))
}

fn of_lists(arrays: &[ArrayRef], result: &DataType) -> Result<ArrayRef> {
    let DataType::List(field) = result else { return Err(Error::internal("a part of a list is none")) };
    let lists = lists(&arrays[0])?;
    let places: Vec<&PrimitiveArray<Int64Type>> = arrays[1..].iter().map(|places| places.as_primitive::<Int64Type>()).collect();
    let offsets = lists.value_offsets();
    let mut chosen: Vec<u64> = Vec::new();
    let (mut lengths, mut are_there) = (Vec::with_capacity(lists.len()), Vec::with_capacity(lists.len()));
    for row in 0..lists.len() {
        let before = chosen.len();
        let is_there = lists.is_valid(row) && places.iter().all(|places| places.is_valid(row));
        if is_there {
            let first = u64::from(offsets[row].unsigned_abs());
            let length = i64::from(offsets[row + 1] - offsets[row]);
            let step = places.get(2).map_or(1, |steps| steps.value(row));
            let (from, to) = bounds(length, places[0].value(row), places[1].value(row), step)?;
            let mut place = from;
            while (step > 0 && place <= to) || (step < 0 && place >= to) {
                chosen.push(first + (place - 1).unsigned_abs());
                match place.checked_add(step) {
                    Some(next) => place = next,
                    None => break,
                }
            }
        }
        lengths.push(chosen.len() - before);
        are_there.push(is_there);
    }
    let values = take(lists.values(), &UInt64Array::from(chosen), None)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::try_new(Arc::clone(field), offsets, values, Some(NullBuffer::from(are_there)))?))
}

/// The first and the last place that are meant, of which none is beyond the list where there is something between them.
fn bounds(length: i64, from: i64, to: i64, step: i64) -> Result<(i64, i64)> {
    if step == 0 {
        return Err(Error::invalid("the step of a part of a list is not 0"));
    }
    let place = |place: i64| if place < 0 { place.saturating_add(length).saturating_add(1) } else { place };
    let (from, to) = (place(from), place(to));
    Ok(match step > 0 {
        true => (from.max(1), to.min(length)),
        false => (from.min(length), to.max(1)),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn places_beyond_a_list_are_its_ends() {
        for ((from, to, step), expected) in [
            ((2, 3, 1), (2, 3)),
            ((-9, -2, 1), (1, 4)),
            ((2, 9, 3), (2, 5)),
            ((10, 1, -1), (5, 1)),
            ((5, -10, -1), (5, 1)),
            ((-10, -1, -1), (-4, 5)),
        ] {
            assert_eq!(bounds(5, from, to, step).unwrap(), expected, "{from} {to} {step}");
        }
        assert!(bounds(5, 1, 2, 0).is_err());
    }
}
