//! Makes a batch's columns those of a table: same number, same types but for Arrow's memory layout, no NULL where none may be.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, FieldRef};

use crate::catalog::{Column, TableMeta, types};
use crate::error::{Error, Result};

/// A value that does not fit is an error, not a NULL.
pub(super) const STRICT: CastOptions<'static> = CastOptions { safe: false, format_options: arrow::util::display::FormatOptions::new() };

/// The batch's columns in the table's types. Columns are matched by position.
pub(super) fn conform(table: &TableMeta, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
    if batch.num_columns() != table.columns.len() {
        let message =
            format!("rows of {} values for table '{}', which has {} columns", batch.num_columns(), table.name, table.columns.len());
        return Err(Error::invalid(message));
    }
    table.columns.iter().zip(batch.columns()).map(|(column, array)| conform_column(table, column, array)).collect()
}

fn conform_column(table: &TableMeta, column: &Column, array: &ArrayRef) -> Result<ArrayRef> {
    let (from, to) = (array.data_type(), column.data_type());
    let array = if from == to {
        array.clone()
    } else if types::same_values(column.name(), from, to) {
        // In two steps: on the way from a dictionary straight to views, arrow-rs loses the NULLs that are among the dictionary's values.
        cast_with_options(array, &plain(from), &STRICT)
            .and_then(|array| cast_with_options(&array, to, &STRICT))
            .map_err(|error| Error::invalid(format!("column '{}' of table '{}': {error}", column.name(), table.name)).with_source(error))?
    } else {
        let message = format!("values of type {from} for column '{}' of table '{}', which has type {to}", column.name(), table.name);
        return Err(Error::invalid(message).with_hint("CAST them to the column's type"));
    };
    if !column.field().is_nullable() && array.logical_null_count() > 0 {
        return Err(Error::invalid(format!("NULL in column '{}' of table '{}', which is NOT NULL", column.name(), table.name)));
    }
    Ok(array)
}

/// A type with dictionaries replaced by what is in them.
fn plain(data_type: &DataType) -> DataType {
    let field = |field: &FieldRef| Arc::new(field.as_ref().clone().with_data_type(plain(field.data_type())));
    match data_type {
        DataType::Dictionary(_, value) => plain(value),
        DataType::List(item) => DataType::List(field(item)),
        DataType::LargeList(item) => DataType::LargeList(field(item)),
        DataType::ListView(item) => DataType::ListView(field(item)),
        DataType::LargeListView(item) => DataType::LargeListView(field(item)),
        DataType::FixedSizeList(item, length) => DataType::FixedSizeList(field(item), *length),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect()),
        DataType::Map(entries, sorted) => DataType::Map(field(entries), *sorted),
        other => other.clone(),
    }
}
