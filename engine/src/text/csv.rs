//! Comma-separated values as RFC 4180 has them, with lines that end in a newline alone.
//!
//! NULL is an empty field, an empty string is `""`: what was written can be read back. Nested values are written as a box shows them.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::Schema;
use arrow::error::ArrowError;

use super::values::{self, Formats};

/// The signs that CSV is written with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Style {
    /// What stands between values.
    pub delimiter: u8,
    /// What stands around values that would be misunderstood without.
    pub quote: u8,
    /// What stands before a quote, and before itself, within quotes.
    pub escape: u8,
    /// What stands for NULL, without quotes.
    pub null: String,
    /// Columns whose values are always in quotes; none if empty.
    pub force_quote: Vec<bool>,
    /// How dates and times are written.
    pub formats: Formats,
}

impl Default for Style {
    fn default() -> Self {
        Self { delimiter: b',', quote: b'"', escape: b'"', null: String::new(), force_quote: vec![], formats: Formats::default() }
    }
}

impl Style {
    /// Adds the line of names.
    pub fn push_header(&self, schema: &Schema, out: &mut Vec<u8>) {
        for (index, field) in schema.fields().iter().enumerate() {
            if index > 0 {
                out.push(self.delimiter);
            }
            self.push_field(field.name(), false, out);
        }
        out.push(b'\n');
    }

    /// Adds a line for every row.
    ///
    /// # Errors
    /// Arrow's, for a value that it cannot format.
    pub fn push_rows(&self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ArrowError> {
        let schema = batch.schema();
        let options = self.formats.apply(values::options("NULL"));
        let columns = schema
            .fields()
            .iter()
            .zip(batch.columns())
            .map(|(field, array)| Ok((values::formatter(field, array, &options)?, array.logical_nulls())))
            .collect::<Result<Vec<_>, ArrowError>>()?;
        let mut value = String::new();
        for row in 0..batch.num_rows() {
            for (index, (formatter, nulls)) in columns.iter().enumerate() {
                if index > 0 {
                    out.push(self.delimiter);
                }
                match nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                    true => out.extend_from_slice(self.null.as_bytes()),
                    false => {
                        value.clear();
                        formatter.value(row).write(&mut value)?;
                        self.push_field(&value, self.force_quote.get(index) == Some(&true), out);
                    }
                }
            }
            out.push(b'\n');
        }
        Ok(())
    }

    /// Adds a field, in quotes where it must have them.
    fn push_field(&self, value: &str, is_forced: bool, out: &mut Vec<u8>) {
        let is_special = |byte: u8| byte == self.delimiter || byte == self.quote || matches!(byte, b'\n' | b'\r');
        let is_plain = !is_forced
            && !value.is_empty()
            && value != self.null
            && !value.bytes().any(is_special)
            && !value.starts_with([' ', '\u{feff}'])
            && !value.ends_with(' ');
        if is_plain {
            out.extend_from_slice(value.as_bytes());
            return;
        }
        out.push(self.quote);
        for byte in value.bytes() {
            if byte == self.quote || byte == self.escape {
                out.push(self.escape);
            }
            out.push(byte);
        }
        out.push(self.quote);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use arrow::array::{Int64Array, StringViewArray};
    use arrow::datatypes::{DataType, Field};

    use super::*;

    fn written(style: &Style) -> String {
        let schema = Arc::new(Schema::new(vec![Field::new("a,b", DataType::Int64, true), Field::new("s", DataType::Utf8View, true)]));
        let numbers = Int64Array::from(vec![Some(1), None, Some(-3), Some(4), Some(5)]);
        let strings = StringViewArray::from(vec![Some("plain"), Some(""), None, Some("say \"hi\",\nthen go"), Some("NA")]);
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(numbers), Arc::new(strings)]).unwrap();
        let mut out = Vec::new();
        style.push_header(&schema, &mut out);
        style.push_rows(&batch, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn quotes_only_where_needed_and_nulls_apart_from_empty_strings() {
        let text = written(&Style::default());
        assert_eq!(text, "\"a,b\",s\n1,plain\n,\"\"\n-3,\n4,\"say \"\"hi\"\",\nthen go\"\n5,NA\n");
    }

    #[test]
    fn other_signs_are_heeded() {
        let style = Style { delimiter: b';', quote: b'\'', escape: b'\\', null: "NA".to_owned(), ..Style::default() };
        assert_eq!(written(&style), "a,b;s\n1;plain\nNA;''\n-3;NA\n4;'say \"hi\",\nthen go'\n5;'NA'\n");
    }
}
