//! CREATE SCHEMA, DROP SCHEMA, and the schema that always exists.

use clouddb_storage::{SchemaId, Transaction};
use datafusion::sql::sqlparser::ast::{ObjectName, SchemaName};

use super::dependents::Dependents;
use crate::error::{Error, ErrorKind, Result};
use crate::session::result::Done;
use crate::settings::{CATALOG, DEFAULT_SCHEMA, TEMPORARY};
use crate::statements::context::QualifiedName;
use crate::statements::lookup;
use crate::statements::meaning::refuse::unsupported;
use crate::statements::syntax::parse::name_parts;
use crate::statements::targets::PG_TEMP;

/// Names that DataFusion or this program has made schemas of.
const RESERVED: [&str; 3] = ["information_schema", "pg_catalog", "system"];

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
    check_free(&name)?;
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

/// An error for the names of schemas that are in every database.
pub(crate) fn check_free(name: &str) -> Result<()> {
    if [TEMPORARY, PG_TEMP].iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
        return Err(Error::invalid(format!("'{name}' is the schema of temporary tables")).with_hint("CREATE TEMP TABLE makes one"));
    }
    match RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
        true => Err(Error::already_exists(format!("the schema '{name}' exists in every database"))),
        false => Ok(()),
    }
}

/// Runs a DROP SCHEMA inside a transaction. With CASCADE, what is in it goes too, and the views elsewhere that read it.
pub(crate) fn drop(transaction: &mut Transaction, names: &[ObjectName], if_exists: bool, cascade: bool) -> Result<Done> {
    for name in names {
        let wanted = schema_name(name)?;
        if wanted == DEFAULT_SCHEMA || RESERVED.contains(&wanted.as_str()) {
            return Err(Error::invalid(format!("the schema '{wanted}' cannot be dropped")));
        }
        let snapshot = transaction.snapshot();
        let name = match lookup::schema_of_name(&snapshot, name) {
            Err(error) if if_exists && error.kind() == ErrorKind::NotFound => continue,
            name => name?,
        };
        let Some(schema) = snapshot.schema(&name) else { continue };
        let (tables, views) = (snapshot.tables(&name), snapshot.views(&name));
        let (macros, sequences) = (snapshot.macros(&name), snapshot.sequences(&name));
        let others = macros.len() + sequences.len();
        if !cascade && tables.len() + views.len() + others > 0 {
            let others = if others > 0 { format!(", {others} macros and sequences") } else { String::new() };
            return Err(Error::invalid(format!(
                "schema '{name}' is not empty: it holds {} tables and {} views{others}",
                tables.len(),
                views.len()
            ))
            .with_hint("DROP SCHEMA ... CASCADE drops them too"));
        }
        let names = tables.iter().map(|table| table.meta().name.clone()).chain(views.iter().map(|view| view.name.clone()));
        let names: Vec<_> = names.map(|relation| QualifiedName { schema: name.clone(), name: relation }).collect();
        Dependents::of(cascade, false).carry_out(transaction, &names)?;
        for view in transaction.snapshot().views(&name) {
            transaction.drop_view(view.id)?;
        }
        for table in tables {
            transaction.drop_table(table.meta().id)?;
        }
        macros.iter().try_for_each(|meta| transaction.drop_macro(meta.id))?;
        sequences.iter().try_for_each(|meta| transaction.drop_sequence(meta.id))?;
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
