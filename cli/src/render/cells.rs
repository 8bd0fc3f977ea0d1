//! The values of a batch as text, column by column.

use arrow::array::{Array, RecordBatch};
use clouddb_engine::text::values;

use crate::failure::Result;

/// The columns' values; none for NULL. `null` stands for NULL inside of lists and structs.
pub(super) fn columns(batch: &RecordBatch, null: &str) -> Result<Vec<Vec<Option<String>>>> {
    let options = values::options(null);
    let schema = batch.schema();
    let fields = schema.fields().iter().zip(batch.columns());
    fields
        .map(|(field, array)| {
            let formatter = values::formatter(field, array, &options)?;
            let nulls = array.logical_nulls();
            (0..array.len())
                .map(|row| match nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                    true => Ok(None),
                    false => {
                        let mut value = String::new();
                        formatter.value(row).write(&mut value)?;
                        Ok(Some(value))
                    }
                })
                .collect()
        })
        .collect()
}
