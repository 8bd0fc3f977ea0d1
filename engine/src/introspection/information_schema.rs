//! `information_schema`, as SQL defines it, with DuckDB's columns. Constraints are never there: NOT NULL is told of columns.

use arrow::datatypes::DataType;

use super::cells::{Cell, Column, Kind, row, yes_no};
use super::objects::{ColumnObject, Relation};
use super::{Definition, Facts, INFORMATION_SCHEMA, functions};
use crate::settings::CATALOG;
use crate::types::sql_name;

const T: Kind = Kind::Text;
const I: Kind = Kind::Int;

const SCHEMATA: &[Column] = &[
    ("catalog_name", T),
    ("schema_name", T),
    ("schema_owner", T),
    ("default_character_set_catalog", T),
    ("default_character_set_schema", T),
    ("default_character_set_name", T),
    ("sql_path", T),
];

const TABLE_COLUMNS: &[Column] = &[
    ("table_catalog", T),
    ("table_schema", T),
    ("table_name", T),
    ("table_type", T),
    ("self_referencing_column_name", T),
    ("reference_generation", T),
    ("user_defined_type_catalog", T),
    ("user_defined_type_schema", T),
    ("user_defined_type_name", T),
    ("is_insertable_into", T),
    ("is_typed", T),
    ("commit_action", T),
    ("table_comment", T),
];

const COLUMN_COLUMNS: &[Column] = &[
    ("table_catalog", T),
    ("table_schema", T),
    ("table_name", T),
    ("column_name", T),
    ("ordinal_position", I),
    ("column_default", T),
    ("is_nullable", T),
    ("data_type", T),
    ("character_maximum_length", I),
    ("character_octet_length", I),
    ("numeric_precision", I),
    ("numeric_precision_radix", I),
    ("numeric_scale", I),
    ("datetime_precision", I),
    ("interval_type", T),
    ("interval_precision", I),
    ("character_set_catalog", T),
    ("character_set_schema", T),
    ("character_set_name", T),
    ("collation_catalog", T),
    ("collation_schema", T),
    ("collation_name", T),
    ("domain_catalog", T),
    ("domain_schema", T),
    ("domain_name", T),
    ("udt_catalog", T),
    ("udt_schema", T),
    ("udt_name", T),
    ("is_identity", T),
    ("identity_generation", T),
    ("is_generated", T),
    ("generation_expression", T),
    ("is_updatable", T),
    ("column_comment", T),
];

const VIEW_COLUMNS: &[Column] = &[
    ("table_catalog", T),
    ("table_schema", T),
    ("table_name", T),
    ("view_definition", T),
    ("check_option", T),
    ("is_updatable", T),
    ("is_insertable_into", T),
];

const TABLE_CONSTRAINTS: &[Column] = &[
    ("constraint_catalog", T),
    ("constraint_schema", T),
    ("constraint_name", T),
    ("table_catalog", T),
    ("table_schema", T),
    ("table_name", T),
    ("constraint_type", T),
    ("is_deferrable", T),
    ("initially_deferred", T),
    ("enforced", T),
    ("nulls_distinct", T),
];

const KEY_COLUMN_USAGE: &[Column] = &[
    ("constraint_catalog", T),
    ("constraint_schema", T),
    ("constraint_name", T),
    ("table_catalog", T),
    ("table_schema", T),
    ("table_name", T),
    ("column_name", T),
    ("ordinal_position", I),
    ("position_in_unique_constraint", I),
];

const REFERENTIAL_CONSTRAINTS: &[Column] = &[
    ("constraint_catalog", T),
    ("constraint_schema", T),
    ("constraint_name", T),
    ("unique_constraint_catalog", T),
    ("unique_constraint_schema", T),
    ("unique_constraint_name", T),
    ("match_option", T),
    ("update_rule", T),
    ("delete_rule", T),
];

const CONSTRAINT_COLUMN_USAGE: &[Column] = &[
    ("table_catalog", T),
    ("table_schema", T),
    ("table_name", T),
    ("column_name", T),
    ("constraint_catalog", T),
    ("constraint_schema", T),
    ("constraint_name", T),
];

const ROUTINES: &[Column] = &[
    ("specific_catalog", T),
    ("specific_schema", T),
    ("specific_name", T),
    ("routine_catalog", T),
    ("routine_schema", T),
    ("routine_name", T),
    ("routine_type", T),
    ("function_type", T),
    ("data_type", T),
    ("routine_definition", T),
    ("is_deterministic", T),
];

const SEQUENCES: &[Column] = &[
    ("sequence_catalog", T),
    ("sequence_schema", T),
    ("sequence_name", T),
    ("data_type", T),
    ("numeric_precision", I),
    ("numeric_precision_radix", I),
    ("numeric_scale", I),
    ("start_value", T),
    ("minimum_value", T),
    ("maximum_value", T),
    ("increment", T),
    ("cycle_option", T),
];

const NAME: &[Column] = &[("catalog_name", T)];

const fn table(name: &'static str, columns: &'static [Column], rows: fn(&Facts<'_>) -> Vec<Vec<Cell>>) -> Definition {
    Definition { schema: INFORMATION_SCHEMA, name, columns, rows }
}

/// The tables.
pub(super) static TABLES: &[Definition] = &[
    table("schemata", SCHEMATA, |facts| facts.objects.schemas.iter().map(|schema| row![CATALOG, schema.name.clone(), CATALOG]).collect()),
    table("tables", TABLE_COLUMNS, |facts| facts.objects.relations.iter().map(of_table).collect()),
    table("columns", COLUMN_COLUMNS, |facts| facts.objects.relations.iter().flat_map(of_columns).collect()),
    table("views", VIEW_COLUMNS, |facts| {
        let view = |(relation, view): (&Relation, &clouddb_storage::catalog::ViewMeta)| {
            row![CATALOG, relation.schema.clone(), relation.name.clone(), view.sql.clone(), "NONE", "NO", "NO"]
        };
        facts.objects.views().map(view).collect()
    }),
    table("table_constraints", TABLE_CONSTRAINTS, |_| Vec::new()),
    table("key_column_usage", KEY_COLUMN_USAGE, |_| Vec::new()),
    table("referential_constraints", REFERENTIAL_CONSTRAINTS, |_| Vec::new()),
    table("constraint_column_usage", CONSTRAINT_COLUMN_USAGE, |_| Vec::new()),
    table("routines", ROUTINES, |facts| functions::all(facts).iter().map(of_function).collect()),
    table("sequences", SEQUENCES, |facts| {
        let sequence = |(schema, _, meta): &(String, i64, std::sync::Arc<clouddb_storage::catalog::SequenceMeta>)| {
            let numbers = [meta.start, meta.min, meta.max, meta.increment].map(|number| Cell::from(number.to_string()));
            let mut cells = row![CATALOG, schema.clone(), meta.name.clone(), "BIGINT", 64_i64, 2_i64, 0_i64];
            cells.extend(numbers);
            cells.push(yes_no(meta.cycle));
            cells
        };
        facts.objects.sequences.iter().map(sequence).collect()
    }),
    table("information_schema_catalog_name", NAME, |_| vec![row![CATALOG]]),
];

fn of_table(relation: &Relation) -> Vec<Cell> {
    let is_table = !relation.is_view() && !relation.is_internal();
    let what = match (is_table, relation.is_temporary()) {
        (true, true) => "LOCAL TEMPORARY",
        (true, false) => "BASE TABLE",
        (false, _) => "VIEW",
    };
    let mut cells = row![CATALOG, relation.schema.clone(), relation.name.clone(), what];
    cells.extend(std::iter::repeat_n(Cell::Null, 5));
    cells.extend([yes_no(is_table), Cell::from("NO"), Cell::Null, Cell::from(relation.comment.clone())]);
    cells
}

fn of_columns(relation: &Relation) -> impl Iterator<Item = Vec<Cell>> {
    relation.columns.iter().enumerate().map(move |(at, column)| of_column(relation, at + 1, column))
}

fn of_column(relation: &Relation, position: usize, column: &ColumnObject) -> Vec<Cell> {
    let (precision, radix, scale) = numeric(column.field.data_type());
    let mut cells =
        row![CATALOG, relation.schema.clone(), relation.name.clone(), column.field.name().as_str(), position, column.default.clone(),];
    cells.extend([yes_no(column.nullable), Cell::from(sql_name(&column.field)), Cell::Null, Cell::Null]);
    cells.extend([precision, radix, scale].map(Cell::from));
    cells.push(Cell::from(fraction_digits(column.field.data_type())));
    cells.extend(std::iter::repeat_n(Cell::Null, 14));
    let is_table = !relation.is_view() && !relation.is_internal();
    cells.extend([Cell::from("NO"), Cell::Null, Cell::from("NEVER"), Cell::Null, yes_no(is_table), Cell::from(column.comment.clone())]);
    cells
}

/// The digits of a number's type, in which base they are counted, and how many of them are behind the point.
pub(super) fn numeric(data_type: &DataType) -> (Option<i64>, Option<i64>, Option<i64>) {
    let whole = |bits| (Some(bits), Some(2), Some(0));
    match data_type {
        DataType::Int8 | DataType::UInt8 => whole(8),
        DataType::Int16 | DataType::UInt16 => whole(16),
        DataType::Int32 | DataType::UInt32 => whole(32),
        DataType::Int64 | DataType::UInt64 => whole(64),
        DataType::Float32 => (Some(24), Some(2), Some(0)),
        DataType::Float64 => (Some(53), Some(2), Some(0)),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            (Some(i64::from(*precision)), Some(10), Some(i64::from(*scale)))
        }
        _ => (None, None, None),
    }
}

fn fraction_digits(data_type: &DataType) -> Option<i64> {
    use arrow::datatypes::TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    match data_type {
        DataType::Date32 => Some(0),
        DataType::Timestamp(unit, _) | DataType::Time32(unit) | DataType::Time64(unit) => Some(match unit {
            Second => 0,
            Millisecond => 3,
            Microsecond => 6,
            Nanosecond => 9,
        }),
        _ => None,
    }
}

fn of_function(function: &functions::FunctionObject) -> Vec<Cell> {
    row![
        CATALOG,
        function.schema.clone(),
        function.name.clone(),
        CATALOG,
        function.schema.clone(),
        function.name.clone(),
        "FUNCTION",
        function.kind,
        Cell::Null,
        function.definition.clone(),
        yes_no(function.deterministic),
    ]
}
