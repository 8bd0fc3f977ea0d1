//! The types that can be stored: what Arrow's types become in a table, in protobuf and in Parquet.
//!
//! | SQL | Arrow, as scans return it | also accepted on the way in |
//! |---|---|---|
//! | BOOLEAN, integers, REAL, DOUBLE | `Boolean`, `Int8`..`Int64`, `UInt8`..`UInt64`, `Float16`..`Float64` | |
//! | DECIMAL(p, s) | `Decimal128`; beyond 38 digits `Decimal256` | `Decimal32`, `Decimal64`, `Decimal256` of up to 38 digits |
//! | VARCHAR | `Utf8View` | `Utf8`, `LargeUtf8` |
//! | BLOB | `BinaryView` | `Binary`, `LargeBinary` |
//! | fixed-size binary | `FixedSizeBinary(n)` | |
//! | UUID | `FixedSizeBinary(16)` with extension `arrow.uuid` | |
//! | DATE | `Date32` | `Date64`, whose values are whole days by Arrow's definition |
//! | TIME | `Time32(ms)`, `Time64(us)`, `Time64(ns)` | `Time32(s)`, which becomes `Time32(ms)` |
//! | TIMESTAMP, with or without time zone | `Timestamp` in ms, us, ns | `Timestamp(s)`, which becomes ms: Parquet has no seconds |
//! | INTERVAL | `Interval(MonthDayNano)` | `Interval(YearMonth)`, `Interval(DayTime)` |
//! | list | `List`, its item named `element` | `LargeList`, `FixedSizeList`, the list views |
//! | struct | `Struct` with at least one field | |
//! | map | `Map`, its entries named `key_value` with `key` and `value` | |
//!
//! Dictionaries and run-end encodings of these are accepted and become plain. Names inside lists and maps are those that Parquet's
//! specification asks for. Parquet keeps all of them as they are but INTERVAL, whose own Parquet type has no nanoseconds and no sign: files have it as
//! text ([`stored_type`]).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Field, FieldRef, Fields, IntervalUnit, TimeUnit};

use super::{Column, ColumnSpec};
use crate::error::{Error, Result};

/// The metadata key under which arrow-rs reads and writes Parquet's field ids.
pub const FIELD_ID_KEY: &str = parquet::arrow::PARQUET_FIELD_ID_META_KEY;

/// How deep types can be nested: a list of integers is 1 deep, a map 2. Deeper ones come from mistakes or malice; decoding recurses.
pub(crate) const MAX_NESTING: usize = 32;

/// What is kept of a field's metadata: the rest describes where the data came from, not what it is.
const KEPT_METADATA: [&str; 2] = ["ARROW:extension:name", "ARROW:extension:metadata"];

/// The field that is stored for a column a user asks for: types that differ only in Arrow's memory layout become one.
///
/// # Errors
/// *Unsupported* for a type that Parquet does not keep, naming column and type.
pub fn normalize(spec: &ColumnSpec) -> Result<FieldRef> {
    let data_type = normalize_type(&spec.name, &spec.data_type, 0)?;
    Ok(Arc::new(Field::new(&spec.name, data_type, spec.nullable).with_metadata(kept_metadata(&spec.metadata))))
}

fn kept_metadata(metadata: &HashMap<String, String>) -> HashMap<String, String> {
    metadata.iter().filter(|(key, _)| KEPT_METADATA.contains(&key.as_str())).map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn normalize_type(column: &str, data_type: &DataType, depth: usize) -> Result<DataType> {
    let refuse = |why: &str, hint: &str| {
        let message = format!("column '{column}' of type {} cannot be stored{why}", sql_name(data_type));
        Err(Error::unsupported(message).with_hint(hint.replace("{column}", &quoted(column))))
    };
    if depth > MAX_NESTING {
        return Err(Error::unsupported(format!("column '{column}' has a type that is nested more than {MAX_NESTING} deep")));
    }
    let nested = |field: &Field, name: &str, nullable: bool| -> Result<FieldRef> {
        let data_type = normalize_type(column, field.data_type(), depth + 1)?;
        Ok(Arc::new(Field::new(name, data_type, nullable).with_metadata(kept_metadata(field.metadata()))))
    };
    Ok(match data_type {
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Float16
        | DataType::Float32
        | DataType::Float64
        | DataType::Date32 => data_type.clone(),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => match (*precision, *scale) {
            (0, _) | (_, ..0) => return refuse("", "a decimal has 0 to 76 digits behind the point; CAST({column} AS DECIMAL(38, 0))"),
            (precision, scale) if scale.unsigned_abs() > precision || precision > DECIMAL256_MAX_PRECISION => {
                return refuse("", "a decimal has at most 76 digits, of which not more than all are behind the point");
            }
            (precision @ ..=DECIMAL128_MAX_PRECISION, scale) => DataType::Decimal128(precision, scale),
            (precision, scale) => DataType::Decimal256(precision, scale),
        },
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => DataType::BinaryView,
        DataType::FixedSizeBinary(1..) => data_type.clone(),
        DataType::FixedSizeBinary(_) => return refuse("", "a binary of fixed size has at least one byte"),
        DataType::Date64 => DataType::Date32,
        DataType::Time32(_) => DataType::Time32(TimeUnit::Millisecond),
        DataType::Time64(TimeUnit::Microsecond | TimeUnit::Nanosecond) => data_type.clone(),
        DataType::Time64(_) => return refuse("", "a time of 64 bits counts microseconds or nanoseconds"),
        DataType::Timestamp(_, Some(zone)) if zone.is_empty() => {
            return refuse(": its time zone has no name", "CAST({column} AS TIMESTAMP)");
        }
        DataType::Timestamp(TimeUnit::Second, zone) => DataType::Timestamp(TimeUnit::Millisecond, zone.clone()),
        DataType::Timestamp(_, _) => data_type.clone(),
        DataType::Interval(_) => DataType::Interval(IntervalUnit::MonthDayNano),
        DataType::Dictionary(_, value) => normalize_type(column, value, depth + 1)?,
        DataType::RunEndEncoded(_, value) => normalize_type(column, value.data_type(), depth + 1)?,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => DataType::List(nested(item, "element", item.is_nullable())?),
        DataType::Struct(fields) if fields.is_empty() => return refuse(": it has no fields", "leave the column out"),
        DataType::Struct(fields) => {
            let mut names = HashSet::new();
            if let Some(twice) = fields.iter().find(|field| !names.insert(field.name())) {
                let message = format!("column '{column}' is a struct with field '{}' twice", twice.name());
                return Err(Error::unsupported(message).with_hint("give the fields different names"));
            }
            DataType::Struct(fields.iter().map(|field| nested(field, field.name(), field.is_nullable())).collect::<Result<_>>()?)
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                let fields: Fields = [nested(&fields[0], "key", false)?, nested(&fields[1], "value", fields[1].is_nullable())?].into();
                DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(fields), false)), false)
            }
            _ => return refuse(": its entries are not a key and a value", "leave the column out"),
        },
        DataType::Null => return refuse("", "give it a type: CAST({column} AS VARCHAR)"),
        DataType::Duration(_) => return refuse("", "CAST({column} AS INTERVAL), or CAST({column} AS BIGINT)"),
        DataType::Union(_, _) => return refuse("", "make a column of each of its types, or CAST({column} AS VARCHAR)"),
    })
}

/// A name as SQL has it.
fn quoted(name: &str) -> String {
    let plain = name.chars().enumerate().all(|(at, c)| c == '_' || c.is_ascii_lowercase() || (at > 0 && c.is_ascii_digit()));
    if plain && !name.is_empty() { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// What people call a type that has a name in SQL.
fn sql_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Null => "NULL".to_owned(),
        DataType::Duration(_) => "DURATION".to_owned(),
        DataType::Union(_, _) => "UNION".to_owned(),
        DataType::Struct(_) => "STRUCT".to_owned(),
        DataType::Map(_, _) => "MAP".to_owned(),
        DataType::FixedSizeBinary(width) => format!("BINARY({width})"),
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE".to_owned(),
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => {
            format!("DECIMAL({p}, {s})")
        }
        other => other.to_string(),
    }
}

/// The type that a column's values have in a Parquet file: its own, but text for INTERVAL, as in `1 years 2 mons 3 days 4 hours 5.000000006 secs`.
/// Arrow's cast leads from one to the other and back without loss.
pub fn stored_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Interval(_) => DataType::Utf8View,
        DataType::List(item) => DataType::List(stored_field(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(stored_field).collect()),
        DataType::Map(entries, sorted) => DataType::Map(stored_field(entries), *sorted),
        other => other.clone(),
    }
}

/// A field as files have it: see [`stored_type`].
pub fn stored_field(field: &FieldRef) -> FieldRef {
    let data_type = stored_type(field.data_type());
    if data_type == *field.data_type() { Arc::clone(field) } else { Arc::new(field.as_ref().clone().with_data_type(data_type)) }
}

/// Whether values of a type can be written to a column of a (normalized) type by changing no more than their layout in memory.
pub(crate) fn same_values(column: &str, from: &DataType, to: &DataType) -> bool {
    normalize_type(column, from, 0).is_ok_and(|from| same_structure(&from, to))
}

/// Equality of types but for names inside lists and maps, metadata and nullability.
fn same_structure(a: &DataType, b: &DataType) -> bool {
    match (a, b) {
        (DataType::List(a), DataType::List(b)) | (DataType::Map(a, _), DataType::Map(b, _)) => same_structure(a.data_type(), b.data_type()),
        (DataType::Struct(a), DataType::Struct(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.name() == b.name() && same_structure(a.data_type(), b.data_type()))
        }
        // The same instants, shown otherwise.
        (DataType::Timestamp(a, Some(_)), DataType::Timestamp(b, Some(_))) => a == b,
        (a, b) => a == b,
    }
}

/// Whether a column can be in a clustering key.
pub(crate) fn check_sortable(column: &Column) -> Result<()> {
    let data_type = column.data_type();
    if data_type.is_nested() || matches!(data_type, DataType::Interval(_)) {
        let message = format!("CLUSTER BY cannot sort by column '{}' of type {data_type}", column.name());
        return Err(Error::invalid(message).with_hint("cluster by columns of numbers, strings, dates or timestamps"));
    }
    Ok(())
}

/// Gives every field, nested ones too, the next field id. The entries of a map are none: Parquet has no place for an id there.
pub(crate) fn assign_field_ids(field: &FieldRef, next: &mut u32) -> FieldRef {
    let id = *next;
    *next += 1;
    let data_type = with_nested_ids(field.data_type(), next);
    let mut metadata: HashMap<String, String> = field.metadata().clone();
    metadata.insert(FIELD_ID_KEY.to_owned(), id.to_string());
    Arc::new(Field::new(field.name(), data_type, field.is_nullable()).with_metadata(metadata))
}

fn with_nested_ids(data_type: &DataType, next: &mut u32) -> DataType {
    match data_type {
        DataType::List(item) => DataType::List(assign_field_ids(item, next)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|field| assign_field_ids(field, next)).collect()),
        DataType::Map(entries, sorted) => {
            let data_type = with_nested_ids(entries.data_type(), next);
            DataType::Map(Arc::new(entries.as_ref().clone().with_data_type(data_type)), *sorted)
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use arrow::datatypes::UnionFields;

    use super::*;
    use crate::ErrorKind;

    fn refused(data_type: DataType) -> (String, String) {
        let error = normalize(&ColumnSpec::new("x", data_type, true)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        (error.message().to_owned(), error.hint().unwrap_or_default().to_owned())
    }

    fn item(data_type: DataType) -> FieldRef {
        Arc::new(Field::new("item", data_type, true))
    }

    #[test]
    fn what_cannot_be_stored_is_refused_with_a_way_out() {
        let (message, hint) = refused(DataType::Null);
        assert_eq!(message, "column 'x' of type NULL cannot be stored");
        assert_eq!(hint, "give it a type: CAST(x AS VARCHAR)");
        let duration = DataType::Duration(TimeUnit::Second);
        assert_eq!(refused(duration.clone()).0, "column 'x' of type DURATION cannot be stored");
        assert_eq!(refused(DataType::List(item(duration))).0, "column 'x' of type DURATION cannot be stored");
        assert!(refused(DataType::Union(UnionFields::empty(), arrow::datatypes::UnionMode::Dense)).0.contains("UNION"));
        assert!(refused(DataType::Struct(Fields::empty())).0.contains("it has no fields"));
        assert!(refused(DataType::Decimal128(5, -2)).1.contains("DECIMAL(38, 0)"));
        assert!(refused(DataType::Decimal128(5, 6)).0.contains("DECIMAL(5, 6)"));
        assert!(refused(DataType::FixedSizeBinary(0)).0.contains("BINARY(0)"));
        assert!(refused(DataType::Timestamp(TimeUnit::Second, Some("".into()))).0.contains("time zone"));
        let twice = DataType::Struct(vec![item(DataType::Int8), item(DataType::Int8)].into());
        assert!(refused(twice).0.contains("field 'item' twice"));
        let deep = (0..40).fold(DataType::Int8, |data_type, _| DataType::List(item(data_type)));
        assert!(refused(deep).0.contains("nested more than 32 deep"));
    }

    #[test]
    fn hints_quote_names_that_need_it() {
        let hint = |name: &str| normalize(&ColumnSpec::new(name, DataType::Null, true)).unwrap_err().hint().unwrap().to_owned();
        assert!(hint("NULL").contains("CAST(\"NULL\" AS VARCHAR)"));
        assert!(hint("a\"b").contains("CAST(\"a\"\"b\" AS VARCHAR)"));
        assert!(hint("a_1").contains("CAST(a_1 AS VARCHAR)"));
    }

    #[test]
    fn layouts_of_one_type_are_one_type() {
        let normal = |data_type: DataType| normalize(&ColumnSpec::new("x", data_type, true)).unwrap().data_type().clone();
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        for text in [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View, dictionary] {
            assert_eq!(normal(text), DataType::Utf8View);
        }
        let list = normal(DataType::List(item(DataType::Utf8)));
        assert_eq!(list, DataType::List(Arc::new(Field::new("element", DataType::Utf8View, true))));
        assert_eq!(normal(DataType::FixedSizeList(item(DataType::LargeUtf8), 3)), list);
        assert_eq!(normal(DataType::Decimal256(38, 1)), DataType::Decimal128(38, 1));
        assert_eq!(normal(DataType::Decimal256(39, 1)), DataType::Decimal256(39, 1));
        for unit in [IntervalUnit::YearMonth, IntervalUnit::DayTime, IntervalUnit::MonthDayNano] {
            assert_eq!(normal(DataType::Interval(unit)), DataType::Interval(IntervalUnit::MonthDayNano));
        }
    }

    #[test]
    fn only_extension_types_are_kept_of_the_metadata() {
        let mut spec = ColumnSpec::new("x", DataType::FixedSizeBinary(16), true);
        for key in ["ARROW:extension:name", "PARQUET:field_id", "comment"] {
            spec.metadata.insert(key.to_owned(), "77".to_owned());
        }
        let field = assign_field_ids(&normalize(&spec).unwrap(), &mut 5);
        let expected = [("ARROW:extension:name", "77"), (FIELD_ID_KEY, "5")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(*field.metadata(), HashMap::from(expected));
    }

    #[test]
    fn every_field_but_a_maps_entries_gets_an_id() {
        let entries = DataType::Struct(vec![Field::new("k", DataType::Int8, false), Field::new("v", DataType::Utf8, true)].into());
        let map = DataType::Map(Arc::new(Field::new("e", entries, false)), false);
        let next = &mut 1;
        let field = assign_field_ids(&normalize(&ColumnSpec::new("x", DataType::List(item(map)), true)).unwrap(), next);
        assert_eq!(*next, 5);
        let DataType::List(map) = field.data_type() else { panic!("no list") };
        let DataType::Map(entries, false) = map.data_type() else { panic!("no map") };
        assert!(entries.metadata().is_empty());
        let DataType::Struct(fields) = entries.data_type() else { panic!("no struct") };
        let ids: Vec<_> = [&field, map, &fields[0], &fields[1]].map(|field| field.metadata()[FIELD_ID_KEY].clone()).into();
        assert_eq!(ids, ["1", "2", "3", "4"]);
    }

    #[test]
    fn keys_must_have_an_order_people_agree_on() {
        let sortable = |data_type| check_sortable(&Column::new(ColumnSpec::new("x", data_type, true), &mut 1).unwrap());
        assert!(sortable(DataType::Utf8).is_ok() && sortable(DataType::Float64).is_ok());
        assert!(sortable(DataType::List(item(DataType::Int8))).unwrap_err().message().contains("'x'"));
        assert!(sortable(DataType::Interval(IntervalUnit::DayTime)).is_err());
    }
}
