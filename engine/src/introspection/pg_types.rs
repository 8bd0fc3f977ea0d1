//! PostgreSQL's numbers of types: tools know them by heart.

use arrow::datatypes::{DataType, Field};

use crate::types::is_uuid;

/// A type as PostgreSQL has it.
#[derive(Debug)]
pub(super) struct PgType {
    pub(super) oid: i64,
    /// As in `pg_type.typname`.
    pub(super) name: &'static str,
    /// As `format_type` says it.
    pub(super) sql: &'static str,
    /// Bytes; -1 for what varies.
    pub(super) length: i64,
    /// PostgreSQL's letter of the category.
    pub(super) category: &'static str,
    /// The number of the list of it.
    pub(super) array: i64,
}

const fn of(oid: i64, name: &'static str, sql: &'static str, length: i64, category: &'static str, array: i64) -> PgType {
    PgType { oid, name, sql, length, category, array }
}

/// The types that columns can have, and those that the catalog's own columns have.
pub(super) static TYPES: &[PgType] = &[
    of(16, "bool", "boolean", 1, "B", 1000),
    of(17, "bytea", "bytea", -1, "U", 1001),
    of(18, "char", "\"char\"", 1, "S", 1002),
    of(19, "name", "name", 64, "S", 1003),
    of(20, "int8", "bigint", 8, "N", 1016),
    of(21, "int2", "smallint", 2, "N", 1005),
    of(23, "int4", "integer", 4, "N", 1007),
    of(24, "regproc", "regproc", 4, "N", 1008),
    of(25, "text", "text", -1, "S", 1009),
    of(26, "oid", "oid", 4, "N", 1028),
    of(114, "json", "json", -1, "U", 199),
    of(700, "float4", "real", 4, "N", 1021),
    of(701, "float8", "double precision", 8, "N", 1022),
    of(1042, "bpchar", "character", -1, "S", 1014),
    of(1043, "varchar", "character varying", -1, "S", 1015),
    of(1082, "date", "date", 4, "D", 1182),
    of(1083, "time", "time without time zone", 8, "D", 1183),
    of(1114, "timestamp", "timestamp without time zone", 8, "D", 1115),
    of(1184, "timestamptz", "timestamp with time zone", 8, "D", 1185),
    of(1186, "interval", "interval", 16, "T", 1187),
    of(1700, "numeric", "numeric", -1, "N", 1231),
    of(2205, "regclass", "regclass", 4, "N", 2210),
    of(2249, "record", "record", -1, "P", 2287),
    of(2950, "uuid", "uuid", 16, "U", 2951),
];

/// The number of the type of a column. What PostgreSQL does not have becomes what holds its values.
pub(super) fn oid_of(field: &Field) -> i64 {
    if is_uuid(field) {
        return 2950;
    }
    match field.data_type() {
        DataType::Boolean => 16,
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => 21,
        DataType::UInt16 | DataType::Int32 => 23,
        DataType::UInt32 | DataType::Int64 => 20,
        DataType::UInt64 | DataType::Decimal128(..) | DataType::Decimal256(..) => 1700,
        DataType::Float16 | DataType::Float32 => 700,
        DataType::Float64 => 701,
        DataType::Binary | DataType::BinaryView | DataType::LargeBinary | DataType::FixedSizeBinary(_) => 17,
        DataType::Date32 | DataType::Date64 => 1082,
        DataType::Time32(_) | DataType::Time64(_) => 1083,
        DataType::Timestamp(_, None) => 1114,
        DataType::Timestamp(_, Some(_)) => 1184,
        DataType::Interval(_) => 1186,
        DataType::List(item) | DataType::LargeList(item) => {
            let item = oid_of(item);
            TYPES.iter().find(|found| found.oid == item).map_or(2287, |found| found.array)
        }
        DataType::Struct(_) => 2249,
        DataType::Map(..) => 114,
        _ => 1043,
    }
}

/// What PostgreSQL keeps of a type's parameters: digits of a NUMERIC.
pub(super) fn modifier_of(field: &Field) -> i64 {
    match field.data_type() {
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            ((i64::from(*precision) << 16) | i64::from(*scale)) + 4
        }
        DataType::UInt64 => (20 << 16) + 4,
        _ => -1,
    }
}

/// A type's name in SQL, from its number.
pub(super) fn name_of(oid: i64, modifier: Option<i64>) -> String {
    if let Some(found) = TYPES.iter().find(|found| found.oid == oid) {
        return match (oid, modifier) {
            (1700, Some(modifier @ 4..)) => format!("numeric({},{})", (modifier - 4) >> 16, (modifier - 4) & 0xffff),
            _ => found.sql.to_owned(),
        };
    }
    match TYPES.iter().find(|found| found.array == oid) {
        Some(found) => format!("{}[]", found.sql),
        None => "???".to_owned(),
    }
}
