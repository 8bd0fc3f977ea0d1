//! Looks ahead in a statement: which words come next.

use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

/// A word to come, in capitals, if it is one without quotes; 0 is the next.
pub(crate) fn word_at(parser: &Parser<'_>, ahead: usize) -> Option<String> {
    match parser.peek_nth_token(ahead).token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_uppercase()),
        _ => None,
    }
}

/// The word that says what a CREATE makes or a DROP drops: `TABLE`, `MACRO`.
pub(crate) fn object(parser: &Parser<'_>) -> Option<String> {
    let mut ahead = 1;
    if word_at(parser, 0).as_deref() == Some("CREATE") {
        if word_at(parser, ahead).as_deref() == Some("OR") {
            ahead += 2;
        }
        if matches!(word_at(parser, ahead).as_deref(), Some("TEMP" | "TEMPORARY")) {
            ahead += 1;
        }
    }
    word_at(parser, ahead)
}
