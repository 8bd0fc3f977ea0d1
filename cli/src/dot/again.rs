//! Commands about the statement on the same line, or the one before: run it again, otherwise written, plotted, every few seconds.

use std::time::Duration;

use futures::future::LocalBoxFuture;

use super::{ANY, Action, Definition, Given};
use crate::failure::{Failure, Result};
use crate::interrupt::interruptible;
use crate::render::Format;
use crate::render::plot::Kind;
use crate::run::Runner;

pub(super) const COMMANDS: &[Definition] = &[
    Definition {
        names: &["\\g"],
        arguments: "[FILE | '|PROGRAM']",
        words: (0, ANY),
        about: "Run the statement, as ; does; with a file or program, its answer goes there",
        action: Action::Later(go),
    },
    Definition {
        names: &["\\gx", "\\G"],
        arguments: "",
        words: (0, 0),
        about: "Run the statement and write a line for each value",
        action: Action::Later(|runner, given| {
            Box::pin(async move { restyled(runner, given, |runner| runner.settings.style.format = Format::Line).await })
        }),
    },
    Definition {
        names: &[".last"],
        arguments: "[FORMAT]",
        words: (0, 1),
        about: "Run the last query again and show all of its rows, in another format if one is named",
        action: Action::Later(last),
    },
    Definition {
        names: &[".plot"],
        arguments: "[bar|line|scatter] [QUERY]",
        words: (0, ANY),
        about: "Plot a query, or the last one again: labels or numbers in its first column, numbers in the others",
        action: Action::Later(plot),
    },
    Definition {
        names: &["\\watch"],
        arguments: "[SECONDS]",
        words: (0, 1),
        about: "Run the statement every so many seconds, 2 if nothing is said, until Ctrl-C",
        action: Action::Later(watch),
    },
    Definition {
        names: &["\\p", "\\print"],
        arguments: "",
        words: (0, 0),
        about: "Write the statement",
        action: Action::Now(|runner, given| {
            let sql = statement(runner, given)?;
            runner.say(&format!("{sql};"))
        }),
    },
    Definition {
        names: &["\\r", "\\reset"],
        arguments: "",
        words: (0, 0),
        about: "Forget the statement that was begun",
        action: Action::Now(|runner, _| {
            runner.tell("Query buffer reset (cleared).");
            Ok(())
        }),
    },
];

/// Whether a command is about the statement before it on its line.
pub(super) fn takes_statement(definition: &Definition) -> bool {
    definition.names.iter().any(|name| ["\\g", "\\gx", "\\watch", "\\p", "\\r", "\\e", ".plot"].contains(name))
}

/// The statement that a command is about.
fn statement(runner: &Runner, given: &Given) -> Result<String> {
    let before = given.about.as_ref().map(|statement| statement.sql.clone()).or_else(|| runner.previous.clone());
    before.ok_or_else(|| Failure::Message(format!("there is no statement before {}", given.name)))
}

/// Runs a statement with other settings, which are then as before.
async fn restyled(runner: &mut Runner, given: &Given, change: impl FnOnce(&mut Runner)) -> Result<()> {
    let sql = statement(runner, given)?;
    let before = runner.settings.clone();
    change(runner);
    let result = runner.statement(&sql).await;
    runner.settings = before;
    result
}

fn go<'a>(runner: &'a mut Runner, given: &'a Given) -> LocalBoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let sql = statement(runner, given)?;
        if !given.words.is_empty() {
            runner.out.redirect_once(&given.words.join(" "))?;
        }
        runner.statement(&sql).await
    })
}

/// The last statement that gave rows.
fn last_query(runner: &Runner, given: &Given) -> Result<String> {
    runner.last_query.clone().ok_or_else(|| Failure::Message(format!("there was no query before {}", given.name)))
}

fn last<'a>(runner: &'a mut Runner, given: &'a Given) -> LocalBoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let sql = last_query(runner, given)?;
        let before = runner.settings.clone();
        if let Some(name) = given.word(0) {
            let unknown = || given.wrong(&format!("'{name}' is no format; there are {}", Format::names()));
            runner.settings.style.format = Format::named(name).ok_or_else(unknown)?;
        }
        runner.settings.style.boxes.max_rows = 0;
        let result = runner.statement(&sql).await;
        runner.settings = before;
        result?;
        runner.tell("(the query was run again)");
        Ok(())
    })
}

fn plot<'a>(runner: &'a mut Runner, given: &'a Given) -> LocalBoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let named = given.word(0).and_then(Kind::named);
        let query = match named {
            Some(_) => given.rest.split_once(char::is_whitespace).map_or("", |(_, query)| query.trim()),
            None => given.rest.as_str(),
        };
        let is_query = ["select", "with", "from", "values", "table", "("].iter().any(|word| query.to_ascii_lowercase().starts_with(word));
        let sql = match (query, &given.about) {
            ("", Some(statement)) => statement.sql.clone(),
            ("", None) => last_query(runner, given)?,
            (query, _) if is_query => query.to_owned(),
            _ => return Err(given.wrong(&format!("'{query}' is neither a kind of plot nor a query"))),
        };
        let before = runner.settings.style.plot.replace(named.unwrap_or(Kind::Auto));
        let result = runner.statement(&sql).await;
        runner.settings.style.plot = before;
        result
    })
}

fn watch<'a>(runner: &'a mut Runner, given: &'a Given) -> LocalBoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let sql = statement(runner, given)?;
        let seconds = match given.word(0) {
            None => 2.0,
            Some(word) => match word.parse::<f64>() {
                Ok(seconds) if (0.0..=1e6).contains(&seconds) => seconds,
                _ => return Err(given.wrong(&format!("'{word}' is no number of seconds"))),
            },
        };
        loop {
            let now = chrono::Local::now().format("%Y-%m-%d %H:%M:%S");
            runner.say(&format!("{now} (every {seconds} s)"))?;
            runner.statement(&sql).await?;
            let pause = interruptible(async {
                tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
                Ok(())
            });
            match pause.await {
                // Who has seen enough presses Ctrl-C.
                Err(Failure::Interrupted(_)) => return Ok(()),
                other => other?,
            }
        }
    })
}
