//! The prompt: reads lines with history, runs statements when their `;` is there, and does not end at an error.

use std::path::PathBuf;

use rustyline::error::ReadlineError;
use rustyline::{Config, DefaultEditor};

use crate::args::Format;
use crate::failure::{Failure, Result};
use crate::run::Runner;
use crate::script::Splitter;
use crate::{interrupt, output, warnings};

const PROMPT: &str = "clouddb> ";
/// While a transaction is open.
const PROMPT_IN_TRANSACTION: &str = "clouddb*> ";
/// While a statement is not complete.
const PROMPT_CONTINUED: &str = "    ...> ";

/// Statements that are remembered: years of typing, and still read in a moment.
const HISTORY_SIZE: usize = 10_000;

const HELP: &str = "\
A statement ends with ; and can span several lines.
.help              this text
.tables, \\d        the tables and views; \\d TABLE describes one
.mode FORMAT       how results are written: box, csv, json, jsonl
.timer on|off      whether to tell how long statements take
.quit              end (or Ctrl-D)
Ctrl-C cancels the line, or the statement that runs.";

/// Reads and runs until the end; returns the exit status.
pub(crate) async fn run(runner: &mut Runner) -> u8 {
    match Shell::new().map(|shell| shell.greet(runner)) {
        Ok(mut shell) => match shell.run(runner).await {
            Ok(()) => 0,
            Err(failure) => {
                failure.report(None);
                failure.exit_status()
            }
        },
        Err(failure) => {
            failure.report(None);
            failure.exit_status()
        }
    }
}

struct Shell {
    editor: DefaultEditor,
    history: Option<PathBuf>,
    splitter: Splitter,
    /// The lines of the statement that is being typed.
    typed: String,
}

/// What a line that is no SQL asked for.
enum Next {
    Continue,
    End,
}

impl Shell {
    fn new() -> Result<Self> {
        let config = Config::builder().max_history_size(HISTORY_SIZE).and_then(|config| config.history_ignore_dups(true));
        let config = config.map_err(|error| terminal_failure(&error))?.history_ignore_space(true).build();
        let mut editor = DefaultEditor::with_config(config).map_err(|error| terminal_failure(&error))?;
        let history = history_path();
        if let Some(path) = &history {
            // No history yet is no error, and one that cannot be read should not keep anybody from working.
            let _ = editor.load_history(path);
        }
        Ok(Self { editor, history, splitter: Splitter::new(), typed: String::new() })
    }

    fn greet(self, runner: &Runner) -> Self {
        let storage = runner.database.storage();
        let state = match (storage.exists(), storage.is_read_only()) {
            (true, true) => ", read only",
            (true, false) => "",
            (false, _) => ", a new database",
        };
        println!("clouddb {} on {}{state}; .help helps", env!("CARGO_PKG_VERSION"), output::place(storage.store()));
        self
    }

    async fn run(&mut self, runner: &mut Runner) -> Result<()> {
        loop {
            let prompt = match (self.splitter.is_inside_statement(), runner.session.in_transaction()) {
                (true, _) => PROMPT_CONTINUED,
                (false, true) => PROMPT_IN_TRANSACTION,
                (false, false) => PROMPT,
            };
            let held = warnings::Hold::begin();
            let line = self.editor.readline(prompt);
            drop(held);
            match line {
                Ok(line) => {
                    if let Next::End = self.line(runner, &line).await? {
                        return Ok(());
                    }
                }
                // Ctrl-C: forget what was typed.
                Err(ReadlineError::Interrupted) => self.forget(),
                Err(ReadlineError::Eof) => return self.end(runner).await,
                Err(error) => return Err(terminal_failure(&error)),
            }
        }
    }

    async fn line(&mut self, runner: &mut Runner, line: &str) -> Result<Next> {
        let word = line.trim();
        let plain = word.trim_end_matches(';').trim_end();
        let is_command = word.starts_with(['.', '\\', '?']) || ["exit", "quit", "help"].iter().any(|name| plain.eq_ignore_ascii_case(name));
        if !self.splitter.is_inside_statement() && is_command {
            self.remember(word);
            return self.dot_command(runner, plain).await;
        }
        self.splitter.push(line);
        self.splitter.push("\n");
        if !self.typed.is_empty() {
            self.typed.push('\n');
        }
        self.typed.push_str(line);
        let mut statements = Vec::new();
        while let Some(statement) = self.splitter.next_statement() {
            statements.push(statement);
        }
        if !self.splitter.is_inside_statement() {
            let typed = std::mem::take(&mut self.typed);
            self.remember(typed.trim());
        }
        for statement in statements {
            if !self.statement(runner, &statement.sql).await? {
                // What stands behind a statement that failed was meant to follow its success.
                self.forget();
                break;
            }
        }
        Ok(Next::Continue)
    }

    /// Ctrl-D: a last statement without `;` is not run, because nobody knows whether it is complete.
    async fn end(&mut self, runner: &mut Runner) -> Result<()> {
        println!();
        if runner.session.in_transaction() {
            eprintln!("the open transaction is rolled back");
        }
        Ok(())
    }

    /// Runs a statement; `false` if it failed, which has been told.
    async fn statement(&mut self, runner: &mut Runner, sql: &str) -> Result<bool> {
        // One that was pressed at the prompt is not meant for this statement.
        interrupt::forget();
        match runner.statement(sql).await {
            Ok(()) => Ok(true),
            Err(failure @ Failure::Output(_)) => Err(failure),
            Err(failure) => {
                failure.report(None);
                Ok(false)
            }
        }
    }

    async fn dot_command(&mut self, runner: &mut Runner, text: &str) -> Result<Next> {
        let mut words = text.split_whitespace();
        let command = words.next().unwrap_or("").to_ascii_lowercase();
        match (command.as_str(), words.next(), words.next()) {
            (".quit" | ".exit" | "quit" | "exit" | "\\q", None, _) => {
                if runner.session.in_transaction() {
                    eprintln!("the open transaction is rolled back");
                }
                return Ok(Next::End);
            }
            (".help" | "help" | "\\?" | "?", None, _) => println!("{HELP}"),
            (".tables" | "\\d" | "\\dt", None, _) => drop(self.statement(runner, TABLES).await?),
            ("\\d", Some(table), None) => drop(self.statement(runner, &format!("DESCRIBE {table}")).await?),
            (".timer", Some(word @ ("on" | "off")), None) => runner.timer = word == "on",
            (".mode", Some(word), None) => match <Format as clap::ValueEnum>::from_str(word, true) {
                Ok(format) => runner.style.format = format,
                Err(_) => eprintln!("error: '{word}' is no format; there are box, csv, json, jsonl"),
            },
            _ => eprintln!("error: '{text}' is not understood\nhint: .help lists what is"),
        }
        Ok(Next::Continue)
    }

    fn forget(&mut self) {
        self.splitter = Splitter::new();
        self.typed.clear();
    }

    fn remember(&mut self, text: &str) {
        if text.is_empty() || self.editor.add_history_entry(text).is_err() {
            return;
        }
        if let Some(path) = &self.history {
            // Two shells share the file: each adds its own lines. One that cannot be written is no reason to stop.
            let _ = self.editor.append_history(path);
        }
    }
}

/// What `.tables` runs.
const TABLES: &str = "SELECT table_schema, table_name, table_type FROM information_schema.tables \
    WHERE table_schema NOT IN ('information_schema', 'system') ORDER BY table_schema, table_name";

/// Where the history is kept: `CLOUDDB_HISTORY`, else a file in the home folder.
fn history_path() -> Option<PathBuf> {
    match std::env::var_os("CLOUDDB_HISTORY") {
        Some(path) if path.is_empty() => None,
        Some(path) => Some(path.into()),
        None => std::env::home_dir().map(|home| home.join(".clouddb_history")),
    }
}

fn terminal_failure(error: &ReadlineError) -> Failure {
    Failure::Message(format!("cannot read from the terminal: {error}"))
}
