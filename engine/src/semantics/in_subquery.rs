//! `x IN (SELECT ...)` where NULL must be told from false.
//!
//! DataFusion makes a join of it, which knows only whether there is a match. As a condition of its own, and below AND and OR, that is as good: no row comes
//! of NULL either. A plain `x NOT IN (SELECT ...)` has a join that looks after NULLs. But below NOT, in a comparison, for a constant x, or when the subquery
//! names outer columns, the answers are wrong. There it becomes what SQL says: true if there is a match; NULL if x, or a row of the subquery, is NULL and
//! might have been one; else false.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, ExprSchema, Result, ScalarValue, Spans};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{BinaryExpr, Expr, Filter, LogicalPlan, LogicalPlanBuilder, Operator, Subquery, lit, not, when};
use datafusion::optimizer::AnalyzerRule;

/// The name of a subquery's rows. No table's: nobody begins one so.
const ROWS: &str = "__in_subquery";
const VALUE: &str = "value";

/// The rule. It belongs before `common_types`, which looks at the comparisons that it makes.
#[derive(Debug)]
pub(super) struct InSubqueries;

impl AnalyzerRule for InSubqueries {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let rewritten = plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Filter(Filter { predicate, input, .. }) => {
                let single = predicate.transform_up(of_one_row)?;
                let predicate = condition(single.data, true, input.schema())?;
                let filter = Filter::try_new(predicate.data, input)?;
                Ok(Transformed::new_transformed(LogicalPlan::Filter(filter), predicate.transformed || single.transformed))
            }
            // No row comes of NULL here either, but DataFusion's joins for IN do not look into conditions of joins.
            LogicalPlan::Join(mut join) if join.filter.is_some() => {
                let schema = join.left.schema().join(join.right.schema())?;
                let filter =
                    join.filter.take().map(|filter| filter.transform_up(of_one_row)?.transform_data(|filter| of_join(filter, &schema)));
                let filter = filter.transpose()?;
                let transformed = filter.as_ref().is_some_and(|filter| filter.transformed);
                join.filter = filter.map(|filter| filter.data);
                Ok(Transformed::new_transformed(LogicalPlan::Join(join), transformed))
            }
            // As a value, NULL is always told from false.
            node @ (LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) | LogicalPlan::Window(_) | LogicalPlan::Sort(_)) => {
                let names = NamePreserver::new(&node);
                let schemas: Vec<_> = node.inputs().iter().map(|input| Arc::clone(input.schema())).collect();
                let Some(schema) = schemas.first() else { return Ok(Transformed::no(node)) };
                node.map_expressions(|expr| {
                    let name = names.save(&expr);
                    let valued = expr.transform_up(of_one_row)?.transform_data(|expr| everywhere(expr, schema))?;
                    Ok(match valued.transformed {
                        true => valued.update_data(|expr| name.restore(expr)),
                        false => valued,
                    })
                })
            }
            other => Ok(Transformed::no(other)),
        })?;
        Ok(rewritten.data)
    }

    fn name(&self) -> &str {
        "in_subqueries"
    }
}

/// An aggregate without groups gives a row, whatever there is below: one more than a join on its outer columns finds. What asks for it is asked otherwise.
fn of_one_row(expr: Expr) -> Result<Transformed<Expr>> {
    match expr {
        Expr::Exists(Exists { subquery, negated }) if !subquery.outer_ref_columns.is_empty() => match always_one_row(&subquery.subquery) {
            true => Ok(Transformed::yes(lit(!negated))),
            false => Ok(Transformed::no(Expr::Exists(Exists { subquery, negated }))),
        },
        Expr::InSubquery(InSubquery { expr, subquery, negated }) if !subquery.outer_ref_columns.is_empty() => {
            match always_one_row(&subquery.subquery) {
                true => {
                    let value = Box::new(Expr::ScalarSubquery(subquery));
                    let op = if negated { Operator::NotEq } else { Operator::Eq };
                    Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(expr, op, value))))
                }
                false => Ok(Transformed::no(Expr::InSubquery(InSubquery { expr, subquery, negated }))),
            }
        }
        other => Ok(Transformed::no(other)),
    }
}

fn always_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => always_one_row(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => always_one_row(&alias.input),
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        _ => false,
    }
}

/// A condition on rows, where NULL is as good as false. `is_alone`: no OR stands above it.
fn condition(expr: Expr, is_alone: bool, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            let is_alone = is_alone && op == Operator::And;
            let (left, right) = (condition(*left, is_alone, schema)?, condition(*right, is_alone, schema)?);
            let changed = left.transformed || right.transformed;
            let both = BinaryExpr::new(Box::new(left.data), op, Box::new(right.data));
            Ok(Transformed::new_transformed(Expr::BinaryExpr(both), changed))
        }
        Expr::Not(inner) => match *inner {
            Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                condition(Expr::InSubquery(InSubquery { expr, subquery, negated: !negated }), is_alone, schema)
            }
            other => everywhere(not(other), schema),
        },
        Expr::InSubquery(found) if !found.negated || (is_alone && has_a_join(&found)) => Ok(Transformed::no(Expr::InSubquery(found))),
        Expr::InSubquery(found) if is_alone => Parts::of(found, schema)?.none_may_match().map(Transformed::yes),
        other => everywhere(other, schema),
    }
}

/// A condition of a join: IN that is not below NOT, or in a comparison, is the existence of an equal row.
fn of_join(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            let (left, right) = (of_join(*left, schema)?, of_join(*right, schema)?);
            let changed = left.transformed || right.transformed;
            let both = BinaryExpr::new(Box::new(left.data), op, Box::new(right.data));
            Ok(Transformed::new_transformed(Expr::BinaryExpr(both), changed))
        }
        Expr::InSubquery(found) if !found.negated => Parts::of(found, schema)?.one_matches().map(Transformed::yes),
        other => everywhere(other, schema),
    }
}

/// Whether DataFusion's join for NOT IN looks after NULLs.
fn has_a_join(found: &InSubquery) -> bool {
    found.subquery.outer_ref_columns.is_empty() && !found.expr.column_refs().is_empty()
}

fn everywhere(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    expr.transform_up(|expr| match expr {
        Expr::InSubquery(found) => Parts::of(found, schema)?.three_valued().map(Transformed::yes),
        other => Ok(Transformed::no(other)),
    })
}

/// What an IN is made of.
struct Parts {
    negated: bool,
    /// What is looked for, without and within the subquery.
    expr: Expr,
    outer: Expr,
    outer_columns: Vec<Expr>,
    /// The subquery, with one column; and that column.
    rows: LogicalPlan,
    value: Expr,
    /// The outer columns that the subquery names itself.
    correlated: Vec<Expr>,
}

impl Parts {
    fn of(found: InSubquery, schema: &DFSchema) -> Result<Self> {
        let InSubquery { expr, subquery, negated } = found;
        let correlated = subquery.outer_ref_columns;
        let mut outer_columns = correlated.clone();
        let outer = expr.as_ref().clone().transform_up(|part| match part {
            Expr::Column(column) => {
                let field = Arc::clone(schema.field_from_column(&column)?);
                let outer = Expr::OuterReferenceColumn(field, column);
                outer_columns.push(outer.clone());
                Ok(Transformed::yes(outer))
            }
            other => {
                if matches!(other, Expr::OuterReferenceColumn(..)) {
                    outer_columns.push(other.clone());
                }
                Ok(Transformed::no(other))
            }
        })?;
        let first = Expr::Column(Column::from(subquery.subquery.schema().qualified_field(0)));
        let rows = subquery.subquery.as_ref().clone();
        let (rows, value) = match correlated.is_empty() {
            // Columns of the same name within and without are mixed up otherwise.
            true => {
                let rows = LogicalPlanBuilder::from(rows).project([first.alias(VALUE)])?.alias(ROWS)?.build()?;
                (rows, Expr::Column(Column::new(Some(ROWS), VALUE)))
            }
            // The names in its conditions have to stay.
            false => (rows, first),
        };
        Ok(Self { negated, expr: *expr, outer: outer.data, outer_columns, rows, value, correlated })
    }

    /// Whether there is a row, of all or of those for which a condition holds.
    fn exists(&self, condition: Option<Expr>, outer_columns: &[Expr], negated: bool) -> Result<Expr> {
        let rows = LogicalPlanBuilder::from(self.rows.clone());
        let rows = match condition {
            Some(condition) => rows.filter(condition)?,
            None => rows,
        };
        let subquery = Subquery { subquery: Arc::new(rows.build()?), outer_ref_columns: outer_columns.to_vec(), spans: Spans::new() };
        Ok(Expr::Exists(Exists { subquery, negated }))
    }

    /// NOT IN as a condition of its own: no row is equal, or might be.
    fn none_may_match(self) -> Result<Expr> {
        let may_match = self.value.clone().eq(self.outer.clone()).is_not_false();
        self.exists(Some(may_match), &self.outer_columns, true)
    }

    /// IN as a condition of its own.
    fn one_matches(self) -> Result<Expr> {
        let equal = self.value.clone().eq(self.outer.clone());
        self.exists(Some(equal), &self.outer_columns, false)
    }

    fn three_valued(self) -> Result<Expr> {
        let unknown = lit(ScalarValue::Boolean(None));
        let equal = self.value.clone().eq(self.outer.clone());
        let answer = when(self.exists(Some(equal), &self.outer_columns, false)?, lit(true))
            .when(self.exists(Some(self.value.clone().is_null()), &self.correlated, false)?, unknown.clone())
            .when(self.expr.clone().is_null().and(self.exists(None, &self.correlated, false)?), unknown)
            .otherwise(lit(false))?;
        Ok(if self.negated { not(answer) } else { answer })
    }
}
