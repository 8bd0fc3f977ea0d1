//! Standard input as data, and standard output as a file.

use crate::support::{Folder, clouddb, clouddb_with_input};

const ROWS: &str = "a,b\n1,one\n2,two\n";

#[test]
fn standard_input_is_data_where_statements_come_from_elsewhere() {
    let folder = Folder::new();
    for from in ["STDIN", "'/dev/stdin'", "'/dev/stdin' (FORMAT csv, HEADER)", "stdin WITH CSV HEADER"] {
        let sql = format!("CREATE TABLE t (a INTEGER, b VARCHAR); COPY t FROM {from}; SELECT * FROM t ORDER BY a");
        assert_eq!(clouddb_with_input(["--format", "csv", "-c", &sql], ROWS).ok(), ROWS, "{from}");
        let script = folder.file("script.sql", &sql);
        assert_eq!(clouddb_with_input(["--format", "csv", "-f", &script], ROWS).ok(), ROWS, "{from}");
    }
    // It is read once, and what came can be asked for again.
    let sql = "SELECT count(*) AS n FROM read_csv('/dev/stdin'); SELECT max(x.b) AS b FROM read_csv('/dev/stdin') AS x, read_csv('/dev/stdin') AS y";
    assert_eq!(clouddb_with_input(["--format", "csv", "-c", sql], ROWS).ok(), "n\n2\nb\ntwo\n");
    let lines = "{\"a\": 1}\n{\"a\": 2}\n";
    assert_eq!(clouddb_with_input(["--format", "csv", "-c", "SELECT sum(a) AS s FROM read_json('/dev/stdin')"], lines).ok(), "s\n3\n");
}

#[test]
fn statements_are_no_data() {
    let sql = "SELECT * FROM read_csv('/dev/stdin');\n1\n";
    let run = clouddb_with_input(["--format", "csv"], sql).failure();
    assert!(run.err.contains("standard input is where the statements come from"), "{run:?}");
}

#[test]
fn standard_output_gets_files() {
    for to in ["STDOUT", "'/dev/stdout'", "'/dev/fd/1' (FORMAT csv)"] {
        let sql = format!("SELECT 0 AS before; COPY (SELECT 1 AS a, 'x' AS b) TO {to}; SELECT 2 AS behind");
        assert_eq!(clouddb(["--format", "csv", "-c", &sql]).ok(), "before\n0\na,b\n1,x\nbehind\n2\n", "{to}");
    }
    assert_eq!(clouddb(["-c", "COPY (SELECT 1 AS a) TO STDOUT (FORMAT json)"]).ok(), "{\"a\":1}\n");
    // A device stays what it is.
    assert_eq!(clouddb(["-c", "COPY (SELECT 1 AS a) TO '/dev/null' (FORMAT csv)"]).ok(), "");
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    assert!(std::fs::symlink_metadata("/dev/stdout").unwrap().is_symlink());
    // What fails writes nothing.
    let run = clouddb(["-c", "COPY (SELECT 1 // (x - 5) AS a FROM range(10) AS r(x)) TO STDOUT"]).failure();
    assert_eq!(run.out, "");
    let run = clouddb(["-c", "COPY (SELECT 1 AS a, 2 AS b) TO STDOUT (PARTITION_BY (a))"]).failure();
    assert!(run.err.contains("takes one file"), "{run:?}");
}
