//! EXCLUDE of a window's frame, which the parser does not know: `OVER (ORDER BY v ROWS ... EXCLUDE TIES)`. A name in front of the window stands for it,
//! `OVER ("__exclude TIES " ORDER BY v ROWS ...)`; whoever writes named windows out knows it.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace, Word};

use super::{is_keyword, next_solid, previous_solid};
use crate::statements::Exclusion;

/// Moves every EXCLUDE of a frame.
pub(super) fn standardize(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at < tokens.len() {
        if is_keyword(&tokens[at].token, Keyword::EXCLUDE)
            && previous_solid(tokens, at).is_some_and(|before| ends_a_bound(&tokens[before].token))
            && let Some((exclusion, last)) = exclusion(tokens, at)
            && let Some(open) = window(tokens, at)
        {
            tokens.drain(at..=last);
            if let Some(exclusion) = exclusion {
                put(tokens, open, exclusion);
            }
        }
        at += 1;
    }
}

/// Whether the bound of a frame ends here: no list of columns, which has an EXCLUDE of its own.
fn ends_a_bound(token: &Token) -> bool {
    [Keyword::PRECEDING, Keyword::FOLLOWING, Keyword::ROW].into_iter().any(|last| is_keyword(token, last))
}

/// What an EXCLUDE leaves out, and its last token; it is the end of its window.
fn exclusion(tokens: &[TokenWithSpan], at: usize) -> Option<(Option<Exclusion>, usize)> {
    let word = |at: usize| match &tokens[at].token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_uppercase()),
        _ => None,
    };
    let first = next_solid(tokens, at)?;
    let (exclusion, last) = match word(first)?.as_str() {
        "GROUP" => (Some(Exclusion::Group), first),
        "TIES" => (Some(Exclusion::Ties), first),
        before @ ("CURRENT" | "NO") => {
            let second = next_solid(tokens, first)?;
            match (before, word(second)?.as_str()) {
                ("CURRENT", "ROW") => (Some(Exclusion::CurrentRow), second),
                ("NO", "OTHERS") => (None, second),
                _ => return None,
            }
        }
        _ => return None,
    };
    (tokens[next_solid(tokens, last)?].token == Token::RParen).then_some((exclusion, last))
}

/// The bracket that opens the window which an EXCLUDE ends: there is a frame between them.
fn window(tokens: &[TokenWithSpan], exclude: usize) -> Option<usize> {
    let (mut depth, mut has_frame) = (0_usize, false);
    for at in (0..exclude).rev() {
        match &tokens[at].token {
            Token::RParen => depth += 1,
            Token::LParen if depth == 0 => return has_frame.then_some(at),
            Token::LParen => depth -= 1,
            Token::Word(word) if depth == 0 && word.quote_style.is_none() => {
                has_frame |= matches!(word.keyword, Keyword::ROWS | Keyword::RANGE | Keyword::GROUPS);
            }
            _ => {}
        }
    }
    None
}

/// Names a window after its exclusion, and after the window that it adds to.
fn put(tokens: &mut Vec<TokenWithSpan>, open: usize, exclusion: Exclusion) {
    let Some(first) = next_solid(tokens, open) else { return };
    let base = match &tokens[first].token {
        Token::Word(word) if word.keyword == Keyword::NoKeyword => Some(word.value.clone()),
        _ => None,
    };
    let name =
        |base: Option<&str>| Token::Word(Word { value: exclusion.as_name(base), quote_style: Some('"'), keyword: Keyword::NoKeyword });
    match base {
        Some(base) => tokens[first].token = name(Some(&base)),
        None => {
            let span = tokens[open].span;
            let blank = Token::Whitespace(Whitespace::Space);
            tokens.splice(open + 1..open + 1, [TokenWithSpan { token: name(None), span }, TokenWithSpan { token: blank, span }]);
        }
    }
}
