//! Colours of SQL while it is typed: words that mean something, strings, numbers, comments, and the partner of the bracket at the cursor.

use super::tokens::{Kind, Token, tokens};
use crate::words;

const KEYWORD: &str = "\u{1b}[1;34m";
const TYPE: &str = "\u{1b}[36m";
const FUNCTION: &str = "\u{1b}[33m";
const STRING: &str = "\u{1b}[32m";
const NUMBER: &str = "\u{1b}[35m";
const COMMENT: &str = "\u{1b}[2m";
const BRACKET: &str = "\u{1b}[1;4m";
const END: &str = "\u{1b}[0m";

/// A text with colours; the cursor is at this byte.
pub(super) fn highlight(text: &str, cursor: usize) -> String {
    // A command is the shell's own.
    if text.trim_start().starts_with(['.', '\\']) {
        return text.to_owned();
    }
    let tokens = tokens(text);
    let partners = partners(text, &tokens, cursor);
    let mut out = String::with_capacity(text.len() * 2);
    for (index, token) in tokens.iter().enumerate() {
        let piece = &text[token.range.clone()];
        let is_call = tokens.get(index + 1).is_some_and(|next| text[next.range.clone()].starts_with('('));
        let colour = match token.kind {
            Kind::Word
                if words::is_keyword(piece)
                    && !(is_call && matches!(piece.to_ascii_uppercase().as_str(), "LEFT" | "RIGHT" | "REPLACE")) =>
            {
                KEYWORD
            }
            Kind::Word if words::is_type(piece) && !is_call => TYPE,
            Kind::Word if is_call => FUNCTION,
            Kind::String => STRING,
            Kind::Number => NUMBER,
            Kind::Comment => COMMENT,
            Kind::Sign if partners.contains(&token.range.start) => BRACKET,
            _ => "",
        };
        match colour {
            "" => out.push_str(piece),
            colour => {
                // A colour that spans lines is begun again on each: the terminal may draw them one by one.
                for (at, line) in piece.split('\n').enumerate() {
                    if at > 0 {
                        out.push('\n');
                    }
                    out.push_str(&format!("{colour}{line}{END}"));
                }
            }
        }
    }
    out
}

/// Where the bracket at the cursor, or before it, and its partner are.
fn partners(text: &str, tokens: &[Token], cursor: usize) -> Vec<usize> {
    let mut open: Vec<(char, usize)> = Vec::new();
    for token in tokens.iter().filter(|token| token.kind == Kind::Sign) {
        let at = token.range.start;
        match text[token.range.clone()].chars().next() {
            Some(c @ ('(' | '[' | '{')) => open.push((c, at)),
            Some(c @ (')' | ']' | '}')) => {
                let Some((partner, from)) = open.pop() else { return Vec::new() };
                let is_at_cursor = [from, at].iter().any(|place| *place == cursor || place + 1 == cursor);
                if is_at_cursor && matches!((partner, c), ('(', ')') | ('[', ']') | ('{', '}')) {
                    return vec![from, at];
                }
            }
            _ => {}
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_change_nothing_but_colours() {
        for text in ["select sum(a) from \"t\" where b = 'x\ny' -- c", "SELECT left(a, 1) /* x */", ".mode csv", "grö('", ""] {
            assert_eq!(console::strip_ansi_codes(&highlight(text, 0)), text);
        }
        assert!(highlight("select 1", 0).starts_with(&format!("{KEYWORD}select{END} {NUMBER}1")));
        assert!(highlight("left(a)", 0).starts_with(FUNCTION));
    }

    #[test]
    fn the_partner_of_a_bracket() {
        assert_eq!(partners("((a))", &tokens("((a))"), 5), [0, 4]);
        assert_eq!(partners("((a))", &tokens("((a))"), 1), [1, 3]);
        assert_eq!(partners("('(')", &tokens("('(')"), 0), [0, 4]);
        assert!(partners("a)", &tokens("a)"), 2).is_empty());
    }
}
