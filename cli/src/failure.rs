//! What ends a run before its time: how it is told on standard error, and with which exit status.

use std::io;

use clouddb_engine::{Error, ErrorKind};
use datafusion::error::DataFusionError;
use unicode_width::UnicodeWidthStr;

use crate::interrupt;
use crate::output;
use crate::script::{Position, Statement};

/// What went wrong.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The database, or the SQL.
    Database(Error),
    /// Something outside of it, told in full already: a script that cannot be read, a demo's folder that is taken.
    Message(String),
    /// Standard output cannot be written.
    Output(io::Error),
    /// Ctrl-C. Holds what became of the statement, where there is something to tell.
    Interrupted(Option<String>),
    /// It is told already; what remains is the exit status.
    Told(u8),
}

/// The result of everything here that can fail.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<DataFusionError> for Failure {
    fn from(error: DataFusionError) -> Self {
        Self::Database(clouddb_engine::error::from_datafusion(error))
    }
}

impl From<arrow::error::ArrowError> for Failure {
    fn from(error: arrow::error::ArrowError) -> Self {
        match error {
            arrow::error::ArrowError::IoError(_, error) => Self::Output(error),
            other => Self::from(DataFusionError::ArrowError(Box::new(other), None)),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// The status of a process whose output nobody reads any more: 128 + SIGPIPE.
const BROKEN_PIPE: u8 = 141;

impl Failure {
    /// The process's exit status; never 0.
    pub(crate) fn exit_status(&self) -> u8 {
        match self {
            Self::Interrupted(_) => interrupt::STATUS,
            Self::Told(status) => *status,
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => BROKEN_PIPE,
            _ => 1,
        }
    }

    /// Whether a script may go on behind it, if it is to go on after errors.
    pub(crate) fn can_be_passed_over(&self) -> bool {
        matches!(self, Self::Database(_) | Self::Message(_) | Self::Told(1))
    }

    /// The same, which is not told again.
    pub(crate) fn reported(&self) -> Self {
        Self::Told(self.exit_status())
    }

    /// Tells it, where no place is known.
    pub(crate) fn told(self) -> Self {
        self.report(None);
        self.reported()
    }

    /// Writes it to standard error, and returns what was written. `place` is where in which script it happened.
    pub(crate) fn report(&self, place: Option<&Place<'_>>) -> Option<String> {
        // A reader who went away wants to hear nothing; `head` is no mistake.
        let text = self.text(place)?;
        if matches!(self, Self::Interrupted(_)) && output::stderr_is_terminal() && !output::is_dumb_terminal() {
            // The terminal has shown `^C` there.
            eprint!("\r\u{1b}[K");
        }
        eprintln!("{text}");
        Some(text)
    }

    fn text(&self, place: Option<&Place<'_>>) -> Option<String> {
        let (kind, message, hint) = match self {
            Self::Database(error) => {
                let kind = (error.kind() != ErrorKind::Invalid).then(|| error.kind().name());
                (kind, error.message().to_owned(), error.hint().map(str::to_owned))
            }
            Self::Message(message) => (None, message.clone(), None),
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => return None,
            Self::Output(error) => (None, format!("cannot write the output: {error}"), None),
            Self::Interrupted(None) => (None, "interrupted".to_owned(), None),
            Self::Interrupted(Some(outcome)) => (None, format!("interrupted: {outcome}"), None),
            Self::Told(_) => return None,
        };
        let message = plain(&message, place.is_some_and(|place| place.statement.sql.contains("file://")));
        let found = match self {
            Self::Database(error) => error.position().filter(|found| found.line > 0),
            _ => None,
        };
        let spot = place.and_then(|place| place.spot(&message, found));
        let message = match (place, found) {
            (Some(place), Some(found)) if !place.is_typed => format!("{message} ({})", place.absolute(found)),
            _ => message,
        };
        let mut text = match kind {
            Some(kind) => format!("error ({kind}): {message}"),
            None => format!("error: {message}"),
        };
        if let Some(place) = place.filter(|place| !place.is_typed) {
            text.push_str(&format!("\n  at {place}"));
        }
        if let Some(spot) = spot {
            text.push_str(&spot);
        }
        if let Some(hint) = hint {
            text.push_str(&format!("\nhint: {hint}"));
        }
        Some(text)
    }
}

/// Where a statement stands.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    /// The file's name; none for text from the command line or standard input.
    pub(crate) file: Option<&'a str>,
    /// The statement.
    pub(crate) statement: &'a Statement,
    /// Whether somebody has just typed it, and need not be told which one it is.
    pub(crate) is_typed: bool,
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A statement can be megabytes of VALUES; its beginning tells which one it is.
        const SHOWN: usize = 120;
        if let Some(file) = self.file {
            write!(f, "{file}, ")?;
        }
        let words = self.statement.sql.split_whitespace();
        let mut shown = String::new();
        for word in words {
            if shown.chars().count() > SHOWN {
                break;
            }
            if !shown.is_empty() {
                shown.push(' ');
            }
            shown.push_str(word);
        }
        if shown.chars().count() > SHOWN {
            shown = shown.chars().take(SHOWN).chain("…".chars()).collect();
        }
        write!(f, "line {}: {}", self.statement.start.line, crate::render::printable::escaped(&shown))
    }
}

impl Place<'_> {
    /// The line that an error is about with a sign below its place: where the error says it is, or where the one thing stands that the message names.
    fn spot(&self, message: &str, found: Option<clouddb_engine::Position>) -> Option<String> {
        /// A line of data is longer than what anybody wants to see again.
        const LONGEST: usize = 160;
        let sql = &self.statement.sql;
        let (line, column, width) = match found {
            Some(found) => {
                let (line, column) = (usize::try_from(found.line).ok()?, usize::try_from(found.column).ok()?);
                (line, column, word_width(sql.lines().nth(line.checked_sub(1)?)?, column))
            }
            None => {
                let (offset, width) = match sole_text(sql, message) {
                    Some(place) => place,
                    None => sole_mention(sql, quoted(message)?)?,
                };
                let before = &sql[..offset];
                let start = before.rfind('\n').map_or(0, |newline| newline + 1);
                (before.matches('\n').count() + 1, before[start..].chars().count() + 1, width)
            }
        };
        let text = sql.lines().nth(line - 1)?;
        if text.chars().count() > LONGEST || column > text.chars().count() + 1 {
            return None;
        }
        let shown: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let before: String = shown.chars().take(column - 1).collect();
        Some(format!("\n  | {shown}\n  | {}{}", " ".repeat(before.width()), "^".repeat(width)))
    }

    /// A place counts from where the statement begins; people count from where the script does.
    fn absolute(&self, found: clouddb_engine::Position) -> String {
        let Position { line: first_line, column: first_column } = self.statement.start;
        let first = u64::try_from(first_column).unwrap_or(1);
        let column = if found.line == 1 { found.column + first - 1 } else { found.column };
        format!("line {}, column {column}", found.line + u64::try_from(first_line).unwrap_or(1) - 1)
    }
}

/// A message without what only systems say: numbers of errors, and, where nobody wrote URLs, those of local files.
fn plain(message: &str, has_urls: bool) -> String {
    let mut text = String::with_capacity(message.len());
    let mut rest = message;
    while let Some((before, behind)) = rest.split_once(" (os error ") {
        text.push_str(before);
        rest = behind.split_once(')').map_or("", |(_, behind)| behind);
    }
    text.push_str(rest);
    match has_urls {
        true => text,
        false => text.replace("file:///", "/"),
    }
}

/// How wide the word is that stands at a column, from 1; 1 for a sign.
fn word_width(line: &str, column: usize) -> usize {
    let word: String = line.chars().skip(column.saturating_sub(1)).take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    word.width().max(1)
}

/// The first thing in quotes that a message names.
fn quoted(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once('\'')?;
    let (name, _) = rest.split_once('\'')?;
    // Of a qualified name the last part is what is not there.
    let name = name.rsplit('.').next()?.trim_matches('"');
    (!name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')).then_some(name)
}

/// Where a statement has the text in quotes that a message names, as a file's path, and how wide it is, if it stands there once.
fn sole_text(sql: &str, message: &str) -> Option<(usize, usize)> {
    let (_, rest) = message.split_once('\'')?;
    let (text, _) = rest.split_once('\'')?;
    let literal = format!("'{text}'");
    let mut found = sql.match_indices(&literal);
    let (at, _) = found.next()?;
    (found.next().is_none() && !text.is_empty() && !text.contains('\n')).then(|| (at + 1, text.width()))
}

/// Where a word stands in a text, and how wide it is, if it stands there once.
fn sole_mention(text: &str, word: &str) -> Option<(usize, usize)> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let (text, lower) = (text.to_ascii_lowercase(), word.to_ascii_lowercase());
    let mut found = text.match_indices(&lower).filter(|(at, _)| {
        !text[..*at].chars().next_back().is_some_and(is_name) && !text[at + lower.len()..].chars().next().is_some_and(is_name)
    });
    let (at, _) = found.next()?;
    found.next().is_none().then(|| (at, word.width()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn statement(sql: &str, line: usize, column: usize) -> Statement {
        Statement { sql: sql.to_owned(), start: Position { line, column } }
    }

    #[test]
    fn errors_tell_kind_place_and_way_out() {
        let failure = Failure::from(Error::new(ErrorKind::NotFound, "there is no table 't'").with_hint("create it"));
        let statement = statement("select *\n  from t", 7, 1);
        let text = failure.text(Some(&Place { file: Some("a.sql"), statement: &statement, is_typed: false })).unwrap();
        assert_eq!(
            text,
            "error (not found): there is no table 't'\n  at a.sql, line 7: select * from t\n  |   from t\n  |        ^\nhint: create it"
        );
        assert_eq!(failure.exit_status(), 1);
    }

    #[test]
    fn positions_count_from_the_scripts_beginning() {
        let statement = statement("select 1 x y", 7, 11);
        let place = Place { file: None, statement: &statement, is_typed: false };
        let moved = |line, column| place.absolute(clouddb_engine::Position { line, column });
        assert_eq!(moved(1, 12), "line 7, column 22");
        assert_eq!(moved(3, 2), "line 9, column 2");
    }

    #[test]
    fn a_sign_stands_below_the_place() {
        let statement = statement("select größe,\n  x yes z from t", 7, 11);
        let place = Place { file: None, statement: &statement, is_typed: true };
        let at = |line, column| place.spot("syntax error", Some(clouddb_engine::Position { line, column }));
        assert_eq!(at(2, 5).unwrap(), "\n  |   x yes z from t\n  |     ^^^");
        assert_eq!(at(2, 4).unwrap(), "\n  |   x yes z from t\n  |    ^");
        assert_eq!(at(0, 0), None);
        let spot = |message: &str| place.spot(message, None);
        assert_eq!(spot("there is no column 'größe'; there are 'a'").unwrap(), "\n  | select größe,\n  |        ^^^^^");
        assert_eq!(spot("there is no column 'missing'"), None);
        assert_eq!(spot("nothing is named"), None);
    }

    #[test]
    fn long_statements_are_shortened() {
        let statement = statement(&format!("insert into t values {}", "(1),".repeat(1000)), 1, 1);
        let text = Place { file: None, statement: &statement, is_typed: false }.to_string();
        assert!(text.chars().count() < 140 && text.ends_with('…'), "{text}");
    }

    #[test]
    fn a_reader_who_went_away_is_no_message() {
        let failure = Failure::Output(io::ErrorKind::BrokenPipe.into());
        assert_eq!(failure.text(None), None);
        assert_eq!(failure.exit_status(), 141);
    }
}
