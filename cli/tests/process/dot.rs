//! The shell's own commands, in scripts and on the command line.

use crate::support::{Folder, clouddb, clouddb_with_input};

#[test]
fn commands_work_in_scripts() {
    let sql = "create table t as select 1 as a, 'x' as b;\n.mode csv\n.tables t*\nselect * from t;\n.headers off\nselect * from t;\n\\dt u\n.print done\n.quit 3\nselect 2;\n";
    let run = clouddb_with_input::<&str>([], sql);
    assert_eq!((run.status, run.err.as_str()), (3, ""), "{run:?}");
    assert_eq!(run.out, "table_schema,table_name,table_type\nmain,t,BASE TABLE\na,b\n1,x\n1,x\ndone\n");
    assert_eq!(clouddb(["-c", ".mode json", "-c", "select 1 as a"]).ok(), "[{\"a\":1}]\n");
}

#[test]
fn unknown_commands_and_wrong_arguments_say_what_there_is() {
    let told = |command: &str| clouddb(["-c", command]).failure().err;
    assert!(told(".tabels").contains("did you mean .tables"), "{}", told(".tabels"));
    assert!(told("\\dtt").contains("\\dt"), "{}", told("\\dtt"));
    assert!(told(".mode xml").contains("markdown") && told(".timer maybe").contains(".timer") && told(".read").contains(".read"));
    assert!(told("select 1 \\dt").contains("end the statement with ;"));
}

#[test]
fn answers_go_where_they_are_sent() {
    let folder = Folder::new();
    let (once, rest, log) = (folder.path("once"), folder.path("rest"), folder.path("log"));
    let script = format!(
        ".mode csv\n.log {log}\n.once {once}\nselect 1 as a;\nselect 2 as b;\n.output {rest}\nselect 3 as c;\nselect 4 as d \\g '| cat'\n.output\nselect 5 as e;\n"
    );
    let out = clouddb_with_input::<&str>([], &script).ok();
    let read = |path: &str| std::fs::read_to_string(path).unwrap();
    assert_eq!((read(&once).as_str(), read(&rest).as_str()), ("a\n1\n", "c\n3\n"));
    assert_eq!(out, "b\n2\nd\n4\ne\n5\n");
    assert!(read(&log).contains("select 2 as b;\nb\n2\n"), "{}", read(&log));
}

#[test]
fn files_read_files_and_errors_name_them() {
    let folder = Folder::new();
    let inner = folder.file("inner.sql", "select 2 as b;\nselect missing;\nselect 3 as c;\n");
    let outer = folder.file("outer.sql", &format!(".mode csv\nselect 1 as a;\n.read {inner}\nselect 4 as d;\n"));
    let run = clouddb(["-f", &outer]).failure();
    assert_eq!(run.out, "a\n1\nb\n2\n");
    assert_eq!(run.err.matches("error").count(), 1, "it is told once: {}", run.err);
    assert!(run.err.contains(&format!("at {inner}, line 2")), "{}", run.err);
    let own = folder.path("own.sql");
    std::fs::write(&own, format!(".read {own}\n")).unwrap();
    assert!(clouddb(["-f", &own]).failure().err.contains("does one read itself"));
}

#[test]
fn statements_are_run_again() {
    let sql = ".mode csv\nselect 1 as a;\n\\g\n\\gx\n\\p\n.last json\n";
    assert_eq!(clouddb_with_input::<&str>([], sql).ok(), "a\n1\na\n1\na = 1\nselect 1 as a;\n[{\"a\":1}]\n");
    assert!(clouddb(["-c", ".last"]).failure().err.contains("there was no query"));
}

#[test]
fn another_database_is_opened() {
    let folder = Folder::new();
    let script = format!("create table here (a int);\n.open {}\n.mode csv\ncreate table there (a int);\n.tables\n", folder.path("db"));
    let run = clouddb_with_input::<&str>([], &script).success();
    assert_eq!(run.out, "table_schema,table_name,table_type\nmain,there,BASE TABLE\n");
    assert!(clouddb(["-c", &format!(".open {} --readonly", folder.path("nothing"))]).failure().err.contains("there is no database"));
}

#[test]
fn files_are_loaded_by_import() {
    let folder = Folder::new();
    let file = folder.file("a.csv", "a,b\n1,x\n2,y\n");
    let script = format!(".import {file} t\n.import {file} t\n.mode csv\nselect count(*) as n, sum(a) as s from t;\n");
    assert_eq!(clouddb_with_input::<&str>([], &script).ok(), "n,s\n4,6\n");
}

#[test]
fn plots_are_drawn() {
    let bars = clouddb(["--ascii", "-c", ".plot select 'one' as l, 1 as n union all select 'two', 2 order by n"]).ok();
    let length = |name: &str| bars.lines().find(|line| line.starts_with(name)).unwrap().matches('#').count();
    assert!(length("two").abs_diff(2 * length("one")) <= 1 && length("one") > 20, "{bars}");
    let line = clouddb(["--ascii", "-c", "select value, value * value as v from range(0, 50) as r(value)", "-c", ".plot"]).ok();
    assert!(line.contains('*') && line.contains("2401"), "{line}");
    assert!(clouddb(["-c", ".plot select 'a', 'b'"]).failure().err.contains("a plot needs"));
}

#[test]
fn the_shell_of_the_system() {
    assert_eq!(clouddb(["-c", ".shell echo hello", "-c", "\\! echo there"]).ok(), "hello\nthere\n");
    assert!(clouddb(["-c", ".shell false"]).failure().err.contains("exit status"));
}
