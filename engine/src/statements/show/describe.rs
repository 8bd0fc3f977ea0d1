//! DESCRIBE: the columns of a table, a view, a file or a query, in DuckDB's columns.

use arrow::array::RecordBatch;
use arrow::datatypes::Field;
use datafusion::sql::sqlparser::ast::{ObjectName, Query};

use super::{Target, catalog, like};
use crate::catalog::CloudCatalog;
use crate::error::Result;
use crate::introspection::cells::{self, Cell, Column, Kind, row, yes_no};
use crate::introspection::objects::ColumnObject;
use crate::introspection::{self};
use crate::settings::CATALOG;
use crate::statements::context::Context;
use crate::statements::lookup::{self, Found};
use crate::statements::syntax::parse;
use crate::types::{quoted_where_needed, sql_name};
use datafusion::catalog::CatalogProvider;

const DESCRIBED: &[Column] = &[
    ("column_name", Kind::Text),
    ("column_type", Kind::Text),
    ("null", Kind::Text),
    ("key", Kind::Text),
    ("default", Kind::Text),
    ("extra", Kind::Text),
];

const TABLE_INFO: &[Column] = &[
    ("cid", Kind::Int),
    ("name", Kind::Text),
    ("type", Kind::Text),
    ("notnull", Kind::Flag),
    ("dflt_value", Kind::Text),
    ("pk", Kind::Flag),
];

/// The rows of DESCRIBE; with a pattern only the columns whose names are like it.
pub(super) async fn describe(context: &Context, target: Target, pattern: Option<&str>) -> Result<RecordBatch> {
    let rows: Vec<Vec<Cell>> = columns(context, target)
        .await?
        .iter()
        .map(|column| {
            let mut cells = row![column.field.name().as_str(), type_name(&column.field)];
            cells.extend([yes_no(column.nullable), Cell::Null, Cell::from(column.default.clone()), Cell::Null]);
            cells
        })
        .collect();
    like(cells::batch(DESCRIBED, &rows)?, 0, pattern)
}

/// The rows of PRAGMA table_info.
pub(super) async fn table_info(context: &Context, table: ObjectName) -> Result<RecordBatch> {
    let columns = columns(context, Target::Name(table)).await?;
    let rows: Vec<Vec<Cell>> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            row![at, column.field.name().as_str(), type_name(&column.field), !column.nullable, column.default.clone(), false]
        })
        .collect();
    cells::batch(TABLE_INFO, &rows)
}

fn type_name(field: &Field) -> String {
    sql_name(field)
}

async fn columns(context: &Context, target: Target) -> Result<Vec<ColumnObject>> {
    let query = match target {
        Target::Query(query) => query,
        Target::Name(name) => {
            let (snapshot, place) = context.place(&name)?;
            if let Some((_, Found::Table(table))) = lookup::relation_if_exists(context, snapshot, &place)? {
                let column = |column: &clouddb_storage::catalog::Column| ColumnObject {
                    field: std::sync::Arc::clone(column.field()),
                    nullable: column.field().is_nullable(),
                    default: column.default().map(str::to_owned),
                    comment: column.comment().map(str::to_owned),
                };
                return Ok(table.meta().columns.iter().map(column).collect());
            }
            query_of(context, &name)?
        }
    };
    let plan = context.plan_query(query).await?;
    let column =
        |field: &std::sync::Arc<Field>| ColumnObject { field: std::sync::Arc::clone(field), nullable: true, default: None, comment: None };
    Ok(context.output(&plan)?.fields().iter().map(column).collect())
}

/// The query that reads all of what a name stands for: a table, a view, a table of the catalog, a file.
///
/// # Errors
/// *Not found*, with the nearest name.
pub(super) fn query_of(context: &Context, name: &ObjectName) -> Result<Box<Query>> {
    let (snapshot, place) = context.place(name)?;
    let written = match lookup::relation_if_exists(context, snapshot, &place)? {
        // As it was named: it is found first.
        Some(_) if place != *name => place.to_string(),
        Some((found, _)) => format!("{}.{}", quoted_where_needed(&found.schema), quoted_where_needed(&found.name)),
        None if is_file(name) || is_attached(context, name) || is_built_in(&catalog(context)?, name)? => name.to_string(),
        None => {
            lookup::relation(context, &context.snapshot, name)?;
            name.to_string()
        }
    };
    parse::parse_query(&format!("SELECT * FROM {written}"))
}

/// Whether a name stands for something with columns.
pub(super) fn is_relation(context: &Context, name: &ObjectName) -> Result<bool> {
    let (snapshot, place) = context.place(name)?;
    let found = lookup::relation_if_exists(context, snapshot, &place)?;
    Ok(found.is_some() || is_file(name) || is_attached(context, name) || is_built_in(&catalog(context)?, name)?)
}

fn is_file(name: &ObjectName) -> bool {
    matches!(name.0.as_slice(), [part] if part.as_ident().is_some_and(|ident| ident.quote_style == Some('\'')))
}

/// Whether a name begins with that of an attached database.
fn is_attached(context: &Context, name: &ObjectName) -> bool {
    let parts = parse::name_parts(name).unwrap_or_default();
    parts.len() > 1
        && context.catalogs.attached_names().contains(&parts[0])
        && (parts.len() == 3 || context.snapshot.schema(&parts[0]).is_none())
}

/// Whether it is a table that is in every database.
fn is_built_in(catalog: &CloudCatalog, name: &ObjectName) -> Result<bool> {
    let parts: Vec<String> = lookup::parts(name)?.iter().map(|part| part.to_lowercase()).collect();
    Ok(match parts.as_slice() {
        [name] => introspection::unqualified(catalog, name).is_some(),
        [database, _, _] if database != CATALOG => false,
        [schema, name] | [_, schema, name] => catalog.schema(schema).is_some_and(|schema| schema.table_exist(name)),
        _ => false,
    })
}
