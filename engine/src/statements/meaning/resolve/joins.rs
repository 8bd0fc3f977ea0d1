//! Conditions of joins. USING and NATURAL become ON, and the columns that they make one are remembered: DataFusion takes them from the table whose name
//! comes first in the alphabet, which below an outer join may be the one with the NULLs.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Ident, Join, JoinConstraint, JoinOperator};

use super::Resolver;
use super::ast::{call, position};
use super::scope::{Column, Relation, Scope, same};
use crate::error::{Error, Result};
use crate::statements::syntax::tokens::AsofKind;

/// From which side a common column's value comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
    /// Whichever is there: of a FULL JOIN.
    Both,
    /// One side alone is there behind the join, and keeps its columns as they are.
    One,
}

impl Resolver<'_> {
    /// Resolves a join's condition; returns the relations behind it.
    pub(super) fn join(
        &mut self,
        join: &mut Join,
        mut left: Vec<Relation>,
        mut right: Vec<Relation>,
        outer: Option<&Scope<'_>>,
    ) -> Result<Vec<Relation>> {
        plain_semi_join(&mut join.join_operator);
        let (side, keeps_right) = match &join.join_operator {
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => (Side::Right, true),
            JoinOperator::FullOuter(_) => (Side::Both, true),
            JoinOperator::LeftSemi(_) | JoinOperator::LeftAnti(_) => (Side::One, false),
            JoinOperator::RightSemi(_) | JoinOperator::RightAnti(_) => (Side::One, true),
            _ => (Side::Left, true),
        };
        let keeps_left = !matches!(join.join_operator, JoinOperator::RightSemi(_) | JoinOperator::RightAnti(_));
        let mut last = BinaryOperator::Eq;
        if let JoinOperator::AsOf { match_condition, .. } = &mut join.join_operator
            && AsofKind::of(match_condition).is_some()
        {
            // The last of its common columns is the time.
            last = BinaryOperator::GtEq;
        } else if let JoinOperator::AsOf { match_condition, .. } = &mut join.join_operator {
            let scope = Scope { relations: left.iter().chain(&right).cloned().collect(), outer };
            self.expression(match_condition, &scope, None)?;
        }
        let Some(constraint) = constraint(&mut join.join_operator) else {
            left.extend(right);
            return Ok(left);
        };
        match constraint {
            JoinConstraint::On(condition) => {
                let middle = left.len();
                left.append(&mut right);
                let scope = Scope { relations: left, outer };
                self.expression(condition, &scope, None)?;
                left = scope.relations;
                right = left.split_off(middle);
            }
            JoinConstraint::Using(_) | JoinConstraint::Natural => {
                let is_known = left.iter().chain(&right).all(|relation| relation.columns.is_some());
                let names = match constraint {
                    JoinConstraint::Using(names) => names.iter().filter_map(|name| name.0.last()?.as_ident().cloned()).collect(),
                    _ if is_known => common(&left, &right),
                    _ => Vec::new(),
                };
                if is_known {
                    *constraint = merge(&names, &mut left, &mut right, side, last)?;
                }
            }
            JoinConstraint::None => {}
        }
        Ok(match (keeps_left, keeps_right) {
            (true, true) => left.into_iter().chain(right).collect(),
            (true, false) => left,
            (false, _) => right,
        })
    }
}

/// SEMI JOIN and ANTI JOIN keep the left side's rows, as in DuckDB.
fn plain_semi_join(operator: &mut JoinOperator) {
    *operator = match std::mem::replace(operator, JoinOperator::CrossJoin(JoinConstraint::None)) {
        JoinOperator::Semi(constraint) => JoinOperator::LeftSemi(constraint),
        JoinOperator::Anti(constraint) => JoinOperator::LeftAnti(constraint),
        other => other,
    };
}

pub(super) fn constraint(operator: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint)
        | JoinOperator::Semi(constraint)
        | JoinOperator::LeftSemi(constraint)
        | JoinOperator::RightSemi(constraint)
        | JoinOperator::Anti(constraint)
        | JoinOperator::LeftAnti(constraint)
        | JoinOperator::RightAnti(constraint)
        | JoinOperator::StraightJoin(constraint)
        | JoinOperator::AsOf { constraint, .. } => Some(constraint),
        JoinOperator::CrossApply
        | JoinOperator::OuterApply
        | JoinOperator::ArrayJoin
        | JoinOperator::LeftArrayJoin
        | JoinOperator::InnerArrayJoin => None,
    }
}

/// The names of columns that both sides have: those of NATURAL.
fn common(left: &[Relation], right: &[Relation]) -> Vec<Ident> {
    let names = |relations: &[Relation]| {
        let visible = relations.iter().flat_map(|relation| {
            let columns = relation.columns.iter().flatten().enumerate();
            columns.filter(|(at, _)| !relation.is_unstarred(*at)).map(|(_, column)| column.name.clone())
        });
        visible.collect::<Vec<String>>()
    };
    let right = names(right);
    names(left).into_iter().filter(|name| right.iter().any(|other| same(name, other))).map(|name| Ident::with_quote('"', name)).collect()
}

/// Makes one column of each name that both sides have.
fn merge(names: &[Ident], left: &mut [Relation], right: &mut [Relation], side: Side, last: BinaryOperator) -> Result<JoinConstraint> {
    let mut condition: Option<Expr> = None;
    for (number, name) in names.iter().enumerate() {
        let one = |relations: &[Relation], which: &str| -> Result<(usize, usize, Column)> {
            let scope = Scope { relations: relations.to_vec(), outer: None };
            let Some(column) = scope.own_column(name)? else {
                return Err(
                    Error::not_found(format!("USING ({}): the {which} side has no column of this name", name.value)).at(position(name))
                );
            };
            let found = relations.iter().enumerate().find_map(|(at, relation)| {
                let columns = relation.columns.as_ref()?;
                let position =
                    columns.iter().enumerate().position(|(at, own)| own.name == column.name && !relation.hidden.contains(&at))?;
                Some((at, position))
            });
            let (relation, at) = found.ok_or_else(|| Error::internal("a column is gone that was just found"))?;
            let expr = relations[relation].meaning(at).unwrap_or(column.expr);
            Ok((relation, at, Column { expr, ..column }))
        };
        let (left_relation, left_at, left_column) = one(left, "left")?;
        let (right_relation, right_at, right_column) = one(right, "right")?;
        let equal = Expr::BinaryOp {
            left: Box::new(left_column.expr.clone()),
            op: if number + 1 == names.len() { last.clone() } else { BinaryOperator::Eq },
            right: Box::new(right_column.expr.clone()),
        };
        condition = Some(match condition {
            None => equal,
            Some(before) => Expr::BinaryOp { left: Box::new(before), op: BinaryOperator::And, right: Box::new(equal) },
        });
        let value = match side {
            Side::Left => left_column.expr,
            Side::Right => right_column.expr,
            Side::Both => call("coalesce", vec![left_column.expr, right_column.expr]),
            Side::One => continue,
        };
        // It stands where the left side has it, once.
        left[left_relation].merged.retain(|(at, _)| *at != left_at);
        left[left_relation].unstarred.retain(|at| *at != left_at);
        left[left_relation].merged.push((left_at, value));
        right[right_relation].hidden.push(right_at);
    }
    Ok(match condition {
        Some(condition) => JoinConstraint::On(condition),
        // NATURAL without a common column pairs every row with every row.
        None => JoinConstraint::On(Expr::Value(datafusion::sql::sqlparser::ast::Value::Boolean(true).into())),
    })
}
