//! What EXPLAIN shows.

use crate::support::clouddb;

const TABLES: &str = "CREATE TABLE t AS SELECT value AS id, value % 10 AS kind, concat('n', value) AS name FROM range(0, 5000) AS r(value); \
    CREATE TABLE k AS SELECT value AS kind, concat('k', value) AS label FROM range(0, 3000) AS r(value)";

const QUERY: &str = "SELECT label, count(*) AS n, sum(id * 2) FROM t JOIN k ON t.kind = k.kind WHERE name <> 'n7' AND id > 100 GROUP BY label ORDER BY n DESC LIMIT 3";

fn explained(how: &str) -> String {
    clouddb(["-c", TABLES, "-c", &format!("{how} {QUERY}")]).ok()
}

#[test]
fn a_plan_is_a_tree_in_the_words_of_sql() {
    let plan = explained("EXPLAIN");
    for part in ["First 3 by n DESC", "Group by label", "Inner join", "Scan t", "Scan k", "name != 'n7'", "id > 100", "└─ ", "~ "] {
        assert!(plan.contains(part), "{part} in {plan}");
    }
    for inside in ["Exec", "@", "Int64", "Utf8", "checked_", "Coalesce", "Repartition", "│ explain"] {
        assert!(!plan.contains(inside), "{inside} in {plan}");
    }
}

#[test]
fn analyze_tells_rows_time_and_what_was_read() {
    for how in ["EXPLAIN ANALYZE", "EXPLAIN (ANALYZE)", "EXPLAIN (ANALYZE, FORMAT text)"] {
        let plan = explained(how);
        assert!(plan.starts_with("3 rows in ") && plan.contains(" of work"), "{plan}");
        let line = |name: &str| plan.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name} in {plan}")).to_owned();
        assert!(line("Scan t").contains("4,899 rows") && line("Scan t").contains('%'), "{plan}");
        assert!(plan.contains("row groups 1 of 1"), "{plan}");
    }
}

#[test]
fn plans_in_other_forms() {
    let json = explained("EXPLAIN (FORMAT json)");
    let tree: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(tree["step"].as_str().unwrap().starts_with("First 3"), "{json}");
    let json = explained("EXPLAIN (ANALYZE, FORMAT json)");
    let run: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(run["rows"], 3, "{json}");
    assert!(explained("EXPLAIN (FORMAT indent)").contains("-- physical_plan") && explained("EXPLAIN VERBOSE").contains("GroupExec"));
    for wrong in ["EXPLAIN (FORMAT yaml) SELECT 1", "EXPLAIN (COSTS) SELECT 1", "EXPLAIN (VERBOSE, FORMAT json) SELECT 1"] {
        let run = clouddb(["-c", wrong]).failure();
        assert!(run.err.contains("hint"), "{wrong}: {}", run.err);
    }
}
