//! What the shell's user can set: how answers look, what is told besides, where a script stops.

use std::process::Stdio;

use crate::args::ShellArgs;
use crate::output;
use crate::render::{BoxOptions, Format, Style};

/// Rows of an answer that a pager gets: what somebody may scroll through, and still little memory.
const PAGED_ROWS: usize = 10_000;

/// Whether long answers go through a pager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pager {
    Off,
    /// What `PAGER` names, or `less`.
    On,
    /// This program.
    Program(String),
}

impl Pager {
    /// The program, with its arguments; none if there is none.
    pub(crate) fn program(&self) -> Option<String> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        match self {
            Self::Off => None,
            Self::Program(program) => Some(program.clone()),
            // Quits if all fits on the screen, leaves wide lines alone, and leaves what was shown.
            Self::On => Some(variable("CLOUDDB_PAGER").or_else(|| variable("PAGER")).unwrap_or_else(|| "less -SRFX".to_owned())),
        }
    }
}

/// What can be set.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) style: Style,
    /// Columns that a box may take; none: what the terminal has.
    pub(crate) max_width: Option<usize>,
    pub(crate) pager: Pager,
    /// The format before `\x`.
    pub(crate) unexpanded: Option<Format>,
    /// Whether to tell how long each statement took.
    pub(crate) timer: bool,
    /// Whether each statement is written before its answer.
    pub(crate) echo: bool,
    /// Whether a script stops at its first error.
    pub(crate) bail: bool,
    /// Whether to tell what a statement did that returns no rows, wherever its answer goes.
    pub(crate) changes: bool,
    /// Prompts of one's own: for a statement's first line, and for the others.
    pub(crate) prompts: (Option<String>, Option<String>),
}

impl Settings {
    /// What the arguments say.
    pub(crate) fn new(args: &ShellArgs) -> Self {
        let colour = !args.no_color && output::wants_colour();
        let style = Style {
            null: args.null_value.clone(),
            headers: !args.no_headers,
            separator: args.separator.clone(),
            ascii: args.ascii,
            colour,
            ..Style::new(args.format, BoxOptions { max_rows: args.max_rows, width: None, height: None })
        };
        Self {
            style,
            max_width: args.max_width.filter(|width| *width > 0),
            pager: Pager::Off,
            unexpanded: None,
            timer: args.timer,
            echo: args.echo,
            bail: !args.continue_on_error,
            changes: false,
            prompts: (None, None),
        }
    }

    /// How an answer is written now: in the width that the terminal has now.
    pub(crate) fn style_of_answer(&self, is_terminal: bool, is_paged: bool) -> Style {
        let mut style = self.style.clone();
        style.colour &= is_terminal;
        style.boxes.width = self.max_width.or_else(|| if is_terminal && !is_paged { output::terminal_width() } else { None });
        style.boxes.height = if is_terminal && !is_paged { output::terminal_height() } else { None };
        if is_paged && style.boxes.max_rows > 0 {
            style.boxes.max_rows = style.boxes.max_rows.max(PAGED_ROWS);
        }
        style
    }
}

/// Whether a program can be started by this name: a pager that is not there should not swallow an answer.
pub(crate) fn can_run(command: &str) -> bool {
    let Some(program) = command.split_whitespace().next() else { return false };
    let look = std::process::Command::new("sh").args(["-c", "command -v \"$1\"", "sh", program]).stdout(Stdio::null()).status();
    look.is_ok_and(|status| status.success())
}
