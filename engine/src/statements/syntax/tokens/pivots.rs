//! DuckDB's `PIVOT t ON column USING aggregate GROUP BY columns` and `UNPIVOT t ON columns INTO NAME n VALUE v`, wherever a query may stand, as the parser reads
//! them: `SELECT * FROM t PIVOT (aggregate FOR (column) IN (ANY))`.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::pivot_lists::{as_calls, bracketed, combined, split, without_ends};
use super::{is_keyword, next_solid, previous_solid, word};
use crate::error::{Error, Position, Result};

/// The function whose arguments a PIVOT groups by. The parser has no place for them but that of a default, which nobody writes.
pub(crate) const GROUPS: &str = "__pivot_by";

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
pub(super) fn words(text: &[(&str, Keyword)], like: &TokenWithSpan) -> Vec<TokenWithSpan> {
    text.iter().flat_map(|(text, keyword)| [word(text, *keyword, like), blank(like)]).collect()
}

pub(super) fn sign(token: Token, like: &TokenWithSpan) -> TokenWithSpan {
    TokenWithSpan { token, span: like.span }
}

pub(super) fn blank(like: &TokenWithSpan) -> TokenWithSpan {
    sign(Token::Whitespace(datafusion::sql::sqlparser::tokenizer::Whitespace::Space), like)
}

pub(super) fn brackets(within: Vec<TokenWithSpan>, like: &TokenWithSpan) -> Vec<TokenWithSpan> {
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

pub(super) fn place(token: &TokenWithSpan) -> Position {
    Position { line: token.span.start.line, column: token.span.start.column }
}
