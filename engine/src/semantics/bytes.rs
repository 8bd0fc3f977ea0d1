//! Texts as bytes, in the spellings of PostgreSQL and DuckDB.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryViewBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use crate::error::Result;

/// Texts as bytes: `\xdead` is two bytes, as in PostgreSQL, and so is `\xde\xad`, as in DuckDB; any other text is its own UTF-8.
pub(super) fn of_texts(array: &ArrayRef) -> Result<ArrayRef> {
    let texts = cast(array, &DataType::Utf8View)?;
    let mut bytes = BinaryViewBuilder::with_capacity(texts.len());
    for text in texts.as_string_view() {
        match text.map(|text| (text, text.strip_prefix("\\x").and_then(hex).or_else(|| unescaped(text)))) {
            None => bytes.append_null(),
            Some((_, Some(decoded))) => bytes.append_value(decoded),
            Some((text, None)) => bytes.append_value(text),
        }
    }
    Ok(Arc::new(bytes.finish()))
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect::<Option<Vec<u8>>>()?;
    (digits.len() % 2 == 0).then(|| digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// The bytes of a text in which every backslash begins one of `\x` and two digits; none if there is no such one, or another.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let (first, rest) = text.split_once('\\')?;
    let mut bytes = first.as_bytes().to_vec();
    for part in rest.split('\\') {
        bytes.extend(hex(part.strip_prefix('x')?.get(..2)?)?);
        bytes.extend_from_slice(&part.as_bytes()[3..]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_bytes_where_all_of_them_are_whole() {
        for (text, expected) in [
            ("\\xAA\\x41", Some(vec![0xaa, 0x41])),
            ("a\\x00b", Some(vec![b'a', 0, b'b'])),
            ("a\\xZZ", None),
            ("a\\n", None),
            ("plain", None),
        ] {
            assert_eq!(unescaped(text), expected, "{text}");
        }
    }
}
