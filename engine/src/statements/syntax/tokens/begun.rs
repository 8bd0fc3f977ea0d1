//! Statements whose beginning the parser reads otherwise: `CALL f(x)` is `SELECT * FROM f(x)`; `CREATE TABLE t (a, b) AS ...` gives the query's columns names.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};

use super::{closing, is_keyword, next_solid, word};

/// Writes them as the parser reads them.
pub(super) fn standardize(tokens: &mut Vec<TokenWithSpan>) {
    let Some(first) = (0..tokens.len()).find(|at| !matches!(tokens[*at].token, Token::Whitespace(_))) else { return };
    if is_keyword(&tokens[first].token, Keyword::CALL) {
        call(tokens, first);
    } else if is_keyword(&tokens[first].token, Keyword::CREATE) {
        named_columns(tokens, first);
    }
}

fn call(tokens: &mut Vec<TokenWithSpan>, at: usize) {
    let like = tokens[at].clone();
    let blank = || TokenWithSpan { token: Token::Whitespace(Whitespace::Space), span: like.span };
    let star = TokenWithSpan { token: Token::Mul, span: like.span };
    tokens.splice(at..=at, [word("SELECT", Keyword::SELECT, &like), blank(), star, blank(), word("FROM", Keyword::FROM, &like)]);
}

/// `CREATE TABLE t (a, b) AS query` becomes `CREATE TABLE t AS SELECT * FROM (query) AS "t" (a, b)`.
fn named_columns(tokens: &mut Vec<TokenWithSpan>, create: usize) {
    let mut table = create;
    loop {
        let Some(next) = next_solid(tokens, table) else { return };
        let Token::Word(found) = &tokens[next].token else { return };
        table = next;
        match found.keyword {
            Keyword::TABLE => break,
            Keyword::OR | Keyword::REPLACE | Keyword::TEMP | Keyword::TEMPORARY => {}
            _ => return,
        }
    }
    // Behind the name, which comes behind IF NOT EXISTS, stands a list of bare names.
    let mut at = table;
    let open = loop {
        let Some(next) = next_solid(tokens, at) else { return };
        match &tokens[next].token {
            Token::LParen => break next,
            // `CREATE TABLE t CLUSTER BY (a) AS`.
            Token::Word(word) if word.quote_style.is_none() && matches!(word.keyword, Keyword::CLUSTER | Keyword::BY) => return,
            Token::Word(_) | Token::Period | Token::DoubleQuotedString(_) => at = next,
            _ => return,
        }
    };
    let name = at;
    let Some(close) = closing(tokens, open) else { return };
    let solid = tokens[open + 1..close].iter().filter(|token| !matches!(token.token, Token::Whitespace(_)));
    let are_names = solid.enumerate().all(|(at, token)| match at % 2 {
        0 => matches!(token.token, Token::Word(_) | Token::DoubleQuotedString(_)),
        _ => token.token == Token::Comma,
    });
    if !are_names || close == open + 1 {
        return;
    }
    let Some(as_at) = query_of(tokens, close) else { return };
    let like = tokens[as_at].clone();
    let plain = |token: Token| TokenWithSpan { token, span: like.span };
    let blank = || plain(Token::Whitespace(Whitespace::Space));
    let names: Vec<TokenWithSpan> = tokens[open..=close].to_vec();
    let end = tokens.iter().rposition(|token| !matches!(token.token, Token::EOF | Token::Whitespace(_))).map_or(as_at, |last| last) + 1;
    let mut behind = vec![plain(Token::RParen), blank(), word("AS", Keyword::AS, &like), blank(), tokens[name].clone()];
    behind.extend(names);
    tokens.splice(end..end, behind);
    let select = [
        blank(),
        word("SELECT", Keyword::SELECT, &like),
        blank(),
        plain(Token::Mul),
        blank(),
        word("FROM", Keyword::FROM, &like),
        blank(),
        plain(Token::LParen),
    ];
    tokens.splice(as_at + 1..as_at + 1, select);
    tokens.drain(open..=close);
}

/// The AS of the query behind a table's columns, and behind CLUSTER BY.
fn query_of(tokens: &[TokenWithSpan], columns: usize) -> Option<usize> {
    let next = next_solid(tokens, columns)?;
    if is_keyword(&tokens[next].token, Keyword::AS) {
        return Some(next);
    }
    let by = next_solid(tokens, next)
        .filter(|by| is_keyword(&tokens[next].token, Keyword::CLUSTER) && is_keyword(&tokens[*by].token, Keyword::BY))?;
    let open = next_solid(tokens, by).filter(|open| tokens[*open].token == Token::LParen)?;
    next_solid(tokens, closing(tokens, open)?).filter(|at| is_keyword(&tokens[*at].token, Keyword::AS))
}
