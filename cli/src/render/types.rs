//! The names that SQL has for Arrow's types, as they stand in a box's header.

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};

use clouddb_engine::text::values::is_uuid;

/// The name of a column's type.
pub(crate) fn type_name(field: &Field) -> String {
    if is_uuid(field) {
        return "uuid".to_owned();
    }
    match field.data_type() {
        DataType::Null => "null".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 => "tinyint".to_owned(),
        DataType::Int16 => "smallint".to_owned(),
        DataType::Int32 => "integer".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::UInt8 => "utinyint".to_owned(),
        DataType::UInt16 => "usmallint".to_owned(),
        DataType::UInt32 => "uinteger".to_owned(),
        DataType::UInt64 => "ubigint".to_owned(),
        DataType::Float16 => "float16".to_owned(),
        DataType::Float32 => "float".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "varchar".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "blob".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Time32(_) | DataType::Time64(_) => "time".to_owned(),
        DataType::Timestamp(unit, zone) => {
            format!("timestamp{}{}", unit_suffix(*unit), if zone.is_some() { " with time zone" } else { "" })
        }
        DataType::Duration(_) => "duration".to_owned(),
        DataType::Interval(IntervalUnit::YearMonth | IntervalUnit::DayTime | IntervalUnit::MonthDayNano) => "interval".to_owned(),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => format!("{}[]", type_name(item)),
        DataType::Struct(fields) => {
            let fields: Vec<String> = fields.iter().map(|field| format!("{} {}", field.name(), type_name(field))).collect();
            format!("struct({})", fields.join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => {
                let names: Vec<String> = fields.iter().map(|field| type_name(field)).collect();
                format!("map({})", names.join(", "))
            }
            _ => "map".to_owned(),
        },
        DataType::Dictionary(_, value) => type_name(&Field::new("", value.as_ref().clone(), true)),
        DataType::RunEndEncoded(_, values) => type_name(values),
        other => other.to_string().to_lowercase(),
    }
}

fn unit_suffix(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "_s",
        TimeUnit::Millisecond => "_ms",
        TimeUnit::Microsecond => "",
        TimeUnit::Nanosecond => "_ns",
    }
}

/// Whether a column's values stand on the right, so that digits of one weight are below each other.
pub(crate) fn is_right_aligned(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, value) => is_right_aligned(value),
        DataType::RunEndEncoded(_, values) => is_right_aligned(values.data_type()),
        other => other.is_numeric(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let name = |data_type: DataType| type_name(&Field::new("c", data_type, true));
        assert_eq!(name(DataType::Decimal128(15, 2)), "decimal(15,2)");
        assert_eq!(name(DataType::new_list(DataType::Utf8View, true)), "varchar[]");
        assert_eq!(name(DataType::Timestamp(TimeUnit::Microsecond, None)), "timestamp");
        assert_eq!(name(DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))), "timestamp_ns with time zone");
        assert_eq!(name(DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))), "varchar");
        let fields = vec![Field::new("a", DataType::Int64, true), Field::new("b", DataType::Date32, true)];
        assert_eq!(name(DataType::Struct(fields.into())), "struct(a bigint, b date)");
    }
}
