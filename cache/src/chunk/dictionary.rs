//! Strings as codes into a dictionary of the distinct ones. A predicate on the column is evaluated once for each distinct string.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringViewArray, UInt32Array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Int32Type};
use arrow::error::ArrowError;

use super::Rows;
use crate::bits::Bits;

/// Codes and what they stand for.
#[derive(Debug)]
pub struct Dictionary {
    codes: Codes,
    /// What the codes stand for; not necessarily in order, and perhaps with strings that no row has.
    values: ArrayRef,
}

#[derive(Debug)]
enum Codes {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
}

/// Runs an expression with the codes, whatever their width.
macro_rules! each_width {
    ($codes:expr, $values:ident => $body:expr) => {
        match $codes {
            Codes::U8($values) => $body,
            Codes::U16($values) => $body,
            Codes::U32($values) => $body,
        }
    };
}

impl Dictionary {
    /// The dictionary of an array of `Dictionary(Int32, Utf8)`, and which rows are NULL; `None` if it is of another type, or has a NULL among its values.
    pub(super) fn new(array: &ArrayRef) -> Result<Option<(Self, Option<NullBuffer>)>, ArrowError> {
        let Some(array) = array.as_dictionary_opt::<Int32Type>() else { return Ok(None) };
        let values = array.values();
        if values.data_type() != &DataType::Utf8 || values.null_count() > 0 {
            return Ok(None);
        }
        let nulls = array.keys().nulls().filter(|nulls| nulls.null_count() > 0).cloned();
        let code = |row: usize, key: &i32| match &nulls {
            Some(nulls) if nulls.is_null(row) => 0,
            _ => key.cast_unsigned(),
        };
        let codes = array.keys().values().iter().enumerate().map(|(row, key)| code(row, key));
        // Each fits, as all are below the number of values.
        #[allow(clippy::cast_possible_truncation)]
        let codes = match values.len() {
            0..=0x100 => Codes::U8(codes.map(|code| code as u8).collect()),
            0x101..=0x1_0000 => Codes::U16(codes.map(|code| code as u16).collect()),
            _ => Codes::U32(codes.collect()),
        };
        let values = Arc::new(StringViewArray::from(values.as_string::<i32>()));
        Ok(Some((Self { codes, values }, nulls)))
    }

    /// What the codes stand for.
    pub fn values(&self) -> &ArrayRef {
        &self.values
    }

    /// Bytes in memory.
    pub(super) fn memory_size(&self) -> usize {
        self.values.get_array_memory_size() + each_width!(&self.codes, codes => size_of_val(codes.as_slice()))
    }

    /// Keeps, in the bits of one batch, the rows whose string's answer is true. `answers` has one for each of the values. NULLs are not looked at.
    pub(crate) fn keep_if(&self, range: &Range<usize>, answers: &[bool], mask: &mut Bits) {
        if answers.is_empty() {
            // All rows are NULL.
            return mask.clear(range);
        }
        each_width!(&self.codes, codes => mask.and_each(range, &codes[range.clone()], |code| answers[code as usize]));
    }

    /// The answers to a predicate as [`Dictionary::keep_if`] wants them: NULL is no.
    pub(crate) fn answers(answers: &BooleanArray) -> Vec<bool> {
        answers.iter().map(|answer| answer == Some(true)).collect()
    }

    #[allow(clippy::useless_conversion, reason = "one of the widths is what they become")]
    pub(super) fn gather(&self, rows: Rows<'_>, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        if self.values.is_empty() {
            return Ok(Arc::new(StringViewArray::new_null(rows.len())));
        }
        let codes: Vec<u32> = each_width!(&self.codes, codes => match rows {
            Rows::Range(start, end) => codes[start..end].iter().map(|code| u32::from(*code)).collect(),
            Rows::Indices(indices) => indices.iter().map(|row| u32::from(codes[*row as usize])).collect(),
        });
        take(&self.values, &UInt32Array::new(codes.into(), nulls), None)
    }
}
