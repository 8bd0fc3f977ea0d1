//! The shell's own commands: `.mode`, `\d` and the like. Their definitions are tables; a new command is a line in one of them and a function.
//!
//! Commands of DuckDB and sqlite begin with a dot, psql's with a backslash. Both are known everywhere: at the prompt, in scripts, in `-c`.

mod again;
mod book;
mod files;
mod look;
mod set;
mod spoken;

use futures::future::LocalBoxFuture;

use crate::failure::{Failure, Result};
use crate::run::Runner;
use crate::script::{Command, Statement};
use crate::words;

/// A command.
#[derive(Debug)]
pub(crate) struct Definition {
    /// Its name, then others that it goes by.
    pub(crate) names: &'static [&'static str],
    /// Its arguments as help shows them.
    pub(crate) arguments: &'static str,
    /// How few and how many words it takes.
    words: (usize, usize),
    /// What it does, in a line.
    pub(crate) about: &'static str,
    action: Action,
}

/// What a command does.
#[derive(Debug, Clone, Copy)]
enum Action {
    /// Sets or shows something at once.
    Now(fn(&mut Runner, &Given) -> Result<()>),
    /// Is SQL in other words.
    Sql(fn(&Given) -> String),
    /// Takes its time.
    Later(Later),
}

type Later = for<'a> fn(&'a mut Runner, &'a Given) -> LocalBoxFuture<'a, Result<()>>;

/// As many words as there are.
const ANY: usize = usize::MAX;

/// All commands, by what they are about.
pub(crate) const GROUPS: &[(&str, &[Definition])] = &[
    ("What there is", look::COMMANDS),
    ("How answers look", set::LOOKS),
    ("Where answers go, and what is told besides", set::TELLS),
    ("Files, places and programs", files::COMMANDS),
    ("Once more", again::COMMANDS),
    ("Help and the end", book::COMMANDS),
];

/// All commands.
pub(crate) fn all() -> impl Iterator<Item = &'static Definition> {
    GROUPS.iter().flat_map(|(_, commands)| commands.iter())
}

/// What was given to a command.
#[derive(Debug)]
pub(crate) struct Given {
    definition: &'static Definition,
    /// The name that it was called by.
    name: String,
    words: Vec<String>,
    /// All behind the name, as it stands.
    rest: String,
    /// The statement that stands before it on its line.
    about: Option<Statement>,
}

impl Given {
    /// The word at a position.
    fn word(&self, at: usize) -> Option<&str> {
        self.words.get(at).map(String::as_str)
    }

    /// An error that says how the command is used.
    fn wrong(&self, why: &str) -> Failure {
        Failure::Message(format!("{why}\nhint: {}", self.definition.usage()))
    }

    /// `on` or `off`; nothing turns it round.
    fn switch(&self, now: bool) -> Result<bool> {
        match self.word(0).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(!now),
            Some("on" | "yes" | "true" | "1") => Ok(true),
            Some("off" | "no" | "false" | "0") => Ok(false),
            Some(other) => Err(self.wrong(&format!("'{other}' is neither on nor off"))),
        }
    }
}

impl Definition {
    /// Its name with its arguments.
    pub(crate) fn usage(&self) -> String {
        format!("{} {}", self.names.join(", "), self.arguments).trim_end().to_owned()
    }
}

/// Runs a command.
pub(crate) async fn run(runner: &mut Runner, command: &Command) -> Result<()> {
    let given = understand(runner, command)?;
    let takes_statement = again::takes_statement(given.definition);
    if given.about.is_some() && !takes_statement {
        return Err(Failure::Message(format!("{} stands within a statement\nhint: end the statement with ; first", given.name)));
    }
    match given.definition.action {
        Action::Now(run) => run(runner, &given),
        Action::Sql(sql) => runner.statement(&sql(&given)).await,
        Action::Later(run) => run(runner, &given).await,
    }
}

fn understand(runner: &Runner, command: &Command) -> Result<Given> {
    let line = command.line.sql.trim();
    let end = line[1..].find(|c: char| c.is_whitespace()).map_or(line.len(), |end| end + 1);
    let (name, rest) = line.split_at(end);
    // A statement ends with `;`, and so does, by habit, a command.
    let name = name.trim_end_matches(';');
    let Some(definition) = find(name) else { return Err(unknown(name)) };
    let rest = rest.trim();
    let rest = if rest.len() > 1 && !matches!(definition.action, Action::Sql(_)) { rest.trim_end_matches(';').trim_end() } else { rest };
    let words = spoken::split(rest, &runner.variables).map_err(|why| Failure::Message(format!("{name}: {why}")))?;
    let given = Given {
        definition,
        name: name.to_owned(),
        words,
        rest: rest.to_owned(),
        about: command.about.as_ref().map(|about| runner.filled(about)),
    };
    let (least, most) = definition.words;
    match given.words.len() {
        count if count < least => Err(given.wrong(&format!("{name} needs more than that"))),
        count if count > most => Err(given.wrong(&format!("{name} takes no '{}'", given.words[most]))),
        _ => Ok(given),
    }
}

/// The command of this name. Dots' names have no case; psql's `\d` and `\D` differ.
pub(crate) fn find(name: &str) -> Option<&'static Definition> {
    let name = if name.starts_with('.') { name.to_ascii_lowercase() } else { name.to_owned() };
    all().find(|definition| definition.names.contains(&name.as_str()))
}

fn unknown(name: &str) -> Failure {
    let names = all().flat_map(|definition| definition.names.iter().copied()).filter(|known| known.as_bytes()[0] == name.as_bytes()[0]);
    let nearest = words::meant(name, names);
    let hint = match nearest.is_empty() {
        true => ".help lists what there is".to_owned(),
        false => format!("did you mean {}? .help lists what there is", nearest.join(" or ")),
    };
    Failure::Message(format!("there is no command {name}\nhint: {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_stands_once_and_every_command_says_what_it_does() {
        let mut names: Vec<&str> = all().flat_map(|definition| definition.names.iter().copied()).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "a name stands twice");
        for definition in all() {
            assert!(!definition.about.is_empty() && !definition.about.ends_with('.') && !definition.names.is_empty());
            assert!(definition.names.iter().all(|name| name.starts_with(['.', '\\'])), "{:?}", definition.names);
            assert!(definition.words.1 == 0 || !definition.arguments.is_empty(), "{:?}", definition.names);
        }
    }

    #[test]
    fn names_are_found_and_mistyped_ones_are_not() {
        assert!(find(".TABLES").is_some() && find("\\dt").is_some() && find("\\DT").is_none());
        let Failure::Message(message) = unknown(".tabels") else { panic!("it is a message") };
        assert!(message.contains("did you mean .tables"), "{message}");
    }
}
