//! Quotes: where they close, and where records end that hold them.

use memchr::{memchr, memchr2, memchr3, memrchr};

use super::dialect::{Behind, Dialect};

/// Behind the last line end that ends a record; 0 if there is none. The data begin with a record. A quote opens only at the beginning of a value, as when values are read.
pub(super) fn last_record_end(data: &[u8], dialect: &Dialect) -> usize {
    let Some(quote) = dialect.quote else { return last_line_end(data, dialect) };
    let mut end = comments_end(data, 0, dialect);
    let mut at = end;
    while let Some(found) = next_sign(data, at, quote, dialect) {
        match data[found] {
            b'\r' if found + 1 == data.len() => break,
            b'\r' if data[found + 1] == b'\n' => at = found + 1,
            b'\n' | b'\r' => {
                end = comments_end(data, found + 1, dialect);
                at = end;
            }
            // A comment: up to its line end.
            sign if sign != quote => match dialect.whole_line(data, found) {
                Some(next) => at = next - 1,
                None => break,
            },
            _ => {
                let opens = dialect.opens(data, found);
                at = match opens {
                    false => found + 1,
                    true => match closing_quote(data, found + 1, quote, dialect) {
                        Some(close) => close + 1,
                        None => return end,
                    },
                };
            }
        }
    }
    end
}

/// The next sign that may end a record, or open a quote.
fn next_sign(data: &[u8], at: usize, quote: u8, dialect: &Dialect) -> Option<usize> {
    let rest = data.get(at..)?;
    let comment = dialect.comment.filter(|_| dialect.trailing_comments);
    let found = match (dialect.lone_returns, comment) {
        (false, None) => memchr2(quote, b'\n', rest),
        (true, None) => memchr3(quote, b'\n', b'\r', rest),
        (false, Some(comment)) => memchr3(quote, b'\n', comment, rest),
        (true, Some(comment)) => rest.iter().position(|byte| [quote, b'\n', b'\r', comment].contains(byte)),
    };
    found.map(|found| at + found)
}

/// The end of the whole lines of comments at a place, where a record would begin.
fn comments_end(data: &[u8], mut at: usize, dialect: &Dialect) -> usize {
    while dialect.comment.is_some() && data.get(at).copied() == dialect.comment {
        match dialect.whole_line(data, at) {
            Some(next) => at = next,
            None => break,
        }
    }
    at
}

fn last_line_end(data: &[u8], dialect: &Dialect) -> usize {
    let newline = memrchr(b'\n', data).map_or(0, |at| at + 1);
    match dialect.lone_returns {
        false => newline,
        // The last one may be half of a line end.
        true => newline.max(memrchr(b'\r', &data[..data.len().saturating_sub(1)]).map_or(0, |at| at + 1)),
    }
}

/// The quote that closes a value whose first byte is at `from`.
pub(super) fn closing_quote(data: &[u8], mut from: usize, quote: u8, dialect: &Dialect) -> Option<usize> {
    let escape = dialect.escape;
    loop {
        let at = match escape == quote {
            true => from + memchr(quote, data.get(from..)?)?,
            false => from + memchr2(quote, escape, data.get(from..)?)?,
        };
        if data[at] == quote {
            let is_doubled = escape == quote && data.get(at + 1) == Some(&quote);
            if !is_doubled && (!dialect.lenient || !matches!(dialect.behind(data, at + 1), Behind::Wrong(_))) {
                return Some(at);
            }
            from = at + 1 + usize::from(is_doubled);
        } else {
            from = at + 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(data: &str, dialect: &Dialect) -> usize {
        last_record_end(data.as_bytes(), dialect)
    }

    #[test]
    fn line_ends_within_quotes_end_no_record() {
        for (data, expected) in [
            ("a,b\nc,d", 4),
            ("a,\"b\nc\",d", 0),
            ("a,\"b\nc\",d\ne", 10),
            ("a,\"b\"\"\nc\"\nd,", 10),
            ("5\" pipe,x\ny", 10),
            ("a, \"b\nc\"\nd", 9),
            ("a\n\"b\nc", 2),
            ("\"\n\"\n", 4),
        ] {
            assert_eq!(end(data, &Dialect::default()), expected, "{data:?}");
        }
        let backslash = Dialect { escape: b'\\', ..Dialect::default() };
        assert_eq!(end("\"a\\\"\n\"\nb", &backslash), 7);
        assert_eq!(end("\"a\nb", &Dialect { quote: None, ..Dialect::default() }), 3);
    }

    #[test]
    fn comments_open_no_quotes() {
        let lines = Dialect { comment: Some(b'#'), ..Dialect::default() };
        for (data, expected) in [("#,\"x\na\n", 7), ("a\n#\"\nb", 5), ("#\"", 0), ("a\n#\"", 2)] {
            assert_eq!(end(data, &lines), expected, "{data:?}");
        }
        let trailing = Dialect { trailing_comments: true, ..lines };
        assert_eq!(end("a #,\"\nb\nc", &trailing), 8);
    }

    #[test]
    fn carriage_returns_may_end_lines() {
        let returns = Dialect { lone_returns: true, ..Dialect::default() };
        for (data, expected) in [("a\rb\rc", 4), ("a\r\nb\r", 3), ("a\r", 0), ("\"a\rb\"\rc", 6)] {
            assert_eq!(end(data, &returns), expected, "{data:?}");
        }
    }

    #[test]
    fn lenient_quotes_close_where_a_value_ends() {
        let lenient = Dialect { lenient: true, ..Dialect::default() };
        assert_eq!(end("\"a\"b\nc\",d\ne", &lenient), 10);
    }
}
