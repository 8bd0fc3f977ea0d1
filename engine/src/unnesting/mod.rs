//! Subqueries that name columns of the queries around them, and LATERAL, as joins: whatever stands in them, and wherever they stand.
//!
//! DataFusion's own rules take conditions on outer columns out of a subquery, which is all that most need, and what costs least; they keep those that they are right
//! for (`shape`). All others are computed for every value of the outer columns at once (`domain`, `push`, `groups`), and joined with the rows that have these
//! values (`attach`): a value by a left join, EXISTS by a semi join or a mark, LATERAL by the join that it stands in.
//!
//! The rule works from the inside out, behind all that gives expressions their types: what it makes needs no more of these.

mod attach;
mod domain;
mod groups;
mod one_row;
mod place;
mod push;
mod shape;

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DataFusionError, JoinType, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{BinaryExpr, Expr, Filter, Join, LogicalPlan, LogicalPlanBuilder, Operator, Subquery};
use datafusion::optimizer::decorrelate_predicate_subquery::DecorrelatePredicateSubquery;
use datafusion::optimizer::{AnalyzerRule, OptimizerContext, OptimizerRule};

use self::domain::all;
use self::place::{Place, has_ours, has_subquery, is_ours, is_subquery, names_both_sides, with_sorted_columns};
use self::shape::outer_references;
use crate::error::{Error, to_datafusion};

pub(crate) use one_row::function as one_row;
pub(crate) use shape::is_repeatable;

/// The rule.
#[derive(Debug)]
pub(crate) struct Unnesting;

impl AnalyzerRule for Unnesting {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        Unnester::default().plan(plan)
    }

    fn name(&self) -> &str {
        "unnesting"
    }
}

/// Unnests one statement's plan.
#[derive(Default)]
struct Unnester {
    /// How many names have been given.
    names: usize,
    /// What DataFusion's rules get.
    context: OptimizerContext,
}

impl Unnester {
    fn plan(&mut self, plan: LogicalPlan) -> Result<LogicalPlan> {
        plan.transform_up(|node| self.node(node)).data()
    }

    fn node(&mut self, node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        if let LogicalPlan::Join(join) = &node
            && attach::lateral_side(&join.right).is_some()
        {
            let LogicalPlan::Join(join) = node else { return Ok(Transformed::no(node)) };
            return self.lateral(join).map(Transformed::yes);
        }
        if !node.expressions().iter().any(has_subquery) {
            return Ok(Transformed::no(node));
        }
        let node = node.map_expressions(|expr| expr.transform_up(|part| self.inner(part)))?.data;
        let changed = match node {
            LogicalPlan::Filter(filter) => self.filter(filter)?,
            LogicalPlan::Join(join) => self.join(join)?,
            other => self.list(other)?,
        };
        Ok(Transformed::yes(changed))
    }

    /// A subquery whose own subqueries are unnested.
    fn inner(&mut self, expr: Expr) -> Result<Transformed<Expr>> {
        let unnested = |unnester: &mut Self, subquery: Subquery| {
            let plan = unnester.plan(Arc::unwrap_or_clone(subquery.subquery))?;
            let plan = unnester.without_conditions(plan)?;
            let outer_ref_columns = outer_references(&plan)?;
            Ok::<_, DataFusionError>(Subquery { subquery: Arc::new(plan), outer_ref_columns, spans: subquery.spans })
        };
        Ok(Transformed::yes(match expr {
            Expr::Exists(mut exists) => {
                exists.subquery = unnested(self, exists.subquery)?;
                Expr::Exists(exists)
            }
            Expr::InSubquery(mut found) => {
                found.subquery = unnested(self, found.subquery)?;
                Expr::InSubquery(found)
            }
            Expr::ScalarSubquery(subquery) => Expr::ScalarSubquery(unnested(self, subquery)?),
            other => return Ok(Transformed::no(other)),
        }))
    }

    /// A subquery's own EXISTS and IN as joins at once: DataFusion's checks look at a subquery within another twice, at one within that four times.
    fn without_conditions(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let rule = DecorrelatePredicateSubquery::new();
        plan.transform_up(|node| match &node {
            LogicalPlan::Filter(filter) if has_subquery(&filter.predicate) => rule.rewrite(node, &self.context),
            _ => Ok(Transformed::no(node)),
        })
        .data()
    }

    fn filter(&mut self, Filter { predicate, input, .. }: Filter) -> Result<LogicalPlan> {
        let schema = Arc::clone(input.schema());
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        for part in split_conjunction_owned(predicate) {
            match has_ours(&part, &input, Place::Condition)? {
                true => ours.push(part),
                false => theirs.push(part),
            }
        }
        let rest = |theirs: Vec<Expr>, input: Arc<LogicalPlan>| match conjunction(theirs) {
            Some(predicate) => Filter::try_new(predicate, input).map(LogicalPlan::Filter),
            None => Ok(Arc::unwrap_or_clone(input)),
        };
        // First, so that subqueries are computed for fewer rows.
        let mut rows = rest(theirs, input)?;
        if ours.is_empty() {
            return Ok(rows);
        }
        let mut conditions = Vec::new();
        for part in ours {
            match part {
                Expr::Exists(exists) => rows = self.semi_join(rows, exists.subquery, exists.negated)?,
                other => {
                    let (with_values, condition) = self.values(rows, other, Place::Condition)?;
                    rows = with_values;
                    conditions.push(condition);
                }
            }
        }
        only(rest(conditions, Arc::new(rows))?, &schema)
    }

    /// Subqueries in the condition of a join belong to the side whose columns they name.
    fn join(&mut self, join: Join) -> Result<LogicalPlan> {
        let Some(filter) = join.filter.clone() else { return Ok(LogicalPlan::Join(join)) };
        let schema = Arc::clone(&join.schema);
        if join.join_type == JoinType::Inner {
            let joined = LogicalPlan::Join(Join { filter: None, ..join });
            return self.filter(Filter::try_new(filter, Arc::new(joined))?);
        }
        if join.join_type == JoinType::Left && names_both_sides(&filter, &join)? {
            return self.as_lateral(join, filter);
        }
        let (mut left, mut right) = (join.left.as_ref().clone(), join.right.as_ref().clone());
        let filter = filter.transform_up(|part| {
            if !is_subquery(&part) {
                return Ok(Transformed::no(part));
            }
            let named = attach::outer_of(&part)?;
            let of = |side: &LogicalPlan| named.iter().any(|column| side.schema().has_column(column));
            let side = match (of(&left), of(&right)) {
                (true, true) => {
                    return Err(to_datafusion(
                        Error::unsupported(format!(
                            "a subquery in the ON of a {} JOIN that names columns of both sides is not supported",
                            join.join_type
                        ))
                        .with_hint("write a LEFT JOIN, or compute it for one side before, in a query within FROM"),
                    ));
                }
                (false, true) => &mut right,
                _ => &mut left,
            };
            let (rows, value) = self.value(side.clone(), part)?;
            *side = rows;
            Ok(Transformed::yes(value))
        })?;
        let Join { on, join_type, join_constraint, null_equality, null_aware, .. } = join;
        let joined =
            Join::try_new(Arc::new(left), Arc::new(right), on, Some(filter.data), join_type, join_constraint, null_equality, null_aware)?;
        only(LogicalPlan::Join(joined), &schema)
    }

    /// A LEFT JOIN whose condition has a subquery of both sides: beside each row those of the right side that meet the condition.
    fn as_lateral(&mut self, join: Join, condition: Expr) -> Result<LogicalPlan> {
        let left = Arc::clone(&join.left);
        let named = condition.transform_up(|part| match &part {
            Expr::Column(column) if left.schema().has_column(column) => attach::as_outer(part, &left).map(Transformed::yes),
            _ => Ok(Transformed::no(part)),
        })?;
        let rows = self.filter(Filter::try_new(named.data, Arc::clone(&join.right))?)?;
        let outer_ref_columns = outer_references(&rows)?;
        let subquery = Subquery { subquery: Arc::new(rows), outer_ref_columns, spans: Default::default() };
        self.lateral(Join { right: Arc::new(LogicalPlan::Subquery(subquery)), filter: None, ..join })
    }

    /// Subqueries in lists of values: of a projection, an aggregate, a window, a sort.
    fn list(&mut self, node: LogicalPlan) -> Result<LogicalPlan> {
        let schema = Arc::clone(node.schema());
        let node = with_sorted_columns(node)?;
        let [input] = node.inputs()[..] else { return Ok(node) };
        let place = match node {
            LogicalPlan::Projection(_) => Place::List,
            LogicalPlan::Sort(_) => Place::Sort,
            _ => Place::Elsewhere,
        };
        let mut rows = input.clone();
        let mut ours = false;
        for expr in node.expressions() {
            ours |= has_ours(&expr, &rows, place)?;
        }
        if !ours {
            return Ok(node);
        }
        let names = NamePreserver::new(&node);
        let mut list = Vec::new();
        for expr in node.expressions() {
            let name = names.save(&expr);
            list.push(match has_ours(&expr, &rows, place)? {
                true => {
                    let (with_values, value) = self.values(rows, expr, place)?;
                    rows = with_values;
                    name.restore(value)
                }
                false => expr,
            });
        }
        only(node.with_new_exprs(list, vec![rows])?, &schema)
    }

    /// Rows with the values of an expression's subqueries behind them, and the expression that takes them from there.
    fn values(&mut self, rows: LogicalPlan, expr: Expr, place: Place) -> Result<(LogicalPlan, Expr)> {
        let mut rows = rows;
        let expr = expr.transform_up(|part| match is_subquery(&part) && is_ours(&part, &rows, place)? {
            true => {
                let (with_value, value) = self.value(rows.clone(), part)?;
                rows = with_value;
                Ok(Transformed::yes(value))
            }
            false => Ok(Transformed::no(part)),
        })?;
        Ok((rows, expr.data))
    }
}

/// The columns that there were before.
fn only(plan: LogicalPlan, schema: &datafusion::common::DFSchema) -> Result<LogicalPlan> {
    match plan.schema().fields().len() == schema.fields().len() {
        true => Ok(plan),
        false => LogicalPlanBuilder::from(plan).project(all(schema))?.build(),
    }
}

/// Equal, or both NULL.
fn equality(left: Expr, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), Operator::IsNotDistinctFrom, Box::new(right)))
}

fn unsupported(what: &str) -> DataFusionError {
    to_datafusion(Error::unsupported(format!("{what} is not supported")).with_hint("write it as a join"))
}
