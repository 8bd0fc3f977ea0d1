//! Parts of texts, padding, splitting, searching, joining.

use datafusion::functions_nested::array_has::array_has_udf;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::super::lists;
use super::super::rows::{Args, Function, Kind, Out, count, function};
use super::columns;
use crate::error::{Error, Result};
use Kind::{Bool, Int, Shown, Text, Texts};

/// A text made by a function has no more bytes than this: one call must not take all memory.
const LARGEST: usize = 1 << 30;

pub(super) fn functions() -> Vec<Function> {
    [lengths_and_parts(), searches(), forms()].concat()
}

fn lengths_and_parts() -> Vec<Function> {
    vec![
        function("length", "length(text)", "how many characters a text has", "length('héllo')")
            .also(&["len", "char_length", "character_length"])
            .form(&[Text], Int, |a| Ok(count(a.text(0)?.chars().count()).into()))
            .of_lists(lists::named("array_length"))
            .of_columns(columns::lengths),
        function("strlen", "strlen(text)", "how many bytes a text has", "strlen('héllo')")
            .form(&[Text], Int, |a| Ok(count(a.text(0)?.len()).into())),
        function("octet_length", "octet_length(bytes)", "how many bytes there are", "octet_length('héllo')")
            .form(&[Text], Int, |a| Ok(count(a.text(0)?.len()).into()))
            .form(&[Kind::Bytes], Int, |a| Ok(count(a.bytes(0)?.len()).into())),
        function("bit_length", "bit_length(text)", "how many bits a text has", "bit_length('ab')")
            .form(&[Text], Int, |a| Ok(count(a.text(0)?.len() * 8).into())),
        function("left", "left(text, n)", "the first n characters; all but the last -n for a negative n", "left('hello', 2)")
            .form(&[Text, Int], Text, |a| Ok(left(a.text(0)?, a.int(1)?).into()))
            .of_columns(columns::lefts),
        function("right", "right(text, n)", "the last n characters; all but the first -n for a negative n", "right('hello', 2)")
            .form(&[Text, Int], Text, |a| Ok(right(a.text(0)?, a.int(1)?).into()))
            .of_columns(columns::rights),
        function(
            "substring",
            "substring(text, start[, length])",
            "the part from a position; counted from the end if negative",
            "substring('hello', 2, 3)",
        )
        .also(&["substr", "mid"])
        .form(&[Text, Int], Text, |a| Ok(substring(a.text(0)?, a.int(1)?, None).into()))
        .form(&[Text, Int, Int], Text, |a| Ok(substring(a.text(0)?, a.int(1)?, Some(a.int(2)?)).into()))
        .of_columns(columns::substrings),
        function(
            "text_slice",
            "text_slice(text, first, last, step)",
            "the characters from one place to another, which is what text[first:last] means",
            "text_slice('hello', 2, 3, 1)",
        )
        .form(&[Text, Int, Int, Int], Text, |a| sliced(a.text(0)?, a.int(1)?, a.int(2)?, a.int(3)?).map(Into::into)),
        function("lpad", "lpad(text, length[, padding])", "the text filled up on the left, or cut, to a length", "lpad('7', 3, '0')")
            .form(&[Text, Int], Text, |a| padded(a.text(0)?, a.int(1)?, " ", true).map(Into::into))
            .form(&[Text, Int, Text], Text, |a| padded(a.text(0)?, a.int(1)?, a.text(2)?, true).map(Into::into)),
        function("rpad", "rpad(text, length[, padding])", "the text filled up on the right, or cut, to a length", "rpad('7', 3, '.')")
            .form(&[Text, Int], Text, |a| padded(a.text(0)?, a.int(1)?, " ", false).map(Into::into))
            .form(&[Text, Int, Text], Text, |a| padded(a.text(0)?, a.int(1)?, a.text(2)?, false).map(Into::into)),
    ]
}

fn searches() -> Vec<Function> {
    let splits = "the parts of a text between separators; its characters for an empty one";
    vec![
        function("string_split", "string_split(text, separator)", splits, "string_split('a,b', ',')")
            .also(&["split", "str_split", "string_to_array", "string_to_list"])
            .form_with_nulls(&[Text, Text], Texts, |a| match (a.text_or_null(0)?, a.text_or_null(1)?) {
                (None, _) => Ok(Out::Null),
                (Some(text), None) => Ok(std::iter::once(text).collect()),
                (Some(text), Some(separator)) => Ok(parts(text, separator).into_iter().collect()),
            }),
        function(
            "split_part",
            "split_part(text, separator, n)",
            "the nth part between separators; counted from the end if negative",
            "split_part('a-b-c', '-', 2)",
        )
        .of_columns(columns::split_parts)
        .form(&[Text, Text, Int], Text, |a| Ok(split_part(a.text(0)?, a.text(1)?, a.int(2)?).into())),
        function("contains", "contains(text, part)", "whether a text has a part", "contains('hello', 'ell')")
            .form(&[Text, Text], Bool, |a| Ok(a.text(0)?.contains(a.text(1)?).into()))
            .of_lists(array_has_udf())
            .of_columns(columns::contains),
        function("strpos", "strpos(text, part)", "where a part first is in a text; 0 if it is not", "strpos('hello', 'l')")
            .also(&["instr", "position"])
            .form(&[Text, Text], Int, |a| Ok(position(a.text(0)?, a.text(1)?).into()))
            .of_columns(columns::positions),
        function("locate", "locate(part, text)", "where a part first is in a text; 0 if it is not", "locate('l', 'hello')")
            .also(&["charindex"])
            .form(&[Text, Text], Int, |a| Ok(position(a.text(1)?, a.text(0)?).into())),
        function("reverse", "reverse(text)", "the characters in reverse order", "reverse('abc')")
            .form(&[Text], Text, |a| Ok(a.text(0)?.chars().rev().collect::<String>().into())),
        function("repeat", "repeat(text, n)", "the text n times", "repeat('ab', 3)")
            .form(&[Text, Int], Text, |a| repeated(a.text(0)?, a.int(1)?).map(Into::into))
            .of_lists(lists::named("repeat_list")),
        function(
            "translate",
            "translate(text, from, to)",
            "the text with each character of `from` replaced by its partner in `to`, or left out",
            "translate('12', '1', 'a')",
        )
        .form(&[Text, Text, Text], Text, |a| Ok(translated(a.text(0)?, a.text(1)?, a.text(2)?).into())),
        function(
            "overlay",
            "overlay(text, part, start[, length])",
            "the text with a stretch replaced by a part",
            "overlay('hello', 'XX', 2, 3)",
        )
        .form(&[Text, Text, Int], Text, |a| overlaid(a.text(0)?, a.text(1)?, a.int(2)?, count(a.text(1)?.chars().count())).map(Into::into))
        .form(&[Text, Text, Int, Int], Text, |a| overlaid(a.text(0)?, a.text(1)?, a.int(2)?, a.int(3)?).map(Into::into)),
    ]
}

fn forms() -> Vec<Function> {
    vec![
        function("initcap", "initcap(text)", "each word with a capital first letter, the rest in lower case", "initcap('hello WORLD')")
            .form(&[Text], Text, |a| Ok(capitalized(a.text(0)?).into())),
        function("trim", "trim(text[, characters])", "the text without spaces, or those characters, on both sides", "trim('  a ')")
            .also(&["btrim"])
            .form(&[Text], Text, |a| Ok(a.text(0)?.trim_matches(' ').into()))
            .form(&[Text, Text], Text, |a| Ok(a.text(0)?.trim_matches(of(a)?.as_slice()).into())),
        function("ltrim", "ltrim(text[, characters])", "the text without spaces, or those characters, on the left", "ltrim('  a')")
            .form(&[Text], Text, |a| Ok(a.text(0)?.trim_start_matches(' ').into()))
            .form(&[Text, Text], Text, |a| Ok(a.text(0)?.trim_start_matches(of(a)?.as_slice()).into())),
        function("rtrim", "rtrim(text[, characters])", "the text without spaces, or those characters, on the right", "rtrim('a  ')")
            .form(&[Text], Text, |a| Ok(a.text(0)?.trim_end_matches(' ').into()))
            .form(&[Text, Text], Text, |a| Ok(a.text(0)?.trim_end_matches(of(a)?.as_slice()).into())),
        function("concat", "concat(value, ...)", "all values as one text, without NULLs", "concat('a', 1)")
            .of_columns(columns::joined)
            .form_of_many(&[Shown], Shown, Text, |a| joined(a, 0, "").map(Into::into))
            .of_lists(lists::named("list_concat")),
        function(
            "concat_ws",
            "concat_ws(separator, value, ...)",
            "all values as one text with separators, without NULLs",
            "concat_ws('-', 'a', 1)",
        )
        .form_of_many(&[Text, Shown], Shown, Text, |a| match a.text_or_null(0)? {
            Some(separator) => joined(a, 1, separator).map(Into::into),
            None => Ok(Out::Null),
        }),
        function("strip_accents", "strip_accents(text)", "the text without accents", "strip_accents('héllo')").also(&["unaccent"]).form(
            &[Text],
            Text,
            |a| Ok(a.text(0)?.nfd().filter(|c| !is_combining_mark(*c)).nfc().collect::<String>().into()),
        ),
        function(
            "nfc_normalize",
            "nfc_normalize(text)",
            "the text with composed characters, so that equal texts compare equal",
            "nfc_normalize('é')",
        )
        .also(&["normalize"])
        .form(&[Text], Text, |a| Ok(a.text(0)?.nfc().collect::<String>().into())),
    ]
}

/// The characters to take off.
fn of(a: &Args<'_>) -> Result<Vec<char>> {
    Ok(a.text(1)?.chars().collect())
}

/// Where the nth character begins; behind the last one for all greater numbers.
fn at(text: &str, characters: usize) -> usize {
    text.char_indices().nth(characters).map_or(text.len(), |(byte, _)| byte)
}

fn length(text: &str) -> i64 {
    count(text.chars().count())
}

fn index(number: i64) -> usize {
    usize::try_from(number.max(0)).unwrap_or(usize::MAX)
}

pub(super) fn left(text: &str, n: i64) -> &str {
    let n = if n < 0 { length(text).saturating_add(n) } else { n };
    &text[..at(text, index(n))]
}

pub(super) fn right(text: &str, n: i64) -> &str {
    let skipped = if n < 0 { n.saturating_neg() } else { length(text).saturating_sub(n) };
    &text[at(text, index(skipped))..]
}

/// As DuckDB counts: a negative length goes to the left; before the first character is nothing to be counted but the position 0.
pub(in crate::functions) fn substring(text: &str, start: i64, part: Option<i64>) -> &str {
    // The length is not needed for a start that is counted from the left.
    let (from, to) = stretch(if start < 0 { length(text) } else { 0 }, start, part);
    let from = at(text, index(from));
    let to = at(text, index(to));
    &text[from..to.max(from)]
}

/// From which place, counted from 0, to which one a part of a text of so many characters goes.
pub(super) fn stretch(length: i64, start: i64, part: Option<i64>) -> (i64, i64) {
    let mut part = part.unwrap_or(i64::MAX);
    let from = match start {
        1.. => start - 1,
        0 => {
            part = part.saturating_sub(1).max(0);
            0
        }
        // It may be in front of the text, of which a part is missing then.
        _ => length.saturating_add(start),
    };
    match part {
        0.. => (from, from.saturating_add(part)),
        _ => (from.saturating_add(part).max(0), from),
    }
}

/// Places count from 1, or from the end if negative.
pub(in crate::functions) fn sliced(text: &str, first: i64, last: i64, step: i64) -> Result<&str> {
    if step != 1 {
        return Err(Error::unsupported("a step in a part of a text is not supported"));
    }
    let characters = length(text);
    let place = |place: i64| if place < 0 { characters.saturating_add(place).saturating_add(1) } else { place };
    let from = at(text, index(place(first) - 1));
    Ok(&text[from..at(text, index(place(last))).max(from)])
}

fn padded(text: &str, to: i64, padding: &str, on_left: bool) -> Result<String> {
    let (has, to) = (text.chars().count(), index(to));
    if has >= to {
        return Ok(text[..at(text, to)].to_owned());
    }
    if padding.is_empty() {
        return Err(Error::invalid("there is nothing to pad with").with_hint("give a padding that has characters"));
    }
    if to > LARGEST {
        return Err(too_long());
    }
    let filling: String = padding.chars().cycle().take(to - has).collect();
    Ok(if on_left { filling + text } else { text.to_owned() + &filling })
}

fn too_long() -> Error {
    Error::invalid(format!("the text would have more than {LARGEST} bytes"))
}

/// The parts between separators.
fn parts<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    match separator.is_empty() && !text.is_empty() {
        true => text.char_indices().map(|(byte, character)| &text[byte..byte + character.len_utf8()]).collect(),
        false if separator.is_empty() => vec![text],
        false => text.split(separator).collect(),
    }
}

pub(super) fn split_part<'a>(text: &'a str, separator: &str, n: i64) -> &'a str {
    let found = match n {
        1.. if !separator.is_empty() => text.split(separator).nth(index(n - 1)),
        1.. => parts(text, separator).into_iter().nth(index(n - 1)),
        0 => None,
        // From the left all the same: where separators overlap, the first ones count.
        _ => parts(text, separator).into_iter().nth_back(index(-(n + 1))),
    };
    found.unwrap_or("")
}

pub(super) fn position(text: &str, part: &str) -> i64 {
    text.find(part).map_or(0, |byte| length(&text[..byte]) + 1)
}

fn repeated(text: &str, n: i64) -> Result<String> {
    match text.len().checked_mul(index(n)) {
        Some(bytes) if bytes <= LARGEST => Ok(text.repeat(index(n))),
        _ => Err(too_long()),
    }
}

fn translated(text: &str, from: &str, to: &str) -> String {
    let to: Vec<char> = to.chars().collect();
    let replacement = |character: char| match from.chars().position(|candidate| candidate == character) {
        Some(place) => to.get(place).copied(),
        None => Some(character),
    };
    text.chars().filter_map(replacement).collect()
}

fn overlaid(text: &str, part: &str, start: i64, replaced: i64) -> Result<String> {
    if start < 1 {
        return Err(Error::invalid("a position begins at 1"));
    }
    let before = at(text, index(start - 1));
    let behind = at(text, index((start - 1).saturating_add(replaced)));
    Ok([&text[..before], part, &text[behind..]].concat())
}

fn capitalized(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut begins = true;
    for character in text.chars() {
        match begins {
            true => result.extend(character.to_uppercase()),
            false => result.extend(character.to_lowercase()),
        }
        begins = !character.is_alphanumeric();
    }
    result
}

/// The arguments from an index on, without NULLs.
fn joined(a: &Args<'_>, from: usize, separator: &str) -> Result<String> {
    let texts = (from..a.len()).filter_map(|index| a.text_or_null(index).transpose());
    Ok(texts.collect::<Result<Vec<_>>>()?.join(separator))
}
