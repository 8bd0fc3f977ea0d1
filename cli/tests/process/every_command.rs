//! Every command of the shell, run once: none ends in an error that it does not mean.

use crate::support::{Folder, clouddb_with_input};

#[test]
fn every_command_runs() {
    let folder = Folder::new();
    let path = |name: &str| folder.path(name);
    folder.file("rows.csv", "a,b\n3,z\n");
    folder.file("inner.sql", "select 7 as seven;\n");
    let commands = [
        ".tables t*".to_owned(),
        ".tables".to_owned(),
        "\\d t".to_owned(),
        "\\d".to_owned(),
        ".describe t".to_owned(),
        "\\d+ t".to_owned(),
        "\\d+".to_owned(),
        "\\d+ t*".to_owned(),
        "\\d+ v".to_owned(),
        "\\dt".to_owned(),
        "\\dt+".to_owned(),
        "\\dv".to_owned(),
        "\\dv+".to_owned(),
        "\\dn".to_owned(),
        ".schemas".to_owned(),
        "\\df".to_owned(),
        "\\df date_*".to_owned(),
        ".functions upper".to_owned(),
        "\\ds".to_owned(),
        ".sequences".to_owned(),
        ".databases".to_owned(),
        "\\l".to_owned(),
        "\\conninfo".to_owned(),
        ".schema".to_owned(),
        ".schema t".to_owned(),
        ".dump".to_owned(),
        ".dump t".to_owned(),
        ".mode".to_owned(),
        "\\x on".to_owned(),
        "\\x auto".to_owned(),
        ".expanded off".to_owned(),
        ".columns".to_owned(),
        "select 1 as a, 'x' as b;".to_owned(),
        ".rows".to_owned(),
        "\\a".to_owned(),
        "\\a".to_owned(),
        "\\H".to_owned(),
        "\\H".to_owned(),
        ".headers off".to_owned(),
        "\\t off".to_owned(),
        ".nullvalue none".to_owned(),
        ".separator ;".to_owned(),
        ".maxrows 10".to_owned(),
        ".maxwidth 60".to_owned(),
        ".width 3 4".to_owned(),
        ".color off".to_owned(),
        ".unicode on".to_owned(),
        "\\pset format aligned".to_owned(),
        "\\pset expanded auto".to_owned(),
        format!(".output {}", path("output")),
        ".output".to_owned(),
        "\\o".to_owned(),
        format!(".once {}", path("once")),
        "select 1;".to_owned(),
        ".pager off".to_owned(),
        format!(".log {}", path("log")),
        ".log off".to_owned(),
        ".timer off".to_owned(),
        "\\timing off".to_owned(),
        ".changes off".to_owned(),
        ".echo off".to_owned(),
        ".bail on".to_owned(),
        ".prompt".to_owned(),
        ".print a b".to_owned(),
        "\\echo a b".to_owned(),
        "\\set x 5".to_owned(),
        "\\set".to_owned(),
        "\\unset x".to_owned(),
        ".show".to_owned(),
        ".read inner.sql".to_owned(),
        "\\i inner.sql".to_owned(),
        ".import --csv rows.csv t".to_owned(),
        "\\copy t to 'copied.csv'".to_owned(),
        "\\e inner.sql".to_owned(),
        ".shell true".to_owned(),
        "\\! true".to_owned(),
        "select 1 as one \\g".to_owned(),
        "select 1 as one \\gx".to_owned(),
        ".last csv".to_owned(),
        ".plot select 'a' as l, 1 as n".to_owned(),
        "\\p".to_owned(),
        "\\r".to_owned(),
        ".help".to_owned(),
        ".help .tables".to_owned(),
        "\\h SELECT".to_owned(),
        ".version".to_owned(),
        ".cd .".to_owned(),
        ".open".to_owned(),
        ".quit".to_owned(),
    ];
    let begin = format!(
        ".cd {}\ncreate table t (a int, b varchar);\ninsert into t values (1, 'x');\ncreate view v as select * from t;\ncreate sequence s;\n",
        path("")
    );
    let run = clouddb_with_input::<&str>(["--continue-on-error"], &format!("{begin}{}\n", commands.join("\n")));
    assert_eq!((run.status, run.err.as_str()), (0, ""), "{}", run.out);
    // None that help lists is left out here, but for the one that has no end.
    let help = clouddb_with_input::<&str>([], ".help\n").ok();
    let names = help.lines().filter_map(|line| line.trim_start().split([',', ' ']).next()).filter(|name| name.starts_with(['.', '\\']));
    let is_run = |name: &str| commands.iter().any(|command| command.split_whitespace().any(|word| word == name));
    let missing: Vec<&str> = names.filter(|name| !is_run(name) && !["\\watch", ".help"].contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn lists_tell_sizes_comments_and_attached_databases() {
    let folder = Folder::new();
    let other = folder.path("other");
    clouddb_with_input([&other], "create table there (a int);\n").success();
    let sql = format!(
        "\\dt\n\\d\n\\ds\ncreate table t (a int comment 'the key');\ncomment on table t is 'of rows';\ninsert into t values (1), (2);\nattach '{other}' as o (read_only);\n\\dt+\n\\d+ t\n\\l\n.mode csv\n\\df upper\n"
    );
    let out = clouddb_with_input::<&str>([], &sql).ok();
    assert!(out.starts_with("no tables\nno tables or views\nno sequences\n"), "{out}");
    assert!(
        out.contains("│ main    │ t       │ BASE TABLE │      2 │") && out.matches("of rows").count() == 2 && out.contains("the key"),
        "{out}"
    );
    assert!(out.contains(&format!("o: {other}, read only\n")) && out.contains("clouddb: memory://"), "{out}");
    assert!(out.contains("name,type,description\nupper,scalar,"), "{out}");
}

#[test]
fn a_dump_makes_all_of_it_again() {
    let made = "create schema s;\ncreate sequence n start with 7;\ncreate macro s.twice(x) as x * 2;\ncreate table t (id bigint default nextval('n'), l varchar[], i interval);\ninsert into t (l, i) values (['a', 'it''s'], interval '1 month 2 days');\ncreate view a as select 1 as x;\ncreate or replace view b as select s.twice(id) as x from t;\ncreate or replace view a as select * from b;\n";
    let dump = clouddb_with_input::<&str>([], &format!("{made}.dump\n")).ok();
    let again = "insert into t (l) values (null);\n.mode csv\nselect * from a order by x;\nselect l, i from t where l is not null;\n";
    let out = clouddb_with_input::<&str>([], &format!("{dump}{again}")).ok();
    let numbers: Vec<&str> = out.lines().collect();
    assert_eq!(numbers[..2], ["x", "14"], "{dump}{out}");
    assert_eq!(numbers[2], "16", "{dump}{out}");
    assert_eq!(out.lines().last(), Some("\"[a, it's]\",1 month 2 days"), "{dump}{out}");
}
