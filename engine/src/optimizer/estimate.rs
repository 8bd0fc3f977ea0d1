//! How many rows a logical plan gives, and what its columns hold: estimates from statistics, for choosing among plans with the same answer.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{DFSchema, JoinType, ScalarValue, Statistics};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Aggregate, Distinct, Expr, ExprSchemable, FetchType, Filter, Join, LogicalPlan, Projection, TableScan};
use datafusion::physical_expr::create_physical_expr;

use super::selectivity::{self, Columns};
use crate::catalog::CloudTable;
use crate::scan::applies;

/// Rows of what nothing is known of: a file without statistics, a function that gives a table.
const UNKNOWN_ROWS: f64 = 100_000.0;

/// What is known of a plan's rows.
#[derive(Debug, Clone)]
pub(super) struct Estimate {
    /// How many there are.
    pub(super) rows: f64,
    /// How many there would be without filters: so many values a key of several columns can have.
    pub(super) unfiltered: f64,
    /// Of each column of the plan's schema.
    pub(super) columns: Vec<ColumnEstimate>,
    /// Whether there are statistics behind it.
    pub(super) known: bool,
}

/// What is known of a column.
#[derive(Debug, Clone, Default)]
pub(super) struct ColumnEstimate {
    /// How many values it has. Filters on other columns do not count: this is the domain that keys meet in.
    pub(super) distinct: Option<f64>,
    /// Least and greatest, as points on a line.
    pub(super) bounds: Option<(f64, f64)>,
    /// The share of NULLs.
    pub(super) nulls: f64,
}

impl Estimate {
    fn unknown(plan: &LogicalPlan) -> Self {
        Self::of_rows(plan, UNKNOWN_ROWS, false)
    }

    fn of_rows(plan: &LogicalPlan, rows: f64, known: bool) -> Self {
        Self { rows, unfiltered: rows, columns: vec![ColumnEstimate::default(); plan.schema().fields().len()], known }
    }

    fn columns<'a>(&'a self, schema: &'a DFSchema) -> Columns<'a> {
        Columns { schema, estimates: &self.columns }
    }

    /// With fewer rows: of so many values, so many are left.
    fn filtered<'a>(mut self, filters: impl IntoIterator<Item = &'a Expr>, schema: &DFSchema) -> Self {
        let share = selectivity::share(filters, self.columns(schema));
        self.rows = (self.rows * share.rows).max(1.0).min(self.rows);
        for (column, share) in share.columns {
            if let Some(distinct) = self.columns.get_mut(column).and_then(|column| column.distinct.as_mut()) {
                *distinct = (*distinct * share).max(1.0);
            }
        }
        self
    }

    /// Only what lies within a key's bounds. The key's values that are left, if it makes a difference.
    pub(super) fn narrow(&mut self, plan: &LogicalPlan, key: &Expr, bounds: (f64, f64)) -> Option<f64> {
        let Expr::Column(column) = key else { return None };
        let at = plan.schema().maybe_index_of_column(column)?;
        let (values, rows) = within(plan, self, key, at, bounds)?;
        self.rows = rows;
        let column = self.columns.get_mut(at)?;
        (column.distinct, column.bounds) = (Some(values), Some(bounds));
        Some(values)
    }

    fn limited(mut self, rows: usize) -> Self {
        self.rows = self.rows.min(rows as f64);
        self.unfiltered = self.unfiltered.min(rows as f64);
        self
    }

    /// The range of a column's values.
    pub(super) fn bounds(&self, key: &Expr, schema: &DFSchema) -> Option<(f64, f64)> {
        match key {
            Expr::Column(column) => self.columns.get(schema.maybe_index_of_column(column)?)?.bounds,
            _ => None,
        }
    }

    /// How many different values an expression has over all rows.
    pub(super) fn distinct(&self, expr: &Expr, schema: &DFSchema) -> Option<f64> {
        match expr {
            Expr::Column(column) => self.columns.get(schema.maybe_index_of_column(column)?)?.distinct,
            Expr::Alias(alias) => self.distinct(&alias.expr, schema),
            Expr::Cast(cast) => self.distinct(&cast.expr, schema),
            Expr::Literal(..) => Some(1.0),
            other => {
                // A function of columns has no more values than they have together.
                let columns = other.column_refs();
                let all = columns.into_iter().map(|column| self.columns.get(schema.maybe_index_of_column(column)?)?.distinct);
                all.product::<Option<f64>>().map(|product| product.min(self.unfiltered))
            }
        }
    }

    /// How many of an expression's values are left in the rows that are left.
    fn distinct_left(&self, expr: &Expr, schema: &DFSchema) -> f64 {
        let rows = self.rows.max(1.0);
        let Some(distinct) = self.distinct(expr, schema) else { return rows.powf(0.75) };
        // Each value stands in so many rows, and is gone when all of them are.
        distinct * -(-(rows / distinct.max(1.0))).exp_m1()
    }
}

/// The estimate for a plan.
pub(super) fn of(plan: &LogicalPlan) -> Estimate {
    match plan {
        LogicalPlan::TableScan(scan) => rows_after_filters(scan, &[]),
        LogicalPlan::Filter(filter) => of_filter(filter),
        LogicalPlan::Projection(projection) => of_projection(projection),
        LogicalPlan::SubqueryAlias(alias) => of(&alias.input),
        LogicalPlan::Sort(sort) => match sort.fetch {
            Some(fetch) => of(&sort.input).limited(fetch),
            None => of(&sort.input),
        },
        LogicalPlan::Limit(limit) => match limit.get_fetch_type() {
            Ok(FetchType::Literal(Some(fetch))) => of(&limit.input).limited(fetch),
            _ => of(&limit.input),
        },
        LogicalPlan::Aggregate(aggregate) => of_aggregate(aggregate),
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let estimate = of(input);
            let schema = input.schema();
            let rows = groups(&estimate, schema.columns().into_iter().map(Expr::Column).collect::<Vec<_>>().iter(), schema);
            Estimate { rows, unfiltered: rows, ..estimate }
        }
        LogicalPlan::Join(join) => of_join(join),
        LogicalPlan::Window(window) => {
            let mut estimate = of(&window.input);
            estimate.columns.resize(plan.schema().fields().len(), ColumnEstimate::default());
            estimate
        }
        LogicalPlan::Union(union) => {
            let mut inputs = union.inputs.iter().map(|input| of(input));
            let Some(first) = inputs.next() else { return Estimate::of_rows(plan, 0.0, true) };
            inputs.fold(first, both)
        }
        LogicalPlan::Values(values) => Estimate::of_rows(plan, values.values.len() as f64, true),
        LogicalPlan::EmptyRelation(empty) => Estimate::of_rows(plan, f64::from(u8::from(empty.produce_one_row)), true),
        _ => match plan.inputs().as_slice() {
            [input] => {
                let input = of(input);
                Estimate::of_rows(plan, input.rows, input.known)
            }
            _ => Estimate::unknown(plan),
        },
    }
}

/// A scan's rows after its own filters and those above it, each counted once: filters that a scan only prunes by stand in both places.
///
/// Where the columns of the filters are in memory, a sample of rows is looked at; it sees what statistics cannot: how conditions depend on each other,
/// and what a pattern matches.
pub(super) fn rows_after_filters(scan: &TableScan, above: &[&Expr]) -> Estimate {
    let statistics = source_as_provider(&scan.source).ok().and_then(|provider| provider.statistics());
    let plan_columns = scan.projected_schema.fields().len();
    let Some(statistics) = statistics else {
        let whole =
            Estimate { rows: UNKNOWN_ROWS, unfiltered: UNKNOWN_ROWS, columns: vec![ColumnEstimate::default(); plan_columns], known: false };
        return whole.filtered(each_once(&scan.filters, above), &scan.projected_schema);
    };
    let all = of_table(&statistics);
    // Filters name columns that the projection may leave out.
    let whole_schema = DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema());
    let filtered = match &whole_schema {
        Ok(schema) => {
            let filters = each_once(&scan.filters, above);
            let sampled = sampled(scan, &filters, schema);
            let whole = all.rows;
            let mut filtered = all.filtered(filters, schema);
            if let Some(share) = sampled {
                filtered.rows = (whole * share).max(1.0).min(whole);
            }
            filtered
        }
        Err(_) => all,
    };
    match &scan.projection {
        Some(projection) => {
            let columns = projection.iter().map(|column| filtered.columns.get(*column).cloned().unwrap_or_default()).collect();
            Estimate { columns, ..filtered }
        }
        None => filtered,
    }
    .limited_to(scan.fetch)
}

impl Estimate {
    fn limited_to(self, fetch: Option<usize>) -> Self {
        match fetch {
            Some(rows) => self.limited(rows),
            None => self,
        }
    }
}

/// How many rows of a scan with filters have a key within bounds, seen in a sample. Of a dimension's rows that a query keeps, often all are in the range that
/// facts have, or none are: no statistics tell.
fn seen_within(plan: &LogicalPlan, key: &Expr, bounds: (f64, f64)) -> Option<f64> {
    let (scan, predicate) = match plan {
        LogicalPlan::TableScan(scan) => (scan, None),
        LogicalPlan::Filter(filter) => match filter.input.as_ref() {
            LogicalPlan::TableScan(scan) => (scan, Some(&filter.predicate)),
            _ => return None,
        },
        LogicalPlan::SubqueryAlias(alias) => {
            let Expr::Column(column) = key else { return None };
            let below = alias.input.schema().qualified_field(alias.schema.maybe_index_of_column(column)?);
            return seen_within(&alias.input, &Expr::Column(below.into()), bounds);
        }
        _ => return None,
    };
    let schema = DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema()).ok()?;
    let data_type = key.get_type(&schema).ok()?;
    let literal = |point: f64| {
        let value = match data_type {
            DataType::Date32 => ScalarValue::Date32(Some(point as i32)),
            _ => ScalarValue::Int64(Some(point as i64)).cast_to(&data_type).ok()?,
        };
        Some(Expr::Literal(value, None))
    };
    let between = key.clone().between(literal(bounds.0)?, literal(bounds.1)?);
    let filters = each_once(&scan.filters, &predicate.into_iter().chain([&between]).collect::<Vec<_>>());
    let rows = source_as_provider(&scan.source).ok()?.statistics()?.num_rows.get_value().copied()? as f64;
    Some((rows * sampled(scan, &filters, &schema)?).max(1.0))
}

/// What is left of a relation whose key meets others only within bounds: the key's values, and rows.
fn within(plan: &LogicalPlan, estimate: &Estimate, key: &Expr, at: usize, bounds: (f64, f64)) -> Option<(f64, f64)> {
    let column = estimate.columns.get(at)?;
    let share = share_within(column.bounds?, bounds);
    let data_type = plan.schema().field(at).data_type();
    if share > WIDE || !(data_type.is_integer() || *data_type == DataType::Date32) {
        return None;
    }
    let distinct = column.distinct?;
    let values = (distinct * share).max(1.0);
    let (is_filtered, is_unique) = (estimate.rows < estimate.unfiltered, distinct > UNIQUE * estimate.unfiltered);
    let rows = match is_filtered.then(|| seen_within(plan, key, bounds)).flatten() {
        Some(rows) => rows,
        // Of a dimension, what cannot be seen is taken to be what people ask for: rows that facts have.
        None if is_filtered && is_unique => estimate.rows.min(values),
        None => estimate.rows * share,
    };
    Some((values, rows.min(estimate.rows).max(1.0)))
}

/// A key with so many values a row is taken as unique: its values are counted to a few per cent.
const UNIQUE: f64 = 0.8;

/// Ranges that lie within each other for so large a share are taken as the same.
const WIDE: f64 = 0.5;

/// The share of a range of whole numbers that lies within another.
fn share_within((low, high): (f64, f64), within: (f64, f64)) -> f64 {
    let common = high.min(within.1) - low.max(within.0) + 1.0;
    (common / (high - low + 1.0)).clamp(0.0, 1.0)
}

/// The range that two keys have in common.
pub(super) fn common_bounds(one: Option<(f64, f64)>, other: Option<(f64, f64)>) -> Option<(f64, f64)> {
    match (one, other) {
        (Some(one), Some(other)) => Some((one.0.max(other.0), one.1.min(other.1))),
        (one, other) => one.or(other),
    }
}

/// The share of a table's rows that pass filters, seen in a sample.
fn sampled(scan: &TableScan, filters: &[&Expr], schema: &DFSchema) -> Option<f64> {
    let provider = source_as_provider(&scan.source).ok()?;
    let table = provider.downcast_ref::<CloudTable>()?;
    if filters.is_empty() || !filters.iter().all(|filter| applies(filter)) {
        return None;
    }
    let physical =
        filters.iter().map(|filter| create_physical_expr(filter, schema, &ExecutionProps::new(), &PhysicalPlanningContext::default()).ok());
    table.sampled(&physical.collect::<Option<Vec<_>>>()?)
}

/// The share of a table's rows that pass filters, by its statistics.
pub(crate) fn share_of_rows(statistics: &Statistics, schema: &SchemaRef, filters: &[Expr]) -> f64 {
    let Ok(schema) = DFSchema::try_from(Arc::clone(schema)) else { return 1.0 };
    let table = of_table(statistics);
    selectivity::share(filters, table.columns(&schema)).rows.clamp(1e-9, 1.0)
}

fn each_once<'a>(filters: &'a [Expr], above: &[&'a Expr]) -> Vec<&'a Expr> {
    let mut all: Vec<&Expr> = Vec::new();
    for filter in filters.iter().flat_map(split_conjunction).chain(above.iter().copied().flat_map(split_conjunction)) {
        if !all.contains(&filter) {
            all.push(filter);
        }
    }
    all
}

fn of_table(statistics: &Statistics) -> Estimate {
    let known = statistics.num_rows.get_value().is_some();
    let rows = statistics.num_rows.get_value().map_or(UNKNOWN_ROWS, |rows| *rows as f64);
    let columns = statistics.column_statistics.iter().map(|column| {
        let point = |value: Option<&ScalarValue>| value.and_then(selectivity::number);
        let bounds = point(column.min_value.get_value()).zip(point(column.max_value.get_value()));
        let nulls = column.null_count.get_value().map_or(0.0, |nulls| *nulls as f64 / rows.max(1.0));
        // Without a count, whole numbers are taken to fill their range.
        let of_range = || {
            let whole = column.min_value.get_value().is_some_and(|value| value.data_type().is_integer());
            bounds.filter(|_| whole).map(|(low, high)| (high - low + 1.0).min(rows))
        };
        let distinct = column.distinct_count.get_value().map(|distinct| *distinct as f64).or_else(of_range);
        ColumnEstimate { distinct: distinct.map(|distinct| distinct.max(1.0)), bounds, nulls }
    });
    Estimate { rows, unfiltered: rows, columns: columns.collect(), known }
}

fn of_filter(filter: &Filter) -> Estimate {
    if let LogicalPlan::TableScan(scan) = filter.input.as_ref() {
        return rows_after_filters(scan, &[&filter.predicate]);
    }
    of(&filter.input).filtered([&filter.predicate], filter.input.schema())
}

fn of_projection(projection: &Projection) -> Estimate {
    let input = of(&projection.input);
    let schema = projection.input.schema();
    let columns = projection.expr.iter().map(|expr| column_of(expr, &input, schema)).collect();
    Estimate { columns, ..input }
}

fn column_of(expr: &Expr, input: &Estimate, schema: &DFSchema) -> ColumnEstimate {
    match expr {
        Expr::Column(column) => {
            schema.maybe_index_of_column(column).and_then(|index| input.columns.get(index)).cloned().unwrap_or_default()
        }
        Expr::Alias(alias) => column_of(&alias.expr, input, schema),
        other => ColumnEstimate { distinct: input.distinct(other, schema), ..ColumnEstimate::default() },
    }
}

/// How many groups there are: never more than rows, and rarely as many as keys could form.
pub(super) fn groups<'a>(input: &Estimate, keys: impl Iterator<Item = &'a Expr>, schema: &DFSchema) -> f64 {
    let mut left: Vec<f64> = keys.map(|key| input.distinct_left(key, schema)).collect();
    left.sort_by(|a, b| b.total_cmp(a));
    // Keys often depend on each other: each further one counts less.
    let (product, _) = left.into_iter().fold((1.0, 1.0), |(product, power), distinct| (product * f64::powf(distinct, power), power * 0.75));
    product.min(input.rows).max(1.0)
}

fn of_aggregate(aggregate: &Aggregate) -> Estimate {
    let input = of(&aggregate.input);
    let schema = aggregate.input.schema();
    let plain = !aggregate.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_)));
    let rows = match (aggregate.group_expr.is_empty(), plain) {
        (true, _) => 1.0,
        (false, true) => groups(&input, aggregate.group_expr.iter(), schema),
        (false, false) => input.rows.max(1.0).powf(0.75),
    };
    let mut columns = vec![ColumnEstimate::default(); aggregate.schema.fields().len()];
    if plain {
        for (column, key) in columns.iter_mut().zip(&aggregate.group_expr) {
            *column = column_of(key, &input, schema);
            column.distinct = Some(match aggregate.group_expr.len() {
                1 => rows,
                _ => column.distinct.unwrap_or(rows).min(rows),
            });
        }
    }
    Estimate { rows, unfiltered: rows, columns, known: input.known }
}

fn both(a: Estimate, b: Estimate) -> Estimate {
    let columns = a.columns.iter().zip(&b.columns).map(|(a, b)| ColumnEstimate {
        distinct: a.distinct.zip(b.distinct).map(|(a, b)| a.max(b)),
        bounds: a.bounds.zip(b.bounds).map(|(a, b)| (a.0.min(b.0), a.1.max(b.1))),
        nulls: a.nulls.max(b.nulls),
    });
    let columns = columns.collect();
    Estimate { rows: a.rows + b.rows, unfiltered: a.unfiltered + b.unfiltered, columns, known: a.known && b.known }
}

/// How many values a key has, of several expressions perhaps: never more than the relation has rows.
pub(super) fn key_values<'a>(keys: impl Iterator<Item = &'a Expr>, estimate: &Estimate, schema: &DFSchema) -> f64 {
    let product: f64 = keys.map(|key| estimate.distinct(key, schema).unwrap_or(estimate.unfiltered)).product();
    product.min(estimate.unfiltered).max(1.0)
}

/// The share of a side's rows that has a partner, for semi-joins and anti-joins.
pub(super) fn matching(
    join: &Join,
    (kept, kept_schema): (&Estimate, &DFSchema),
    (other, other_schema): (&Estimate, &DFSchema),
    kept_is_left: bool,
) -> f64 {
    let keys = |left: bool| join.on.iter().map(move |(l, r)| if left { l } else { r });
    let (here, there) = (key_values(keys(kept_is_left), kept, kept_schema), key_values(keys(!kept_is_left), other, other_schema));
    let share = (there.min(other.rows) / here).clamp(0.0, 1.0);
    share * if join.filter.is_some() { 0.8 } else { 1.0 }
}

fn of_join(join: &Join) -> Estimate {
    joined(join, of(&join.left), of(&join.right))
}

/// The estimate for a join of such sides.
pub(super) fn joined(join: &Join, mut left: Estimate, mut right: Estimate) -> Estimate {
    let (left_schema, right_schema) = (join.left.schema(), join.right.schema());
    if join.join_type == JoinType::Inner {
        for (left_key, right_key) in &join.on {
            if let Some(bounds) = common_bounds(left.bounds(left_key, left_schema), right.bounds(right_key, right_schema)) {
                left.narrow(&join.left, left_key, bounds);
                right.narrow(&join.right, right_key, bounds);
            }
        }
    }
    let one_side = |kept: &Estimate, rows: f64| Estimate { rows: rows.max(1.0).min(kept.rows), ..kept.clone() };
    match join.join_type {
        JoinType::LeftSemi | JoinType::LeftAnti => {
            let share = matching(join, (&left, left_schema), (&right, right_schema), true);
            one_side(&left, left.rows * if join.join_type == JoinType::LeftSemi { share } else { 1.0 - share })
        }
        JoinType::RightSemi | JoinType::RightAnti => {
            let share = matching(join, (&right, right_schema), (&left, left_schema), false);
            one_side(&right, right.rows * if join.join_type == JoinType::RightSemi { share } else { 1.0 - share })
        }
        JoinType::LeftMark => with_mark(left),
        JoinType::RightMark => with_mark(right),
        JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {
            let values = key_values(join.on.iter().map(|(l, _)| l), &left, left_schema).max(key_values(
                join.on.iter().map(|(_, r)| r),
                &right,
                right_schema,
            ));
            let mut rows = left.rows * right.rows / if join.on.is_empty() { 1.0 } else { values };
            let columns: Vec<_> = left.columns.iter().chain(&right.columns).cloned().collect();
            if let Some(filter) = &join.filter {
                rows *= selectivity::share([filter], Columns { schema: &join.schema, estimates: &columns }).rows;
            }
            let least = match join.join_type {
                JoinType::Left => left.rows,
                JoinType::Right => right.rows,
                JoinType::Full => left.rows.max(right.rows),
                _ => 1.0,
            };
            let rows = rows.max(least);
            Estimate { rows, unfiltered: rows.max(left.unfiltered.max(right.unfiltered)), columns, known: left.known && right.known }
        }
    }
}

fn with_mark(mut estimate: Estimate) -> Estimate {
    estimate.columns.push(ColumnEstimate { distinct: Some(2.0), ..ColumnEstimate::default() });
    estimate
}

/// Whether an expression may be moved: it gives the same wherever it stands, and holds no query.
pub(super) fn is_movable(expr: &Expr) -> bool {
    let subquery = expr.exists(|part| {
        Ok(matches!(
            part,
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_) | Expr::OuterReferenceColumn(..)
        ))
    });
    !expr.is_volatile() && !subquery.unwrap_or(true)
}
