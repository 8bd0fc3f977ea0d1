//! GROUP BY as the planner knows it: `GROUP BY ()` is one group; ROLLUP and CUBE of several columns at a time, and within GROUPING SETS, are the sets that they mean.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Select,
};

use super::ast::{call, number, take};
use crate::error::{Error, Result};

/// More sets than this are a mistake: CUBE of twelve columns.
const MOST_SETS: usize = 4096;

type Sets = Vec<Vec<Expr>>;

/// Rewrites the GROUP BY of a SELECT.
///
/// # Errors
/// *Limit* for too many sets.
pub(super) fn standardize(select: &mut Select) -> Result<()> {
    let GroupByExpr::Expressions(exprs, _) = &mut select.group_by else { return Ok(()) };
    let before = exprs.len();
    exprs.retain(|expr| !matches!(expr, Expr::Tuple(parts) if parts.is_empty()));
    if exprs.is_empty() && before > 0 {
        // One group, whatever the list is: an aggregate says so that is always true.
        let counted = call("count", vec![number(1)]);
        let one_group = Expr::BinaryOp { left: Box::new(counted), op: BinaryOperator::GtEq, right: Box::new(number(0)) };
        select.having = Some(match select.having.take() {
            None => one_group,
            Some(mut having) => Expr::BinaryOp {
                left: Box::new(Expr::Nested(Box::new(take(&mut having)))),
                op: BinaryOperator::And,
                right: Box::new(one_group),
            },
        });
        return Ok(());
    }
    if !exprs.iter().any(is_nested) {
        return Ok(());
    }
    let mut sets: Sets = vec![vec![]];
    for expr in exprs.iter() {
        let own = sets_of(expr)?;
        check(sets.len().saturating_mul(own.len()))?;
        sets = sets.iter().flat_map(|before| own.iter().map(|set| [before.as_slice(), set.as_slice()].concat())).collect();
    }
    *exprs = vec![Expr::GroupingSets(sets)];
    Ok(())
}

fn check(sets: usize) -> Result<()> {
    match sets > MOST_SETS {
        true => {
            Err(Error::limit(format!("the GROUP BY has more than {MOST_SETS} sets")).with_hint("list the wanted ones in GROUPING SETS"))
        }
        false => Ok(()),
    }
}

/// Whether the planner would not know it.
fn is_nested(expr: &Expr) -> bool {
    match expr {
        Expr::Rollup(parts) | Expr::Cube(parts) => parts.iter().any(|part| part.len() != 1),
        Expr::GroupingSets(sets) => sets.iter().any(|set| matches!(set.as_slice(), [one] if parts_of_call(one).is_some())),
        _ => false,
    }
}

/// The sets that an item of a GROUP BY means.
fn sets_of(expr: &Expr) -> Result<Sets> {
    match expr {
        Expr::Rollup(parts) => Ok(rollup(parts)),
        Expr::Cube(parts) => cube(parts),
        Expr::GroupingSets(sets) => {
            let mut all = Vec::new();
            for set in sets {
                match set.as_slice() {
                    [one] => match parts_of_call(one) {
                        Some((true, parts)) => all.extend(rollup(&parts)),
                        Some((false, parts)) => all.extend(cube(&parts)?),
                        None => all.push(vec![one.clone()]),
                    },
                    set => all.push(set.to_vec()),
                }
            }
            Ok(all)
        }
        Expr::Tuple(parts) => Ok(vec![parts.clone()]),
        other => Ok(vec![vec![other.clone()]]),
    }
}

/// ROLLUP (true) or CUBE within GROUPING SETS, which are parsed as calls; what stands in them.
fn parts_of_call(expr: &Expr) -> Option<(bool, Sets)> {
    let Expr::Function(Function { name, args: FunctionArguments::List(list), over: None, .. }) = expr else { return None };
    let name = name.to_string().to_lowercase();
    if !matches!(name.as_str(), "rollup" | "cube") {
        return None;
    }
    let parts = list.args.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Tuple(parts))) => Some(parts.clone()),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Nested(part))) => Some(vec![part.as_ref().clone()]),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(part)) => Some(vec![part.clone()]),
        _ => None,
    });
    Some((name == "rollup", parts.collect::<Option<_>>()?))
}

/// The first parts: all, all but the last, ... none.
fn rollup(parts: &[Vec<Expr>]) -> Sets {
    (0..=parts.len()).rev().map(|length| parts[..length].concat()).collect()
}

/// Any of the parts.
fn cube(parts: &[Vec<Expr>]) -> Result<Sets> {
    check(u32::try_from(parts.len()).ok().and_then(|parts| 1_usize.checked_shl(parts)).unwrap_or(usize::MAX))?;
    let mut sets: Sets = vec![vec![]];
    for part in parts.iter().rev() {
        let with = sets.iter().map(|set| [part.as_slice(), set.as_slice()].concat());
        sets = with.chain(sets.iter().cloned()).collect();
    }
    Ok(sets)
}
