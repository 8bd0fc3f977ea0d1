//! How CSV files are written: the signs, and what stands at a place in a file by them.

use memchr::{memchr, memchr2, memchr3};

use super::super::Options;

/// How CSV files are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    /// `None`: nothing is quoted.
    pub(super) quote: Option<u8>,
    /// What stands before a quote within quotes; the quote itself by default.
    pub(super) escape: u8,
    /// What stands for NULL.
    pub(super) null: Vec<String>,
    /// What begins a line that is no record.
    pub(super) comment: Option<u8>,
    /// Whether a comment may stand behind a record, too.
    pub(super) trailing_comments: bool,
    /// Whether a carriage return alone ends a line.
    pub(super) lone_returns: bool,
    /// Whether a quote closes only where a value ends, so that other quotes within are plain signs.
    pub(super) lenient: bool,
}

/// What stands behind a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// A delimiter, and another value.
    Value,
    /// The record's end; the next one begins there.
    Record(usize),
    /// Something that must not.
    Wrong(u8),
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            delimiter: b',',
            quote: Some(b'"'),
            escape: b'"',
            null: vec![String::new()],
            comment: None,
            trailing_comments: false,
            lone_returns: false,
            lenient: false,
        }
    }
}

impl Dialect {
    /// What options tell; the rest is as it mostly is.
    pub(super) fn told(options: &Options, path: &str) -> Self {
        let csv = &options.csv;
        let quote = csv.quote.unwrap_or(Some(b'"'));
        let comment = csv.comment.flatten();
        Self {
            delimiter: options.delimiter_at(path).unwrap_or(b','),
            quote,
            escape: csv.escape.or(quote).unwrap_or(b'"'),
            null: csv.null.clone().unwrap_or_else(|| vec![String::new()]),
            comment,
            trailing_comments: comment.is_some(),
            lone_returns: csv.lone_returns.unwrap_or(false),
            lenient: csv.lenient,
        }
    }

    pub(super) fn is_null(&self, text: &[u8]) -> bool {
        self.null.iter().any(|null| null.as_bytes() == text)
    }

    /// The quote that a value begins with, if it does, and where that is: blanks before it are nothing.
    pub(super) fn opening(&self, data: &[u8], at: usize) -> (Option<u8>, usize) {
        let Some(quote) = self.quote else { return (None, at) };
        let blanks = match self.delimiter == b' ' {
            true => 0,
            false => data.get(at..).unwrap_or_default().iter().take_while(|byte| **byte == b' ').count(),
        };
        match data.get(at + blanks) == Some(&quote) {
            true => (Some(quote), at + blanks),
            false => (None, at),
        }
    }

    /// Whether a quote at a place begins a value.
    pub(super) fn opens(&self, data: &[u8], quote: usize) -> bool {
        let before = match self.delimiter == b' ' {
            true => &data[..quote],
            false => without_blanks(&data[..quote]),
        };
        before.last().is_none_or(|byte| *byte == self.delimiter || matches!(byte, b'\n' | b'\r'))
    }

    /// Where a value without quotes ends.
    pub(super) fn value_end(&self, data: &[u8], at: usize) -> usize {
        let rest = data.get(at..).unwrap_or_default();
        let found = match self.lone_returns {
            false => memchr2(self.delimiter, b'\n', rest),
            true => memchr3(self.delimiter, b'\n', b'\r', rest),
        };
        let mut end = found.map_or(data.len(), |found| at + found);
        // A carriage return belongs to the line end.
        if data.get(end).is_none_or(|byte| *byte == b'\n') && end > at && data[end - 1] == b'\r' {
            end -= 1;
        }
        if let Some(comment) = self.comment.filter(|_| self.trailing_comments)
            && let Some(found) = memchr(comment, &data[at..end])
        {
            end = at + found;
        }
        end
    }

    /// What stands at the end of a value.
    pub(super) fn behind(&self, data: &[u8], end: usize) -> Behind {
        match (data.get(end).copied(), data.get(end + 1).copied()) {
            (None, _) => Behind::Record(data.len()),
            (Some(b'\n'), _) => Behind::Record(end + 1),
            (Some(b'\r'), Some(b'\n')) => Behind::Record(end + 2),
            (Some(b'\r'), None) => Behind::Record(end + 1),
            (Some(b'\r'), _) if self.lone_returns => Behind::Record(end + 1),
            (Some(byte), _) if byte == self.delimiter => Behind::Value,
            (Some(byte), _) if self.trailing_comments && self.comment == Some(byte) => Behind::Record(self.line_after(data, end)),
            (Some(byte), _) => Behind::Wrong(byte),
        }
    }

    /// The end of the line at a place: the beginning of the next one.
    pub(super) fn line_after(&self, data: &[u8], at: usize) -> usize {
        let rest = data.get(at..).unwrap_or_default();
        let found = match self.lone_returns {
            false => memchr(b'\n', rest),
            true => memchr2(b'\n', b'\r', rest),
        };
        match found.map(|found| at + found) {
            None => data.len(),
            Some(end) if data[end] == b'\r' && data.get(end + 1) == Some(&b'\n') => end + 2,
            Some(end) => end + 1,
        }
    }

    /// Behind the line end, if there is one.
    pub(super) fn whole_line(&self, data: &[u8], at: usize) -> Option<usize> {
        let next = self.line_after(data, at);
        (next > at && matches!(data.get(next - 1), Some(b'\n' | b'\r'))).then_some(next)
    }
}

/// Without the blanks at the end.
fn without_blanks(data: &[u8]) -> &[u8] {
    let blanks = data.iter().rev().take_while(|byte| **byte == b' ').count();
    &data[..data.len() - blanks]
}
