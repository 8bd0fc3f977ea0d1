//! Statements so deep that they would exhaust a stack: each gives an answer or an error, never a crash.
//!
//! An exhausted stack ends the whole process, so every statement runs in a process of its own: this test program, started again.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::Command;

use clouddb_engine::{Database, Options, StatementResult};

const CASE: &str = "CLOUDDB_TEST_DEEP_CASE";

/// Statements by name, and whether they must give an answer.
fn cases() -> Vec<(&'static str, String, bool)> {
    let repeated = |part: &str, times: usize| part.repeat(times);
    let chain = |part: &str, operator: &str, times: usize| vec![part; times].join(operator);
    let numbered = |operator: &str, times: usize| (0..times).map(|i| format!("a <> {i}")).collect::<Vec<_>>().join(operator);
    vec![
        ("brackets_200", format!("SELECT {}1{}", repeated("(", 200), repeated(")", 200)), true),
        ("brackets_10000", format!("SELECT {}1{}", repeated("(", 10_000), repeated(")", 10_000)), false),
        ("queries_50", format!("{}SELECT 1 AS x{}", repeated("SELECT * FROM (", 50), repeated(") AS q", 50)), true),
        ("queries_10000", format!("{}SELECT 1 AS x{}", repeated("SELECT * FROM (", 10_000), repeated(") AS q", 10_000)), false),
        ("plus_900", format!("SELECT {} FROM t", chain("a", " + ", 900)), true),
        ("plus_5000", format!("SELECT {} FROM t", chain("a", " + ", 5_000)), false),
        ("constants_900", format!("SELECT {}", chain("1", " + ", 900)), true),
        ("or_5000", format!("SELECT count(*) FROM t WHERE {}", numbered(" OR ", 5_000)), true),
        ("and_900", format!("SELECT count(*) FROM t WHERE {}", numbered(" AND ", 900)), true),
        ("and_5000", format!("SELECT count(*) FROM t WHERE {}", numbered(" AND ", 5_000)), false),
        ("and_in_having_900", format!("SELECT a FROM t GROUP BY a HAVING {}", numbered(" AND ", 900)), true),
        (
            "and_in_joins_900",
            format!("SELECT 1 FROM t JOIN t AS u ON t.a <> u.a AND {}", numbered(" AND ", 900).replace("a ", "t.a + u.a ")),
            true,
        ),
        ("or_equal_5000", format!("SELECT count(*) FROM t WHERE {}", numbered(" OR ", 5_000).replace("<>", "=")), true),
        ("concat_5000", format!("SELECT length({}) FROM t", chain("b", " || ", 5_000)), true),
        ("in_20000", format!("SELECT count(*) FROM t WHERE a IN ({})", chain("1", ", ", 20_000)), true),
        ("not_10000", format!("SELECT {} true", repeated("NOT ", 10_000)), false),
        ("minus_10000", format!("SELECT {} 1", repeated("- ", 10_000)), false),
        ("case_200", format!("SELECT {}a{} FROM t", repeated("CASE WHEN a > 0 THEN ", 200), repeated(" END", 200)), true),
        ("case_10000", format!("SELECT {}1{}", repeated("CASE WHEN true THEN ", 10_000), repeated(" END", 10_000)), false),
        ("casts_900", format!("SELECT a{} FROM t", repeated("::int::bigint", 300)), true),
        ("casts_10000", format!("SELECT a{} FROM t", repeated("::int", 10_000)), false),
        ("unions_400", chain("SELECT 1 AS a", " UNION ALL ", 400), true),
        ("unions_5000", chain("SELECT 1 AS a", " UNION ALL ", 5_000), false),
        ("functions_200", format!("SELECT {}a{} FROM t", repeated("abs(", 200), repeated(")", 200)), true),
        ("functions_10000", format!("SELECT {}1{}", repeated("abs(", 10_000), repeated(")", 10_000)), false),
        ("lists_10000", format!("SELECT {}1{}", repeated("[", 10_000), repeated("]", 10_000)), false),
        ("types_10000", format!("SELECT CAST(1 AS {}INT{})", repeated("ARRAY<", 10_000), repeated(">", 10_000)), false),
        ("explains_10000", format!("{} SELECT 1", repeated("EXPLAIN ", 10_000)), false),
        ("with_10000", format!("{}SELECT 1{}", repeated("WITH q AS (", 10_000), repeated(") SELECT 1", 10_000)), false),
        (
            "joins_20",
            format!("SELECT count(*) FROM t{}", (0..20).map(|i| format!(" JOIN t AS t{i} ON t.a = t{i}.a")).collect::<String>()),
            true,
        ),
        ("joins_10000", format!("SELECT 1 FROM t{}", repeated(" CROSS JOIN t", 10_000)), false),
        ("values_20000", format!("INSERT INTO t VALUES {}", chain("(1, 'x')", ", ", 20_000)), true),
    ]
}

/// Runs one case; does nothing unless this process was started for it.
#[test]
fn one_case() {
    let Ok(name) = std::env::var(CASE) else { return };
    let (_, sql, _) = cases().into_iter().find(|(case, _, _)| *case == name).unwrap();
    // Threads as a program gets them that does nothing about it: 2 MiB of stack.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let outcome = runtime.block_on(async {
        tokio::spawn(async move {
            let database = Database::open("memory://", Options::default()).await?;
            let mut session = database.session();
            session.execute("CREATE TABLE t (a INT, b VARCHAR)").await?;
            session.execute("INSERT INTO t VALUES (1, 'x'), (2, 'y')").await?;
            match session.execute(&sql).await? {
                StatementResult::Rows(rows) => rows.collect().await.map(|_| ()),
                StatementResult::Done(_) => Ok(()),
            }
        })
        .await
        .unwrap()
    });
    match outcome {
        Ok(()) => println!("ANSWER"),
        Err(error) => println!("ERROR {}", error.message()),
    }
}

#[test]
fn no_statement_is_deep_enough_to_crash() {
    if std::env::var(CASE).is_ok() {
        return;
    }
    let mut failures = Vec::new();
    for (name, sql, must_answer) in cases() {
        let output =
            Command::new(std::env::current_exe().unwrap()).args(["--exact", "one_case", "--nocapture"]).env(CASE, name).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let answered = text.contains("ANSWER");
        let refused = text.contains("ERROR");
        if !output.status.success() || !(answered || refused) || (must_answer && !answered) {
            let errors = String::from_utf8_lossy(&output.stderr);
            let shown: String = sql.chars().take(60).collect();
            failures.push(format!(
                "{name} ({shown}...): {}\n{}\n{}",
                output.status,
                text.trim(),
                errors.lines().take(3).collect::<Vec<_>>().join("\n")
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
