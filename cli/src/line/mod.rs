//! What somebody types at the prompt: completed, coloured, and read to the end of its statement.

mod complete;
mod highlight;
mod names;
pub(crate) mod tokens;

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};

use crate::script;

pub(crate) use names::{COLUMNS, Names};

/// Helps whoever types.
pub(crate) struct Typing {
    names: Arc<Mutex<Names>>,
    colour: bool,
    /// Whether the next lines are data, which is taken as it comes.
    takes_data: bool,
    /// Whether nothing is typed; seen at each change of the line, as nobody tells of it at Ctrl-C.
    is_empty: Cell<bool>,
}

impl Typing {
    pub(crate) fn new(colour: bool) -> Self {
        Self { names: Arc::default(), colour, takes_data: false, is_empty: Cell::new(true) }
    }

    /// The names that are completed: to be filled in by whoever knows them.
    pub(crate) fn names(&self) -> Arc<Mutex<Names>> {
        Arc::clone(&self.names)
    }

    /// Whether nothing was typed when the line ended; from now on nothing is.
    pub(crate) fn was_empty(&self) -> bool {
        self.is_empty.replace(true)
    }

    /// Says whether the next lines are data.
    pub(crate) fn take_data(&mut self, takes_data: bool) {
        self.takes_data = takes_data;
    }

    /// Switches colours on or off.
    pub(crate) fn set_colour(&mut self, colour: bool) {
        self.colour = colour;
    }
}

impl Helper for Typing {}

impl Completer for Typing {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(complete::complete(line, at, &names))
    }
}

/// Whether a line is to be run as it is: a command, or a text whose last statement is complete.
pub(crate) fn is_complete(text: &str) -> bool {
    is_word(text) || script::is_complete(text)
}

/// Whether a line is one of the words that end the shell, or ask for help, without a dot.
pub(crate) fn is_word(text: &str) -> bool {
    let word = text.trim().trim_end_matches(';').trim_end();
    word.starts_with('?') || ["exit", "quit", "help"].iter().any(|name| word.eq_ignore_ascii_case(name))
}

impl Validator for Typing {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match self.takes_data || is_complete(context.input()) {
            true => ValidationResult::Valid(None),
            false => ValidationResult::Incomplete,
        })
    }
}

impl Hinter for Typing {
    type Hint = Missing;

    /// Who has typed what looks like all of a statement, and pressed Enter, is told what it waits for.
    fn hint(&self, line: &str, at: usize, _: &Context<'_>) -> Option<Missing> {
        self.is_empty.set(line.is_empty());
        let is_waiting =
            self.colour && !self.takes_data && at == line.len() && line.ends_with("\n") && !line.trim().is_empty() && !is_complete(line);
        (is_waiting && is_complete(&format!("{line};"))).then_some(Missing)
    }
}

/// What is missing: said, and never completed.
pub(crate) struct Missing;

impl rustyline::hint::Hint for Missing {
    fn display(&self) -> &str {
        "; runs it"
    }

    fn completion(&self) -> Option<&str> {
        None
    }
}

impl Highlighter for Typing {
    fn highlight<'l>(&self, line: &'l str, at: usize) -> Cow<'l, str> {
        match self.colour && !self.takes_data {
            true => Cow::Owned(highlight::highlight(line, at)),
            false => Cow::Borrowed(line),
        }
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        match self.colour {
            true => Cow::Owned(format!("\u{1b}[1m{prompt}\u{1b}[0m")),
            false => Cow::Borrowed(prompt),
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(format!("\u{1b}[2m{hint}\u{1b}[0m"))
    }

    fn highlight_char(&self, _: &str, _: usize, kind: CmdKind) -> bool {
        // A bracket's partner can be anywhere; and a colour changes with the last letter of a word.
        self.colour && kind != CmdKind::ForcedRefresh
    }
}
