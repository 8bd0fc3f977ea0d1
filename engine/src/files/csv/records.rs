//! Records and their values: where in a chunk's bytes they are.

use memchr::memchr2;

use super::dialect::Dialect;
use super::quotes::closing_quote;
use crate::error::{Error, Result};
use crate::files::split::Chunk;

/// Rows of a sample: more tell no more about types, and fewer miss too much.
const SAMPLE_ROWS: usize = 20_480;

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

/// Reads one record. `at` is its first byte. Returns the record's first byte and the byte behind its line end; none at the end of the chunk.
pub(super) fn next(chunk: &Chunk, dialect: &Dialect, mut at: usize, blank: Blank, spans: &mut Vec<Span>) -> Result<Option<(usize, usize)>> {
    let data = chunk.bytes.as_ref();
    spans.clear();
    loop {
        match data.get(at..) {
            None | Some([]) => return Ok(None),
            Some([b'\n', ..]) if blank == Blank::Skipped => at += 1,
            Some([b'\r', b'\n', ..]) if blank == Blank::Skipped => at += 2,
            Some(_) => break,
        }
    }
    let start = at;
    loop {
        let quoted = dialect.quote.filter(|quote| data.get(at) == Some(quote));
        let end = match quoted {
            Some(quote) => {
                let close = closing_quote(data, at + 1, quote, dialect.escape);
                let close = close.ok_or_else(|| never_closed(chunk, at))?;
                spans.push(Span { start: at + 1, end: close, quoted: true });
                // A carriage return belongs to the line end.
                close + 1 + usize::from(matches!(data.get(close + 1..close + 3), Some(b"\r\n")) || data.get(close + 1..) == Some(b"\r"))
            }
            None => {
                let end = memchr2(dialect.delimiter, b'\n', &data[at..]).map_or(data.len(), |found| at + found);
                let ends_line = data.get(end).is_none_or(|byte| *byte == b'\n');
                let value_end = end - usize::from(ends_line && end > at && data[end - 1] == b'\r');
                spans.push(Span { start: at, end: value_end, quoted: false });
                end
            }
        };
        match data.get(end) {
            None => return Ok(Some((start, data.len()))),
            Some(b'\n') => return Ok(Some((start, end + 1))),
            Some(byte) if *byte == dialect.delimiter => at = end + 1,
            Some(byte) => {
                let sign = char::from(*byte).escape_default();
                return Err(chunk
                    .error(end, format!(", value {}: '{sign}' stands behind a closing quote", spans.len()))
                    .with_hint("(QUOTE '') reads quotes as they are"));
            }
        }
    }
}

/// The error for a quote without its end.
pub(super) fn never_closed(chunk: &Chunk, at: usize) -> Error {
    chunk.error(at, ": a quote is opened and never closed").with_hint("(QUOTE '') reads quotes as they are")
}

/// A value's text, with doubled quotes made single.
pub(super) fn unescaped<'a>(data: &'a [u8], span: Span, dialect: &Dialect) -> std::borrow::Cow<'a, [u8]> {
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

/// The first record of a chunk, and the byte behind it.
pub(super) fn first(chunk: &Chunk, dialect: &Dialect) -> Result<Option<(Vec<Text>, usize)>> {
    let mut spans = Vec::new();
    Ok(next(chunk, dialect, 0, Blank::Skipped, &mut spans)?.map(|(_, end)| (texts(chunk, dialect, &spans), end)))
}

/// The first records of a chunk.
pub(super) fn sample(chunk: &Chunk, dialect: &Dialect) -> Result<Vec<Vec<Text>>> {
    let (mut rows, mut spans, mut at) = (Vec::new(), Vec::new(), 0);
    while rows.len() < SAMPLE_ROWS {
        match next(chunk, dialect, at, Blank::Skipped, &mut spans)? {
            Some((_, end)) => at = end,
            None => break,
        }
        rows.push(texts(chunk, dialect, &spans));
    }
    Ok(rows)
}

fn texts(chunk: &Chunk, dialect: &Dialect, spans: &[Span]) -> Vec<Text> {
    let text =
        |span: &Span| Text { text: String::from_utf8_lossy(&unescaped(&chunk.bytes, *span, dialect)).into_owned(), quoted: span.quoted };
    spans.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(data: &'static str) -> Result<Vec<Vec<String>>> {
        let dialect = Dialect { delimiter: b',', quote: Some(b'"'), escape: b'"', null: String::new() };
        let chunk = Chunk::beginning("f", data.as_bytes().into());
        Ok(sample(&chunk, &dialect)?.into_iter().map(|row| row.into_iter().map(|value| value.text).collect()).collect())
    }

    #[test]
    fn reads_records() {
        for (data, rows) in [
            ("a,b\nc,d\n", vec![vec!["a", "b"], vec!["c", "d"]]),
            ("a,b\r\nc,d", vec![vec!["a", "b"], vec!["c", "d"]]),
            ("\n\na\n\r\n\nb", vec![vec!["a"], vec!["b"]]),
            ("\"x,\n\"\"y\"\"\",\n", vec![vec!["x,\n\"y\"", ""]]),
            ("\"a\"\r\n\"b\"\r\n", vec![vec!["a"], vec!["b"]]),
            ("5\" pipe,\"\"\n", vec![vec!["5\" pipe", ""]]),
            (",\n", vec![vec!["", ""]]),
        ] {
            assert_eq!(read(data).unwrap(), rows, "{data:?}");
        }
    }

    #[test]
    fn names_the_line_of_a_broken_quote() {
        let error = read("a,b\n\"c\"x,d\n").unwrap_err();
        assert!(error.message().starts_with("file 'f', line 2, value 1: 'x' stands behind a closing quote"), "{error}");
    }
}
