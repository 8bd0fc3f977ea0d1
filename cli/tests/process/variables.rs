//! Variables, data among statements, and the other spellings of the command line.

use crate::support::{Folder, clouddb, clouddb_with_input};

#[test]
fn variables_stand_for_texts() {
    let script = "\\set n 5\n\\set name it's\n\\set list 1 , 2\n.mode csv\nselect :n::integer + 1 as a, :'name' as \"b:n\", ':n' as c;\nselect [:list][1:1] as :\"name\";\n\\echo :n :'name' :missing\n\\unset n\n\\set\nselect :n;\n";
    let run = clouddb_with_input::<&str>([], script).failure();
    assert_eq!(run.out, "a,b:n,c\n6,it's,:n\nit's\n[1]\n5 'it''s' :missing\nlist = '1,2'\nname = 'it''s'\n", "{}", run.err);
    assert!(run.err.contains("there is no value for the parameter :n"), "{}", run.err);
    let folder = Folder::new();
    let file = folder.file("script.sql", "select :x as x;\nselect 1 / :zero as error;\nselect 2 as y;\n");
    let out = clouddb(["-v", "x=7", "--csv", "-f", &file, "-c", "select 3"]).failure();
    assert_eq!(out.out, "x\n7\n");
    let out = clouddb(["-v", "x=7", "--set", "zero=0", "-v", "ON_ERROR_STOP=off", "--csv", "-f", &file]).failure();
    assert_eq!(out.out, "x\n7\ny\n2\n", "{}", out.err);
}

#[test]
fn data_stands_behind_its_copy() {
    let folder = Folder::new();
    let script = "create table t (a int, b varchar);\ncopy t from stdin;\n1,one\n2,\"a;b\"\n\\.\ncopy t from stdin (format csv, delimiter ';');\n3;three\n\\.\nselect * from t order by a;\n";
    let rows = "a,b\n1,one\n2,a;b\n3,three\n";
    assert_eq!(clouddb_with_input(["--csv"], script).ok(), rows);
    let file = folder.file("script.sql", script);
    assert_eq!(clouddb(["--csv", "-f", &file]).ok(), rows);
    let error = clouddb_with_input(["--csv"], "create table t (a int);\ncopy t from stdin;\nx\n\\.\nselect 1;\n").failure();
    assert!(error.err.contains("line 2") && error.out.is_empty(), "{error:?}");
}

#[test]
fn sql_may_stand_behind_the_database() {
    let folder = Folder::new();
    let database = folder.path("db");
    clouddb([&database, "create table t as select 42 as a"]).success();
    assert_eq!(clouddb(["--csv", &database, "from t"]).ok(), "a\n42\n");
    assert_eq!(clouddb(["-c", "-- a comment"]).ok(), "");
    let output = folder.path("output");
    assert_eq!(clouddb(["--csv", "-o", &output, &database, "from t", "select 2 as b"]).ok(), "");
    assert_eq!(std::fs::read_to_string(output).unwrap(), "a\n42\nb\n2\n");
}

#[test]
fn files_are_imported_by_their_format() {
    let folder = Folder::new();
    let file = folder.file("rows.data", "a line\na,b\n1,x\n");
    let script = format!(".import --csv --skip 1 {file} t\n.import --csv --skip 1 {file} t\n.mode csv\nfrom t;\n");
    assert_eq!(clouddb_with_input::<&str>([], &script).ok(), "a,b\n1,x\n1,x\n");
    assert!(clouddb(["-c", &format!(".import --xml {file} t")]).failure().err.contains("knows no option --xml"));
}

#[test]
fn what_fails_at_once_writes_nothing() {
    for format in ["csv", "tsv", "json", "html", "list", "markdown"] {
        assert_eq!(clouddb(["--format", format, "-c", "select 1 // (x - 1) as y from range(1, 2) as r(x)"]).failure().out, "", "{format}");
    }
    assert_eq!(clouddb(["--format", "html", "-c", "select 1 as a where false"]).ok(), "<table>\n<tr><th>a</th></tr>\n</table>\n");
}

#[test]
fn wide_boxes_give_way_to_lines() {
    let wide = "select repeat('x', 50) as a, repeat('y', 50) as b";
    let out = clouddb(["--max-width", "80", "-c", "\\x auto", "-c", "select 1 as a", "-c", wide]).ok();
    assert!(out.contains("│      1 │"), "{out}");
    assert!(out.contains("a = xxx") && out.contains("b = yyy"), "{out}");
}

#[cfg(unix)]
#[test]
fn files_are_written_where_links_point_and_nowhere_else() {
    let folder = Folder::new();
    let (target, link) = (folder.file("target.csv", "old\n"), folder.path("link.csv"));
    std::os::unix::fs::symlink("target.csv", &link).unwrap();
    assert_eq!(clouddb(["-c", &format!("copy (select 1 as a) to '{link}'")]).ok(), "");
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "a\n1\n");
    let (missing, dangling) = (folder.path("missing/x.csv"), folder.path("dangling.csv"));
    std::os::unix::fs::symlink("new.csv", &dangling).unwrap();
    assert_eq!(clouddb(["-c", &format!("copy (select 1 as a) to '{dangling}'")]).ok(), "");
    assert_eq!(std::fs::read_to_string(folder.path("new.csv")).unwrap(), "a\n1\n");
    let run = clouddb(["-c", &format!("copy (select 1 as a) to '{missing}'")]).failure();
    assert!(run.err.contains("there is no folder") && !std::path::Path::new(&folder.path("missing")).exists(), "{run:?}");
    if cfg!(target_os = "linux") {
        let run = clouddb(["-c", "copy (select 1 as a) to '/proc/x.csv'"]).failure();
        assert!(run.err.contains("'/proc/x.csv' cannot be written"), "{run:?}");
    }
    let pipe = folder.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if made.is_ok_and(|status| status.success()) {
        let reader = std::process::Command::new("cat").arg(&pipe).stdout(std::process::Stdio::piped()).spawn().unwrap();
        assert_eq!(clouddb(["-c", &format!("copy (select 1 as a) to '{pipe}' (format csv)")]).ok(), "");
        assert_eq!(reader.wait_with_output().unwrap().stdout, b"a\n1\n");
    }
}

#[test]
fn boxes_are_turned_round() {
    let out =
        clouddb(["--ascii", "--max-rows", "2", "-c", ".columns", "-c", "select x as number, null as nothing from range(3) as r(x)"]).ok();
    assert!(out.contains("| number  | bigint | 0     | 1     |"), "{out}");
    assert!(out.contains("| nothing | null   | NULL  | NULL  |") && out.contains("3 rows (2 shown)"), "{out}");
}
