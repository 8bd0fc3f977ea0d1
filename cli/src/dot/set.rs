//! Commands that set how answers look, where they go, and what is told besides.

use std::io::Write;

use super::{ANY, Action, Definition, Given};
use crate::failure::{Failure, Result};
use crate::render::Format;
use crate::run::Runner;
use crate::settings::{Pager, can_run};

pub(super) const LOOKS: &[Definition] = &[
    Definition {
        names: &[".mode"],
        arguments: "[FORMAT [TABLE]]",
        words: (0, 2),
        about: "How answers are written: box, csv, tsv, json, jsonl, markdown, line, html, table, column, list, insert TABLE, trash",
        action: Action::Now(mode),
    },
    Definition {
        names: &["\\x", ".expanded"],
        arguments: "[on|off|auto]",
        words: (0, 1),
        about: "A line for each value, or the format as before; auto does so where a box is too wide",
        action: Action::Now(expanded),
    },
    Definition { names: &["\\a"], arguments: "", words: (0, 0), about: "Lists in place of boxes, or back", action: Action::Now(unaligned) },
    Definition { names: &["\\H"], arguments: "", words: (0, 0), about: "HTML in place of boxes, or back", action: Action::Now(html) },
    Definition {
        names: &[".columns"],
        arguments: "",
        words: (0, 0),
        about: "Boxes with a line for each column, and a column for each of the first rows",
        action: Action::Now(|runner, _| {
            runner.settings.style.transposed = true;
            Ok(())
        }),
    },
    Definition {
        names: &[".rows"],
        arguments: "",
        words: (0, 0),
        about: "Boxes with a line for each row again",
        action: Action::Now(|runner, _| {
            runner.settings.style.transposed = false;
            Ok(())
        }),
    },
    Definition {
        names: &[".headers", ".header"],
        arguments: "[on|off]",
        words: (0, 1),
        about: "Whether names of columns are written",
        action: Action::Now(|runner, given| {
            runner.settings.style.headers = given.switch(runner.settings.style.headers)?;
            Ok(())
        }),
    },
    Definition {
        names: &["\\t"],
        arguments: "[on|off]",
        words: (0, 1),
        about: "Rows alone, without names of columns",
        action: Action::Now(|runner, given| {
            runner.settings.style.headers = !given.switch(!runner.settings.style.headers)?;
            Ok(())
        }),
    },
    Definition {
        names: &[".nullvalue"],
        arguments: "[TEXT]",
        words: (0, 1),
        about: "What is written for NULL; without a text, what the format has for it",
        action: Action::Now(|runner, given| {
            runner.settings.style.null = given.word(0).map(str::to_owned);
            Ok(())
        }),
    },
    Definition {
        names: &[".separator"],
        arguments: "TEXT [ROW]",
        words: (1, 2),
        about: "What stands between values and behind rows in list, and between values in csv",
        action: Action::Now(|runner, given| {
            runner.settings.style.separator = given.word(0).map(str::to_owned);
            runner.settings.style.row_separator = given.word(1).map(str::to_owned);
            Ok(())
        }),
    },
    Definition {
        names: &[".maxrows"],
        arguments: "[N]",
        words: (0, 1),
        about: "Rows that a box shows, the first and the last of them; 0 shows all",
        action: Action::Now(|runner, given| {
            match number(given)? {
                Some(rows) => runner.settings.style.boxes.max_rows = rows,
                None => runner.say(&runner.settings.style.boxes.max_rows.to_string())?,
            }
            Ok(())
        }),
    },
    Definition {
        names: &[".maxwidth"],
        arguments: "[N]",
        words: (0, 1),
        about: "Columns of the screen that a box may take; 0 is what the terminal has",
        action: Action::Now(|runner, given| {
            match number(given)? {
                Some(width) => runner.settings.max_width = Some(width).filter(|width| *width > 0),
                None => runner.say(&runner.settings.max_width.unwrap_or(0).to_string())?,
            }
            Ok(())
        }),
    },
    Definition {
        names: &[".width"],
        arguments: "[N ...]",
        words: (0, ANY),
        about: "The least widths of columns in table, column and markdown",
        action: Action::Now(|runner, given| {
            let widths = given.words.iter().map(|word| word.trim_start_matches('-').parse());
            let widths = widths.collect::<Result<Vec<usize>, _>>().map_err(|_| given.wrong("a width is a number"))?;
            runner.settings.style.widths = widths;
            Ok(())
        }),
    },
    Definition {
        names: &[".color", ".colour", ".highlight"],
        arguments: "[on|off]",
        words: (0, 1),
        about: "Whether colours are used",
        action: Action::Now(|runner, given| {
            runner.settings.style.colour = given.switch(runner.settings.style.colour)?;
            Ok(())
        }),
    },
    Definition {
        names: &[".unicode"],
        arguments: "[on|off]",
        words: (0, 1),
        about: "Whether boxes and plots are drawn with more than ASCII",
        action: Action::Now(|runner, given| {
            runner.settings.style.ascii = !given.switch(!runner.settings.style.ascii)?;
            Ok(())
        }),
    },
    Definition {
        names: &["\\pset"],
        arguments: "NAME VALUE",
        words: (1, 2),
        about: "The same in psql's words: format, null, pager, expanded, tuples_only, fieldsep",
        action: Action::Now(pset),
    },
];

pub(super) const TELLS: &[Definition] = &[
    Definition {
        names: &[".output", "\\o", "\\out"],
        arguments: "[FILE | '|PROGRAM']",
        words: (0, ANY),
        about: "Send further answers to a file or a program; without one, to standard output",
        action: Action::Now(|runner, given| runner.out.redirect(place(given).as_deref())),
    },
    Definition {
        names: &[".once"],
        arguments: "FILE | '|PROGRAM'",
        words: (1, ANY),
        about: "Send the next answer to a file or a program",
        action: Action::Now(|runner, given| runner.out.redirect_once(&place(given).unwrap_or_default())),
    },
    Definition {
        names: &[".pager"],
        arguments: "[on|off|PROGRAM]",
        words: (0, ANY),
        about: "Show answers in a pager: PAGER's, or less; off at first",
        action: Action::Now(pager),
    },
    Definition {
        names: &[".log"],
        arguments: "FILE | off",
        words: (1, 1),
        about: "Add statements and their answers to a file",
        action: Action::Now(|runner, given| runner.out.log_to(given.word(0).filter(|word| *word != "off"))),
    },
    Definition {
        names: &[".timer", "\\timing"],
        arguments: "[on|off]",
        words: (0, 1),
        about: "Whether to tell how long statements take",
        action: Action::Now(|runner, given| {
            runner.settings.timer = given.switch(runner.settings.timer)?;
            if given.name == "\\timing" {
                runner.tell(&format!("Timing is {}.", on(runner.settings.timer)));
            }
            Ok(())
        }),
    },
    Definition {
        names: &[".changes"],
        arguments: "[on|off]",
        words: (0, 1),
        about: "Whether to tell what statements did that return no rows, also where nobody is at a terminal",
        action: Action::Now(|runner, given| {
            runner.settings.changes = given.switch(runner.settings.changes)?;
            Ok(())
        }),
    },
    Definition {
        names: &[".echo"],
        arguments: "[on|off]",
        words: (0, 1),
        about: "Whether each statement is written before its answer",
        action: Action::Now(|runner, given| {
            runner.settings.echo = given.switch(runner.settings.echo)?;
            Ok(())
        }),
    },
    Definition {
        names: &[".bail"],
        arguments: "[on|off]",
        words: (0, 1),
        about: "Whether a script stops at its first error",
        action: Action::Now(|runner, given| {
            runner.settings.bail = given.switch(runner.settings.bail)?;
            Ok(())
        }),
    },
    Definition {
        names: &[".prompt"],
        arguments: "[TEXT [CONTINUED]]",
        words: (0, 2),
        about: "Prompts of one's own; without a text, the usual ones",
        action: Action::Now(|runner, given| {
            runner.settings.prompts = (given.word(0).map(str::to_owned), given.word(1).map(str::to_owned));
            Ok(())
        }),
    },
    Definition {
        names: &[".print", "\\echo", "\\qecho"],
        arguments: "[TEXT ...]",
        words: (0, ANY),
        about: "Write a text",
        action: Action::Now(|runner, given| runner.say(&given.words.join(" "))),
    },
    Definition {
        names: &["\\set"],
        arguments: "[NAME [VALUE ...]]",
        words: (0, ANY),
        about: "Set a variable, for which :NAME, :'NAME' and :\"NAME\" stand; without a name, show all",
        action: Action::Now(set),
    },
    Definition {
        names: &["\\unset"],
        arguments: "NAME",
        words: (1, 1),
        about: "Forget a variable",
        action: Action::Now(|runner, given| {
            runner.variables.unset(given.word(0).unwrap_or_default());
            Ok(())
        }),
    },
    Definition { names: &[".show"], arguments: "", words: (0, 0), about: "What is set", action: Action::Now(show) },
];

fn set(runner: &mut Runner, given: &Given) -> Result<()> {
    let Some(name) = given.word(0) else {
        for (name, value) in runner.variables.all() {
            writeln!(runner.out, "{name} = {}", crate::words::quoted_text(value))?;
        }
        runner.out.flush()?;
        return Ok(());
    };
    if !crate::variables::is_name(name) {
        return Err(given.wrong(&format!("'{name}' is no name of a variable: it has letters, digits and _")));
    }
    // As in psql, several values are one text.
    runner.set_variable(name, &given.words[1..].concat());
    Ok(())
}

fn on(switch: bool) -> &'static str {
    if switch { "on" } else { "off" }
}

fn number(given: &Given) -> Result<Option<usize>> {
    given.word(0).map(|word| word.parse().map_err(|_| given.wrong(&format!("'{word}' is no number")))).transpose()
}

/// A file, or `|` and a program with its arguments.
fn place(given: &Given) -> Option<String> {
    match given.word(0) {
        None => None,
        Some(word) if word.starts_with('|') && given.words.len() > 1 => Some(given.rest.clone()),
        Some(_) => Some(given.words.join(" ")),
    }
}

fn mode(runner: &mut Runner, given: &Given) -> Result<()> {
    let Some(name) = given.word(0) else { return runner.say(&runner.settings.style.format.name()) };
    let format = named(given, name)?;
    if given.word(1).is_some() && format != Format::Insert {
        return Err(given.wrong(&format!("{} takes no table", format.name())));
    }
    if let Some(table) = given.word(1) {
        runner.settings.style.table = table.to_owned();
    }
    runner.settings.style.format = format;
    runner.settings.unexpanded = None;
    // A separator of one's own was for the format before.
    runner.settings.style.separator = None;
    runner.settings.style.row_separator = None;
    Ok(())
}

fn named(given: &Given, name: &str) -> Result<Format> {
    let names = Format::names();
    Format::named(name)
        .ok_or_else(|| Failure::Message(format!("'{name}' is no format; there are {names}\nhint: {}", given.definition.usage())))
}

fn expanded(runner: &mut Runner, given: &Given) -> Result<()> {
    let is_auto = given.word(0).is_some_and(|word| word.eq_ignore_ascii_case("auto"));
    runner.settings.style.expands = is_auto;
    let settings = &mut runner.settings;
    if is_auto {
        settings.style.format = settings.unexpanded.take().unwrap_or(settings.style.format);
        runner.tell("Expanded display is used automatically.");
        return Ok(());
    }
    match (given.switch(settings.unexpanded.is_some())?, settings.unexpanded) {
        (true, None) => settings.unexpanded = Some(std::mem::replace(&mut settings.style.format, Format::Line)),
        (false, Some(before)) => {
            settings.style.format = before;
            settings.unexpanded = None;
        }
        _ => {}
    }
    let state = on(runner.settings.unexpanded.is_some());
    runner.tell(&format!("Expanded display is {state}."));
    Ok(())
}

/// Changes between a format and boxes.
fn toggled(runner: &mut Runner, format: Format) -> Result<()> {
    let now = &mut runner.settings.style.format;
    *now = if *now == format { Format::Box } else { format };
    Ok(())
}

fn unaligned(runner: &mut Runner, _: &Given) -> Result<()> {
    toggled(runner, Format::List)
}

fn html(runner: &mut Runner, _: &Given) -> Result<()> {
    toggled(runner, Format::Html)
}

fn pset(runner: &mut Runner, given: &Given) -> Result<()> {
    let value = given.word(1);
    let settings = &mut runner.settings;
    let switch = |now: bool| match value {
        None => Ok(!now),
        Some("on" | "always") => Ok(true),
        Some("off") => Ok(false),
        Some(other) => Err(given.wrong(&format!("'{other}' is neither on nor off"))),
    };
    match given.word(0).unwrap_or_default() {
        "format" => {
            settings.style.format = match value {
                Some("aligned" | "wrapped") => Format::Box,
                Some("unaligned") => Format::List,
                Some(name) => named(given, name)?,
                None => return Err(given.wrong("a format is missing")),
            }
        }
        "null" => settings.style.null = value.map(str::to_owned),
        "fieldsep" => settings.style.separator = value.map(str::to_owned),
        "tuples_only" | "t" => settings.style.headers = !switch(!settings.style.headers)?,
        "pager" => settings.pager = if switch(settings.pager != Pager::Off)? { Pager::On } else { Pager::Off },
        "expanded" | "x" => {
            settings.style.expands = value == Some("auto");
            if settings.style.expands {
                settings.style.format = Format::Box;
                return Ok(());
            }
            let is_expanded = switch(settings.style.format == Format::Line)?;
            settings.style.format = if is_expanded { Format::Line } else { Format::Box };
        }
        other => return Err(given.wrong(&format!("\\pset knows no '{other}'"))),
    }
    Ok(())
}

fn pager(runner: &mut Runner, given: &Given) -> Result<()> {
    let pager = match given.rest.as_str() {
        "" => {
            let text = match &runner.settings.pager {
                Pager::Off => "off".to_owned(),
                pager => pager.program().unwrap_or_default(),
            };
            return runner.say(&text);
        }
        "off" => Pager::Off,
        "on" => Pager::On,
        _ => Pager::Program(given.words.join(" ")),
    };
    if let Some(program) = pager.program()
        && !can_run(&program)
    {
        return Err(Failure::Message(format!("there is no program '{program}'\nhint: PAGER names a pager, or .pager PROGRAM")));
    }
    runner.settings.pager = pager;
    Ok(())
}

fn show(runner: &mut Runner, _: &Given) -> Result<()> {
    let settings = &runner.settings;
    let style = &settings.style;
    let quoted = |text: &Option<String>| text.as_ref().map_or_else(|| "the format's".to_owned(), |text| format!("{text:?}"));
    let lines = [
        ("database", crate::output::place(runner.database.storage().store()).to_owned()),
        ("mode", style.format.name()),
        ("expanded", if style.expands { "auto" } else { on(settings.unexpanded.is_some()) }.to_owned()),
        ("headers", on(style.headers).to_owned()),
        ("nullvalue", quoted(&style.null)),
        ("separator", quoted(&style.separator)),
        ("maxrows", style.boxes.max_rows.to_string()),
        ("maxwidth", settings.max_width.map_or_else(|| "the terminal's".to_owned(), |width| width.to_string())),
        ("color", on(style.colour).to_owned()),
        ("unicode", on(!style.ascii).to_owned()),
        ("pager", settings.pager.program().unwrap_or_else(|| "off".to_owned())),
        ("timer", on(settings.timer).to_owned()),
        ("changes", on(settings.changes).to_owned()),
        ("echo", on(settings.echo).to_owned()),
        ("bail", on(settings.bail).to_owned()),
    ];
    for (name, value) in lines {
        writeln!(runner.out, "{name:>10}: {value}")?;
    }
    runner.out.flush()?;
    Ok(())
}
