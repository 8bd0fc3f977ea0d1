//! Makes a plan of an order.

use std::sync::Arc;

use datafusion::common::{Column, DFSchema, JoinConstraint, JoinType, NullEquality, Result, internal_err};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Join, LogicalPlan, Projection};

use super::graph::{Decides, Graph, Set};
use super::search::Tree;

/// The plan for a tree, with the columns of a schema.
pub(super) fn plan(graph: &Graph, tree: &Tree, schema: &DFSchema) -> Result<LogicalPlan> {
    let (_, joined) = subtree(graph, tree)?;
    let names = |schema: &DFSchema| schema.columns();
    if names(joined.schema()) == names(schema) {
        return Ok(Arc::unwrap_or_clone(joined));
    }
    let columns = schema.iter().map(|(qualifier, field)| Expr::Column(Column::new(qualifier.cloned(), field.name()))).collect();
    Ok(LogicalPlan::Projection(Projection::try_new(columns, joined)?))
}

fn subtree(graph: &Graph, tree: &Tree) -> Result<(Set, Arc<LogicalPlan>)> {
    match tree {
        Tree::Relation(relation) => Ok((1 << relation, Arc::clone(&graph.relations[*relation].plan))),
        Tree::Join(left, right) => {
            let (left_set, left_plan) = subtree(graph, left)?;
            let (right_set, right_plan) = subtree(graph, right)?;
            let (left, right) = ((left_set, left_plan), (right_set, right_plan));
            let plan = match (decider(graph, left_set), decider(graph, right_set)) {
                (None, None) => inner(graph, left, right)?,
                (None, Some(decides)) => deciding(graph, left, right.1, decides, false)?,
                (Some(decides), None) => deciding(graph, right, left.1, decides, true)?,
                (Some(_), Some(_)) => return internal_err!("a join of two relations that only decide about others"),
            };
            Ok((left_set | right_set, plan))
        }
    }
}

fn decider(graph: &Graph, set: Set) -> Option<&Decides> {
    match set.count_ones() {
        1 => graph.relations[set.trailing_zeros() as usize].decides.as_ref(),
        _ => None,
    }
}

fn inner(
    graph: &Graph,
    (left, left_plan): (Set, Arc<LogicalPlan>),
    (right, right_plan): (Set, Arc<LogicalPlan>),
) -> Result<Arc<LogicalPlan>> {
    let key = |members: &[super::graph::Member], set: Set| {
        members.iter().find(|member| set & (1 << member.relation) != 0).map(|member| member.key.clone())
    };
    let mut on: Vec<(Expr, Expr)> =
        graph.classes.iter().filter_map(|class| Some((key(&class.members, left)?, key(&class.members, right)?))).collect();
    let mut filters = Vec::new();
    for condition in &graph.conditions {
        if condition.set & !(left | right) != 0 || condition.set & !left == 0 || condition.set & !right == 0 {
            continue;
        }
        match (&condition.expr, condition.equality) {
            (Expr::BinaryExpr(BinaryExpr { left: a, right: b, .. }), Some((a_set, b_set))) if a_set & !left == 0 && b_set & !right == 0 => {
                on.push((a.as_ref().clone(), b.as_ref().clone()));
            }
            (Expr::BinaryExpr(BinaryExpr { left: a, right: b, .. }), Some((a_set, b_set))) if a_set & !right == 0 && b_set & !left == 0 => {
                on.push((b.as_ref().clone(), a.as_ref().clone()));
            }
            (expr, _) => filters.push(expr.clone()),
        }
    }
    let filter = conjunction(filters);
    let join =
        Join::try_new(left_plan, right_plan, on, filter, JoinType::Inner, JoinConstraint::On, NullEquality::NullEqualsNothing, false)?;
    Ok(Arc::new(LogicalPlan::Join(join)))
}

/// A semi-join or an anti-join of what is kept; of the two, `other` is on the left where it is built.
fn deciding(
    graph: &Graph,
    (set, kept): (Set, Arc<LogicalPlan>),
    other: Arc<LogicalPlan>,
    decides: &Decides,
    other_is_built: bool,
) -> Result<Arc<LogicalPlan>> {
    if set & (1 << decides.about) == 0 {
        return internal_err!("relation {} decides about one that is not there, of {}", decides.about, graph.relations.len());
    }
    let Decides { join_type, on, filter, null_equality, null_aware, .. } = decides.clone();
    // NOT IN has to see all of the subquery's rows before the first of the others.
    let swap = other_is_built && !null_aware;
    let join = match swap {
        false => Join::try_new(kept, other, on, filter, join_type, JoinConstraint::On, null_equality, null_aware)?,
        true => {
            let on = on.into_iter().map(|(kept, other)| (other, kept)).collect();
            Join::try_new(other, kept, on, filter, join_type.swap(), JoinConstraint::On, null_equality, null_aware)?
        }
    };
    Ok(Arc::new(LogicalPlan::Join(join)))
}
