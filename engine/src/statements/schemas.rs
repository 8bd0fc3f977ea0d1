//! CREATE SCHEMA, DROP SCHEMA, and the schema that always exists.

use clouddb_storage::{SchemaId, Transaction};
use datafusion::sql::sqlparser::ast::{ObjectName, SchemaName};

use super::parse::name_parts;
use super::refuse::unsupported;
use crate::error::{Error, Result};
use crate::session::result::Done;
use crate::settings::{CATALOG, DEFAULT_SCHEMA};

/// Names that DataFusion or this program has made schemas of.
const RESERVED: [&str; 2] = ["information_schema", "system"];

/// A schema by name.
pub(crate) fn existing(transaction: &mut Transaction, name: &str) -> Result<SchemaId> {
    if let Some(schema) = transaction.snapshot().schema(name) {
        return Ok(schema.id);
    }
    if RESERVED.contains(&name) {
        return Err(Error::invalid(format!("the schema '{name}' cannot be changed")));
    }
    Err(Error::not_found(format!("there is no schema '{name}'")).with_hint(format!("CREATE SCHEMA {name} makes it")))
}

/// Runs a CREATE SCHEMA inside a transaction.
pub(crate) fn create(transaction: &mut Transaction, name: &SchemaName, if_not_exists: bool) -> Result<Done> {
    let name = match name {
        SchemaName::Simple(name) => schema_name(name)?,
        SchemaName::UnnamedAuthorization(_) | SchemaName::NamedAuthorization(..) => return Err(unsupported("AUTHORIZATION of a schema")),
    };
    if RESERVED.contains(&name.as_str()) {
        return Err(Error::already_exists(format!("the schema '{name}' exists in every database")));
    }
    let exists = transaction.snapshot().schema(&name).is_some();
    match (exists, if_not_exists) {
        (true, true) => {}
        (true, false) => return Err(Error::already_exists(format!("schema '{name}' exists already"))),
        (false, _) => {
            transaction.create_schema(&name, None)?;
        }
    }
    Ok(Done::new("CREATE SCHEMA"))
}

/// Runs a DROP SCHEMA inside a transaction.
pub(crate) fn drop(transaction: &mut Transaction, names: &[ObjectName], if_exists: bool, cascade: bool) -> Result<Done> {
    for name in names {
        let name = schema_name(name)?;
        if name == DEFAULT_SCHEMA || RESERVED.contains(&name.as_str()) {
            return Err(Error::invalid(format!("the schema '{name}' cannot be dropped")));
        }
        let snapshot = transaction.snapshot();
        let Some(schema) = snapshot.schema(&name) else {
            match if_exists {
                true => continue,
                false => return Err(Error::not_found(format!("there is no schema '{name}'"))),
            }
        };
        let (tables, views) = (snapshot.tables(&name), snapshot.views(&name));
        if !cascade && tables.len() + views.len() > 0 {
            return Err(Error::invalid(format!(
                "schema '{name}' is not empty: it holds {} tables and {} views",
                tables.len(),
                views.len()
            ))
            .with_hint("DROP SCHEMA ... CASCADE drops them too"));
        }
        for view in views {
            transaction.drop_view(view.id)?;
        }
        for table in tables {
            transaction.drop_table(table.meta().id)?;
        }
        transaction.drop_schema(schema.id)?;
    }
    Ok(Done::new("DROP SCHEMA"))
}

/// A schema's name: `s` or `clouddb.s`.
pub(crate) fn schema_name(name: &ObjectName) -> Result<String> {
    let mut parts = name_parts(name)?;
    match (parts.pop(), parts.pop(), parts.is_empty()) {
        (Some(schema), None, true) => Ok(schema),
        (Some(schema), Some(catalog), true) if catalog == CATALOG => Ok(schema),
        _ => Err(Error::invalid(format!("'{name}' is no name of a schema"))),
    }
}
