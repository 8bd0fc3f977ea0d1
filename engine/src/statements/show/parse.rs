//! The spellings of SHOW, DESCRIBE, SUMMARIZE and PRAGMA.

use datafusion::sql::sqlparser::ast::{Ident, ObjectName, Value};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::{Fact, Listed, Made, Show, Target};
use crate::settings::CATALOG;
use crate::statements::syntax::words::word_at;

type Result<T> = std::result::Result<T, ParserError>;

/// Parses one, if the parser stands before one.
pub(crate) fn parse(parser: &mut Parser<'_>) -> Result<Option<Show>> {
    let Some(first) = word(parser) else { return Ok(None) };
    let show = match first.as_str() {
        "SHOW" => show,
        "DESCRIBE" | "DESC" => describe,
        "SUMMARIZE" => |parser: &mut Parser<'_>| Ok(Show::Summarize(target(parser)?)),
        "PRAGMA" => pragma,
        // MySQL's and PostgreSQL's `SET NAMES 'utf8'`.
        "SET" if word_at(parser, 1).as_deref() == Some("NAMES") && !matches!(parser.peek_nth_token(2).token, Token::Eq) => set_names,
        _ => return Ok(None),
    };
    parser.next_token();
    show(parser).map(Some)
}

/// The next word in capitals, if it is one without quotes.
fn word(parser: &Parser<'_>) -> Option<String> {
    word_at(parser, 0)
}

/// Takes a word, if it comes next.
fn take(parser: &mut Parser<'_>, wanted: &str) -> bool {
    let is_next = word(parser).as_deref() == Some(wanted);
    if is_next {
        parser.next_token();
    }
    is_next
}

fn is_over(parser: &Parser<'_>) -> bool {
    parser.peek_token().token == Token::EOF
}

/// Whether behind a word comes nothing, or what a list of things can have: then the word is no table's name.
fn is_list(parser: &Parser<'_>) -> bool {
    matches!(parser.peek_nth_token(1).token, Token::EOF) || matches!(word_at(parser, 1).as_deref(), Some("FROM" | "IN" | "LIKE" | "ILIKE"))
}

fn describe(parser: &mut Parser<'_>) -> Result<Show> {
    match is_over(parser) {
        true => Ok(Show::List { of: Listed::TablesWithColumns, schema: None, like: None }),
        false => Ok(Show::Describe(target(parser)?)),
    }
}

fn set_names(parser: &mut Parser<'_>) -> Result<Show> {
    parser.advance_token();
    Ok(Show::Change { name: "client_encoding".to_owned(), value: value(parser)? })
}

fn target(parser: &mut Parser<'_>) -> Result<Target> {
    let is_query =
        matches!(word(parser).as_deref(), Some("SELECT" | "WITH" | "FROM" | "VALUES")) || parser.peek_token().token == Token::LParen;
    if is_query {
        return Ok(Target::Query(parser.parse_query()?));
    }
    if matches!(word(parser).as_deref(), Some("TABLE" | "VIEW")) && word_or_name_at(parser, 1) {
        parser.next_token();
    }
    Ok(Target::Name(parser.parse_object_name(false)?))
}

fn word_or_name_at(parser: &Parser<'_>, ahead: usize) -> bool {
    matches!(parser.peek_nth_token(ahead).token, Token::Word(_) | Token::SingleQuotedString(_))
}

fn show(parser: &mut Parser<'_>) -> Result<Show> {
    let Some(first) = word(parser) else {
        return match is_over(parser) {
            true => Ok(Show::List { of: Listed::TablesWithColumns, schema: None, like: None }),
            false => Ok(Show::Named(parser.parse_object_name(false)?)),
        };
    };
    let listed = match first.as_str() {
        "TABLES" => Some(Listed::Tables),
        "VIEWS" => Some(Listed::Views),
        "SCHEMAS" => Some(Listed::Schemas),
        "DATABASES" | "CATALOGS" => Some(Listed::Databases),
        "FUNCTIONS" => Some(Listed::Functions),
        "MACROS" => Some(Listed::Macros),
        "SEQUENCES" => Some(Listed::Sequences),
        _ => None,
    };
    if let Some(of) = listed.filter(|_| is_list(parser)) {
        parser.next_token();
        return list(parser, of);
    }
    match first.as_str() {
        "ALL" | "FULL" | "TERSE" | "EXTENDED" if word_at(parser, 1).as_deref() == Some("TABLES") => {
            parser.advance_token();
            parser.advance_token();
            list(parser, if first == "TERSE" { Listed::Tables } else { Listed::TablesWithColumns })
        }
        "ALL" if matches!(parser.peek_nth_token(1).token, Token::EOF) => {
            parser.next_token();
            Ok(Show::Settings)
        }
        "COLUMNS" | "FIELDS" if is_list(parser) => {
            parser.next_token();
            columns(parser)
        }
        "CREATE" if !matches!(parser.peek_nth_token(1).token, Token::EOF) => {
            parser.next_token();
            create(parser)
        }
        "TABLE" | "VIEW" if word_or_name_at(parser, 1) => Ok(Show::Describe(target(parser)?)),
        "INDEX" | "INDEXES" | "INDICES" | "KEYS" if is_list(parser) => {
            Err(ParserError::ParserError("there are no indexes: SHOW CREATE TABLE tells what a table is clustered by".to_owned()))
        }
        "TIME" if take_all(parser, &["TIME", "ZONE"]) => Ok(Show::Named(one_name("timezone"))),
        "TRANSACTION" if take_all(parser, &["TRANSACTION", "ISOLATION", "LEVEL"]) => Ok(Show::Named(one_name("transaction_isolation"))),
        _ => Ok(Show::Named(parser.parse_object_name(false)?)),
    }
}

fn take_all(parser: &mut Parser<'_>, words: &[&str]) -> bool {
    let there = words.iter().enumerate().all(|(ahead, wanted)| word_at(parser, ahead).as_deref() == Some(wanted));
    if there {
        words.iter().for_each(|_| drop(parser.next_token()));
    }
    there
}

fn one_name(name: &str) -> ObjectName {
    ObjectName::from(vec![Ident::new(name)])
}

fn list(parser: &mut Parser<'_>, of: Listed) -> Result<Show> {
    let mut schema = None;
    if take(parser, "FROM") || take(parser, "IN") {
        take(parser, "SCHEMA");
        schema = Some(parser.parse_object_name(false)?);
    }
    let like = like(parser)?;
    Ok(Show::List { of, schema, like })
}

fn like(parser: &mut Parser<'_>) -> Result<Option<String>> {
    match take(parser, "LIKE") || take(parser, "ILIKE") {
        true => parser.parse_literal_string().map(Some),
        false => Ok(None),
    }
}

fn columns(parser: &mut Parser<'_>) -> Result<Show> {
    if !(take(parser, "FROM") || take(parser, "IN")) {
        return Err(ParserError::ParserError(format!("expected FROM and a table, found: {}", parser.peek_token())));
    }
    let mut table = parser.parse_object_name(false)?;
    // MySQL names the schema behind the table.
    if take(parser, "FROM") || take(parser, "IN") {
        let mut schema = parser.parse_object_name(false)?;
        schema.0.append(&mut table.0);
        table = schema;
    }
    Ok(Show::Columns { table, like: like(parser)? })
}

fn create(parser: &mut Parser<'_>) -> Result<Show> {
    let made = match word(parser).as_deref() {
        Some("TABLE") => Made::Table,
        Some("VIEW") => Made::View,
        Some("SCHEMA") => Made::Schema,
        Some("MACRO" | "FUNCTION") => Made::Macro,
        Some("SEQUENCE") => Made::Sequence,
        Some("DATABASE") => {
            parser.next_token();
            let name = if is_over(parser) { one_name(CATALOG) } else { parser.parse_object_name(false)? };
            return Ok(Show::Create(Made::Database, name));
        }
        _ => {
            let found = parser.peek_token();
            return Err(ParserError::ParserError(format!(
                "expected TABLE, VIEW, SCHEMA, MACRO, SEQUENCE or DATABASE behind SHOW CREATE, found: {found}"
            )));
        }
    };
    parser.next_token();
    Ok(Show::Create(made, parser.parse_object_name(false)?))
}

/// `PRAGMA name`, `PRAGMA name = value`, `PRAGMA name(argument)`.
fn pragma(parser: &mut Parser<'_>) -> Result<Show> {
    let name = parser.parse_identifier()?.value.to_lowercase();
    if parser.consume_token(&Token::Eq) {
        return Ok(Show::Change { name, value: value(parser)? });
    }
    let argument = match parser.consume_token(&Token::LParen) {
        true => {
            let argument = parser.parse_object_name(false)?;
            parser.expect_token(&Token::RParen)?;
            Some(argument)
        }
        false => None,
    };
    let list = |of| Ok(Show::List { of, schema: None, like: None });
    match (name.as_str(), argument) {
        ("table_info", Some(table)) => Ok(Show::TableInfo(unquoted(table))),
        ("show", Some(table)) => Ok(Show::Describe(Target::Name(unquoted(table)))),
        ("show_tables", None) => list(Listed::Tables),
        ("show_tables_expanded", None) => list(Listed::TablesWithColumns),
        ("show_databases", None) => list(Listed::Databases),
        ("functions", None) => list(Listed::Functions),
        ("database_list", None) => Ok(Show::Fact(Fact::DatabaseList)),
        ("database_size", None) => Ok(Show::Fact(Fact::DatabaseSize)),
        ("version", None) => Ok(Show::Fact(Fact::Version)),
        _ => Err(ParserError::ParserError(format!(
            "PRAGMA {name} is not supported: there are table_info('t'), show('t'), show_tables, show_tables_expanded, show_databases, \
             functions, database_list, database_size, version, and PRAGMA setting = value"
        ))),
    }
}

/// In `table_info('s.t')` the string is a name.
fn unquoted(name: ObjectName) -> ObjectName {
    let parts = name.0.iter().filter_map(|part| part.as_ident()).flat_map(|ident| match ident.quote_style {
        Some('\'') => ident.value.split('.').map(Ident::new).collect(),
        _ => vec![ident.clone()],
    });
    ObjectName::from(parts.collect::<Vec<_>>())
}

fn value(parser: &mut Parser<'_>) -> Result<String> {
    if parser.parse_keyword(Keyword::TRUE) {
        return Ok("true".to_owned());
    }
    if parser.parse_keyword(Keyword::FALSE) {
        return Ok("false".to_owned());
    }
    if matches!(parser.peek_token().token, Token::Word(_)) {
        return Ok(parser.parse_identifier()?.value);
    }
    match parser.parse_value()?.value {
        Value::Number(digits, _) => Ok(digits),
        other => other.into_string().ok_or_else(|| ParserError::ParserError("expected the value of a setting".to_owned())),
    }
}
