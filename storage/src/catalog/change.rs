//! Changes of what a database holds by name. What is `None` stays as it is.

use crate::ids::{SchemaId, TableId, ViewId};

/// A text that may be absent, such as a comment or a default.
pub type OptionalText = Option<String>;

/// A change of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SchemaChange {
    pub(crate) id: SchemaId,
    pub(crate) name: Option<String>,
    pub(crate) comment: Option<OptionalText>,
}

/// A change of a table's description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableChange {
    pub(crate) id: TableId,
    pub(crate) name: Option<String>,
    pub(crate) comment: Option<OptionalText>,
    pub(crate) columns: Vec<ColumnChange>,
}

/// A change of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ViewChange {
    pub(crate) id: ViewId,
    pub(crate) name: Option<String>,
    pub(crate) comment: Option<OptionalText>,
}

/// A change of a column that touches no rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ColumnChange {
    /// The column's field id.
    pub id: u32,
    /// Its new name; files keep the old one.
    pub name: Option<String>,
    /// What its owner wrote about it.
    pub comment: Option<OptionalText>,
    /// The SQL expression that an INSERT without this column evaluates from now on.
    pub default: Option<OptionalText>,
}
