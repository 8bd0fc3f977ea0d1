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
    /// Rows of the right side that no row found are kept.
    Right,
    /// Both.
    Full,
}

impl AsofKind {
    /// The name that stands for it in the syntax tree.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Inner => "ASOF JOIN",
            Self::Left => "ASOF LEFT JOIN",
            Self::Right => "ASOF RIGHT JOIN",
            Self::Full => "ASOF FULL JOIN",
        }
    }

    /// Which one a match condition stands for; `None` for one that compares.
    pub(crate) fn of(match_condition: &Expr) -> Option<Self> {
        let Expr::Identifier(ident) = match_condition else { return None };
        [Self::Inner, Self::Left, Self::Right, Self::Full].into_iter().find(|kind| kind.name() == ident.value)
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
    let position = Position { line: place.line, column: place.column };
    let refused = |what: &str| {
        Error::unsupported(format!("ASOF {what} JOIN is not supported"))
            .with_hint("there are ASOF JOIN, ASOF LEFT JOIN, ASOF RIGHT JOIN and ASOF FULL JOIN")
            .at(position)
    };
    let Some(mut next) = next_solid(tokens, asof) else { return Ok(()) };
    let mut kind = AsofKind::Inner;
    let Token::Word(found) = &tokens[next].token else { return Ok(()) };
    match found.keyword {
        Keyword::JOIN => {}
        Keyword::INNER => {
            tokens.remove(next);
        }
        Keyword::LEFT | Keyword::RIGHT | Keyword::FULL => {
            kind = match found.keyword {
                Keyword::LEFT => AsofKind::Left,
                Keyword::RIGHT => AsofKind::Right,
                _ => AsofKind::Full,
            };
            tokens.remove(next);
            if let Some(outer) = next_solid(tokens, asof).filter(|at| is_keyword(&tokens[*at].token, Keyword::OUTER)) {
                tokens.remove(outer);
            }
        }
        Keyword::SEMI | Keyword::ANTI | Keyword::CROSS => {
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
                if found.keyword == Keyword::USING && matches!(kind, AsofKind::Right | AsofKind::Full) {
                    let error = Error::unsupported(format!("{} with USING is not supported", kind.name()));
                    return Err(error.with_hint("write ON: its columns may come from either side").at(position));
                }
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
