//! Functions that PostgreSQL's tools call with the numbers of objects.

use super::super::cells::{Cell, Kind};
use super::super::objects::{Objects, What};
use super::super::pg_types;
use super::{FunctionDefinition, number, text};
use crate::error::Result;
use crate::session::view::Asked;

const YES: fn(&Asked<'_>, &[Cell]) -> Result<Cell> = |_, _| Ok(Cell::Flag(true));
const NOTHING: fn(&Asked<'_>, &[Cell]) -> Result<Cell> = |_, _| Ok(Cell::Null);
const FIRST: fn(&Asked<'_>, &[Cell]) -> Result<Cell> = |_, arguments| Ok(arguments.first().cloned().unwrap_or(Cell::Null));

/// The functions.
pub(super) static FUNCTIONS: &[FunctionDefinition] = &[
    // An expression in the catalog is SQL already.
    function("pg_get_expr", &[2, 3], Kind::Text, FIRST),
    function("format_type", &[2], Kind::Text, format_type).not_strict(),
    function("pg_table_is_visible", &[1], Kind::Flag, is_visible),
    function("pg_type_is_visible", &[1], Kind::Flag, YES),
    function("pg_function_is_visible", &[1], Kind::Flag, YES),
    function("pg_get_viewdef", &[1, 2], Kind::Text, view_definition),
    function("obj_description", &[1, 2], Kind::Text, description),
    function("col_description", &[2], Kind::Text, column_description),
    function("shobj_description", &[2], Kind::Text, NOTHING),
    function("pg_get_userbyid", &[1], Kind::Text, |_, _| Ok(Cell::from(super::of_session::OWNER))),
    function("pg_encoding_to_char", &[1], Kind::Text, |_, _| Ok(Cell::from("UTF8"))),
    function("pg_get_indexdef", &[1, 3], Kind::Text, NOTHING),
    function("pg_get_constraintdef", &[1, 2], Kind::Text, NOTHING),
    function("pg_get_partkeydef", &[1], Kind::Text, NOTHING),
    function("pg_get_serial_sequence", &[2], Kind::Text, NOTHING),
    function("pg_get_function_result", &[1], Kind::Text, NOTHING),
    function("pg_get_function_arguments", &[1], Kind::Text, NOTHING),
    function("pg_get_function_identity_arguments", &[1], Kind::Text, NOTHING),
    function("pg_get_statisticsobjdef_columns", &[1], Kind::Text, NOTHING),
    function("pg_relation_is_publishable", &[1], Kind::Flag, |_, _| Ok(Cell::Flag(false))),
    function("pg_relation_size", &[1, 2], Kind::Number, size),
    function("pg_table_size", &[1], Kind::Number, size),
    function("pg_total_relation_size", &[1], Kind::Number, size),
    function("pg_is_in_recovery", &[0], Kind::Flag, |_, _| Ok(Cell::Flag(false))),
    function("has_schema_privilege", &[2, 3], Kind::Flag, YES),
    function("has_table_privilege", &[2, 3], Kind::Flag, YES),
    function("has_column_privilege", &[3, 4], Kind::Flag, YES),
    function("has_any_column_privilege", &[2, 3], Kind::Flag, YES),
    function("has_database_privilege", &[2, 3], Kind::Flag, YES),
    function("has_function_privilege", &[2, 3], Kind::Flag, YES),
    function("has_sequence_privilege", &[2, 3], Kind::Flag, YES),
    // What a cast to regclass becomes.
    function("to_regclass", &[1], Kind::Number, regclass),
];

const fn function(
    name: &'static str,
    arguments: &'static [usize],
    result: Kind,
    evaluate: fn(&Asked<'_>, &[Cell]) -> Result<Cell>,
) -> FunctionDefinition {
    FunctionDefinition { name, aliases: &[], arguments, result, strict: true, volatile: false, evaluate }
}

impl FunctionDefinition {
    const fn not_strict(mut self) -> Self {
        self.strict = false;
        self
    }
}

fn objects(asked: &Asked<'_>) -> Objects {
    asked.view.catalog().map(|catalog| Objects::names(&catalog)).unwrap_or_default()
}

fn format_type(_: &Asked<'_>, arguments: &[Cell]) -> Result<Cell> {
    let (Some(oid), modifier) = (arguments.first().and_then(number), arguments.get(1).and_then(number)) else { return Ok(Cell::Null) };
    Ok(Cell::from(pg_types::name_of(oid, modifier)))
}

fn is_visible(asked: &Asked<'_>, arguments: &[Cell]) -> Result<Cell> {
    let Some(oid) = arguments.first().and_then(number) else { return Ok(Cell::Null) };
    let objects = objects(asked);
    let found = objects.relations.iter().find(|relation| relation.oid == oid);
    Ok(Cell::from(found.map(|relation| relation.schema == asked.current_schema())))
}

fn view_definition(asked: &Asked<'_>, arguments: &[Cell]) -> Result<Cell> {
    let Some(oid) = arguments.first().and_then(number) else { return Ok(Cell::Null) };
    let objects = objects(asked);
    let found = objects.views().find(|(relation, _)| relation.oid == oid);
    Ok(Cell::from(found.map(|(_, view)| format!("{};", view.sql))))
}

fn description(asked: &Asked<'_>, arguments: &[Cell]) -> Result<Cell> {
    let Some(oid) = arguments.first().and_then(number) else { return Ok(Cell::Null) };
    let objects = objects(asked);
    let relation = objects.relations.iter().find(|relation| relation.oid == oid).and_then(|relation| relation.comment.clone());
    let schema = objects.schemas.iter().find(|schema| schema.oid == oid).and_then(|schema| schema.comment.clone());
    Ok(Cell::from(relation.or(schema)))
}

fn column_description(asked: &Asked<'_>, arguments: &[Cell]) -> Result<Cell> {
    let (Some(oid), Some(position)) = (arguments.first().and_then(number), arguments.get(1).and_then(number)) else {
        return Ok(Cell::Null);
    };
    let objects = objects(asked);
    let relation = objects.relations.iter().find(|relation| relation.oid == oid);
    let position = usize::try_from(position).ok().and_then(|position| position.checked_sub(1));
    let column = relation.zip(position).and_then(|(relation, position)| relation.columns.get(position));
    Ok(Cell::from(column.and_then(|column| column.comment.clone())))
}

fn size(asked: &Asked<'_>, arguments: &[Cell]) -> Result<Cell> {
    let Some(oid) = arguments.first().and_then(number) else { return Ok(Cell::Null) };
    let objects = objects(asked);
    let found = objects.relations.iter().find(|relation| relation.oid == oid);
    Ok(Cell::from(found.map(|relation| match &relation.what {
        What::Table(table) => i64::try_from(table.bytes()).unwrap_or(i64::MAX),
        What::View(_) | What::System => 0,
    })))
}

fn regclass(asked: &Asked<'_>, arguments: &[Cell]) -> Result<Cell> {
    let Some(name) = arguments.first().and_then(text) else { return Ok(arguments.first().cloned().unwrap_or(Cell::Null)) };
    if let Ok(oid) = name.parse::<i64>() {
        return Ok(Cell::Number(oid));
    }
    if let Some(oid) = super::super::pg_catalog::own_oid(name) {
        return Ok(Cell::Number(oid));
    }
    let parts: Vec<String> = name.split('.').map(|part| part.trim_matches('"').to_owned()).collect();
    let (schema, name) = match parts.as_slice() {
        [name] => (asked.current_schema(), name.as_str()),
        [.., schema, name] => (schema.as_str(), name.as_str()),
        [] => return Ok(Cell::Null),
    };
    let objects = objects(asked);
    let is_it = |of: &str, wanted: &str| of.eq_ignore_ascii_case(wanted);
    let found = objects.relations.iter().find(|relation| is_it(&relation.schema, schema) && is_it(&relation.name, name));
    Ok(Cell::from(found.map(|relation| relation.oid)))
}
