//! Errors of syntax in words for people: what was expected where, and what was probably meant.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Word};

use crate::error::{Error, Position};
use crate::nearest::nearest;

/// What stands before messages about syntax.
const SYNTAX: &str = "syntax error: ";

/// Words that statements begin with.
const STATEMENTS: [&str; 30] = [
    "ALTER",
    "ATTACH",
    "BEGIN",
    "CACHE",
    "COMMENT",
    "COMMIT",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DELETE",
    "DESCRIBE",
    "DETACH",
    "DROP",
    "EXECUTE",
    "EXPLAIN",
    "EXPORT",
    "FROM",
    "IMPORT",
    "INSERT",
    "PIVOT",
    "PRAGMA",
    "PREPARE",
    "RESET",
    "ROLLBACK",
    "SELECT",
    "SHOW",
    "SUMMARIZE",
    "UPDATE",
    "VALUES",
    "WITH",
];

/// Words that begin or join the parts of statements; shorter ones are near to too much.
const CLAUSES: [&str; 24] = [
    "BETWEEN",
    "CROSS",
    "DISTINCT",
    "EXCEPT",
    "FROM",
    "FULL",
    "GROUP",
    "HAVING",
    "INNER",
    "INTERSECT",
    "INTO",
    "JOIN",
    "LEFT",
    "LIMIT",
    "OFFSET",
    "ORDER",
    "QUALIFY",
    "RIGHT",
    "SCHEMA",
    "TABLE",
    "UNION",
    "VALUES",
    "VIEW",
    "WHERE",
];

/// A message of the parser's or the tokenizer's, whose place stands at its end, as an error that knows its place.
pub(crate) fn at_place(message: &str) -> Error {
    let place = message.rsplit_once(" at Line: ").and_then(|(text, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        Some((text, Position { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? }))
    });
    match place {
        Some((text, position)) => worded(text).at(position),
        None => worded(message),
    }
}

/// A message in our words.
fn worded(message: &str) -> Error {
    if message.starts_with("Unterminated string literal") {
        return Error::invalid(format!("{SYNTAX}the text that begins here has no end"))
            .with_hint("a ' is missing; one within a text is doubled: 'it''s'");
    }
    if message.starts_with("Expected close delimiter") {
        return Error::invalid(format!("{SYNTAX}the name that begins here has no end")).with_hint("a \" is missing");
    }
    let text = message.trim_end_matches('.').replace("Expected: ", "expected ").replace(", found: ", ", found ");
    let text = match text.strip_suffix(", found EOF") {
        Some(before) => format!("{before}, found the end of the statement"),
        None => text,
    };
    Error::invalid(format!("{SYNTAX}{text}"))
}

/// The error for what stands behind a statement's end.
pub(crate) fn behind_the_end(found: &TokenWithSpan) -> Error {
    Error::invalid(format!("{SYNTAX}expected the end of the statement, found {found}")).at(position(found.span.start))
}

/// The error with a place, and with what was probably meant.
pub(crate) fn explained(error: Error, tokens: &[TokenWithSpan]) -> Error {
    if error.hint().is_some() || !error.message().starts_with(SYNTAX) {
        return error;
    }
    let solid: Vec<&TokenWithSpan> = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF)).collect();
    let Some(last) = solid.last() else { return error };
    let (error, at) = match error.position() {
        Some(found) => {
            let start = |token: &TokenWithSpan| (token.span.start.line, token.span.start.column);
            let at = solid.iter().position(|token| start(token) >= (found.line, found.column)).unwrap_or(solid.len());
            (error, at)
        }
        None if error.message().ends_with("found the end of the statement") => (error.at(position(last.span.end)), solid.len()),
        None => return error,
    };
    match meant(error.message(), &solid, at) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// What was probably meant, where the parser stopped at a token.
fn meant(message: &str, tokens: &[&TokenWithSpan], at: usize) -> Option<String> {
    let found = tokens.get(at);
    let before = at.checked_sub(1).and_then(|before| tokens.get(before));
    let did_you_mean = |word: &str| format!("did you mean {word}?");
    if let (Some(word), None) = (found.and_then(|token| mistakable(token)), before) {
        return nearest(&word.value, STATEMENTS).map(did_you_mean);
    }
    let expected = message.strip_prefix(SYNTAX)?.strip_prefix("expected ").and_then(|rest| rest.split(", found").next());
    if let (Some(word), Some(expected)) = (found.and_then(|token| mistakable(token)), expected)
        && expected.chars().all(|c| c.is_ascii_uppercase())
        && nearest(&word.value, [expected]).is_some()
    {
        return Some(did_you_mean(expected));
    }
    let open = unclosed(&tokens[..at]);
    match (found.map(|token| &token.token), open.as_ref()) {
        (Some(Token::RParen), None) => return Some("no ( stands before it that it could close".to_owned()),
        (None, Some(open)) => return Some(not_closed(open, tokens)),
        (Some(_), Some(open)) if expected.is_some_and(|expected| expected.contains(')')) => return Some(not_closed(open, tokens)),
        _ => {}
    }
    let count = |wanted: Keyword| tokens.iter().filter(|token| is_word(&token.token, wanted)).count();
    if count(Keyword::CASE) > count(Keyword::END) {
        return Some("a CASE ends with END".to_owned());
    }
    if let Some(Token::Word(word)) = found.map(|token| &token.token)
        && matches!(word.keyword, Keyword::GROUP | Keyword::ORDER)
        && !tokens.get(at + 1).is_some_and(|next| is_word(&next.token, Keyword::BY))
    {
        return Some(format!("write {} BY", word.value.to_uppercase()));
    }
    if let (Some(Token::Word(word)), Some(Token::Word(first))) = (found.map(|token| &token.token), tokens.first().map(|token| &token.token))
        && first.keyword == Keyword::FROM
        && matches!(word.keyword, Keyword::GROUP | Keyword::HAVING | Keyword::ORDER | Keyword::LIMIT | Keyword::QUALIFY | Keyword::WHERE)
        && tokens[at..].iter().any(|token| is_word(&token.token, Keyword::SELECT))
        && !tokens[..at].iter().any(|token| is_word(&token.token, Keyword::SELECT))
    {
        return Some(format!("SELECT stands right behind what FROM names, before {}", word.value.to_uppercase()));
    }
    let behind = |word: Keyword| tokens[..at.min(tokens.len())].iter().any(|token| is_word(&token.token, word));
    if found.is_some_and(|token| is_word(&token.token, Keyword::FROM)) && behind(Keyword::WHERE) && !behind(Keyword::FROM) {
        return Some("FROM stands before WHERE".to_owned());
    }
    if let (None, Some(Token::Word(word)), Some("an expression")) = (found, before.map(|token| &token.token), expected)
        && word.quote_style.is_none()
        && word.keyword != Keyword::NoKeyword
    {
        return Some(format!("what belongs behind {} is missing", word.value.to_uppercase()));
    }
    // A word that stands where an alias may is taken for one, and what follows it is one too many.
    let before_it = at.checked_sub(2).and_then(|position| tokens.get(position));
    let is_name = before_it.is_some_and(|token| names_follow(&token.token));
    let mut words = [before.filter(|_| !is_name), found].into_iter().flatten().filter_map(|token| mistakable(token));
    if let Some(clause) = words.find_map(|word| nearest(&word.value, CLAUSES)) {
        return Some(did_you_mean(clause));
    }
    match (before.map(|token| &token.token), found.map(|token| &token.token)) {
        (_, Some(Token::RArrow)) => Some("greater or equal is written >=".to_owned()),
        (_, Some(Token::Word(word))) if word.quote_style.is_none() && word.keyword != Keyword::NoKeyword && expects_name(expected) => {
            Some(format!("{} is a word of SQL; in double quotes it is a name: \"{}\"", word.value.to_uppercase(), word.value))
        }
        (Some(before), Some(found @ (Token::Word(_) | Token::Number(..) | Token::SingleQuotedString(_)))) if ends_value(before) => {
            Some(format!("is a comma, an operator or a keyword missing before {found}?"))
        }
        (Some(Token::Comma), Some(Token::Word(word))) if word.keyword != Keyword::NoKeyword => {
            Some(format!("is the comma before {} one too many?", word.value))
        }
        _ => None,
    }
}

fn is_word(token: &Token, wanted: Keyword) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.keyword == wanted)
}

/// Whether what stands behind a token is a name, and no word that was meant to be another.
fn names_follow(token: &Token) -> bool {
    match token {
        Token::Period => true,
        Token::Word(word) => {
            matches!(word.keyword, Keyword::FROM | Keyword::JOIN | Keyword::INTO | Keyword::TABLE | Keyword::VIEW | Keyword::AS)
        }
        _ => false,
    }
}

fn expects_name(expected: Option<&str>) -> bool {
    expected.is_some_and(|expected| ["identifier", "name", "alias"].iter().any(|word| expected.contains(word)))
}

/// A word that means nothing in SQL, and may be one that does with letters in the wrong place.
fn mistakable(token: &TokenWithSpan) -> Option<&Word> {
    match &token.token {
        Token::Word(word) if word.quote_style.is_none() && word.keyword == Keyword::NoKeyword => Some(word),
        _ => None,
    }
}

/// Whether a value may end with a token.
fn ends_value(token: &Token) -> bool {
    match token {
        Token::Word(word) => word.quote_style.is_some() || word.keyword == Keyword::NoKeyword,
        Token::Number(..) | Token::SingleQuotedString(_) | Token::RParen | Token::RBracket => true,
        _ => false,
    }
}

/// The innermost bracket that is open behind some tokens.
fn unclosed(tokens: &[&TokenWithSpan]) -> Option<Location> {
    let mut open = Vec::new();
    for token in tokens {
        match token.token {
            Token::LParen => open.push(token.span.start),
            Token::RParen => {
                open.pop();
            }
            _ => {}
        }
    }
    open.pop()
}

fn not_closed(open: &Location, tokens: &[&TokenWithSpan]) -> String {
    let first = tokens.first().map_or(open.line, |token| token.span.start.line);
    let last = tokens.last().map_or(open.line, |token| token.span.end.line);
    match first == last {
        true => format!("the ( at column {} is not closed", open.column),
        false => format!("the ( at line {}, column {} is not closed", open.line, open.column),
    }
}

fn position(location: Location) -> Position {
    Position { line: location.line, column: location.column }
}
