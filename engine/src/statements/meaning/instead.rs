//! What can be written in place of statements that change rows: the table again, as it is to be.

use datafusion::sql::sqlparser::ast::{AssignmentTarget, Delete, Expr, FromTable, TableFactor, TableWithJoins, Truncate, Update};

/// What a table keeps of its own, and a query does not tell.
const BESIDES: &str = "(NOT NULL, defaults and CLUSTER BY are told again: SHOW CREATE TABLE shows them)";

/// In place of a DELETE.
pub(crate) fn of_delete(delete: &Delete) -> String {
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
    let (table, condition) = match (from.as_slice(), &delete.selection, &delete.using, &delete.limit) {
        ([table], Some(condition), None, None) => (name(table), condition.to_string()),
        ([table], None, None, None) => return emptied(&name(table).unwrap_or_else(|| "t".to_owned())),
        _ => (None, "condition".to_owned()),
    };
    let table = table.unwrap_or_else(|| "t".to_owned());
    again(&table, &format!("SELECT * FROM {table} WHERE ({condition}) IS NOT TRUE"))
}

/// In place of an UPDATE.
pub(crate) fn of_update(update: &Update) -> String {
    let table = name(&update.table).filter(|_| update.from.is_none() && update.limit.is_none());
    let items: Option<Vec<String>> = update
        .assignments
        .iter()
        .map(|assignment| match &assignment.target {
            AssignmentTarget::ColumnName(column) => Some(replaced(&column.to_string(), &assignment.value, update.selection.as_ref())),
            AssignmentTarget::Tuple(_) => None,
        })
        .collect();
    match (table, items) {
        (Some(table), Some(items)) => again(&table, &format!("SELECT * REPLACE ({}) FROM {table}", items.join(", "))),
        _ => again("t", "SELECT * REPLACE (CASE WHEN condition THEN value ELSE column END AS column) FROM t"),
    }
}

/// In place of a TRUNCATE.
pub(crate) fn of_truncate(truncate: &Truncate) -> String {
    let table = truncate.table_names.first().map_or_else(|| "t".to_owned(), |table| table.name.to_string());
    emptied(&table)
}

fn replaced(column: &str, value: &Expr, condition: Option<&Expr>) -> String {
    match condition {
        Some(condition) => format!("CASE WHEN {condition} THEN {value} ELSE {column} END AS {column}"),
        None => format!("{value} AS {column}"),
    }
}

fn emptied(table: &str) -> String {
    again(table, &format!("SELECT * FROM {table} LIMIT 0"))
}

fn again(table: &str, query: &str) -> String {
    format!("write the table again: CREATE OR REPLACE TABLE {table} AS {query} {BESIDES}")
}

/// The name of a table that stands alone, without an alias.
fn name(table: &TableWithJoins) -> Option<String> {
    match &table.relation {
        TableFactor::Table { name, alias: None, args: None, .. } if table.joins.is_empty() => Some(name.to_string()),
        _ => None,
    }
}
