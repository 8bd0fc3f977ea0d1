//! Lengths, positions and parts of whole columns of texts.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, Scalar, StringViewArray, StringViewBuilder};
use arrow::compute::kernels::comparison;

use super::super::rows::{Column, count};
use super::basics::{left, position, right, split_part, substring};
use crate::error::Result;

/// How many characters each text has.
pub(super) fn lengths(columns: &[(Column<'_>, bool)]) -> Result<Option<ArrayRef>> {
    let [(Column::Text(texts, _), false)] = columns else { return Ok(None) };
    let characters = |text: &str| count(if text.is_ascii() { text.len() } else { text.chars().count() });
    Ok(Some(Arc::new(texts.iter().map(|text| text.map(characters)).collect::<Int64Array>())))
}

/// Whether each text has a constant part.
pub(super) fn contains(columns: &[(Column<'_>, bool)]) -> Result<Option<ArrayRef>> {
    let [(Column::Text(texts, _), false), (Column::Text(part, _), true)] = columns else { return Ok(None) };
    Ok(Some(Arc::new(comparison::contains(*texts, &Scalar::new(*part))?)))
}

/// Where a constant part is in each text.
pub(super) fn positions(columns: &[(Column<'_>, bool)]) -> Result<Option<ArrayRef>> {
    let [(Column::Text(texts, _), false), (Column::Text(part, _), true)] = columns else { return Ok(None) };
    if part.is_null(0) {
        return Ok(None);
    }
    let part = part.value(0);
    Ok(Some(Arc::new(texts.iter().map(|text| text.map(|text| position(text, part))).collect::<Int64Array>())))
}

/// Parts of each text, at constant places.
pub(super) fn substrings(columns: &[(Column<'_>, bool)]) -> Result<Option<ArrayRef>> {
    let (texts, start, length) = match columns {
        [(Column::Text(texts, _), false), start] => (texts, constant(start), None),
        [(Column::Text(texts, _), false), start, length] => match constant(length) {
            Some(length) => (texts, constant(start), Some(length)),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    Ok(start.map(|start| parts(texts, |text| substring(text, start, length))))
}

/// The first characters of each text, so many for all.
pub(super) fn lefts(columns: &[(Column<'_>, bool)]) -> Result<Option<ArrayRef>> {
    Ok(ends(columns, left))
}

/// The last characters of each text, so many for all.
pub(super) fn rights(columns: &[(Column<'_>, bool)]) -> Result<Option<ArrayRef>> {
    Ok(ends(columns, right))
}

/// The nth part of each text between constant separators.
pub(super) fn split_parts(columns: &[(Column<'_>, bool)]) -> Result<Option<ArrayRef>> {
    let [(Column::Text(texts, _), false), (Column::Text(separator, _), true), number] = columns else { return Ok(None) };
    let (Some(number), false) = (constant(number), separator.is_null(0)) else { return Ok(None) };
    let separator = separator.value(0);
    let mut letters = separator.chars();
    Ok(Some(match (letters.next(), letters.next()) {
        // A letter is found sooner than a text.
        (Some(letter), None) if number > 0 => {
            let nth = usize::try_from(number - 1).unwrap_or(usize::MAX);
            parts(texts, |text| text.split(letter).nth(nth).unwrap_or(""))
        }
        _ => parts(texts, |text| split_part(text, separator, number)),
    }))
}

/// The texts of each row as one, without NULLs.
pub(super) fn joined(columns: &[(Column<'_>, bool)]) -> Result<Option<ArrayRef>> {
    let mut texts = Vec::with_capacity(columns.len());
    for (column, is_one) in columns {
        let Column::Text(column, _) = column else { return Ok(None) };
        texts.push((*column, *is_one));
    }
    let Some((longest, _)) = texts.iter().find(|(_, is_one)| !is_one) else { return Ok(None) };
    let mut builder = StringViewBuilder::with_capacity(longest.len());
    let mut text = String::new();
    for row in 0..longest.len() {
        text.clear();
        for (column, is_one) in &texts {
            let row = if *is_one { 0 } else { row };
            if column.is_valid(row) {
                text.push_str(column.value(row));
            }
        }
        builder.append_value(&text);
    }
    Ok(Some(Arc::new(builder.finish())))
}

fn ends(columns: &[(Column<'_>, bool)], end: for<'a> fn(&'a str, i64) -> &'a str) -> Option<ArrayRef> {
    let [(Column::Text(texts, _), false), number] = columns else { return None };
    constant(number).map(|number| parts(texts, |text| end(text, number)))
}

fn constant(column: &(Column<'_>, bool)) -> Option<i64> {
    match column {
        (Column::Int(numbers), true) if numbers.is_valid(0) => Some(numbers.value(0)),
        _ => None,
    }
}

fn parts(texts: &StringViewArray, part: impl for<'a> Fn(&'a str) -> &'a str) -> ArrayRef {
    let mut builder = StringViewBuilder::with_capacity(texts.len());
    for text in texts {
        builder.append_option(text.map(&part));
    }
    Arc::new(builder.finish())
}
