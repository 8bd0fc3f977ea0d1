//! The statements that make what there is: SQL that runs again, with names quoted where they need it.

use clouddb_storage::catalog::{Column, MacroMeta, SequenceMeta, TableMeta, ViewMeta};

use crate::settings::DEFAULT_SCHEMA;
use crate::types::{quoted_where_needed, sql_name};

/// A name as a statement in the schema `main` has to write it.
pub(crate) fn qualified(schema: &str, name: &str) -> String {
    match schema {
        DEFAULT_SCHEMA => quoted_where_needed(name),
        schema => format!("{}.{}", quoted_where_needed(schema), quoted_where_needed(name)),
    }
}

/// A name with its schema before it, whichever that is.
pub(crate) fn in_schema(schema: &str, name: &str) -> String {
    format!("{}.{}", quoted_where_needed(schema), quoted_where_needed(name))
}

/// A text as a literal.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// `CREATE SCHEMA`.
pub(crate) fn create_schema(name: &str) -> String {
    format!("CREATE SCHEMA {};", quoted_where_needed(name))
}

/// `CREATE TABLE`, a column a line. `name` is written as it is.
pub(crate) fn create_table(name: &str, table: &TableMeta) -> String {
    let columns: Vec<String> = table.columns.iter().map(|column| format!("  {}", column_definition(column))).collect();
    let mut sql = format!("CREATE TABLE {name} (\n{}\n)", columns.join(",\n"));
    let cluster_by: Vec<String> =
        table.cluster_by.iter().filter_map(|id| table.column_by_id(*id)).map(|(_, column)| quoted_where_needed(column.name())).collect();
    if !cluster_by.is_empty() {
        sql.push_str(&format!(" CLUSTER BY ({})", cluster_by.join(", ")));
    }
    if let Some(comment) = &table.comment {
        sql.push_str(&format!(" COMMENT = {}", literal(comment)));
    }
    sql.push(';');
    sql
}

fn column_definition(column: &Column) -> String {
    let mut sql = format!("{} {}", quoted_where_needed(column.name()), sql_name(column.field()));
    if !column.field().is_nullable() {
        sql.push_str(" NOT NULL");
    }
    if let Some(default) = column.default() {
        sql.push_str(&format!(" DEFAULT {default}"));
    }
    if let Some(comment) = column.comment() {
        sql.push_str(&format!(" COMMENT {}", literal(comment)));
    }
    sql
}

/// `CREATE VIEW`. `name` is written as it is.
pub(crate) fn create_view(name: &str, view: &ViewMeta) -> String {
    let comment = view.comment.as_ref().map(|comment| format!(" COMMENT = {}", literal(comment))).unwrap_or_default();
    format!("CREATE VIEW {name}{comment} AS {};", view.sql)
}

/// `CREATE MACRO`. `name` is written as it is.
pub(crate) fn create_macro(name: &str, meta: &MacroMeta) -> String {
    format!("CREATE MACRO {name}{};", meta.definition)
}

/// `CREATE SEQUENCE`. `name` is written as it is.
pub(crate) fn create_sequence(name: &str, meta: &SequenceMeta) -> String {
    let cycle = if meta.cycle { "CYCLE" } else { "NO CYCLE" };
    format!(
        "CREATE SEQUENCE {name} INCREMENT BY {} MINVALUE {} MAXVALUE {} START WITH {} {cycle};",
        meta.increment, meta.min, meta.max, meta.start
    )
}
