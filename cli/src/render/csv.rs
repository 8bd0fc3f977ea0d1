//! Comma-separated values as RFC 4180 has them, with lines that end in a newline alone.
//!
//! NULL is an empty field, an empty string is `""`: what was written can be read back. Nested values are written as a box shows them.

use std::io::Write;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;

use super::{Renderer, values};
use crate::failure::Result;

/// Writes one result as CSV.
pub(super) struct Csv;

impl Csv {
    /// Begins a result: writes its header line.
    pub(super) fn start(schema: &SchemaRef, out: &mut dyn Write) -> Result<Self> {
        let mut line = String::new();
        for (index, field) in schema.fields().iter().enumerate() {
            if index > 0 {
                line.push(',');
            }
            push_field(field.name(), &mut line);
        }
        line.push('\n');
        out.write_all(line.as_bytes())?;
        Ok(Self)
    }
}

impl Renderer for Csv {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<()> {
        let schema = batch.schema();
        let options = values::options("NULL");
        let columns = schema
            .fields()
            .iter()
            .zip(batch.columns())
            .map(|(field, array)| Ok((values::formatter(field, array, &options)?, array.logical_nulls())))
            .collect::<Result<Vec<_>>>()?;
        let mut line = String::new();
        let mut value = String::new();
        for row in 0..batch.num_rows() {
            line.clear();
            for (index, (formatter, nulls)) in columns.iter().enumerate() {
                if index > 0 {
                    line.push(',');
                }
                if !nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                    value.clear();
                    formatter.value(row).write(&mut value)?;
                    push_field(&value, &mut line);
                }
            }
            line.push('\n');
            out.write_all(line.as_bytes())?;
        }
        Ok(())
    }

    fn finish(&mut self, _out: &mut dyn Write) -> Result<()> {
        Ok(())
    }
}

/// Adds a field, in quotes where it must have them.
fn push_field(value: &str, line: &mut String) {
    let is_plain = !value.is_empty() && !value.contains([',', '"', '\n', '\r']) && !value.starts_with(' ') && !value.ends_with(' ');
    if is_plain {
        line.push_str(value);
        return;
    }
    line.push('"');
    for part in value.split_inclusive('"') {
        line.push_str(part);
        if part.ends_with('"') {
            line.push('"');
        }
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use arrow::array::{Int64Array, StringViewArray};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    #[test]
    fn quotes_only_where_needed_and_nulls_apart_from_empty_strings() {
        let schema = Arc::new(Schema::new(vec![Field::new("a,b", DataType::Int64, true), Field::new("s", DataType::Utf8View, true)]));
        let numbers = Int64Array::from(vec![Some(1), None, Some(-3), Some(4)]);
        let strings = StringViewArray::from(vec![Some("plain"), Some(""), None, Some("say \"hi\",\nthen go")]);
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(numbers), Arc::new(strings)]).unwrap();
        let mut out = Vec::new();
        let mut csv = Csv::start(&schema, &mut out).unwrap();
        csv.batch(&batch, &mut out).unwrap();
        csv.finish(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "\"a,b\",s\n1,plain\n,\"\"\n-3,\n4,\"say \"\"hi\"\",\nthen go\"\n");
    }
}
