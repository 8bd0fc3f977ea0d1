//! Computes a plan for all values of its outer columns at once: from the bottom up, every operator does for each of them what it did for one.
//!
//! This is the unnesting of arbitrary queries by Neumann and Kemper: the domain is joined where outer columns are first named, or their values are had from
//! columns that must equal them; what groups, ranks or limits rows does so within each.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema, ExprSchema, NullEquality, Result, ScalarValue};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    BinaryExpr, Distinct, DistinctOn, Expr, Filter, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, Projection, Sort, SortExpr,
    SubqueryAlias, Union, Unnest, Values, lit,
};

use super::domain::{Domain, Pushed, all, exprs};
use super::shape::{depends, expr_depends};
use super::{equality, unsupported};

impl Domain<'_> {
    /// The plan with the domain's columns behind its own.
    pub(super) fn push(&mut self, plan: LogicalPlan) -> Result<Pushed> {
        if !depends(&plan, &self.columns)? {
            return self.beside(plan);
        }
        match plan {
            LogicalPlan::Projection(Projection { expr, input, schema, .. }) => {
                let below = self.push(Arc::unwrap_or_clone(input))?;
                self.project(expr, &schema, below)
            }
            LogicalPlan::Filter(filter) => self.filter(filter),
            LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias, .. }) => {
                let below = self.push(Arc::unwrap_or_clone(input))?;
                let keys = below.keys.iter().map(|key| Column::new(Some(alias.clone()), &key.name)).collect();
                let plan = LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::new(below.plan), alias)?);
                Ok(Pushed { plan, keys, not_null: below.not_null })
            }
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Window(window) => self.window(window),
            LogicalPlan::Limit(limit) => self.limit(limit),
            LogicalPlan::Sort(Sort { expr, input, fetch: None }) => {
                let below = self.push(Arc::unwrap_or_clone(input))?;
                let expr = self.sort_within(expr, &below.keys)?;
                Ok(Pushed { plan: LogicalPlan::Sort(Sort { expr, input: Arc::new(below.plan), fetch: None }), ..below })
            }
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let below = self.push(Arc::unwrap_or_clone(input))?;
                Ok(Pushed { plan: LogicalPlan::Distinct(Distinct::All(Arc::new(below.plan))), ..below })
            }
            LogicalPlan::Distinct(Distinct::On(distinct)) => self.distinct_on(distinct),
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::Union(union) => self.union(union),
            LogicalPlan::Values(values) => self.rows(values),
            LogicalPlan::Unnest(Unnest { input, exec_columns, options, .. }) => {
                let below = self.push(Arc::unwrap_or_clone(input))?;
                let plan = LogicalPlanBuilder::from(below.plan).unnest_columns_with_options(exec_columns, options)?.build()?;
                Ok(Pushed { plan, keys: below.keys, not_null: below.not_null })
            }
            // What stands alone in a FROM, and names columns of the query around: UNNEST, LATERAL.
            LogicalPlan::Subquery(subquery) => self.push(Arc::unwrap_or_clone(subquery.subquery)),
            other => Err(unsupported(&format!("{} with columns of the outer query", other.display()))),
        }
    }

    /// What names no outer column is the same for all values.
    fn beside(&mut self, plan: LogicalPlan) -> Result<Pushed> {
        let values = self.values()?;
        if matches!(&plan, LogicalPlan::EmptyRelation(empty) if empty.produce_one_row && empty.schema.fields().is_empty()) {
            return Ok(values);
        }
        let joined = LogicalPlanBuilder::from(plan).cross_join(values.plan)?.build()?;
        Ok(Pushed { plan: joined, ..values })
    }

    pub(super) fn project(&mut self, list: Vec<Expr>, schema: &DFSchema, below: Pushed) -> Result<Pushed> {
        let named = list.into_iter().zip(schema.iter());
        let mut list = named
            .map(|(expr, (relation, field))| self.named_within(expr, &below.keys, (relation, field.name())))
            .collect::<Result<Vec<_>>>()?;
        list.extend(exprs(&below.keys));
        let plan = LogicalPlan::Projection(Projection::try_new(list, Arc::new(below.plan))?);
        Ok(Pushed { plan, keys: below.keys, not_null: below.not_null })
    }

    fn filter(&mut self, Filter { predicate, input, .. }: Filter) -> Result<Pushed> {
        let input = Arc::unwrap_or_clone(input);
        let mut conjuncts = split_conjunction_owned(predicate);
        let below = match depends(&input, &self.columns)? {
            true => self.push(input)?,
            false => match self.equal_columns(&conjuncts, input.schema()) {
                Some(equal) => {
                    conjuncts = conjuncts
                        .into_iter()
                        .enumerate()
                        .filter(|(at, _)| !equal.iter().any(|(_, used)| used == at))
                        .map(|(_, c)| c)
                        .collect();
                    self.with_equal_columns(input, equal.into_iter().map(|(column, _)| column))?
                }
                None => self.beside(input)?,
            },
        };
        let conjuncts = conjuncts.into_iter().map(|part| self.within(part, &below.keys)).collect::<Result<Vec<_>>>()?;
        let plan = match conjunction(conjuncts) {
            Some(predicate) => LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(below.plan))?),
            None => below.plan,
        };
        Ok(Pushed { plan, keys: below.keys, not_null: below.not_null })
    }

    /// For each column of the domain a column that has to equal it, and which of the conjuncts says so. Then its values need not be known: rows of values
    /// that the domain does not have are not asked for in the end.
    fn equal_columns(&self, conjuncts: &[Expr], schema: &DFSchema) -> Option<Vec<(Column, usize)>> {
        let equal = |column: &Column| {
            let wanted = self.outer.schema().field_from_column(column).ok()?.data_type();
            conjuncts.iter().enumerate().find_map(|(at, part)| {
                let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = part else { return None };
                let inner = match (left.as_ref(), right.as_ref()) {
                    (Expr::OuterReferenceColumn(_, outer), Expr::Column(inner)) if outer == column => inner,
                    (Expr::Column(inner), Expr::OuterReferenceColumn(_, outer)) if outer == column => inner,
                    _ => return None,
                };
                let found = schema.field_from_column(inner).ok()?.data_type();
                // Equal floats and intervals can differ in their bytes.
                let is_exact = found == wanted && !found.is_floating() && !found.is_nested() && !matches!(found, DataType::Interval(_));
                is_exact.then(|| (inner.clone(), at))
            })
        };
        self.columns.iter().map(equal).collect()
    }

    fn with_equal_columns(&mut self, input: LogicalPlan, columns: impl Iterator<Item = Column>) -> Result<Pushed> {
        let names = self.fresh();
        let mut list = all(input.schema());
        list.extend(columns.zip(&names).map(|(column, name)| Expr::Column(column).alias(name)));
        let keys: Vec<Column> = names.into_iter().map(Column::new_unqualified).collect();
        let mut rows = LogicalPlanBuilder::from(input).project(list)?;
        if let Some(there) = conjunction(exprs(&keys).into_iter().map(Expr::is_not_null)) {
            rows = rows.filter(there)?;
        }
        Ok(Pushed { plan: rows.build()?, keys, not_null: true })
    }

    pub(super) fn sort_within(&self, sort: Vec<SortExpr>, keys: &[Column]) -> Result<Vec<SortExpr>> {
        sort.into_iter().map(|SortExpr { expr, asc, nulls_first }| Ok(self.within(expr, keys)?.sort(asc, nulls_first))).collect()
    }

    fn distinct_on(&mut self, distinct: DistinctOn) -> Result<Pushed> {
        let DistinctOn { on_expr, select_expr, sort_expr, input, schema } = distinct;
        let below = self.push(Arc::unwrap_or_clone(input))?;
        let keys = exprs(&below.keys);
        let mut on = keys.clone();
        on.extend(on_expr.into_iter().map(|expr| self.within(expr, &below.keys)).collect::<Result<Vec<_>>>()?);
        let mut list = select_expr
            .into_iter()
            .zip(schema.iter())
            .map(|(expr, (relation, field))| self.named_within(expr, &below.keys, (relation, field.name())))
            .collect::<Result<Vec<_>>>()?;
        list.extend(keys.clone());
        let sort = match sort_expr {
            None => None,
            Some(sort) => {
                let first = keys.into_iter().map(|key| key.sort(true, false));
                Some(first.chain(self.sort_within(sort, &below.keys)?).collect())
            }
        };
        let plan = LogicalPlanBuilder::from(below.plan).distinct_on(on, list, sort)?.build()?;
        Ok(Pushed { plan, keys: below.keys, not_null: below.not_null })
    }

    fn join(&mut self, mut join: Join) -> Result<Pushed> {
        let (left, right) = (depends(&join.left, &self.columns)?, depends(&join.right, &self.columns)?);
        // A key that names an outer column is a condition like others: the column may come from either side.
        let (named, keys) = std::mem::take(&mut join.on)
            .into_iter()
            .partition::<Vec<_>, _>(|(left, right)| expr_depends(left, &self.columns) || expr_depends(right, &self.columns));
        join.on = keys;
        let named = named.into_iter().map(|(left, right)| match join.null_equality {
            NullEquality::NullEqualsNothing => left.eq(right),
            NullEquality::NullEqualsNull => equality(left, right),
        });
        join.filter = conjunction(named.chain(join.filter.take()));
        let keeps_left = matches!(join.join_type, JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark);
        let keeps_right = matches!(join.join_type, JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark);
        let into_both = match join.join_type {
            JoinType::Inner => left && right,
            JoinType::Full => true,
            _ if keeps_left => right,
            _ => left,
        };
        if into_both {
            return self.both_sides(join);
        }
        let into_right = keeps_right || (join.join_type == JoinType::Inner && right);
        let side = if into_right { &mut join.right } else { &mut join.left };
        let below = self.push(Arc::unwrap_or_clone(Arc::clone(side)))?;
        *side = Arc::new(below.plan);
        join.filter = join.filter.map(|filter| self.within(filter, &below.keys)).transpose()?;
        Ok(Pushed { plan: rebuilt(join)?, keys: below.keys, not_null: below.not_null })
    }

    /// Rows of both sides meet for the same values only.
    fn both_sides(&mut self, mut join: Join) -> Result<Pushed> {
        let schema = Arc::clone(&join.schema);
        let left = self.push(Arc::unwrap_or_clone(join.left))?;
        let right = self.push(Arc::unwrap_or_clone(join.right))?;
        let filter = join.filter.map(|filter| self.within(filter, &left.keys)).transpose()?;
        let pairs = exprs(&left.keys).into_iter().zip(exprs(&right.keys));
        let plain = left.not_null || right.not_null;
        let mut conditions: Vec<Expr> = filter.into_iter().collect();
        if plain && join.null_equality == NullEquality::NullEqualsNothing {
            join.on.extend(pairs);
        } else if join.on.is_empty() {
            join.on.extend(pairs);
            join.null_equality = NullEquality::NullEqualsNull;
        } else {
            conditions.extend(pairs.map(|(left, right)| equality(left, right)));
        }
        join.filter = conjunction(conditions);
        (join.left, join.right) = (Arc::new(left.plan), Arc::new(right.plan));
        let join_type = join.join_type;
        let plan = rebuilt(join)?;
        Ok(match join_type {
            JoinType::Full => {
                let names = self.fresh();
                let mut list = all(&schema);
                let either = exprs(&left.keys).into_iter().zip(exprs(&right.keys)).zip(&names);
                list.extend(either.map(|((left, right), name)| coalesce(vec![left, right]).alias(name)));
                let plan = LogicalPlanBuilder::from(plan).project(list)?.build()?;
                Pushed { plan, keys: names.into_iter().map(Column::new_unqualified).collect(), not_null: false }
            }
            JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => {
                Pushed { plan, keys: right.keys, not_null: right.not_null }
            }
            JoinType::Inner => Pushed { plan, keys: left.keys, not_null: plain },
            _ => Pushed { plan, keys: left.keys, not_null: left.not_null },
        })
    }

    fn union(&mut self, Union { inputs, schema }: Union) -> Result<Pushed> {
        let names = self.fresh();
        let (mut branches, mut not_null) = (Vec::new(), true);
        for input in inputs {
            let input = Arc::unwrap_or_clone(input);
            let mut list = all(input.schema());
            let below = self.push(input)?;
            list.extend(exprs(&below.keys).into_iter().zip(&names).map(|(key, name)| key.alias(name)));
            not_null &= below.not_null;
            branches.push(Arc::new(LogicalPlanBuilder::from(below.plan).project(list)?.build()?));
        }
        let union = Union::try_new_with_loose_types(branches)?;
        // Columns are called as before, whatever the branches' are.
        let mut list: Vec<Expr> = union
            .schema
            .columns()
            .into_iter()
            .zip(schema.iter())
            .map(|(column, (relation, field))| match column.relation.as_ref() == relation && column.name == *field.name() {
                true => Expr::Column(column),
                false => Expr::Column(column).alias_qualified(relation.cloned(), field.name()),
            })
            .collect();
        let keys: Vec<Column> = names.into_iter().map(Column::new_unqualified).collect();
        list.extend(exprs(&keys));
        let plan = LogicalPlanBuilder::from(LogicalPlan::Union(union)).project(list)?.build()?;
        Ok(Pushed { plan, keys, not_null })
    }

    /// VALUES: one projection for each row.
    fn rows(&mut self, Values { schema, values }: Values) -> Result<Pushed> {
        let mut branches = Vec::new();
        for row in values {
            let one = LogicalPlanBuilder::empty(true).build()?;
            let list: Vec<Expr> = row
                .into_iter()
                .zip(schema.iter())
                .map(|(expr, (relation, field))| expr.alias_qualified(relation.cloned(), field.name()))
                .collect();
            branches.push(Arc::new(LogicalPlan::Projection(Projection::try_new(list, Arc::new(one))?)));
        }
        match branches.len() {
            1 => self.push(branches.pop().map_or_else(|| LogicalPlanBuilder::empty(false).build(), |only| Ok(Arc::unwrap_or_clone(only)))?),
            _ => self.union(Union { inputs: branches, schema }),
        }
    }

    /// A value that is there for each row.
    pub(super) fn always() -> Expr {
        lit(ScalarValue::Boolean(Some(true)))
    }
}

/// A join of other sides, with the schema that they make.
fn rebuilt(join: Join) -> Result<LogicalPlan> {
    let Join { left, right, on, filter, join_type, join_constraint, schema: _, null_equality, null_aware } = join;
    Ok(LogicalPlan::Join(Join::try_new(left, right, on, filter, join_type, join_constraint, null_equality, null_aware)?))
}
