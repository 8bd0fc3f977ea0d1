//! Reads the options of COPY: in brackets as PostgreSQL and DuckDB have them now, or behind the path as PostgreSQL had them before (`WITH CSV HEADER`).

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use crate::files::Given;

/// Options, if any follow; the parser stands behind the path.
pub(crate) fn parse(parser: &mut Parser<'_>) -> Result<Vec<(String, Given)>, ParserError> {
    let _ = parser.parse_keyword(Keyword::WITH);
    if !parser.consume_token(&Token::LParen) {
        return old_options(parser);
    }
    let mut options = Vec::new();
    loop {
        options.push(option(parser)?);
        if !parser.consume_token(&Token::Comma) {
            break;
        }
    }
    parser.expect_token(&Token::RParen)?;
    Ok(options)
}

fn option(parser: &mut Parser<'_>) -> Result<(String, Given), ParserError> {
    let name = match parser.next_token().token {
        Token::Word(word) => word.value,
        Token::SingleQuotedString(text) => text,
        other => return Err(error(&format!("expected the name of an option of COPY, found: {other}"))),
    };
    let _ = parser.consume_token(&Token::Eq);
    let given = match parser.peek_token().token {
        Token::Comma | Token::RParen => Given::Nothing,
        Token::LParen => {
            parser.next_token();
            let list = match parser.consume_token(&Token::Mul) {
                true => Given::All,
                false => Given::List(parser.parse_comma_separated(value)?),
            };
            parser.expect_token(&Token::RParen)?;
            list
        }
        Token::LBracket => {
            parser.next_token();
            let list = parser.parse_comma_separated(value)?;
            parser.expect_token(&Token::RBracket)?;
            Given::List(list)
        }
        Token::LBrace => {
            parser.next_token();
            let pairs = parser.parse_comma_separated(|parser| {
                let name = value(parser)?;
                parser.expect_token(&Token::Colon)?;
                Ok((name, value(parser)?))
            })?;
            parser.expect_token(&Token::RBrace)?;
            Given::Pairs(pairs)
        }
        Token::Mul => {
            parser.next_token();
            Given::All
        }
        _ => Given::Text(value(parser)?),
    };
    Ok((name, given))
}

/// `CSV HEADER DELIMITER ';' NULL AS 'NA'`.
fn old_options(parser: &mut Parser<'_>) -> Result<Vec<(String, Given)>, ParserError> {
    let mut options = Vec::new();
    loop {
        let word = match parser.peek_token().token {
            Token::EOF => return Ok(options),
            Token::Word(word) => word.value.to_ascii_uppercase(),
            other => return Err(unknown(&other.to_string())),
        };
        parser.next_token();
        match word.as_str() {
            "CSV" | "TEXT" => options.push(("format".to_owned(), Given::Text("csv".to_owned()))),
            "HEADER" => options.push(("header".to_owned(), Given::Nothing)),
            "DELIMITER" | "DELIMITERS" | "NULL" | "QUOTE" | "ESCAPE" | "ENCODING" => {
                let _ = parser.parse_keyword(Keyword::AS);
                options.push((
                    if word == "DELIMITERS" { "delimiter".to_owned() } else { word.to_ascii_lowercase() },
                    Given::Text(value(parser)?),
                ));
            }
            "FORCE" => {
                let name = match parser.parse_keywords(&[Keyword::NOT, Keyword::NULL]) {
                    true => "force_not_null",
                    false => match parser.next_token().token {
                        Token::Word(word) if word.value.eq_ignore_ascii_case("quote") => "force_quote",
                        other => return Err(unknown(&format!("FORCE {other}"))),
                    },
                };
                let columns = match parser.consume_token(&Token::Mul) {
                    true => Given::All,
                    false => Given::List(parser.parse_comma_separated(value)?),
                };
                options.push((name.to_owned(), columns));
            }
            other => return Err(unknown(other)),
        }
    }
}

fn value(parser: &mut Parser<'_>) -> Result<String, ParserError> {
    let minus = parser.consume_token(&Token::Minus);
    match parser.next_token().token {
        Token::Number(digits, _) if minus => Ok(format!("-{digits}")),
        Token::Word(word) if !minus => Ok(word.value),
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) | Token::DoubleQuotedString(text) if !minus => Ok(text),
        Token::Number(digits, _) => Ok(digits),
        other => Err(error(&format!("expected the value of an option of COPY, found: {other}"))),
    }
}

fn unknown(word: &str) -> ParserError {
    error(&format!("{word} is no option of COPY without brackets: write (FORMAT csv, HEADER, DELIMITER ';')"))
}

fn error(message: &str) -> ParserError {
    ParserError::ParserError(message.to_owned())
}
