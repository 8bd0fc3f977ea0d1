//! The names that types have in SQL.

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};

/// The SQL name of a column's type, as a CREATE TABLE takes it.
pub fn sql_type_name(field: &Field) -> String {
    if field.metadata().get("ARROW:extension:name").is_some_and(|name| name == "arrow.uuid") {
        return "UUID".to_owned();
    }
    let fixed = |name: &str| name.to_owned();
    match field.data_type() {
        DataType::Null => fixed("NULL"),
        DataType::Boolean => fixed("BOOLEAN"),
        DataType::Int8 => fixed("TINYINT"),
        DataType::Int16 => fixed("SMALLINT"),
        DataType::Int32 => fixed("INTEGER"),
        DataType::Int64 => fixed("BIGINT"),
        DataType::UInt8 => fixed("TINYINT UNSIGNED"),
        DataType::UInt16 => fixed("SMALLINT UNSIGNED"),
        DataType::UInt32 => fixed("INTEGER UNSIGNED"),
        DataType::UInt64 => fixed("BIGINT UNSIGNED"),
        DataType::Float16 => fixed("HALF"),
        DataType::Float32 => fixed("REAL"),
        DataType::Float64 => fixed("DOUBLE"),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => format!("DECIMAL({precision}, {scale})"),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => fixed("VARCHAR"),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => fixed("BYTEA"),
        DataType::FixedSizeBinary(width) => format!("BINARY({width})"),
        DataType::Date32 | DataType::Date64 => fixed("DATE"),
        DataType::Time32(unit) | DataType::Time64(unit) => format!("TIME({})", digits(*unit)),
        DataType::Timestamp(unit, None) => format!("TIMESTAMP({})", digits(*unit)),
        DataType::Timestamp(unit, Some(_)) => format!("TIMESTAMP({}) WITH TIME ZONE", digits(*unit)),
        DataType::Interval(IntervalUnit::YearMonth) => fixed("INTERVAL YEAR TO MONTH"),
        DataType::Interval(IntervalUnit::DayTime) => fixed("INTERVAL DAY TO SECOND"),
        DataType::Interval(IntervalUnit::MonthDayNano) => fixed("INTERVAL"),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => format!("{}[]", sql_type_name(item)),
        DataType::Struct(fields) => {
            let fields: Vec<_> = fields.iter().map(|field| format!("{} {}", quoted(field.name()), sql_type_name(field))).collect();
            format!("STRUCT({})", fields.join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => format!("MAP({}, {})", sql_type_name(&pair[0]), sql_type_name(&pair[1])),
            _ => fixed("MAP"),
        },
        other => other.to_string(),
    }
}

fn digits(unit: TimeUnit) -> u8 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    }
}

/// A name as SQL takes it: quoted unless it is plain.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !name.is_empty() && name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit()) {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}
