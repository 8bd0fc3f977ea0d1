//! Refuses statements so deep that planning or running them would exhaust a stack.
//!
//! Works on tokens, before anything recursive sees the statement. Depth comes from brackets, and from chains of operators: `1 + 1 + 1` is a tree as
//! deep as it is long. Chains of AND, OR and `||` are no danger: `balance` makes them flat trees before they are planned.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{Error, ErrorKind, Result};

/// How deep a statement may be: brackets within brackets plus operators in a row. Expressions are evaluated recursively on threads whose stack is
/// 2 MiB; a level takes up to 1 KiB there in debug builds, so this leaves a margin of two.
pub(crate) const MAX_DEPTH: usize = 1_000;

/// How deep brackets may be nested: a level of brackets costs the parser several calls of its own.
const MAX_BRACKETS: usize = 250;

/// How many AND, OR and `||` one expression may have. Balanced, they are only some 20 levels deep, but the optimizer's work grows faster than their number.
const MAX_LOGICAL: usize = 20_000;

/// How many joins or set operations one statement may have: each is a level of the plan.
const MAX_RELATIONS: usize = 500;

/// The error for a statement that is too deep.
pub(crate) fn too_deep() -> Error {
    Error::new(ErrorKind::Limit, "the statement is nested too deeply").with_hint(format!(
        "at most {MAX_BRACKETS} brackets within brackets and {MAX_DEPTH} operators in a row; write IN (...) for many values, or use a table"
    ))
}

#[derive(Default)]
struct Level {
    /// Operators since the last separator.
    operators: usize,
    /// The deepest bracket since the last separator.
    child: usize,
    /// The deepest of the parts before the last separator.
    best: usize,
}

impl Level {
    fn separate(&mut self) {
        self.best = self.best.max(self.operators + self.child);
        self.operators = 0;
        self.child = 0;
    }
}

/// Checks a statement's tokens.
pub(crate) fn check(tokens: &[TokenWithSpan]) -> Result<()> {
    let mut levels = vec![Level::default()];
    let mut angles = 0usize;
    let mut logical = 0usize;
    let mut relations = 0usize;
    let mut previous_opens_type = false;
    for token in tokens {
        let Some(level) = levels.last_mut() else { return Err(too_deep()) };
        let mut opens_type = false;
        match &token.token {
            Token::Whitespace(_) => continue,
            Token::LParen | Token::LBracket | Token::LBrace => {
                // A subscript is an operator on what stands before it.
                level.operators += usize::from(token.token == Token::LBracket);
                if levels.len() > MAX_BRACKETS {
                    return Err(too_deep());
                }
                levels.push(Level::default());
            }
            Token::RParen | Token::RBracket | Token::RBrace => close(&mut levels),
            Token::Comma | Token::SemiColon => level.separate(),
            Token::Lt if previous_opens_type => {
                angles += 1;
                level.operators += 1;
            }
            Token::StringConcat => logical += 1,
            // CASE ... END nests like brackets.
            Token::Word(word) if word.keyword == Keyword::CASE => {
                if levels.len() > MAX_BRACKETS {
                    return Err(too_deep());
                }
                levels.push(Level::default());
            }
            Token::Word(word) if word.keyword == Keyword::END => close(&mut levels),
            Token::Word(word) => match word.keyword {
                Keyword::AND | Keyword::OR => {
                    logical += 1;
                    level.separate();
                }
                Keyword::SELECT | Keyword::FROM | Keyword::WHERE | Keyword::THEN | Keyword::VALUES | Keyword::ON | Keyword::BY => {
                    level.separate()
                }
                Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::JOIN => relations += 1,
                Keyword::ARRAY | Keyword::STRUCT | Keyword::MAP => opens_type = true,
                Keyword::NOT
                | Keyword::IS
                | Keyword::LIKE
                | Keyword::ILIKE
                | Keyword::BETWEEN
                | Keyword::IN
                | Keyword::COLLATE
                | Keyword::AT
                | Keyword::EXPLAIN
                | Keyword::PREPARE
                | Keyword::DIV
                | Keyword::XOR
                | Keyword::SIMILAR
                | Keyword::INTERVAL
                | Keyword::NOTNULL => level.operators += 1,
                _ => {}
            },
            Token::Number(..) | Token::SingleQuotedString(_) | Token::DoubleQuotedString(_) | Token::DollarQuotedString(_) | Token::EOF => {
            }
            // Everything else that is one sign is, or may be, an operator.
            _ => level.operators += 1,
        }
        previous_opens_type = opens_type;
        if angles > MAX_BRACKETS || logical > MAX_LOGICAL || relations > MAX_RELATIONS {
            return Err(too_deep());
        }
    }
    let depth = levels.iter_mut().fold(0, |sum, level| {
        level.separate();
        sum + level.best
    });
    match depth > MAX_DEPTH {
        true => Err(too_deep()),
        false => Ok(()),
    }
}

/// Ends a level; its depth counts where it stands.
fn close(levels: &mut Vec<Level>) {
    let depth = levels.last_mut().map_or(0, |level| {
        level.separate();
        level.best + 1
    });
    if levels.len() > 1 {
        levels.pop();
    }
    if let Some(level) = levels.last_mut() {
        level.child = level.child.max(depth);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::super::dialect::DIALECT;
    use super::*;

    fn check_sql(sql: &str) -> Result<()> {
        check(&Tokenizer::new(&DIALECT, sql).tokenize_with_location().unwrap())
    }

    #[test]
    fn broad_statements_are_fine() {
        let values = vec!["(1, -2, 'x')"; 50_000].join(", ");
        check_sql(&format!("INSERT INTO t VALUES {values}")).unwrap();
        let columns = vec!["a + 1"; 5_000].join(", ");
        check_sql(&format!("SELECT {columns} FROM t")).unwrap();
        let ors = vec!["a = 1"; 5_000].join(" OR ");
        check_sql(&format!("SELECT * FROM t WHERE {ors}")).unwrap();
        check_sql(&format!("SELECT {}1{}", "(".repeat(200), ")".repeat(200))).unwrap();
    }

    #[test]
    fn deep_statements_are_refused() {
        let chain = vec!["1"; 5_000].join(" + ");
        let casts = format!("1{}", "::int".repeat(5_000));
        let nested = format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000));
        let case = format!("{}1{}", "CASE WHEN true THEN ".repeat(10_000), " END".repeat(10_000));
        let spine = format!("{}1{}", "(".repeat(240), ")+1+1+1+1+1".repeat(240));
        let not = format!("{} true", "NOT ".repeat(10_000));
        let subscripts = format!("a{}", "[1]".repeat(5_000));
        let types = format!("CAST(1 AS {}INT{})", "ARRAY<".repeat(5_000), ">".repeat(5_000));
        for expression in [chain, casts, nested, case, spine, not, subscripts, types] {
            let start = expression.chars().take(30).collect::<String>();
            assert_eq!(check_sql(&format!("SELECT {expression}")).expect_err(&start).kind(), ErrorKind::Limit);
        }
        let unions = vec!["SELECT 1"; 5_000].join(" UNION ALL ");
        assert!(check_sql(&unions).is_err());
    }
}
