//! Types in messages of libraries, which call them by Arrow's names, under their SQL names.

/// Arrow's names and SQL's.
const NAMES: [(&str, &str); 24] = [
    ("Boolean", "BOOLEAN"),
    ("Int8", "TINYINT"),
    ("Int16", "SMALLINT"),
    ("Int32", "INTEGER"),
    ("Int64", "BIGINT"),
    ("UInt8", "UTINYINT"),
    ("UInt16", "USMALLINT"),
    ("UInt32", "UINTEGER"),
    ("UInt64", "UBIGINT"),
    ("Float32", "REAL"),
    ("Float64", "DOUBLE"),
    ("Utf8", "VARCHAR"),
    ("Utf8View", "VARCHAR"),
    ("LargeUtf8", "VARCHAR"),
    ("Binary", "BLOB"),
    ("BinaryView", "BLOB"),
    ("LargeBinary", "BLOB"),
    ("Date32", "DATE"),
    ("Date64", "DATE"),
    ("Decimal128", "DECIMAL"),
    ("Decimal256", "DECIMAL"),
    ("Decimal32", "DECIMAL"),
    ("Decimal64", "DECIMAL"),
    ("Struct", "STRUCT"),
];

/// Arrow's names whose brackets say what SQL's names leave out.
const WITH_BRACKETS: [(&str, &str); 4] = [("Timestamp", "TIMESTAMP"), ("Interval", "INTERVAL"), ("Time64", "TIME"), ("Time32", "TIME")];

/// The message with SQL's names. What stands in quotes is the user's and stays.
pub(crate) fn with_sql_names(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    let mut in_quotes = false;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let word: &str = &rest[..rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len())];
        if word.is_empty() {
            // An apostrophe within a word quotes nothing.
            let is_apostrophe = before.is_alphanumeric() && rest[1..].starts_with(char::is_alphanumeric) && !in_quotes;
            if first == '\'' && !is_apostrophe {
                in_quotes = !in_quotes;
            }
            out.push(first);
            before = first;
            rest = &rest[first.len_utf8()..];
            continue;
        }
        rest = &rest[word.len()..];
        before = 'a';
        let bracketed = WITH_BRACKETS.iter().find(|(name, _)| *name == word && rest.starts_with('('));
        match (in_quotes, bracketed, NAMES.iter().find(|(name, _)| *name == word)) {
            (false, Some((_, sql)), _) => {
                out.push_str(sql);
                rest = rest.split_once(')').map_or(rest, |(_, behind)| behind);
            }
            (false, None, Some((_, sql))) => {
                out.push_str(sql);
                // Digits stand as in `DECIMAL(10,2)`.
                if *sql == "DECIMAL"
                    && let Some((digits, behind)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'))
                {
                    out.push_str(&format!("({})", digits.replace(' ', "")));
                    rest = behind;
                }
            }
            _ => out.push_str(word),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_their_sql_names_and_quoted_text_stays() {
        for (message, expected) in [
            ("Can't cast value 300 to type Int8", "Can't cast value 300 to type TINYINT"),
            ("Cannot cast string 'Int32' to value of Int32 type", "Cannot cast string 'Int32' to value of INTEGER type"),
            ("Utf8View + Timestamp(Nanosecond, None) is nothing", "VARCHAR + TIMESTAMP is nothing"),
            ("Decimal128(10, 2) beside Int64s", "DECIMAL(10,2) beside Int64s"),
        ] {
            assert_eq!(with_sql_names(message), expected);
        }
    }
}
