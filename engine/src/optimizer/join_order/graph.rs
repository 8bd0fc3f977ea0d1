//! A tree of inner joins taken apart: relations, keys that are equal, and other conditions.

use std::sync::Arc;

use datafusion::common::{Column, DFSchema, JoinType, NullEquality, Result};
use datafusion::logical_expr::utils::{can_hash, conjunction, split_conjunction_owned};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Filter, Join, LogicalPlan, Operator, Projection};

use super::super::estimate::{self, Estimate};

/// A set of relations: a bit for each.
pub(super) type Set = u64;

/// So many relations fit a set. Nobody joins more; such a tree stays as it is.
const MOST_RELATIONS: usize = Set::BITS as usize;

/// What is joined, and how.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) relations: Vec<Relation>,
    pub(super) classes: Vec<Class>,
    pub(super) conditions: Vec<Condition>,
}

/// One of the plans that are joined.
#[derive(Debug)]
pub(super) struct Relation {
    pub(super) plan: Arc<LogicalPlan>,
    /// Of the plan; empty until all relations are final.
    pub(super) estimate: Estimate,
    /// For what only decides which rows of another relation stay.
    pub(super) decides: Option<Decides>,
}

/// A semi-join or an anti-join with a relation.
#[derive(Debug, Clone)]
pub(super) struct Decides {
    /// [`JoinType::LeftSemi`] or [`JoinType::LeftAnti`].
    pub(super) join_type: JoinType,
    /// The relation whose rows are decided about.
    pub(super) about: usize,
    /// Its keys, with this relation's.
    pub(super) on: Vec<(Expr, Expr)>,
    pub(super) filter: Option<Expr>,
    pub(super) null_equality: NullEquality,
    pub(super) null_aware: bool,
    /// The share of rows that stay.
    pub(super) share: f64,
}

/// Keys that are all equal.
#[derive(Debug)]
pub(super) struct Class {
    /// A key of each relation, no relation twice.
    pub(super) members: Vec<Member>,
    pub(super) set: Set,
}

/// A key of a relation.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) relation: usize,
    pub(super) key: Expr,
    /// How many values it has.
    pub(super) distinct: f64,
}

/// A condition on several relations that is no equality of two keys.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) expr: Expr,
    pub(super) set: Set,
    /// Whether it is an equality whose sides name different relations: those of the left, those of the right.
    pub(super) equality: Option<(Set, Set)>,
    /// The share of rows for which it is true.
    pub(super) share: f64,
}

/// What a tree was taken apart into, before its columns are looked up.
#[derive(Debug, Default)]
struct Parts {
    relations: Vec<Arc<LogicalPlan>>,
    deciders: Vec<Join>,
    pairs: Vec<(Expr, Expr)>,
    conditions: Vec<Expr>,
}

impl Graph {
    /// Takes a plan apart, if it is a tree of joins that can be.
    pub(super) fn of(plan: &LogicalPlan) -> Option<Self> {
        if !is_tree(plan) || matches!(plan, LogicalPlan::Projection(_)) {
            return None;
        }
        let mut parts = Parts::default();
        parts.take(plan);
        parts.graph()
    }

    /// With estimates for all relations as they are now.
    pub(super) fn estimated(mut self) -> Result<Self> {
        for relation in &mut self.relations {
            relation.estimate = estimate::of(&relation.plan);
        }
        for class in &mut self.classes {
            for member in &mut class.members {
                let relation = &self.relations[member.relation];
                member.distinct =
                    relation.estimate.distinct(&member.key, relation.plan.schema()).unwrap_or(relation.estimate.unfiltered).max(1.0);
            }
        }
        self.narrow();
        for at in 0..self.relations.len() {
            let Some(mut decides) = self.relations[at].decides.clone() else { continue };
            let (kept, other) = (&self.relations[decides.about], &self.relations[at]);
            let values = |keys: &mut dyn Iterator<Item = &Expr>, relation: &Relation| {
                estimate::key_values(keys, &relation.estimate, relation.plan.schema())
            };
            let here = values(&mut decides.on.iter().map(|(key, _)| key), kept);
            let there = values(&mut decides.on.iter().map(|(_, key)| key), other);
            let matching = (there.min(other.estimate.rows) / here).clamp(0.0, 1.0) * if decides.filter.is_some() { 0.8 } else { 1.0 };
            decides.share = if decides.join_type == JoinType::LeftSemi { matching } else { 1.0 - matching };
            // An anti-join that leaves nothing is as unlikely as it is costly to believe in.
            decides.share = decides.share.clamp(0.001, 1.0);
            self.relations[at].decides = Some(decides);
        }
        Ok(self)
    }

    /// Keys that are equal lie in the range that they have in common: dates of a calendar of centuries in the few years of the facts.
    fn narrow(&mut self) {
        for class in &mut self.classes {
            let bounds = class.members.iter().map(|member| {
                let relation = &self.relations[member.relation];
                relation.estimate.bounds(&member.key, relation.plan.schema())
            });
            let Some(bounds) = bounds.fold(None, estimate::common_bounds) else { continue };
            for member in &mut class.members {
                let relation = &mut self.relations[member.relation];
                if let Some(values) = relation.estimate.narrow(&relation.plan, &member.key, bounds) {
                    member.distinct = values;
                }
            }
        }
    }

    /// All relations.
    pub(super) fn all(&self) -> Set {
        (0..self.relations.len()).fold(0, |set, relation| set | (1 << relation))
    }
}

/// Whether a plan is a join that can be taken apart, perhaps below filters and projections that can.
fn is_tree(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Join(join) => is_inner(join) || is_decider(join),
        LogicalPlan::Filter(Filter { predicate, input, .. }) => estimate::is_movable(predicate) && is_tree(input),
        LogicalPlan::Projection(projection) => only_leaves_out(projection) && is_tree(&projection.input),
        _ => false,
    }
}

fn is_inner(join: &Join) -> bool {
    join.join_type == JoinType::Inner && join.null_equality == NullEquality::NullEqualsNothing && is_movable(join)
}

fn is_decider(join: &Join) -> bool {
    let kept = kept_side(join);
    kept.is_some() && !join.on.is_empty() && is_movable(join)
}

/// Of a semi-join or an anti-join, whether the left side's rows are kept.
fn kept_side(join: &Join) -> Option<bool> {
    match join.join_type {
        JoinType::LeftSemi | JoinType::LeftAnti => Some(true),
        JoinType::RightSemi | JoinType::RightAnti => Some(false),
        _ => None,
    }
}

fn is_movable(join: &Join) -> bool {
    join.on.iter().flat_map(|(left, right)| [left, right]).chain(&join.filter).all(estimate::is_movable)
}

/// Whether a projection has columns as they are.
pub(in crate::optimizer) fn only_leaves_out(projection: &Projection) -> bool {
    let input = projection.input.schema();
    projection.expr.iter().zip(projection.schema.iter()).all(|(expr, (qualifier, field))| match expr {
        Expr::Column(column) => {
            column.relation.as_ref() == qualifier && column.name == *field.name() && input.maybe_index_of_column(column).is_some()
        }
        _ => false,
    })
}

impl Parts {
    fn take(&mut self, plan: &LogicalPlan) {
        match plan {
            LogicalPlan::Join(join) if is_inner(join) => {
                self.pairs.extend(join.on.iter().cloned());
                self.conditions.extend(join.filter.iter().cloned().flat_map(split_conjunction_owned));
                self.take(&join.left);
                self.take(&join.right);
            }
            LogicalPlan::Join(join) if is_decider(join) => {
                self.deciders.push(join.clone());
                self.take(if kept_side(join) == Some(true) { &join.left } else { &join.right });
            }
            LogicalPlan::Filter(filter) if is_tree(plan) => {
                self.conditions.extend(split_conjunction_owned(filter.predicate.clone()));
                self.take(&filter.input);
            }
            LogicalPlan::Projection(projection) if is_tree(plan) => self.take(&projection.input),
            other => self.relations.push(Arc::new(other.clone())),
        }
    }

    /// Looks up which relations each condition names. Nothing where a name could mean several columns.
    fn graph(self) -> Option<Graph> {
        let schemas: Vec<_> = self.relations.iter().map(|plan| Arc::clone(plan.schema())).collect();
        if self.relations.len() + self.deciders.len() > MOST_RELATIONS || self.relations.len() + self.deciders.len() < 2 {
            return None;
        }
        let mut all = DFSchema::empty();
        for schema in &schemas {
            all = all.join(schema).ok()?;
        }
        all.check_names().ok()?;

        let mut classes = Classes::default();
        let mut filters: Vec<Vec<Expr>> = vec![Vec::new(); schemas.len()];
        let mut conditions = Vec::new();
        let pairs =
            self.pairs.into_iter().map(|(left, right)| Expr::BinaryExpr(BinaryExpr::new(Box::new(left), Operator::Eq, Box::new(right))));
        for expr in pairs.chain(self.conditions) {
            let set = set_of(&expr, &schemas)?;
            if set.count_ones() <= 1 {
                // A condition without columns is true or not for all rows: any relation will do.
                filters[set.trailing_zeros() as usize % schemas.len()].push(expr);
                continue;
            }
            let equality = sides(&expr, &schemas, &all);
            match equality {
                Some((left, right)) if left.count_ones() == 1 && right.count_ones() == 1 => {
                    let Expr::BinaryExpr(BinaryExpr { left: a, right: b, .. }) = expr else { return None };
                    classes.equal((left.trailing_zeros() as usize, *a), (right.trailing_zeros() as usize, *b));
                }
                equality => {
                    let share = if equality.is_some() { 0.001 } else { share_of(&expr) };
                    conditions.push(Condition { expr, set, equality, share });
                }
            }
        }

        let mut relations = Vec::new();
        let classes = classes.finish(&mut filters);
        for (plan, filters) in self.relations.into_iter().zip(filters) {
            relations.push(Relation { plan: filtered(plan, filters)?, estimate: none(), decides: None });
        }
        // Those nearer to the relations come first.
        for join in self.deciders.into_iter().rev() {
            relations.push(decider(join, &schemas)?);
        }
        Some(Graph { relations, classes, conditions })
    }
}

fn none() -> Estimate {
    Estimate { rows: 0.0, unfiltered: 0.0, columns: Vec::new(), known: false }
}

fn share_of(expr: &Expr) -> f64 {
    match expr {
        Expr::BinaryExpr(BinaryExpr { op: Operator::NotEq, .. }) => 0.9,
        Expr::BinaryExpr(BinaryExpr { op: Operator::Or, .. }) => 0.5,
        _ => 0.3,
    }
}

/// The relation that a column is of. Nothing if there are several.
fn relation_of(column: &Column, schemas: &[Arc<DFSchema>]) -> Option<usize> {
    let mut found = (0..schemas.len()).filter(|relation| schemas[*relation].maybe_index_of_column(column).is_some());
    let relation = found.next()?;
    found.next().is_none().then_some(relation)
}

fn set_of(expr: &Expr, schemas: &[Arc<DFSchema>]) -> Option<Set> {
    expr.column_refs()
        .into_iter()
        .map(|column| Some(1 << relation_of(column, schemas)?))
        .try_fold(0, |set, one: Option<Set>| Some(set | one?))
}

/// For an equality that a hash table can answer, the relations of its sides.
fn sides(expr: &Expr, schemas: &[Arc<DFSchema>], all: &DFSchema) -> Option<(Set, Set)> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = expr else { return None };
    let (left_set, right_set) = (set_of(left, schemas)?, set_of(right, schemas)?);
    let data_type = left.get_type(all).ok()?;
    let hashes = can_hash(&data_type) && data_type == right.get_type(all).ok()?;
    (hashes && left_set != 0 && right_set != 0 && left_set & right_set == 0).then_some((left_set, right_set))
}

fn filtered(plan: Arc<LogicalPlan>, filters: Vec<Expr>) -> Option<Arc<LogicalPlan>> {
    let filters: Vec<_> = match plan.as_ref() {
        // What the scan applies itself needs no filter above it.
        LogicalPlan::TableScan(_) | LogicalPlan::Filter(_) => filters.into_iter().filter(|filter| !is_applied(&plan, filter)).collect(),
        _ => filters,
    };
    match conjunction(filters) {
        Some(predicate) => Some(Arc::new(LogicalPlan::Filter(Filter::try_new(predicate, plan).ok()?))),
        None => Some(plan),
    }
}

/// Whether a filter stands there already.
fn is_applied(plan: &LogicalPlan, wanted: &Expr) -> bool {
    match plan {
        LogicalPlan::Filter(filter) => {
            datafusion::logical_expr::utils::split_conjunction(&filter.predicate).contains(&wanted) || is_applied(&filter.input, wanted)
        }
        _ => false,
    }
}

/// A semi-join or an anti-join as a relation. Nothing where its conditions name several relations.
fn decider(join: Join, schemas: &[Arc<DFSchema>]) -> Option<Relation> {
    let left_is_kept = kept_side(&join)?;
    let Join { left, right, on, filter, join_type, null_equality, null_aware, .. } = join;
    let (other, on) = match left_is_kept {
        true => (right, on),
        false => (left, on.into_iter().map(|(left, right)| (right, left)).collect()),
    };
    let join_type = match join_type {
        JoinType::LeftSemi | JoinType::RightSemi => JoinType::LeftSemi,
        _ => JoinType::LeftAnti,
    };
    let mut about: Set = 0;
    for (key, _) in &on {
        about |= set_of(key, schemas)?;
    }
    for column in filter.iter().flat_map(Expr::column_refs) {
        let kept = relation_of(column, schemas);
        match (other.schema().maybe_index_of_column(column), kept) {
            (Some(_), None) => {}
            (None, Some(relation)) => about |= 1 << relation,
            _ => return None,
        }
    }
    if about.count_ones() != 1 {
        return None;
    }
    let about = about.trailing_zeros() as usize;
    let decides = Decides { join_type, about, on, filter, null_equality, null_aware, share: 1.0 };
    Some(Relation { plan: other, estimate: none(), decides: Some(decides) })
}

/// Keys that are equal to each other, as they are found.
#[derive(Debug, Default)]
struct Classes(Vec<Vec<(usize, Expr)>>);

impl Classes {
    fn equal(&mut self, a: (usize, Expr), b: (usize, Expr)) {
        let position = |classes: &[Vec<(usize, Expr)>], key| classes.iter().position(|class| class.contains(key));
        match (position(&self.0, &a), position(&self.0, &b)) {
            (None, None) => self.0.push(vec![a, b]),
            (Some(class), None) => self.0[class].push(b),
            (None, Some(class)) => self.0[class].push(a),
            (Some(one), Some(other)) if one != other => {
                let moved = self.0.remove(one.max(other));
                self.0[one.min(other)].extend(moved);
            }
            (Some(_), Some(_)) => {}
        }
    }

    /// One key of each relation; that a relation's further keys equal it becomes a filter of the relation.
    fn finish(self, filters: &mut [Vec<Expr>]) -> Vec<Class> {
        self.0
            .into_iter()
            .map(|keys| {
                let mut members: Vec<Member> = Vec::new();
                for (relation, key) in keys {
                    match members.iter().find(|member| member.relation == relation) {
                        Some(first) => filters[relation].push(first.key.clone().eq(key)),
                        None => members.push(Member { relation, key, distinct: 1.0 }),
                    }
                }
                let set = members.iter().fold(0, |set, member| set | (1 << member.relation));
                Class { members, set }
            })
            .collect()
    }
}
