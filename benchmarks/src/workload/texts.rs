//! Queries in files: each begins with a line `-- NAME` (and may say more after a colon), and ends with a semicolon.

use super::Query;

/// The queries of a file.
pub(super) fn queries(text: &str) -> Vec<Query> {
    let query = |part: &str| {
        let (head, sql) = part.trim().strip_prefix("-- ")?.split_once('\n')?;
        let name = head.split(':').next().unwrap_or(head).trim().to_owned();
        Some(Query { name, sql: sql.trim().to_owned() })
    };
    text.split(";\n").filter_map(query).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts() {
        let read = queries("-- Q1\nSELECT 1;\n\n-- top-k: what for\nSELECT 2\nLIMIT 1;\n");
        let pairs: Vec<_> = read.iter().map(|query| (query.name.as_str(), query.sql.as_str())).collect();
        assert_eq!(pairs, [("Q1", "SELECT 1"), ("top-k", "SELECT 2\nLIMIT 1")]);
    }
}
