//! Names as SQL writes them: in double quotes where they would be read as another name, or as none, here or in DuckDB.

use datafusion::sql::sqlparser::keywords::{
    ALL_KEYWORDS, ALL_KEYWORDS_INDEX, RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_IDENTIFIER, RESERVED_FOR_TABLE_ALIAS,
};

/// Words that are no names, here or in DuckDB, although the parser may have them for names. The parser has more of its own.
#[rustfmt::skip]
const RESERVED: [&str; 136] = [
    "ALL", "ANALYSE", "ANALYZE", "AND", "ANTI", "ANY", "ARRAY", "AS", "ASC", "ASOF", "ASYMMETRIC", "AT", "AUTHORIZATION", "BETWEEN",
    "BINARY", "BOTH", "BY", "CASE", "CAST", "CHECK", "CLUSTER", "COLLATE", "COLLATION", "COLUMN", "COMMENT", "CONCURRENTLY", "CONSTRAINT",
    "CREATE", "CROSS", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "CURRENT_USER", "DEFAULT", "DEFERRABLE", "DESC", "DESCRIBE",
    "DISTINCT", "DO", "ELSE", "END", "EXCEPT", "EXISTS", "EXTRACT", "FALSE", "FETCH", "FILTER", "FOR", "FOREIGN", "FREEZE", "FROM",
    "FULL", "GLOB", "GRANT", "GROUP", "GROUPING", "HAVING", "IF", "ILIKE", "IN", "INITIALLY", "INNER", "INSERT", "INTERSECT", "INTERVAL",
    "INTO", "IS", "ISNULL", "JOIN", "LAMBDA", "LATERAL", "LEADING", "LEFT", "LIKE", "LIMIT", "LIST", "MAP", "NATURAL", "NOT", "NOTNULL",
    "NULL", "OF", "OFFSET", "ON", "ONLY", "OR", "ORDER", "OUTER", "OVERLAPS", "PARTITION", "PIVOT", "PIVOT_LONGER", "PIVOT_WIDER",
    "PLACING", "POSITION", "POSITIONAL", "PRIMARY", "QUALIFY", "REFERENCES", "REPLACE", "RETURNING", "RIGHT", "ROW", "ROWS", "SELECT",
    "SEMI", "SET", "SHOW", "SIMILAR", "SOME", "STRUCT", "SUMMARIZE", "SYMMETRIC", "TABLE", "TABLESAMPLE", "THEN", "TO", "TOP", "TRAILING",
    "TRIM", "TRUE", "UNION", "UNIQUE", "UNNEST", "UNPACK", "UNPIVOT", "UPDATE", "USER", "USING", "VALUES", "VARIADIC", "VERBOSE", "WHEN",
    "WHERE", "WINDOW", "WITH",
];

/// A name as a statement has to write it: in double quotes unless it is a plain word in small letters that means nothing else.
pub(crate) fn quoted_where_needed(name: &str) -> String {
    let starts = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
    let plain = starts && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    match plain && !is_reserved(name) {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

fn is_reserved(word: &str) -> bool {
    let upper = word.to_ascii_uppercase();
    let keyword = ALL_KEYWORDS.binary_search(&upper.as_str()).ok().map(|at| ALL_KEYWORDS_INDEX[at]);
    RESERVED.contains(&upper.as_str())
        || keyword.is_some_and(|keyword| {
            [RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_TABLE_ALIAS, RESERVED_FOR_IDENTIFIER].iter().any(|words| words.contains(&keyword))
        })
}
