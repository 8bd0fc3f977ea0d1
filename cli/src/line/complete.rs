//! What a half-typed word may become.

use rustyline::completion::Pair;

use super::names::{Names, Relation};
use super::tokens::{Kind, Token, tokens};
use crate::render::Format;
use crate::words::{self, KEYWORDS, TYPES};
use crate::{book, dot};

/// Where a word begins, and what it may become.
pub(super) fn complete(line: &str, at: usize, names: &Names) -> (usize, Vec<Pair>) {
    let before = &line[..at];
    // A command stands on a line of its own.
    let first = before.trim_start();
    if first.starts_with(['.', '\\']) && !first.contains('\n') {
        return command(before, names);
    }
    let tokens_before = tokens(before);
    let Some(last) = tokens_before.last() else { return (at, Vec::new()) };
    match last.kind {
        Kind::String if !last.is_closed && before[last.range.clone()].starts_with('\'') => files(before, last.range.start + 1, "'"),
        Kind::Comment | Kind::String => (at, Vec::new()),
        _ => word(line, before, &tokens_before, names),
    }
}

fn command(before: &str, names: &Names) -> (usize, Vec<Pair>) {
    let start = before.len() - before.trim_start().len();
    let text = &before[start..];
    let Some((name, rest)) = text.split_once(char::is_whitespace) else {
        let known = dot::all().flat_map(|definition| definition.names.iter().copied());
        return (start, pairs(known.filter(|name| name.starts_with(text)), |name| format!("{name} ")));
    };
    let word_start = before.rfind(char::is_whitespace).map_or(0, |blank| blank + 1);
    let word = &before[word_start..];
    let choices: Vec<String> = match name {
        ".mode" | ".last" => Format::names().split(", ").map(str::to_owned).collect(),
        "\\d" | "\\dt" | "\\dv" | ".schema" | ".tables" | ".dump" | ".describe" => relation_names(names),
        ".help" | "\\?" | "\\h" => {
            let commands = dot::all().flat_map(|definition| definition.names.iter().map(|name| (*name).to_owned()));
            commands.filter(|name| !word.is_empty() || name.starts_with('.')).chain(book::words()).collect()
        }
        ".plot" if rest.split_whitespace().count() < 2 => ["bar", "line", "scatter"].map(str::to_owned).into(),
        ".read" | "\\i" | ".import" | ".output" | "\\o" | ".once" | ".open" | "\\c" | ".cd" | "\\cd" | ".log" | "\\e" | ".edit" => {
            if name == ".import" && rest.trim_start().contains(char::is_whitespace) {
                relation_names(names)
            } else {
                return files(before, word_start, "");
            }
        }
        ".pager" | ".timer" | "\\timing" | ".echo" | ".bail" | ".headers" | ".changes" | "\\x" | "\\t" | ".color" | ".unicode" => {
            ["on", "off"].map(str::to_owned).into()
        }
        _ => Vec::new(),
    };
    let matching = choices.iter().map(String::as_str).filter(|choice| starts_with(choice, word));
    (word_start, pairs(matching, str::to_owned))
}

fn relation_names(names: &Names) -> Vec<String> {
    names.relations.iter().map(|relation| words::quoted_name(&relation.name)).collect()
}

/// File names; `end` closes the quote behind a file.
fn files(before: &str, start: usize, end: &str) -> (usize, Vec<Pair>) {
    let typed = &before[start..];
    // A pattern or a URL is no file here.
    if typed.contains("://") {
        return (start, Vec::new());
    }
    let (folder, name) = typed.rsplit_once('/').map_or(("", typed), |(folder, name)| (&typed[..=folder.len()], name));
    let expanded = match (folder.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ if folder.is_empty() => ".".into(),
        _ => folder.into(),
    };
    let Ok(entries) = std::fs::read_dir(expanded) else { return (start, Vec::new()) };
    let mut found: Vec<Pair> = entries
        .flatten()
        .filter_map(|entry| {
            let entry_name = entry.file_name().into_string().ok()?;
            let is_wanted = entry_name.starts_with(name) && (name.starts_with('.') || !entry_name.starts_with('.'));
            let is_folder = entry.path().is_dir();
            let display = if is_folder { format!("{entry_name}/") } else { entry_name };
            let replacement = if is_folder { format!("{folder}{display}") } else { format!("{folder}{display}{end}") };
            is_wanted.then_some(Pair { display, replacement })
        })
        .collect();
    found.sort_by(|a, b| a.display.cmp(&b.display));
    (start, found)
}

/// A word of SQL, or a name.
fn word(line: &str, before: &str, tokens_before: &[Token], names: &Names) -> (usize, Vec<Pair>) {
    let text = |token: &Token| before[token.range.clone()].to_owned();
    // The word itself is the last token, unless there is a blank or a sign before the cursor.
    let (typed, start, rest) = match tokens_before.split_last() {
        Some((last, rest)) if matches!(last.kind, Kind::Word) || (last.kind == Kind::Name && !last.is_closed) => {
            (text(last), last.range.start, rest)
        }
        _ => (String::new(), before.len(), tokens_before),
    };
    let is_quoted = typed.starts_with('"');
    let typed = typed.trim_start_matches('"').to_owned();
    let name = |name: &str| if is_quoted { format!("\"{}\"", name.replace('"', "\"\"")) } else { words::quoted_name(name) };
    let mentioned = mentioned(line, names);
    // Behind a dot stands what the name before it has.
    if let [.., owner, dot] = rest
        && text(dot) == "."
    {
        let owner = text(owner).trim_matches('"').to_lowercase();
        let of_schema = names.relations.iter().filter(|relation| relation.schema.to_lowercase() == owner).map(|relation| &relation.name);
        let of_table = mentioned.iter().filter(|(alias, _)| *alias == owner).flat_map(|(_, relation)| &relation.columns);
        let mut of_any: Vec<&String> = of_schema.chain(of_table).collect();
        if of_any.is_empty() {
            of_any = names
                .relations
                .iter()
                .filter(|relation| relation.name.to_lowercase() == owner)
                .flat_map(|relation| &relation.columns)
                .collect();
        }
        return (start, pairs(of_any.into_iter().map(String::as_str).filter(|found| starts_with(found, &typed)), name));
    }
    let previous =
        rest.iter().rev().find(|token| !matches!(token.kind, Kind::Blank | Kind::Comment)).map(|token| text(token).to_uppercase());
    let wants_table = matches!(
        previous.as_deref(),
        Some("FROM" | "JOIN" | "INTO" | "TABLE" | "UPDATE" | "DESCRIBE" | "COPY" | "VIEW" | "SUMMARIZE" | "CACHE")
    );
    let wants_setting = matches!(previous.as_deref(), Some("SET" | "RESET" | "SHOW"));
    if typed.is_empty() && !wants_table && !wants_setting && mentioned.is_empty() {
        return (start, Vec::new());
    }
    let mut found: Vec<Pair> = Vec::new();
    let mut add = |more: Vec<Pair>| {
        more.into_iter().for_each(|pair| {
            if found.iter().all(|known| known.replacement != pair.replacement) {
                found.push(pair)
            }
        })
    };
    let matching = |choices: &mut dyn Iterator<Item = &str>| {
        choices.filter(|choice| starts_with(choice, &typed)).map(str::to_owned).collect::<Vec<_>>()
    };
    let of = |choices: &mut dyn Iterator<Item = &str>| pairs(matching(choices).iter().map(String::as_str), name);
    if wants_setting {
        add(of(&mut names.settings.iter().map(String::as_str)));
    }
    if !wants_table {
        // Columns of the tables in the statement come first.
        add(of(&mut mentioned.iter().flat_map(|(_, relation)| relation.columns.iter().map(String::as_str))));
    }
    add(of(&mut names.relations.iter().map(|relation| relation.name.as_str())));
    add(of(&mut names.schemas.iter().map(String::as_str)));
    if wants_table || is_quoted {
        return (start, found);
    }
    if !typed.is_empty() {
        let is_lower = typed.chars().any(char::is_lowercase);
        let cased = |word: &str| if is_lower { word.to_lowercase() } else { word.to_owned() };
        add(pairs(matching(&mut KEYWORDS.iter().chain(TYPES).copied()).iter().map(String::as_str), cased));
        add(pairs(matching(&mut names.functions.iter().map(String::as_str)).iter().map(String::as_str), |function| format!("{function}(")));
        if mentioned.is_empty() {
            add(of(&mut names.relations.iter().flat_map(|relation| relation.columns.iter().map(String::as_str))));
        }
    }
    (start, found)
}

/// The tables that a statement names, with what they are called in it.
fn mentioned<'a>(line: &str, names: &'a Names) -> Vec<(String, &'a Relation)> {
    let tokens: Vec<String> = tokens(line)
        .into_iter()
        .filter(|token| matches!(token.kind, Kind::Word | Kind::Name))
        .map(|token| line[token.range].trim_matches('"').to_lowercase())
        .collect();
    let mut found = Vec::new();
    for (at, word) in tokens.iter().enumerate() {
        for relation in names.relations.iter().filter(|relation| relation.name.to_lowercase() == *word) {
            let alias = match tokens.get(at + 1).map(String::as_str) {
                Some("as") => tokens.get(at + 2),
                Some(next) if !words::is_keyword(next) => tokens.get(at + 1),
                _ => None,
            };
            found.push((word.clone(), relation));
            found.extend(alias.map(|alias| (alias.clone(), relation)));
        }
    }
    found
}

fn starts_with(choice: &str, typed: &str) -> bool {
    choice.to_lowercase().starts_with(&typed.to_lowercase())
}

fn pairs<'a>(choices: impl Iterator<Item = &'a str>, replacement: impl Fn(&str) -> String) -> Vec<Pair> {
    choices.map(|choice| Pair { display: choice.to_owned(), replacement: replacement(choice) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let relation = |name: &str, columns: &[&str]| Relation {
            schema: "main".to_owned(),
            name: name.to_owned(),
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        };
        Names {
            schemas: vec!["main".to_owned()],
            relations: vec![relation("orders", &["o_key", "o Date"]), relation("items", &["i_key"])],
            functions: vec!["sum".to_owned()],
            settings: vec!["memory_limit".to_owned()],
        }
    }

    fn found(line: &str) -> Vec<String> {
        complete(line, line.len(), &names()).1.into_iter().map(|pair| pair.replacement).collect()
    }

    #[test]
    fn tables_columns_and_words() {
        assert_eq!(found("SELECT * FROM or"), ["orders"]);
        assert_eq!(complete("SELECT o_ FROM orders", 9, &names()).1[0].replacement, "o_key");
        assert_eq!(found("SELECT * FROM orders o WHERE o.o"), ["o_key", "\"o Date\""]);
        assert_eq!(found("SELECT * FROM main.it"), ["items"]);
        assert_eq!(found("sel"), ["select"]);
        assert_eq!(found("SELECT su"), ["SUMMARIZE", "sum("].map(|word| if word == "SUMMARIZE" { "summarize" } else { word }));
        assert_eq!(found("SET mem"), ["memory_limit"]);
        assert!(found("SELECT 'sel").iter().all(|word| word != "select"));
    }

    #[test]
    fn commands_and_their_words() {
        assert_eq!(found(".tab"), [".tables "]);
        assert_eq!(found(".mode mark"), ["markdown"]);
        assert_eq!(found("\\d ord"), ["orders"]);
        assert_eq!(found(".timer o"), ["on", "off"]);
    }

    #[test]
    fn files_in_quotes() {
        assert_eq!(found("SELECT * FROM 'Cargo.t"), ["Cargo.toml'"]);
        assert_eq!(found("SELECT * FROM 'sr"), ["src/"]);
    }
}
