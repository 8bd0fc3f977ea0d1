//! Quotes: where they close, and where records end that hold them.

use memchr::{memchr, memchr2, memrchr};

use super::dialect::Dialect;

/// Where records end.
pub(super) struct RecordEnd {
    /// Behind the last line end that ends a record; 0 if there is none.
    pub(super) end: usize,
    /// The quote that is still open at the end of the data.
    pub(super) open_quote: Option<usize>,
}

/// Looks for the last end of a record. The data begin with a record. A quote opens only at the beginning of a value, as when values are read.
pub(super) fn last_record_end(data: &[u8], dialect: &Dialect) -> RecordEnd {
    let Some(quote) = dialect.quote else {
        return RecordEnd { end: memrchr(b'\n', data).map_or(0, |at| at + 1), open_quote: None };
    };
    let (mut at, mut end) = (0, 0);
    while let Some(found) = memchr2(quote, b'\n', &data[at..]) {
        let found = at + found;
        if data[found] == b'\n' {
            end = found + 1;
            at = found + 1;
            continue;
        }
        let opens = found == 0 || data[found - 1] == dialect.delimiter || data[found - 1] == b'\n';
        at = match opens {
            false => found + 1,
            true => match closing_quote(data, found + 1, quote, dialect.escape) {
                Some(close) => close + 1,
                None => return RecordEnd { end, open_quote: Some(found) },
            },
        };
    }
    RecordEnd { end, open_quote: None }
}

/// The quote that closes a value whose first byte is at `from`.
pub(super) fn closing_quote(data: &[u8], mut from: usize, quote: u8, escape: u8) -> Option<usize> {
    loop {
        if escape == quote {
            let at = from + memchr(quote, data.get(from..)?)?;
            if data.get(at + 1) != Some(&quote) {
                return Some(at);
            }
            from = at + 2;
        } else {
            let at = from + memchr2(quote, escape, data.get(from..)?)?;
            if data[at] == quote {
                return Some(at);
            }
            from = at + 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect() -> Dialect {
        Dialect { delimiter: b',', quote: Some(b'"'), escape: b'"', null: String::new() }
    }

    #[test]
    fn line_ends_within_quotes_end_no_record() {
        for (data, end, open) in [
            ("a,b\nc,d", 4, None),
            ("a,\"b\nc\",d", 0, None),
            ("a,\"b\nc\",d\ne", 10, None),
            ("a,\"b\"\"\nc\"\nd,", 10, None),
            ("5\" pipe,x\ny", 10, None),
            ("a\n\"b\nc", 2, Some(2)),
            ("\"\n\"\n", 4, None),
        ] {
            let found = last_record_end(data.as_bytes(), &dialect());
            assert_eq!((found.end, found.open_quote), (end, open), "{data:?}");
        }
        let backslash = Dialect { escape: b'\\', ..dialect() };
        assert_eq!(last_record_end(b"\"a\\\"\n\"\nb", &backslash).end, 7);
        assert_eq!(last_record_end(b"\"a\nb", &Dialect { quote: None, ..dialect() }).end, 3);
    }
}
