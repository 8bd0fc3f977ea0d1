//! SQL's types in Arrow: one mapping for the columns of tables, for CAST and for typed literals.
//!
//! Where databases differ, a type means what it means in PostgreSQL and DuckDB: timestamps count microseconds, REAL has 32 bits, DOUBLE 64. The length
//! of a VARCHAR is not enforced, as in DuckDB.

pub(crate) mod in_messages;
pub(crate) mod interval;
mod quoting;
pub(crate) mod uuid;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, FieldRef, IntervalUnit, TimeUnit};
use datafusion::common::Result as DataFusionResult;
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::sql::sqlparser::ast::{ArrayElemTypeDef, DataType as SqlType, ExactNumberInfo, Ident, ObjectName, TimezoneInfo};

pub(crate) use self::quoting::quoted_where_needed;
use crate::error::{Error, Position, Result, to_datafusion};
use crate::nearest::nearest;

/// The metadata key under which Arrow keeps the name of an extension type.
const EXTENSION_NAME: &str = "ARROW:extension:name";

/// Arrow's name of the type UUID.
const UUID: &str = "arrow.uuid";

/// DECIMAL without digits, as in DuckDB.
const DEFAULT_DECIMAL: (u8, i8) = (18, 3);

/// The zone of TIMESTAMP WITH TIME ZONE: values are moments, shown in UTC.
pub(crate) const ZONE: &str = "UTC";

/// Tells DataFusion's planner what SQL's types are.
#[derive(Debug)]
pub(crate) struct CloudTypePlanner;

impl TypePlanner for CloudTypePlanner {
    fn plan_type_field(&self, sql_type: &SqlType) -> DataFusionResult<Option<FieldRef>> {
        // `x::regclass` and its like stay DataFusion's business.
        match sql_type {
            SqlType::Regclass => Ok(None),
            other => field("", other).map(Some).map_err(to_datafusion),
        }
    }
}

/// The bytes of a UUID, which is a `FixedSizeBinary` of that width. Nothing else is: SQL's binary strings have any length. What Arrow says of a field beyond its type is lost in many
/// expressions, so it is not asked.
pub(crate) const UUID_WIDTH: i32 = 16;

/// A name as it was given: names keep their case, and are found whatever it is.
pub(crate) fn normalized(ident: &Ident) -> String {
    ident.value.clone()
}

/// Whether a field is a UUID.
pub(crate) fn is_uuid(field: &Field) -> bool {
    *field.data_type() == DataType::FixedSizeBinary(UUID_WIDTH)
}

/// A nullable field of type UUID.
pub(crate) fn uuid_field(name: &str) -> Field {
    Field::new(name, DataType::FixedSizeBinary(UUID_WIDTH), true)
        .with_metadata(HashMap::from([(EXTENSION_NAME.to_owned(), UUID.to_owned())]))
}

/// The nullable field for a SQL type.
///
/// # Errors
/// *Unsupported* for a type that cannot be stored, with what to write instead.
pub(crate) fn field(name: &str, sql_type: &SqlType) -> Result<FieldRef> {
    let is_guid = |name: &str| name.eq_ignore_ascii_case("guid");
    if matches!(sql_type, SqlType::Uuid) || matches!(sql_type, SqlType::Custom(name, _) if is_guid(&name.to_string())) {
        return Ok(Arc::new(uuid_field(name)));
    }
    Ok(Arc::new(Field::new(name, data_type(sql_type)?, true)))
}

fn data_type(sql_type: &SqlType) -> Result<DataType> {
    check_length(sql_type)?;
    Ok(match sql_type {
        SqlType::Bool | SqlType::Boolean => DataType::Boolean,
        SqlType::TinyInt(_) => DataType::Int8,
        SqlType::SmallInt(_) | SqlType::Int2(_) | SqlType::Int16 => DataType::Int16,
        SqlType::Int(_)
        | SqlType::Integer(_)
        | SqlType::Int4(_)
        | SqlType::MediumInt(_)
        | SqlType::Int32
        | SqlType::Signed
        | SqlType::SignedInteger => DataType::Int32,
        SqlType::BigInt(_) | SqlType::Int8(_) | SqlType::Int64 => DataType::Int64,
        SqlType::TinyIntUnsigned(_) | SqlType::UTinyInt | SqlType::UInt8 => DataType::UInt8,
        SqlType::SmallIntUnsigned(_) | SqlType::Int2Unsigned(_) | SqlType::USmallInt | SqlType::UInt16 => DataType::UInt16,
        SqlType::IntUnsigned(_)
        | SqlType::IntegerUnsigned(_)
        | SqlType::Int4Unsigned(_)
        | SqlType::MediumIntUnsigned(_)
        | SqlType::Unsigned
        | SqlType::UnsignedInteger
        | SqlType::UInt32 => DataType::UInt32,
        SqlType::BigIntUnsigned(_) | SqlType::Int8Unsigned(_) | SqlType::UBigInt | SqlType::UInt64 => DataType::UInt64,
        SqlType::Real | SqlType::Float4 | SqlType::Float32 => DataType::Float32,
        // FLOAT is DuckDB's and MySQL's 32 bits; FLOAT(25) and more is SQL's 64.
        SqlType::Float(ExactNumberInfo::Precision(bits)) if *bits > 24 => DataType::Float64,
        SqlType::Float(ExactNumberInfo::None | ExactNumberInfo::Precision(_)) => DataType::Float32,
        SqlType::Double(ExactNumberInfo::None) | SqlType::DoublePrecision | SqlType::Float8 | SqlType::Float64 => DataType::Float64,
        SqlType::Decimal(info) | SqlType::Numeric(info) | SqlType::Dec(info) => decimal(info)?,
        SqlType::Varchar(_)
        | SqlType::Char(_)
        | SqlType::Character(_)
        | SqlType::CharacterVarying(_)
        | SqlType::CharVarying(_)
        | SqlType::Nvarchar(_)
        | SqlType::CharacterLargeObject(_)
        | SqlType::CharLargeObject(_)
        | SqlType::Clob(_)
        | SqlType::Text
        | SqlType::TinyText
        | SqlType::MediumText
        | SqlType::LongText
        | SqlType::String(_) => DataType::Utf8View,
        SqlType::Blob(_)
        | SqlType::TinyBlob
        | SqlType::MediumBlob
        | SqlType::LongBlob
        | SqlType::Bytea
        | SqlType::Bytes(_)
        | SqlType::Binary(_)
        | SqlType::Varbinary(_) => DataType::BinaryView,
        SqlType::Uuid => DataType::FixedSizeBinary(UUID_WIDTH),
        SqlType::Date | SqlType::Date32 => DataType::Date32,
        SqlType::Time(precision, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => match unit("TIME", *precision)? {
            TimeUnit::Second => DataType::Time32(TimeUnit::Second),
            TimeUnit::Millisecond => DataType::Time32(TimeUnit::Millisecond),
            unit => DataType::Time64(unit),
        },
        SqlType::Datetime(precision) | SqlType::TimestampNtz(precision) => DataType::Timestamp(unit("TIMESTAMP", *precision)?, None),
        SqlType::Timestamp(precision, zone) => {
            let zone = match zone {
                TimezoneInfo::None | TimezoneInfo::WithoutTimeZone => None,
                TimezoneInfo::Tz | TimezoneInfo::WithTimeZone => Some(ZONE.into()),
            };
            DataType::Timestamp(unit("TIMESTAMP", *precision)?, zone)
        }
        SqlType::Interval { fields: None, precision: None } => DataType::Interval(IntervalUnit::MonthDayNano),
        SqlType::Array(
            ArrayElemTypeDef::AngleBracket(item) | ArrayElemTypeDef::SquareBracket(item, _) | ArrayElemTypeDef::Parenthesis(item),
        ) => DataType::List(field(Field::LIST_FIELD_DEFAULT_NAME, item)?),
        SqlType::Struct(fields, _) => {
            let named = fields.iter().map(|part| {
                let name = part.field_name.as_ref().ok_or_else(|| Error::invalid(format!("a field of {sql_type} has no name")))?;
                field(&normalized(name), &part.field_type)
            });
            let fields = named.collect::<Result<Vec<_>>>()?;
            let lower = |field: &FieldRef| field.name().to_lowercase();
            if let Some(twin) =
                fields.iter().enumerate().find(|(at, field)| fields[..*at].iter().any(|before| lower(before) == lower(field)))
            {
                return Err(Error::invalid(format!("a STRUCT has two fields called '{}'", twin.1.name()))
                    .with_hint("names differ by more than the case of their letters"));
            }
            if fields.is_empty() {
                return Err(Error::invalid("a STRUCT needs fields").with_hint("write STRUCT(name type, ...)"));
            }
            DataType::Struct(fields.into())
        }
        SqlType::Map(key, value) => {
            let key = Arc::new(field("key", key)?.as_ref().clone().with_nullable(false));
            let entries = Field::new("entries", DataType::Struct(vec![key, field("value", value)?].into()), false);
            DataType::Map(Arc::new(entries), false)
        }
        // As many digits as a decimal has; DuckDB's have one more.
        SqlType::HugeInt | SqlType::Int128 => DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0),
        // JSON is text; what reads it says what is wrong with it.
        SqlType::JSON | SqlType::JSONB => DataType::Utf8View,
        SqlType::Custom(name, arguments) if arguments.is_empty() => custom(&name.to_string()).map_err(|error| at_name(error, name))?,
        other => return Err(no_type(&other.to_string())),
    })
}

/// Refuses lengths that would mean nothing: MySQL's width of a whole number, the length of a list.
fn check_length(sql_type: &SqlType) -> Result<()> {
    match sql_type {
        SqlType::TinyInt(Some(_))
        | SqlType::SmallInt(Some(_))
        | SqlType::Int2(Some(_))
        | SqlType::Int(Some(_))
        | SqlType::Integer(Some(_))
        | SqlType::Int4(Some(_))
        | SqlType::MediumInt(Some(_))
        | SqlType::BigInt(Some(_))
        | SqlType::Int8(Some(_))
        | SqlType::TinyIntUnsigned(Some(_))
        | SqlType::SmallIntUnsigned(Some(_))
        | SqlType::Int2Unsigned(Some(_))
        | SqlType::IntUnsigned(Some(_))
        | SqlType::IntegerUnsigned(Some(_))
        | SqlType::Int4Unsigned(Some(_))
        | SqlType::MediumIntUnsigned(Some(_))
        | SqlType::BigIntUnsigned(Some(_))
        | SqlType::Int8Unsigned(Some(_)) => {
            let name = sql_type.to_string();
            let plain = name.split('(').next().unwrap_or(&name).to_owned();
            let hint = format!("write {plain}; DECIMAL(5,0) holds numbers of five digits");
            Err(Error::unsupported(format!("{name}: a whole number has no length")).with_hint(hint))
        }
        SqlType::Array(ArrayElemTypeDef::SquareBracket(item, Some(_))) => {
            Err(Error::unsupported(format!("{sql_type}: a list has no fixed length")).with_hint(format!("write {item}[]")))
        }
        _ => Ok(()),
    }
}

/// An error with the place where a name stands, if that is known.
fn at_name(error: Error, name: &ObjectName) -> Error {
    let start = name.0.first().and_then(|part| part.as_ident()).map(|ident| ident.span.start).filter(|start| start.line > 0);
    match start {
        Some(start) => error.at(Position { line: start.line, column: start.column }),
        None => error,
    }
}

/// Types that the parser does not know by name.
fn custom(name: &str) -> Result<DataType> {
    Ok(match name.to_ascii_uppercase().as_str() {
        "INT1" => DataType::Int8,
        "SHORT" => DataType::Int16,
        "SIGNED" | "INTEGRAL" => DataType::Int32,
        "LONG" | "OID" => DataType::Int64,
        "LOGICAL" => DataType::Boolean,
        "BPCHAR" => DataType::Utf8View,
        "UINTEGER" => DataType::UInt32,
        "INT128" => DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0),
        "TIME_NS" => DataType::Time64(TimeUnit::Nanosecond),
        "TIMESTAMP_S" => DataType::Timestamp(TimeUnit::Second, None),
        "TIMESTAMP_MS" => DataType::Timestamp(TimeUnit::Millisecond, None),
        "TIMESTAMP_US" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "TIMESTAMP_NS" => DataType::Timestamp(TimeUnit::Nanosecond, None),
        _ => return Err(no_type(name)),
    })
}

/// Types that most tables are of: those that a mistyped one was probably meant to be.
const COMMON: [&str; 16] = [
    "BIGINT",
    "BLOB",
    "BOOLEAN",
    "DATE",
    "DECIMAL",
    "DOUBLE",
    "FLOAT",
    "INTEGER",
    "INTERVAL",
    "REAL",
    "SMALLINT",
    "TEXT",
    "TIMESTAMP",
    "TINYINT",
    "UUID",
    "VARCHAR",
];

fn no_type(name: &str) -> Error {
    let error = Error::unsupported(format!("the type {name} is not supported"));
    match name.to_ascii_uppercase().as_str() {
        "UHUGEINT" | "UINT128" | "INT256" | "UINT256" | "BIGNUMERIC" => error.with_hint("DECIMAL(38,0) holds whole numbers of 38 digits"),
        "SERIAL" | "BIGSERIAL" => error.with_hint("BIGINT holds the numbers; nothing counts them up"),
        text if text.starts_with("TIME") => error.with_hint("TIMESTAMP WITH TIME ZONE holds a moment, TIME a time of day"),
        text if text.starts_with("ENUM") => error.with_hint("VARCHAR holds the names"),
        text => match nearest(text, COMMON) {
            Some(meant) => error.with_hint(format!("did you mean {meant}?")),
            None => error,
        },
    }
}

fn unit(name: &str, precision: Option<u64>) -> Result<TimeUnit> {
    match precision {
        Some(0) => Ok(TimeUnit::Second),
        Some(3) => Ok(TimeUnit::Millisecond),
        None | Some(6) => Ok(TimeUnit::Microsecond),
        Some(9) => Ok(TimeUnit::Nanosecond),
        Some(digits) => {
            Err(Error::unsupported(format!("{name}({digits}) is not supported")).with_hint("digits of the second are 0, 3, 6 or 9"))
        }
    }
}

fn decimal(info: &ExactNumberInfo) -> Result<DataType> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => (u64::from(DEFAULT_DECIMAL.0), i64::from(DEFAULT_DECIMAL.1)),
        ExactNumberInfo::Precision(precision) => (*precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
    };
    let fits = (1..=u64::from(DECIMAL128_MAX_PRECISION)).contains(&precision) && scale >= 0 && scale.unsigned_abs() <= precision;
    match (u8::try_from(precision), i8::try_from(scale)) {
        (Ok(precision), Ok(scale)) if fits => Ok(DataType::Decimal128(precision, scale)),
        _ => Err(Error::invalid(format!("DECIMAL({precision}, {scale}) is no type"))
            .with_hint(format!("digits are from 1 to {DECIMAL128_MAX_PRECISION}, those behind the point from 0 to the number of digits"))),
    }
}

/// A type as people write it in SQL, whatever a field may say beyond it.
pub(crate) fn name_of(data_type: &DataType) -> String {
    sql_name(&Field::new("", data_type.clone(), true))
}

/// A type as people write it in SQL.
pub(crate) fn sql_name(field: &Field) -> String {
    if is_uuid(field) {
        return "UUID".to_owned();
    }
    match field.data_type() {
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Int8 => "TINYINT".to_owned(),
        DataType::Int16 => "SMALLINT".to_owned(),
        DataType::Int32 => "INTEGER".to_owned(),
        DataType::Int64 => "BIGINT".to_owned(),
        DataType::UInt8 => "UTINYINT".to_owned(),
        DataType::UInt16 => "USMALLINT".to_owned(),
        DataType::UInt32 => "UINTEGER".to_owned(),
        DataType::UInt64 => "UBIGINT".to_owned(),
        DataType::Float32 => "REAL".to_owned(),
        DataType::Float64 => "DOUBLE".to_owned(),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => format!("DECIMAL({precision},{scale})"),
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => "VARCHAR".to_owned(),
        DataType::Binary | DataType::BinaryView | DataType::LargeBinary => "BLOB".to_owned(),
        DataType::Date32 | DataType::Date64 => "DATE".to_owned(),
        DataType::Time64(TimeUnit::Microsecond) => "TIME".to_owned(),
        DataType::Time32(unit) | DataType::Time64(unit) => format!("TIME({})", digits(*unit)),
        DataType::Timestamp(TimeUnit::Second, None) => "TIMESTAMP_S".to_owned(),
        DataType::Timestamp(TimeUnit::Millisecond, None) => "TIMESTAMP_MS".to_owned(),
        DataType::Timestamp(TimeUnit::Microsecond, None) => "TIMESTAMP".to_owned(),
        DataType::Timestamp(TimeUnit::Nanosecond, None) => "TIMESTAMP_NS".to_owned(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "TIMESTAMP WITH TIME ZONE".to_owned(),
        DataType::Timestamp(unit, Some(_)) => format!("TIMESTAMP({}) WITH TIME ZONE", digits(*unit)),
        DataType::Interval(_) | DataType::Duration(_) => "INTERVAL".to_owned(),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => format!("{}[]", sql_name(item)),
        DataType::Struct(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|field| format!("{} {}", quoted_where_needed(field.name()), sql_name(field))).collect();
            format!("STRUCT({})", fields.join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => format!("MAP({}, {})", sql_name(&pair[0]), sql_name(&pair[1])),
            other => format!("MAP({other})"),
        },
        DataType::Null => "\"NULL\"".to_owned(),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use datafusion::sql::sqlparser::ast::{Expr, SelectItem, SetExpr, Statement};

    use super::*;
    use crate::statements::syntax::parse;

    fn planned(sql_type: &str) -> Result<FieldRef> {
        let statement = parse::parse(&format!("SELECT CAST(x AS {sql_type})"))?.remove(0);
        let parse::Parsed::Sql(statement) = parse::parse_statement(&statement)? else { panic!() };
        let Statement::Query(query) = *statement else { panic!() };
        let SetExpr::Select(select) = *query.body else { panic!() };
        let SelectItem::UnnamedExpr(Expr::Cast { data_type, .. }) = &select.projection[0] else { panic!() };
        field("x", data_type)
    }

    #[test]
    fn names_go_there_and_back() {
        for name in [
            "BOOLEAN",
            "TINYINT",
            "SMALLINT",
            "INTEGER",
            "BIGINT",
            "UTINYINT",
            "USMALLINT",
            "UINTEGER",
            "UBIGINT",
            "REAL",
            "DOUBLE",
            "DECIMAL(12,2)",
            "VARCHAR",
            "BLOB",
            "UUID",
            "DATE",
            "TIME",
            "TIMESTAMP",
            "TIMESTAMP WITH TIME ZONE",
            "TIMESTAMP_S",
            "TIMESTAMP_MS",
            "TIMESTAMP_NS",
            "TIMESTAMP(9) WITH TIME ZONE",
            "TIME(3)",
            "STRUCT(\"Y z\" INTEGER, \"select\" VARCHAR)",
            "INTERVAL",
            "INTEGER[]",
            "VARCHAR[][]",
            "STRUCT(a INTEGER, b VARCHAR[])",
            "MAP(VARCHAR, INTEGER)",
            "STRUCT(a STRUCT(b DECIMAL(9,3)))[]",
        ] {
            assert_eq!(sql_name(&planned(name).unwrap()), name);
        }
    }

    #[test]
    fn other_spellings_are_known() {
        for (spelling, name) in [
            ("INT UNSIGNED", "UINTEGER"),
            ("INT8", "BIGINT"),
            ("FLOAT", "REAL"),
            ("DOUBLE PRECISION", "DOUBLE"),
            ("NUMERIC(5)", "DECIMAL(5,0)"),
            ("VARCHAR(10)", "VARCHAR"),
            ("TEXT", "VARCHAR"),
            ("BYTEA", "BLOB"),
            ("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"),
            ("DATETIME", "TIMESTAMP"),
            ("ARRAY<INT>", "INTEGER[]"),
            ("STRUCT<a INT>", "STRUCT(a INTEGER)"),
            ("DECIMAL", "DECIMAL(18,3)"),
            ("HUGEINT", "DECIMAL(38,0)"),
            ("JSON", "VARCHAR"),
        ] {
            assert_eq!(sql_name(&planned(spelling).unwrap()), name, "{spelling}");
        }
    }

    #[test]
    fn types_that_cannot_be_stored_are_refused() {
        for name in ["TIMETZ", "ENUM('a', 'b')", "DECIMAL(39,2)", "DECIMAL(5,6)", "TIMESTAMP(4)", "GEOMETRY", "BIT(3)", "MONEY"] {
            assert!(planned(name).is_err(), "{name}");
        }
    }
}
