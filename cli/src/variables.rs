//! psql's variables: `\set NAME value`, and what `:NAME`, `:'NAME'` and `:"NAME"` stand for in statements and commands.
//!
//! A name that is not set stays as it is: `a::INTEGER`, `x[1:n]` and `{'k':v}` are SQL.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::line::tokens::{Kind, Token, tokens};
use crate::words::quoted_text;

/// Texts by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables(BTreeMap<String, String>);

/// Whether a variable can have this name.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

impl Variables {
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A text with values in place of names, outside of its strings, quoted names and comments.
    pub(crate) fn put_into<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.0.is_empty() || !text.contains(':') {
            return Cow::Borrowed(text);
        }
        let pieces = tokens(text);
        let is_colon = |at: usize| pieces.get(at).is_some_and(|piece: &Token| &text[piece.range.clone()] == ":");
        let mut made = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(piece) = pieces.get(at) {
            let value = match pieces.get(at + 1) {
                // Of a cast's two colons neither begins a name.
                Some(next) if is_colon(at) && (at == 0 || !is_colon(at - 1)) => self.value(text, next),
                _ => None,
            };
            match value {
                Some(value) => {
                    made.push_str(&value);
                    at += 2;
                }
                None => {
                    made.push_str(&text[piece.range.clone()]);
                    at += 1;
                }
            }
        }
        Cow::Owned(made)
    }

    /// What a piece behind a colon stands for.
    fn value(&self, text: &str, piece: &Token) -> Option<String> {
        let word = &text[piece.range.clone()];
        let inner = |word: &str| word.get(1..word.len().saturating_sub(1)).and_then(|name| self.0.get(name).cloned());
        match piece.kind {
            Kind::Word | Kind::Number => self.0.get(word).cloned(),
            Kind::String if piece.is_closed && word.starts_with('\'') => inner(word).map(|value| quoted_text(&value)),
            Kind::Name if piece.is_closed => inner(word).map(|value| format!("\"{}\"", value.replace('"', "\"\""))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_values_and_what_is_no_name_stays() {
        let mut variables = Variables::default();
        for (name, value) in [("x", "5"), ("t", "it's"), ("n", "a\"b"), ("INTEGER", "wrong"), ("ab", "longer")] {
            variables.set(name, value);
        }
        for (text, expected) in [
            ("select :x + :x", "select 5 + 5"),
            ("select :'t', :\"n\" -- :x", "select 'it''s', \"a\"\"b\" -- :x"),
            ("select 1::INTEGER, ':x', \":x\", $$:x$$", "select 1::INTEGER, ':x', \":x\", $$:x$$"),
            ("select a[1:y], :missing, :'missing', :ab", "select a[1:y], :missing, :'missing', longer"),
            ("select :", "select :"),
            ("größe:x", "größe5"),
        ] {
            assert_eq!(variables.put_into(text), expected);
        }
        variables.unset("x");
        assert_eq!(variables.put_into(":x"), ":x");
        assert!(is_name("a_1") && !is_name("") && !is_name("a b"));
    }
}
