//! What a database holds by name: schemas, tables with their columns, views, macros, sequences.

mod change;
mod column;
mod objects;
pub mod types;

pub use change::{ColumnChange, OptionalText};
pub(crate) use change::{SchemaChange, TableChange, ViewChange};
pub use column::{Column, ColumnSpec};
pub use objects::{MacroMeta, SequenceMeta};

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

use crate::error::{Error, Result};
use crate::ids::{SchemaId, TableId, ViewId};

/// The column of rewritten segments that holds their rows' ids: no column of a user's has this name.
pub(crate) const ROW_ID_NAME: &str = "_row_id";

/// A namespace of tables and views.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaMeta {
    /// Its identity.
    pub id: SchemaId,
    /// Its name, unique in the database.
    pub name: String,
    /// What its owner wrote about it.
    pub comment: Option<String>,
}

/// A table: its columns and how its rows are laid out. Its rows are in the state's list of segments.
#[derive(Debug, Clone, PartialEq)]
pub struct TableMeta {
    /// Its identity.
    pub id: TableId,
    /// The schema it is in.
    pub schema: SchemaId,
    /// Its name, unique among tables and views of the schema.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The next field id to give; ids are never used twice, not even after a column is dropped.
    pub next_field_id: u32,
    /// Grows with every change of the columns.
    pub schema_version: u64,
    /// Field ids of the clustering key's columns, most significant first: segments that say they are sorted are sorted by them, ascending, nulls last.
    pub cluster_by: Vec<u32>,
    /// What its owner wrote about it.
    pub comment: Option<String>,
}

impl TableMeta {
    /// A new table from the columns as a user names them. Field ids are given here, nested ones too, and type names are normalized
    /// (see [`types::normalize`]).
    ///
    /// # Errors
    /// *Invalid* for no columns, a name twice, or an unknown column in the clustering key; *unsupported* for a type that cannot be stored.
    pub fn new(id: TableId, schema: SchemaId, name: impl Into<String>, columns: Vec<ColumnSpec>, cluster_by: &[String]) -> Result<Self> {
        let name = name.into();
        if columns.is_empty() {
            return Err(Error::invalid(format!("table '{name}' has no columns")).with_hint("a table needs at least one column"));
        }
        let mut next_field_id = 1;
        let mut made: Vec<Column> = Vec::with_capacity(columns.len());
        for spec in columns {
            if made.iter().any(|column| column.name() == spec.name) {
                return Err(Error::invalid(format!("table '{name}' names column '{}' twice", spec.name)));
            }
            if spec.name.eq_ignore_ascii_case(ROW_ID_NAME) {
                return Err(Error::invalid(format!(
                    "table '{name}' cannot have a column '{}': rows' own ids have that name in files",
                    spec.name
                ))
                .with_hint("give the column another name"));
            }
            made.push(Column::new(spec, &mut next_field_id)?);
        }
        let cluster_by = cluster_by
            .iter()
            .map(|key| {
                let column = made
                    .iter()
                    .find(|column| column.name() == key)
                    .ok_or_else(|| Error::invalid(format!("CLUSTER BY names '{key}', which is no column of table '{name}'")))?;
                types::check_sortable(column)?;
                Ok(column.id())
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { id, schema, name, columns: made, next_field_id, schema_version: 1, cluster_by, comment: None })
    }

    /// The columns as an Arrow schema: the types that scans return and writers take. Every field carries its field id as Parquet's
    /// metadata key `PARQUET:field_id`.
    pub fn arrow_schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(|column| Arc::clone(column.field())).collect::<Vec<_>>()))
    }

    /// A column and its position, by name.
    pub fn column(&self, name: &str) -> Option<(usize, &Column)> {
        self.columns.iter().enumerate().find(|(_, column)| column.name() == name)
    }

    /// A column and its position, by field id.
    pub fn column_by_id(&self, id: u32) -> Option<(usize, &Column)> {
        self.columns.iter().enumerate().find(|(_, column)| column.id() == id)
    }
}

/// A view: a query with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewMeta {
    /// Its identity.
    pub id: ViewId,
    /// The schema it is in.
    pub schema: SchemaId,
    /// Its name, unique among tables and views of the schema.
    pub name: String,
    /// The query, as SQL text.
    pub sql: String,
    /// The schema in which the query's unqualified names are looked up.
    pub search_path: String,
    /// What its owner wrote about it.
    pub comment: Option<String>,
}
