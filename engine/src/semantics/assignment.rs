//! Assignment: makes values fit a column, and names column and value when one does not fit.
//!
//! Text becomes what the column holds, numbers are rounded to the column's digits, and what is out of range is an error, never NULL and never another value.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StructArray, new_null_array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{CastOptions, can_cast_types, cast_with_options};
use arrow::datatypes::{DataType, Field, Fields};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::casts::{may_become_infinite, ready_for, without_new_infinities};
use super::kinds;
use crate::error::{Error, Result};
use crate::types::{self, uuid};

/// Longer values are cut in messages.
const SHOWN_CHARACTERS: usize = 80;

/// Casts a column's values for a table's column.
///
/// # Errors
/// *Invalid* names the column, and the first value that does not fit.
pub(crate) fn conform(array: &ArrayRef, source: &Field, target: &Field) -> Result<ArrayRef> {
    if array.data_type() == target.data_type() {
        return Ok(Arc::clone(array));
    }
    if array.data_type().is_null() {
        return Ok(new_null_array(target.data_type(), array.len()));
    }
    if types::is_uuid(target) {
        return uuid::from_array(array).map_err(|error| error.context(format!("column '{}'", target.name())));
    }
    if let Some(nested) = nested(array, target)? {
        return Ok(nested);
    }
    let ready = ready_for(target.data_type(), source, array).map_err(|error| error.context(format!("column '{}'", target.name())))?;
    if kinds::are_strangers(source.data_type(), target.data_type()) || !can_cast_types(ready.data_type(), target.data_type()) {
        return Err(Error::invalid(format!(
            "column '{}' of type {} cannot hold values of type {}",
            target.name(),
            types::sql_name(target),
            types::sql_name(source)
        )));
    }
    let options = |safe| CastOptions { safe, format_options: FormatOptions::default() };
    let cannot_hold =
        |value: String| Error::invalid(format!("column '{}' of type {} cannot hold '{value}'", target.name(), types::sql_name(target)));
    match cast_with_options(&ready, target.data_type(), &options(false)) {
        Ok(cast) if may_become_infinite(array.data_type(), target.data_type()) => {
            let finite = without_new_infinities(array, cast)?;
            first_lost(array, &finite).map_or(Ok(finite), |value| Err(cannot_hold(value)))
        }
        Ok(cast) => Ok(cast),
        Err(error) => {
            let value = cast_with_options(&ready, target.data_type(), &options(true)).ok().and_then(|cast| first_lost(array, &cast));
            Err(value.map_or_else(
                || Error::from(error).context(format!("column '{}' of type {}", target.name(), types::sql_name(target))),
                cannot_hold,
            ))
        }
    }
}

/// Lists, structs and maps part by part, so that what is within them is cast as any other value; none where the two are built differently.
fn nested(array: &ArrayRef, target: &Field) -> Result<Option<ArrayRef>> {
    let part = |array: &ArrayRef, source: &Field, part: &Field| {
        // A part has no name that anybody knows: an error names the column.
        conform(array, source, &part.clone().with_name(target.name()))
    };
    Ok(Some(match (array.data_type(), target.data_type()) {
        (DataType::List(source), DataType::List(item)) => {
            let list = array.as_list::<i32>();
            let (offsets, items) = compact(list.offsets(), list.values());
            Arc::new(ListArray::try_new(Arc::clone(item), offsets, part(&items, source, item)?, list.nulls().cloned())?)
        }
        (DataType::Struct(sources), DataType::Struct(fields)) if same_names(sources, fields) => {
            let rows = array.as_struct();
            let parts = rows.columns().iter().zip(sources).zip(fields).map(|((column, source), field)| part(column, source, field));
            let parts = parts.collect::<Result<Vec<_>>>()?;
            Arc::new(StructArray::try_new_with_length(fields.clone(), parts, rows.nulls().cloned(), rows.len())?)
        }
        (DataType::Map(_, _), DataType::Map(entries, sorted)) => {
            let (map, DataType::Struct(pair)) = (array.as_map(), entries.data_type()) else { return Ok(None) };
            let (offsets, pairs) = compact(map.offsets(), &(Arc::new(map.entries().clone()) as ArrayRef));
            let pairs = pairs.as_struct();
            let parts = pairs.columns().iter().zip(pairs.fields()).zip(pair).map(|((column, source), field)| part(column, source, field));
            let pairs = StructArray::try_new(pair.clone(), parts.collect::<Result<Vec<_>>>()?, None)?;
            Arc::new(MapArray::try_new(Arc::clone(entries), offsets, pairs, map.nulls().cloned(), *sorted)?)
        }
        _ => return Ok(None),
    }))
}

fn same_names(sources: &Fields, fields: &Fields) -> bool {
    sources.len() == fields.len() && sources.iter().zip(fields).all(|(source, field)| source.name() == field.name())
}

/// Only the items that lists have: a slice of lists shares the items of all.
pub(super) fn compact(offsets: &OffsetBuffer<i32>, items: &ArrayRef) -> (OffsetBuffer<i32>, ArrayRef) {
    let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else { return (offsets.clone(), Arc::clone(items)) };
    let items = items.slice(*first as usize, (last - first) as usize);
    (OffsetBuffer::from_lengths(offsets.lengths()), items)
}

/// The first value that a lenient cast turned into NULL.
pub(super) fn first_lost(before: &ArrayRef, after: &ArrayRef) -> Option<String> {
    let row = (0..before.len()).find(|row| before.is_valid(*row) && after.is_null(*row))?;
    let options = FormatOptions::default();
    let text = ArrayFormatter::try_new(before, &options).ok()?.value(row).to_string();
    Some(shortened(&text))
}

/// A value for a message.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use arrow::array::{Decimal128Array, Float64Array, Int64Array, StringArray};
    use arrow::datatypes::Int32Type;

    use super::*;

    fn to(array: impl Array + 'static, target: DataType) -> Result<ArrayRef> {
        let array: ArrayRef = Arc::new(array);
        conform(&array, &Field::new("s", array.data_type().clone(), true), &Field::new("c", target, true))
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let error = to(Int64Array::from(vec![Some(1), None, Some(300)]), DataType::Int8).unwrap_err();
        assert_eq!(error.message(), "column 'c' of type TINYINT cannot hold '300'");
        let error = to(StringArray::from(vec!["1", "x"]), DataType::Int32).unwrap_err();
        assert_eq!(error.message(), "column 'c' of type INTEGER cannot hold 'x'");
        let error = to(Float64Array::from(vec![f64::NAN]), DataType::Int32).unwrap_err();
        assert_eq!(error.message(), "column 'c' of type INTEGER cannot hold 'NaN'");
    }

    #[test]
    fn fractions_are_rounded() {
        let rounded = to(Float64Array::from(vec![1.5, -1.7, 2.5]), DataType::Int32).unwrap();
        assert_eq!(rounded.as_primitive::<Int32Type>().values().to_vec(), [2, -2, 2]);
        let decimals = Decimal128Array::from(vec![150, -170, 249]).with_precision_and_scale(10, 2).unwrap();
        assert_eq!(to(decimals, DataType::Int32).unwrap().as_primitive::<Int32Type>().values().to_vec(), [2, -2, 2]);
    }
}
