//! Splits scripts into statements and parses them, with a guard against statements that would exhaust the stack.
//!
//! Splitting works on tokens, so that a semicolon in a string, a name or a comment ends nothing. A statement is parsed only when it is run: those
//! before a syntax error still run, and its message tells the line in the script.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    DataType as SqlType, Expr, ObjectName, Query, Statement as SqlStatement, TableFactor, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::dialect::DIALECT;
use crate::error::{Error, Result};
use crate::session::variables::VariableStatement;
use crate::statements::meaning::macros::{self, Definition};
use crate::statements::meaning::operators;
use crate::statements::objects::alter;
use crate::statements::objects::attach::{self, AttachStatement};
use crate::statements::objects::sequences;
use crate::statements::prepare::{self, Execute, Prepare};
use crate::statements::rows::cache::{self, CacheStatement};
use crate::statements::rows::copy::{self, CopyStatement};
use crate::statements::rows::export::{self, ExportStatement};
use crate::statements::rows::import::{self, ImportStatement};
use crate::statements::show::{self, Show, Target};
use crate::statements::syntax::depth;
use crate::statements::syntax::elsewhere;
use crate::statements::syntax::mistakes;
use crate::statements::syntax::pivot_syntax;
use crate::statements::syntax::tokens;
use crate::statements::syntax::words;
use crate::statements::write::Write;
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

    /// The text from a location of the script on.
    pub(crate) fn text_from(&self, location: Location) -> &str {
        &self.text[self.offset(location)..]
    }

    /// The places for values, as `$1`, `?` and `$name`, in the order of the text, each with the bytes of the text that it takes.
    pub(crate) fn placeholders(&self) -> Vec<(String, std::ops::Range<usize>)> {
        let place = |token: &TokenWithSpan| {
            let name = match &token.token {
                Token::Placeholder(name) => name.clone(),
                Token::Question => "?".to_owned(),
                _ => return None,
            };
            let start = self.offset(token.span.start);
            Some((name.clone(), start..start + name.len()))
        };
        self.tokens.iter().filter_map(place).collect()
    }

    /// The text with something else in those places.
    pub(crate) fn with_placeholders(&self, mut value: impl FnMut(&str) -> String) -> String {
        let mut text = String::new();
        let mut end = 0;
        for (name, range) in self.placeholders() {
            text.push_str(&self.text[end..range.start]);
            text.push_str(&value(&name));
            end = range.end;
        }
        text.push_str(&self.text[end..]);
        text
    }

    /// The byte of the text that stands at a location of the script.
    fn offset(&self, location: Location) -> usize {
        let first = self.tokens.iter().find(|token| is_solid(token)).map_or(Location { line: 1, column: 1 }, |token| token.span.start);
        let line = location.line.saturating_sub(first.line) + 1;
        let column = if location.line == first.line { location.column.saturating_sub(first.column) + 1 } else { location.column };
        offset(&self.text, &line_offsets(&self.text), Location { line, column })
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
    /// `INSERT INTO t BY NAME`.
    InsertByName(Box<SqlStatement>),
    /// `COPY`, parsed here.
    Copy(Box<CopyStatement>),
    /// `EXPORT DATABASE`.
    Export(ExportStatement),
    /// `IMPORT DATABASE`.
    Import(ImportStatement),
    /// `CACHE TABLE` or `UNCACHE TABLE`.
    Cache(CacheStatement),
    /// `SET VARIABLE`, `RESET VARIABLE`.
    Variable(Box<VariableStatement>),
    /// `RESET name`.
    Reset(String),
    /// `SHOW`, `DESCRIBE`, `SUMMARIZE`, `PRAGMA`.
    Show(Box<Show>),
    /// A statement that changes the database and is parsed here.
    Write(Box<Write>),
    /// `PREPARE`.
    Prepare(Box<Prepare>),
    /// `EXECUTE`.
    Execute(Box<Execute>),
    /// `ATTACH`, `DETACH`.
    Attach(Box<AttachStatement>),
    /// `DEALLOCATE`: one, or all.
    Deallocate(Option<String>),
}

/// Parses one statement of a script. To be called on a big stack.
pub(crate) fn parse_statement(statement: &Statement) -> Result<Parsed> {
    parsed_statement(statement).map_err(|error| mistakes::explained(error, &statement.tokens))
}

fn parsed_statement(statement: &Statement) -> Result<Parsed> {
    depth::check(&statement.tokens)?;
    let mut tokens = statement.tokens.clone();
    let by_name = tokens::take_by_name(&mut tokens);
    let mut parser = parser(tokens)?;
    let parsed = match parser.peek_token().token {
        Token::Word(word) if word.keyword == Keyword::COPY => Parsed::Copy(Box::new(copy::parse(&mut parser).map_err(syntax_error)?)),
        Token::Word(word) if matches!(word.keyword, Keyword::CACHE | Keyword::UNCACHE) => {
            Parsed::Cache(cache::parse(&mut parser).map_err(syntax_error)?)
        }
        Token::Word(word) if matches!(word.keyword, Keyword::SET | Keyword::RESET) && is_of_variable(&parser) => {
            Parsed::Variable(Box::new(variable(&mut parser)?))
        }
        Token::Word(word) if word.keyword == Keyword::RESET => {
            parser.next_token();
            Parsed::Reset(reset_name(&mut parser).map_err(syntax_error)?)
        }
        Token::Word(word) if export::begins(&word.value) => Parsed::Export(export::parse(&mut parser).map_err(syntax_error)?),
        Token::Word(word) if import::begins(&word.value) => Parsed::Import(import::parse(&mut parser).map_err(syntax_error)?),
        Token::Word(word) if word.keyword == Keyword::PREPARE => {
            // What stands behind its head is a statement of its own, which was parsed there.
            return prepare::parse_prepare(statement, &mut parser).map(|prepare| Parsed::Prepare(Box::new(prepare)));
        }
        Token::Word(word) if matches!(word.keyword, Keyword::EXECUTE) => {
            Parsed::Execute(Box::new(prepare::parse_execute(&mut parser).map_err(syntax_error)?))
        }
        Token::Word(word) if word.keyword == Keyword::DEALLOCATE => {
            Parsed::Deallocate(prepare::parse_deallocate(&mut parser).map_err(syntax_error)?)
        }
        Token::Word(word) if elsewhere::is(&parser, &word.value) => return Err(elsewhere::refused(&parser, &word.value)),
        _ => match catalog_statement(&mut parser).map_err(syntax_error)? {
            Some(parsed) => parsed,
            None => {
                let parsed = parsed(parser.parse_statement().map_err(syntax_error)?);
                if by_name { Parsed::InsertByName(Box::new(parsed)) } else { described(parsed) }
            }
        },
    };
    expect_end(&parser)?;
    Ok(parsed)
}

/// Statements about the catalog that the SQL parser does not know, or reads otherwise.
fn catalog_statement(parser: &mut Parser<'_>) -> std::result::Result<Option<Parsed>, ParserError> {
    if let Some(show) = show::parse(parser)? {
        return Ok(Some(Parsed::Show(Box::new(show))));
    }
    if let Some(statement) = attach::parse(parser)? {
        return Ok(Some(Parsed::Attach(Box::new(statement))));
    }
    let write = match parser.peek_token().token {
        Token::Word(word) if matches!(word.keyword, Keyword::CREATE | Keyword::DROP) => match macros::parse(parser)? {
            Some(statement) => Some(Write::Macro(statement)),
            None => sequences::parse(parser)?.map(Write::Sequence),
        },
        Token::Word(word) if word.keyword == Keyword::ALTER => alter::parse_view(parser)?.map(Write::AlterView),
        _ => None,
    };
    Ok(write.map(|write| Parsed::Write(Box::new(write))))
}

/// `EXPLAIN t` describes a table.
fn described(statement: SqlStatement) -> Parsed {
    match statement {
        SqlStatement::ExplainTable { table_name, hive_format: None, .. } => {
            Parsed::Show(Box::new(Show::Describe(Target::Name(table_name))))
        }
        other => Parsed::Sql(Box::new(other)),
    }
}

/// Parses a stored macro: its parameters and its body.
pub(crate) fn parse_macro(definition: &str) -> Result<Definition> {
    let tokens = tokenize(definition)?;
    depth::check(&tokens)?;
    let mut parser = parser(tokens)?;
    let definition = Definition::parse(&mut parser).map_err(syntax_error)?;
    expect_end(&parser)?;
    Ok(definition)
}

/// Parses a stored query (a view's). To be called on a big stack if it may be deep.
pub(crate) fn parse_query(sql: &str) -> Result<Box<Query>> {
    let tokens = tokenize(sql)?;
    depth::check(&tokens)?;
    let mut parser = parser(tokens)?;
    let query = parser.parse_query().map_err(syntax_error)?;
    expect_end(&parser)?;
    Ok(parsed(query))
}

/// Parses a stored expression (a default's).
pub(crate) fn parse_expression(sql: &str) -> Result<Expr> {
    let tokens = tokenize(sql)?;
    depth::check(&tokens)?;
    let mut parser = parser(tokens)?;
    let expr = parser.parse_expr().map_err(syntax_error)?;
    expect_end(&parser)?;
    Ok(parsed(expr))
}

/// Parses the name of a type.
///
/// # Errors
/// *Invalid*.
pub(crate) fn parse_type(sql: &str) -> Result<SqlType> {
    let mut parser = parser(tokenize(sql)?)?;
    let data_type = parser.parse_data_type().map_err(syntax_error)?;
    expect_end(&parser)?;
    Ok(data_type)
}

/// A syntax tree as it was meant: operators that stood for others while it was parsed are those again.
pub(crate) fn parsed<T: VisitMut>(mut tree: T) -> T {
    struct Restore;
    impl VisitorMut for Restore {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            operators::restore_arrow(expr);
            ControlFlow::Continue(())
        }
        fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
            pivot_syntax::grouped(factor);
            ControlFlow::Continue(())
        }
    }
    let _ = VisitMut::visit(&mut tree, &mut Restore);
    tree
}

/// The parts of a name, as they were written.
pub(crate) fn name_parts(name: &ObjectName) -> Result<Vec<String>> {
    name.0
        .iter()
        .map(|part| part.as_ident().map(normalized).ok_or_else(|| Error::invalid(format!("'{name}' is no name of a table"))))
        .collect()
}

pub(crate) fn syntax_error(error: ParserError) -> Error {
    match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => mistakes::at_place(&message),
        ParserError::RecursionLimitExceeded => depth::too_deep(),
    }
}

fn parser(mut tokens: Vec<TokenWithSpan>) -> Result<Parser<'static>> {
    tokens::standardize(&mut tokens)?;
    Ok(Parser::new(&DIALECT).with_recursion_limit(PARSER_RECURSION_LIMIT).with_tokens_with_locations(tokens))
}

fn expect_end(parser: &Parser<'_>) -> Result<()> {
    match parser.peek_token() {
        TokenWithSpan { token: Token::EOF, .. } => Ok(()),
        found => Err(mistakes::behind_the_end(&found)),
    }
}

/// Whether a SET or RESET is one of a variable: `SET variable = 5` is not.
fn is_of_variable(parser: &Parser<'_>) -> bool {
    words::word_at(parser, 1).as_deref() == Some("VARIABLE") && matches!(parser.peek_nth_token(2).token, Token::Word(_))
}

fn variable(parser: &mut Parser<'_>) -> Result<VariableStatement> {
    let is_set = parser.parse_keyword(Keyword::SET);
    // SET or RESET, and VARIABLE.
    if !is_set {
        parser.advance_token();
    }
    parser.advance_token();
    let name = normalized(&parser.parse_identifier().map_err(syntax_error)?);
    if !is_set {
        return Ok(VariableStatement::Reset { name });
    }
    if !parser.consume_token(&Token::Eq) {
        parser.expect_keyword(Keyword::TO).map_err(syntax_error)?;
    }
    let value = parsed(parser.parse_expr().map_err(syntax_error)?);
    Ok(VariableStatement::Set { name, value: parse_query(&format!("SELECT {value}"))? })
}

fn reset_name(parser: &mut Parser<'_>) -> Result<String, ParserError> {
    Ok(parser.parse_object_name(false)?.to_string().to_lowercase())
}

fn tokenize(sql: &str) -> Result<Vec<TokenWithSpan>> {
    let mut found = Tokenizer::new(&DIALECT, sql).tokenize_with_location().map_err(|error| mistakes::at_place(&error.to_string()))?;
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
    let first = tokens.iter().find(|token| is_solid(token))?;
    let last = tokens.iter().rev().find(|token| is_solid(token))?;
    let text = sql[offset(sql, offsets, first.span.start)..offset(sql, offsets, last.span.end)].to_owned();
    Some(Statement { text, line: first.span.start.line, tokens })
}

fn is_solid(token: &TokenWithSpan) -> bool {
    !matches!(token.token, Token::Whitespace(_) | Token::EOF)
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
        assert_eq!(error.position().map(|position| position.line), Some(3), "{error}");
    }

    #[test]
    fn an_open_string_is_an_error() {
        assert!(parse("SELECT 'x").unwrap_err().message().starts_with("syntax error"));
    }
}
