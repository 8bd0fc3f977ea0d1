//! Output that nobody reads to its end, and input that comes a statement at a time.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use crate::support::program;

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    for format in ["csv", "json", "jsonl", "box"] {
        let sql = "SELECT range, repeat('x', 100) AS s FROM range(0, 10000000)";
        let mut child = program()
            .args(["--format", format, "--max-rows", "100000", "-c", sql])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = [0; 100];
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut first).unwrap();
        drop(out);
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        let status = child.wait().unwrap();
        assert_eq!((status.code(), err.as_str()), (Some(141), ""), "{format}");
    }
}

#[test]
fn each_answer_is_there_before_the_next_statement() {
    let mut child = program().args(["--format", "csv"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    for number in 1..=3 {
        input.write_all(format!("SELECT {number} AS n;\n").as_bytes()).unwrap();
        let mut lines = String::new();
        output.read_line(&mut lines).unwrap();
        output.read_line(&mut lines).unwrap();
        assert_eq!(lines, format!("n\n{number}\n"));
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}
