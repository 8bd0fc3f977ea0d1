//! The statements that make what a database holds: the text of CREATE SCHEMA, CREATE TABLE and CREATE VIEW.
//!
//! What is written here makes the same thing when it is run, in this database and, but for CLUSTER BY and COMMENT, in DuckDB. Names are quoted where they
//! must be, types are written with all that they say.

use arrow::datatypes::{DataType, Field, TimeUnit};
use clouddb_storage::catalog::{Column, SchemaMeta, TableMeta, ViewMeta};
use datafusion::sql::sqlparser::keywords::{
    ALL_KEYWORDS, ALL_KEYWORDS_INDEX, RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_IDENTIFIER, RESERVED_FOR_TABLE_ALIAS,
};

use crate::types::{is_uuid, sql_name};

/// Words that are no names, here or in DuckDB, although the parser may have them for names. The parser has more of its own.
#[rustfmt::skip]
const RESERVED: [&str; 106] = [
    "ALL", "ANALYSE", "ANALYZE", "AND", "ANTI", "ANY", "ARRAY", "AS", "ASC", "ASOF", "ASYMMETRIC", "AT", "AUTHORIZATION", "BINARY",
    "BOTH", "BY", "CASE", "CAST", "CHECK", "COLLATE", "COLLATION", "COLUMN", "CONCURRENTLY", "CONSTRAINT", "CREATE", "CROSS", "DEFAULT",
    "DEFERRABLE", "DESC", "DESCRIBE", "DISTINCT", "DO", "ELSE", "END", "EXCEPT", "FALSE", "FETCH", "FOR", "FOREIGN", "FREEZE", "FROM",
    "FULL", "GLOB", "GROUP", "HAVING", "ILIKE", "IN", "INITIALLY", "INNER", "INTERSECT", "INTO", "IS", "ISNULL", "JOIN", "LAMBDA",
    "LATERAL", "LEADING", "LEFT", "LIKE", "LIMIT", "NATURAL", "NOT", "NOTNULL", "NULL", "OFFSET", "ON", "ONLY", "OR", "ORDER", "OUTER",
    "OVERLAPS", "PIVOT", "PIVOT_LONGER", "PIVOT_WIDER", "PLACING", "POSITIONAL", "PRIMARY", "QUALIFY", "REFERENCES", "RETURNING", "RIGHT",
    "SELECT", "SEMI", "SHOW", "SIMILAR", "SOME", "SUMMARIZE", "SYMMETRIC", "TABLE", "TABLESAMPLE", "THEN", "TO", "TRAILING", "TRUE",
    "UNION", "UNIQUE", "UNPACK", "UNPIVOT", "USER", "USING", "VARIADIC", "VERBOSE", "WHEN", "WHERE", "WINDOW", "WITH",
];

/// The CREATE SCHEMA of a schema.
pub(crate) fn create_schema(schema: &SchemaMeta) -> String {
    format!("CREATE SCHEMA {}", name(&schema.name))
}

/// The CREATE TABLE of a table, in the current schema: for whoever shows one.
#[allow(dead_code)]
pub(crate) fn create_table(table: &TableMeta) -> String {
    create_table_as(&name(&table.name), table)
}

/// The CREATE TABLE of a table, in a schema.
pub(crate) fn create_table_in(schema: &str, table: &TableMeta) -> String {
    create_table_as(&qualified(schema, &table.name), table)
}

/// The CREATE VIEW of a view, in the current schema: for whoever shows one.
#[allow(dead_code)]
pub(crate) fn create_view(view: &ViewMeta) -> String {
    create_view_as(&name(&view.name), view)
}

/// The CREATE VIEW of a view, in a schema.
pub(crate) fn create_view_in(schema: &str, view: &ViewMeta) -> String {
    create_view_as(&qualified(schema, &view.name), view)
}

/// A schema's name and a name in it.
pub(crate) fn qualified(schema: &str, in_it: &str) -> String {
    format!("{}.{}", name(schema), name(in_it))
}

/// A name as it is written in SQL: in double quotes where it would be read as another one, or as none.
pub(crate) fn name(name: &str) -> String {
    let mut letters = name.chars();
    let is_plain = letters.next().is_some_and(|first| first.is_ascii_lowercase() || first == '_')
        && letters.all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    match is_plain && !is_reserved(name) {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// A text as it is written in SQL.
pub(crate) fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A type as it is written in SQL, with all that it says.
pub(crate) fn type_name(field: &Field) -> String {
    if is_uuid(field) {
        return "UUID".to_owned();
    }
    match field.data_type() {
        DataType::Timestamp(unit, None) => match unit {
            TimeUnit::Second => "TIMESTAMP_S".to_owned(),
            TimeUnit::Millisecond => "TIMESTAMP_MS".to_owned(),
            TimeUnit::Microsecond => "TIMESTAMP".to_owned(),
            TimeUnit::Nanosecond => "TIMESTAMP_NS".to_owned(),
        },
        DataType::Timestamp(unit, Some(_)) => format!("TIMESTAMP{} WITH TIME ZONE", digits(*unit)),
        DataType::Time32(unit) | DataType::Time64(unit) => format!("TIME{}", digits(*unit)),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => format!("{}[]", type_name(item)),
        DataType::Struct(fields) => {
            let fields: Vec<String> = fields.iter().map(|field| format!("{} {}", name(field.name()), type_name(field))).collect();
            format!("STRUCT({})", fields.join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => format!("MAP({}, {})", type_name(&pair[0]), type_name(&pair[1])),
            _ => sql_name(field),
        },
        _ => sql_name(field),
    }
}

/// The digits of the second, where they are not the six that a type has without them.
fn digits(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "(0)",
        TimeUnit::Millisecond => "(3)",
        TimeUnit::Microsecond => "",
        TimeUnit::Nanosecond => "(9)",
    }
}

fn create_table_as(written: &str, table: &TableMeta) -> String {
    let columns: Vec<String> = table.columns.iter().map(column).collect();
    let mut sql = format!("CREATE TABLE {written} ({})", columns.join(", "));
    if !table.cluster_by.is_empty() {
        let keys = table.cluster_by.iter().filter_map(|id| table.column_by_id(*id)).map(|(_, column)| name(column.name()));
        sql.push_str(&format!(" CLUSTER BY ({})", keys.collect::<Vec<_>>().join(", ")));
    }
    if let Some(comment) = &table.comment {
        sql.push_str(&format!(" COMMENT {}", text(comment)));
    }
    sql
}

fn create_view_as(written: &str, view: &ViewMeta) -> String {
    let comment = view.comment.as_ref().map(|comment| format!(" COMMENT = {}", text(comment)));
    format!("CREATE VIEW {written}{} AS {}", comment.unwrap_or_default(), view.sql)
}

fn column(column: &Column) -> String {
    let mut sql = format!("{} {}", name(column.name()), type_name(column.field()));
    if !column.field().is_nullable() {
        sql.push_str(" NOT NULL");
    }
    if let Some(default) = column.default() {
        sql.push_str(&format!(" DEFAULT {default}"));
    }
    if let Some(comment) = column.comment() {
        sql.push_str(&format!(" COMMENT {}", text(comment)));
    }
    sql
}

/// Whether a word means something of its own where names stand.
fn is_reserved(word: &str) -> bool {
    let upper = word.to_ascii_uppercase();
    let keyword = ALL_KEYWORDS.binary_search(&upper.as_str()).ok().map(|at| ALL_KEYWORDS_INDEX[at]);
    RESERVED.contains(&upper.as_str())
        || keyword.is_some_and(|keyword| {
            [RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_TABLE_ALIAS, RESERVED_FOR_IDENTIFIER].iter().any(|words| words.contains(&keyword))
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clouddb_storage::catalog::ColumnSpec;
    use clouddb_storage::{SchemaId, TableId};

    use super::*;

    #[test]
    fn names_are_quoted_where_they_must_be() {
        for (plain, written) in [
            ("a", "a"),
            ("a_1", "a_1"),
            ("A", "\"A\""),
            ("1a", "\"1a\""),
            ("a b", "\"a b\""),
            ("a\"b", "\"a\"\"b\""),
            ("select", "\"select\""),
            ("order", "\"order\""),
            ("primary", "\"primary\""),
            ("table", "\"table\""),
            ("date", "date"),
            ("größe", "\"größe\""),
            ("", "\"\""),
        ] {
            assert_eq!(name(plain), written);
        }
    }

    #[test]
    fn a_table_is_written_with_all_that_it_says() {
        let list = DataType::List(Field::new_list_field(DataType::Int32, true).into());
        let nested = DataType::Struct(vec![Field::new("x", DataType::Utf8View, true), Field::new("to", list, true)].into());
        let mut key = ColumnSpec::new("Key", DataType::Int64, false);
        key.comment = Some("it's the key".to_owned());
        let mut at = ColumnSpec::new("at", DataType::Timestamp(TimeUnit::Nanosecond, None), true);
        at.default = Some("now()".to_owned());
        let columns = vec![key, at, ColumnSpec::new("n", nested, true)];
        let mut table = TableMeta::new(TableId::default(), SchemaId::default(), "t", columns, &["Key".to_owned()]).unwrap();
        assert_eq!(
            create_table_in("main", &table),
            "CREATE TABLE main.t (\"Key\" BIGINT NOT NULL COMMENT 'it''s the key', \"at\" TIMESTAMP_NS DEFAULT now(), \
             n STRUCT(x VARCHAR, \"to\" INTEGER[])) CLUSTER BY (\"Key\")"
        );
        table.comment = Some("all".to_owned());
        assert!(create_table(&table).starts_with("CREATE TABLE t ("));
        assert!(create_table(&table).ends_with(" CLUSTER BY (\"Key\") COMMENT 'all'"));
    }
}
