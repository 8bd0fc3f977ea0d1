//! Whether files begin with a line of names.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray};
use arrow::datatypes::{DataType, Field, Schema};

use super::dialect::Dialect;
use super::infer::Guess;
use super::records::{self, Span, Text};
use crate::error::Result;
use crate::files::Options;
use crate::files::split::Chunk;
use crate::semantics::assignment;

/// Rows below the first that are looked at for the types of given columns.
const ROWS: usize = 100;

/// Texts that people write for what they do not know: a first row of them is no header.
const UNKNOWN: [&str; 9] = ["na", "n/a", "nan", "null", "none", "-", "?", "\\n", "."];

/// The names of a header.
pub(super) fn names(chunk: &Chunk, dialect: &Dialect, spans: &[Span]) -> Vec<String> {
    records::texts(chunk, dialect, spans).into_iter().map(|value| value.text.trim().to_owned()).collect()
}

/// Whether the first record is a header, where the columns are not known: something stands in it that its column cannot be, or all is text and looks like
/// names.
pub(super) fn is_guessed(rows: &[Vec<Text>], dialect: &Dialect, options: &Options) -> Result<bool> {
    let Some((first, rest)) = rows.split_first() else { return Ok(false) };
    let is_unknown =
        |value: &Text| UNKNOWN.contains(&value.text.trim().to_ascii_lowercase().as_str()) || dialect.is_null(value.text.as_bytes());
    let mut all_text = true;
    for (at, value) in first.iter().enumerate() {
        let column: Vec<&Text> = rest.iter().filter_map(|row| row.get(at)).collect();
        let guess = guess(&column, dialect, options)?;
        if !is_unknown(value) && guess.excludes(&value.text) {
            return Ok(true);
        }
        let alone = self::guess(&[value], dialect, options)?;
        all_text &= alone.outcome(false).0 == DataType::Utf8View;
    }
    let distinct: HashSet<&str> = first.iter().map(|value| value.text.as_str()).collect();
    let is_named = first.iter().all(|value| !value.text.trim().is_empty()) && (distinct.len() == first.len() || !rest.contains(first));
    Ok(all_text && is_named)
}

/// Whether the first record is a header, where the columns are known: it has their names, or it is names, and cannot be a row as those below it can.
pub(super) fn is_above(rows: &[Vec<Text>], given: &Schema, dialect: &Dialect, options: &Options) -> Result<bool> {
    let Some((first, rest)) = rows.split_first() else { return Ok(false) };
    let is_column = |text: &Text| given.fields().iter().any(|field| field.name().eq_ignore_ascii_case(text.text.trim()));
    if first.iter().all(is_column) {
        return Ok(true);
    }
    for value in first {
        // A number is the name of nothing: a row with a wrong value is an error, and no header.
        if value.text.trim().is_empty() || guess(&[value], dialect, options)?.outcome(false).0 != DataType::Utf8View {
            return Ok(false);
        }
    }
    let rest = &rest[..rest.len().min(ROWS)];
    let is_other = !rest.is_empty()
        && given.fields().iter().enumerate().any(|(at, field)| {
            let below = rest.iter().filter_map(|row| row.get(at));
            first.get(at).is_some_and(|value| !fits([value].into_iter(), field, dialect)) && fits(below, field, dialect)
        });
    Ok(is_other)
}

fn fits<'a>(values: impl Iterator<Item = &'a Text>, field: &Field, dialect: &Dialect) -> bool {
    let text = |value: &'a Text| (!value.text.trim().is_empty() && !dialect.is_null(value.text.as_bytes())).then(|| value.text.trim());
    let texts: ArrayRef = Arc::new(values.map(text).collect::<StringViewArray>());
    assignment::conform(&texts, &Field::new("", DataType::Utf8View, true), field).is_ok()
}

fn guess(values: &[&Text], dialect: &Dialect, options: &Options) -> Result<Guess> {
    let mut guess = Guess::any(options, dialect.delimiter)?;
    let texts: Vec<&str> = values.iter().filter(|value| !dialect.is_null(value.text.as_bytes())).map(|value| value.text.as_str()).collect();
    guess.look(&texts);
    Ok(guess)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rows(text: &str) -> Vec<Vec<Text>> {
        text.lines().map(|line| line.split(',').map(|text| Text { text: text.to_owned(), quoted: false }).collect()).collect()
    }

    #[test]
    fn headers_are_told_from_rows() {
        for (text, expected) in [
            ("1,x\n2,y", false),
            ("a,b\nx,y", true),
            ("a,a,\n1,2,3", true),
            ("x,x\ny,y", true),
            ("id,2024,2025\n1,5,6", true),
            ("1,2\n3,4", false),
            ("N/A,5\n1,6\n2,7", false),
            ("id,name", true),
            ("1,Ada,1815-12-10\n2,Grace,1906-12-09", false),
            ("word\nalpha", true),
            ("", false),
        ] {
            assert_eq!(is_guessed(&rows(text), &Dialect::default(), &Options::default()).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn headers_are_told_from_rows_of_known_columns() {
        let given = Schema::new(vec![Field::new("id", DataType::Int32, true), Field::new("name", DataType::Utf8View, true)]);
        for (text, expected) in [
            ("ID,name\n1,x", true),
            ("number,word\n1,x", true),
            ("1,x\n2,y", false),
            ("x,y\nz,w", false),
            ("x,5\n1,y", false),
            ("id", true),
        ] {
            let found = is_above(&rows(text), &given, &Dialect::default(), &Options::default()).unwrap();
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
