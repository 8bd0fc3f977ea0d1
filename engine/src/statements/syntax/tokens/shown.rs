//! `FROM (DESCRIBE t)`, `FROM (SHOW TABLES)`, `FROM (SUMMARIZE t)`: the statement within becomes the argument of a function, which whoever rewrites the query
//! carries out.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{closing, is_keyword, next_solid, previous_solid, word};

/// The function that stands for such a statement: nobody's.
pub(crate) const SHOWN: &str = "__shown";

/// Writes them all so.
pub(super) fn standardize(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at].token == Token::LParen
            && let Some(first) = next_solid(tokens, at)
            && begins_one(&tokens[first].token)
            && next_solid(tokens, first)
                .is_some_and(|next| matches!(tokens[next].token, Token::Word(_) | Token::LParen | Token::SingleQuotedString(_)))
            && previous_solid(tokens, at).is_some_and(|before| {
                let before = &tokens[before].token;
                *before == Token::Comma || is_keyword(before, Keyword::FROM) || is_keyword(before, Keyword::JOIN)
            })
            && let Some(close) = closing(tokens, at)
        {
            let like = tokens[at].clone();
            let text: String = tokens[first..close].iter().map(|token| written(&token.token)).collect();
            let text = TokenWithSpan { token: Token::SingleQuotedString(text), span: like.span };
            tokens.splice(first..close, [text]);
            tokens.insert(at, word(SHOWN, Keyword::NoKeyword, &like));
        }
        at += 1;
    }
}

fn begins_one(token: &Token) -> bool {
    let Token::Word(word) = token else { return false };
    word.quote_style.is_none() && ["describe", "desc", "show", "summarize"].iter().any(|first| word.value.eq_ignore_ascii_case(first))
}

/// A token as it can be read again.
fn written(token: &Token) -> String {
    match token {
        Token::SingleQuotedString(text) => format!("'{}'", text.replace('\'', "''")),
        Token::Word(word) if word.quote_style == Some('"') => format!("\"{}\"", word.value.replace('"', "\"\"")),
        other => other.to_string(),
    }
}
