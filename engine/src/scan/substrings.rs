//! `LIKE '%a%b%'`: strings that have some pieces one behind the other. DataFusion makes a regular expression of it; searching piece by piece is quicker.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::buffer::BooleanBuffer;
use clouddb_cache::Expression;
use clouddb_cache::predicate::ExpressionError;
use memchr::memmem::Finder;

/// A column of strings that have, or do not have, pieces one behind the other.
#[derive(Debug)]
pub(super) struct Substrings {
    column: [usize; 1],
    pieces: Vec<Finder<'static>>,
    negated: bool,
}

impl Substrings {
    /// What a pattern asks for; `None` if it is of another kind: it must begin and end with `%`, and have no `_` and no escape.
    pub(super) fn of_pattern(column: usize, pattern: &str, negated: bool) -> Option<Self> {
        let inner = pattern.strip_prefix('%')?.strip_suffix('%')?;
        if inner.contains(['_', '\\']) {
            return None;
        }
        let pieces = inner.split('%').filter(|piece| !piece.is_empty()).map(|piece| Finder::new(piece).into_owned()).collect();
        Some(Self { column: [column], pieces, negated })
    }

    fn has(&self, text: &[u8]) -> bool {
        let mut rest = text;
        self.pieces.iter().all(|piece| match piece.find(rest) {
            Some(at) => {
                rest = &rest[at + piece.needle().len()..];
                true
            }
            None => false,
        })
    }
}

impl Expression for Substrings {
    fn columns(&self) -> &[usize] {
        &self.column
    }

    fn may_fail(&self) -> bool {
        false
    }

    fn evaluate(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<BooleanArray, ExpressionError> {
        let column = columns.first().and_then(|column| column.as_string_view_opt()).ok_or("LIKE is asked of a column that is no string")?;
        let answers =
            BooleanBuffer::collect_bool(rows, |row| column.is_valid(row) && self.has(column.value(row).as_bytes()) != self.negated);
        Ok(BooleanArray::new(answers, column.nulls().cloned()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::StringViewArray;

    use super::*;

    #[test]
    fn pieces_stand_one_behind_the_other() {
        let texts =
            ["", "ab", "a b", "ba", "xaxbx", "aab", "abab", "special requests", "specialrequests special", "requests special", "äöü"];
        let column: ArrayRef = Arc::new(texts.iter().map(|text| Some(*text)).chain([None]).collect::<StringViewArray>());
        for pattern in ["%a%b%", "%ab%", "%special%requests%", "%%", "%a%a%", "%ö%", "%b%a%b%"] {
            let expected = |text: &str| {
                let pieces: Vec<_> = pattern.split('%').filter(|piece| !piece.is_empty()).collect();
                let mut at = 0;
                pieces.iter().all(|piece| text[at..].find(piece).map(|found| at += found + piece.len()).is_some())
            };
            for negated in [false, true] {
                let Some(like) = Substrings::of_pattern(0, pattern, negated) else { panic!("{pattern}") };
                let Ok(answers) = like.evaluate(vec![Arc::clone(&column)], column.len()) else { panic!("{pattern}") };
                let all: Vec<_> = texts.iter().map(|text| Some(expected(text) != negated)).chain([None]).collect();
                assert_eq!(answers.iter().collect::<Vec<_>>(), all, "{pattern} {negated}");
            }
        }
        for other in ["a%", "%a", "%a_b%", "%a\\%%", "a", "%"] {
            assert!(Substrings::of_pattern(0, other, false).is_none(), "{other}");
        }
    }
}
