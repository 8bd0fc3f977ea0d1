//! What a macro is: parameters, and an expression or a query. Its text is what is stored.

use std::fmt;

use datafusion::sql::sqlparser::ast::{Expr, Ident, Query, Statement};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Error, Result};
use crate::statements::meaning::refuse::{check_expression, check_stored};
use crate::statements::meaning::rewrite;
use crate::statements::syntax::parse::parsed;

/// Parameters and body.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    /// Their names, and what those have that may be left out.
    pub(crate) parameters: Vec<(Ident, Option<Expr>)>,
    pub(crate) body: Body,
}

/// What a call becomes.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Expression(Box<Expr>),
    Table(Box<Query>),
}

impl Definition {
    /// Parses `(a, b := 5) AS a + b`, or `(a) AS TABLE SELECT ...`.
    pub(crate) fn parse(parser: &mut Parser<'_>) -> std::result::Result<Self, ParserError> {
        parser.expect_token(&Token::LParen)?;
        let mut parameters = Vec::new();
        if !parser.consume_token(&Token::RParen) {
            parameters = parser.parse_comma_separated(|parser| {
                let name = parser.parse_identifier()?;
                if matches!(parser.peek_token().token, Token::Word(_)) {
                    let found = parser.peek_token();
                    return Err(ParserError::ParserError(format!(
                        "parameter '{name}' has a type, {found}: write CREATE MACRO f(a, b := 5) AS a + b, without types and RETURNS"
                    )));
                }
                let has_default = parser.consume_token(&Token::Assignment) || parser.consume_token(&Token::RArrow);
                Ok((name, if has_default { Some(parsed(parser.parse_expr()?)) } else { None }))
            })?;
            parser.expect_token(&Token::RParen)?;
        }
        parser.expect_keyword(Keyword::AS)?;
        let body = match parser.parse_keyword(Keyword::TABLE) {
            true => Body::Table(parsed(parser.parse_query()?)),
            false => Body::Expression(Box::new(parsed(parser.parse_expr()?))),
        };
        Ok(Self { parameters, body })
    }

    /// Checks what can be known before it is called.
    ///
    /// # Errors
    /// *Invalid* for a parameter twice, or one without a value behind one that has one; *unsupported* for what no query can hold.
    pub(crate) fn check(&self) -> Result<()> {
        for (at, (name, default)) in self.parameters.iter().enumerate() {
            let before = &self.parameters[..at];
            if before.iter().any(|(other, _)| is_same(other, name)) {
                return Err(Error::invalid(format!("the macro has two parameters '{name}'")));
            }
            if default.is_none() && before.iter().any(|(_, default)| default.is_some()) {
                return Err(Error::invalid(format!("parameter '{name}' has no value, and one before it has"))
                    .with_hint("parameters with values stand behind the others"));
            }
            default.iter().try_for_each(check_expression)?;
        }
        match &self.body {
            Body::Expression(expr) => check_expression(expr.as_ref()),
            Body::Table(query) => {
                if let Some(what) = rewrite::reads_past_or_files(query) {
                    return Err(Error::unsupported(format!("a macro that {what} is not supported")));
                }
                check_stored(&Statement::Query(query.clone()))
            }
        }
    }
}

/// Whether two names are the same parameter.
pub(super) fn is_same(left: &Ident, right: &Ident) -> bool {
    left.value.to_lowercase() == right.value.to_lowercase()
}

impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters: Vec<String> = self
            .parameters
            .iter()
            .map(|(name, default)| match default {
                Some(default) => format!("{name} := {default}"),
                None => name.to_string(),
            })
            .collect();
        write!(f, "({}) AS ", parameters.join(", "))?;
        match &self.body {
            Body::Expression(expr) => write!(f, "{expr}"),
            Body::Table(query) => write!(f, "TABLE {query}"),
        }
    }
}
