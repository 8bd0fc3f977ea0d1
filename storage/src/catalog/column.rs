//! A table's column.

use arrow::datatypes::{DataType, FieldRef};

use super::types;
use crate::error::Result;

/// A column as a user asks for it.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnSpec {
    /// Its name.
    pub name: String,
    /// Its type, any of Arrow's; normalized when the table is made.
    pub data_type: DataType,
    /// Whether it may hold NULL.
    pub nullable: bool,
    /// Arrow's metadata of the field: an extension type's name, as `arrow.uuid`.
    pub metadata: std::collections::HashMap<String, String>,
    /// The SQL expression that an INSERT without this column evaluates.
    pub default: Option<String>,
    /// What its owner wrote about it.
    pub comment: Option<String>,
}

impl ColumnSpec {
    /// A column with neither default nor comment.
    pub fn new(name: impl Into<String>, data_type: DataType, nullable: bool) -> Self {
        Self { name: name.into(), data_type, nullable, metadata: Default::default(), default: None, comment: None }
    }
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Name, type and nullability; field ids (nested ones too) in the metadata.
    pub(crate) field: FieldRef,
    /// Its field id, unique in the table for ever.
    pub(crate) id: u32,
    /// Its name in segments' files, which never changes and never returns.
    pub(crate) physical_name: String,
    /// What rows written before the column was added have; a SQL expression, immutable.
    pub(crate) initial_default: Option<String>,
    /// What an INSERT without this column writes; a SQL expression.
    pub(crate) write_default: Option<String>,
    /// What its owner wrote about it.
    pub(crate) comment: Option<String>,
}

impl Column {
    /// Gives field ids from `next_field_id` on, to the column and to what is nested in it.
    pub(crate) fn new(spec: ColumnSpec, next_field_id: &mut u32) -> Result<Self> {
        let id = *next_field_id;
        let field = types::assign_field_ids(&types::normalize(&spec)?, next_field_id);
        Ok(Self { physical_name: spec.name, field, id, initial_default: None, write_default: spec.default, comment: spec.comment })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.field.name()
    }

    /// Its field id, unique in the table for ever.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Its Arrow field: name, type, nullability, field ids.
    pub fn field(&self) -> &FieldRef {
        &self.field
    }

    /// Its type.
    pub fn data_type(&self) -> &DataType {
        self.field.data_type()
    }

    /// Its name in segments' files.
    pub fn physical_name(&self) -> &str {
        &self.physical_name
    }

    /// The SQL expression that an INSERT without this column evaluates.
    pub fn default(&self) -> Option<&str> {
        self.write_default.as_deref()
    }

    /// What its owner wrote about it.
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }
}
