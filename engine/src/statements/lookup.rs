//! Finds things by name: one that is written exactly so, otherwise the only one that differs in case alone.

use std::sync::Arc;

use clouddb_storage::catalog::{Column, TableMeta, ViewMeta};
use clouddb_storage::{Snapshot, TableSnapshot};
use datafusion::sql::sqlparser::ast::ObjectName;

use super::context::{Context, QualifiedName};
use crate::error::{Error, Result};
use crate::nearest;
use crate::settings::CATALOG;

/// What a name stands for.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    Table(TableSnapshot),
    View(Arc<ViewMeta>),
}

/// The name, as it is written, of the one among several that a name means.
///
/// # Errors
/// *Invalid* when several differ from it in case only.
pub(crate) fn pick<'a>(kind: &str, wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Result<Option<&'a str>> {
    let mut alike = Vec::new();
    for name in names {
        if name == wanted {
            return Ok(Some(name));
        }
        if name.to_lowercase() == wanted.to_lowercase() {
            alike.push(name);
        }
    }
    match alike.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        [one, other, ..] => Err(Error::invalid(format!("the {kind} '{wanted}' may be \"{one}\" or \"{other}\""))
            .with_hint("write the name as it is, in double quotes")),
    }
}

/// An error with the nearest name as a hint, or another one.
pub(crate) fn with_nearest<'a>(error: Error, wanted: &str, names: impl IntoIterator<Item = &'a str>, otherwise: &str) -> Error {
    match nearest::hint(wanted, names) {
        Some(hint) => error.with_hint(hint),
        None if otherwise.is_empty() => error,
        None => error.with_hint(otherwise),
    }
}

/// The parts of a name as they are written.
pub(crate) fn parts(name: &ObjectName) -> Result<Vec<String>> {
    let part = |part: &datafusion::sql::sqlparser::ast::ObjectNamePart| part.as_ident().map(|ident| ident.value.clone());
    name.0.iter().map(part).collect::<Option<_>>().ok_or_else(|| Error::invalid(format!("'{name}' is no name of a table")))
}

/// The schema that a name means.
pub(crate) fn schema(snapshot: &Snapshot, wanted: &str) -> Result<String> {
    let names: Vec<&str> = snapshot.schemas().map(|schema| schema.name.as_str()).collect();
    match pick("schema", wanted, names.iter().copied())? {
        Some(name) => Ok(name.to_owned()),
        None => {
            let error = Error::not_found(format!("there is no schema '{wanted}'"));
            Err(with_nearest(error, wanted, names, "SHOW SCHEMAS lists those that there are"))
        }
    }
}

/// A schema's name: `s` or `clouddb.s`.
pub(crate) fn schema_of_name(snapshot: &Snapshot, name: &ObjectName) -> Result<String> {
    match parts(name)?.as_slice() {
        [wanted] => schema(snapshot, wanted),
        [catalog, wanted] if catalog.eq_ignore_ascii_case(CATALOG) => schema(snapshot, wanted),
        _ => Err(Error::invalid(format!("'{name}' is no name of a schema"))),
    }
}

/// The table or view that a name means, with its name as it is written.
///
/// # Errors
/// *Not found*, with the nearest name.
pub(crate) fn relation(context: &Context, snapshot: &Snapshot, name: &ObjectName) -> Result<(QualifiedName, Found)> {
    let (schema, wanted) = schema_and_name(context, snapshot, name)?;
    find(snapshot, &schema, &wanted)?.ok_or_else(|| {
        let error = Error::not_found(format!("there is no table or view '{schema}.{wanted}'"));
        match nearest_relation(snapshot, &schema, &wanted) {
            Some(name) => error.with_hint(format!("did you mean '{name}'?")),
            None => error.with_hint("SHOW ALL TABLES lists those that there are"),
        }
    })
}

/// The nearest name in a schema, or else in another one.
fn nearest_relation(snapshot: &Snapshot, schema: &str, wanted: &str) -> Option<String> {
    let of = |schema: &str| {
        let names = relation_names(snapshot, schema);
        nearest::nearest(wanted, names.iter().map(String::as_str)).map(str::to_owned)
    };
    let others = snapshot.schemas().filter(|other| other.name != schema);
    of(schema).or_else(|| others.filter_map(|other| of(&other.name).map(|name| format!("{}.{name}", other.name))).next())
}

/// The same, if it is there.
pub(crate) fn relation_if_exists(context: &Context, snapshot: &Snapshot, name: &ObjectName) -> Result<Option<(QualifiedName, Found)>> {
    let parts = parts(name)?;
    let schema = match parts.as_slice() {
        [catalog, _, _] if !catalog.eq_ignore_ascii_case(CATALOG) => None,
        [schema, _] | [_, schema, _] => pick("schema", schema, snapshot.schemas().map(|schema| schema.name.as_str()))?.map(str::to_owned),
        _ => Some(context.current_schema().to_owned()),
    };
    match (schema, parts.last()) {
        (Some(schema), Some(wanted)) => find(snapshot, &schema, wanted),
        _ => Ok(None),
    }
}

/// The schema that a name is in, and the name's last part as it was written.
pub(crate) fn schema_and_name(context: &Context, snapshot: &Snapshot, name: &ObjectName) -> Result<(String, String)> {
    match parts(name)?.as_slice() {
        [wanted] => Ok((context.current_schema().to_owned(), wanted.clone())),
        [of, wanted] => Ok((schema(snapshot, of)?, wanted.clone())),
        [catalog, of, wanted] if catalog.eq_ignore_ascii_case(CATALOG) => Ok((schema(snapshot, of)?, wanted.clone())),
        [catalog, _, _] => {
            Err(Error::not_found(format!("there is no database '{catalog}'")).with_hint(format!("this one is called '{CATALOG}'")))
        }
        _ => Err(Error::invalid(format!("'{name}' is no name of a table"))),
    }
}

/// The names of a schema's tables and views.
pub(crate) fn relation_names(snapshot: &Snapshot, schema: &str) -> Vec<String> {
    let tables = snapshot.tables(schema).into_iter().map(|table| table.meta().name.clone());
    tables.chain(snapshot.views(schema).into_iter().map(|view| view.name.clone())).collect()
}

fn find(snapshot: &Snapshot, schema: &str, wanted: &str) -> Result<Option<(QualifiedName, Found)>> {
    let found = |name: &str| {
        let qualified = QualifiedName { schema: schema.to_owned(), name: name.to_owned() };
        let table = snapshot.table(schema, name).map(Found::Table);
        table.or_else(|| snapshot.view(schema, name).map(Found::View)).map(|found| (qualified, found))
    };
    if let Some(exact) = found(wanted) {
        return Ok(Some(exact));
    }
    let names = relation_names(snapshot, schema);
    Ok(pick("table", wanted, names.iter().map(String::as_str))?.and_then(found))
}

/// A column of a table.
pub(crate) fn column<'a>(table: &'a TableMeta, wanted: &str) -> Result<&'a Column> {
    let names = || table.columns.iter().map(Column::name);
    let found = pick("column", wanted, names())?.and_then(|name| table.column(name));
    found.map(|(_, column)| column).ok_or_else(|| {
        let error = Error::not_found(format!("table '{}' has no column '{wanted}'", table.name));
        let all: Vec<String> = names().map(|name| format!("'{name}'")).collect();
        with_nearest(error, wanted, names(), &format!("it has {}", all.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_names_come_before_those_that_differ_in_case() -> Result<()> {
        assert_eq!(pick("table", "a", ["A", "a"])?, Some("a"));
        assert_eq!(pick("table", "Ä", ["b", "ä"])?, Some("ä"));
        assert_eq!(pick("table", "c", ["A", "b"])?, None);
        assert!(pick("table", "name", ["Name", "NAME"]).is_err());
        Ok(())
    }
}
