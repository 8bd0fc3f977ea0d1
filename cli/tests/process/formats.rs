//! What results look like.

use crate::support::clouddb;

const ROWS: &str = "SELECT * FROM (VALUES (1, 'one', 1.50), (2, NULL, NULL), (NULL, 'with \"quotes\", and a comma', 30.25), (4, '', 0.00)) AS t(n, s, d) ORDER BY n";

fn run(format: &str, sql: &str) -> String {
    clouddb(["--format", format, "-c", sql]).ok()
}

#[test]
fn boxes() {
    let expected = "\
┌────────┬────────────────────────────┬──────────────┐
│   n    │             s              │      d       │
│ bigint │          varchar           │ decimal(4,2) │
├────────┼────────────────────────────┼──────────────┤
│      1 │ one                        │         1.50 │
│      2 │ NULL                       │         NULL │
│      4 │                            │         0.00 │
│   NULL │ with \"quotes\", and a comma │        30.25 │
└────────┴────────────────────────────┴──────────────┘
";
    assert_eq!(run("box", ROWS), expected);
    assert_eq!(clouddb(["-c", ROWS]).ok(), expected, "it is the default");
}

#[test]
fn csv() {
    let expected = "n,s,d\n1,one,1.50\n2,,\n4,\"\",0.00\n,\"with \"\"quotes\"\", and a comma\",30.25\n";
    assert_eq!(run("csv", ROWS), expected);
}

#[test]
fn json_is_one_array_for_each_result() {
    let expected = r#"[{"n":1,"s":"one","d":1.50},{"n":2,"s":null,"d":null},{"n":4,"s":"","d":0.00},{"n":null,"s":"with \"quotes\", and a comma","d":30.25}]
"#;
    assert_eq!(run("json", ROWS), expected);
    assert_eq!(run("json", "SELECT 1 AS a WHERE false; SELECT 2 AS b"), "[]\n[{\"b\":2}]\n");
}

#[test]
fn jsonl_is_one_object_for_each_row() {
    let expected = r#"{"n":1,"s":"one","d":1.50}
{"n":2,"s":null,"d":null}
{"n":4,"s":"","d":0.00}
{"n":null,"s":"with \"quotes\", and a comma","d":30.25}
"#;
    assert_eq!(run("jsonl", ROWS), expected);
    assert_eq!(run("jsonl", "SELECT 1 AS a WHERE false"), "");
}

#[test]
fn formats_for_other_programs_and_for_documents() {
    let sql = "SELECT * FROM (VALUES (1, 'a|b', 1.5), (NULL, 'tab\there', NULL)) AS t(n, s, d) ORDER BY n";
    assert_eq!(run("tsv", sql), "n\ts\td\n1\ta|b\t1.5\n\\N\ttab\\there\t\\N\n");
    assert_eq!(run("list", sql), "n|s|d\n1|a|b|1.5\nNULL|tab\there|NULL\n");
    assert_eq!(
        run("markdown", sql),
        "|    n | s         |    d |\n| ---: | --------- | ---: |\n|    1 | a\\|b      |  1.5 |\n| NULL | tab\\there | NULL |\n"
    );
    assert_eq!(run("line", sql), "n = 1\ns = a|b\nd = 1.5\n\nn = NULL\ns = tab\\there\nd = NULL\n");
    let html = "<table>\n<tr><th>a</th></tr>\n<tr><td>&lt;1&gt; &amp; &quot;</td></tr>\n</table>\n";
    assert_eq!(run("html", "SELECT '<1> & \"' AS a"), html);
    assert_eq!(run("table", "SELECT 1 AS a, 'x' AS b"), "+-----+-----+\n|   a | b   |\n+-----+-----+\n|   1 | x   |\n+-----+-----+\n");
    assert_eq!(run("column", "SELECT 1 AS a, 'x' AS b"), "  a  b\n---  ---\n  1  x\n");
    assert_eq!(run("ascii", "SELECT 1 AS a, 2 AS b"), "a\u{1f}b\u{1e}1\u{1f}2\u{1e}");
    assert_eq!(run("trash", sql), "");
}

#[test]
fn what_insert_writes_can_be_run_again() {
    let sql = "SELECT 1 AS a, 'it''s' AS \"Two Words\", NULL AS n, CAST(1.5 AS DOUBLE) AS f, CAST('nan' AS DOUBLE) AS x, [1, NULL] AS l, \
        {'k': 'v'} AS s, DATE '2024-02-29' AS d, TIMESTAMP '2024-02-29 12:34:56.5' AS t, true AS b";
    let made = clouddb(["-c", &format!("CREATE TABLE t AS {sql}"), "-c", ".mode insert u", "-c", "SELECT * FROM t"]).ok();
    assert!(made.starts_with("INSERT INTO u (a, \"Two Words\", n, f, x, l, s, d, t, b) VALUES"), "{made}");
    let out = clouddb(["-c", &format!("CREATE TABLE u AS {sql} LIMIT 0"), "-c", &made, "--format", "csv", "-c", "SELECT * FROM u"]).ok();
    assert_eq!(out, clouddb(["--format", "csv", "-c", sql]).ok());
}

#[test]
fn null_headers_and_separators_can_be_chosen() {
    let out = clouddb(["--format", "list", "--separator", ";", "--null-value", "-", "--no-headers", "-c", "SELECT 1, NULL"]).ok();
    assert_eq!(out, "1;-\n");
    assert_eq!(clouddb(["-csv", "-noheader", "-nullvalue", "none", "-c", "SELECT NULL, 'none'"]).ok(), "none,\"none\"\n");
    let ascii = clouddb(["--ascii", "-c", "SELECT 'größe' AS a"]).ok();
    assert_eq!(ascii, "+---------+\n|    a    |\n| varchar |\n+---------+\n| größe   |\n+---------+\n");
    let cut = clouddb(["--max-width", "30", "-c", "SELECT repeat('x', 100) AS a"]).ok();
    assert!(cut.lines().all(|line| line.chars().count() <= 30) && cut.contains('…'), "{cut}");
    let wide = clouddb(["-c", "SELECT '日本😀' AS a, '|' AS b"]).ok();
    assert!(wide.contains("│ 日本😀  │ |       │"), "{wide}");
}

#[test]
fn every_type_has_a_text_in_every_format() {
    let sql = "SELECT true AS b, CAST(-7 AS TINYINT) AS i, CAST(1.5 AS DOUBLE) AS f, DATE '2024-02-29' AS d, \
        TIMESTAMP '2024-02-29 12:34:56.5' AS t, TIME '12:34:56' AS c, INTERVAL '1 day' AS v, X'00ff' AS x, [1, NULL, 3] AS l, \
        {'a': 1, 'b': 'two'} AS s, MAP {1: 'one', 2: NULL} AS m, CAST('123e4567-e89b-12d3-a456-426614174000' AS UUID) AS u";
    for text in [run("box", sql), run("csv", sql), run("jsonl", sql)] {
        for part in ["true", "-7", "1.5", "2024-02-29", "12:34:56.5", "00ff", "two", "one", "123e4567-e89b-12d3-a456-426614174000"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
    let json = run("jsonl", sql);
    assert!(
        json.contains(r#""l":[1,null,3]"#) && json.contains(r#""s":{"a":1,"b":"two"}"#) && json.contains(r#""m":{"1":"one","2":null}"#),
        "{json}"
    );
}

#[test]
fn boxes_show_the_first_and_the_last_rows_the_others_all() {
    let sql = "SELECT value AS n FROM range(0, 100000) AS r(value) ORDER BY n";
    let text = run("box", sql);
    assert_eq!(text.lines().count(), 4 + 40 + 3 + 2, "{text}");
    assert!(text.contains("100,000 rows (40 shown)") && text.contains("│      0 │") && text.contains("│  99999 │"), "{text}");
    assert_eq!(run("csv", sql).lines().count(), 100_001);
    assert_eq!(run("jsonl", sql).lines().count(), 100_000);
    let json = run("json", sql);
    assert!(json.starts_with("[{\"n\":0},{\"n\":1},") && json.ends_with("{\"n\":99999}]\n"));
    let all = clouddb(["--max-rows", "0", "-c", "SELECT value FROM range(0, 1000) AS r(value)"]).ok();
    assert_eq!(all.lines().count(), 4 + 1000 + 1);
}

#[test]
fn control_characters_cannot_steer_a_terminal() {
    let text = run("box", "SELECT concat('a', chr(27), '[2J', chr(10), 'b') AS s");
    assert!(text.contains("a\\u{1b}[2J\\nb"), "{text}");
}
