//! Small changes to a statement's tokens before they are parsed, for spellings that the parser reads only in another database's dialect.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use crate::error::{Error, Result};

/// Turns DuckDB's `STRUCT(a INT, b TEXT)` into the parser's `STRUCT<a INT, b TEXT>`. A call of the function `struct(a, b)` stays.
pub(crate) fn struct_types(tokens: &mut [TokenWithSpan]) {
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
