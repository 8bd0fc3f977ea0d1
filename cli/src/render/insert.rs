//! A result as INSERT statements, which can be run again: what `.mode insert` and `.dump` write.

use std::io::Write;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, SchemaRef};
use clouddb_engine::text::values;

use super::{Renderer, Style, cells, types};
use crate::failure::Result;
use crate::words::quoted_name;

/// Rows of one statement: few statements load quickly, and each is still shorter than what a parser takes gladly.
const ROWS: usize = 500;

/// Writes one result.
pub(super) struct Insert {
    /// What each statement begins with.
    beginning: String,
    /// How each column's values are written.
    forms: Vec<Form>,
}

/// How values of a type are written.
enum Form {
    /// As they are.
    Bare,
    /// Numbers that may be no number.
    Float,
    /// In quotes.
    Quoted,
    /// In quotes, with the type behind.
    Cast(String),
    /// A list, a struct or a map: each value by its own type.
    Nested,
}

impl Form {
    fn of(field: &Field) -> Self {
        match field.data_type() {
            DataType::Boolean | DataType::Null => Self::Bare,
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Self::Float,
            data_type if data_type.is_numeric() => Self::Bare,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Quoted,
            data_type if data_type.is_nested() => Self::Nested,
            _ => Self::Cast(types::type_name(field).to_uppercase()),
        }
    }
}

impl Insert {
    pub(super) fn new(schema: &SchemaRef, style: &Style) -> Self {
        let names: Vec<String> = schema.fields().iter().map(|field| quoted_name(field.name())).collect();
        let beginning = format!("INSERT INTO {} ({}) VALUES", style.table, names.join(", "));
        let forms = schema.fields().iter().map(|field| Form::of(field)).collect();
        Self { beginning, forms }
    }
}

fn literal(value: &str, form: &Form) -> String {
    let quoted = || format!("'{}'", value.replace('\'', "''"));
    match form {
        Form::Float if value.parse::<f64>().is_ok_and(f64::is_finite) => value.to_owned(),
        Form::Float => format!("CAST({} AS DOUBLE)", quoted()),
        Form::Bare | Form::Nested => value.to_owned(),
        Form::Quoted => quoted(),
        Form::Cast(data_type) => format!("CAST({} AS {data_type})", quoted()),
    }
}

/// A value of a list, a struct or a map as SQL writes it.
fn nested(field: &Field, array: &ArrayRef, row: usize) -> Result<String> {
    if array.is_null(row) {
        return Ok("NULL".to_owned());
    }
    let all = |field: &Field, values: ArrayRef| (0..values.len()).map(|at| nested(field, &values, at)).collect::<Result<Vec<_>>>();
    Ok(match array.data_type() {
        DataType::List(item) => format!("[{}]", all(item, array.as_list::<i32>().value(row))?.join(", ")),
        DataType::LargeList(item) => format!("[{}]", all(item, array.as_list::<i64>().value(row))?.join(", ")),
        DataType::FixedSizeList(item, _) => format!("[{}]", all(item, array.as_fixed_size_list().value(row))?.join(", ")),
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(array.as_struct().columns());
            let values =
                columns.map(|(field, column)| Ok(format!("{}: {}", literal(field.name(), &Form::Quoted), nested(field, column, row)?)));
            format!("{{{}}}", values.collect::<Result<Vec<_>>>()?.join(", "))
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let [key, value] = [0, 1].map(|at| (&entries.fields()[at], entries.column(at)));
            let pairs = (0..entries.len()).map(|at| Ok(format!("{}: {}", nested(key.0, key.1, at)?, nested(value.0, value.1, at)?)));
            format!("MAP {{{}}}", pairs.collect::<Result<Vec<_>>>()?.join(", "))
        }
        _ => {
            let text = values::formatter(field, array, &values::options("NULL"))?.value(row).try_to_string()?;
            literal(&text, &Form::of(field))
        }
    })
}

impl Renderer for Insert {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<()> {
        let mut columns = cells::columns(batch, "NULL")?;
        let schema = batch.schema();
        for (index, (field, array)) in schema.fields().iter().zip(batch.columns()).enumerate() {
            if matches!(self.forms[index], Form::Nested) {
                columns[index] = (0..array.len()).map(|row| nested(field, array, row).map(Some)).collect::<Result<_>>()?;
            }
        }
        for first in (0..batch.num_rows()).step_by(ROWS) {
            writeln!(out, "{}", self.beginning)?;
            let end = (first + ROWS).min(batch.num_rows());
            for row in first..end {
                let values = columns.iter().zip(&self.forms).map(|(column, form)| match &column[row] {
                    Some(value) => literal(value, form),
                    None => "NULL".to_owned(),
                });
                let values: Vec<String> = values.collect();
                writeln!(out, "  ({}){}", values.join(", "), if row + 1 == end { ";" } else { "," })?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut dyn Write) -> Result<()> {
        Ok(())
    }
}
