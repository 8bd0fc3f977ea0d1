//! Which parts of a join's condition are its keys: `a = b`, and `a IS NOT DISTINCT FROM b`, also beside each other.
//!
//! A join takes NULL for equal in all of its keys, or in none. Where both kinds meet it does in all, and the condition says besides that those of `=` are not NULL.
//! DataFusion's rule takes the second kind only where there is none of the first, and forgets the difference when one of the first comes later.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{NullEquality, Result};
use datafusion::logical_expr::utils::{can_hash, conjunction, find_valid_equijoin_key_pair, split_conjunction_owned};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Join, LogicalPlan, Operator};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// The rule, in place of DataFusion's.
#[derive(Debug)]
pub(super) struct JoinKeys;

impl OptimizerRule for JoinKeys {
    fn name(&self) -> &str {
        "join_keys"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Join(mut join) = plan else { return Ok(Transformed::no(plan)) };
        let Some(filter) = join.filter.take() else { return Ok(Transformed::no(LogicalPlan::Join(join))) };
        let (mut equal, mut same, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        for part in split_conjunction_owned(filter) {
            match key(&part, &join)? {
                Some((Operator::Eq, pair)) => equal.push(pair),
                Some((_, pair)) if !join.null_aware => same.push(pair),
                _ => rest.push(part),
            }
        }
        if equal.is_empty() && same.is_empty() {
            join.filter = conjunction(rest);
            return Ok(Transformed::no(LogicalPlan::Join(join)));
        }
        let takes_nulls = !join.on.is_empty() && join.null_equality == NullEquality::NullEqualsNull;
        if !same.is_empty() || takes_nulls {
            if !takes_nulls {
                equal.append(&mut join.on);
            }
            for (left, right) in &equal {
                if left.nullable(join.left.schema())? && right.nullable(join.right.schema())? {
                    rest.push(right.clone().is_not_null());
                }
            }
            join.null_equality = NullEquality::NullEqualsNull;
        }
        join.on.extend(equal.into_iter().chain(same));
        join.filter = conjunction(rest);
        Ok(Transformed::yes(LogicalPlan::Join(join)))
    }
}

/// The two sides of a condition that can be a key.
fn key(part: &Expr, join: &Join) -> Result<Option<(Operator, (Expr, Expr))>> {
    let Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::Eq | Operator::IsNotDistinctFrom), right }) = part else { return Ok(None) };
    let (left_schema, right_schema) = (join.left.schema(), join.right.schema());
    let Some((left, right)) = find_valid_equijoin_key_pair(left, right, left_schema, right_schema)? else { return Ok(None) };
    let can_be = can_hash(&left.get_type(left_schema)?) && can_hash(&right.get_type(right_schema)?);
    Ok(can_be.then_some((*op, (left, right))))
}
