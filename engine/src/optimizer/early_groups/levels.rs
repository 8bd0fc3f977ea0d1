//! Where in a tree of joins groups are made: below which of the joins, and whether at all.

use std::collections::BTreeSet;

use datafusion::common::{Column, ExprSchema, JoinType};
use datafusion::logical_expr::{Expr, ExprSchemable, Join, LogicalPlan};

use super::super::derived_keys::is_told_by_value;
use super::super::estimate::{self, is_movable};
use super::super::join_order::only_leaves_out;

/// Fewer rows are not worth it.
const FEWEST_ROWS: f64 = 50_000.0;

/// What it costs to find a row's group, where finding its partner costs 1: by integers, and more for each string.
const GROUPING: f64 = 1.5;
const STRING_KEY: f64 = 1.5;

/// It is done if it costs so much of what it costs otherwise.
const WORTH: f64 = 0.7;

/// Which side of a join rows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// A plan in a tree of joins that has all arguments.
#[derive(Debug, Clone)]
pub(super) struct Level<'a> {
    pub(super) plan: &'a LogicalPlan,
    /// Its columns that something above looks at, apart from the arguments.
    pub(super) needed: Vec<Column>,
    /// What stands above it, from the top.
    pub(super) above: Vec<(&'a LogicalPlan, Side)>,
}

impl Level<'_> {
    /// Whether rows whose needed columns are equal are the same to what stands above. Without any column, there would be a group without rows.
    fn is_told_by_values(&self) -> bool {
        let schema = self.plan.schema();
        let told = |column: &Column| schema.field_from_column(column).is_ok_and(|field| is_told_by_value(field.data_type()));
        !self.needed.is_empty() && self.needed.iter().all(told)
    }
}

/// The best level below a join, if any pays.
pub(super) fn best<'a>(top: &'a LogicalPlan, keys: &[Expr], arguments: &[&Expr]) -> Option<Level<'a>> {
    let levels = all(top, keys, arguments);
    let deepest = levels.last()?.clone();
    // From the bottom to the top, so that each join is estimated once.
    let mut estimates = vec![estimate::of(deepest.plan)];
    for (plan, side) in deepest.above.iter().rev() {
        let below = estimates.last()?.clone();
        estimates.push(match plan {
            LogicalPlan::Join(join) if *side == Side::Left => estimate::joined(join, below, estimate::of(&join.right)),
            LogicalPlan::Join(join) => estimate::joined(join, estimate::of(&join.left), below),
            other => estimate::of(other),
        });
    }
    estimates.reverse();
    // Of the plan that is so many steps below the top.
    let rows = |depth: usize| estimates[depth].rows;
    let strings = |keys: &[Expr], plan: &LogicalPlan| keys.iter().filter(|key| is_string(key, plan)).count() as f64;
    let last = GROUPING + STRING_KEY * strings(keys, top);
    let mut found: Option<(f64, Level<'a>)> = None;
    for level in levels {
        let depth = level.above.len();
        if !estimates[depth].known || rows(depth) < FEWEST_ROWS || !level.is_told_by_values() {
            continue;
        }
        let needed: Vec<Expr> = level.needed.iter().cloned().map(Expr::Column).collect();
        let groups = estimate::groups(&estimates[depth], needed.iter(), level.plan.schema());
        let joins = (0..depth).filter(|at| matches!(deepest.above[*at].0, LogicalPlan::Join(_)));
        let without = joins.map(|at| rows(at) + rows(at + 1)).sum::<f64>() + rows(0) * last;
        let with = rows(depth) * (GROUPING + STRING_KEY * strings(&needed, level.plan)) + groups / rows(depth) * without;
        if with < WORTH * without && found.as_ref().is_none_or(|(best, _)| with - without < *best) {
            found = Some((with - without, level));
        }
    }
    found.map(|(_, level)| level)
}

fn is_string(key: &Expr, plan: &LogicalPlan) -> bool {
    key.get_type(plan.schema()).is_ok_and(|data_type| data_type.is_string())
}

/// All plans below at least one join of a tree that have all arguments, from the top.
fn all<'a>(top: &'a LogicalPlan, keys: &[Expr], arguments: &[&Expr]) -> Vec<Level<'a>> {
    let mut needed: BTreeSet<Column> = keys.iter().flat_map(|key| key.column_refs()).cloned().collect();
    let (mut above, mut levels) = (Vec::new(), Vec::new());
    let mut plan = top;
    loop {
        let (next, side) = match plan {
            LogicalPlan::Join(join) => {
                let Some(side) = side_of(join, arguments) else { return levels };
                let conditions = join.on.iter().flat_map(|(left, right)| [left, right]).chain(&join.filter);
                needed.extend(conditions.flat_map(|condition| condition.column_refs()).cloned());
                (if side == Side::Left { &join.left } else { &join.right }, side)
            }
            LogicalPlan::Filter(filter) if is_movable(&filter.predicate) => {
                needed.extend(filter.predicate.column_refs().into_iter().cloned());
                (&filter.input, Side::Left)
            }
            LogicalPlan::Projection(projection) if only_leaves_out(projection) => (&projection.input, Side::Left),
            _ => return levels,
        };
        above.push((plan, side));
        plan = next.as_ref();
        if matches!(above.last(), Some((LogicalPlan::Join(_), _))) {
            // In the order of the plan's columns.
            let schema = plan.schema();
            let here: BTreeSet<usize> = needed.iter().filter_map(|column| schema.maybe_index_of_column(column)).collect();
            let needed = here.into_iter().map(|at| Column::from(schema.qualified_field(at))).collect();
            levels.push(Level { plan, needed, above: above.clone() });
        }
    }
}

/// The side of a join that has all arguments, if its rows may go on as groups.
fn side_of(join: &Join, arguments: &[&Expr]) -> Option<Side> {
    let conditions = || join.on.iter().flat_map(|(left, right)| [left, right]).chain(&join.filter);
    if !conditions().all(is_movable) || join.schema.check_names().is_err() {
        return None;
    }
    let columns: BTreeSet<&Column> = arguments.iter().flat_map(|argument| argument.column_refs()).collect();
    let has = |plan: &LogicalPlan, column: &&Column| plan.schema().maybe_index_of_column(column).is_some();
    let only = |one: &LogicalPlan, other: &LogicalPlan| columns.iter().all(|column| has(one, column) && !has(other, column));
    let (of_left, of_right) = (only(&join.left, &join.right), only(&join.right, &join.left));
    // Rows without a partner bring NULLs: a state that is NULL stands for them only where the argument is NULL, too. `count(*)` counts them.
    let is_null_where_rows_are_not = arguments.iter().all(|argument| is_strict(argument));
    match join.join_type {
        // If no argument names a column, either side's rows can be counted. The larger side is on the right.
        JoinType::Inner if of_right => Some(Side::Right),
        JoinType::Inner | JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark if of_left => Some(Side::Left),
        JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark if of_right => Some(Side::Right),
        JoinType::Left if of_right && is_null_where_rows_are_not => Some(Side::Right),
        JoinType::Right if of_left && is_null_where_rows_are_not => Some(Side::Left),
        _ => None,
    }
}

/// Whether an expression is NULL where its column is.
fn is_strict(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) => true,
        Expr::Cast(cast) => is_strict(&cast.expr),
        _ => false,
    }
}
