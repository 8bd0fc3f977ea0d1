//! The tables and views that a statement names, with their columns.

use std::any::Any;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::common::TableReference;
use datafusion::execution::session_state::SessionState;
use datafusion::sql::sqlparser::ast::{Ident, ObjectName, Statement, TableFactor, Visit, Visitor};

use super::ast::{position, quoted};
use super::scope::{Found, OutputColumn, find};
use crate::error::{Error, Result, from_datafusion};
use crate::files::hides_last_column;
use crate::nearest;
use crate::session::temporary::TemporaryCatalog;
use crate::settings::{DEFAULT_SCHEMA, TEMPORARY};

/// A table as it was found.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// Its name, each part in the case that it has.
    pub(super) name: Vec<String>,
    pub(super) columns: Vec<OutputColumn>,
    /// Whether `*` leaves out the last of them.
    pub(super) hides_last: bool,
}

/// The tables that a statement names, by their names as they stand there. Those that are not there hold the error, which nobody sees where a WITH query has the name.
#[derive(Debug, Default)]
pub(super) struct Tables {
    found: HashMap<String, Result<Table>>,
}

impl Tables {
    /// Looks up all names.
    pub(super) async fn load(state: &SessionState, statement: &Statement) -> Result<Self> {
        struct Names(Vec<ObjectName>);
        impl Visitor for Names {
            type Break = ();
            fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
                if let TableFactor::Table { name, args: None, .. } = factor {
                    self.0.push(name.clone());
                }
                ControlFlow::Continue(())
            }
        }
        let mut names = Names(Vec::new());
        let _ = statement.visit(&mut names);
        let mut found = HashMap::new();
        for name in names.0 {
            if let Entry::Vacant(entry) = found.entry(name.to_string()) {
                entry.insert(look_up(state, &name).await);
            }
        }
        Ok(Self { found })
    }

    /// A table by its name.
    pub(super) fn get(&self, name: &ObjectName) -> Result<&Table> {
        match self.found.get(&name.to_string()) {
            Some(Ok(table)) => Ok(table),
            Some(Err(error)) => Err(error.clone()),
            None => Err(no_table(name, None)),
        }
    }
}

fn idents(name: &ObjectName) -> Option<Vec<Ident>> {
    name.0.iter().map(|part| part.as_ident().cloned()).collect()
}

async fn look_up(state: &SessionState, name: &ObjectName) -> Result<Table> {
    let parts = idents(name).ok_or_else(|| no_table(name, None))?;
    let catalog_options = &state.config_options().catalog;
    let (given_catalog, given_schema, ident) = match parts.as_slice() {
        [table] => (None, None, table),
        [schema, table] => (None, Some(schema), table),
        [catalog, schema, table] => (Some(catalog), Some(schema), table),
        _ => return Err(no_table(name, None)),
    };
    if let ([ident], Some(temporary)) = (parts.as_slice(), temporary(state))
        && let Some(schema) = temporary.schema(TEMPORARY)
        && let Some((name, found)) = table(&schema, ident).await?
    {
        return Ok(described(vec![TEMPORARY.to_owned(), TEMPORARY.to_owned(), name], found.as_ref()));
    }
    let catalogs = state.catalog_list();
    let catalog_name = match given_catalog {
        None => catalog_options.default_catalog.clone(),
        Some(ident) if catalogs.catalog(&ident.value).is_some() => ident.value.clone(),
        Some(ident) => {
            let names = catalogs.catalog_names();
            match find(names.iter().map(String::as_str), &ident.value) {
                Found::One(at) => names[at].clone(),
                _ => return Err(Error::not_found(format!("there is no database '{}'", ident.value)).at(position(ident))),
            }
        }
    };
    let schema_name = match given_schema {
        None => catalog_options.default_schema.clone(),
        // `people.csv` is not a table of a schema.
        Some(ident) => schema_name(state, &catalog_name, ident)
            .map_err(|error| if looks_like_file(&ident_text(&parts)) { no_table(name, None) } else { error })?,
    };
    let reference = TableReference::full(catalog_name.as_str(), schema_name.as_str(), ident.value.as_str());
    let Ok(schema) = state.schema_for_ref(reference) else {
        return Err(no_table(name, None));
    };
    let Some((table_name, table)) = table(&schema, ident).await? else {
        let elsewhere = elsewhere(state, &catalog_name, &schema_name, ident);
        return Err(no_table(name, Some((&schema, elsewhere))));
    };
    let mut real: Vec<String> = Vec::new();
    if given_catalog.is_some() {
        real.push(catalog_name);
    }
    if given_schema.is_some() {
        real.push(schema_name);
    }
    real.push(table_name);
    Ok(described(real, table.as_ref()))
}

fn described(name: Vec<String>, table: &dyn TableProvider) -> Table {
    let schema = table.schema();
    let columns =
        schema.fields().iter().map(|field| OutputColumn { name: field.name().clone(), data_type: Some(field.data_type().clone()) });
    Table { name, columns: columns.collect(), hides_last: hides_last_column(table) }
}

/// The catalog of the session's temporary tables and views, if there are any. A stored view's catalog, which has every name, is none.
fn temporary(state: &SessionState) -> Option<Arc<dyn CatalogProvider>> {
    let catalog = state.catalog_list().catalog(TEMPORARY)?;
    (catalog.as_ref() as &dyn Any).is::<TemporaryCatalog>().then_some(catalog)
}

fn schema_name(state: &SessionState, catalog: &str, ident: &Ident) -> Result<String> {
    let reference = |name: &str| TableReference::full(catalog.to_owned(), name.to_owned(), String::new());
    if state.schema_for_ref(reference(&ident.value)).is_ok() {
        return Ok(ident.value.clone());
    }
    let mut names = state.catalog_list().catalog(catalog).map(|catalog| catalog.schema_names()).unwrap_or_default();
    names.push("information_schema".to_owned());
    match find(names.iter().map(String::as_str), &ident.value) {
        Found::One(at) => Ok(names[at].clone()),
        Found::Several(first, second) => Err(Error::invalid(format!("the name '{}' is ambiguous", ident.value))
            .with_hint(format!("it can be \"{}\" or \"{}\"", names[first], names[second]))
            .at(position(ident))),
        Found::None => {
            let error = Error::not_found(format!("there is no schema '{}'", ident.value)).at(position(ident));
            let near = nearest::hint(&ident.value, names.iter().map(String::as_str));
            Err(error.with_hint(near.unwrap_or_else(|| format!("the schemas are {}", names.join(", ")))))
        }
    }
}

/// A table of a schema, and the name that it has there.
async fn table(schema: &Arc<dyn SchemaProvider>, ident: &Ident) -> Result<Option<(String, Arc<dyn datafusion::catalog::TableProvider>)>> {
    if let Some(table) = schema.table(&ident.value).await.map_err(from_datafusion)? {
        return Ok(Some((ident.value.clone(), table)));
    }
    let names = schema.table_names();
    match find(names.iter().map(String::as_str), &ident.value) {
        Found::None => Ok(None),
        Found::One(at) => Ok(schema.table(&names[at]).await.map_err(from_datafusion)?.map(|table| (names[at].clone(), table))),
        Found::Several(first, second) => Err(Error::invalid(format!("the name '{}' is ambiguous", ident.value))
            .with_hint(format!("there are \"{}\" and \"{}\"", names[first], names[second]))
            .at(position(ident))),
    }
}

/// The name of a table in another schema that is called so.
fn elsewhere(state: &SessionState, catalog: &str, not_in: &str, ident: &Ident) -> Option<String> {
    let catalog: Arc<dyn CatalogProvider> = state.catalog_list().catalog(catalog)?;
    catalog.schema_names().into_iter().filter(|name| name != not_in).find_map(|name| {
        let names = catalog.schema(&name)?.table_names();
        match find(names.iter().map(String::as_str), &ident.value) {
            Found::One(at) => Some(format!("{name}.{}", names[at])),
            _ => None,
        }
    })
}

/// The error for a table that is not there. `seen` are the schema that it was looked for in, and where else there is one of that name.
fn no_table(name: &ObjectName, seen: Option<(&Arc<dyn SchemaProvider>, Option<String>)>) -> Error {
    let parts = idents(name).unwrap_or_default();
    let text = ident_text(&parts);
    // The past has a catalog's name that nobody wrote, and no place.
    if let [catalog, schema, table] = parts.as_slice()
        && let Some((_, moment)) = catalog.value.split_once('@')
    {
        let place = if schema.value == DEFAULT_SCHEMA { table.value.clone() } else { format!("{}.{}", schema.value, table.value) };
        let when = match moment.strip_suffix("us") {
            Some(_) => "at that time".to_owned(),
            None => format!("in version {moment}"),
        };
        return Error::not_found(format!("there was no table '{place}' {when}"))
            .with_hint("SELECT * FROM system.snapshots tells what was made when");
    }
    let mut error = Error::not_found(format!("there is no table '{text}'"));
    if let Some(first) = parts.first() {
        error = error.at(position(first));
    }
    let Some(last) = parts.last() else { return error };
    if last.value.contains(['/', '\\']) || looks_like_file(&text) {
        return error.with_hint(format!("a file's name is written in single quotes: '{text}'"));
    }
    match seen {
        Some((_, Some(elsewhere))) => error.with_hint(format!("there is '{elsewhere}'")),
        Some((schema, None)) => {
            let names = schema.table_names();
            match nearest::hint(&last.value, names.iter().map(String::as_str)) {
                Some(near) => error.with_hint(near),
                None => error,
            }
        }
        None => error,
    }
}

fn ident_text(parts: &[Ident]) -> String {
    parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".")
}

fn looks_like_file(text: &str) -> bool {
    let lower = text.to_lowercase();
    [".csv", ".parquet", ".json", ".jsonl", ".tsv", ".gz", ".zst", ".arrow"].iter().any(|end| lower.ends_with(end))
}

/// A name whose parts are in quotes.
pub(super) fn object_name(parts: &[String]) -> ObjectName {
    ObjectName::from(parts.iter().map(|part| quoted(part)).collect::<Vec<_>>())
}
