//! DuckDB's names for the same things: `duckdb_tables()` and its like, `sqlite_master`, and the tables behind `PRAGMA`.

use std::sync::Arc;

use clouddb_storage::catalog::SequenceMeta;

use super::cells::{Cell, Column, Kind, row};
use super::functions::{self, FunctionObject};
use super::information_schema::numeric;
use super::objects::{DATABASE_OID, Relation, SchemaObject, What};
use super::{Definition, Facts, PG_CATALOG, duckdb_types, pg_types};
use crate::session::view::Asked;
use crate::settings::CATALOG;
use crate::statements::objects::ddl;
use crate::statements::settings;
use crate::types::sql_name;

const T: Kind = Kind::Text;
const I: Kind = Kind::Int;
const N: Kind = Kind::Number;
const F: Kind = Kind::Flag;

const DATABASES: &[Column] =
    &[("database_name", T), ("database_oid", N), ("path", T), ("comment", T), ("internal", F), ("type", T), ("readonly", F)];

const SCHEMAS: &[Column] =
    &[("oid", N), ("database_name", T), ("database_oid", N), ("schema_name", T), ("comment", T), ("internal", F), ("sql", T)];

const TABLES_COLUMNS: &[Column] = &[
    ("database_name", T),
    ("database_oid", N),
    ("schema_name", T),
    ("schema_oid", N),
    ("table_name", T),
    ("table_oid", N),
    ("comment", T),
    ("internal", F),
    ("temporary", F),
    ("has_primary_key", F),
    ("estimated_size", N),
    ("column_count", N),
    ("index_count", N),
    ("check_constraint_count", N),
    ("sql", T),
];

const VIEWS_COLUMNS: &[Column] = &[
    ("database_name", T),
    ("database_oid", N),
    ("schema_name", T),
    ("schema_oid", N),
    ("view_name", T),
    ("view_oid", N),
    ("comment", T),
    ("internal", F),
    ("temporary", F),
    ("column_count", N),
    ("sql", T),
];

const COLUMNS_COLUMNS: &[Column] = &[
    ("database_name", T),
    ("database_oid", N),
    ("schema_name", T),
    ("schema_oid", N),
    ("table_name", T),
    ("table_oid", N),
    ("column_name", T),
    ("column_index", I),
    ("comment", T),
    ("internal", F),
    ("column_default", T),
    ("is_nullable", F),
    ("data_type", T),
    ("data_type_id", N),
    ("character_maximum_length", I),
    ("numeric_precision", I),
    ("numeric_precision_radix", I),
    ("numeric_scale", I),
];

const FUNCTIONS_COLUMNS: &[Column] = &[
    ("database_name", T),
    ("schema_name", T),
    ("function_name", T),
    ("alias_of", T),
    ("function_type", T),
    ("description", T),
    ("macro_definition", T),
    ("has_side_effects", F),
    ("internal", F),
];

const SETTINGS_COLUMNS: &[Column] =
    &[("name", T), ("value", T), ("description", T), ("input_type", T), ("scope", T), ("aliases", Kind::Texts)];

const SEQUENCES_COLUMNS: &[Column] = &[
    ("database_name", T),
    ("schema_name", T),
    ("schema_oid", N),
    ("sequence_name", T),
    ("comment", T),
    ("temporary", F),
    ("start_value", N),
    ("min_value", N),
    ("max_value", N),
    ("increment_by", N),
    ("cycle", F),
    ("last_value", N),
    ("sql", T),
];

const SQLITE_MASTER: &[Column] = &[("type", T), ("name", T), ("tbl_name", T), ("rootpage", I), ("sql", T)];

const TABLE_INFO: &[Column] =
    &[("table_schema", T), ("table_name", T), ("cid", I), ("name", T), ("type", T), ("notnull", F), ("dflt_value", T), ("pk", F)];

const ALL_TABLES: &[Column] =
    &[("database", T), ("schema", T), ("name", T), ("column_names", Kind::Texts), ("column_types", Kind::Texts), ("temporary", F)];

const fn table(name: &'static str, columns: &'static [Column], rows: fn(&Facts<'_>) -> Vec<Vec<Cell>>) -> Definition {
    Definition { schema: PG_CATALOG, name, columns, rows }
}

/// The tables.
pub(super) static TABLES: &[Definition] = &[
    table("duckdb_databases", DATABASES, |facts| {
        let Some(asked) = Asked::of(facts.session.config_options()) else { return Vec::new() };
        let path = asked.view.catalog().map(|catalog| catalog.snapshot().store().url().to_owned());
        let read_only = asked.view.database.storage().is_read_only();
        let own = row![CATALOG, DATABASE_OID, path, Cell::Null, false, "clouddb", read_only];
        let others = asked.view.attached().into_iter().enumerate().map(|(at, other)| {
            row![other.name, DATABASE_OID + 1 + i64::try_from(at).unwrap_or(0), other.location, Cell::Null, false, "clouddb", true]
        });
        std::iter::once(own).chain(others).collect()
    }),
    table("duckdb_schemas", SCHEMAS, |facts| facts.objects.schemas.iter().map(schema).collect()),
    table("duckdb_tables", TABLES_COLUMNS, |facts| facts.objects.tables().map(|(relation, _)| of_table(relation)).collect()),
    table("duckdb_views", VIEWS_COLUMNS, |facts| {
        let views = facts.objects.relations.iter().filter(|relation| relation.is_view() || relation.is_internal());
        views.map(of_view).collect()
    }),
    table("duckdb_columns", COLUMNS_COLUMNS, |facts| facts.objects.relations.iter().flat_map(columns).collect()),
    table("duckdb_functions", FUNCTIONS_COLUMNS, |facts| functions::all(facts).iter().map(function).collect()),
    table("duckdb_settings", SETTINGS_COLUMNS, |facts| {
        let Some(asked) = Asked::of(facts.session.config_options()) else { return Vec::new() };
        let setting = |setting: settings::Shown| {
            row![setting.name, setting.value, setting.description, setting.input_type, setting.scope, setting.aliases]
        };
        settings::all(&asked).into_iter().map(setting).collect()
    }),
    table("duckdb_sequences", SEQUENCES_COLUMNS, |facts| facts.objects.sequences.iter().map(sequence).collect()),
    table("duckdb_types", duckdb_types::COLUMNS, |_| duckdb_types::rows()),
    table("sqlite_master", SQLITE_MASTER, |facts| {
        let entry = |relation: &Relation| {
            let kind = if relation.is_view() { "view" } else { "table" };
            row![kind, relation.name.clone(), relation.name.clone(), 0_i64, sql(relation)]
        };
        facts.objects.of_users().map(entry).collect()
    }),
    // What PRAGMA table_info('t') and pragma_table_info('t') choose their rows from.
    table("pragma_table_info", TABLE_INFO, |facts| facts.objects.relations.iter().flat_map(table_info).collect()),
    // What SHOW ALL TABLES shows.
    table("pragma_show_tables_expanded", ALL_TABLES, |facts| facts.objects.of_users().map(with_columns).collect()),
];

/// The statement that makes a table or a view.
fn sql(relation: &Relation) -> Option<String> {
    let name = ddl::qualified(&relation.schema, &relation.name);
    match &relation.what {
        What::Table(table) => Some(ddl::create_table(&name, table.meta())),
        What::View(view) => Some(ddl::create_view(&name, view)),
        What::System => None,
    }
}

fn schema(schema: &SchemaObject) -> Vec<Cell> {
    let sql = (!schema.internal).then(|| ddl::create_schema(&schema.name));
    row![schema.oid, CATALOG, DATABASE_OID, schema.name.clone(), schema.comment.clone(), schema.internal, sql]
}

/// Where a relation is: what several tables begin with.
fn place(relation: &Relation) -> Vec<Cell> {
    row![CATALOG, DATABASE_OID, relation.schema.clone(), relation.schema_oid, relation.name.clone(), relation.oid]
}

fn of_table(relation: &Relation) -> Vec<Cell> {
    let mut cells = place(relation);
    cells.extend(row![
        relation.comment.clone(),
        false,
        relation.is_temporary(),
        false,
        relation.rows(),
        relation.columns.len(),
        0_i64,
        0_i64,
        sql(relation)
    ]);
    cells
}

fn of_view(relation: &Relation) -> Vec<Cell> {
    let mut cells = place(relation);
    cells.extend(row![relation.comment.clone(), relation.is_internal(), relation.is_temporary(), relation.columns.len(), sql(relation)]);
    cells
}

fn columns(relation: &Relation) -> impl Iterator<Item = Vec<Cell>> {
    relation.columns.iter().enumerate().map(move |(at, column)| {
        let (precision, radix, scale) = numeric(column.field.data_type());
        let mut cells = place(relation);
        cells.extend(row![column.field.name().as_str(), at + 1, column.comment.clone(), relation.is_internal()]);
        cells.extend(row![column.default.clone(), column.nullable, sql_name(&column.field), pg_types::oid_of(&column.field)]);
        cells.extend(row![Cell::Null, precision, radix, scale]);
        cells
    })
}

fn function(function: &FunctionObject) -> Vec<Cell> {
    row![
        CATALOG,
        function.schema.clone(),
        function.name.clone(),
        function.alias_of.clone(),
        function.kind,
        function.description.clone(),
        function.definition.clone(),
        !function.deterministic,
        function.kind != "macro",
    ]
}

fn sequence((schema, oid, meta): &(String, i64, Arc<SequenceMeta>)) -> Vec<Cell> {
    row![
        CATALOG,
        schema.clone(),
        *oid,
        meta.name.clone(),
        meta.comment.clone(),
        false,
        meta.start,
        meta.min,
        meta.max,
        meta.increment,
        meta.cycle,
        meta.taken.checked_sub(1).and_then(|last| meta.number(last).ok()),
        ddl::create_sequence(&ddl::qualified(schema, &meta.name), meta),
    ]
}

fn table_info(relation: &Relation) -> impl Iterator<Item = Vec<Cell>> {
    relation.columns.iter().enumerate().map(move |(at, column)| {
        row![
            relation.schema.clone(),
            relation.name.clone(),
            at,
            column.field.name().as_str(),
            sql_name(&column.field),
            !column.nullable,
            column.default.clone(),
            false,
        ]
    })
}

fn with_columns(relation: &Relation) -> Vec<Cell> {
    let names: Vec<String> = relation.columns.iter().map(|column| column.field.name().clone()).collect();
    let types: Vec<String> = relation.columns.iter().map(|column| sql_name(&column.field)).collect();
    row![CATALOG, relation.schema.clone(), relation.name.clone(), names, types, false]
}
