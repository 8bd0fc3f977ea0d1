//! Cuts a script into statements and the shell's commands while it arrives.
//!
//! A statement ends at a `;` that is outside of strings, quoted names and comments. Where no statement has begun, a `.` or a `\` begins a command, which
//! ends with its line. A `\` behind a statement ends it, too, and begins a command about it, as in `SELECT 1 \gx`.
//!
//! Nothing is parsed here: a script whose fifth statement is no
//! SQL runs its first four. Each statement knows where in the text it began. Text may arrive in pieces, but a piece must end with a whole line
//! (or be the last one), so that no token is cut in two.

use crate::line::tokens::{Kind, tokens};

/// One statement of a script, without its `;`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    /// Its text, from its first token on.
    pub(crate) sql: String,
    /// Where its first token is.
    pub(crate) start: Position,
}

/// A piece of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A statement.
    Statement(Statement),
    /// A command of the shell.
    Command(Command),
}

/// A command of the shell: a line that begins with `.` or `\`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    /// Its text, and where it stands.
    pub(crate) line: Statement,
    /// The statement before it on the line, which has no `;`.
    pub(crate) about: Option<Statement>,
}

/// A place in a script, both from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// What the scanner is inside of.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Inside {
    /// Between tokens, or in one that cannot hold a `;`.
    Nothing,
    /// A string or quoted name that ends with this character; doubling it ends it and begins the next, which comes to the same.
    Quotes { end: u8, escapes: bool },
    /// From `--` to the end of the line.
    LineComment,
    /// From `/*` to its `*/`; they nest, as in SQL's standard.
    BlockComment { depth: usize },
    /// Between two `$tag$`.
    Dollars { tag: String },
}

/// Cuts text into statements.
#[derive(Debug)]
pub(crate) struct Splitter {
    /// Text of the statement that is not complete yet, with some of what was before it, and all that follows.
    text: String,
    /// How much of `text` has been looked at, in bytes.
    scanned: usize,
    inside: Inside,
    /// Where the next byte to look at is.
    position: Position,
    /// Where the statement's first token is, and its offset in `text`.
    start: Option<(Position, usize)>,
}

impl Splitter {
    pub(crate) fn new() -> Self {
        let position = Position { line: 1, column: 1 };
        Self { text: String::new(), scanned: 0, inside: Inside::Nothing, position, start: None }
    }

    /// Adds text: whole lines, or the last line.
    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Whether a statement has begun and not ended.
    pub(crate) fn is_inside_statement(&self) -> bool {
        self.start.is_some() || matches!(self.inside, Inside::BlockComment { .. })
    }

    /// The next piece that is complete.
    pub(crate) fn next_piece(&mut self) -> Option<Piece> {
        while self.scanned < self.text.len() {
            if self.is_at_command() {
                return Some(Piece::Command(self.command()));
            }
            if self.step() {
                let end = self.scanned - 1;
                let statement = self.take(end);
                // `;;` is an empty statement, which says nothing.
                if let Some(statement) = statement {
                    return Some(Piece::Statement(statement));
                }
            }
        }
        // Blank lines and comments before a statement need not be kept.
        if self.start.is_none() {
            self.text.clear();
            self.scanned = 0;
        }
        None
    }

    /// The lines behind the current one up to `\.`, which are data of the statement before; `None` if that line has not come yet.
    pub(crate) fn data(&mut self) -> Option<String> {
        let begin = self.data_begin()?;
        let mut end = begin;
        for line in self.text[begin..].split_inclusive('\n') {
            if line.trim_end_matches(['\n', '\r']) == "\\." {
                return Some(self.take_lines(begin, end, end + line.len()));
            }
            end += line.len();
        }
        None
    }

    /// The same where the text has ended: all lines behind the current one.
    pub(crate) fn data_to_the_end(&mut self) -> String {
        let end = self.text.len();
        let begin = self.data_begin().unwrap_or(end);
        self.take_lines(begin, end, end)
    }

    fn data_begin(&self) -> Option<usize> {
        self.text[self.scanned..].find('\n').map(|newline| self.scanned + newline + 1)
    }

    /// Takes lines out of the text, `from` up to `end`, and returns them without what stands behind `to`.
    fn take_lines(&mut self, from: usize, to: usize, end: usize) -> String {
        let data = self.text[from..to].to_owned();
        self.position.line += self.text[from..end].matches('\n').count();
        self.text.drain(from..end);
        data
    }

    /// What is left when the text has ended: a last statement without `;`.
    pub(crate) fn finish(&mut self) -> Option<Statement> {
        let end = self.text.len();
        let last = self.take(end);
        self.inside = Inside::Nothing;
        last
    }

    /// Whether a command comes next.
    fn is_at_command(&self) -> bool {
        matches!(self.inside, Inside::Nothing)
            && match self.text.as_bytes()[self.scanned] {
                b'.' => self.start.is_none(),
                b'\\' => true,
                _ => false,
            }
    }

    /// Takes the command that comes next, to the end of its line.
    fn command(&mut self) -> Command {
        let (start, begin) = (self.position, self.scanned);
        let about = self.start.take().map(|(start, offset)| Statement { sql: self.text[offset..begin].trim_end().to_owned(), start });
        let length = self.text[begin..].find('\n').map_or(self.text.len() - begin, |end| end + 1);
        self.advance(length);
        let sql = self.text[begin..begin + length].trim().to_owned();
        self.forget_scanned();
        Command { line: Statement { sql, start }, about }
    }

    fn take(&mut self, end: usize) -> Option<Statement> {
        let statement = self.start.take().map(|(start, offset)| Statement { sql: self.text[offset..end].trim_end().to_owned(), start });
        self.forget_scanned();
        statement
    }

    fn forget_scanned(&mut self) {
        // Moving the rest to the front each time would be quadratic in a long line of many statements.
        if self.scanned * 2 >= self.text.len() {
            self.text.drain(..self.scanned);
            self.scanned = 0;
        }
    }

    /// Looks at the next token's first bytes; true if a statement ended with it.
    fn step(&mut self) -> bool {
        let rest = &self.text[self.scanned..];
        let bytes = rest.as_bytes();
        let (first, second) = (bytes[0], bytes.get(1).copied());
        let mut length = 1;
        let mut next = None;
        let mut is_token = true;
        match &mut self.inside {
            Inside::Nothing => match (first, second) {
                (b';', _) => {
                    self.advance(1);
                    return true;
                }
                (b'-', Some(b'-')) => (length, next, is_token) = (2, Some(Inside::LineComment), false),
                (b'/', Some(b'*')) => (length, next, is_token) = (2, Some(Inside::BlockComment { depth: 1 }), false),
                (b'\'', _) => next = Some(Inside::Quotes { end: b'\'', escapes: self.is_escape_string() }),
                (b'"' | b'`', _) => next = Some(Inside::Quotes { end: first, escapes: false }),
                (b'$', _) => {
                    if let Some(tag) = self.dollar_tag() {
                        length = tag.len();
                        next = Some(Inside::Dollars { tag });
                    }
                }
                _ => is_token = !first.is_ascii_whitespace(),
            },
            Inside::Quotes { end, escapes } => match first {
                b'\\' if *escapes && second.is_some() => length = 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
                _ if first == *end => next = Some(Inside::Nothing),
                _ => {}
            },
            Inside::LineComment => {
                is_token = false;
                if first == b'\n' {
                    next = Some(Inside::Nothing);
                }
            }
            Inside::BlockComment { depth } => {
                is_token = false;
                match (first, second) {
                    (b'*', Some(b'/')) if *depth == 1 => (length, next) = (2, Some(Inside::Nothing)),
                    (b'*', Some(b'/')) => (length, *depth) = (2, *depth - 1),
                    (b'/', Some(b'*')) => (length, *depth) = (2, *depth + 1),
                    _ => {}
                }
            }
            Inside::Dollars { tag } => {
                if rest.starts_with(tag.as_str()) {
                    (length, next) = (tag.len(), Some(Inside::Nothing));
                }
            }
        }
        if is_token && self.start.is_none() {
            self.start = Some((self.position, self.scanned));
        }
        if length == 1 && !first.is_ascii() {
            length = rest.chars().next().map_or(1, char::len_utf8);
        }
        self.advance(length);
        if let Some(next) = next {
            self.inside = next;
        }
        false
    }

    fn advance(&mut self, length: usize) {
        for c in self.text[self.scanned..self.scanned + length].chars() {
            match c {
                '\n' => self.position = Position { line: self.position.line + 1, column: 1 },
                _ => self.position.column += 1,
            }
        }
        self.scanned += length;
    }

    /// Whether the quote that comes next belongs to an `E'…'`, in which a backslash escapes.
    fn is_escape_string(&self) -> bool {
        let mut before = self.text[..self.scanned].bytes().rev();
        matches!(before.next(), Some(b'e' | b'E')) && !before.next().is_some_and(is_name_byte)
    }

    /// The `$tag$` that comes next, if one does: `$1` and `a$b$c` are none.
    fn dollar_tag(&self) -> Option<String> {
        if self.text[..self.scanned].bytes().next_back().is_some_and(is_name_byte) {
            return None;
        }
        let rest = &self.text[self.scanned..];
        let end = rest[1..].find('$')? + 1;
        let name = &rest.as_bytes()[1..end];
        let is_name = name.iter().all(|byte| is_name_byte(*byte) && *byte != b'$') && !name.first().is_some_and(u8::is_ascii_digit);
        is_name.then(|| rest[..=end].to_owned())
    }
}

/// Whether a text ends outside of a statement, so that all of it can be run.
pub(crate) fn is_complete(text: &str) -> bool {
    let mut splitter = Splitter::new();
    splitter.push(text);
    while let Some(piece) = splitter.next_piece() {
        let takes_data = matches!(&piece, Piece::Statement(statement) if statement.reads_standard_input());
        // Lines of data that have begun go to their end.
        let has_begun = splitter.data_begin().is_some_and(|begin| begin < splitter.text.len());
        if takes_data && has_begun && splitter.data().is_none() {
            return false;
        }
    }
    !splitter.is_inside_statement()
}

impl Statement {
    /// Whether it is `COPY ... FROM STDIN`, whose data may stand on the lines behind it.
    pub(crate) fn reads_standard_input(&self) -> bool {
        let words: Vec<&str> = tokens(&self.sql)
            .into_iter()
            .filter(|token| !matches!(token.kind, Kind::Blank | Kind::Comment))
            .map(|token| &self.sql[token.range])
            .collect();
        words.first().is_some_and(|first| first.eq_ignore_ascii_case("copy"))
            && words.windows(2).any(|pair| pair[0].eq_ignore_ascii_case("from") && pair[1].eq_ignore_ascii_case("stdin"))
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Statements of a script that arrives line by line, as (line, column, text).
    fn split(script: &str) -> Vec<(usize, usize, String)> {
        let mut splitter = Splitter::new();
        let mut found = Vec::new();
        for line in script.split_inclusive('\n') {
            splitter.push(line);
            while let Some(piece) = splitter.next_piece() {
                match piece {
                    Piece::Statement(statement) => found.push(statement),
                    Piece::Command(command) => found.extend(command.about.into_iter().chain([command.line])),
                }
            }
        }
        found.extend(splitter.finish());
        found.into_iter().map(|statement| (statement.start.line, statement.start.column, statement.sql)).collect()
    }

    fn texts(script: &str) -> Vec<String> {
        split(script).into_iter().map(|(_, _, sql)| sql).collect()
    }

    #[test]
    fn statements_know_where_they_began() {
        let found = split("select 1;\n\n-- a comment; with a semicolon\n  select\n 2 ; select 3;;\n/* ; */\n");
        let expected = [(1, 1, "select 1"), (4, 3, "select\n 2"), (5, 6, "select 3")];
        assert_eq!(found, expected.map(|(line, column, sql)| (line, column, sql.to_owned())));
    }

    #[test]
    fn semicolons_in_quotes_do_not_count() {
        for one in [
            "select ';'",
            "select 'it''s;'",
            "select \";\"",
            "select `;`",
            "select /* ; /* ; */ ; */ 1",
            "select $$;$$",
            "select $a$;$$;$a$",
            "select E'\\';'",
        ] {
            assert_eq!(texts(one), [one]);
            assert_eq!(texts(&format!("{one};\nselect 2")), [one, "select 2"]);
        }
    }

    #[test]
    fn what_looks_like_quotes_and_is_not() {
        assert_eq!(texts("select $1; select $2"), ["select $1", "select $2"]);
        assert_eq!(texts("select a$b; select c$d"), ["select a$b", "select c$d"]);
        assert_eq!(texts("select 'a\\'; select 'b'"), ["select 'a\\'", "select 'b'"]);
        assert_eq!(texts("select type'x\\'; select 2"), ["select type'x\\'", "select 2"]);
        assert_eq!(texts("select 1 - -1; select 4 / 2"), ["select 1 - -1", "select 4 / 2"]);
    }

    #[test]
    fn strings_over_several_lines() {
        assert_eq!(texts("select 'a\n;\nb';\nselect 2"), ["select 'a\n;\nb'", "select 2"]);
        assert_eq!(split("select 'größe';select 2")[1], (1, 16, "select 2".to_owned()));
    }

    #[test]
    fn nothing_is_no_statement() {
        for nothing in ["", ";", " ;; \n;", "-- only a comment", "/* unfinished", "\n\n"] {
            assert!(texts(nothing).is_empty(), "{nothing:?}");
        }
    }

    #[test]
    fn commands_stand_on_lines_of_their_own_or_behind_a_statement() {
        let script = ".mode csv\nselect .5;\nselect\n.5;\n  \\dt a;b\nselect 1 \\gx on\nselect '\n.no\n\\no'; .print x";
        let expected = [".mode csv", "select .5", "select\n.5", "\\dt a;b", "select 1", "\\gx on", "select '\n.no\n\\no'", ".print x"];
        assert_eq!(texts(script), expected);
        assert_eq!(split(script)[3], (5, 3, "\\dt a;b".to_owned()));
        assert!(is_complete(".mode csv\n") && is_complete("select 1 \\g") && is_complete("select 1;") && is_complete(""));
        assert!(!is_complete("select 1") && !is_complete("select 1; select '"));
    }

    #[test]
    fn data_stands_on_the_lines_behind_a_copy() {
        let mut splitter = Splitter::new();
        splitter.push("copy t from stdin; select 1;\n1;'x\n");
        assert!(matches!(splitter.next_piece(), Some(Piece::Statement(copy)) if copy.reads_standard_input()));
        assert_eq!(splitter.data(), None);
        splitter.push("\\.y\n\\.\r\nselect 2;");
        assert_eq!(splitter.data().as_deref(), Some("1;'x\n\\.y\n"));
        let mut next = || splitter.next_piece().map(|piece| format!("{piece:?}")).unwrap_or_default();
        assert!(next().contains("select 1"));
        let last = next();
        assert!(last.contains("select 2") && last.contains("line: 5"), "{last}");
        splitter.push("copy t from stdin;\n3\n4");
        assert!(splitter.next_piece().is_some());
        assert_eq!(splitter.data_to_the_end(), "3\n4");
        assert!(is_complete("copy t from stdin;") && is_complete("copy t from stdin;\n1\n\\.") && !is_complete("copy t from stdin;\n1\n"));
        assert!(!Statement { sql: "copy t from 'stdin'".to_owned(), start: Position { line: 1, column: 1 } }.reads_standard_input());
    }

    #[test]
    fn an_unfinished_statement_is_noticed() {
        let mut splitter = Splitter::new();
        splitter.push("-- hello\n");
        assert_eq!(splitter.next_piece(), None);
        assert!(!splitter.is_inside_statement());
        splitter.push("select 'a;\n");
        assert_eq!(splitter.next_piece(), None);
        assert!(splitter.is_inside_statement());
        splitter.push("';\n");
        assert!(matches!(splitter.next_piece(), Some(Piece::Statement(statement)) if statement.sql == "select 'a;\n'"));
        assert!(!splitter.is_inside_statement());
    }
}
