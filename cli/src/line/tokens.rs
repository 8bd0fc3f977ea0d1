//! The pieces of a line of SQL, as far as typing needs to know: it may be anything, and is never wrong.

use std::ops::Range;

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A word without quotes.
    Word,
    /// A name in double quotes; closed or not.
    Name,
    /// A string; closed or not.
    String,
    Number,
    Comment,
    Blank,
    /// Any other sign.
    Sign,
}

/// A piece and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) range: Range<usize>,
    /// Whether a quote or a comment ends where it should.
    pub(crate) is_closed: bool,
}

/// Cuts a text into its pieces; together they are all of it.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let (kind, length, is_closed) = next(rest);
        // No token is empty, so that this ends.
        let length = length.max(rest.chars().next().map_or(1, char::len_utf8));
        found.push(Token { kind, range: at..at + length, is_closed });
        at += length;
    }
    found
}

fn next(rest: &str) -> (Kind, usize, bool) {
    let run = |is_part: fn(char) -> bool| rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let until = |from: usize, end: &str| rest[from..].find(end).map_or((rest.len(), false), |at| (from + at + end.len(), true));
    match rest.chars().next() {
        Some(c) if c.is_whitespace() => (Kind::Blank, run(char::is_whitespace), true),
        Some(c) if c.is_ascii_digit() => (Kind::Number, run(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_'), true),
        Some(c) if c.is_alphabetic() || c == '_' => (Kind::Word, run(|c| c.is_alphanumeric() || c == '_' || c == '$'), true),
        Some('\'') => quoted(rest, '\'', Kind::String),
        Some('"') => quoted(rest, '"', Kind::Name),
        Some('-') if rest.starts_with("--") => (Kind::Comment, rest.find('\n').unwrap_or(rest.len()), true),
        Some('/') if rest.starts_with("/*") => {
            let (end, is_closed) = until(2, "*/");
            (Kind::Comment, end, is_closed)
        }
        Some('$') => match dollar_tag(rest) {
            Some(tag) => {
                let (end, is_closed) = until(tag.len(), tag);
                (Kind::String, end, is_closed)
            }
            None => (Kind::Sign, 1, true),
        },
        Some(c) => (Kind::Sign, c.len_utf8(), true),
        None => (Kind::Sign, 0, true),
    }
}

fn quoted(rest: &str, quote: char, kind: Kind) -> (Kind, usize, bool) {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return (kind, at + quote.len_utf8(), true);
        }
    }
    (kind, rest.len(), false)
}

/// The `$tag$` that a text begins with.
fn dollar_tag(rest: &str) -> Option<&str> {
    let end = rest[1..].find('$')? + 1;
    let name = &rest[1..end];
    let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit());
    is_name.then(|| &rest[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_all_of_the_text() {
        for text in ["select 'a''b', \"x\" -- c\n, 1.5e3 /* d */ + $$e$$;", "select 'open", "größe \"ä", "$1 $a$ x", "/* open", ""] {
            let found = tokens(text);
            assert_eq!(found.iter().map(|token| &text[token.range.clone()]).collect::<String>(), text);
        }
        let kinds: Vec<Kind> = tokens("a 'b' \"c\" 1 --d").iter().map(|token| token.kind).filter(|kind| *kind != Kind::Blank).collect();
        assert_eq!(kinds, [Kind::Word, Kind::String, Kind::Name, Kind::Number, Kind::Comment]);
        assert!(!tokens("'open").last().is_some_and(|token| token.is_closed));
    }
}
