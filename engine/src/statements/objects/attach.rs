//! ATTACH and DETACH: other databases, read in the same queries. Names of three parts reach their tables, as `other.main.t`; of two parts, their schema `main`.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Ident, ObjectName, ObjectNamePart, Statement, Visit, VisitMut, Visitor, VisitorMut};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Error, Result};
use crate::settings::{CATALOG, DEFAULT_SCHEMA, TEMPORARY};
use crate::statements::meaning::refuse::unsupported;
use crate::statements::syntax::parse::{name_parts, normalized};
use crate::statements::syntax::words::word_at;
use crate::statements::targets::PG_TEMP;

/// `ATTACH 'location' AS name (READ_ONLY)`, or `DETACH name`.
#[derive(Debug, Clone)]
pub(crate) enum AttachStatement {
    Attach { location: String, name: String, if_not_exists: bool, read_only: bool },
    Detach { name: String, if_exists: bool },
}

/// Parses one, if the parser stands before one.
pub(crate) fn parse(parser: &mut Parser<'_>) -> std::result::Result<Option<AttachStatement>, ParserError> {
    match word_at(parser, 0).as_deref() {
        Some("ATTACH") => {
            parser.advance_token();
            attach(parser).map(Some)
        }
        Some("DETACH") => {
            parser.advance_token();
            let _ = parser.parse_keyword(Keyword::DATABASE);
            let if_exists = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
            Ok(Some(AttachStatement::Detach { name: normalized(&parser.parse_identifier()?), if_exists }))
        }
        _ => Ok(None),
    }
}

fn attach(parser: &mut Parser<'_>) -> std::result::Result<AttachStatement, ParserError> {
    let _ = parser.parse_keyword(Keyword::DATABASE);
    let if_not_exists = parser.parse_keywords(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS]);
    let location = parser.parse_literal_string()?;
    let name = match parser.parse_keyword(Keyword::AS) {
        true => normalized(&parser.parse_identifier()?),
        false => last_part(&location),
    };
    let mut read_only = false;
    if parser.consume_token(&Token::LParen) {
        parser.parse_comma_separated(|parser| {
            let option = parser.parse_identifier()?.value.to_uppercase();
            match option.as_str() {
                "READ_ONLY" => read_only = !parser.parse_keyword(Keyword::FALSE) || parser.parse_keyword(Keyword::TRUE),
                "TYPE" => {
                    let found = parser.parse_identifier()?.value;
                    if !found.eq_ignore_ascii_case(CATALOG) {
                        return Err(ParserError::ParserError(format!(
                            "databases of type {found} cannot be attached, only those of CloudDB"
                        )));
                    }
                }
                other => return Err(ParserError::ParserError(format!("'{other}' is no option of ATTACH: there is READ_ONLY"))),
            }
            Ok(())
        })?;
        let _ = parser.parse_keyword(Keyword::TRUE);
        parser.expect_token(&Token::RParen)?;
    }
    Ok(AttachStatement::Attach { location, name, if_not_exists, read_only })
}

/// The name of a database whose location ends so: `s3://bucket/sales` is `sales`.
fn last_part(location: &str) -> String {
    let path = location.split(['?', '#']).next().unwrap_or(location).trim_end_matches('/');
    let last = path.rsplit(['/', ':']).next().unwrap_or(path);
    last.split('.').next().unwrap_or(last).to_lowercase()
}

/// Gives a name of two parts, of which the first is an attached database, its schema.
pub(crate) fn with_schema(name: &mut ObjectName, attached: &[String], schema_exists: impl Fn(&str) -> bool) {
    let Ok(parts) = name_parts(name) else { return };
    if let [database, _] = parts.as_slice()
        && attached.contains(database)
        && !schema_exists(database)
    {
        let last = name.0.pop();
        let schema = if database == TEMPORARY { TEMPORARY } else { DEFAULT_SCHEMA };
        name.0.extend(ObjectName::from(vec![Ident::with_quote('"', schema)]).0);
        name.0.extend(last);
    }
}

/// PostgreSQL's `pg_temp.t` is `temp.t`.
pub(crate) fn with_temporary_schema(name: &mut ObjectName) {
    if let [ObjectNamePart::Identifier(schema), _] = name.0.as_mut_slice()
        && schema.value.eq_ignore_ascii_case(PG_TEMP)
    {
        *schema = Ident::with_quote('"', TEMPORARY);
    }
}

/// The same for all names of a statement.
pub(crate) fn with_schemas(statement: &mut Statement, attached: &[String]) {
    struct Names<'a>(&'a [String]);
    impl VisitorMut for Names<'_> {
        type Break = ();
        fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<()> {
            with_schema(relation, self.0, |_| false);
            ControlFlow::Continue(())
        }
    }
    let _ = VisitMut::visit(statement, &mut Names(attached));
}

/// Refuses what is to be stored if it names another database: it would be looked up in this one.
pub(crate) fn check_stored(statement: &Statement, attached: &[String]) -> Result<()> {
    struct Finder<'a>(&'a [String]);
    impl Visitor for Finder<'_> {
        type Break = String;
        fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<String> {
            let parts = name_parts(relation).unwrap_or_default();
            let is_other = match parts.as_slice() {
                [database, _, _] => database != CATALOG,
                [database, _] => self.0.contains(database),
                _ => false,
            };
            if is_other { ControlFlow::Break(relation.to_string()) } else { ControlFlow::Continue(()) }
        }
    }
    match statement.visit(&mut Finder(attached)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(name) => {
            let error: Error = unsupported(format!("a view that reads another database ({name})"));
            Err(error.with_hint("CREATE TABLE ... AS SELECT copies what it reads"))
        }
    }
}
