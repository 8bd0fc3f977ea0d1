//! Refuses statements so deep that planning or running them would exhaust a stack.
//!
//! Works on tokens, before anything recursive sees the statement. Depth comes from brackets, and from chains of operators: `1 + 1 + 1` is a tree as
//! deep as it is long. Chains of OR and `||` are no danger: `balance` makes them flat trees before they are planned. So it does of AND, but the optimizer takes
//! conditions apart and puts what is left of them together again, one behind the other.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{Error, ErrorKind, Result};

/// How deep a statement may be: brackets within brackets plus operators in a row. Expressions are evaluated recursively on threads whose stack is
/// 2 MiB; a level takes up to 1 KiB there in debug builds, so this leaves a margin of two.
pub(crate) const MAX_DEPTH: usize = 1_000;

/// How deep brackets may be nested: a level of brackets costs the parser several calls of its own.
const MAX_BRACKETS: usize = 250;

/// How many conditions AND may join, those in brackets within included: they are a chain again when they are evaluated.
const MAX_CONJUNCTS: usize = 1_000;

/// How many AND, OR and `||` one expression may have. Balanced, they are only some 20 levels deep, but the optimizer's work grows faster than their number.
const MAX_LOGICAL: usize = 20_000;

/// How many joins or set operations one statement may have: each is a level of the plan.
const MAX_RELATIONS: usize = 500;

/// The error for a statement that is too deep.
pub(crate) fn too_deep() -> Error {
    Error::new(ErrorKind::Limit, "the statement is nested too deeply").with_hint(format!(
        "at most {MAX_BRACKETS} brackets within brackets, {MAX_DEPTH} operators in a row and {MAX_CONJUNCTS} conditions joined by AND; write IN (...) \
         or NOT IN (...) for many values, or use a table"
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
    /// AND since the last OR or comma.
    ands: usize,
    /// The longest chain of conditions in brackets since then.
    chain_within: usize,
    /// The longest chain of conditions before.
    chain: usize,
    /// It is a query: its conditions do not join those around it.
    is_query: bool,
}

impl Level {
    fn separate(&mut self) {
        self.best = self.best.max(self.operators + self.child);
        self.operators = 0;
        self.child = 0;
    }

    /// Ends a chain of conditions. One in brackets may be part of the chain around it: as many times as there are links, at most.
    fn end_chain(&mut self) {
        self.chain = self.chain.max((self.ands + 1) * self.chain_within.max(1));
        self.ands = 0;
        self.chain_within = 0;
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
            Token::Comma | Token::SemiColon => {
                level.separate();
                level.end_chain();
            }
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
                Keyword::AND => {
                    logical += 1;
                    level.ands += 1;
                    level.separate();
                }
                Keyword::OR => {
                    logical += 1;
                    level.separate();
                    level.end_chain();
                }
                Keyword::SELECT => {
                    level.separate();
                    level.is_query = true;
                }
                Keyword::FROM | Keyword::WHERE | Keyword::THEN | Keyword::VALUES | Keyword::ON | Keyword::BY => level.separate(),
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
        level.end_chain();
        sum + level.best
    });
    let chain = levels.iter().map(|level| level.chain).max().unwrap_or_default();
    match depth > MAX_DEPTH || chain > MAX_CONJUNCTS {
        true => Err(too_deep()),
        false => Ok(()),
    }
}

/// Ends a level; its depth counts where it stands.
fn close(levels: &mut Vec<Level>) {
    let (depth, chain, is_query) = levels.last_mut().map_or((0, 0, false), |level| {
        level.separate();
        level.end_chain();
        (level.best + 1, level.chain, level.is_query)
    });
    if levels.len() > 1 {
        levels.pop();
    }
    if let Some(level) = levels.last_mut() {
        level.child = level.child.max(depth);
        let longest = if is_query { &mut level.chain } else { &mut level.chain_within };
        *longest = chain.max(*longest);
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
        let keys = vec!["(a = 1 AND b BETWEEN 2 AND 3)"; 5_000].join(" OR ");
        check_sql(&format!("SELECT * FROM t WHERE c = 1 AND ({keys})")).unwrap();
        let ands = vec!["(a = 1 OR b = 2)"; 900].join(" AND ");
        check_sql(&format!("SELECT * FROM t WHERE {ands}")).unwrap();
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
        let ands = vec!["a <> 1"; 1_100].join(" AND ");
        let nested_ands = vec!["(a <> 1 AND a <> 2 AND a <> 3)"; 400].join(" AND ");
        for expression in [chain, casts, nested, case, spine, not, subscripts, types, ands, nested_ands] {
            let start = expression.chars().take(30).collect::<String>();
            assert_eq!(check_sql(&format!("SELECT {expression}")).expect_err(&start).kind(), ErrorKind::Limit);
        }
        let unions = vec!["SELECT 1"; 5_000].join(" UNION ALL ");
        assert!(check_sql(&unions).is_err());
    }
}
