//! Regular expressions: the syntax is RE2's, which the crate `regex` shares. Compiled ones are kept for the rows that follow.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use regex::{Captures, Regex, RegexBuilder};

use super::super::rows::{Args, Function, Kind, Out, count, function};
use crate::error::{Error, Result};

/// How many compiled expressions a thread keeps: a query that has more of them at once is rare.
const KEPT: usize = 16;

/// A pattern and its options, compiled.
type Compiled = (String, String, Rc<Regex>);

thread_local! {
    static COMPILED: RefCell<Vec<Compiled>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn functions() -> Vec<Function> {
    use Kind::{Bool, Int, Text, Texts};
    vec![
        function(
            "regexp_matches",
            "regexp_matches(text, pattern[, options])",
            "whether a pattern is anywhere in a text",
            "regexp_matches('hello', 'l+')",
        )
        .also(&["regexp_like"])
        .form(&[Text, Text], Bool, |a| Ok(regex(a.text(1)?, "")?.is_match(a.text(0)?).into()))
        .form(&[Text, Text, Text], Bool, |a| Ok(regex(a.text(1)?, a.text(2)?)?.is_match(a.text(0)?).into())),
        function(
            "regexp_full_match",
            "regexp_full_match(text, pattern[, options])",
            "whether a pattern is the whole text",
            "regexp_full_match('hello', 'h.*')",
        )
        .form(&[Text, Text], Bool, |a| full_match(a, ""))
        .form(&[Text, Text, Text], Bool, |a| full_match(a, a.text(2)?)),
        function(
            "regexp_replace",
            "regexp_replace(text, pattern, replacement[, options])",
            "the first match of a pattern replaced, all of them with the option 'g'; \\1 is its first group",
            "regexp_replace('hello', 'l', 'L', 'g')",
        )
        .form(&[Text, Text, Text], Text, |a| replaced(a, "").map(Into::into))
        .form(&[Text, Text, Text, Text], Text, |a| replaced(a, a.text(3)?).map(Into::into)),
        function(
            "regexp_extract",
            "regexp_extract(text, pattern[, group[, options]])",
            "the first match of a pattern, or a group of it; empty if there is none",
            "regexp_extract('a1b22', '[0-9]+')",
        )
        .also(&["regexp_substr"])
        .form_with_nulls(&[Text, Text], Text, |a| extracted(a, 0, "").map(Into::into))
        .form_with_nulls(&[Text, Text, Int], Text, |a| extracted(a, group(a)?, "").map(Into::into))
        .form_with_nulls(&[Text, Text, Int, Text], Text, |a| extracted(a, group(a)?, a.text(3)?).map(Into::into)),
        function(
            "regexp_extract_all",
            "regexp_extract_all(text, pattern[, group[, options]])",
            "every match of a pattern, or its groups",
            "regexp_extract_all('a1b22', '[0-9]+')",
        )
        .form(&[Text, Text], Texts, |a| all_extracted(a, 0, ""))
        .form(&[Text, Text, Int], Texts, |a| all_extracted(a, group(a)?, ""))
        .form(&[Text, Text, Int, Text], Texts, |a| all_extracted(a, group(a)?, a.text(3)?)),
        function(
            "regexp_split_to_array",
            "regexp_split_to_array(text, pattern[, options])",
            "the parts of a text between matches of a pattern",
            "regexp_split_to_array('a1b', '[0-9]')",
        )
        .also(&["str_split_regex", "string_split_regex"])
        .form(&[Text, Text], Texts, |a| split(a, ""))
        .form(&[Text, Text, Text], Texts, |a| split(a, a.text(2)?)),
        function("regexp_count", "regexp_count(text, pattern)", "how often a pattern is in a text", "regexp_count('hello', 'l')").form(
            &[Text, Text],
            Int,
            |a| Ok(count(regex(a.text(1)?, "")?.find_iter(a.text(0)?).count()).into()),
        ),
        function(
            "regexp_instr",
            "regexp_instr(text, pattern)",
            "where a pattern first matches; 0 if it does not",
            "regexp_instr('hello', 'l+')",
        )
        .form(&[Text, Text], Int, |a| {
            let text = a.text(0)?;
            Ok(regex(a.text(1)?, "")?.find(text).map_or(0, |found| count(text[..found.start()].chars().count()) + 1).into())
        }),
        function("regexp_escape", "regexp_escape(text)", "the text as a pattern that matches it", "regexp_escape('a.b')").form(
            &[Text],
            Text,
            |a| Ok(regex::escape(a.text(0)?).into()),
        ),
    ]
}

/// A compiled expression; `g` is for its user to look at.
pub(in crate::functions) fn regex(pattern: &str, options: &str) -> Result<Rc<Regex>> {
    COMPILED.with(|kept| {
        let mut kept = kept.borrow_mut();
        let place = kept.iter().position(|(known, with, _)| known == pattern && with == options);
        match place {
            Some(0) => {}
            Some(place) => kept[..=place].rotate_right(1),
            None => {
                let made = Rc::new(compiled(pattern, options)?);
                kept.truncate(KEPT - 1);
                kept.insert(0, (pattern.to_owned(), options.to_owned(), made));
            }
        }
        Ok(Rc::clone(&kept[0].2))
    })
}

fn compiled(pattern: &str, options: &str) -> Result<Regex> {
    let escaped;
    let mut pattern = pattern;
    if options.contains('l') {
        escaped = regex::escape(pattern);
        pattern = &escaped;
    }
    let mut builder = RegexBuilder::new(pattern);
    for option in options.chars() {
        match option {
            'i' => builder.case_insensitive(true),
            'c' => builder.case_insensitive(false),
            's' => builder.dot_matches_new_line(true),
            'm' | 'n' | 'p' => builder.dot_matches_new_line(false),
            'g' | 'l' => &mut builder,
            other => {
                return Err(Error::invalid(format!("'{other}' is no option of a regular expression"))
                    .with_hint("options are i (any case), c, s (a dot is also a line's end), l (plain text), g (replace all)"));
            }
        };
    }
    builder.build().map_err(|error| {
        let what = error.to_string();
        let what = what.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        Error::invalid(format!("'{pattern}' is no regular expression: {what}"))
    })
}

fn full_match<'a>(a: &Args<'a>, options: &str) -> Result<Out<'a>> {
    let text = a.text(0)?;
    // A group around the pattern, so that alternatives are all anchored.
    let pattern = match options.contains('l') {
        true => return Ok((text == a.text(1)?).into()),
        false => format!("^(?:{})$", a.text(1)?),
    };
    // `$` is the text's end only, as no option makes lines of it.
    Ok(regex(&pattern, options)?.is_match(text).into())
}

fn group(a: &Args<'_>) -> Result<usize> {
    match a.is_null(2) {
        true => Ok(0),
        false => usize::try_from(a.int(2)?).map_err(|_| Error::invalid("a group's number is not negative")),
    }
}

fn extracted<'a>(a: &Args<'a>, group: usize, options: &str) -> Result<Option<&'a str>> {
    let (Some(text), Some(pattern)) = (a.text_or_null(0)?, a.text_or_null(1)?) else { return Ok(None) };
    let regex = regex(pattern, options)?;
    let found = match group {
        0 => regex.find(text),
        _ => regex.captures(text).and_then(|captures| captures.get(group)),
    };
    Ok(Some(found.map_or("", |found| found.as_str())))
}

fn all_extracted<'a>(a: &Args<'a>, group: usize, options: &str) -> Result<Out<'a>> {
    let regex = regex(a.text(1)?, options)?;
    Ok(regex.captures_iter(a.text(0)?).map(|captures| captures.get(group).map_or("", |found| found.as_str())).collect())
}

fn split<'a>(a: &Args<'a>, options: &str) -> Result<Out<'a>> {
    let (text, pattern) = (a.text(0)?, a.text(1)?);
    if pattern.is_empty() && !text.is_empty() {
        return Ok(text.char_indices().map(|(byte, character)| &text[byte..byte + character.len_utf8()]).collect());
    }
    let regex = regex(pattern, options)?;
    Ok(regex.split(text).collect())
}

fn replaced<'a>(a: &Args<'a>, options: &str) -> Result<Cow<'a, str>> {
    let (text, replacement) = (a.text(0)?, a.text(2)?);
    let regex = regex(a.text(1)?, options)?;
    let times = if options.contains('g') { 0 } else { 1 };
    if !replacement.contains('\\') {
        return Ok(regex.replacen(text, times, regex::NoExpand(replacement)));
    }
    Ok(regex.replacen(text, times, |captures: &Captures<'_>| expanded(captures, replacement)))
}

/// The replacement of a match: `\1` is its first group, `\0` all of it, `\\` a backslash.
fn expanded(captures: &Captures<'_>, replacement: &str) -> String {
    let mut result = String::with_capacity(replacement.len());
    let mut characters = replacement.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            result.push(character);
            continue;
        }
        match characters.next() {
            Some(digit) if digit.is_ascii_digit() => {
                let group = digit.to_digit(10).and_then(|digit| captures.get(digit as usize));
                result.push_str(group.map_or("", |found| found.as_str()));
            }
            Some(other) => result.push(other),
            None => result.push('\\'),
        }
    }
    result
}
