//! Values with a sign between them, a row a line: `list`, `tsv` and `ascii`.
//!
//! Tabs are written so that they can be read again: what would end a value or a row is escaped with a backslash, and NULL is `\N`, as PostgreSQL writes
//! them; `list` writes values as they are.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::{Renderer, Style, cells};
use crate::failure::Result;

/// What stands between values and rows.
#[derive(Debug, Clone)]
pub(super) struct Signs {
    between: String,
    end: String,
    null: String,
    escapes: bool,
}

impl Signs {
    pub(super) fn tabs(style: &Style) -> Self {
        let null = style.null.clone().unwrap_or_else(|| "\\N".to_owned());
        Self { between: "\t".to_owned(), end: "\n".to_owned(), null, escapes: true }
    }

    pub(super) fn bars(style: &Style) -> Self {
        Self {
            between: style.separator.clone().unwrap_or_else(|| "|".to_owned()),
            end: style.row_separator.clone().unwrap_or_else(|| "\n".to_owned()),
            null: style.visible_null().to_owned(),
            escapes: false,
        }
    }

    pub(super) fn control() -> Self {
        Self { between: "\u{1f}".to_owned(), end: "\u{1e}".to_owned(), null: String::new(), escapes: false }
    }
}

/// Writes one result.
pub(super) struct List(Signs);

impl List {
    /// Begins a result: writes the names of its columns.
    pub(super) fn start(schema: &SchemaRef, signs: &Signs, style: &Style, out: &mut dyn Write) -> Result<Self> {
        let list = Self(signs.clone());
        if style.headers {
            let names: Vec<String> = schema.fields().iter().map(|field| list.value(field.name())).collect();
            out.write_all((names.join(&list.0.between) + &list.0.end).as_bytes())?;
        }
        Ok(list)
    }

    fn value(&self, value: &str) -> String {
        match self.0.escapes && value.contains(['\\', '\t', '\n', '\r']) {
            true => value.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r"),
            false => value.to_owned(),
        }
    }
}

impl Renderer for List {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<()> {
        let columns = cells::columns(batch, "NULL")?;
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            for (index, column) in columns.iter().enumerate() {
                if index > 0 {
                    text.push_str(&self.0.between);
                }
                match &column[row] {
                    Some(value) => text.push_str(&self.value(value)),
                    None => text.push_str(&self.0.null),
                }
            }
            text.push_str(&self.0.end);
        }
        out.write_all(text.as_bytes())?;
        Ok(())
    }

    fn finish(&mut self, _: &mut dyn Write) -> Result<()> {
        Ok(())
    }
}
