//! The prompt: reads statements and commands with history, runs them, and does not end at an error.

use std::path::PathBuf;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Behavior, ColorMode, CompletionType, Config, Editor};

use crate::args::{ShellArgs, Source};
use crate::failure::{Failure, Place, Result};
use crate::line::{self, Names, Typing};
use crate::run::{self, Runner};
use crate::script::{self, Command, Piece, Splitter, Statement};
use crate::{dot, interrupt, output, warnings};

const PROMPT: &str = "clouddb> ";
/// While a transaction is open.
const PROMPT_IN_TRANSACTION: &str = "clouddb*> ";
/// While a statement is not complete, where the terminal cannot edit several lines.
const PROMPT_CONTINUED: &str = "    ...> ";

/// Before each line of a COPY's data.
const PROMPT_OF_DATA: &str = ">> ";

/// Statements that are remembered: years of typing, and still read in a moment.
const HISTORY_SIZE: usize = 10_000;

/// Candidates that are shown without a question.
const SHOWN_CANDIDATES: usize = 200;

/// Reads and runs until the end; returns the exit status.
pub(crate) async fn run(runner: &mut Runner, args: &ShellArgs) -> u8 {
    runner.is_prompt = true;
    // Whoever types wants to know; --timer is for those who do not.
    runner.settings.timer = true;
    let result = match Shell::new(runner) {
        Ok(mut shell) => shell.run(runner, args).await,
        Err(failure) => Err(failure),
    };
    match (result, runner.ended) {
        (Ok(()), status) => status.unwrap_or(0),
        (Err(failure), _) => {
            failure.report(None);
            failure.exit_status()
        }
    }
}

struct Shell {
    editor: Editor<Typing, FileHistory>,
    history: Option<PathBuf>,
    splitter: Splitter,
    /// The lines of the statement that is being typed, where lines come one by one.
    typed: String,
    /// Whether the last thing that was typed was Ctrl-C, at an empty prompt.
    wants_to_leave: bool,
}

impl Shell {
    fn new(runner: &Runner) -> Result<Self> {
        let colour = runner.settings.style.colour;
        let config = Config::builder().max_history_size(HISTORY_SIZE).and_then(|config| config.history_ignore_dups(true));
        let config = config
            .map_err(|error| terminal_failure(&error))?
            // A line with a blank before it is left out: secrets can be typed so.
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            .completion_prompt_limit(SHOWN_CANDIDATES)
            .color_mode(if colour { ColorMode::Enabled } else { ColorMode::Disabled })
            .behavior(Behavior::Stdio)
            .bracketed_paste(true)
            .build();
        let mut editor = Editor::with_config(config).map_err(|error| terminal_failure(&error))?;
        editor.set_helper(Some(Typing::new(colour)));
        let history = history_path();
        if let Some(path) = &history {
            // No history yet is no error, and one that cannot be read should not keep anybody from working.
            let _ = editor.load_history(path);
        }
        Ok(Self { editor, history, splitter: Splitter::new(), typed: String::new(), wants_to_leave: false })
    }

    fn greet(runner: &Runner) {
        let storage = runner.database.storage();
        let state = match (storage.exists(), storage.is_read_only()) {
            (true, true) => ", read only",
            (true, false) => "",
            (false, _) => ", a new database",
        };
        println!("clouddb {} on {}{state}; .help helps", env!("CARGO_PKG_VERSION"), output::place(storage.store()));
    }

    async fn run(&mut self, runner: &mut Runner, args: &ShellArgs) -> Result<()> {
        if let Some(path) = init_file(args) {
            let _ = run::run_source(runner, &Source::File(path)).await;
        }
        Self::greet(runner);
        while runner.ended.is_none() {
            self.learn_names(runner).await;
            let prompt = self.prompt(runner);
            let held = warnings::Hold::begin();
            let line = self.editor.readline(&prompt);
            drop(held);
            let is_empty = self.typed.is_empty() && self.editor.helper().is_none_or(Typing::was_empty);
            match line {
                Ok(line) => {
                    self.wants_to_leave = false;
                    self.line(runner, &line).await?;
                }
                Err(ReadlineError::Interrupted) => {
                    if std::mem::replace(&mut self.wants_to_leave, is_empty) && is_empty {
                        return Self::end(runner);
                    }
                    if is_empty {
                        println!("(Ctrl-C again, Ctrl-D or .quit leaves)");
                    }
                    // Ctrl-C: forget what was typed.
                    self.forget();
                }
                Err(ReadlineError::Eof) => {
                    println!();
                    return Self::end(runner);
                }
                Err(error) => return Err(terminal_failure(&error)),
            }
        }
        Ok(())
    }

    /// Finds out, before somebody types, which names there are now.
    async fn learn_names(&mut self, runner: &mut Runner) {
        let colour = runner.settings.style.colour;
        let Some(helper) = self.editor.helper_mut() else { return };
        helper.set_colour(colour);
        if !std::mem::take(&mut runner.has_new_names) {
            return;
        }
        let names = helper.names();
        if !runner.session.in_transaction() {
            return Names::refresh(&names, &runner.database);
        }
        if let Ok(rows) = runner.rows(line::COLUMNS).await {
            names.lock().unwrap_or_else(std::sync::PoisonError::into_inner).add_columns(rows);
        }
    }

    fn prompt(&self, runner: &Runner) -> String {
        let (first, continued) = &runner.settings.prompts;
        match (self.splitter.is_inside_statement(), first, continued) {
            (true, _, Some(prompt)) | (false, Some(prompt), _) => prompt.clone(),
            (true, _, None) => PROMPT_CONTINUED.to_owned(),
            (false, None, _) if runner.session.in_transaction() => PROMPT_IN_TRANSACTION.to_owned(),
            (false, None, _) => PROMPT.to_owned(),
        }
    }

    async fn line(&mut self, runner: &mut Runner, line: &str) -> Result<()> {
        let word = line.trim();
        if self.typed.is_empty() && line::is_word(word) {
            self.remember(line);
            let text = match word.trim_start_matches('?').trim_end_matches(';').trim() {
                name if word.starts_with('?') => format!(".help {name}"),
                name => format!(".{}", name.to_lowercase()),
            };
            let command = Command { line: run::typed(text.trim()), about: None };
            let result = dot::run(runner, &command).await;
            return self.ended(runner, result, &command.line).map(drop);
        }
        self.splitter.push(line);
        self.splitter.push("\n");
        if !self.typed.is_empty() {
            self.typed.push('\n');
        }
        self.typed.push_str(line);
        if script::is_complete(&self.typed) {
            let typed = std::mem::take(&mut self.typed);
            self.remember(typed.trim_end());
        }
        // As in psql, an error is not the end of what was pasted; Ctrl-C is.
        while let Some(piece) = self.splitter.next_piece() {
            let data = match &piece {
                Piece::Statement(statement) if statement.reads_standard_input() => match self.data()? {
                    None => continue,
                    data => data,
                },
                _ => None,
            };
            if !self.piece(runner, &piece, data).await? {
                self.forget();
                break;
            }
            if runner.ended.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// The data of a `COPY ... FROM STDIN`: what was pasted behind it, or what is typed now; `None` after Ctrl-C.
    fn data(&mut self) -> Result<Option<String>> {
        if let Some(data) = self.splitter.data() {
            return Ok(Some(data));
        }
        println!("Enter the data; a line with \\. alone, or Ctrl-D, ends it.");
        self.take_data(true);
        let mut data = String::new();
        let ended = loop {
            match self.editor.readline(PROMPT_OF_DATA) {
                // What is pasted can come as several lines.
                Ok(text) => match text.split_once("\\.").filter(|(before, _)| before.is_empty() || before.ends_with('\n')) {
                    Some((before, behind)) if behind.is_empty() || behind.starts_with('\n') => {
                        data.push_str(before);
                        self.splitter.push(behind);
                        break Ok(Some(data));
                    }
                    _ => data.extend([text.as_str(), "\n"]),
                },
                Err(ReadlineError::Eof) => break Ok(Some(data)),
                Err(ReadlineError::Interrupted) => break Ok(None),
                Err(error) => break Err(terminal_failure(&error)),
            }
        };
        self.take_data(false);
        ended
    }

    fn take_data(&mut self, takes_data: bool) {
        if let Some(helper) = self.editor.helper_mut() {
            helper.take_data(takes_data);
        }
    }

    /// Runs a statement or a command; what went wrong has been told. `false` if somebody stopped it.
    async fn piece(&mut self, runner: &mut Runner, piece: &Piece, data: Option<String>) -> Result<bool> {
        // One that was pressed at the prompt is not meant for this statement.
        interrupt::forget();
        let (result, statement) = match piece {
            Piece::Statement(statement) => {
                let statement = runner.filled(statement);
                (runner.statement_with_input(&statement.sql, data).await, statement)
            }
            Piece::Command(command) => {
                let statement = runner.filled(command.about.as_ref().unwrap_or(&command.line));
                (dot::run(runner, command).await, statement)
            }
        };
        if let Some(edited) = runner.edited.take() {
            self.remember(&edited);
        }
        self.ended(runner, result, &statement)
    }

    fn ended(&mut self, runner: &mut Runner, result: Result<()>, statement: &Statement) -> Result<bool> {
        match result {
            Ok(()) => Ok(true),
            Err(failure @ Failure::Output(_)) => Err(failure),
            Err(failure) => {
                // The place counts from where the statement begins: whoever typed it sees it above.
                let statement = run::typed(&statement.sql);
                runner.report(&failure, Some(&Place { file: None, statement: &statement, is_typed: true }));
                // The names may be wrong: somebody else has changed them.
                runner.has_new_names = true;
                Ok(failure.exit_status() != interrupt::STATUS)
            }
        }
    }

    /// Ctrl-D: a last statement without `;` is not run, because nobody knows whether it is complete.
    fn end(runner: &mut Runner) -> Result<()> {
        if runner.session.in_transaction() {
            eprintln!("the open transaction is rolled back");
        }
        Ok(())
    }

    fn forget(&mut self) {
        self.splitter = Splitter::new();
        self.typed.clear();
    }

    fn remember(&mut self, text: &str) {
        // Not added, because it begins with a blank or was there already, it is not kept either.
        if text.trim().is_empty() || !self.editor.add_history_entry(text).unwrap_or(false) {
            return;
        }
        if let Some(path) = &self.history {
            if let Some(folder) = path.parent() {
                let _ = std::fs::create_dir_all(folder);
            }
            // Two shells share the file: each adds its own lines. One that cannot be written is no reason to stop.
            let _ = self.editor.append_history(path);
        }
    }
}

/// The file that is run before the first prompt: `--init`, else `~/.clouddbrc` if it is there.
fn init_file(args: &ShellArgs) -> Option<PathBuf> {
    match (&args.init, args.no_init) {
        (Some(path), _) => Some(path.clone()),
        (None, true) => None,
        (None, false) => std::env::home_dir().map(|home| home.join(".clouddbrc")).filter(|path| path.is_file()),
    }
}

/// Where the history is kept: `CLOUDDB_HISTORY`; else a file in the home folder, or where the XDG rules say if somebody follows them.
fn history_path() -> Option<PathBuf> {
    match std::env::var_os("CLOUDDB_HISTORY") {
        Some(path) if path.is_empty() => return None,
        Some(path) => return Some(path.into()),
        None => {}
    }
    match std::env::var_os("XDG_STATE_HOME").filter(|folder| !folder.is_empty()) {
        Some(folder) => Some(PathBuf::from(folder).join("clouddb").join("history")),
        None => std::env::home_dir().map(|home| home.join(".clouddb_history")),
    }
}

fn terminal_failure(error: &ReadlineError) -> Failure {
    Failure::Message(format!("cannot read from the terminal: {error}"))
}
