//! Joins rows with what a subquery gives for them.

use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, NullEquality, Result, TableReference};
use datafusion::functions_aggregate::expr_fn::{count, first_value};
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::{Expr, Filter, Join, LogicalPlan, LogicalPlanBuilder, Subquery, SubqueryAlias, lit, not};

use super::domain::{Domain, Pushed, exprs};
use super::shape::{depends, gives_one_row, is_repeatable, outer_columns};
use super::{Unnester, one_row, only, unsupported};
use crate::sharing::materialized;

/// The subquery of a LATERAL, and its name.
pub(super) fn lateral_side(plan: &LogicalPlan) -> Option<(&Subquery, Option<&TableReference>)> {
    match plan {
        LogicalPlan::Subquery(subquery) => Some((subquery, None)),
        LogicalPlan::SubqueryAlias(alias) => match alias.input.as_ref() {
            LogicalPlan::Subquery(subquery) => Some((subquery, Some(&alias.alias))),
            _ => None,
        },
        _ => None,
    }
}

/// The outer columns that an expression's subqueries name.
pub(super) fn outer_of(expr: &Expr) -> Result<Vec<Column>> {
    let mut found = Vec::new();
    expr.apply(|part| {
        match part {
            Expr::Exists(Exists { subquery, .. }) | Expr::InSubquery(InSubquery { subquery, .. }) | Expr::ScalarSubquery(subquery) => {
                found.extend(outer_columns(&subquery.subquery)?);
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// A subquery, computed for all rows beside which it stands.
struct Computed {
    /// Its rows: its own columns, and behind them its keys.
    rows: LogicalPlan,
    /// Which columns of the rows around equal its keys.
    keys: (Vec<Column>, Vec<Column>),
    null_equality: NullEquality,
}

impl Unnester {
    /// Computes a subquery for the rows beside it. These are changed where they must not be computed twice.
    fn computed(&mut self, beside: &mut LogicalPlan, subquery: LogicalPlan) -> Result<Computed> {
        let columns: Vec<Column> = outer_columns(&subquery)?.into_iter().filter(|column| beside.schema().has_column(column)).collect();
        if columns.is_empty() {
            return Ok(Computed { rows: subquery, keys: (vec![], vec![]), null_equality: NullEquality::NullEqualsNothing });
        }
        if !is_repeatable(beside)? {
            *beside = materialized(beside.clone());
        }
        let mut domain = Domain { outer: beside, columns: columns.clone(), names: &mut self.names };
        let Pushed { plan, keys, not_null } = domain.push(subquery)?;
        let null_equality = if not_null { NullEquality::NullEqualsNothing } else { NullEquality::NullEqualsNull };
        Ok(Computed { rows: plan, keys: (columns, keys), null_equality })
    }

    fn fresh_name(&mut self, what: &str) -> String {
        self.names += 1;
        format!("__{what}_{}", self.names)
    }

    /// The rows for which a subquery has a row, or has none.
    pub(super) fn semi_join(&mut self, mut rows: LogicalPlan, subquery: Subquery, negated: bool) -> Result<LogicalPlan> {
        let computed = self.computed(&mut rows, Arc::unwrap_or_clone(subquery.subquery))?;
        let join_type = if negated { JoinType::LeftAnti } else { JoinType::LeftSemi };
        let name = self.fresh_name("match");
        join_existing(rows, computed, join_type, &name)
    }

    /// The rows with the value of a subquery, and the expression that takes it from there.
    pub(super) fn value(&mut self, mut rows: LogicalPlan, subquery: Expr) -> Result<(LogicalPlan, Expr)> {
        match subquery {
            Expr::Exists(Exists { subquery, negated }) => {
                let computed = self.computed(&mut rows, Arc::unwrap_or_clone(subquery.subquery))?;
                self.mark(rows, computed, negated)
            }
            // Where NULL counts, it has become something else before.
            Expr::InSubquery(InSubquery { expr, subquery, negated }) if !negated => {
                let inner = Arc::unwrap_or_clone(subquery.subquery);
                let name = self.fresh_name("in");
                let value = Expr::Column(Column::from(inner.schema().qualified_field(0)));
                let inner = LogicalPlanBuilder::from(inner).project([value.alias(&name)])?.build()?;
                let wanted = super::attach::as_outer(*expr, &rows)?;
                let equal = Expr::Column(Column::new_unqualified(name)).eq(wanted);
                let inner = LogicalPlan::Filter(Filter::try_new(equal, Arc::new(inner))?);
                let computed = self.computed(&mut rows, inner)?;
                self.mark(rows, computed, false)
            }
            Expr::ScalarSubquery(subquery) => self.scalar(rows, Arc::unwrap_or_clone(subquery.subquery)),
            _ => Err(unsupported("NOT IN (SELECT ...) at this place")),
        }
    }

    fn mark(&mut self, rows: LogicalPlan, computed: Computed, negated: bool) -> Result<(LogicalPlan, Expr)> {
        let name = self.fresh_name("match");
        let marked = join_existing(rows, computed, JoinType::LeftMark, &name)?;
        let mark = Expr::Column(Column::new(Some(name), "mark"));
        Ok((marked, if negated { not(mark) } else { mark }))
    }

    fn scalar(&mut self, mut rows: LogicalPlan, subquery: LogicalPlan) -> Result<(LogicalPlan, Expr)> {
        let is_one_row = gives_one_row(&subquery);
        let Computed { rows: inner, keys: (outer, keys), null_equality } = self.computed(&mut rows, subquery)?;
        let (name, count_name) = (self.fresh_name("value"), self.fresh_name("count"));
        let value = Expr::Column(Column::from(inner.schema().qualified_field(0)));
        let result = Expr::Column(Column::new_unqualified(&name));
        let builder = LogicalPlanBuilder::from(inner);
        let (inner, result) = match is_one_row {
            true => {
                let mut list = vec![value.alias(&name)];
                list.extend(exprs(&keys));
                (builder.project(list)?.build()?, result)
            }
            // Whether there are several is asked of those that are wanted only: others may have been computed, too.
            false => {
                let aggregates = vec![first_value(value, vec![]).alias(&name), count(lit(1_i64)).alias(&count_name)];
                let grouped = builder.aggregate(exprs(&keys), aggregates)?.build()?;
                (grouped, one_row().call(vec![result, Expr::Column(Column::new_unqualified(&count_name))]))
            }
        };
        let joined = join(rows, inner, JoinType::Left, (outer, keys), null_equality)?;
        Ok((joined, result))
    }

    /// A join with a LATERAL.
    pub(super) fn lateral(&mut self, join_node: Join) -> Result<LogicalPlan> {
        let Join { left, right, on, filter, join_type, join_constraint, schema, null_equality, null_aware } = join_node;
        let mut rows = Arc::unwrap_or_clone(left);
        let Some((subquery, alias)) = lateral_side(&right) else { return Err(unsupported("this LATERAL")) };
        let Computed { rows: inner, keys: (outer, mut keys), null_equality: of_keys } =
            self.computed(&mut rows, subquery.subquery.as_ref().clone())?;
        let inner = match alias {
            None => inner,
            Some(alias) => {
                keys = keys.iter().map(|key| Column::new(Some(alias.clone()), &key.name)).collect();
                LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::new(inner), alias.clone())?)
            }
        };
        if outer.is_empty() {
            let plain = Join::try_new(Arc::new(rows), Arc::new(inner), on, filter, join_type, join_constraint, null_equality, null_aware)?;
            return self.again(LogicalPlan::Join(plain));
        }
        if !matches!(join_type, JoinType::Inner | JoinType::Left) || depends(&rows, &keys)? {
            return Err(unsupported(&format!("{join_type} JOIN LATERAL")));
        }
        let conditions = on.into_iter().map(|(left, right)| left.eq(right)).chain(filter).reduce(Expr::and);
        let joined = match (join_type, conditions) {
            (JoinType::Inner, Some(condition)) => {
                let joined = join(rows, inner, JoinType::Inner, (outer, keys), of_keys)?;
                self.again(LogicalPlan::Filter(Filter::try_new(condition, Arc::new(joined))?))?
            }
            (join_type, condition) => {
                let joined = LogicalPlanBuilder::from(rows).join_detailed(inner, join_type, (outer, keys), condition, of_keys)?.build()?;
                self.again(joined)?
            }
        };
        only(joined, &schema)
    }

    /// A node that was made of another: the condition of a join may hold subqueries.
    fn again(&mut self, node: LogicalPlan) -> Result<LogicalPlan> {
        Ok(self.node(node)?.data)
    }
}

/// An expression over rows as it is named in a subquery beside them.
pub(super) fn as_outer(expr: Expr, rows: &LogicalPlan) -> Result<Expr> {
    use datafusion::common::ExprSchema;
    use datafusion::common::tree_node::{Transformed, TransformedResult};
    expr.transform_up(|part| match part {
        Expr::Column(column) => {
            let field = Arc::clone(rows.schema().field_from_column(&column)?);
            Ok(Transformed::yes(Expr::OuterReferenceColumn(field, column)))
        }
        other => Ok(Transformed::no(other)),
    })
    .data()
}

/// A join of which only the existence of a match is wanted.
fn join_existing(rows: LogicalPlan, computed: Computed, join_type: JoinType, name: &str) -> Result<LogicalPlan> {
    let Computed { rows: inner, keys: (outer, keys), null_equality } = computed;
    let inner = LogicalPlanBuilder::from(inner);
    let inner = match keys.is_empty() {
        true => inner.project([lit(1_i64).alias("one")])?.limit(0, Some(1))?,
        false => inner.project(exprs(&keys))?,
    };
    let inner = inner.alias(name)?.build()?;
    let keys = keys.iter().map(|key| Column::new(Some(name), &key.name)).collect();
    join(rows, inner, join_type, (outer, keys), null_equality)
}

fn join(
    left: LogicalPlan,
    right: LogicalPlan,
    join_type: JoinType,
    keys: (Vec<Column>, Vec<Column>),
    null_equality: NullEquality,
) -> Result<LogicalPlan> {
    let condition = keys.0.is_empty().then(|| lit(true));
    LogicalPlanBuilder::from(left).join_detailed(right, join_type, keys, condition, null_equality)?.build()
}
