//! What the program explains, and what is made of the definitions of its arguments.

use crate::support::clouddb;

#[test]
fn words_of_sql_and_commands_are_explained() {
    for args in [vec!["help", "select"], vec!["-c", ".help SELECT"], vec!["-c", "\\h select"]] {
        let text = clouddb(&args).ok();
        assert!(text.starts_with("SELECT") && text.contains("    GROUP BY expression") && !text.contains("```"), "{args:?}: {text}");
    }
    assert!(clouddb(["help", "EXPLAIN", "ANALYZE"]).ok().starts_with("EXPLAIN ANALYZE\n"));
    assert!(clouddb(["help"]).ok().contains("EXPLAIN"));
    assert!(clouddb(["help", "selct"]).failure().err.contains("select"));
    assert!(clouddb(["-c", ".help .mode"]).ok().contains("markdown"));
    assert!(clouddb(["-c", ".help watch"]).ok().contains("Ctrl-C"));
    for told in [clouddb(["help", "date_diff"]), clouddb(["-c", ".help datediff"]), clouddb(["-c", "\\h DATE_DIFF()"])] {
        let told = told.ok();
        assert!(told.starts_with("date_diff(") && told.contains("datediff") && told.contains("scalar function"), "{told}");
    }
    assert!(clouddb(["help", "lenght"]).failure().err.contains("length"));
    let all = clouddb(["-c", ".help"]).ok();
    assert!([".tables", "\\d", ".plot", "\\watch", ".quit"].iter().all(|name| all.contains(name)), "{all}");
    assert!(all.lines().all(|line| line.chars().count() < 160), "{all}");
}

#[test]
fn completions_and_the_manual_page() {
    for shell in ["bash", "zsh", "fish"] {
        let script = clouddb(["completions", shell]).ok();
        assert!(script.contains("clouddb") && script.contains("max-rows"), "{shell}: {script}");
    }
    let page = clouddb(["man"]).ok();
    assert!(page.contains(".TH clouddb") && page.contains("max"), "{page}");
}
