//! How CSV files are written: told by options, else recognized.

use super::super::Options;

/// How CSV files are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    /// `None`: nothing is quoted.
    pub(super) quote: Option<u8>,
    /// What stands before a quote within quotes; the quote itself by default.
    pub(super) escape: u8,
    /// The text that stands for NULL.
    pub(super) null: String,
}

/// Delimiters that are recognized, the likeliest first.
const CANDIDATES: [u8; 4] = [b',', b'\t', b';', b'|'];

/// Lines that are looked at to recognize the delimiter.
const LINES: usize = 100;

impl Dialect {
    /// What the options tell; the delimiter is recognized unless it is told. `expected` is the number of columns, if that is known.
    pub(super) fn new(options: &Options, path: &str, sample: &[u8], expected: Option<usize>) -> Self {
        let quote = options.quote.unwrap_or(Some(b'"'));
        Self {
            delimiter: options.delimiter_at(path).unwrap_or_else(|| recognize(sample, quote, expected)),
            quote,
            escape: options.escape.or(quote).unwrap_or(b'"'),
            null: options.null.clone().unwrap_or_default(),
        }
    }
}

/// The delimiter that divides all lines into the same number of values: the expected one, or else the greatest.
fn recognize(sample: &[u8], quote: Option<u8>, expected: Option<usize>) -> u8 {
    let score = |delimiter: u8| {
        let counts = counts(sample, delimiter, quote);
        let first = counts.first().copied().unwrap_or(1);
        let same = counts.iter().filter(|count| **count == first).count();
        let right = expected.is_some_and(|expected| first == expected || first == expected + 1);
        let all_same = same == counts.len() && first > 1;
        (right && first > 1, all_same, if all_same { first } else { same * usize::from(first > 1) })
    };
    let mut best = (CANDIDATES[0], score(CANDIDATES[0]));
    for candidate in &CANDIDATES[1..] {
        let scored = score(*candidate);
        if scored > best.1 {
            best = (*candidate, scored);
        }
    }
    best.0
}

/// How many values each of the first lines has.
fn counts(sample: &[u8], delimiter: u8, quote: Option<u8>) -> Vec<usize> {
    let mut counts = Vec::new();
    let (mut values, mut quoted, mut empty) = (1, false, true);
    for byte in sample {
        match *byte {
            byte if Some(byte) == quote => quoted = !quoted,
            _ if quoted => {}
            b'\n' => {
                if !empty {
                    counts.push(values);
                }
                (values, empty) = (1, true);
                if counts.len() == LINES {
                    return counts;
                }
                continue;
            }
            b'\r' => continue,
            byte if byte == delimiter => values += 1,
            _ => {}
        }
        empty = false;
    }
    if !empty {
        counts.push(values);
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_delimiters() {
        for (sample, expected, delimiter) in [
            ("a,b\n1,2\n", None, b','),
            ("a;b;c\n1,5;2;3\n2,5;3;4\n", None, b';'),
            ("a\tb\nx, y\tz\n", None, b'\t'),
            ("1|x|\n2|y|\n", Some(2), b'|'),
            ("\"a,b\"|c\n\"d,e,f\"|g\n", None, b'|'),
            ("one column\nonly\n", None, b','),
            ("", None, b','),
        ] {
            assert_eq!(char::from(recognize(sample.as_bytes(), Some(b'"'), expected)), char::from(delimiter), "{sample:?}");
        }
    }
}
