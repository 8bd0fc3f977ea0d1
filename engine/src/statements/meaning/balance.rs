//! Makes long chains of AND, OR and `||` shallow: `a OR b OR c OR d` is parsed as a tree as deep as it is long, `(a OR b) OR (c OR d)` means the same.
//!
//! The three are associative, with NULL too, so that no answer changes. Works from the top down without recursing along the chain.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Statement, Value, VisitMut, VisitorMut};

/// Chains shorter than this stay as they were written, so that plans and error messages read like the query.
const SHORT: usize = 16;

/// Balances every chain in a statement.
pub(crate) fn balance(statement: &mut Statement) {
    let _ = VisitMut::visit(statement, &mut Balancer);
}

struct Balancer;

impl VisitorMut for Balancer {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::BinaryOp { op, .. } = expr else { return ControlFlow::Continue(()) };
        if !matches!(op, BinaryOperator::And | BinaryOperator::Or | BinaryOperator::StringConcat) {
            return ControlFlow::Continue(());
        }
        let op = op.clone();
        let mut length = 1;
        let mut at = &*expr;
        while let Expr::BinaryOp { left, op: other, .. } = at {
            if *other != op {
                break;
            }
            length += 1;
            at = left;
        }
        if length >= SHORT {
            let whole = std::mem::replace(expr, Expr::Value(Value::Null.into()));
            *expr = tree(&op, links(&op, whole));
        }
        ControlFlow::Continue(())
    }
}

/// The operands of a chain, in order.
fn links(op: &BinaryOperator, mut rest: Expr) -> Vec<Expr> {
    let mut links = Vec::new();
    loop {
        match rest {
            Expr::BinaryOp { left, op: other, right } if other == *op => {
                links.push(*right);
                rest = *left;
            }
            first => {
                links.push(first);
                links.reverse();
                return links;
            }
        }
    }
}

/// Joins neighbours until one is left: as deep as the logarithm of the number of operands.
fn tree(op: &BinaryOperator, mut links: Vec<Expr>) -> Expr {
    while links.len() > 1 {
        let mut joined = Vec::with_capacity(links.len().div_ceil(2));
        let mut rest = links.into_iter();
        while let Some(left) = rest.next() {
            joined.push(match rest.next() {
                // Nested, so that printing the query back keeps the tree.
                Some(right) => Expr::Nested(Box::new(Expr::BinaryOp { left: Box::new(left), op: op.clone(), right: Box::new(right) })),
                None => left,
            });
        }
        links = joined;
    }
    links.pop().unwrap_or(Expr::Value(Value::Null.into()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;
    use crate::statements::syntax::dialect::DIALECT;

    fn balanced(sql: &str) -> String {
        let mut statement = Parser::parse_sql(&DIALECT, sql).unwrap().remove(0);
        balance(&mut statement);
        statement.to_string()
    }

    #[test]
    fn short_chains_stay() {
        let sql = "SELECT * FROM t WHERE a = 1 OR b = 2 OR c = 3 AND d";
        assert_eq!(balanced(sql), sql);
    }

    #[test]
    fn long_chains_keep_their_operands_in_order() {
        let operands: Vec<String> = (0..100).map(|i| format!("a = {i}")).collect();
        let text = balanced(&format!("SELECT {}", operands.join(" OR ")));
        let depth = text.chars().take_while(|c| *c != 'a').filter(|c| *c == '(').count();
        assert!(depth <= 8, "{depth}");
        assert_eq!(text.replace(['(', ')'], ""), format!("SELECT {}", operands.join(" OR ")));
    }
}
