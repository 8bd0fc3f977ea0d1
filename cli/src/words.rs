//! Words of SQL: which ones mean something, for whoever completes, colours or quotes names.

/// Words that begin or join the parts of statements, in their usual case.
pub(crate) const KEYWORDS: &[&str] = &[
    "ALL",
    "ALTER",
    "ANALYZE",
    "AND",
    "ANTI",
    "ANY",
    "AS",
    "ASC",
    "ASOF",
    "AT",
    "ATTACH",
    "BEGIN",
    "BETWEEN",
    "BY",
    "CACHE",
    "CASE",
    "CAST",
    "CHECK",
    "CLUSTER",
    "COLUMN",
    "COLUMNS",
    "COMMENT",
    "COMMIT",
    "CONSTRAINT",
    "COPY",
    "CREATE",
    "CROSS",
    "CUBE",
    "CURRENT_DATE",
    "CURRENT_TIMESTAMP",
    "DATABASE",
    "DEFAULT",
    "DELETE",
    "DESC",
    "DESCRIBE",
    "DETACH",
    "DISTINCT",
    "DROP",
    "ELSE",
    "END",
    "ESCAPE",
    "EXCEPT",
    "EXCLUDE",
    "EXECUTE",
    "EXISTS",
    "EXPLAIN",
    "EXTRACT",
    "FALSE",
    "FETCH",
    "FILTER",
    "FIRST",
    "FOLLOWING",
    "FOR",
    "FORMAT",
    "FROM",
    "FULL",
    "FUNCTION",
    "GROUP",
    "GROUPING",
    "HAVING",
    "IF",
    "ILIKE",
    "IN",
    "INNER",
    "INSERT",
    "INTERSECT",
    "INTERVAL",
    "INTO",
    "IS",
    "JOIN",
    "LAST",
    "LATERAL",
    "LEFT",
    "LIKE",
    "LIMIT",
    "MACRO",
    "MATCHED",
    "MERGE",
    "NATURAL",
    "NOT",
    "NULL",
    "NULLS",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "PIVOT",
    "POSITIONAL",
    "PRECEDING",
    "PREPARE",
    "PRIMARY",
    "QUALIFY",
    "RANGE",
    "RECURSIVE",
    "REPLACE",
    "RESET",
    "RETURNING",
    "RIGHT",
    "ROLLBACK",
    "ROLLUP",
    "ROWS",
    "SAMPLE",
    "SCHEMA",
    "SELECT",
    "SEMI",
    "SEQUENCE",
    "SET",
    "SETS",
    "SHOW",
    "SIMILAR",
    "SOME",
    "SUMMARIZE",
    "TABLE",
    "TABLES",
    "TABLESAMPLE",
    "TEMPORARY",
    "THEN",
    "TO",
    "TRANSACTION",
    "TRUE",
    "TRUNCATE",
    "UNBOUNDED",
    "UNCACHE",
    "UNION",
    "UNIQUE",
    "UNPIVOT",
    "UPDATE",
    "USE",
    "USING",
    "VALUES",
    "VERSION",
    "VIEW",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
    "WITHIN",
];

/// Names of types.
pub(crate) const TYPES: &[&str] = &[
    "BIGINT",
    "BLOB",
    "BOOLEAN",
    "DATE",
    "DECIMAL",
    "DOUBLE",
    "FLOAT",
    "INTEGER",
    "MAP",
    "REAL",
    "SMALLINT",
    "STRUCT",
    "TEXT",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMPTZ",
    "TINYINT",
    "UBIGINT",
    "UINTEGER",
    "USMALLINT",
    "UTINYINT",
    "UUID",
    "VARCHAR",
];

/// Whether a word is one of SQL's.
pub(crate) fn is_keyword(word: &str) -> bool {
    let upper = word.to_ascii_uppercase();
    KEYWORDS.binary_search(&upper.as_str()).is_ok()
}

/// Whether a word is the name of a type.
pub(crate) fn is_type(word: &str) -> bool {
    let upper = word.to_ascii_uppercase();
    TYPES.binary_search(&upper.as_str()).is_ok()
}

/// A name as SQL must have it.
pub(crate) fn quoted_name(name: &str) -> String {
    let is_plain = !name.is_empty()
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !is_keyword(name);
    match is_plain {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// A text as SQL writes it.
pub(crate) fn quoted_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The names that somebody may have meant who mistyped one, at most three, the likeliest first.
pub(crate) fn meant<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    clouddb_engine::near(word, names).into_iter().take(3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_sorted_because_they_are_looked_up() {
        assert!(KEYWORDS.is_sorted() && TYPES.is_sorted());
        assert!(is_keyword("select") && is_keyword("Where") && !is_keyword("orders") && is_type("varchar"));
    }

    #[test]
    fn names_have_quotes_where_they_need_them() {
        assert_eq!(
            ["a_1", "1a", "Ab", "select", "a\"b", ""].map(quoted_name),
            ["a_1", "\"1a\"", "\"Ab\"", "\"select\"", "\"a\"\"b\"", "\"\""]
        );
    }

    #[test]
    fn what_was_meant() {
        assert_eq!(meant(".tabels", [".mode", ".tables", ".timer"]), [".tables"]);
        assert!(meant("xyz", [".mode"]).is_empty());
    }
}
