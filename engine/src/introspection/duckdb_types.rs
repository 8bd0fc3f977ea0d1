//! `duckdb_types()`: the types that columns and casts can have, by all their names, as DuckDB lists its own.

use super::cells::{Cell, Column, Kind, row};
use crate::settings::{CATALOG, DEFAULT_SCHEMA};

/// The columns.
pub(super) const COLUMNS: &[Column] = &[
    ("database_name", Kind::Text),
    ("schema_name", Kind::Text),
    ("type_name", Kind::Text),
    ("type_size", Kind::Number),
    ("logical_type", Kind::Text),
    ("type_category", Kind::Text),
    ("comment", Kind::Text),
    ("internal", Kind::Flag),
];

/// What a type is called in results, its category, the bytes of a value (those of a reference where it varies), and all its names.
const TYPES: &[(&str, Option<&str>, i64, &[&str])] = &[
    ("BOOLEAN", Some("BOOLEAN"), 1, &["boolean", "bool"]),
    ("TINYINT", Some("NUMERIC"), 1, &["tinyint"]),
    ("SMALLINT", Some("NUMERIC"), 2, &["smallint", "int2"]),
    ("INTEGER", Some("NUMERIC"), 4, &["integer", "int", "int4"]),
    ("BIGINT", Some("NUMERIC"), 8, &["bigint", "int8"]),
    ("UTINYINT", Some("NUMERIC"), 1, &["utinyint"]),
    ("USMALLINT", Some("NUMERIC"), 2, &["usmallint"]),
    ("UINTEGER", Some("NUMERIC"), 4, &["uinteger"]),
    ("UBIGINT", Some("NUMERIC"), 8, &["ubigint"]),
    ("REAL", Some("NUMERIC"), 4, &["real", "float", "float4"]),
    ("DOUBLE", Some("NUMERIC"), 8, &["double", "float8"]),
    ("DECIMAL", Some("NUMERIC"), 16, &["decimal", "dec", "numeric", "hugeint"]),
    ("VARCHAR", Some("STRING"), 16, &["varchar", "text", "string", "char", "json"]),
    ("BLOB", None, 16, &["blob", "bytea", "varbinary"]),
    ("UUID", None, 16, &["uuid"]),
    ("DATE", Some("DATETIME"), 4, &["date"]),
    ("TIME", Some("DATETIME"), 8, &["time"]),
    ("TIMESTAMP", Some("DATETIME"), 8, &["timestamp", "datetime", "timestamp_us"]),
    ("TIMESTAMP_S", Some("DATETIME"), 8, &["timestamp_s"]),
    ("TIMESTAMP_MS", Some("DATETIME"), 8, &["timestamp_ms"]),
    ("TIMESTAMP_NS", Some("DATETIME"), 8, &["timestamp_ns"]),
    ("TIMESTAMP WITH TIME ZONE", Some("DATETIME"), 8, &["timestamp with time zone", "timestamptz"]),
    ("INTERVAL", Some("DATETIME"), 16, &["interval"]),
    ("LIST", Some("COMPOSITE"), 16, &["list"]),
    ("MAP", Some("COMPOSITE"), 16, &["map"]),
    ("STRUCT", Some("COMPOSITE"), 0, &["struct"]),
];

/// The rows.
pub(super) fn rows() -> Vec<Vec<Cell>> {
    let named = TYPES.iter().flat_map(|(logical, category, size, names)| names.iter().map(move |name| (name, logical, category, size)));
    let one = |(name, logical, category, size): (&&str, &&str, &Option<&str>, &i64)| {
        row![CATALOG, DEFAULT_SCHEMA, *name, *size, *logical, category.map(str::to_owned), Cell::Null, true]
    };
    named.map(one).collect()
}
