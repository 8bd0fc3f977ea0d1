//! Small changes to a statement's tokens before they are parsed, for spellings that the parser reads only in another database's dialect.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

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
