//! Values in columns of one width, all rows: `table`, `column` and `markdown`.
//!
//! Widths are those of the first rows; a longer value further down pushes its line out, so that a result of any length needs little memory.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use unicode_width::UnicodeWidthStr;

use super::{Renderer, Style, cells, printable, types};
use crate::failure::Result;

/// Rows that are looked at before the first is written.
const SAMPLE: usize = 1000;

/// What is drawn around values.
#[derive(Debug)]
pub(super) struct Drawing {
    left: &'static str,
    between: &'static str,
    right: &'static str,
    /// Left, filling, between, right of the line below the names; and whether it stands above and below all, too.
    rule: (&'static str, char, &'static str, &'static str),
    is_framed: bool,
    is_markdown: bool,
}

pub(super) const TABLE: Drawing =
    Drawing { left: "| ", between: " | ", right: " |", rule: ("+-", '-', "-+-", "-+"), is_framed: true, is_markdown: false };

pub(super) const COLUMN: Drawing =
    Drawing { left: "", between: "  ", right: "", rule: ("", '-', "  ", ""), is_framed: false, is_markdown: false };

pub(super) const MARKDOWN: Drawing =
    Drawing { left: "| ", between: " | ", right: " |", rule: ("| ", '-', " | ", " |"), is_framed: false, is_markdown: true };

struct Column {
    name: String,
    is_right_aligned: bool,
    width: usize,
}

/// Writes one result.
pub(super) struct Aligned {
    drawing: &'static Drawing,
    columns: Vec<Column>,
    /// Rows that wait for the widths.
    waiting: Option<Vec<Vec<String>>>,
    null: String,
    headers: bool,
}

impl Aligned {
    pub(super) fn new(schema: &SchemaRef, drawing: &'static Drawing, style: &Style) -> Self {
        let null = style.null.clone().unwrap_or_else(|| "NULL".to_owned());
        let columns = schema.fields().iter().enumerate().map(|(index, field)| {
            let name = escaped(field.name(), drawing);
            let width = if style.headers || drawing.is_markdown { name.width() } else { 0 };
            let wanted = style.widths.get(index).copied().unwrap_or(0);
            Column { width: width.max(wanted).max(3), name, is_right_aligned: types::is_right_aligned(field.data_type()) }
        });
        // Markdown has no table without names.
        Self { drawing, columns: columns.collect(), waiting: Some(Vec::new()), null, headers: style.headers || drawing.is_markdown }
    }

    fn rule(&self) -> String {
        let (left, filling, between, right) = self.drawing.rule;
        let parts: Vec<String> = self
            .columns
            .iter()
            .map(|column| {
                let mut part = filling.to_string().repeat(column.width);
                if self.drawing.is_markdown && column.is_right_aligned {
                    part.pop();
                    part.push(':');
                }
                part
            })
            .collect();
        format!("{left}{}{right}\n", parts.join(between))
    }

    fn line(&self, cells: &[String]) -> String {
        let parts: Vec<String> = cells
            .iter()
            .zip(&self.columns)
            .map(|(cell, column)| {
                let fill = " ".repeat(column.width.saturating_sub(cell.width()));
                if column.is_right_aligned { format!("{fill}{cell}") } else { format!("{cell}{fill}") }
            })
            .collect();
        let line = format!("{}{}{}", self.drawing.left, parts.join(self.drawing.between), self.drawing.right);
        format!("{}\n", line.trim_end())
    }

    /// Writes what waited, with the widths that it needs.
    fn begin(&mut self, out: &mut dyn Write) -> Result<()> {
        let Some(rows) = self.waiting.take() else { return Ok(()) };
        for (index, column) in self.columns.iter_mut().enumerate() {
            column.width = rows.iter().map(|row| row[index].width()).fold(column.width, usize::max);
        }
        if self.drawing.is_framed {
            out.write_all(self.rule().as_bytes())?;
        }
        if self.headers {
            let names: Vec<String> = self.columns.iter().map(|column| column.name.clone()).collect();
            out.write_all((self.line(&names) + &self.rule()).as_bytes())?;
        }
        for row in rows {
            out.write_all(self.line(&row).as_bytes())?;
        }
        Ok(())
    }
}

fn escaped(text: &str, drawing: &Drawing) -> String {
    let text = printable::escaped(text);
    if drawing.is_markdown { text.replace('|', "\\|") } else { text.into_owned() }
}

impl Renderer for Aligned {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<()> {
        let columns = cells::columns(batch, &self.null)?;
        for row in 0..batch.num_rows() {
            let cells = columns.iter().map(|column| match &column[row] {
                Some(value) => escaped(value, self.drawing),
                None => self.null.clone(),
            });
            let cells: Vec<String> = cells.collect();
            match &mut self.waiting {
                Some(waiting) => waiting.push(cells),
                None => out.write_all(self.line(&cells).as_bytes())?,
            }
            if self.waiting.as_ref().is_some_and(|waiting| waiting.len() >= SAMPLE) {
                self.begin(out)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> Result<()> {
        self.begin(out)?;
        if self.drawing.is_framed {
            out.write_all(self.rule().as_bytes())?;
        }
        Ok(())
    }
}
