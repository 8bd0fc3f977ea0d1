//! Recognizes how a CSV file is written: delimiter, quote, escape, comments, line ends.
//!
//! Each way that is possible reads the sample's records, and the one wins under which they look most like a table: all records have the same number of
//! values, there are many of them, and no quote is broken.

use memchr::{memchr2_iter, memmem};

use super::dialect::Dialect;
use super::quotes::last_record_end;
use super::records::{self, Blank};
use crate::files::Options;

/// Delimiters that are recognized, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// Records that are looked at: more make no difference, and cost time for each way.
const RECORDS: usize = 1000;

/// How well a way of reading fits; the greatest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    expected: bool,
    all_same: bool,
    /// Of a thousand records, those that have as many values as most.
    same: usize,
    columns: usize,
    /// No quote is broken. Behind the others: a broken quote makes no other delimiter the right one.
    whole: bool,
    quoted: bool,
}

/// The dialect of a file that begins with `sample`. `expected` is the number of columns, if that is known; `all` whether the sample is the whole file.
pub(super) fn dialect(options: &Options, path: &str, sample: &[u8], expected: Option<usize>, all: bool) -> Dialect {
    let told =
        Dialect { lone_returns: options.csv.lone_returns.unwrap_or_else(|| has_lone_returns(sample)), ..Dialect::told(options, path) };
    if !options.guesses() {
        return told;
    }
    let mut best: Option<(Score, Dialect)> = None;
    for candidate in candidates(options, &told, path, sample) {
        let score = score(sample, &candidate, expected, all);
        if best.as_ref().is_none_or(|(known, _)| score > *known) {
            best = Some((score, candidate));
        }
    }
    best.map_or(told, |(_, dialect)| dialect)
}

/// All ways that are possible, the likeliest first.
fn candidates(options: &Options, told: &Dialect, path: &str, sample: &[u8]) -> Vec<Dialect> {
    let delimiters = match options.delimiter_at(path) {
        Some(told) => vec![told],
        None => DELIMITERS.to_vec(),
    };
    let has_backslash = memmem::find(sample, b"\\\"").is_some();
    let has_single = sample.first() == Some(&b'\'') || DELIMITERS.iter().any(|sign| memmem::find(sample, &[*sign, b'\'']).is_some());
    let mut quotes = vec![(told.quote, told.escape)];
    if options.csv.escape.is_none() && told.quote.is_some() && has_backslash {
        quotes.push((told.quote, b'\\'));
    }
    if options.csv.quote.is_none() && has_single {
        quotes.push((Some(b'\''), options.csv.escape.unwrap_or(b'\'')));
    }
    let mut comments = vec![told.comment];
    let has_comment = sample.first() == Some(&b'#') || memmem::find(sample, b"\n#").is_some();
    if options.csv.comment.is_none() && has_comment {
        comments.push(Some(b'#'));
    }
    let mut found = Vec::new();
    for delimiter in delimiters {
        for (quote, escape) in &quotes {
            for comment in &comments {
                found.push(Dialect { delimiter, quote: *quote, escape: *escape, comment: *comment, ..told.clone() });
            }
        }
    }
    found
}

fn score(sample: &[u8], dialect: &Dialect, expected: Option<usize>, all: bool) -> Score {
    // The last record may be cut off.
    let data = match (all, last_record_end(sample, dialect)) {
        (false, end) if end > 0 => &sample[..end],
        _ => sample,
    };
    let (mut counts, mut spans, mut at) = (Vec::new(), Vec::new(), 0);
    let (mut whole, mut quoted) = (true, false);
    while counts.len() < RECORDS {
        match records::next(data, dialect, at, Blank::Skipped, &mut spans) {
            Ok(None) => break,
            Ok(Some((_, next))) => at = next,
            Err(_) => {
                whole = false;
                break;
            }
        }
        counts.push(spans.len());
        quoted |= spans.iter().any(|span| span.quoted);
    }
    let columns = usual(&counts);
    let same = counts.iter().filter(|count| **count == columns).count();
    let right = expected.is_some_and(|expected| columns == expected || columns == expected + 1);
    let several = columns > 1;
    Score {
        expected: right && several,
        all_same: several && same == counts.len(),
        same: if several { same * 1000 / counts.len() } else { 0 },
        columns,
        whole,
        quoted,
    }
}

/// The number that is there most often; of several, the greatest.
pub(super) fn usual(counts: &[usize]) -> usize {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    let runs = sorted.chunk_by(|a, b| a == b);
    runs.max_by_key(|run| (run.len(), run.first().copied())).and_then(|run| run.first().copied()).unwrap_or(1)
}

/// Whether carriage returns end lines without a newline: those in quotes do not count.
fn has_lone_returns(sample: &[u8]) -> bool {
    let mut quoted = false;
    memchr2_iter(b'"', b'\r', sample).any(|at| {
        if sample[at] == b'"' {
            quoted = !quoted;
        }
        sample[at] == b'\r' && !quoted && sample.get(at + 1).is_some_and(|next| *next != b'\n')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sample: &str, expected: Option<usize>) -> Dialect {
        dialect(&Options::default(), "x.csv", sample.as_bytes(), expected, true)
    }

    #[test]
    fn recognizes_delimiters() {
        for (sample, expected, delimiter) in [
            ("a,b\n1,2\n", None, b','),
            ("a;b;c\n1,5;2;3\n2,5;3;4\n", None, b';'),
            ("a\tb\nx, y\tz\n", None, b'\t'),
            ("1|x|\n2|y|\n", Some(2), b'|'),
            ("\"a,b\"|c\n\"d,e,f\"|g\n", None, b'|'),
            ("one column\nonly\n", None, b','),
            ("a,b,c\n1,2\n3,4,5\n", None, b','),
            ("", None, b','),
        ] {
            assert_eq!(char::from(found(sample, expected).delimiter), char::from(delimiter), "{sample:?}");
        }
    }

    #[test]
    fn recognizes_quotes_comments_and_line_ends() {
        for (sample, quote, escape) in [
            ("1,\"a \"\"b\"\"\"\n", b'"', b'"'),
            ("1,\"a \\\"b\\\"\"\n", b'"', b'\\'),
            ("1,\"C:\\\"\n2,x\n", b'"', b'"'),
            ("1,'a, b'\n2,'it''s'\n", b'\'', b'\''),
            ("1,'tis\n2,o'clock\n", b'"', b'"'),
        ] {
            let found = found(sample, None);
            assert_eq!((found.quote, found.escape), (Some(quote), escape), "{sample:?}");
        }
        assert_eq!(found("# x\na,b\n1,2\n", None).comment, Some(b'#'));
        assert_eq!(found("#a,b\n1,2\n", None).comment, None);
        assert!(found("a,b\r1,2\r", None).lone_returns);
        assert!(!found("a,b\r\n1,\"x\ry\"\r\n", None).lone_returns);
    }

    #[test]
    fn what_is_told_is_not_guessed() {
        let mut options = Options::default();
        options.csv.delimiter = Some(b'|');
        assert_eq!(dialect(&options, "x.csv", b"a;b\n1;2\n", None, true).delimiter, b'|');
        assert_eq!(dialect(&Options::default(), "x.tsv", b"a;b\n1;2\n", None, true).delimiter, b'\t');
    }
}
