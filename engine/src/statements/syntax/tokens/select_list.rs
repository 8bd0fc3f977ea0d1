//! DuckDB's spellings in the list of a SELECT: `x: id + 1` is `id + 1 AS x`; `* LIKE 'a%'` is `COLUMNS(lambda c: c LIKE 'a%')`; `f(*COLUMNS(...))` is a call
//! with each of the columns as an argument of its own.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace, Word};

use super::{closing, is_keyword, next_solid, previous_solid, word};

/// The function that stands for `*COLUMNS(...)`: nobody's.
pub(crate) const UNPACKED: &str = "__unpacked";

/// The parameter of the lambdas that stars become.
const NAME: &str = "c";

/// Writes all three as the parser reads them.
pub(super) fn standardize(tokens: &mut Vec<TokenWithSpan>) {
    unpacked_columns(tokens);
    patterns(tokens);
    names_in_front(tokens);
}

/// `*COLUMNS(...)` among arguments becomes `__unpacked(COLUMNS(...))`.
fn unpacked_columns(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at].token == Token::Mul
            && let Some(columns) = next_solid(tokens, at)
            && is_keyword(&tokens[columns].token, Keyword::COLUMNS)
            && let Some(open) = next_solid(tokens, columns)
            && tokens[open].token == Token::LParen
            && let Some(before) = previous_solid(tokens, at)
            && matches!(tokens[before].token, Token::LParen | Token::Comma | Token::LBracket)
            && let Some(close) = closing(tokens, open)
        {
            let like = tokens[at].clone();
            let bracket = |token: Token| TokenWithSpan { token, span: like.span };
            tokens.insert(close, bracket(Token::RParen));
            tokens.splice(at..=at, [word(UNPACKED, Keyword::NoKeyword, &like), bracket(Token::LParen)]);
        }
        at += 1;
    }
}

/// `* [NOT] LIKE 'a%'` in a list becomes `COLUMNS(lambda c: c [NOT] LIKE 'a%')`. The parser reads `* ILIKE`.
fn patterns(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at].token == Token::Mul
            && begins_an_item(tokens, at)
            && let Some(last) = pattern(tokens, at)
        {
            let like = tokens[at].clone();
            let plain = |token: Token| TokenWithSpan { token, span: like.span };
            let blank = || plain(Token::Whitespace(Whitespace::Space));
            let name = || word(NAME, Keyword::NoKeyword, &like);
            tokens.insert(last + 1, plain(Token::RParen));
            let lambda = [
                word("COLUMNS", Keyword::COLUMNS, &like),
                plain(Token::LParen),
                word("lambda", Keyword::LAMBDA, &like),
                blank(),
                name(),
                plain(Token::Colon),
                blank(),
                name(),
                blank(),
            ];
            tokens.splice(at..=at, lambda);
        }
        at += 1;
    }
}

/// The last token of a pattern that a star's names have to be like.
fn pattern(tokens: &[TokenWithSpan], star: usize) -> Option<usize> {
    let mut at = next_solid(tokens, star)?;
    let negated = is_keyword(&tokens[at].token, Keyword::NOT);
    if negated {
        at = next_solid(tokens, at)?;
    }
    let Token::Word(operator) = &tokens[at].token else { return None };
    let is_pattern = match operator.keyword {
        Keyword::LIKE => true,
        Keyword::ILIKE => negated,
        Keyword::SIMILAR => {
            at = next_solid(tokens, at)?;
            is_keyword(&tokens[at].token, Keyword::TO)
        }
        _ => operator.quote_style.is_none() && operator.value.eq_ignore_ascii_case("glob"),
    };
    let text = next_solid(tokens, at)?;
    if !is_pattern || !matches!(tokens[text].token, Token::SingleQuotedString(_)) {
        return None;
    }
    match next_solid(tokens, text) {
        Some(escape) if is_keyword(&tokens[escape].token, Keyword::ESCAPE) => next_solid(tokens, escape),
        _ => Some(text),
    }
}

/// Whether an item of a SELECT's list can begin here: behind SELECT, or a comma.
fn begins_an_item(tokens: &[TokenWithSpan], at: usize) -> bool {
    let Some(before) = previous_solid(tokens, at) else { return false };
    match &tokens[before].token {
        Token::Comma => select_around(tokens, at),
        token => is_keyword(token, Keyword::SELECT) || (is_keyword(token, Keyword::DISTINCT) && select_around(tokens, at)),
    }
}

/// Whether what stands here is in a SELECT's list itself, in no brackets within it.
fn select_around(tokens: &[TokenWithSpan], at: usize) -> bool {
    let mut depth = 0_usize;
    for token in tokens[..at].iter().rev() {
        match &token.token {
            Token::RParen | Token::RBracket | Token::RBrace => depth += 1,
            Token::LParen | Token::LBracket | Token::LBrace if depth == 0 => return false,
            Token::LParen | Token::LBracket | Token::LBrace => depth -= 1,
            Token::Word(word) if depth == 0 && word.quote_style.is_none() => match word.keyword {
                Keyword::SELECT => return true,
                Keyword::FROM
                | Keyword::WHERE
                | Keyword::GROUP
                | Keyword::HAVING
                | Keyword::WINDOW
                | Keyword::QUALIFY
                | Keyword::ORDER
                | Keyword::LIMIT
                | Keyword::VALUES => return false,
                _ => {}
            },
            _ => {}
        }
    }
    false
}

/// `x: expression` becomes `expression AS x`.
fn names_in_front(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at < tokens.len() {
        if matches!(&tokens[at].token, Token::Word(_) | Token::DoubleQuotedString(_))
            && let Some(colon) = next_solid(tokens, at)
            && tokens[colon].token == Token::Colon
            && begins_an_item(tokens, at)
            && let Some(end) = end_of_item(tokens, colon)
        {
            let name = match &tokens[at].token {
                Token::Word(word) => word.value.clone(),
                Token::DoubleQuotedString(text) => text.clone(),
                _ => String::new(),
            };
            let name = Token::Word(Word { value: name, quote_style: Some('"'), keyword: Keyword::NoKeyword });
            let like = tokens[at].clone();
            let blank = || TokenWithSpan { token: Token::Whitespace(Whitespace::Space), span: like.span };
            let alias = [blank(), word("AS", Keyword::AS, &like), blank(), TokenWithSpan { token: name, span: like.span }, blank()];
            tokens.splice(end..end, alias);
            tokens.drain(at..=colon);
        }
        at += 1;
    }
}

/// Where an item ends: in front of the comma or the clause behind it. `None` if nothing stands in it.
fn end_of_item(tokens: &[TokenWithSpan], colon: usize) -> Option<usize> {
    let first = next_solid(tokens, colon)?;
    let mut depth = 0_usize;
    let mut cases = 0_usize;
    let mut last = colon;
    for (at, token) in tokens.iter().enumerate().skip(first) {
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace if depth == 0 => break,
            Token::RParen | Token::RBracket | Token::RBrace => depth -= 1,
            Token::Comma if depth == 0 => break,
            Token::EOF | Token::SemiColon => break,
            Token::Whitespace(_) => continue,
            Token::Word(word) if depth == 0 && word.quote_style.is_none() => match word.keyword {
                Keyword::CASE => cases += 1,
                Keyword::END => cases = cases.saturating_sub(1),
                Keyword::FROM if !is_distinct_from(tokens, at) => break,
                Keyword::WHERE
                | Keyword::GROUP
                | Keyword::HAVING
                | Keyword::WINDOW
                | Keyword::QUALIFY
                | Keyword::ORDER
                | Keyword::LIMIT
                | Keyword::OFFSET
                | Keyword::UNION
                | Keyword::INTERSECT
                | Keyword::EXCEPT
                    if cases == 0 =>
                {
                    break;
                }
                _ => {}
            },
            _ => {}
        }
        last = at;
    }
    (last > colon).then_some(last + 1)
}

/// Whether a FROM belongs to IS DISTINCT FROM.
fn is_distinct_from(tokens: &[TokenWithSpan], from: usize) -> bool {
    previous_solid(tokens, from).is_some_and(|before| is_keyword(&tokens[before].token, Keyword::DISTINCT))
}
