//! Runs the examples of the book, `docs/book/src`: what stands there is what happens.
//!
//! A page has a fresh database in memory and one session. A block marked `sql` runs, one marked `sql error` must fail at its last statement, one marked `sql norun`
//! is only shown (it needs a bucket, or the web). A block marked `csv NAME` is a file of that name, in a folder of the page's own that paths are relative to. A block marked `text` behind one that runs is what its last statement answers: the names of the columns, then the rows,
//! with ` | ` between values (lines of dashes are decoration); or the error, a part of it or all, whatever the breaks of its lines.
//! `CLOUDDB_TEST_BOOK=sql/select` runs one page alone; `CLOUDDB_WRITE_BOOK=1` writes the list of functions anew.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::expect_used, reason = "a test may panic, and wait")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clouddb_engine::functions::{Family, catalogue};
use clouddb_engine::text::values;
use clouddb_engine::{Database, Error, Options, Rows, Session, StatementResult};

/// What becomes of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Runs,
    Fails,
    Answer,
    File(String),
    Shown,
}

/// A block of code.
struct Block {
    kind: Kind,
    /// Where it begins, from 1.
    line: usize,
    text: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/book/src")
}

/// The paths of all pages, as links write them.
fn pages() -> BTreeSet<String> {
    fn find(folder: &Path, base: &Path, pages: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                find(&path, base, pages);
            } else if path.extension().is_some_and(|end| end == "md") && path.file_name().is_some_and(|name| name != "SUMMARY.md") {
                pages.insert(path.strip_prefix(base).unwrap().to_string_lossy().replace('\\', "/"));
            }
        }
    }
    let (base, mut pages) = (folder(), BTreeSet::new());
    find(&base, &base, &mut pages);
    pages
}

fn page(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for (index, line) in page.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if open => open = false,
            Some(mark) => {
                let kind = match mark {
                    "sql" => Kind::Runs,
                    "sql error" => Kind::Fails,
                    "text" => Kind::Answer,
                    "" | "sql norun" | "sh" | "rust" | "toml" => Kind::Shown,
                    other => match other.strip_prefix("csv ") {
                        Some(name) => Kind::File(name.to_owned()),
                        None => panic!("line {}: a block is marked '{other}'", index + 1),
                    },
                };
                blocks.push(Block { kind, line: index + 1, text: String::new() });
                open = true;
            }
            None if open => {
                let text = &mut blocks.last_mut().unwrap().text;
                text.push_str(line);
                text.push('\n');
            }
            None => {}
        }
    }
    assert!(!open, "a block does not end");
    blocks
}

/// Runs a block's statements; gives what the last one answered.
async fn run(session: &mut Session, sql: &str) -> Result<Vec<Vec<String>>, Error> {
    let mut answer = Vec::new();
    for statement in clouddb_engine::parse(sql)? {
        answer = match session.run(&statement).await? {
            StatementResult::Rows(rows) => texts(rows).await?,
            StatementResult::Done(_) => Vec::new(),
        };
    }
    Ok(answer)
}

/// Columns' names and rows, as text.
async fn texts(rows: Rows) -> Result<Vec<Vec<String>>, Error> {
    let schema = rows.schema().clone();
    let mut lines = vec![schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>()];
    let options = values::options("NULL");
    for batch in rows.collect().await? {
        let columns: Vec<_> = schema
            .fields()
            .iter()
            .zip(batch.columns())
            .map(|(field, column)| values::formatter(field, column, &options).unwrap())
            .collect();
        lines.extend((0..batch.num_rows()).map(|row| columns.iter().map(|column| column.value(row).to_string()).collect()));
    }
    Ok(lines)
}

/// The cells of an answer in the book.
fn cells(text: &str) -> Vec<Vec<String>> {
    let is_rule = |line: &str| line.contains('-') && line.chars().all(|c| matches!(c, '-' | '+' | ' '));
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect();
    text.lines().filter(|line| !line.trim().is_empty() && !is_rule(line)).map(cells).collect()
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is wrong with a page's examples. They run in a folder of their own: no other test here uses relative paths.
async fn failures_of(page: &str) -> Vec<String> {
    let database = Database::open("memory://", Options { threads: Some(2), ..Options::default() }).await.unwrap();
    let mut session = database.session();
    let folder = tempfile::tempdir().unwrap();
    std::env::set_current_dir(folder.path()).unwrap();
    let mut failures = Vec::new();
    let blocks = blocks(page);
    for (index, block) in blocks.iter().enumerate() {
        let expected = blocks.get(index + 1).filter(|next| next.kind == Kind::Answer).map(|next| next.text.as_str());
        let mut fail = |what: String| failures.push(format!("line {}: {what}", block.line));
        match &block.kind {
            Kind::Shown | Kind::Answer => {}
            Kind::File(name) => std::fs::write(name, &block.text).unwrap(),
            Kind::Runs => match (run(&mut session, &block.text).await, expected) {
                (Err(error), _) => fail(format!("{error}")),
                (Ok(answer), Some(text)) => {
                    let trimmed = |row: &Vec<String>| row.iter().map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
                    let answer: Vec<_> = answer.iter().map(trimmed).collect();
                    if answer != cells(text) {
                        let shown: Vec<String> = answer.iter().map(|row| row.join(" | ")).collect();
                        fail(format!("the answer is\n{}", shown.join("\n")));
                    }
                }
                (Ok(_), None) => {}
            },
            Kind::Fails => match (run(&mut session, &block.text).await, expected) {
                (Ok(_), _) => fail("there is no error".to_owned()),
                (Err(error), Some(text)) => {
                    let told = format!("{} hint: {}", error.message(), error.hint().unwrap_or_default());
                    if !words(&told).contains(&words(text)) {
                        fail(format!("the error is\n{told}"));
                    }
                }
                (Err(_), None) => fail("a text block should say which error it is".to_owned()),
            },
        }
    }
    failures
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_examples_do_what_the_book_says() {
    let only = std::env::var("CLOUDDB_TEST_BOOK").ok();
    let mut failures = Vec::new();
    let mut count = 0;
    for name in pages().into_iter().filter(|name| only.as_ref().is_none_or(|only| name.strip_suffix(".md") == Some(only))) {
        let text = page(&name);
        count += blocks(&text).len();
        failures.extend(failures_of(&text).await.into_iter().map(|failure| format!("{name}, {failure}")));
    }
    assert!(count > 0, "there are no examples");
    assert!(failures.is_empty(), "{} examples fail:\n{}", failures.len(), failures.join("\n\n"));
}

/// The targets of a page's links that are pages, as paths in the book.
fn links(name: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in text.split("](").skip(1) {
        let target = part.split(')').next().unwrap_or_default().split('#').next().unwrap_or_default();
        if !target.ends_with(".md") || target.contains("://") {
            continue;
        }
        let mut path: Vec<&str> = name.split('/').collect();
        path.pop();
        for step in target.split('/') {
            match step {
                ".." => drop(path.pop()),
                "." => {}
                step => path.push(step),
            }
        }
        found.push(path.join("/"));
    }
    found
}

#[test]
fn the_summary_lists_every_page_and_links_lead_somewhere() {
    let pages = pages();
    let listed: BTreeSet<String> = links("SUMMARY.md", &page("SUMMARY.md")).into_iter().collect();
    assert_eq!(listed, pages);
    for name in &pages {
        for link in links(name, &page(name)) {
            assert!(pages.contains(&link), "{name} links to {link}, which is not there");
        }
    }
}

/// The page that lists every function, family by family.
fn list_of_functions() -> String {
    let mut page =
        "# List of functions\n\nEvery function; [Functions](functions.md) says how they are called, `\\df` in the shell what each is for.\n".to_owned();
    for family in Family::ALL {
        page.push_str(&format!("\n## {}\n\n", family.title()));
        for entry in catalogue().into_iter().filter(|entry| entry.family == family) {
            let others: Vec<String> = entry.aliases.iter().map(|alias| format!("`{alias}`")).collect();
            let others = if others.is_empty() { String::new() } else { format!("; also {}", others.join(", ")) };
            // DataFusion's own words begin with capitals, and stay in the shell.
            let about = match entry.about.starts_with(char::is_uppercase) {
                true => String::new(),
                false => format!(": {}", entry.about),
            };
            page.push_str(&format!("- **{}** `{}`{about}{others}\n", entry.name, entry.usage));
        }
    }
    page
}

#[test]
fn every_function_is_listed() {
    let (expected, path) = (list_of_functions(), folder().join("sql/function_list.md"));
    if std::env::var_os("CLOUDDB_WRITE_BOOK").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let wrong = expected.lines().find(|line| !found.lines().any(|known| known == *line));
    assert_eq!(wrong, None, "sql/function_list.md lacks a line: run this test with CLOUDDB_WRITE_BOOK=1");
    assert!(found == expected, "sql/function_list.md has lines too many: run this test with CLOUDDB_WRITE_BOOK=1");
}

#[test]
fn every_difference_that_a_statement_is_marked_with_is_explained() {
    let page = page("sql/differences.md");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/statements");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let Some(key) = line.trim().strip_prefix("-- differs:") else { continue };
            assert!(page.contains(&format!("**{}**", key.trim())), "{}: '{}' is no difference of the book's", path.display(), key.trim());
        }
    }
}
