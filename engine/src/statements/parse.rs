//! Splits scripts into statements and parses them, with a guard against statements that would exhaust the stack.
//!
//! Splitting works on tokens, so that a semicolon in a string, a name or a comment ends nothing. A statement is parsed only when it is run: those
//! before a syntax error still run, and its message tells the line in the script.

use datafusion::sql::sqlparser::ast::{Expr, ObjectName, Query, Statement as SqlStatement};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::cache::{self, CacheStatement};
use super::copy::{self, CopyStatement};
use super::depth;
use super::dialect::DIALECT;
use super::export::{self, ExportStatement};
use super::import::{self, ImportStatement};
use super::tokens;
use crate::error::{Error, Result};
pub(crate) use crate::types::normalized;

/// How deep the parser itself may recurse. Its frames take some 20 KiB a level in debug builds; the stack that statements are parsed on holds that
/// many times over (see `stack`).
const PARSER_RECURSION_LIMIT: usize = 600;

/// One statement of a script.
#[derive(Debug, Clone)]
pub struct Statement {
    text: String,
    line: u64,
    tokens: Vec<TokenWithSpan>,
}

impl Statement {
    /// The statement's text, without the semicolon and the comments around it.
    pub fn sql(&self) -> &str {
        &self.text
    }

    /// The line of the script on which it starts, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }
}

/// Splits a script into its statements.
///
/// # Errors
/// *Invalid* for a string, quoted name or comment that does not end.
pub fn parse(sql: &str) -> Result<Vec<Statement>> {
    let tokens = tokenize(sql)?;
    let offsets = line_offsets(sql);
    let mut statements = Vec::new();
    let mut current: Vec<TokenWithSpan> = Vec::new();
    for token in tokens {
        match token.token {
            Token::SemiColon => statements.extend(finish(sql, &offsets, std::mem::take(&mut current))),
            _ => current.push(token),
        }
    }
    statements.extend(finish(sql, &offsets, current));
    Ok(statements)
}

/// Whether a text that is being typed is complete: it ends with a semicolon, or holds nothing but blanks and comments.
pub fn is_complete(sql: &str) -> bool {
    match tokenize(sql) {
        Ok(tokens) => {
            let last = tokens.iter().rev().find(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF));
            last.is_none_or(|token| token.token == Token::SemiColon)
        }
        Err(_) => false,
    }
}

/// What a statement turned out to be.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// A statement that the SQL parser knows.
    Sql(Box<SqlStatement>),
    /// `COPY`, parsed here.
    Copy(Box<CopyStatement>),
    /// `EXPORT DATABASE`.
    Export(ExportStatement),
    /// `IMPORT DATABASE`.
    Import(ImportStatement),
    /// `CACHE TABLE` or `UNCACHE TABLE`.
    Cache(CacheStatement),
    /// `RESET name`.
    Reset(String),
}

/// Parses one statement of a script. To be called on a big stack.
pub(crate) fn parse_statement(statement: &Statement) -> Result<Parsed> {
    depth::check(&statement.tokens)?;
    let mut parser = parser(statement.tokens.clone());
    let parsed = match parser.peek_token().token {
        Token::Word(word) if word.keyword == Keyword::COPY => Parsed::Copy(Box::new(copy::parse(&mut parser).map_err(syntax_error)?)),
        Token::Word(word) if matches!(word.keyword, Keyword::CACHE | Keyword::UNCACHE) => {
            Parsed::Cache(cache::parse(&mut parser).map_err(syntax_error)?)
        }
        Token::Word(word) if word.keyword == Keyword::RESET => {
            parser.next_token();
            Parsed::Reset(reset_name(&mut parser).map_err(syntax_error)?)
        }
        Token::Word(word) if export::begins(&word.value) => Parsed::Export(export::parse(&mut parser).map_err(syntax_error)?),
        Token::Word(word) if import::begins(&word.value) => Parsed::Import(import::parse(&mut parser).map_err(syntax_error)?),
        _ => Parsed::Sql(Box::new(parser.parse_statement().map_err(syntax_error)?)),
    };
    expect_end(&parser)?;
    Ok(parsed)
}

/// Parses a stored query (a view's). To be called on a big stack if it may be deep.
pub(crate) fn parse_query(sql: &str) -> Result<Box<Query>> {
    let tokens = tokenize(sql)?;
    depth::check(&tokens)?;
    let mut parser = parser(tokens);
    let query = parser.parse_query().map_err(syntax_error)?;
    expect_end(&parser)?;
    Ok(query)
}

/// Parses a stored expression (a default's).
pub(crate) fn parse_expression(sql: &str) -> Result<Expr> {
    let tokens = tokenize(sql)?;
    depth::check(&tokens)?;
    let mut parser = parser(tokens);
    let expr = parser.parse_expr().map_err(syntax_error)?;
    expect_end(&parser)?;
    Ok(expr)
}

/// The parts of a name, as DataFusion sees them.
pub(crate) fn name_parts(name: &ObjectName) -> Result<Vec<String>> {
    name.0
        .iter()
        .map(|part| part.as_ident().map(normalized).ok_or_else(|| Error::invalid(format!("'{name}' is no name of a table"))))
        .collect()
}

pub(crate) fn syntax_error(error: ParserError) -> Error {
    match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => Error::invalid(format!("syntax error: {message}")),
        ParserError::RecursionLimitExceeded => depth::too_deep(),
    }
}

fn parser(mut tokens: Vec<TokenWithSpan>) -> Parser<'static> {
    tokens::struct_types(&mut tokens);
    Parser::new(&DIALECT).with_recursion_limit(PARSER_RECURSION_LIMIT).with_tokens_with_locations(tokens)
}

fn expect_end(parser: &Parser<'_>) -> Result<()> {
    match parser.peek_token() {
        TokenWithSpan { token: Token::EOF, .. } => Ok(()),
        found => Err(Error::invalid(format!("syntax error: expected the end of the statement, found: {found}{}", found.span.start))),
    }
}

fn reset_name(parser: &mut Parser<'_>) -> Result<String, ParserError> {
    if parser.parse_keyword(Keyword::ALL) {
        return Err(ParserError::ParserError("RESET ALL is not supported: name the setting".to_owned()));
    }
    Ok(parser.parse_object_name(false)?.to_string().to_lowercase())
}

fn tokenize(sql: &str) -> Result<Vec<TokenWithSpan>> {
    let mut found =
        Tokenizer::new(&DIALECT, sql).tokenize_with_location().map_err(|error| Error::invalid(format!("syntax error: {error}")))?;
    let offsets = line_offsets(sql);
    tokens::numbers(&mut found, |location| sql[offset(sql, &offsets, location)..].starts_with('0'))?;
    Ok(found)
}

/// The byte at which every line starts.
fn line_offsets(sql: &str) -> Vec<usize> {
    std::iter::once(0).chain(sql.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// The byte at a location: columns count characters, from 1.
fn offset(sql: &str, offsets: &[usize], location: Location) -> usize {
    let line = usize::try_from(location.line.saturating_sub(1)).unwrap_or(usize::MAX);
    let column = usize::try_from(location.column.saturating_sub(1)).unwrap_or(usize::MAX);
    let Some(start) = offsets.get(line) else { return sql.len() };
    let rest = &sql[*start..];
    rest.char_indices().nth(column).map_or(sql.len(), |(at, _)| start + at)
}

fn finish(sql: &str, offsets: &[usize], tokens: Vec<TokenWithSpan>) -> Option<Statement> {
    let solid = |token: &&TokenWithSpan| !matches!(token.token, Token::Whitespace(_) | Token::EOF);
    let first = tokens.iter().find(solid)?;
    let last = tokens.iter().rev().find(solid)?;
    let text = sql[offset(sql, offsets, first.span.start)..offset(sql, offsets, last.span.end)].to_owned();
    Some(Statement { text, line: first.span.start.line, tokens })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn splits_at_semicolons_that_end_statements() {
        let script = "SELECT ';' AS \"a;b\"; -- no; not here\n/* nor; here */\n  SELECT\n 2;;\n SELECT $$x;y$$";
        let statements = parse(script).unwrap();
        let found: Vec<(u64, &str)> = statements.iter().map(|s| (s.line(), s.sql())).collect();
        assert_eq!(found, [(1, "SELECT ';' AS \"a;b\""), (3, "SELECT\n 2"), (5, "SELECT $$x;y$$")]);
    }

    #[test]
    fn texts_with_other_letters_are_cut_in_the_right_place() {
        let statements = parse("SELECT 'äöü→', 'b'; SELECT '→'").unwrap();
        assert_eq!(statements[0].sql(), "SELECT 'äöü→', 'b'");
        assert_eq!(statements[1].sql(), "SELECT '→'");
    }

    #[test]
    fn knows_when_a_text_is_complete() {
        for complete in ["", " -- nothing\n", "SELECT 1;", "SELECT 1; -- done\n"] {
            assert!(is_complete(complete), "{complete:?}");
        }
        for incomplete in ["SELECT 1", "SELECT ';", "SELECT 1; SELECT", "/* open"] {
            assert!(!is_complete(incomplete), "{incomplete:?}");
        }
    }

    #[test]
    fn syntax_errors_tell_the_line_in_the_script() {
        let statements = parse("SELECT 1;\nSELECT 2;\nSELECT FROM FROM;").unwrap();
        assert!(parse_statement(&statements[1]).is_ok());
        let error = parse_statement(&statements[2]).unwrap_err();
        assert!(error.message().contains("Line: 3"), "{error}");
    }

    #[test]
    fn an_open_string_is_an_error() {
        assert!(parse("SELECT 'x").unwrap_err().message().starts_with("syntax error"));
    }
}
