//! What stands in the brackets of a PIVOT: lists of values, aggregates, and the parser's own form `t PIVOT (sum(v) FOR a IN ('x') b IN (1) GROUP BY id)` with what the
//! parser does not know in it.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::pivots::{GROUPS, blank, brackets, place, sign, words};
use super::{closing, is_keyword, next_solid, word};
use crate::error::{Error, Result};

/// More columns than this are no table that anybody looks at.
const MOST_COMBINATIONS: usize = 10_000;

/// The function that stands for an expression with an aggregate in it, where the parser wants a call.
pub(crate) const EXPRESSION: &str = "__pivot_value";

/// Pieces between commas that are in no brackets.
pub(super) fn split(tokens: &[TokenWithSpan]) -> Vec<Vec<TokenWithSpan>> {
    let mut depth = 0_usize;
    let mut pieces = vec![Vec::new()];
    for token in tokens {
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            Token::Comma if depth == 0 => {
                pieces.push(Vec::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = pieces.last_mut() {
            last.push(token.clone());
        }
    }
    pieces
}

/// Tokens without the blanks around them.
pub(super) fn without_ends(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let is_blank = |token: &TokenWithSpan| matches!(token.token, Token::Whitespace(_));
    while tokens.last().is_some_and(is_blank) {
        tokens.pop();
    }
    let first = tokens.iter().position(|token| !is_blank(token)).unwrap_or(tokens.len());
    tokens.split_off(first)
}

/// A value, and what it is called: its alias, or else as it is written.
fn value_and_name(item: Vec<TokenWithSpan>) -> (Vec<TokenWithSpan>, String) {
    let item = without_ends(item);
    if let Some(as_at) = item.iter().rposition(|token| is_keyword(&token.token, Keyword::AS))
        && let Some(name) = next_solid(&item, as_at)
        && let Token::Word(word) = &item[name].token
    {
        return (without_ends(item[..as_at].to_vec()), word.value.clone());
    }
    let name = match item.as_slice() {
        [TokenWithSpan { token: Token::SingleQuotedString(text), .. }] => text.clone(),
        other => other.iter().map(|token| token.token.to_string()).collect(),
    };
    (item, name)
}

/// Every combination of the values of several lists, as `('a', 1) AS "a_1"`.
pub(super) fn combined(lists: &[Vec<TokenWithSpan>], like: &TokenWithSpan) -> Result<Vec<TokenWithSpan>> {
    let mut rows: Vec<(Vec<TokenWithSpan>, String)> = vec![(Vec::new(), String::new())];
    for list in lists {
        let values: Vec<_> = split(list).into_iter().map(value_and_name).collect();
        if rows.len().saturating_mul(values.len()) > MOST_COMBINATIONS {
            return Err(Error::limit(format!("the PIVOT has more than {MOST_COMBINATIONS} columns")).at(place(like)));
        }
        let mut longer = Vec::with_capacity(rows.len() * values.len());
        for (row, named) in &rows {
            for (value, name) in &values {
                let mut row = row.clone();
                if !row.is_empty() {
                    row.push(sign(Token::Comma, like));
                }
                row.extend(value.iter().cloned());
                longer.push((row, if named.is_empty() { name.clone() } else { format!("{named}_{name}") }));
            }
        }
        rows = longer;
    }
    let mut all = Vec::new();
    for (row, name) in rows {
        if !all.is_empty() {
            all.push(sign(Token::Comma, like));
        }
        all.extend(brackets(row, like));
        let name = Token::Word(Word { value: name, quote_style: Some('"'), keyword: Keyword::NoKeyword });
        all.extend(words(&[("AS", Keyword::AS)], like));
        all.push(sign(name, like));
    }
    Ok(all)
}

/// Aggregates as calls: `avg(v) + 1 AS x` becomes `__pivot_value(avg(v) + 1) AS x`.
pub(super) fn as_calls(aggregates: Vec<TokenWithSpan>, like: &TokenWithSpan) -> Vec<TokenWithSpan> {
    let mut all = Vec::new();
    for item in split(&aggregates) {
        if !all.is_empty() {
            all.push(sign(Token::Comma, like));
        }
        let item = without_ends(item);
        let as_at = item.iter().rposition(|token| is_keyword(&token.token, Keyword::AS));
        // Within brackets it belongs to a CAST.
        let as_at = as_at.filter(|at| item[*at..].iter().all(|token| token.token != Token::RParen));
        let (expr, alias) = item.split_at(as_at.unwrap_or(item.len()));
        let solid: Vec<usize> = (0..expr.len()).filter(|at| !matches!(expr[*at].token, Token::Whitespace(_))).collect();
        // An operator somewhere behind the first call.
        let is_call = match solid.as_slice() {
            [name, open, ..] if matches!(expr[*name].token, Token::Word(_)) && expr[*open].token == Token::LParen => {
                let behind = closing(expr, *open).and_then(|close| next_solid(expr, close));
                behind.is_none_or(|behind| matches!(expr[behind].token, Token::Word(_)))
            }
            // A qualified name, or what the parser says of it.
            [name, ..] => matches!(expr[*name].token, Token::Word(_)) && solid.get(1).is_some_and(|at| expr[*at].token == Token::Period),
            [] => true,
        };
        if is_call {
            all.extend(item);
            continue;
        }
        all.push(word(EXPRESSION, Keyword::NoKeyword, like));
        all.extend(brackets(expr.to_vec(), like));
        all.extend_from_slice(alias);
    }
    all
}

/// `t PIVOT (sum(v) FOR a IN ('x') b IN (1) GROUP BY id)`, the parser's own form, with what it does not know in it.
pub(super) fn bracketed(tokens: &mut Vec<TokenWithSpan>) -> Result<()> {
    for at in (0..tokens.len()).rev() {
        let is_pivot = matches!(&tokens[at].token, Token::Word(word) if word.quote_style.is_none() && word.keyword == Keyword::PIVOT);
        let Some(open) = next_solid(tokens, at).filter(|open| is_pivot && tokens[*open].token == Token::LParen) else { continue };
        let Some(close) = closing(tokens, open) else { continue };
        let within = tokens[open + 1..close].to_vec();
        let at_top = |wanted: Keyword| {
            let mut depth = 0_usize;
            within.iter().position(|token| {
                match token.token {
                    Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
                    Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
                    _ => {}
                }
                depth == 0 && is_keyword(&token.token, wanted)
            })
        };
        let Some(for_at) = at_top(Keyword::FOR) else { continue };
        let like = tokens[at].clone();
        let group_at = at_top(Keyword::GROUP).filter(|group| *group > for_at);
        let by_at = group_at.and_then(|group| next_solid(&within, group)).filter(|by| is_keyword(&within[*by].token, Keyword::BY));
        let end = by_at.and(group_at).unwrap_or(within.len());
        let mut changed = as_calls(within[..for_at].to_vec(), &like);
        changed.push(blank(&like));
        changed.extend(for_columns(&within[for_at..end], &like)?);
        if let Some(by_at) = by_at {
            changed.push(blank(&like));
            changed.extend(words(&[("DEFAULT", Keyword::DEFAULT), ("ON", Keyword::ON), ("NULL", Keyword::NULL)], &like));
            let mut groups = vec![word(GROUPS, Keyword::NoKeyword, &like)];
            groups.extend(brackets(within[by_at + 1..].to_vec(), &like));
            changed.extend(brackets(groups, &like));
        }
        tokens.splice(open + 1..close, changed);
    }
    Ok(())
}

/// `FOR a IN ('x') b IN (1)` as `FOR (a, b) IN (('x', 1) AS "x_1")`; one column stays.
fn for_columns(tokens: &[TokenWithSpan], like: &TokenWithSpan) -> Result<Vec<TokenWithSpan>> {
    let (mut columns, mut lists, mut at) = (Vec::new(), Vec::new(), 1);
    while let Some(in_at) = (at..tokens.len()).find(|at| is_keyword(&tokens[*at].token, Keyword::IN)) {
        let Some(open) = next_solid(tokens, in_at).filter(|open| tokens[*open].token == Token::LParen) else { break };
        let Some(close) = closing(tokens, open) else { break };
        columns.push(without_ends(tokens[at..in_at].to_vec()));
        lists.push(tokens[open + 1..close].to_vec());
        at = close + 1;
        if !next_solid(tokens, close)
            .is_some_and(|next| matches!(&tokens[next].token, Token::Word(word) if word.keyword != Keyword::DEFAULT))
        {
            break;
        }
    }
    if columns.len() < 2 {
        return Ok(tokens.to_vec());
    }
    let mut names = Vec::new();
    for column in columns {
        if !names.is_empty() {
            names.push(sign(Token::Comma, like));
        }
        names.extend(column);
    }
    let mut all = words(&[("FOR", Keyword::FOR)], like);
    all.extend(brackets(names, like));
    all.extend(words(&[("IN", Keyword::IN)], like));
    all.extend(brackets(combined(&lists, like)?, like));
    all.extend_from_slice(&tokens[at.min(tokens.len())..]);
    Ok(all)
}
