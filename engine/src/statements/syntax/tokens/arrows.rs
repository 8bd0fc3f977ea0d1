//! Whether `->` takes a field of JSON or begins a lambda's body: `j -> 'a'` is a field, `x -> x + 1` a lambda.
//!
//! The parser takes every name before an arrow for a lambda's parameter. Where a text or a number stands behind the arrow it is no lambda that anybody
//! writes; there the arrow becomes another operator of the same precedence, which is turned back when the statement is parsed.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{next_solid, previous_solid};

/// The operator that stands for `->` while a statement is parsed: PostgreSQL's deletion of a path, which nobody needs here.
pub(super) fn standardize(tokens: &mut [TokenWithSpan]) {
    for at in 0..tokens.len() {
        if tokens[at].token != Token::Arrow {
            continue;
        }
        let (Some(before), Some(behind)) = (previous_solid(tokens, at), next_solid(tokens, at)) else { continue };
        let is_name = matches!(tokens[before].token, Token::Word(_) | Token::RParen);
        if is_name && matches!(tokens[behind].token, Token::SingleQuotedString(_) | Token::Number(..)) {
            tokens[at].token = Token::HashMinus;
        }
    }
}
