//! Syntax trees as texts, with what the parser has no place for where it was written: EXCLUDE behind a window's frame, the star of `*COLUMNS(...)`.

use crate::statements::{Exclusion, UNPACKED};
use crate::types::quoted_where_needed;

/// The text of a syntax tree as its author would have written it.
pub(crate) fn as_written(text: &str) -> String {
    with_stars(&with_exclusions(text))
}

/// `OVER ("__exclude TIES " ORDER BY v ROWS 1 PRECEDING)` becomes `OVER (ORDER BY v ROWS 1 PRECEDING EXCLUDE TIES)`.
fn with_exclusions(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some((at, end, exclusion, window)) = mark(&text) {
        let Some(close) = closing(&text[at..]).map(|close| at + close) else { return text };
        let before = &text[..at];
        let behind = text[end..close].trim_start();
        let window = if window.is_empty() { window } else { format!("{} ", quoted_where_needed(&window)) };
        text = format!("{before}{window}{} EXCLUDE {}{}", behind.trim_end(), exclusion.written(), &text[close..]);
    }
    text
}

/// The first name that stands for an EXCLUDE: where it begins and ends, what it says, the window that it adds to.
fn mark(text: &str) -> Option<(usize, usize, Exclusion, String)> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find("\"__exclude ")?;
        let end = at + 1 + text[at + 1..].find('"')? + 1;
        if let Some((exclusion, window)) = Exclusion::of_name(&text[at + 1..end - 1]) {
            return Some((at, end, exclusion, window.to_owned()));
        }
        from = end;
    }
}

/// Where the bracket closes that a text stands in.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(letter),
            (None, '(') => depth += 1,
            (None, ')') if depth == 0 => return Some(at),
            (None, ')') => depth -= 1,
            _ => {}
        }
    }
    None
}

/// `__unpacked(COLUMNS(...))` becomes `*COLUMNS(...)`.
fn with_stars(text: &str) -> String {
    let mut text = text.to_owned();
    let mark = format!("{UNPACKED}(");
    while let Some(at) = text.find(&mark) {
        let begin = at + mark.len();
        let Some(close) = closing(&text[begin..]).map(|close| begin + close) else { return text };
        text = format!("{}*{}{}", &text[..at], &text[begin..close], &text[close + 1..]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_syntax_is_that_again() {
        for (tree, written) in [
            (
                "SELECT sum(v) OVER (\"__exclude TIES \" ORDER BY ')' || v ROWS 1 PRECEDING) + 1",
                "SELECT sum(v) OVER (ORDER BY ')' || v ROWS 1 PRECEDING EXCLUDE TIES) + 1",
            ),
            ("f() OVER (\"__exclude CURRENT_ROW w\" ROWS 1 PRECEDING)", "f() OVER (w ROWS 1 PRECEDING EXCLUDE CURRENT ROW)"),
            ("g(__unpacked(COLUMNS('a|b')), 1)", "g(*COLUMNS('a|b'), 1)"),
            ("\"__exclude x\"", "\"__exclude x\""),
        ] {
            assert_eq!(as_written(tree), written);
        }
    }
}
