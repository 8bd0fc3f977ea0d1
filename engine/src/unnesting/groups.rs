//! Operators that look at several rows, for all values of the outer columns at once: aggregates, window functions, LIMIT.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, NullEquality, Result};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{
    Aggregate, Expr, ExprFunctionExt, FetchType, JoinType, Limit, LogicalPlan, LogicalPlanBuilder, Projection, SkipType, Sort, Window,
    cast, lit,
};

use super::domain::{Domain, Pushed, all, exprs};
use super::unsupported;

/// Aggregates that give NULL for no rows, or what they say themselves.
const OF_NOTHING: [&str; 5] = ["count", "sum", "min", "max", "avg"];

impl Domain<'_> {
    pub(super) fn aggregate(&mut self, aggregate: Aggregate) -> Result<Pushed> {
        let Aggregate { input, group_expr, aggr_expr, schema, .. } = aggregate;
        if matches!(group_expr.as_slice(), [Expr::GroupingSet(_)]) {
            return Err(unsupported("GROUPING SETS, ROLLUP and CUBE with columns of the outer query"));
        }
        let below = self.push(Arc::unwrap_or_clone(input))?;
        if !group_expr.is_empty() {
            return self.grouped(group_expr, aggr_expr, &schema, below);
        }
        // Without groups there is a row for each value, whether or not there is a row below.
        match aggr_expr.iter().all(is_known) {
            true => {
                let grouped = self.grouped(vec![], aggr_expr.clone(), &schema, below)?;
                let values = self.values()?;
                let mut list = Vec::new();
                for (expr, (relation, field)) in aggr_expr.iter().zip(schema.iter()) {
                    let column = Expr::Column(Column::new(relation.cloned(), field.name()));
                    let of_nothing = of_nothing(expr, field.data_type())?;
                    list.push(match of_nothing.is_null() {
                        true => column,
                        false => coalesce(vec![column, lit(of_nothing)]).alias_qualified(relation.cloned(), field.name()),
                    });
                }
                list.extend(exprs(&values.keys));
                let joined = outer_joined(values.plan, &values.keys, grouped)?;
                let plan = LogicalPlanBuilder::from(joined).project(list)?.build()?;
                Ok(Pushed { plan, keys: values.keys, not_null: false })
            }
            false => {
                let found = self.fresh_name("found");
                let mut list = all(below.plan.schema());
                list.push(Self::always().alias(&found));
                let marked = LogicalPlanBuilder::from(below.plan).project(list)?.build()?;
                let values = self.values()?;
                let joined = outer_joined(values.plan, &values.keys, Pushed { plan: marked, keys: below.keys, not_null: below.not_null })?;
                let there = Expr::Column(Column::new_unqualified(found)).is_not_null();
                let only = aggr_expr.into_iter().zip(schema.iter()).map(|(expr, (relation, field))| {
                    Ok(only_where(self.within(expr, &values.keys)?, &there)?.alias_qualified(relation.cloned(), field.name()))
                });
                let only = only.collect::<Result<Vec<_>>>()?;
                let plan = LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(joined), exprs(&values.keys), only)?);
                Ok(Pushed { plan, keys: values.keys, not_null: false })
            }
        }
    }

    fn grouped(
        &mut self,
        groups: Vec<Expr>,
        aggregates: Vec<Expr>,
        schema: &datafusion::common::DFSchema,
        below: Pushed,
    ) -> Result<Pushed> {
        let mut names = schema.iter();
        let mut named = |expr: Expr| match names.next() {
            Some((relation, field)) => self.named_within(expr, &below.keys, (relation, field.name())),
            None => Ok(expr),
        };
        let mut groups = groups.into_iter().map(&mut named).collect::<Result<Vec<_>>>()?;
        let aggregates = aggregates.into_iter().map(&mut named).collect::<Result<Vec<_>>>()?;
        groups.extend(exprs(&below.keys));
        let plan = LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(below.plan), groups, aggregates)?);
        Ok(Pushed { plan, keys: below.keys, not_null: below.not_null })
    }

    /// Each window is one of the rows of one value.
    pub(super) fn window(&mut self, Window { input, window_expr, schema }: Window) -> Result<Pushed> {
        let mut list = all(input.schema());
        let width = list.len();
        let below = self.push(Arc::unwrap_or_clone(input))?;
        let keys = exprs(&below.keys);
        let windows = window_expr.into_iter().map(|expr| {
            let expr = self.within(expr, &below.keys)?;
            expr.transform(|part| match part {
                Expr::WindowFunction(mut function) => {
                    function.params.partition_by.extend(keys.clone());
                    Ok(Transformed::yes(Expr::WindowFunction(function)))
                }
                other => Ok(Transformed::no(other)),
            })
            .data()
        });
        let windows = windows.collect::<Result<Vec<_>>>()?;
        let before = below.plan.schema().fields().len();
        let computed = Window::try_new(windows, Arc::new(below.plan))?;
        // A window function is called as it is written, with its partitions.
        for (at, (relation, field)) in schema.iter().skip(width).enumerate() {
            let column = Column::from(computed.schema.qualified_field(before + at));
            list.push(Expr::Column(column).alias_qualified(relation.cloned(), field.name()));
        }
        list.extend(keys);
        let plan = LogicalPlanBuilder::from(LogicalPlan::Window(computed)).project(list)?.build()?;
        Ok(Pushed { plan, keys: below.keys, not_null: below.not_null })
    }

    /// The first rows of each value: those with the lowest numbers.
    pub(super) fn limit(&mut self, limit: Limit) -> Result<Pushed> {
        let (SkipType::Literal(skip), FetchType::Literal(fetch)) = (limit.get_skip_type()?, limit.get_fetch_type()?) else {
            return Err(unsupported("a LIMIT that is no constant, with columns of the outer query"));
        };
        let (body, sort, list) = match Arc::unwrap_or_clone(limit.input) {
            LogicalPlan::Sort(Sort { expr, input, fetch: None }) => (Arc::unwrap_or_clone(input), expr, None),
            // What is sorted by has been computed below, and is left out here.
            LogicalPlan::Projection(Projection { expr, input, schema, .. }) if matches!(input.as_ref(), LogicalPlan::Sort(_)) => {
                match Arc::unwrap_or_clone(input) {
                    LogicalPlan::Sort(sort) => (Arc::unwrap_or_clone(sort.input), sort.expr, Some((expr, schema))),
                    other => (other, vec![], Some((expr, schema))),
                }
            }
            other => (other, vec![], None),
        };
        let mut columns = all(body.schema());
        let below = self.push(body)?;
        columns.extend(exprs(&below.keys));
        let mut number = row_number().partition_by(exprs(&below.keys));
        if !sort.is_empty() {
            number = number.order_by(self.sort_within(sort, &below.keys)?);
        }
        let before = below.plan.schema().fields().len();
        let numbered = Window::try_new(vec![number.build()?], Arc::new(below.plan))?;
        let number = cast(Expr::Column(Column::from(numbered.schema.qualified_field(before))), DataType::Int64);
        let skip = i64::try_from(skip).unwrap_or(i64::MAX);
        let mut wanted = number.clone().gt(lit(skip));
        if let Some(fetch) = fetch {
            wanted = wanted.and(number.lt_eq(lit(skip.saturating_add(i64::try_from(fetch).unwrap_or(i64::MAX)))));
        }
        let plan = LogicalPlanBuilder::from(LogicalPlan::Window(numbered)).filter(wanted)?.project(columns)?.build()?;
        let limited = Pushed { plan, keys: below.keys, not_null: below.not_null };
        match list {
            None => Ok(limited),
            Some((list, schema)) => self.project(list, &schema, limited),
        }
    }
}

/// Each value, with the rows that are there.
fn outer_joined(values: LogicalPlan, keys: &[Column], rows: Pushed) -> Result<LogicalPlan> {
    let null_equality = if rows.not_null { NullEquality::NullEqualsNothing } else { NullEquality::NullEqualsNull };
    LogicalPlanBuilder::from(values).join_detailed(rows.plan, JoinType::Left, (keys.to_vec(), rows.keys), None, null_equality)?.build()
}

fn is_known(expr: &Expr) -> bool {
    matches!(expr.clone().unalias(), Expr::AggregateFunction(function) if OF_NOTHING.contains(&function.func.name()))
}

/// What an aggregate gives for no rows.
fn of_nothing(expr: &Expr, data_type: &DataType) -> Result<datafusion::common::ScalarValue> {
    match expr.clone().unalias() {
        Expr::AggregateFunction(function) => function.func.default_value(data_type),
        _ => datafusion::common::ScalarValue::try_new_null(data_type),
    }
}

/// The aggregate of those rows that meet a condition.
fn only_where(expr: Expr, condition: &Expr) -> Result<Expr> {
    expr.transform_down(|part| match part {
        Expr::AggregateFunction(mut function) => {
            let filter = match function.params.filter.take() {
                Some(filter) => filter.and(condition.clone()),
                None => condition.clone(),
            };
            function.params.filter = Some(Box::new(filter));
            Ok(Transformed::new(Expr::AggregateFunction(function), true, datafusion::common::tree_node::TreeNodeRecursion::Jump))
        }
        other => Ok(Transformed::no(other)),
    })
    .data()
}
