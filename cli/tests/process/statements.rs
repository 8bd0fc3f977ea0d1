//! Where SQL comes from, in which order it runs, and where it stops.

use crate::support::{Folder, clouddb, clouddb_with_input};

#[test]
fn sql_from_the_command_line_keeps_its_order() {
    let folder = Folder::new();
    let file = folder.file("two.sql", "SELECT 2 AS two;\nSELECT 3 AS three;\n");
    let out = clouddb(["--format", "csv", "-c", "SELECT 1 AS one", "-f", &file, "-c", "SELECT 4 AS four; SELECT 5 AS five;"]).ok();
    assert_eq!(out, "one\n1\ntwo\n2\nthree\n3\nfour\n4\nfive\n5\n");
}

#[test]
fn sql_from_standard_input() {
    let sql = "CREATE TABLE t (a INTEGER);\nINSERT INTO t VALUES (1), (2);\nSELECT sum(a) AS s FROM t;\nSELECT 'no semicolon' AS last";
    assert_eq!(clouddb_with_input(["--format", "csv"], sql).ok(), "s\n3\nlast\nno semicolon\n");
    assert_eq!(clouddb_with_input(["--format", "csv", "-f", "-"], sql).ok(), "s\n3\nlast\nno semicolon\n");
    assert_eq!(clouddb_with_input(["--format", "csv"], "").ok(), "");
    assert_eq!(clouddb_with_input(["--format", "csv"], "-- nothing\n;;\n").ok(), "");
}

#[test]
fn standard_input_is_left_alone_when_sql_is_given() {
    assert_eq!(clouddb_with_input(["--format", "csv", "-c", "SELECT 1 AS a"], "SELECT 2 AS b").ok(), "a\n1\n");
}

#[test]
fn the_first_error_stops_with_its_line_and_statement() {
    let sql = "SELECT 1 AS a;\n\nSELECT *\n  FROM missing;\nSELECT 3 AS c;\n";
    let run = clouddb_with_input(["--format", "csv"], sql).failure();
    assert_eq!(run.out, "a\n1\n");
    assert!(run.err.contains("missing") && run.err.contains("line 3: SELECT * FROM missing"), "{}", run.err);
}

#[test]
fn errors_in_files_name_the_file() {
    let folder = Folder::new();
    let file = folder.file("bad.sql", "SELECT 1 AS a;\n  SELECT FROM WHERE;\n");
    let run = clouddb(["--format", "csv", "-f", &file, "-c", "SELECT 2"]).failure();
    assert_eq!(run.out, "a\n1\n");
    assert!(run.err.contains(&format!("at {file}, line 2: SELECT FROM WHERE")), "{}", run.err);
    assert!(run.err.contains("syntax error") && run.err.contains("line 2, column"), "{}", run.err);
}

#[test]
fn a_sign_stands_below_the_place_of_an_error() {
    let run = clouddb(["-c", "SELECT a\n FRO t"]).failure();
    assert!(run.err.contains("\n  |  FRO t\n  |      ^"), "{}", run.err);
    let run = clouddb(["-c", "SELECT missing FROM (SELECT 1 AS a) AS t"]).failure();
    assert!(run.err.contains("  | SELECT missing FROM (SELECT 1 AS a) AS t\n  |        ^^^^^^^"), "{}", run.err);
}

#[test]
fn errors_can_be_passed_over() {
    let sql = "SELECT 1 AS a;\nSELECT missing;\n.nonsense\nSELECT 2 AS b;\n";
    let run = clouddb_with_input(["--format", "csv", "--continue-on-error"], sql);
    assert_eq!((run.status, run.out.as_str()), (1, "a\n1\nb\n2\n"), "{run:?}");
    assert!(run.err.contains("line 2") && run.err.contains("line 3"), "{}", run.err);
    assert_eq!(clouddb_with_input(["--format", "csv", "--bail"], sql).failure().out, "a\n1\n");
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_script() {
    let folder = Folder::new();
    let file = folder.file("bom.sql", "\u{feff}SELECT 1 AS a;\n");
    assert_eq!(clouddb(["--format", "csv", "-f", &file]).ok(), "a\n1\n");
}

#[test]
fn an_error_while_rows_are_made_fails_too() {
    let run =
        clouddb(["--format", "csv", "-c", "SELECT CAST(x AS INTEGER) AS i FROM (VALUES ('1'), ('two')) AS t(x)", "-c", "SELECT 2 AS b"]);
    let run = run.failure();
    assert!(run.err.contains("two"), "{}", run.err);
    assert!(!run.out.contains('b'), "{}", run.out);
}

#[test]
fn a_file_that_cannot_be_read() {
    let run = clouddb(["-f", "/nowhere/at/all.sql"]).failure();
    assert!(run.err.contains("/nowhere/at/all.sql"), "{}", run.err);
    let folder = Folder::new();
    std::fs::write(folder.path("latin1.sql"), b"SELECT 1 AS a;\nSELECT 'gr\xfc\xdfe';\n").unwrap();
    let run = clouddb(["-f", &folder.path("latin1.sql")]).failure();
    assert!(run.err.contains("line 2") && run.err.contains("UTF-8"), "{}", run.err);
}

#[test]
fn wrong_arguments_have_a_status_of_their_own() {
    for args in [
        vec!["--format", "xml"],
        vec!["--nonsense"],
        vec!["--memory-limit", "much"],
        vec!["--option", "novalue"],
        vec!["info"],
        vec!["--statement-timeout", "5"],
    ] {
        let run = clouddb(&args);
        assert_eq!(run.status, 2, "{args:?}: {run:?}");
        assert!(run.err.starts_with("error"), "{args:?}: {run:?}");
    }
    assert_eq!(clouddb(["--version"]).ok(), format!("clouddb {}\n", env!("CARGO_PKG_VERSION")));
    let help = clouddb(["--help"]).ok();
    assert!(["info", "log", "verify", "demo", "--must-exist"].iter().all(|word| help.contains(word)), "{help}");
}

#[test]
fn deep_nesting_ends_with_an_error() {
    let sql = format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000));
    clouddb_with_input(["--format", "csv"], &sql).failure();
}

#[test]
fn threads_and_memory_can_be_limited() {
    let args = ["--threads", "1", "--memory-limit", "64MiB", "--format", "csv", "-c"];
    assert_eq!(clouddb(args.iter().chain(&["SELECT count(*) AS n FROM range(0, 100000) AS r(value)"])).ok(), "n\n100000\n");
    let run = clouddb(args.iter().chain(&["SELECT array_agg(value) AS a FROM range(0, 50000000) AS r(value)"])).failure();
    assert!(run.err.contains("limit"), "{}", run.err);
}

#[test]
fn the_timer_speaks_on_standard_error() {
    let run = clouddb(["--timer", "--format", "csv", "-c", "SELECT 1 AS a"]).success();
    assert_eq!(run.out, "a\n1\n");
    assert!(run.err.starts_with("time: "), "{}", run.err);
}
