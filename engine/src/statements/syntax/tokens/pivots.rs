//! DuckDB's `PIVOT t ON column USING aggregate GROUP BY columns` and `UNPIVOT t ON columns INTO NAME n VALUE v`, wherever a query may stand, as the parser reads
//! them: `SELECT * FROM t PIVOT (aggregate FOR (column) IN (ANY))`.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::{is_keyword, next_solid, previous_solid, word};
use crate::error::{Error, Position, Result};

/// The function whose arguments a PIVOT groups by. The parser has no place for them but that of a default, which nobody writes.
pub(crate) const GROUPS: &str = "__pivot_by";

/// More columns than this are no table that anybody looks at.
const MOST_COMBINATIONS: usize = 10_000;

/// The function that stands for an expression with an aggregate in it, where the parser wants a call.
pub(crate) const EXPRESSION: &str = "__pivot_value";

/// Writes every such statement as a query.
pub(super) fn standardize(tokens: &mut Vec<TokenWithSpan>) -> Result<()> {
    bracketed(tokens)?;
    // From the last on, so that those within others come first.
    for at in (0..tokens.len()).rev() {
        let Token::Word(found) = &tokens[at].token else { continue };
        if found.quote_style.is_some() || !begins_query(tokens, at) {
            continue;
        }
        let is_pivot = match found.value.to_ascii_uppercase().as_str() {
            "PIVOT" | "PIVOT_WIDER" => true,
            "UNPIVOT" | "PIVOT_LONGER" => false,
            _ => continue,
        };
        let Some(parts) = Parts::of(tokens, at) else { continue };
        let like = tokens[at].clone();
        let end = parts.end;
        let written = if is_pivot { pivot(parts, &like)? } else { unpivot(parts, &like)? };
        tokens.splice(at..end, written);
    }
    Ok(())
}

/// Whether a query can begin at a word: behind a bracket, AS, a WITH query, or an operator between queries.
fn begins_query(tokens: &[TokenWithSpan], at: usize) -> bool {
    let Some(before) = previous_solid(tokens, at) else { return true };
    match &tokens[before].token {
        Token::LParen | Token::RParen => true,
        Token::Word(word) => {
            word.quote_style.is_none()
                && matches!(
                    word.keyword,
                    Keyword::AS
                        | Keyword::ALL
                        | Keyword::UNION
                        | Keyword::EXCEPT
                        | Keyword::INTERSECT
                        | Keyword::EXPLAIN
                        | Keyword::ANALYZE
                        | Keyword::DESCRIBE
                        | Keyword::TABLE
                )
        }
        _ => false,
    }
}

/// The clauses of a statement: what stands behind each of its words.
#[derive(Default)]
struct Parts {
    table: Vec<TokenWithSpan>,
    on: Vec<TokenWithSpan>,
    using: Vec<TokenWithSpan>,
    group_by: Vec<TokenWithSpan>,
    into: Vec<TokenWithSpan>,
    /// Where the statement ends, and what is like in any query begins: ORDER BY, LIMIT, UNION.
    end: usize,
}

impl Parts {
    /// `None` if it is another's: `t PIVOT (sum(x) FOR y IN (...))`.
    fn of(tokens: &[TokenWithSpan], at: usize) -> Option<Self> {
        let mut parts = Self { end: tokens.len(), ..Self::default() };
        let mut clause: Option<Keyword> = None;
        let mut depth = 0_usize;
        for (position, token) in tokens.iter().enumerate().skip(at + 1) {
            let mut begins = None;
            match &token.token {
                Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
                Token::RParen | Token::RBracket | Token::RBrace if depth > 0 => depth -= 1,
                Token::RParen | Token::RBracket | Token::RBrace | Token::SemiColon | Token::EOF => {
                    parts.end = position;
                    break;
                }
                // The parser's own form.
                Token::Word(word) if depth == 1 && word.quote_style.is_none() && word.keyword == Keyword::FOR && clause.is_none() => {
                    return None;
                }
                Token::Word(word) if depth == 0 && word.quote_style.is_none() => match word.keyword {
                    Keyword::ON if clause.is_none() => begins = Some(Keyword::ON),
                    Keyword::USING | Keyword::GROUP | Keyword::INTO if clause.is_some() => begins = Some(word.keyword),
                    Keyword::ORDER | Keyword::LIMIT | Keyword::OFFSET | Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT => {
                        parts.end = position;
                        break;
                    }
                    Keyword::BY if clause == Some(Keyword::GROUP) => continue,
                    _ => {}
                },
                _ => {}
            }
            if begins.is_some() {
                clause = begins;
                continue;
            }
            let part = match clause {
                None => &mut parts.table,
                Some(Keyword::ON) => &mut parts.on,
                Some(Keyword::USING) => &mut parts.using,
                Some(Keyword::GROUP) => &mut parts.group_by,
                Some(_) => &mut parts.into,
            };
            part.push(token.clone());
        }
        clause.is_some().then_some(parts)
    }
}

/// Tokens of one text, all at one place.
fn words(text: &[(&str, Keyword)], like: &TokenWithSpan) -> Vec<TokenWithSpan> {
    text.iter().flat_map(|(text, keyword)| [word(text, *keyword, like), blank(like)]).collect()
}

fn sign(token: Token, like: &TokenWithSpan) -> TokenWithSpan {
    TokenWithSpan { token, span: like.span }
}

fn blank(like: &TokenWithSpan) -> TokenWithSpan {
    sign(Token::Whitespace(datafusion::sql::sqlparser::tokenizer::Whitespace::Space), like)
}

fn brackets(within: Vec<TokenWithSpan>, like: &TokenWithSpan) -> Vec<TokenWithSpan> {
    let mut all = vec![sign(Token::LParen, like)];
    all.extend(within);
    all.extend([sign(Token::RParen, like), blank(like)]);
    all
}

fn all_of(table: Vec<TokenWithSpan>, like: &TokenWithSpan) -> Vec<TokenWithSpan> {
    let mut all = words(&[("SELECT", Keyword::SELECT)], like);
    all.extend([sign(Token::Mul, like), blank(like)]);
    all.extend(words(&[("FROM", Keyword::FROM)], like));
    all.extend(table);
    all.push(blank(like));
    all
}

fn pivot(parts: Parts, like: &TokenWithSpan) -> Result<Vec<TokenWithSpan>> {
    let Parts { table, on, using, group_by, into, end: _ } = parts;
    if !into.is_empty() {
        return Err(Error::invalid("syntax error: a PIVOT has no INTO").at(place(like)));
    }
    let (columns, values) = columns_and_values(on, like)?;
    let aggregates = match using.iter().any(|token| !matches!(token.token, Token::Whitespace(_))) {
        true => using,
        false => {
            let mut count = vec![word("count", Keyword::NoKeyword, like)];
            count.extend(brackets(vec![sign(Token::Mul, like)], like));
            count
        }
    };
    let mut within = as_calls(aggregates, like);
    within.push(blank(like));
    within.extend(words(&[("FOR", Keyword::FOR)], like));
    within.extend(brackets(columns, like));
    within.extend(words(&[("IN", Keyword::IN)], like));
    within.extend(brackets(values.unwrap_or_else(|| vec![word("ANY", Keyword::ANY, like)]), like));
    if !group_by.is_empty() {
        within.extend(words(&[("DEFAULT", Keyword::DEFAULT), ("ON", Keyword::ON), ("NULL", Keyword::NULL)], like));
        let mut groups = vec![word(GROUPS, Keyword::NoKeyword, like)];
        groups.extend(brackets(group_by, like));
        within.extend(brackets(groups, like));
    }
    let mut all = all_of(table, like);
    all.extend(words(&[("PIVOT", Keyword::PIVOT)], like));
    all.extend(brackets(within, like));
    Ok(all)
}

/// `a IN ('x', 'y'), b IN (1, 2)`: the columns, and their values or the combinations of these. `IN` of some columns only is refused.
fn columns_and_values(on: Vec<TokenWithSpan>, like: &TokenWithSpan) -> Result<(Vec<TokenWithSpan>, Option<Vec<TokenWithSpan>>)> {
    let items = split(&on);
    let mut columns = Vec::new();
    let mut lists = Vec::new();
    let several = items.len() > 1;
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            columns.push(sign(Token::Comma, like));
        }
        let in_at = (0..item.len()).find(|at| is_keyword(&item[*at].token, Keyword::IN));
        let list = in_at.and_then(|in_at| {
            let open = next_solid(&item, in_at).filter(|open| item[*open].token == Token::LParen)?;
            Some((in_at, open, super::closing(&item, open)?))
        });
        match list {
            Some((in_at, open, close)) => {
                columns.extend_from_slice(&item[..in_at]);
                lists.push(item[open + 1..close].to_vec());
            }
            None => columns.extend(item),
        }
    }
    if lists.is_empty() {
        return Ok((columns, None));
    }
    if !several {
        return Ok((columns, lists.pop()));
    }
    if lists.len() != split(&columns).len() {
        return Err(Error::unsupported("IN of some columns of a PIVOT is not supported")
            .with_hint("list the values of all of them, or of none")
            .at(place(like)));
    }
    Ok((columns, Some(combined(&lists, like)?)))
}

/// Pieces between commas that are in no brackets.
fn split(tokens: &[TokenWithSpan]) -> Vec<Vec<TokenWithSpan>> {
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
fn without_ends(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
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
fn combined(lists: &[Vec<TokenWithSpan>], like: &TokenWithSpan) -> Result<Vec<TokenWithSpan>> {
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
fn as_calls(aggregates: Vec<TokenWithSpan>, like: &TokenWithSpan) -> Vec<TokenWithSpan> {
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
                let behind = super::closing(expr, *open).and_then(|close| next_solid(expr, close));
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
fn bracketed(tokens: &mut Vec<TokenWithSpan>) -> Result<()> {
    for at in (0..tokens.len()).rev() {
        let is_pivot = matches!(&tokens[at].token, Token::Word(word) if word.quote_style.is_none() && word.keyword == Keyword::PIVOT);
        let Some(open) = next_solid(tokens, at).filter(|open| is_pivot && tokens[*open].token == Token::LParen) else { continue };
        let Some(close) = super::closing(tokens, open) else { continue };
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
    loop {
        let Some(in_at) = (at..tokens.len()).find(|at| is_keyword(&tokens[*at].token, Keyword::IN)) else { break };
        let Some(open) = next_solid(tokens, in_at).filter(|open| tokens[*open].token == Token::LParen) else { break };
        let Some(close) = super::closing(tokens, open) else { break };
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

fn unpivot(parts: Parts, like: &TokenWithSpan) -> Result<Vec<TokenWithSpan>> {
    let Parts { mut table, on, using, group_by, into, end: _ } = parts;
    let on = without_ends(on);
    let usage = || {
        Error::invalid("syntax error: this UNPIVOT is not understood")
            .with_hint("write UNPIVOT t ON a, b INTO NAME n VALUE v")
            .at(place(like))
    };
    if !using.is_empty() || !group_by.is_empty() {
        return Err(usage());
    }
    let solid: Vec<TokenWithSpan> = into.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    let (name, value) = match solid.as_slice() {
        [] => (word("name", Keyword::NoKeyword, like), vec![word("value", Keyword::NoKeyword, like)]),
        [name_word, name, value_word, values @ ..]
            if is_keyword(&name_word.token, Keyword::NAME) && is_keyword(&value_word.token, Keyword::VALUE) && !values.is_empty() =>
        {
            (name.clone(), values.to_vec())
        }
        _ => return Err(usage()),
    };
    let values = match value.as_slice() {
        [_] => value,
        _ => brackets(value, like),
    };
    // INCLUDE NULLS stands behind the table.
    let last: Vec<usize> = (0..table.len()).rev().filter(|at| !matches!(table[*at].token, Token::Whitespace(_))).take(2).collect();
    let mut options = Vec::new();
    if let [nulls, include] = last[..]
        && is_keyword(&table[nulls].token, Keyword::NULLS)
        && (is_keyword(&table[include].token, Keyword::INCLUDE) || is_keyword(&table[include].token, Keyword::EXCLUDE))
    {
        options = table.split_off(include);
        options.push(blank(like));
    }
    let mut within = values;
    within.push(blank(like));
    within.extend(words(&[("FOR", Keyword::FOR)], like));
    within.extend([name, blank(like)]);
    within.extend(words(&[("IN", Keyword::IN)], like));
    within.extend(brackets(on, like));
    let mut all = all_of(table, like);
    all.extend(words(&[("UNPIVOT", Keyword::UNPIVOT)], like));
    all.extend(options);
    all.extend(brackets(within, like));
    Ok(all)
}

fn place(token: &TokenWithSpan) -> Position {
    Position { line: token.span.start.line, column: token.span.start.column }
}
