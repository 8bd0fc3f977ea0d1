//! JSON read into a tree. Keys keep their order, numbers their digits.

use std::borrow::Cow;

use super::malformed;
use crate::error::Result;
use crate::functions::rows::count;

/// Arrays and objects within each other; deeper ones would take too much of the stack.
const DEEPEST: usize = 500;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    /// As it is written.
    Number(Cow<'a, str>),
    String(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// Reads a text.
pub(super) fn parse(text: &str) -> Result<Json<'_>> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let json = parser.value()?;
    parser.blanks();
    match parser.at == text.len() {
        true => Ok(json),
        false => Err(parser.error("something follows")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn error(&self, why: &str) -> crate::error::Error {
        malformed(self.text, self.at, why)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.blanks();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self) -> Result<Json<'a>> {
        self.blanks();
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.error("it is nested too deeply"));
        }
        let value = match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(_) => Err(self.error("an unexpected character")),
            None => Err(self.error("an unexpected end")),
        };
        self.depth -= 1;
        value
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>> {
        match self.text[self.at..].starts_with(word) {
            true => {
                self.at += word.len();
                Ok(value)
            }
            false => Err(self.error("an unexpected character")),
        }
    }

    fn number(&mut self) -> Result<Json<'a>> {
        let start = self.at;
        let digits = |parser: &mut Self| {
            let from = parser.at;
            while parser.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                parser.at += 1;
            }
            parser.at > from
        };
        self.at += usize::from(self.peek() == Some(b'-'));
        let leads_with_zero = self.peek() == Some(b'0');
        let first = self.at;
        let mut is_number = digits(self) && (!leads_with_zero || self.at == first + 1);
        if self.peek() == Some(b'.') {
            self.at += 1;
            is_number &= digits(self);
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            is_number &= digits(self);
        }
        match is_number {
            true => Ok(Json::Number(Cow::Borrowed(&self.text[start..self.at]))),
            false => Err(self.error("no number")),
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>> {
        self.at += 1;
        let start = self.at;
        let mut owned = String::new();
        let mut from = start;
        loop {
            match self.peek() {
                None => return Err(self.error("a string without end")),
                Some(b'"') => {
                    let rest = &self.text[from..self.at];
                    self.at += 1;
                    return Ok(if owned.is_empty() && from == start { Cow::Borrowed(rest) } else { Cow::Owned(owned + rest) });
                }
                Some(b'\\') => {
                    owned.push_str(&self.text[from..self.at]);
                    self.at += 1;
                    owned.push(self.escaped()?);
                    from = self.at;
                }
                Some(0..=0x1f) => return Err(self.error("a control character in a string")),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escaped(&mut self) -> Result<char> {
        let letter = self.peek().ok_or_else(|| self.error("a string without end"))?;
        self.at += 1;
        Ok(match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.four_digits()?;
                // Characters beyond the first 65,536 are two halves.
                let code = match first {
                    0xd800..0xdc00 if self.text[self.at..].starts_with("\\u") => {
                        self.at += 2;
                        let second = self.four_digits()?;
                        0x10000 + ((first - 0xd800) << 10) + second.wrapping_sub(0xdc00) % 0x400
                    }
                    other => other,
                };
                char::from_u32(code).ok_or_else(|| self.error("half a character"))?
            }
            _ => return Err(self.error("an unknown escape")),
        })
    }

    fn four_digits(&mut self) -> Result<u32> {
        let digits = self.text.get(self.at..self.at + 4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = digits.ok_or_else(|| self.error("an escape needs four hexadecimal digits"))?;
        self.at += 4;
        Ok(code)
    }

    fn array(&mut self) -> Result<Json<'a>> {
        self.at += 1;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value()?);
            if self.take(b']') {
                return Ok(Json::Array(items));
            }
            if !self.take(b',') {
                return Err(self.error("a comma or ] is missing"));
            }
        }
    }

    fn object(&mut self) -> Result<Json<'a>> {
        self.at += 1;
        let mut entries = Vec::new();
        if self.take(b'}') {
            return Ok(Json::Object(entries));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(self.error("a key in double quotes is missing"));
            }
            let key = self.string()?;
            if !self.take(b':') {
                return Err(self.error("a colon is missing"));
            }
            entries.push((key, self.value()?));
            if self.take(b'}') {
                return Ok(Json::Object(entries));
            }
            if !self.take(b',') {
                return Err(self.error("a comma or } is missing"));
            }
        }
    }
}

impl<'a> Json<'a> {
    /// What it is, in DuckDB's words.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Bool(_) => "BOOLEAN",
            Self::Number(digits) if digits.parse::<u64>().is_ok() => "UBIGINT",
            Self::Number(digits) if digits.parse::<i64>().is_ok() => "BIGINT",
            Self::Number(_) => "DOUBLE",
            Self::String(_) => "VARCHAR",
            Self::Array(_) => "ARRAY",
            Self::Object(_) => "OBJECT",
        }
    }

    /// How many elements an array has.
    pub(super) fn elements(&self) -> i64 {
        match self {
            Self::Array(items) => count(items.len()),
            _ => 0,
        }
    }

    /// The keys of an object.
    pub(super) fn keys(&self) -> Vec<String> {
        match self {
            Self::Object(entries) => entries.iter().map(|(key, _)| key.to_string()).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether another value is in it: an object with these keys, an array with such elements, or the same; anywhere.
    pub(super) fn contains(&self, part: &Json<'_>) -> bool {
        let here = match (self, part) {
            (Self::Object(entries), Json::Object(wanted)) => {
                wanted.iter().all(|(key, value)| entries.iter().any(|(known, found)| known == key && found.contains(value)))
            }
            (Self::Array(items), Json::Array(wanted)) => wanted.iter().all(|value| items.iter().any(|item| item.contains(value))),
            _ => self == part,
        };
        here || match self {
            Self::Array(items) => items.iter().any(|item| item.contains(part)),
            Self::Object(entries) => entries.iter().any(|(_, value)| value.contains(part)),
            _ => false,
        }
    }

    /// With the keys of a patch, as RFC 7396 merges them.
    pub(super) fn patched(self, patch: Json<'a>) -> Json<'a> {
        let Self::Object(changes) = patch else { return patch };
        let mut entries = match self {
            Self::Object(entries) => entries,
            _ => Vec::new(),
        };
        for (key, change) in changes {
            let place = entries.iter().position(|(known, _)| *known == key);
            match (place, change) {
                (Some(place), Self::Null) => drop(entries.remove(place)),
                (None, Self::Null) => {}
                (Some(place), change) => {
                    let before = std::mem::replace(&mut entries[place].1, Self::Null);
                    entries[place].1 = before.patched(change);
                }
                (None, change) => entries.push((key, Self::Null.patched(change))),
            }
        }
        Self::Object(entries)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "{a}", "[1,]", "01", "1.", "\"", "\"\\x\"", "nul", "1 2", "{\"a\"}", "\"\t\"", "-"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn texts_come_back_without_blanks() {
        for (text, back) in [
            (" { \"a\" : [ 1 , 2.50 ] } ", "{\"a\":[1,2.5]}"),
            ("\"\\u00e9\\ud83d\\ude00\\n\"", "\"é😀\\n\""),
            ("1e5", "100000.0"),
            ("100000000000000000000", "100000000000000000000"),
        ] {
            assert_eq!(parse(text).unwrap().text(), back);
        }
    }
}
