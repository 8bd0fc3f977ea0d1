//! ASOF JOIN as DuckDB spells it. The parser knows Snowflake's, which has a match condition of its own in front of ON: one is put there that says which of
//! DuckDB's two joins it is.

use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::{closing, is_keyword, next_solid, word};
use crate::error::{Error, Position, Result};

/// Which join it is that came without a match condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AsofKind {
    /// Rows without a match are left out.
    Inner,
    /// Rows of the left side are kept.
    Left,
}

impl AsofKind {
    /// The name that stands for it in the syntax tree.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Inner => "ASOF JOIN",
            Self::Left => "ASOF LEFT JOIN",
        }
    }

    /// Which one a match condition stands for; `None` for one that compares.
    pub(crate) fn of(match_condition: &Expr) -> Option<Self> {
        let Expr::Identifier(ident) = match_condition else { return None };
        [Self::Inner, Self::Left].into_iter().find(|kind| kind.name() == ident.value)
    }
}

/// Writes every ASOF JOIN as the parser reads it.
pub(super) fn standardize(tokens: &mut Vec<TokenWithSpan>) -> Result<()> {
    let mut at = 0;
    while at < tokens.len() {
        if is_keyword(&tokens[at].token, Keyword::ASOF) {
            join(tokens, at)?;
        }
        at += 1;
    }
    Ok(())
}

fn join(tokens: &mut Vec<TokenWithSpan>, asof: usize) -> Result<()> {
    let place = tokens[asof].span.start;
    let refused = |what: &str| {
        Error::unsupported(format!("ASOF {what} JOIN is not supported"))
            .with_hint("ASOF JOIN and ASOF LEFT JOIN look for the nearest row of their right side: exchange the sides")
            .at(Position { line: place.line, column: place.column })
    };
    let Some(mut next) = next_solid(tokens, asof) else { return Ok(()) };
    let mut kind = AsofKind::Inner;
    let Token::Word(found) = &tokens[next].token else { return Ok(()) };
    match found.keyword {
        Keyword::JOIN => {}
        Keyword::INNER => {
            tokens.remove(next);
        }
        Keyword::LEFT => {
            kind = AsofKind::Left;
            tokens.remove(next);
            if let Some(outer) = next_solid(tokens, asof).filter(|at| is_keyword(&tokens[*at].token, Keyword::OUTER)) {
                tokens.remove(outer);
            }
        }
        Keyword::RIGHT | Keyword::FULL | Keyword::SEMI | Keyword::ANTI | Keyword::CROSS => {
            return Err(refused(&found.value.to_uppercase()));
        }
        // The alias of a table, say.
        _ => return Ok(()),
    }
    next = next_solid(tokens, asof).unwrap_or(asof);
    if !is_keyword(&tokens[next].token, Keyword::JOIN) {
        return Ok(());
    }
    // The condition follows the table, which may be a query in brackets.
    let mut at = next;
    while let Some(behind) = next_solid(tokens, at) {
        match &tokens[behind].token {
            Token::LParen => at = closing(tokens, behind).unwrap_or(behind),
            Token::Word(found) if found.quote_style.is_none() && found.keyword == Keyword::MATCH_CONDITION => return Ok(()),
            Token::Word(found) if found.quote_style.is_none() && matches!(found.keyword, Keyword::ON | Keyword::USING) => {
                let like = tokens[behind].clone();
                let name = Token::Word(Word { value: kind.name().to_owned(), quote_style: Some('"'), keyword: Keyword::NoKeyword });
                let tokens_of = |token| TokenWithSpan { token, span: like.span };
                let condition = [
                    word("MATCH_CONDITION", Keyword::MATCH_CONDITION, &like),
                    tokens_of(Token::LParen),
                    tokens_of(name),
                    tokens_of(Token::RParen),
                ];
                tokens.splice(behind..behind, condition);
                return Ok(());
            }
            _ => at = behind,
        }
    }
    Ok(())
}
