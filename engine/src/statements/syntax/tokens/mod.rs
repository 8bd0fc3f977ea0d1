//! Small changes to a statement's tokens before they are parsed, for spellings that the parser reads only in another database's dialect, or not at all.
//!
//! - here: types of structs, numbers, `**`, WITH ... AS MATERIALIZED; `samples`: TABLESAMPLE in DuckDB's words and USING SAMPLE; `asof`: the condition of
//!   an ASOF JOIN; `frames`: EXCLUDE; `select_list`: names in front of columns, and stars; `shown`: DESCRIBE in a FROM; `begun`: CALL, CREATE TABLE t (a, b) AS; `pivots`: PIVOT and UNPIVOT as statements; `arrows`: whether `->` takes a field of JSON or begins a lambda's body.

mod arrows;
mod asof;
mod begun;
mod frames;
mod pivot_lists;
mod pivots;
mod samples;
mod select_list;
mod shown;

use arrow::datatypes::DECIMAL128_MAX_PRECISION;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Whitespace, Word};

use crate::error::{Error, Position, Result};

/// What an ASOF JOIN without a match condition of its own gets as one.
pub(crate) use asof::AsofKind;
/// What stands for an expression that a PIVOT computes.
pub(crate) use pivot_lists::EXPRESSION as PIVOT_EXPRESSION;
/// What a PIVOT groups by, while it is parsed.
pub(crate) use pivots::GROUPS as PIVOT_GROUPS;
/// The function that stands for a percentage behind LIMIT: nobody's.
pub(crate) const PERCENT: &str = "__percent";
/// What stands for `*COLUMNS(...)`, and for DESCRIBE and its like within a query.
pub(crate) use select_list::UNPACKED;
pub(crate) use shown::SHOWN;

/// Carries out all changes but those of numbers, which are made when a script is split.
///
/// # Errors
/// *Unsupported* for POSITIONAL JOIN, *invalid* for a sample that is not understood.
pub(crate) fn standardize(tokens: &mut Vec<TokenWithSpan>) -> Result<()> {
    shown::standardize(tokens);
    begun::standardize(tokens);
    struct_types(tokens);
    powers(tokens);
    bare_trims(tokens);
    without_materialized(tokens);
    positional_joins(tokens)?;
    percentages(tokens);
    texts_side_by_side(tokens)?;
    insert_from(tokens);
    from_first(tokens);
    in_lists(tokens);
    pivots::standardize(tokens)?;
    samples::standardize(tokens)?;
    asof::standardize(tokens)?;
    frames::standardize(tokens);
    select_list::standardize(tokens);
    arrows::standardize(tokens);
    open_ends(tokens);
    Ok(())
}

/// Takes BY NAME, or BY POSITION, out of an INSERT: whether it is by name.
pub(crate) fn take_by_name(tokens: &mut Vec<TokenWithSpan>) -> bool {
    let Some(first) = (0..tokens.len()).find(|at| !matches!(tokens[*at].token, Token::Whitespace(_))) else { return false };
    if !is_keyword(&tokens[first].token, Keyword::INSERT) {
        return false;
    }
    let mut at = first;
    while let Some(next) = next_solid(tokens, at) {
        match &tokens[next].token {
            Token::LParen => at = closing(tokens, next).unwrap_or(next),
            Token::Word(found) if found.quote_style.is_none() => match found.keyword {
                Keyword::BY => {
                    let Some(how) = next_solid(tokens, next) else { return false };
                    let by_name = is_keyword(&tokens[how].token, Keyword::NAME);
                    if by_name || matches!(&tokens[how].token, Token::Word(word) if word.value.eq_ignore_ascii_case("position")) {
                        tokens.drain(next..=how);
                    }
                    return by_name;
                }
                Keyword::SELECT | Keyword::VALUES | Keyword::FROM | Keyword::WITH | Keyword::TABLE => return false,
                _ => at = next,
            },
            _ => at = next,
        }
    }
    false
}

/// `2 ** 3` is `2 ^ 3`.
fn powers(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at + 1 < tokens.len() {
        if tokens[at].token == Token::Mul && tokens[at + 1].token == Token::Mul {
            tokens[at].token = Token::Caret;
            tokens.remove(at + 1);
        }
        at += 1;
    }
}

/// What an open end of a slice is while it is parsed.
pub(crate) const OPEN_END: &str = "-";

/// `list[2:-:2]`, and `list[:-:2]`, have an open end.
fn open_ends(tokens: &mut [TokenWithSpan]) {
    for at in 0..tokens.len() {
        if tokens[at].token == Token::Minus
            && let (Some(before), Some(behind)) = (previous_solid(tokens, at), next_solid(tokens, at))
            && tokens[before].token == Token::Colon
            && matches!(tokens[behind].token, Token::Colon | Token::RBracket)
        {
            tokens[at].token = Token::SingleQuotedString(OPEN_END.to_owned());
        }
    }
}

/// `trim(LEADING FROM x)` is `trim(LEADING x)`.
fn bare_trims(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at < tokens.len() {
        let is_side =
            matches!(&tokens[at].token, Token::Word(word) if matches!(word.keyword, Keyword::BOTH | Keyword::LEADING | Keyword::TRAILING));
        let bracket = previous_solid(tokens, at).filter(|before| is_side && tokens[*before].token == Token::LParen);
        let is_trim = bracket
            .and_then(|bracket| previous_solid(tokens, bracket))
            .is_some_and(|before| is_keyword(&tokens[before].token, Keyword::TRIM));
        if is_trim
            && let Some(next) = next_solid(tokens, at)
            && is_keyword(&tokens[next].token, Keyword::FROM)
        {
            tokens.remove(next);
        }
        at += 1;
    }
}

/// `WITH a AS MATERIALIZED (...)` says how to compute, not what: what runs once is decided by looking at the plan.
fn without_materialized(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at < tokens.len() {
        if is_keyword(&tokens[at].token, Keyword::MATERIALIZED)
            && next_solid(tokens, at).is_some_and(|next| tokens[next].token == Token::LParen)
            && let Some(before) = previous_solid(tokens, at)
        {
            let first = match is_keyword(&tokens[before].token, Keyword::NOT) {
                true => previous_solid(tokens, before).map(|as_at| (as_at, before)),
                false => Some((before, at)),
            };
            if let Some((as_at, first)) = first
                && is_keyword(&tokens[as_at].token, Keyword::AS)
            {
                tokens.drain(first..=at);
                at = first;
                continue;
            }
        }
        at += 1;
    }
}

/// `'a' 'b'` and `1 'b'` would be a column called b.
fn texts_side_by_side(tokens: &[TokenWithSpan]) -> Result<()> {
    for (at, token) in tokens.iter().enumerate() {
        if matches!(token.token, Token::SingleQuotedString(_))
            && let Some(before) = previous_solid(tokens, at)
            && matches!(tokens[before].token, Token::SingleQuotedString(_) | Token::Number(..))
        {
            let position = Position { line: token.span.start.line, column: token.span.start.column };
            return Err(Error::invalid(format!("there is nothing between {} and {}", tokens[before].token, token.token))
                .with_hint("a comma is missing, or || to join texts; a name for a column stands behind AS, in double quotes")
                .at(position));
        }
    }
    Ok(())
}

/// `LIMIT 10%` and `LIMIT 10 PERCENT` become `LIMIT __percent(10)`: the parser would take the sign for a remainder of nothing.
fn percentages(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at < tokens.len() {
        if is_keyword(&tokens[at].token, Keyword::LIMIT)
            && let Some(number) = next_solid(tokens, at)
            && matches!(tokens[number].token, Token::Number(..))
            && let Some(sign) = next_solid(tokens, number)
            && (tokens[sign].token == Token::Mod || is_keyword(&tokens[sign].token, Keyword::PERCENT))
            && next_solid(tokens, sign).is_none_or(|next| !matches!(tokens[next].token, Token::Number(..) | Token::LParen))
        {
            let like = tokens[number].clone();
            let bracket = |token: Token| TokenWithSpan { token, span: like.span };
            tokens[sign].token = Token::RParen;
            tokens.splice(number..number, [word(PERCENT, Keyword::NoKeyword, &like), bracket(Token::LParen)]);
        }
        at += 1;
    }
}

/// `FROM t WHERE ...` is `SELECT * FROM t WHERE ...`. The parser knows FROM first alone, and in front of SELECT.
fn from_first(tokens: &mut Vec<TokenWithSpan>) {
    for at in (0..tokens.len()).rev() {
        if !is_keyword(&tokens[at].token, Keyword::FROM) || !stands_first(tokens, at) || !has_clauses(tokens, at) {
            continue;
        }
        let like = tokens[at].clone();
        let blank = || TokenWithSpan { token: Token::Whitespace(Whitespace::Space), span: like.span };
        let star = TokenWithSpan { token: Token::Mul, span: like.span };
        tokens.splice(at..at, [word("SELECT", Keyword::SELECT, &like), blank(), star, blank()]);
    }
}

/// `INSERT INTO t FROM u` is `INSERT INTO t SELECT * FROM u`.
fn insert_from(tokens: &mut Vec<TokenWithSpan>) {
    let Some(first) = (0..tokens.len()).find(|at| !matches!(tokens[*at].token, Token::Whitespace(_))) else { return };
    let into = next_solid(tokens, first)
        .filter(|into| is_keyword(&tokens[first].token, Keyword::INSERT) && is_keyword(&tokens[*into].token, Keyword::INTO));
    let Some(mut at) = into else { return };
    while let Some(next) = next_solid(tokens, at) {
        match &tokens[next].token {
            Token::LParen => at = closing(tokens, next).unwrap_or(next),
            Token::Word(found) if found.quote_style.is_none() && found.keyword == Keyword::FROM => {
                let like = tokens[next].clone();
                let blank = || TokenWithSpan { token: Token::Whitespace(Whitespace::Space), span: like.span };
                let star = TokenWithSpan { token: Token::Mul, span: like.span };
                tokens.splice(next..next, [word("SELECT", Keyword::SELECT, &like), blank(), star, blank()]);
                return;
            }
            Token::Word(found)
                if found.quote_style.is_none()
                    && matches!(found.keyword, Keyword::SELECT | Keyword::VALUES | Keyword::WITH | Keyword::TABLE | Keyword::DEFAULT) =>
            {
                return;
            }
            _ => at = next,
        }
    }
}

/// `x IN [1, 2]` and `x IN list` are `x = ANY ([1, 2])` and `x = ANY (list)`; NOT IN is `<> ALL`.
fn in_lists(tokens: &mut Vec<TokenWithSpan>) {
    let first = tokens.iter().find(|token| !matches!(token.token, Token::Whitespace(_)));
    // `SHOW TABLES IN s`.
    if first.is_some_and(|first| is_keyword(&first.token, Keyword::SHOW)) {
        return;
    }
    let mut at = 0;
    while at < tokens.len() {
        if is_keyword(&tokens[at].token, Keyword::IN)
            && let Some(first) = next_solid(tokens, at)
            && !binds_a_name(tokens, at)
            && let Some(last) = end_of_list(tokens, first)
        {
            let like = tokens[at].clone();
            let bracket = |token: Token| TokenWithSpan { token, span: like.span };
            tokens.insert(last + 1, bracket(Token::RParen));
            let not = previous_solid(tokens, at).filter(|before| is_keyword(&tokens[*before].token, Keyword::NOT));
            let (begin, operator, quantifier) = match not {
                Some(not) => (not, Token::Neq, word("ALL", Keyword::ALL, &like)),
                None => (at, Token::Eq, word("ANY", Keyword::ANY, &like)),
            };
            tokens.splice(begin..first, [bracket(operator), quantifier, bracket(Token::LParen)]);
        }
        at += 1;
    }
}

/// Whether an IN stands behind the name of a list comprehension or of a PIVOT, `FOR x IN`, or within `position(a IN b)`.
fn binds_a_name(tokens: &[TokenWithSpan], at: usize) -> bool {
    let mut back = at;
    while let Some(before) = previous_solid(tokens, back) {
        match &tokens[before].token {
            Token::Word(word) if word.quote_style.is_none() && word.keyword == Keyword::FOR => return true,
            Token::Word(_) | Token::Comma | Token::Period => back = before,
            _ => break,
        }
    }
    // The bracket around it.
    let mut depth = 0_usize;
    for before in (0..at).rev() {
        match &tokens[before].token {
            Token::RParen => depth += 1,
            Token::LParen if depth > 0 => depth -= 1,
            Token::LParen => {
                return previous_solid(tokens, before)
                    .is_some_and(|name| matches!(&tokens[name].token, Token::Word(word) if word.value.eq_ignore_ascii_case("position")));
            }
            _ => {}
        }
    }
    false
}

/// The last token of a list that is written in square brackets, or named.
fn end_of_list(tokens: &[TokenWithSpan], first: usize) -> Option<usize> {
    match &tokens[first].token {
        Token::LBracket => {
            let mut depth = 0_usize;
            tokens[first..]
                .iter()
                .position(|token| {
                    match token.token {
                        Token::LBracket => depth += 1,
                        Token::RBracket => depth -= 1,
                        _ => {}
                    }
                    depth == 0
                })
                .map(|length| first + length)
        }
        Token::Word(word) if word.quote_style.is_some() || word.keyword == Keyword::NoKeyword => {
            let mut last = first;
            while tokens.get(last + 1).is_some_and(|dot| dot.token == Token::Period)
                && matches!(tokens.get(last + 2).map(|name| &name.token), Some(Token::Word(_)))
            {
                last += 2;
            }
            // A call is left to the parser's own message.
            let is_call = next_solid(tokens, last).is_some_and(|next| tokens[next].token == Token::LParen);
            (!is_call).then_some(last)
        }
        _ => None,
    }
}

/// Whether a FROM is the beginning of a query.
fn stands_first(tokens: &[TokenWithSpan], at: usize) -> bool {
    let Some(before) = previous_solid(tokens, at) else { return true };
    match &tokens[before].token {
        Token::LParen => true,
        Token::Word(word) => {
            let between = matches!(word.keyword, Keyword::AS | Keyword::UNION | Keyword::ALL | Keyword::INTERSECT | Keyword::EXCEPT);
            word.quote_style.is_none() && (between || word.keyword == Keyword::EXPLAIN)
        }
        _ => false,
    }
}

/// Whether clauses follow a FROM, and no SELECT.
fn has_clauses(tokens: &[TokenWithSpan], from: usize) -> bool {
    let (mut depth, mut found) = (0_usize, false);
    for token in &tokens[from + 1..] {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 0 => break,
            Token::RParen => depth -= 1,
            Token::SemiColon | Token::EOF => break,
            Token::Word(word) if depth == 0 && word.quote_style.is_none() => match word.keyword {
                Keyword::SELECT => return false,
                Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT => break,
                Keyword::WHERE | Keyword::GROUP | Keyword::HAVING | Keyword::QUALIFY => found = true,
                _ => {}
            },
            _ => {}
        }
    }
    found
}

/// The parser would take `t POSITIONAL JOIN u` for a table with the alias "positional".
fn positional_joins(tokens: &[TokenWithSpan]) -> Result<()> {
    for (at, token) in tokens.iter().enumerate() {
        let Token::Word(word) = &token.token else { continue };
        if word.quote_style.is_none()
            && word.value.eq_ignore_ascii_case("positional")
            && next_solid(tokens, at).is_some_and(|next| is_keyword(&tokens[next].token, Keyword::JOIN))
        {
            let position = Position { line: token.span.start.line, column: token.span.start.column };
            return Err(Error::unsupported("POSITIONAL JOIN is not supported: rows of tables have no order of their own")
                .with_hint("number the rows of both sides with row_number() OVER (ORDER BY ...), and join by the number")
                .at(position));
        }
    }
    Ok(())
}

/// The next token that is no blank.
fn next_solid(tokens: &[TokenWithSpan], at: usize) -> Option<usize> {
    (at + 1..tokens.len()).find(|at| !matches!(tokens[*at].token, Token::Whitespace(_)))
}

/// The token before that is no blank.
fn previous_solid(tokens: &[TokenWithSpan], at: usize) -> Option<usize> {
    (0..at).rev().find(|at| !matches!(tokens[*at].token, Token::Whitespace(_)))
}

/// The bracket that closes the one at a position.
fn closing(tokens: &[TokenWithSpan], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// A word where another token stood.
fn word(text: &str, keyword: Keyword, like: &TokenWithSpan) -> TokenWithSpan {
    let token = Token::Word(Word { value: text.to_owned(), quote_style: None, keyword });
    TokenWithSpan { token, span: like.span }
}

/// Turns DuckDB's `STRUCT(a INT, b TEXT)` into the parser's `STRUCT<a INT, b TEXT>`. A call of the function `struct(a, b)` stays.
fn struct_types(tokens: &mut [TokenWithSpan]) {
    for at in 0..tokens.len() {
        if !is_keyword(&tokens[at].token, Keyword::STRUCT) {
            continue;
        }
        let solid: Vec<usize> = (at + 1..tokens.len()).filter(|i| !matches!(tokens[*i].token, Token::Whitespace(_))).take(3).collect();
        let [open, name, next] = solid[..] else { continue };
        let is_type = tokens[open].token == Token::LParen
            && matches!(tokens[name].token, Token::Word(_) | Token::DoubleQuotedString(_))
            && matches!(&tokens[next].token, Token::Word(word) if word.keyword != Keyword::AS && !is_operator(word.keyword));
        if !is_type {
            continue;
        }
        let mut depth = 0usize;
        for close in open..tokens.len() {
            match tokens[close].token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                tokens[open].token = Token::Lt;
                tokens[close].token = Token::Gt;
                break;
            }
        }
    }
}

/// Makes numbers of `0x1F`, which the tokenizer takes for the bytes `X'1F'`, and refuses `1__0` and `12abc`, which the parser would read as a number with
/// a name. `is_zero` tells whether the text begins with a zero at a location.
///
/// # Errors
/// *Invalid* names the number.
pub(crate) fn numbers(tokens: &mut [TokenWithSpan], is_zero: impl Fn(Location) -> bool) -> Result<()> {
    for token in tokens.iter_mut() {
        if let Token::HexStringLiteral(digits) = &token.token
            && is_zero(token.span.start)
        {
            let number = u64::from_str_radix(digits, 16);
            let number = number.map_err(|_| Error::invalid(format!("syntax error: 0x{digits} is no number of 64 bits")))?;
            token.token = Token::Number(number.to_string(), false);
        }
    }
    for token in tokens.iter_mut() {
        // More digits than a DECIMAL has: a DOUBLE, as in DuckDB.
        if let Token::Number(number, _) = &mut token.token
            && let Some((whole, fraction)) = number.split_once('.')
            && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit())
            && whole.trim_start_matches('0').len() + fraction.len() > usize::from(DECIMAL128_MAX_PRECISION)
        {
            number.push_str("e0");
        }
    }
    for pair in tokens.windows(2) {
        if let [TokenWithSpan { token: Token::Number(number, _), span }, TokenWithSpan { token: Token::Word(word), .. }] = pair
            && word.quote_style.is_none()
        {
            return Err(Error::invalid(format!("syntax error: '{number}{word}'{} is neither a number nor a name", span.start))
                .with_hint("a name that begins with a digit is written in double quotes"));
        }
    }
    Ok(())
}

fn is_keyword(token: &Token, keyword: Keyword) -> bool {
    matches!(token, Token::Word(word) if word.keyword == keyword && word.quote_style.is_none())
}

/// Words that stand behind a value rather than behind a name.
fn is_operator(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::AND
            | Keyword::OR
            | Keyword::IS
            | Keyword::IN
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::BETWEEN
            | Keyword::NOT
            | Keyword::COLLATE
            | Keyword::AT
    )
}
