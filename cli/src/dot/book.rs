//! Help, and the end.

use std::io::Write;

use super::{ANY, Action, Definition, GROUPS, Given, all, find};
use crate::failure::{Failure, Result};
use crate::run::Runner;
use crate::{book, words};

pub(super) const COMMANDS: &[Definition] = &[
    Definition {
        names: &[".help", "\\?"],
        arguments: "[PATTERN]",
        words: (0, ANY),
        about: "These commands; or what is known of a command, or of a word of SQL",
        action: Action::Now(help),
    },
    Definition {
        names: &["\\h", "\\help"],
        arguments: "[WORD ...]",
        words: (0, ANY),
        about: "Explain a statement, a function, a type or a setting of SQL",
        action: Action::Now(sql_help),
    },
    Definition {
        names: &[".version"],
        arguments: "",
        words: (0, 0),
        about: "This program's version",
        action: Action::Now(|runner, _| runner.say(&format!("clouddb {}", env!("CARGO_PKG_VERSION")))),
    },
    Definition {
        names: &[".quit", ".exit", "\\q"],
        arguments: "[STATUS]",
        words: (0, 1),
        about: "End, as Ctrl-D does",
        action: Action::Now(quit),
    },
];

fn quit(runner: &mut Runner, given: &Given) -> Result<()> {
    let status = given.word(0).map(str::parse::<u8>).transpose().map_err(|_| given.wrong("a status is a number from 0 to 255"))?;
    if runner.session.in_transaction() {
        eprintln!("the open transaction is rolled back");
    }
    runner.ended = Some(status.unwrap_or(0));
    Ok(())
}

/// The shortest way to use a command: all of its names take too much room in a list.
fn shown(definition: &Definition) -> String {
    let names: Vec<&str> = definition.names.iter().copied().take(2).collect();
    format!("{} {}", names.join(", "), definition.arguments).trim_end().to_owned()
}

fn help(runner: &mut Runner, given: &Given) -> Result<()> {
    const WIDTH: usize = 34;
    let Some(word) = given.word(0) else {
        writeln!(runner.out, "A statement ends with ; and can span several lines.")?;
        for (group, commands) in GROUPS {
            writeln!(runner.out, "\n{group}")?;
            for definition in *commands {
                writeln!(runner.out, "  {:WIDTH$} {}", shown(definition), definition.about)?;
            }
        }
        writeln!(runner.out, "\n.help WORD explains a command or a word of SQL. Ctrl-C cancels the line, or the statement that runs.")?;
        runner.out.flush()?;
        return Ok(());
    };
    let named = find(word).or_else(|| find(&format!(".{word}"))).or_else(|| find(&format!("\\{word}")));
    if let (Some(definition), true) = (named, word.starts_with(['.', '\\']) || book::text_about(&given.rest, false).is_none()) {
        let line = format!("{}\n  {}", definition.usage(), definition.about);
        return runner.say(&line);
    }
    if let Some(text) = book::text_about(&given.rest, runner.settings.style.colour && runner.out.is_terminal()) {
        return runner.say(text.trim_end());
    }
    let pattern = word.trim_matches(['*', '%']).to_ascii_lowercase();
    let found: Vec<&Definition> = all()
        .filter(|definition| {
            definition.about.to_ascii_lowercase().contains(&pattern) || definition.names.iter().any(|name| name.contains(&pattern))
        })
        .collect();
    if found.is_empty() {
        return Err(unknown(&given.rest));
    }
    for definition in found {
        writeln!(runner.out, "{:WIDTH$} {}", shown(definition), definition.about)?;
    }
    runner.out.flush()?;
    Ok(())
}

fn sql_help(runner: &mut Runner, given: &Given) -> Result<()> {
    if given.rest.is_empty() {
        return runner.say(&book::contents());
    }
    let colour = runner.settings.style.colour && runner.out.is_terminal();
    let text = book::text_about(&given.rest, colour).ok_or_else(|| unknown(&given.rest))?;
    runner.say(text.trim_end())
}

fn unknown(word: &str) -> Failure {
    Failure::Message(match words::meant(&word.to_ascii_lowercase(), book::words().iter().map(String::as_str)).as_slice() {
        [] => format!("there is no help for '{word}'\nhint: \\h lists what there is help for, .help the commands"),
        near => format!("there is no help for '{word}'\nhint: there is for {}", near.join(", ")),
    })
}
