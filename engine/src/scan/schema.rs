//! How a table's columns look to a query, and how they are found in segments' files. The one place that knows both.
//!
//! Queries see columns without field ids: a field id means something within one table only, and would otherwise travel in Arrow's metadata
//! through joins and unions into files that are exported.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use clouddb_storage::catalog::TableMeta;
use clouddb_storage::catalog::types::FIELD_ID_KEY;
use clouddb_storage::segment::SegmentMeta;
use clouddb_storage::{Error, Result};

/// The schema that queries see: names, types and nullability of the columns, extension types in the metadata, no field ids.
pub(crate) fn query_schema(table: &TableMeta) -> SchemaRef {
    Arc::new(Schema::new(table.columns.iter().map(|column| without_field_ids(column.field())).collect::<Vec<_>>()))
}

fn without_field_ids(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::List(item) => DataType::List(without_field_ids(item)),
        DataType::Map(entries, sorted) => DataType::Map(without_field_ids(entries), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(without_field_ids).collect()),
        other => other.clone(),
    };
    let mut metadata: HashMap<String, String> = field.metadata().clone();
    metadata.remove(FIELD_ID_KEY);
    Arc::new(Field::new(field.name(), data_type, field.is_nullable()).with_metadata(metadata))
}

/// The positions of a table's columns by field id, as segments' statistics name them.
pub(crate) fn positions_by_field_id(table: &TableMeta) -> HashMap<u32, usize> {
    table.columns.iter().enumerate().map(|(position, column)| (column.id(), position)).collect()
}

/// Refuses what this version would read wrongly: columns that were added or changed after a segment was written, and deleted rows. This version
/// writes none of these, but a newer one may have. (A renamed column is found in files by its physical name, which stays.)
pub(crate) fn check_readable<'a>(table: &TableMeta, segments: impl IntoIterator<Item = &'a Arc<SegmentMeta>>) -> Result<()> {
    let refuse = |what: &str| {
        Err(Error::unsupported(format!("table '{}' {what}, which this version of CloudDB does not read", table.name))
            .with_hint("open the database with the version that changed the table, or a newer one"))
    };
    for segment in segments {
        if segment.schema_version != table.schema_version {
            return refuse("has rows that were written before its columns changed");
        }
        if segment.deleted_rows > 0 {
            return refuse("has deleted rows");
        }
    }
    Ok(())
}
