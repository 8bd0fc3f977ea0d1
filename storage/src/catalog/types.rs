//! The types that can be stored: what Arrow's types become in a table, in protobuf and in Parquet.
//!
//! | SQL | Arrow, as scans return it | also accepted on the way in |
//! |---|---|---|
//! | VARCHAR | `Utf8View` | `Utf8`, `LargeUtf8`, dictionaries of these |
//! | BLOB | `BinaryView` | `Binary`, `LargeBinary` |
//! | UUID | `FixedSizeBinary(16)` with extension `arrow.uuid` | |
//! | list | `List` | `LargeList`, `FixedSizeList`, the list views |

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};

use super::{Column, ColumnSpec};
use crate::error::{Error, Result};

/// The metadata key under which arrow-rs reads and writes Parquet's field ids.
pub const FIELD_ID_KEY: &str = parquet::arrow::PARQUET_FIELD_ID_META_KEY;

/// How deep types can be nested: a list of integers is 1 deep, a map 2. Deeper ones come from mistakes or malice; decoding recurses.
pub(crate) const MAX_NESTING: usize = 32;

/// The field that is stored for a column a user asks for: types that differ only in Arrow's memory layout become one.
///
/// # Errors
/// *Unsupported* for a type that Parquet does not keep, naming column and type.
pub fn normalize(spec: &ColumnSpec) -> Result<FieldRef> {
    let data_type = normalize_type(&spec.name, &spec.data_type)?;
    Ok(Arc::new(Field::new(&spec.name, data_type, spec.nullable).with_metadata(spec.metadata.clone())))
}

fn normalize_type(column: &str, data_type: &DataType) -> Result<DataType> {
    let nested = |field: &FieldRef| -> Result<FieldRef> {
        Ok(Arc::new(field.as_ref().clone().with_data_type(normalize_type(column, field.data_type())?)))
    };
    Ok(match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => DataType::BinaryView,
        DataType::Dictionary(_, value) => normalize_type(column, value)?,
        DataType::RunEndEncoded(_, value) => normalize_type(column, value.data_type())?,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => DataType::List(nested(item)?),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(nested).collect::<Result<Vec<_>>>()?.into()),
        DataType::Map(entries, _) => DataType::Map(nested(entries)?, false),
        other => other.clone(),
    })
}

/// Whether a column can be in a clustering key.
pub(crate) fn check_sortable(column: &Column) -> Result<()> {
    if column.data_type().is_nested() {
        return Err(Error::invalid(format!("CLUSTER BY cannot sort by column '{}' of type {}", column.name(), column.data_type())));
    }
    Ok(())
}

/// Gives every field, nested ones too, the next field id.
pub(crate) fn assign_field_ids(field: &FieldRef, next: &mut u32) -> FieldRef {
    let id = *next;
    *next += 1;
    let mut child = |field: &FieldRef| assign_field_ids(field, next);
    let data_type = match field.data_type() {
        DataType::List(item) => DataType::List(child(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(child).collect::<Vec<_>>().into()),
        DataType::Map(entries, sorted) => DataType::Map(child(entries), *sorted),
        other => other.clone(),
    };
    let mut metadata: HashMap<String, String> = field.metadata().clone();
    metadata.insert(FIELD_ID_KEY.to_owned(), id.to_string());
    Arc::new(Field::new(field.name(), data_type, field.is_nullable()).with_metadata(metadata))
}
