//! Columns as protobuf: a tree of fields, each with its type, and what belongs to the column as a whole.
//!
//! Types are numbers of [`TypeCode`] with parameters beside them. A column decodes to one that equals the encoded one, Arrow metadata included.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Field, FieldRef, Fields, IntervalUnit, TimeUnit};

use crate::catalog::Column;
use crate::catalog::types::{FIELD_ID_KEY, MAX_NESTING};
use crate::error::{Error, Result};

/// A table's column.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ColumnProto {
    /// Name, type, nullability, field ids.
    #[prost(message, optional, tag = "1")]
    pub(crate) field: Option<FieldProto>,
    /// The column's name in segments' files, if it is not the field's name.
    #[prost(string, optional, tag = "2")]
    pub(crate) physical_name: Option<String>,
    /// What rows written before the column was added have.
    #[prost(string, optional, tag = "3")]
    pub(crate) initial_default: Option<String>,
    /// What an INSERT without this column writes.
    #[prost(string, optional, tag = "4")]
    pub(crate) write_default: Option<String>,
    /// What its owner wrote about it.
    #[prost(string, optional, tag = "5")]
    pub(crate) comment: Option<String>,
    /// The column's field id, if the field has not the same one.
    #[prost(uint32, optional, tag = "6")]
    pub(crate) id: Option<u32>,
}

/// A field: a column's, or one nested in it.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct FieldProto {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// The field id, which Arrow has as metadata.
    #[prost(uint32, optional, tag = "2")]
    pub(crate) id: Option<u32>,
    /// Whether it may not be NULL.
    #[prost(bool, tag = "3")]
    pub(crate) required: bool,
    /// A number of [`TypeCode`].
    #[prost(enumeration = "TypeCode", tag = "4")]
    pub(crate) data_type: i32,
    /// Digits of a decimal.
    #[prost(uint32, tag = "5")]
    pub(crate) precision: u32,
    /// Digits of a decimal behind the point.
    #[prost(sint32, tag = "6")]
    pub(crate) scale: i32,
    /// Bytes of a fixed-size binary.
    #[prost(uint32, tag = "7")]
    pub(crate) width: u32,
    /// Unit of a time or timestamp: 10 to the power of minus this many seconds (0, 3, 6, 9).
    #[prost(uint32, tag = "8")]
    pub(crate) unit: u32,
    /// Time zone of a timestamp that has one.
    #[prost(string, optional, tag = "9")]
    pub(crate) time_zone: Option<String>,
    /// The item of a list, the fields of a struct, the entries of a map.
    #[prost(message, repeated, tag = "10")]
    pub(crate) children: Vec<FieldProto>,
    /// The rest of Arrow's metadata, by key: names of extension types.
    #[prost(message, repeated, tag = "11")]
    pub(crate) metadata: Vec<MetadataProto>,
}

/// A pair of a field's metadata.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MetadataProto {
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    #[prost(string, tag = "2")]
    pub(crate) value: String,
}

/// The types that a column can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum TypeCode {
    /// No type of this format: such a column does not decode.
    Unknown = 0,
    Boolean = 1,
    Int8 = 2,
    Int16 = 3,
    Int32 = 4,
    Int64 = 5,
    UInt8 = 6,
    UInt16 = 7,
    UInt32 = 8,
    UInt64 = 9,
    Float16 = 10,
    Float32 = 11,
    Float64 = 12,
    /// Up to 38 digits in 128 bits, more in 256.
    Decimal = 13,
    String = 14,
    Binary = 15,
    FixedBinary = 16,
    Date = 17,
    Time = 18,
    Timestamp = 19,
    /// Months, days and nanoseconds.
    Interval = 20,
    List = 21,
    Struct = 22,
    Map = 23,
}

/// A column as a message.
pub(crate) fn encode_column(column: &Column) -> ColumnProto {
    let field = encode_field(&column.field);
    ColumnProto {
        physical_name: (column.physical_name != *column.field.name()).then(|| column.physical_name.clone()),
        id: (field.id != Some(column.id)).then_some(column.id),
        initial_default: column.initial_default.clone(),
        write_default: column.write_default.clone(),
        comment: column.comment.clone(),
        field: Some(field),
    }
}

/// The column that a message stands for.
///
/// # Errors
/// *Corrupt* for what no column encodes to.
pub(crate) fn decode_column(column: &ColumnProto) -> Result<Column> {
    let proto = column.field.as_ref().ok_or_else(|| Error::corrupt("a column without a field"))?;
    let id = column.id.or(proto.id).ok_or_else(|| Error::corrupt(format!("column '{}' has no field id", proto.name)))?;
    let field = decode_field(proto, 0).map_err(|error| error.context(format!("column '{}'", proto.name)))?;
    Ok(Column {
        physical_name: column.physical_name.clone().unwrap_or_else(|| field.name().clone()),
        field,
        id,
        initial_default: column.initial_default.clone(),
        write_default: column.write_default.clone(),
        comment: column.comment.clone(),
    })
}

fn encode_field(field: &Field) -> FieldProto {
    let id = field.metadata().get(FIELD_ID_KEY).and_then(|id| id.parse::<u32>().ok());
    let mut metadata: Vec<MetadataProto> = field
        .metadata()
        .iter()
        // An id that is no number, or is not written as numbers are, stays as it is among the metadata.
        .filter(|(key, value)| *key != FIELD_ID_KEY || id.map(|id| id.to_string()).as_ref() != Some(*value))
        .map(|(key, value)| MetadataProto { key: key.clone(), value: value.clone() })
        .collect();
    metadata.sort_by(|a, b| a.key.cmp(&b.key));
    let mut proto = FieldProto { name: field.name().clone(), id, required: !field.is_nullable(), metadata, ..FieldProto::default() };
    let code = match field.data_type() {
        DataType::Boolean => TypeCode::Boolean,
        DataType::Int8 => TypeCode::Int8,
        DataType::Int16 => TypeCode::Int16,
        DataType::Int32 => TypeCode::Int32,
        DataType::Int64 => TypeCode::Int64,
        DataType::UInt8 => TypeCode::UInt8,
        DataType::UInt16 => TypeCode::UInt16,
        DataType::UInt32 => TypeCode::UInt32,
        DataType::UInt64 => TypeCode::UInt64,
        DataType::Float16 => TypeCode::Float16,
        DataType::Float32 => TypeCode::Float32,
        DataType::Float64 => TypeCode::Float64,
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            proto.precision = u32::from(*precision);
            proto.scale = i32::from(*scale);
            TypeCode::Decimal
        }
        DataType::Utf8View => TypeCode::String,
        DataType::BinaryView => TypeCode::Binary,
        DataType::FixedSizeBinary(width) => {
            proto.width = width.unsigned_abs();
            TypeCode::FixedBinary
        }
        DataType::Date32 => TypeCode::Date,
        DataType::Time32(unit) | DataType::Time64(unit) => {
            proto.unit = encode_unit(*unit);
            TypeCode::Time
        }
        DataType::Timestamp(unit, time_zone) => {
            proto.unit = encode_unit(*unit);
            proto.time_zone = time_zone.as_deref().map(str::to_owned);
            TypeCode::Timestamp
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => TypeCode::Interval,
        DataType::List(item) => {
            proto.children.push(encode_field(item));
            TypeCode::List
        }
        DataType::Struct(fields) => {
            proto.children = fields.iter().map(|field| encode_field(field)).collect();
            TypeCode::Struct
        }
        DataType::Map(entries, _) => {
            proto.children.push(encode_field(entries));
            TypeCode::Map
        }
        // `types::normalize` lets no other type into a table.
        _ => TypeCode::Unknown,
    };
    proto.data_type = code as i32;
    proto
}

fn decode_field(proto: &FieldProto, depth: usize) -> Result<FieldRef> {
    if depth > MAX_NESTING {
        return Err(Error::corrupt(format!("types nested more than {MAX_NESTING} deep")));
    }
    let data_type = decode_type(proto, depth)?;
    let mut metadata: HashMap<String, String> = proto.metadata.iter().map(|pair| (pair.key.clone(), pair.value.clone())).collect();
    if metadata.len() != proto.metadata.len() {
        return Err(Error::corrupt(format!("field '{}' has a metadata key twice", proto.name)));
    }
    if let Some(id) = proto.id {
        metadata.insert(FIELD_ID_KEY.to_owned(), id.to_string());
    }
    Ok(Arc::new(Field::new(&proto.name, data_type, !proto.required).with_metadata(metadata)))
}

fn decode_type(proto: &FieldProto, depth: usize) -> Result<DataType> {
    let wrong = |what: &str| Error::corrupt(format!("field '{}' has {what}", proto.name));
    let only_child = || match proto.children.as_slice() {
        [child] => decode_field(child, depth + 1),
        _ => Err(wrong(&format!("{} nested fields; a list or map has one", proto.children.len()))),
    };
    let code = TypeCode::try_from(proto.data_type).map_err(|_| wrong(&format!("a type of unknown number {}", proto.data_type)))?;
    Ok(match code {
        TypeCode::Unknown => return Err(wrong("no type")),
        TypeCode::Boolean => DataType::Boolean,
        TypeCode::Int8 => DataType::Int8,
        TypeCode::Int16 => DataType::Int16,
        TypeCode::Int32 => DataType::Int32,
        TypeCode::Int64 => DataType::Int64,
        TypeCode::UInt8 => DataType::UInt8,
        TypeCode::UInt16 => DataType::UInt16,
        TypeCode::UInt32 => DataType::UInt32,
        TypeCode::UInt64 => DataType::UInt64,
        TypeCode::Float16 => DataType::Float16,
        TypeCode::Float32 => DataType::Float32,
        TypeCode::Float64 => DataType::Float64,
        TypeCode::Decimal => {
            let (Ok(precision), Ok(scale)) = (u8::try_from(proto.precision), i8::try_from(proto.scale)) else {
                return Err(wrong("a decimal's precision or scale out of range"));
            };
            if precision == 0 || precision > DECIMAL256_MAX_PRECISION || scale < 0 || scale.unsigned_abs() > precision {
                return Err(wrong(&format!("the type DECIMAL({precision}, {scale}), which does not exist")));
            }
            match precision {
                ..=DECIMAL128_MAX_PRECISION => DataType::Decimal128(precision, scale),
                _ => DataType::Decimal256(precision, scale),
            }
        }
        TypeCode::String => DataType::Utf8View,
        TypeCode::Binary => DataType::BinaryView,
        TypeCode::FixedBinary => match i32::try_from(proto.width) {
            Ok(width) if width > 0 => DataType::FixedSizeBinary(width),
            _ => return Err(wrong(&format!("a fixed width of {} bytes", proto.width))),
        },
        TypeCode::Date => DataType::Date32,
        TypeCode::Time => match decode_unit(proto)? {
            unit @ (TimeUnit::Second | TimeUnit::Millisecond) => DataType::Time32(unit),
            unit => DataType::Time64(unit),
        },
        TypeCode::Timestamp => DataType::Timestamp(decode_unit(proto)?, proto.time_zone.as_deref().map(Arc::from)),
        TypeCode::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
        TypeCode::List => DataType::List(only_child()?),
        TypeCode::Struct => {
            DataType::Struct(proto.children.iter().map(|child| decode_field(child, depth + 1)).collect::<Result<Fields>>()?)
        }
        TypeCode::Map => {
            let entries = only_child()?;
            match entries.data_type() {
                DataType::Struct(fields) if fields.len() == 2 => DataType::Map(entries, false),
                _ => return Err(wrong("entries of a map that are not a key and a value")),
            }
        }
    })
}

fn encode_unit(unit: TimeUnit) -> u32 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    }
}

fn decode_unit(proto: &FieldProto) -> Result<TimeUnit> {
    Ok(match proto.unit {
        0 => TimeUnit::Second,
        3 => TimeUnit::Millisecond,
        6 => TimeUnit::Microsecond,
        9 => TimeUnit::Nanosecond,
        other => return Err(Error::corrupt(format!("field '{}' has time unit {other}; there are 0, 3, 6 and 9", proto.name))),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use prost::Message;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::catalog::ColumnSpec;

    fn round_trip(column: &Column) -> Result<Column> {
        decode_column(&ColumnProto::decode(encode_column(column).encode_to_vec().as_slice())?)
    }

    fn types() -> Vec<DataType> {
        let item = |data_type| Arc::new(Field::new("item", data_type, true));
        let mut types = vec![
            DataType::Boolean,
            DataType::Int8,
            DataType::Int16,
            DataType::Int32,
            DataType::Int64,
            DataType::UInt8,
            DataType::UInt16,
            DataType::UInt32,
            DataType::UInt64,
            DataType::Float16,
            DataType::Float32,
            DataType::Float64,
            DataType::Decimal128(1, 0),
            DataType::Decimal128(38, 38),
            DataType::Decimal256(39, 3),
            DataType::Utf8,
            DataType::Binary,
            DataType::FixedSizeBinary(16),
            DataType::Date32,
            DataType::Time32(TimeUnit::Millisecond),
            DataType::Time64(TimeUnit::Microsecond),
            DataType::Time64(TimeUnit::Nanosecond),
        ];
        for unit in [TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond] {
            types.push(DataType::Timestamp(unit, None));
            types.push(DataType::Timestamp(unit, Some("Europe/Berlin".into())));
        }
        types.push(DataType::List(item(DataType::Int64)));
        let row = DataType::Struct(vec![Field::new("a", DataType::Int32, false), Field::new("b", DataType::Utf8, true)].into());
        types.push(row.clone());
        types.push(DataType::List(item(row.clone())));
        let entries = vec![Field::new("key", DataType::Utf8, false), Field::new("value", row, true)];
        types.push(DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries.into()), false)), false));
        types
    }

    #[test]
    fn columns_of_every_type_survive() -> Result<()> {
        let mut next = 1;
        for (nullable, data_type) in [true, false].into_iter().flat_map(|nullable| types().into_iter().map(move |t| (nullable, t))) {
            let column = Column::new(ColumnSpec::new("c", data_type, nullable), &mut next)?;
            assert_eq!(round_trip(&column)?, column);
        }
        Ok(())
    }

    #[test]
    fn names_defaults_comments_and_extensions_survive() -> Result<()> {
        let mut spec = ColumnSpec::new("id", DataType::FixedSizeBinary(16), false);
        spec.metadata.insert("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned());
        spec.default = Some("uuid()".to_owned());
        spec.comment = Some(String::new());
        let mut column = Column::new(spec, &mut 7)?;
        column.initial_default = Some("NULL".to_owned());
        column.physical_name = "id_1".to_owned();
        assert_eq!(column.field().extension_type_name(), Some("arrow.uuid"));
        assert_eq!(round_trip(&column)?, column);
        Ok(())
    }

    #[test]
    fn a_plain_column_takes_few_bytes() -> Result<()> {
        let column = Column::new(ColumnSpec::new("l_orderkey", DataType::Int64, false), &mut 1)?;
        assert_eq!(encode_column(&column).encode_to_vec().len(), 12 + 2 + 2 + 2 + 2);
        Ok(())
    }

    #[test]
    fn what_no_column_encodes_to_is_corrupt() {
        let field = |change: fn(&mut FieldProto)| {
            let mut field = FieldProto { name: "c".into(), id: Some(1), data_type: TypeCode::Int32 as i32, ..FieldProto::default() };
            change(&mut field);
            ColumnProto { field: Some(field), ..ColumnProto::default() }
        };
        assert!(decode_column(&field(|_| {})).is_ok());
        let wrong: [fn(&mut FieldProto); 9] = [
            |field| field.data_type = 0,
            |field| field.data_type = 99,
            |field| field.id = None,
            |field| field.data_type = TypeCode::List as i32,
            |field| field.data_type = TypeCode::FixedBinary as i32,
            |field| field.data_type = TypeCode::Decimal as i32,
            |field| (field.data_type, field.precision, field.scale) = (TypeCode::Decimal as i32, 5, 6),
            |field| (field.data_type, field.unit) = (TypeCode::Timestamp as i32, 1),
            |field| {
                for _ in 0..=MAX_NESTING {
                    let child = std::mem::take(field);
                    *field = FieldProto { data_type: TypeCode::List as i32, id: Some(1), children: vec![child], ..FieldProto::default() };
                }
            },
        ];
        for (case, change) in wrong.into_iter().enumerate() {
            let error = decode_column(&field(change)).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Corrupt, "case {case}: {error}");
        }
        assert!(decode_column(&ColumnProto::default()).is_err());
    }

    #[test]
    fn changed_bytes_never_panic() -> Result<()> {
        let mut random = StdRng::seed_from_u64(11);
        let column = Column::new(ColumnSpec::new("c", types().pop().unwrap(), true), &mut 1)?;
        let bytes = encode_column(&column).encode_to_vec();
        let mut decoded = 0;
        for _ in 0..5_000 {
            let mut bytes = bytes.clone();
            let at = random.random_range(0..bytes.len());
            bytes[at] = random.random();
            bytes.truncate(random.random_range(at..=bytes.len()));
            decoded += usize::from(ColumnProto::decode(bytes.as_slice()).is_ok_and(|proto| decode_column(&proto).is_ok()));
        }
        assert!(decoded < 5_000);
        Ok(())
    }
}
