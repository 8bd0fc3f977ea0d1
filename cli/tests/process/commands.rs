//! info, log, verify and demo.

use std::path::{Path, PathBuf};

use crate::support::{Folder, clouddb, clouddb_with_input, files};

/// A database with two tables and some history; one table's rows are in a file, the other's in the log.
fn shop(folder: &Folder) -> String {
    let db = folder.path("shop.db");
    clouddb([
        db.as_str(),
        "-c",
        "CREATE TABLE sales AS SELECT range AS id, concat('item ', CAST(range * 7919 % 10007 AS VARCHAR)) AS item FROM range(0, 20000)",
        "-c",
        "CREATE TABLE notes (n INTEGER NOT NULL, text VARCHAR)",
        "-c",
        "INSERT INTO notes VALUES (1, 'first'), (2, NULL)",
    ])
    .success();
    db
}

#[test]
fn info_tells_tables_sizes_and_snapshot() {
    let folder = Folder::new();
    let out = clouddb(["info", &shop(&folder)]).ok();
    assert!(out.contains("shop.db") && out.contains("version 0"), "{out}");
    assert!(out.contains("snapshot     3, committed 20"), "{out}");
    let line = |name: &str| out.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name} in {out}")).to_owned();
    assert!(line("main.sales").contains("20,000") && line("main.sales").contains("KiB"), "{out}");
    let notes: Vec<String> = line("main.notes").split_whitespace().map(str::to_owned).collect();
    assert_eq!((notes[1].as_str(), notes[notes.len() - 2].as_str(), notes[notes.len() - 1].as_str()), ("2", "1", "3"), "{out}");
}

#[test]
fn log_tells_the_history_newest_first() {
    let folder = Folder::new();
    let db = shop(&folder);
    let out = clouddb(["log", &db]).ok();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 3, "{out}");
    assert!(lines[0].trim_start().starts_with("3 ") && lines[2].trim_start().starts_with("1 "), "{out}");
    assert!(lines[0].contains("INSERT INTO notes") && lines[0].contains("2 rows"), "{out}");
    assert!(lines[1].contains("CREATE TABLE notes") && lines[1].contains("create table main.notes"), "{out}");
    assert!(lines.iter().all(|line| line.contains("tester@") && line.contains(" UTC ")), "{out}");
    assert_eq!(clouddb(["log", &db, "--limit", "1"]).ok(), format!("{}\n", lines[0]));
    assert_eq!(clouddb(["log", &db, "-n", "0"]).ok(), out);
}

#[test]
fn commands_refuse_what_is_no_database() {
    let folder = Folder::new();
    for command in ["info", "log", "verify"] {
        let run = clouddb([command, &folder.path("nothing")]).failure();
        assert!(run.err.contains("there is no database"), "{command}: {}", run.err);
    }
}

#[test]
fn verify_finds_nothing_wrong_with_a_sound_database() {
    let folder = Folder::new();
    let db = shop(&folder);
    let out = clouddb(["verify", &db]).ok();
    assert!(out.ends_with("nothing is wrong\n") && out.contains("20,002 rows") && out.contains("snapshot 3"), "{out}");
    // A copy is a database.
    let copy = folder.path("copy.db");
    copy_folder(Path::new(&db), Path::new(&copy));
    assert!(clouddb(["verify", &copy]).ok().contains("20,002 rows"));
    assert_eq!(clouddb([&copy, "--format", "csv", "-c", "SELECT count(*) AS n FROM sales"]).ok(), "n\n20000\n");
}

#[test]
fn verify_finds_a_flipped_byte_in_every_kind_of_file() {
    let folder = Folder::new();
    let db = shop(&folder);
    let all = files(&db);
    let is_below = |path: &PathBuf, name: &str| path.strip_prefix(&db).unwrap().starts_with(name);
    for kind in ["clouddb.json", "log", "data"] {
        let path = all.iter().find(|path| is_below(path, kind)).unwrap_or_else(|| panic!("{kind} in {all:?}"));
        let sound = std::fs::read(path).unwrap();
        let mut damaged = sound.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0x20;
        std::fs::write(path, &damaged).unwrap();
        let run = clouddb(["verify", &db]);
        assert_eq!(run.status, 1, "{run:?}");
        let name = path.strip_prefix(&db).unwrap().display().to_string();
        assert!(run.out.contains(&name) && run.out.contains("found"), "{run:?}");
        std::fs::write(path, &sound).unwrap();
    }
    clouddb(["verify", &db]).ok();
}

#[test]
fn damage_is_an_error_and_never_a_wrong_answer() {
    let folder = Folder::new();
    let db = shop(&folder);
    let segment = files(&db).into_iter().find(|path| path.extension().is_some_and(|extension| extension == "parquet")).unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[5000] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let run = clouddb([&db, "--format", "csv", "-c", "SELECT sum(id), min(item), max(item) FROM sales"]).failure();
    assert!(run.err.contains("corrupt") && run.err.contains(".parquet"), "{run:?}");
}

#[test]
fn demo_runs_to_its_end_and_leaves_a_database() {
    let folder = Folder::new();
    let db = folder.path("demo.db");
    let run = clouddb(["demo", &db, "--scale", "0.002"]).success();
    assert_eq!(run.err, "");
    for part in ["TPC-H", "Q1", "BEGIN", "ROLLBACK", "COMMIT", "AT (VERSION =>", "system.snapshots", "Try next"] {
        assert!(run.out.contains(part), "{part} in {}", run.out);
    }
    assert!(clouddb(["verify", &db]).ok().ends_with("nothing is wrong\n"));
    assert_eq!(clouddb([&db, "--format", "csv", "-c", "SELECT count(*) AS n FROM orders"]).ok(), "n\n3001\n");
    let again = clouddb(["demo", &db]).failure();
    assert!(again.err.contains("already"), "{}", again.err);
}

#[test]
fn what_the_demo_says_to_try_works() {
    let folder = Folder::new();
    let db = folder.path("a demo.db");
    let out = clouddb(["demo", &db, "--scale", "0.001"]).success().out;
    let (_, commands) = out.split_once("Try next").unwrap();
    let commands: Vec<&str> = commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")).collect();
    assert!(commands.len() > 5, "{out}");
    for command in commands {
        let result = std::process::Command::new("sh")
            .args(["-c", command])
            .current_dir(folder.path(""))
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        assert!(result.status.success(), "{command}: {result:?}");
    }
    assert!(!Path::new(&db).exists(), "the last one removes it");
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy_folder(&path, &target),
            false => drop(std::fs::copy(&path, &target).unwrap()),
        }
    }
}

#[test]
fn warnings_are_told_and_keep_nobody_from_an_answer() {
    let folder = Folder::new();
    let db = folder.path("db");
    let commits: String = (0..130).map(|n| format!("INSERT INTO t VALUES ({n});\n")).collect();
    clouddb_with_input([&db], &format!("CREATE TABLE t (n INTEGER);\n{commits}")).success();
    let head = PathBuf::from(&db).join("head");
    let mut bytes = std::fs::read(&head).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&head, bytes).unwrap();
    let run = clouddb([&db, "--format", "csv", "-c", "SELECT count(*) AS n FROM t"]).success();
    assert_eq!(run.out, "n\n130\n");
    assert!(run.err.starts_with("warning: head cannot be used, older checkpoints and the log do for it: 'head' is damaged"), "{}", run.err);
    assert_eq!(run.err.matches("warning:").count(), 1, "{}", run.err);
}
