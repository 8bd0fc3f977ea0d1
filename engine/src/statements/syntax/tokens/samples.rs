//! TABLESAMPLE in DuckDB's words (`TABLESAMPLE 10%`, `TABLESAMPLE reservoir(20 ROWS)`), and USING SAMPLE behind a FROM, as the parser reads them.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{closing, is_keyword, next_solid, previous_solid, word};
use crate::error::{Error, Position, Result};

/// The methods that a sample may name before or behind its size.
const METHODS: [&str; 3] = ["reservoir", "bernoulli", "system"];

/// Writes every sample as `TABLESAMPLE (n ROWS)` or `TABLESAMPLE (n PERCENT)`.
pub(super) fn standardize(tokens: &mut Vec<TokenWithSpan>) -> Result<()> {
    let mut at = 0;
    while at < tokens.len() {
        if is_keyword(&tokens[at].token, Keyword::TABLESAMPLE) {
            size(tokens, at);
        } else if is_word(&tokens[at].token, "sample")
            && let Some(using) = previous_solid(tokens, at)
            && is_keyword(&tokens[using].token, Keyword::USING)
        {
            one_table(tokens, using)?;
            let like = tokens[at].clone();
            tokens.splice(using..=at, [word("TABLESAMPLE", Keyword::TABLESAMPLE, &like)]);
            at = using;
            size(tokens, at);
        }
        at += 1;
    }
    Ok(())
}

fn is_word(token: &Token, text: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(text))
}

/// What stands behind TABLESAMPLE.
fn size(tokens: &mut Vec<TokenWithSpan>, sample: usize) {
    let Some(mut first) = next_solid(tokens, sample) else { return };
    let is_method = |token: &Token| METHODS.iter().any(|method| is_word(token, method));
    // The parser knows BERNOULLI and SYSTEM in front of brackets; all methods give each row the same chance.
    let is_reservoir = is_word(&tokens[first].token, "reservoir");
    if is_method(&tokens[first].token) {
        tokens.remove(first);
        match next_solid(tokens, sample) {
            Some(next) => first = next,
            None => return,
        }
    }
    if tokens[first].token == Token::LParen {
        if let Some(close) = closing(tokens, first)
            && let Some(last) = previous_solid(tokens, close)
            && tokens[last].token == Token::Mod
        {
            let like = tokens[last].clone();
            tokens[last] = word("PERCENT", Keyword::PERCENT, &like);
        } else if is_reservoir
            && let Some(close) = closing(tokens, first)
            && let Some(last) = previous_solid(tokens, close)
            && let Token::Number(..) = tokens[last].token
        {
            // A reservoir holds so many rows.
            let like = tokens[last].clone();
            tokens.insert(close, word("ROWS", Keyword::ROWS, &like));
        }
        return;
    }
    let Token::Number(..) = tokens[first].token else { return };
    let like = tokens[first].clone();
    let unit = next_solid(tokens, first).filter(|at| {
        tokens[*at].token == Token::Mod || is_keyword(&tokens[*at].token, Keyword::PERCENT) || is_keyword(&tokens[*at].token, Keyword::ROWS)
    });
    let last = match unit {
        Some(at) => {
            if tokens[at].token == Token::Mod {
                tokens[at] = word("PERCENT", Keyword::PERCENT, &like);
            }
            at
        }
        None => first,
    };
    // A number without a unit is one of rows, as in DuckDB.
    let mut behind = vec![];
    if unit.is_none() {
        behind.push(word("ROWS", Keyword::ROWS, &like));
    }
    behind.push(TokenWithSpan { token: Token::RParen, span: like.span });
    // `10 PERCENT (bernoulli)` names the method behind.
    if let Some(open) = next_solid(tokens, last)
        && tokens[open].token == Token::LParen
        && let Some(method) = next_solid(tokens, open)
        && is_method(&tokens[method].token)
        && let Some(close) = closing(tokens, open)
    {
        tokens.drain(open..=close);
    }
    tokens.splice(last + 1..last + 1, behind);
    tokens.insert(first, TokenWithSpan { token: Token::LParen, span: like.span });
}

/// USING SAMPLE samples what the whole FROM gives: with several tables that is not what a sample behind the last one would be.
fn one_table(tokens: &[TokenWithSpan], using: usize) -> Result<()> {
    let mut depth = 0_usize;
    for token in tokens[..using].iter().rev() {
        match &token.token {
            Token::RParen => depth += 1,
            Token::LParen if depth == 0 => break,
            Token::LParen => depth -= 1,
            Token::Word(word) if depth == 0 && word.quote_style.is_none() && word.keyword == Keyword::FROM => return Ok(()),
            Token::Comma | Token::Word(_) if depth == 0 && is_other_clause(&token.token) => {
                let place = tokens[using].span.start;
                return Err(Error::unsupported("USING SAMPLE of several tables, or behind WHERE, is not supported")
                    .with_hint("write FROM (SELECT ...) AS q TABLESAMPLE (10 PERCENT)")
                    .at(Position { line: place.line, column: place.column }));
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_other_clause(token: &Token) -> bool {
    match token {
        Token::Comma => true,
        Token::Word(word) => {
            word.quote_style.is_none()
                && matches!(
                    word.keyword,
                    Keyword::JOIN | Keyword::WHERE | Keyword::GROUP | Keyword::ORDER | Keyword::LIMIT | Keyword::HAVING
                )
        }
        _ => false,
    }
}
