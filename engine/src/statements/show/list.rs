//! SHOW TABLES and its like: lists of what there is.

use arrow::array::RecordBatch;
use datafusion::catalog::CatalogProvider;
use datafusion::sql::sqlparser::ast::ObjectName;

use super::{Fact, Listed, asked, catalog, like, names_batch, objects};
use crate::error::{Error, Result};
use crate::introspection::cells::{self, Cell, Column, Kind, row};
use crate::introspection::functions::{FunctionObject, all as all_functions, version};
use crate::introspection::objects::{DATABASE_OID, Objects, Relation};
use crate::introspection::{self, Facts};
use crate::limits::size_text;
use crate::settings::{CATALOG, DEFAULT_SCHEMA, TEMPORARY};
use crate::statements::context::Context;
use crate::statements::lookup;
use crate::statements::settings as all_settings;
use crate::statements::syntax::parse;
use crate::types::sql_name;

const SCHEMAS: &[Column] = &[("database_name", Kind::Text), ("schema_name", Kind::Text), ("current", Kind::Flag)];
const DATABASES: &[Column] = &[("database_name", Kind::Text)];
const WITH_COLUMNS: &[Column] = &[
    ("database", Kind::Text),
    ("schema", Kind::Text),
    ("name", Kind::Text),
    ("column_names", Kind::Texts),
    ("column_types", Kind::Texts),
    ("temporary", Kind::Flag),
];
const FUNCTIONS: &[Column] = &[("function_name", Kind::Text), ("function_type", Kind::Text), ("description", Kind::Text)];
const MACROS: &[Column] = &[("schema", Kind::Text), ("name", Kind::Text), ("definition", Kind::Text)];
const SEQUENCES: &[Column] = &[("schema", Kind::Text), ("name", Kind::Text), ("last_value", Kind::Number)];
const SETTINGS: &[Column] = &[("name", Kind::Text), ("value", Kind::Text), ("description", Kind::Text)];
const SIZE: &[Column] = &[
    ("database_name", Kind::Text),
    ("database_size", Kind::Text),
    ("tables", Kind::Number),
    ("segments", Kind::Number),
    ("rows", Kind::Number),
    ("memory_limit", Kind::Text),
];
const DATABASE_LIST: &[Column] = &[("seq", Kind::Number), ("name", Kind::Text), ("file", Kind::Text)];
const VERSION: &[Column] = &[("library_version", Kind::Text)];

/// One list.
pub(super) async fn list(context: &Context, of: Listed, schema: Option<&ObjectName>, pattern: Option<&str>) -> Result<RecordBatch> {
    if let (Listed::Tables, Some(name)) = (of, schema)
        && let Some(names) = attached_tables(context, name)
    {
        return names_batch(names, pattern);
    }
    let schema = schema.map(|name| schema_name(context, name)).transpose()?;
    match of {
        Listed::Tables => {
            let schema = schema.unwrap_or_else(|| context.current_schema().to_owned());
            let provider = catalog(context)?.schema(&schema);
            let mut names = provider.map(|schema| schema.table_names()).unwrap_or_default();
            if schema == context.current_schema() {
                names.extend(context.temporary.iter().flat_map(|snapshot| lookup::relation_names(snapshot, TEMPORARY)));
            }
            names.sort_unstable();
            names.dedup();
            names_batch(names, pattern)
        }
        Listed::Views => {
            let schema = schema.unwrap_or_else(|| context.current_schema().to_owned());
            let stored = context.snapshot.views(&schema).into_iter();
            let temporary = context.temporary.iter().flat_map(|snapshot| snapshot.views(TEMPORARY));
            names_batch(stored.chain(temporary).map(|view| view.name.clone()), pattern)
        }
        Listed::TablesWithColumns => {
            let objects = objects(context).await?;
            let wanted = objects.relations.iter().filter(|relation| match &schema {
                Some(schema) => relation.schema == *schema,
                None => !relation.is_internal(),
            });
            like(cells::batch(WITH_COLUMNS, &wanted.map(with_columns).collect::<Vec<_>>())?, 2, pattern)
        }
        Listed::Schemas => {
            let objects = objects(context).await?;
            let mut names: Vec<&str> = objects.schemas.iter().map(|schema| schema.name.as_str()).collect();
            names.sort_unstable();
            let rows: Vec<_> = names.into_iter().map(|name| row![CATALOG, name, name == context.current_schema()]).collect();
            like(cells::batch(SCHEMAS, &rows)?, 1, pattern)
        }
        Listed::Databases => {
            let attached = context.catalogs.attached_names().into_iter().filter(|name| name != TEMPORARY).map(|name| row![name]);
            let mut rows: Vec<_> = std::iter::once(row![CATALOG]).chain(attached).collect();
            rows.sort_by_key(|row| format!("{row:?}"));
            like(cells::batch(DATABASES, &rows)?, 0, pattern)
        }
        Listed::Functions => {
            let objects = objects(context).await?;
            let functions = all_functions(&Facts { objects: &objects, session: &context.state });
            let row = |function: &FunctionObject| row![function.name.clone(), function.kind, function.description.clone()];
            like(cells::batch(FUNCTIONS, &functions.iter().map(row).collect::<Vec<_>>())?, 0, pattern)
        }
        Listed::Macros => {
            let objects = objects(context).await?;
            let rows: Vec<_> =
                objects.macros.iter().map(|(schema, _, meta)| row![schema.clone(), meta.name.clone(), meta.definition.clone()]).collect();
            like(cells::batch(MACROS, &rows)?, 1, pattern)
        }
        Listed::Sequences => sequences(&objects(context).await?, pattern),
    }
}

fn sequences(objects: &Objects, pattern: Option<&str>) -> Result<RecordBatch> {
    let rows: Vec<_> = objects
        .sequences
        .iter()
        .map(|(schema, _, meta)| row![schema.clone(), meta.name.clone(), meta.taken.checked_sub(1).and_then(|last| meta.number(last).ok())])
        .collect();
    like(cells::batch(SEQUENCES, &rows)?, 1, pattern)
}

/// The tables of an attached database's schema, `main` unless it is named.
fn attached_tables(context: &Context, name: &ObjectName) -> Option<Vec<String>> {
    let parts = parse::name_parts(name).ok()?;
    let database = parts.first().filter(|first| parts.len() <= 2 && context.snapshot.schema(first).is_none())?;
    let attached = context.catalogs.attached().into_iter().find(|attached| attached.name == *database)?;
    let schema = attached.catalog.schema(parts.get(1).map_or(DEFAULT_SCHEMA, String::as_str))?;
    let mut names = schema.table_names();
    names.sort_unstable();
    Some(names)
}

/// A schema's name, those included that are in every database.
fn schema_name(context: &Context, name: &ObjectName) -> Result<String> {
    let parts = lookup::parts(name)?;
    if let Some(last) = parts.last().filter(|_| parts.len() <= 2) {
        let built_in = [introspection::INFORMATION_SCHEMA, introspection::PG_CATALOG, crate::system_tables::SYSTEM_SCHEMA];
        if let Some(schema) = built_in.into_iter().find(|schema| schema.eq_ignore_ascii_case(last)) {
            return Ok(schema.to_owned());
        }
    }
    lookup::schema_of_name(&context.snapshot, name)
}

fn with_columns(relation: &Relation) -> Vec<Cell> {
    let names: Vec<String> = relation.columns.iter().map(|column| column.field.name().clone()).collect();
    let types: Vec<String> = relation.columns.iter().map(|column| sql_name(&column.field)).collect();
    row![CATALOG, relation.schema.clone(), relation.name.clone(), names, types, false]
}

/// SHOW ALL.
pub(super) fn settings(context: &Context) -> Result<RecordBatch> {
    // Those of the planner are many, and for few: duckdb_settings() lists them too.
    let all = all_settings::all(&asked(context)?).into_iter().filter(|setting| !setting.name.starts_with("datafusion."));
    let rows: Vec<_> = all.map(|setting| row![setting.name, setting.value, setting.description]).collect();
    cells::batch(SETTINGS, &rows)
}

/// A fact, as PRAGMA tells it.
pub(super) fn fact(context: &Context, fact: Fact) -> Result<RecordBatch> {
    let catalog = catalog(context)?;
    match fact {
        Fact::Version => cells::batch(VERSION, &[row![version()]]),
        Fact::DatabaseList => cells::batch(DATABASE_LIST, &[row![DATABASE_OID, CATALOG, catalog.snapshot().store().url()]]),
        Fact::DatabaseSize => {
            let objects = Objects::names(&catalog);
            let tables: Vec<_> = objects.tables().map(|(_, table)| table).collect();
            let sum = |of: fn(&clouddb_storage::TableSnapshot) -> u64| {
                i64::try_from(tables.iter().map(|table| of(table)).fold(0, u64::saturating_add)).unwrap_or(i64::MAX)
            };
            let bytes = usize::try_from(sum(|table| table.bytes())).map_err(|_| Error::internal("a size below 0"))?;
            let limit = all_settings::value(&asked(context)?, "memory_limit")?;
            let cells =
                row![CATALOG, size_text(bytes), tables.len(), sum(|table| table.segment_count() as u64), sum(|table| table.rows()), limit];
            cells::batch(SIZE, &[cells])
        }
    }
}
