//! UUIDs: from text to 16 bytes and back.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeBinaryBuilder, StringViewBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use crate::error::{Error, Result};

/// The 16 bytes that a text in any of the usual spellings stands for: with or without hyphens, in braces, in either case.
pub(crate) fn parse(text: &str) -> Option<[u8; 16]> {
    let text = text.trim();
    let text = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    let digits: Vec<u8> = match text.len() {
        36 => {
            let hyphens_fit = text.bytes().enumerate().all(|(at, byte)| matches!(at, 8 | 13 | 18 | 23) == (byte == b'-'));
            if !hyphens_fit {
                return None;
            }
            text.bytes().filter(|byte| *byte != b'-').collect()
        }
        32 => text.bytes().collect(),
        _ => return None,
    };
    let mut bytes = [0u8; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(bytes)
}

/// The canonical spelling of 16 bytes.
pub(crate) fn format(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// An array of texts, or of 16 bytes already, as UUIDs.
///
/// # Errors
/// *Invalid* names the first text that is no UUID.
pub(crate) fn from_array(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::FixedSizeBinary(16) => return Ok(Arc::clone(array)),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {}
        DataType::Dictionary(_, values) if values.is_string() => {}
        other => return Err(Error::invalid(format!("a value of type {other} is no UUID")).with_hint("a UUID is written as text")),
    }
    let texts = cast(array, &DataType::Utf8View)?;
    let texts = texts.as_string_view();
    let mut uuids = FixedSizeBinaryBuilder::with_capacity(texts.len(), 16);
    for text in texts {
        match text {
            None => uuids.append_null(),
            Some(text) => uuids.append_value(parse(text).ok_or_else(|| Error::invalid(format!("'{text}' is no UUID")))?)?,
        }
    }
    Ok(Arc::new(uuids.finish()))
}

/// UUIDs as texts.
pub(crate) fn to_text(array: &ArrayRef) -> Result<ArrayRef> {
    let uuids = array.as_fixed_size_binary_opt().ok_or_else(|| Error::internal(format!("{} is no UUID", array.data_type())))?;
    let mut texts = StringViewBuilder::with_capacity(uuids.len());
    uuids.iter().for_each(|bytes| texts.append_option(bytes.map(format)));
    Ok(Arc::new(texts.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_are_one() {
        let text = "123e4567-e89b-12d3-a456-426614174000";
        for spelling in [text.to_owned(), text.to_uppercase(), text.replace('-', ""), format!("{{{text}}}"), format!(" {text} ")] {
            assert_eq!(parse(&spelling).map(|bytes| super::format(&bytes)).as_deref(), Some(text), "{spelling}");
        }
        for wrong in [
            "",
            "123",
            "123e4567-e89b-12d3-a456-42661417400g",
            "123e4567e89b-12d3-a456-4266-14174000",
            "ä23e4567-e89b-12d3-a456-4266141740",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
