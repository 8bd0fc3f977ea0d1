//! PREPARE, EXECUTE, DEALLOCATE. A prepared statement is its text with places for values: `$1`, `?` or `$name`. EXECUTE puts the values there, as they
//! are written, and the statement runs as if it had been typed so.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Statement as SqlStatement, Visit, Visitor};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Error, Result};
use crate::statements::syntax::parse::{self, Parsed, Statement};

/// `PREPARE name (types) AS statement`.
#[derive(Debug, Clone)]
pub(crate) struct Prepare {
    pub(crate) name: String,
    pub(crate) prepared: Prepared,
}

/// A statement with places for values.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    statement: Statement,
    /// The types that values are cast to, where they were told.
    types: Vec<String>,
    /// The names of the places: numbers, or words. In the order in which they first stand in the text.
    places: Vec<String>,
}

/// `EXECUTE name(values)`.
#[derive(Debug, Clone)]
pub(crate) struct Execute {
    pub(crate) name: String,
    values: Vec<(Option<String>, Expr)>,
}

/// Parses the head of a PREPARE; the text behind AS is the statement.
pub(crate) fn parse_prepare(statement: &Statement, parser: &mut Parser<'_>) -> Result<Prepare> {
    parser.next_token();
    let name = parser.parse_identifier().map_err(parse::syntax_error)?.value.to_lowercase();
    let mut types = Vec::new();
    if parser.consume_token(&Token::LParen) {
        let parsed = parser.parse_comma_separated(Parser::parse_data_type).map_err(parse::syntax_error)?;
        parser.expect_token(&Token::RParen).map_err(parse::syntax_error)?;
        types = parsed.iter().map(ToString::to_string).collect();
    }
    parser.expect_keyword(Keyword::AS).map_err(parse::syntax_error)?;
    let start = parser.peek_token().span.start;
    let inner = parse::parse(statement.text_from(start))?;
    let [inner] = <[Statement; 1]>::try_from(inner).map_err(|_| Error::invalid("PREPARE name AS takes one statement"))?;
    let places = places(&inner)?;
    // A syntax error is told now, not when it is executed. A place is an expression to the parser.
    parse::parse_statement(&inner)?;
    Ok(Prepare { name, prepared: Prepared { statement: inner, types, places } })
}

/// Parses an EXECUTE.
pub(crate) fn parse_execute(parser: &mut Parser<'_>) -> Result<Execute, ParserError> {
    parser.next_token();
    let name = parser.parse_identifier()?.value.to_lowercase();
    let mut values = Vec::new();
    if parser.consume_token(&Token::LParen) && !parser.consume_token(&Token::RParen) {
        values = parser.parse_comma_separated(|parser| {
            let is_named = matches!(parser.peek_nth_token(1).token, Token::Assignment | Token::RArrow);
            let name = match is_named {
                true => {
                    let name = parser.parse_identifier()?.value.to_lowercase();
                    parser.next_token();
                    Some(name)
                }
                false => None,
            };
            Ok((name, parser.parse_expr()?))
        })?;
        parser.expect_token(&Token::RParen)?;
    }
    Ok(Execute { name, values })
}

/// Parses a DEALLOCATE: a name, or nothing for all of them.
pub(crate) fn parse_deallocate(parser: &mut Parser<'_>) -> Result<Option<String>, ParserError> {
    parser.next_token();
    let _ = parser.parse_keyword(Keyword::PREPARE);
    match parser.parse_keyword(Keyword::ALL) {
        true => Ok(None),
        false => Ok(Some(parser.parse_identifier()?.value.to_lowercase())),
    }
}

/// The places of a statement, each once. `?` is the next number.
fn places(statement: &Statement) -> Result<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    let (mut marks, mut names) = (0, 0);
    for (token, _) in statement.placeholders() {
        let name = match token.as_str() {
            "?" => {
                marks += 1;
                marks.to_string()
            }
            named => {
                names += 1;
                named.trim_start_matches(['$', '?', ':']).to_lowercase()
            }
        };
        if !found.contains(&name) {
            found.push(name);
        }
    }
    if marks > 0 && names > 0 {
        return Err(Error::invalid("a prepared statement has places of one kind: ?, $1 or $name"));
    }
    let numbers = found.iter().filter(|name| name.parse::<usize>().is_ok()).count();
    if numbers > 0 && numbers < found.len() {
        return Err(Error::invalid("a prepared statement has places with numbers or with names, not both"));
    }
    if numbers > 0 {
        found.sort_by_key(|name| name.parse::<usize>().unwrap_or(0));
    }
    Ok(found)
}

impl Prepared {
    /// The query with a number in each place, if it is one: what its names mean is the same.
    pub(crate) fn query(&self) -> Option<SqlStatement> {
        let text = self.statement.with_placeholders(|token| "0".repeat(token.len()));
        let [statement] = <[Statement; 1]>::try_from(parse::parse(&text).ok()?).ok()?;
        match parse::parse_statement(&statement).ok()? {
            Parsed::Sql(sql) => Some(*sql).filter(|sql| matches!(sql, SqlStatement::Query(_))),
            _ => None,
        }
    }

    /// The statement with the values of an EXECUTE.
    ///
    /// # Errors
    /// *Invalid* for too few or too many of them, or one that is no constant.
    pub(crate) fn with(&self, execute: &Execute) -> Result<Statement> {
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for (at, (name, value)) in execute.values.iter().enumerate() {
            check_constant(value)?;
            let place = name.clone().unwrap_or_else(|| (at + 1).to_string());
            if !self.places.contains(&place) {
                return Err(self.wrong(execute, &format!("it has no place '{place}'")));
            }
            // In brackets, so that a minus or an operator stays within the value.
            let text = match self.types.get(at) {
                Some(data_type) => format!("CAST(({value}) AS {data_type})"),
                None if matches!(value, Expr::Value(_)) => value.to_string(),
                None => format!("({value})"),
            };
            if values.insert(place.clone(), text).is_some() {
                return Err(Error::invalid(format!("EXECUTE {} gives a value for '{place}' twice", execute.name)));
            }
        }
        let missing: Vec<&str> = self.places.iter().filter(|place| !values.contains_key(*place)).map(String::as_str).collect();
        if !missing.is_empty() {
            return Err(self.wrong(execute, &format!("there is no value for {}", missing.join(", "))));
        }
        let mut marks = 0;
        let text = self.statement.with_placeholders(|token| {
            let place = match token {
                "?" => {
                    marks += 1;
                    marks.to_string()
                }
                named => named.trim_start_matches(['$', '?', ':']).to_lowercase(),
            };
            values.get(&place).cloned().unwrap_or_default()
        });
        let statements = parse::parse(&text)?;
        let [statement] = <[Statement; 1]>::try_from(statements).map_err(|_| Error::internal("a prepared statement became several"))?;
        Ok(statement)
    }

    fn wrong(&self, execute: &Execute, what: &str) -> Error {
        let hint = match self.places.as_slice() {
            [] => format!("write EXECUTE {}", execute.name),
            places if places[0].parse::<usize>().is_ok() => format!("it takes {} values", places.len()),
            places => {
                let named: Vec<String> = places.iter().map(|place| format!("{place} := ...")).collect();
                format!("write EXECUTE {}({})", execute.name, named.join(", "))
            }
        };
        Error::invalid(format!("EXECUTE {}: {what}", execute.name)).with_hint(hint)
    }
}

/// A value stands for itself, wherever its place is: it names no columns and reads nothing.
fn check_constant(value: &Expr) -> Result<()> {
    struct Finder;
    impl Visitor for Finder {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            let names = matches!(
                expr,
                Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. }
            );
            if names { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    match value.visit(&mut Finder) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => {
            Err(Error::invalid(format!("'{value}' is no constant")).with_hint("EXECUTE takes constants, and functions of constants"))
        }
    }
}
