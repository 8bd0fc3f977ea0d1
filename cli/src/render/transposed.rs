//! A box turned round: a line for each column, and a column for each of the first rows.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::boxed::Boxed;
use super::{BoxOptions, Renderer, Style, cells, types, units};
use crate::failure::Result;

/// Writes one result.
pub(super) struct Transposed {
    schema: SchemaRef,
    style: Style,
    /// The shown rows' values, column by column.
    values: Vec<Vec<Option<String>>>,
    rows: u64,
}

impl Transposed {
    pub(super) fn new(schema: &SchemaRef, style: &Style) -> Self {
        Self { schema: Arc::clone(schema), style: style.clone(), values: vec![Vec::new(); schema.fields().len()], rows: 0 }
    }

    fn shown(&self) -> usize {
        self.values.first().map_or(0, Vec::len)
    }
}

impl Renderer for Transposed {
    fn batch(&mut self, batch: &RecordBatch, _: &mut dyn Write) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        let free = match self.style.boxes.max_rows {
            0 => batch.num_rows(),
            most => most.saturating_sub(self.shown()).min(batch.num_rows()),
        };
        let found = cells::columns(&batch.slice(0, free), self.style.visible_null())?;
        self.values.iter_mut().zip(found).for_each(|(column, found)| column.extend(found));
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> Result<()> {
        let fields = self.schema.fields();
        let mut names = vec!["column".to_owned(), "type".to_owned()];
        names.extend((1..=self.shown()).map(|row| format!("row {row}")));
        let text = |name: &String| Field::new(name, DataType::Utf8, true);
        let schema: SchemaRef = Arc::new(Schema::new(names.iter().map(text).collect::<Vec<_>>()));
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(fields.iter().map(|field| Some(field.name().clone())).collect::<StringArray>()),
            Arc::new(fields.iter().map(|field| Some(types::type_name(field))).collect::<StringArray>()),
        ];
        for row in 0..self.shown() {
            columns.push(Arc::new(self.values.iter().map(|column| column[row].clone()).collect::<StringArray>()));
        }
        // Every column of the result is a row here, and none is left out.
        let style = Style { boxes: BoxOptions { max_rows: 0, ..self.style.boxes }, ..self.style.clone() };
        let mut boxed = Boxed::new(&schema, &style).without_types();
        boxed.batch(&RecordBatch::try_new(schema, columns)?, out)?;
        boxed.finish(out)?;
        if self.rows > self.shown() as u64 {
            writeln!(out, "  {} ({} shown)", units::counted(self.rows, "row"), self.shown())?;
        }
        Ok(())
    }
}
