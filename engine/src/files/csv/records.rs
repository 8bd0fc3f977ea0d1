//! Records and their values: where in a chunk's bytes they are.

use std::borrow::Cow;

use memchr::memchr2;

use super::dialect::{Behind, Dialect};
use super::quotes::closing_quote;
use crate::error::Error;
use crate::files::split::Chunk;

/// A value's place in its chunk, quotes left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    /// It stands in quotes: it is never NULL.
    pub(super) quoted: bool,
}

/// A value of a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) quoted: bool,
}

/// What a line without anything on it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blank {
    /// Nothing: it is skipped.
    Skipped,
    /// A record of one empty value, where there is one column.
    Record,
}

/// Why a record cannot be read, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken {
    /// The byte of the record's start.
    pub(super) start: usize,
    /// The byte that is wrong.
    pub(super) at: usize,
    /// The value that it is in, from 1.
    value: usize,
    /// What stands behind a closing quote; `None`: a quote is never closed.
    sign: Option<u8>,
}

impl Broken {
    pub(super) fn error(self, chunk: &Chunk) -> Error {
        let hint = "quote = '' reads quotes as they are, strict_mode = false ends a value at a quote before a delimiter only, \
                    ignore_errors = true leaves such lines out";
        match self.sign {
            None => never_closed(chunk, self.at),
            Some(sign) => {
                let sign = char::from(sign).escape_default();
                chunk.error(self.at, format!(", value {}: '{sign}' stands behind a closing quote", self.value)).with_hint(hint)
            }
        }
    }
}

/// Reads one record. `at` is its first byte. Returns the record's first byte and the byte behind its line end; none at the end of the data.
pub(super) fn next(
    data: &[u8],
    dialect: &Dialect,
    at: usize,
    blank: Blank,
    spans: &mut Vec<Span>,
) -> std::result::Result<Option<(usize, usize)>, Broken> {
    spans.clear();
    let Some(start) = record_start(data, dialect, at, blank) else { return Ok(None) };
    let mut at = start;
    loop {
        let (quoted, at_quote) = dialect.opening(data, at);
        let end = match quoted {
            Some(quote) => {
                let close = closing_quote(data, at_quote + 1, quote, dialect);
                let close = close.ok_or(Broken { start, at: at_quote, value: spans.len() + 1, sign: None })?;
                spans.push(Span { start: at_quote + 1, end: close, quoted: true });
                // Blanks behind a quote are nothing.
                let blanks = data[close + 1..].iter().take_while(|byte| **byte == b' ' && dialect.delimiter != b' ').count();
                close + 1 + blanks
            }
            None => {
                let end = dialect.value_end(data, at);
                spans.push(Span { start: at, end, quoted: false });
                end
            }
        };
        match dialect.behind(data, end) {
            Behind::Value => at = end + 1,
            Behind::Record(next) => return Ok(Some((start, next))),
            Behind::Wrong(sign) => return Err(Broken { start, at: end, value: spans.len(), sign: Some(sign) }),
        }
    }
}

/// The first byte of the next record, behind comments and blank lines.
fn record_start(data: &[u8], dialect: &Dialect, mut at: usize, blank: Blank) -> Option<usize> {
    loop {
        match data.get(at..) {
            None | Some([]) => return None,
            Some([first, ..]) if dialect.comment == Some(*first) => at = dialect.line_after(data, at),
            Some([b'\n', ..]) if blank == Blank::Skipped => at += 1,
            Some([b'\r', b'\n', ..]) if blank == Blank::Skipped => at += 2,
            Some([b'\r', ..]) if blank == Blank::Skipped && dialect.lone_returns => at += 1,
            Some(_) => return Some(at),
        }
    }
}

/// The error for a quote without its end.
pub(super) fn never_closed(chunk: &Chunk, at: usize) -> Error {
    chunk
        .error(at, ": a quote is opened and never closed")
        .with_hint("quote = '' reads quotes as they are, ignore_errors = true leaves such lines out")
}

/// A value's text, with doubled quotes made single.
pub(super) fn unescaped<'a>(data: &'a [u8], span: Span, dialect: &Dialect) -> Cow<'a, [u8]> {
    let raw = &data[span.start..span.end];
    let (Some(quote), true) = (dialect.quote, span.quoted) else { return raw.into() };
    if memchr2(dialect.escape, quote, raw).is_none() {
        return raw.into();
    }
    let mut text = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte == dialect.escape {
            // What is escaped stands for itself; an escape before anything but a quote or itself is a plain sign.
            true => match bytes.next_if(|next| *next == quote || *next == dialect.escape) {
                Some(next) => text.push(next),
                None => text.push(byte),
            },
            false => text.push(byte),
        }
    }
    text.into()
}

/// The first records of a chunk, at most `most`. Lines that cannot be read are left out.
pub(super) fn sample(chunk: &Chunk, dialect: &Dialect, most: usize) -> Vec<Vec<Text>> {
    let (mut rows, mut spans, mut at) = (Vec::new(), Vec::new(), 0);
    while rows.len() < most {
        match next(&chunk.bytes, dialect, at, Blank::Skipped, &mut spans) {
            Ok(Some((_, end))) => at = end,
            Ok(None) => break,
            Err(broken) => {
                at = dialect.line_after(&chunk.bytes, broken.start);
                continue;
            }
        }
        rows.push(texts(chunk, dialect, &spans));
    }
    rows
}

/// Values as text.
pub(super) fn texts(chunk: &Chunk, dialect: &Dialect, spans: &[Span]) -> Vec<Text> {
    let text =
        |span: &Span| Text { text: String::from_utf8_lossy(&unescaped(&chunk.bytes, *span, dialect)).into_owned(), quoted: span.quoted };
    spans.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(data: &'static str, dialect: &Dialect) -> Vec<Vec<String>> {
        let chunk = Chunk::beginning("f", data.as_bytes().into());
        sample(&chunk, dialect, 100).into_iter().map(|row| row.into_iter().map(|value| value.text).collect()).collect()
    }

    #[test]
    fn reads_records() {
        for (data, rows) in [
            ("a,b\nc,d\n", vec![vec!["a", "b"], vec!["c", "d"]]),
            ("a,b\r\nc,d", vec![vec!["a", "b"], vec!["c", "d"]]),
            ("\n\na\n\r\n\nb", vec![vec!["a"], vec!["b"]]),
            ("\"x,\n\"\"y\"\"\",\n", vec![vec!["x,\n\"y\"", ""]]),
            ("\"a\"\r\n\"b\"\r\n", vec![vec!["a"], vec!["b"]]),
            ("\"a\" ,\"b\" \nc", vec![vec!["a", "b"], vec!["c"]]),
            ("5\" pipe,\"\"\n", vec![vec!["5\" pipe", ""]]),
            ("1,  \"a, b\"\n2, b\n", vec![vec!["1", "a, b"], vec!["2", " b"]]),
            ("\"a\"x,1\nb,2\n", vec![vec!["b", "2"]]),
            (",\n", vec![vec!["", ""]]),
        ] {
            assert_eq!(read(data, &Dialect::default()), rows, "{data:?}");
        }
    }

    #[test]
    fn signs_mean_what_the_dialect_says() {
        let returns = Dialect { lone_returns: true, ..Dialect::default() };
        assert_eq!(read("a,b\rc,d\r\n\re,f", &returns), [["a", "b"], ["c", "d"], ["e", "f"]]);
        let comments = Dialect { comment: Some(b'#'), ..Dialect::default() };
        assert_eq!(read("#x\na,b#1\n# y", &comments), [["a", "b#1"]]);
        let trailing = Dialect { trailing_comments: true, ..comments };
        assert_eq!(read("#x\na,b# 1\n\"c\",\"d\" # y\n", &trailing), [["a", "b"], ["c", "d"]]);
        let lenient = Dialect { lenient: true, ..Dialect::default() };
        assert_eq!(read("\"a\"b\",c\n", &lenient), [["a\"b", "c"]]);
        let escaped = Dialect { escape: b'\\', ..Dialect::default() };
        assert_eq!(read("\"a\\\"b\\\\\",c\n", &escaped), [["a\"b\\", "c"]]);
    }

    #[test]
    fn names_the_line_of_a_broken_quote() {
        let chunk = Chunk::beginning("f", "a,b\n\"c\"x,d\n".into());
        let broken = next(&chunk.bytes, &Dialect::default(), 4, Blank::Skipped, &mut Vec::new()).unwrap_err();
        let error = broken.error(&chunk);
        assert!(error.message().starts_with("file 'f', line 2, value 1: 'x' stands behind a closing quote"), "{error}");
    }
}
