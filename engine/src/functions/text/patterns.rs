//! Patterns of `SIMILAR TO`, as the SQL standard has them, and of `GLOB`, as file names have: both as regular expressions.

use super::super::rows::{Args, Function, Kind, Out, function};
use super::regex::regex;
use crate::error::{Error, Result};

/// A function that means what an operator with ESCAPE means.
macro_rules! like {
    ($name:literal, $operator:literal, $run:expr) => {
        function(
            $name,
            concat!($name, "(text, pattern, escape)"),
            concat!("what text ", $operator, " pattern ESCAPE escape means"),
            concat!($name, "('a%c', 'a$%c', '$')"),
        )
        .form(&[Kind::Text, Kind::Text, Kind::Text], Kind::Bool, $run)
    };
}

pub(super) fn functions() -> Vec<Function> {
    use Kind::{Bool, Text};
    vec![
        function(
            "similar_to",
            "similar_to(text, pattern[, escape])",
            "whether a text is similar to a pattern of the SQL standard: what SIMILAR TO means",
            "similar_to('hello', 'h(e|a)l+%')",
        )
        .form(&[Text, Text], Bool, |a| matches(a.text(0)?, &similar(a.text(1)?, Some('\\'))?))
        .form(&[Text, Text, Text], Bool, |a| {
            let mut letters = a.text(2)?.chars();
            match (letters.next(), letters.next()) {
                (escape, None) => matches(a.text(0)?, &similar(a.text(1)?, escape)?),
                _ => Err(no_escape(a.text(2)?)),
            }
        }),
        function(
            "glob_matches",
            "glob_matches(text, pattern)",
            "whether a text matches a pattern of *, ? and [a-z], as names of files do: what GLOB means",
            "glob_matches('data.csv', '*.[ct]sv')",
        )
        .form(&[Text, Text], Bool, |a| matches(a.text(0)?, &glob(a.text(1)?)?)),
        like!("like_escape", "LIKE", |a| Ok(is_like(a, "")?.into())),
        like!("not_like_escape", "NOT LIKE", |a| Ok((!is_like(a, "")?).into())),
        like!("ilike_escape", "ILIKE", |a| Ok(is_like(a, "i")?.into())),
        like!("not_ilike_escape", "NOT ILIKE", |a| Ok((!is_like(a, "i")?).into())),
    ]
}

/// Whether a text matches a pattern of LIKE with an escape character, or none.
fn is_like(a: &Args<'_>, options: &str) -> Result<bool> {
    let (pattern, mut letters) = (a.text(1)?, a.text(2)?.chars());
    let (escape, None) = (letters.next(), letters.next()) else { return Err(no_escape(a.text(2)?)) };
    let mut inner = String::with_capacity(pattern.len() + 16);
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            letter if Some(letter) == escape => {
                let escaped = letters.next().ok_or_else(|| wrong("LIKE", pattern, "nothing is behind the escape character"))?;
                push_literal(escaped, &mut inner);
            }
            '%' => inner.push_str(".*"),
            '_' => inner.push('.'),
            other => push_literal(other, &mut inner),
        }
    }
    Ok(regex(&whole(&inner), options)?.is_match(a.text(0)?))
}

fn no_escape(text: &str) -> Error {
    Error::invalid(format!("'{text}' is no escape character: it is one character, or none"))
}

fn matches(text: &str, expression: &str) -> Result<Out<'static>> {
    Ok(regex(expression, "")?.is_match(text).into())
}

/// The whole text, over several lines.
fn whole(inner: &str) -> String {
    format!(r"(?s)\A(?:{inner})\z")
}

fn push_literal(letter: char, to: &mut String) {
    to.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
}

fn similar(pattern: &str, escape: Option<char>) -> Result<String> {
    let mut inner = String::with_capacity(pattern.len() + 16);
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            letter if Some(letter) == escape => {
                let escaped = letters.next().ok_or_else(|| wrong("SIMILAR TO", pattern, "nothing is behind the escape character"))?;
                push_literal(escaped, &mut inner);
            }
            '%' => inner.push_str(".*"),
            '_' => inner.push('.'),
            // Groups are for alternatives, not to be remembered.
            '(' => inner.push_str("(?:"),
            ')' | '|' | '*' | '+' | '?' | '{' | '}' => inner.push(letter),
            '[' => push_class(&mut letters, '^', &mut inner).ok_or_else(|| wrong("SIMILAR TO", pattern, "a bracket is not closed"))?,
            other => push_literal(other, &mut inner),
        }
    }
    Ok(whole(&inner))
}

fn glob(pattern: &str) -> Result<String> {
    let mut inner = String::with_capacity(pattern.len() + 16);
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => push_literal(letters.next().unwrap_or('\\'), &mut inner),
            '*' => inner.push_str(".*"),
            '?' => inner.push('.'),
            '[' => push_class(&mut letters, '!', &mut inner).ok_or_else(|| wrong("GLOB", pattern, "a bracket is not closed"))?,
            other => push_literal(other, &mut inner),
        }
    }
    Ok(whole(&inner))
}

/// The letters within brackets, up to the closing one.
fn push_class(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, negation: char, to: &mut String) -> Option<()> {
    to.push('[');
    if letters.next_if_eq(&negation).is_some() {
        to.push('^');
    }
    let mut is_first = true;
    loop {
        match letters.next()? {
            ']' if !is_first => break,
            // `[:alpha:]` and its like.
            '[' if letters.peek() == Some(&':') => {
                to.push('[');
                loop {
                    let letter = letters.next()?;
                    to.push(letter);
                    if letter == ']' {
                        break;
                    }
                }
            }
            '-' => to.push('-'),
            letter => push_literal(letter, to),
        }
        is_first = false;
    }
    to.push(']');
    Some(())
}

fn wrong(operator: &str, pattern: &str, why: &str) -> Error {
    Error::invalid(format!("'{pattern}' is no pattern of {operator}: {why}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn patterns_are_the_standards() {
        for (text, pattern, expected) in [
            ("abc", "abc", true),
            ("abc", "a", false),
            ("abc", "%(b|d)%", true),
            ("abc", "(b|c)%", false),
            ("a.c", "a.c", true),
            ("abc", "a.c", false),
            ("abc", "a_c", true),
            ("a\nc", "a_c", true),
            ("a%c", "a\\%c", true),
            ("abbc", "ab{2}c", true),
            ("x9", "[[:alpha:]][0-9]", true),
            ("b", "[^a]", true),
            ("^", "^", true),
        ] {
            assert_eq!(regex(&similar(pattern, Some('\\')).unwrap(), "").unwrap().is_match(text), expected, "{text} {pattern}");
        }
        assert!(similar("[a", Some('\\')).is_err());
    }

    #[test]
    fn globs_are_those_of_file_names() {
        for (text, pattern, expected) in [
            ("data.csv", "*.csv", true),
            ("data.csv", "*.[!ct]sv", false),
            ("data.csv", "????.csv", true),
            ("a*b", "a\\*b", true),
            ("axb", "a\\*b", false),
            ("A", "a", false),
        ] {
            assert_eq!(regex(&glob(pattern).unwrap(), "").unwrap().is_match(text), expected, "{text} {pattern}");
        }
    }
}
