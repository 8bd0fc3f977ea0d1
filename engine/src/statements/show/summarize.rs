//! SUMMARIZE: what is in each column of a table or a query, by one query that computes it all, but for what a table's statistics tell exactly.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use datafusion::common::ColumnStatistics;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;

use super::Target;
use super::describe::query_of;
use crate::error::{Error, Result};
use crate::introspection::cells::{self, Cell, Column, Kind, row as cells_of};
use crate::scan::scanned;
use crate::session::result::Rows;
use crate::statements::context::Context;
use crate::statements::syntax::parse;
use crate::types::{is_uuid, sql_name};

const SUMMARIZED: &[Column] = &[
    ("column_name", Kind::Text),
    ("column_type", Kind::Text),
    ("min", Kind::Text),
    ("max", Kind::Text),
    ("approx_unique", Kind::Number),
    ("avg", Kind::Text),
    ("std", Kind::Text),
    ("q25", Kind::Text),
    ("q50", Kind::Text),
    ("q75", Kind::Text),
    ("count", Kind::Number),
    ("null_percentage", Kind::Text),
];

/// How many aggregates there are of each column.
const AGGREGATES: usize = 9;

/// The rows of SUMMARIZE.
pub(super) async fn summarize(context: &Context, target: Target) -> Result<RecordBatch> {
    let query = match target {
        Target::Query(query) => query,
        Target::Name(name) => query_of(context, &name)?,
    };
    let text = query.to_string();
    let described = context.plan_query(query).await?;
    let fields = context.output(&described)?.fields().clone();
    let names: Vec<String> = (0..fields.len()).map(|at| format!("c{at}")).collect();
    let known = statistics(&described);
    let mut wanted = vec![Wanted { expression: "count(*)".to_owned(), is_known: known.is_some() }];
    for (at, (name, field)) in names.iter().zip(fields.iter()).enumerate() {
        let of_column = known.as_ref().and_then(|known| known.get(at));
        wanted.extend(aggregates(name, field).map(|expression| {
            let is_known = of_column.is_some_and(|statistics| is_exact(statistics, name, &expression));
            Wanted { expression: format!("CAST({expression} AS VARCHAR)"), is_known }
        }));
    }
    let values = answers(context, wanted, &format!("({text}) AS q ({})", names.join(", "))).await?;
    let total: i64 = number(values[0].clone())?;
    let columns = fields.iter().zip(values[1..].chunks(AGGREGATES));
    let rows = columns.map(|(field, texts)| summary(field, texts, total)).collect::<Result<Vec<_>>>()?;
    let batch = cells::batch(SUMMARIZED, &rows)?;
    with_decimal(&batch)
}

/// An aggregate that is asked for.
struct Wanted {
    expression: String,
    /// Whether the table's statistics tell it: asked for alone, it is a constant of the plan.
    is_known: bool,
}

/// The answers to all that is wanted, in its order.
async fn answers(context: &Context, mut wanted: Vec<Wanted>, from: &str) -> Result<Vec<Option<String>>> {
    let of = |wanted: &[Wanted], is_known: bool| {
        let meant = wanted.iter().filter(|wanted| wanted.is_known == is_known);
        let list: Vec<String> = meant.enumerate().map(|(at, wanted)| format!("{} AS a{at}", wanted.expression)).collect();
        (!list.is_empty()).then(|| format!("SELECT {} FROM {from}", list.join(", ")))
    };
    let mut known = None;
    if let Some(sql) = of(&wanted, true) {
        known = Some(physical(context, &sql).await?).filter(|plan| scanned(plan).is_empty());
    }
    if known.is_none() {
        // The planner sees it otherwise: all is asked for in one pass.
        wanted.iter_mut().for_each(|wanted| wanted.is_known = false);
    }
    let mut sides = [Vec::new(), Vec::new()].map(Vec::into_iter);
    if let Some(plan) = known {
        sides[1] = row(context, plan).await?.into_iter();
    }
    if let Some(sql) = of(&wanted, false) {
        sides[0] = row(context, physical(context, &sql).await?).await?.into_iter();
    }
    let next = |wanted: &Wanted| sides[usize::from(wanted.is_known)].next().ok_or_else(|| Error::internal("a summary without a value"));
    wanted.iter().map(next).collect()
}

async fn physical(context: &Context, sql: &str) -> Result<Arc<dyn ExecutionPlan>> {
    let plan = context.plan_query(parse::parse_query(sql)?).await?;
    let optimized = Arc::new(context.optimized(&plan)?);
    context.physical_query(&optimized, None).await
}

/// The one row of a plan, as texts.
async fn row(context: &Context, plan: Arc<dyn ExecutionPlan>) -> Result<Vec<Option<String>>> {
    let batches = Rows::run(plan, context.task())?.collect().await?;
    let answer = batches.iter().find(|batch| batch.num_rows() > 0).ok_or_else(|| Error::internal("a summary without a row"))?;
    let text = |column: &ArrayRef| -> Result<Option<String>> {
        let column = cast(column, &DataType::Utf8)?;
        Ok((!column.is_null(0)).then(|| column.as_string::<i32>().value(0).to_owned()))
    };
    answer.columns().iter().map(text).collect()
}

/// What is known of a plan's columns without reading a row; nothing unless the rows are all of a table.
fn statistics(plan: &LogicalPlan) -> Option<Vec<ColumnStatistics>> {
    match plan {
        LogicalPlan::TableScan(scan) if scan.filters.is_empty() && scan.fetch.is_none() => {
            let statistics = source_as_provider(&scan.source).ok()?.statistics()?;
            let all = statistics.column_statistics;
            match &scan.projection {
                None => Some(all),
                Some(projection) => projection.iter().map(|at| all.get(*at).cloned()).collect(),
            }
        }
        LogicalPlan::SubqueryAlias(alias) => statistics(&alias.input),
        LogicalPlan::Projection(projection) => {
            let input = statistics(&projection.input)?;
            let of = |expr: &Expr| match expr.clone().unalias() {
                Expr::Column(column) => input.get(projection.input.schema().maybe_index_of_column(&column)?).cloned(),
                _ => None,
            };
            Some(projection.expr.iter().map(|expr| of(expr).unwrap_or_else(ColumnStatistics::new_unknown)).collect())
        }
        _ => None,
    }
}

/// Whether statistics tell exactly what an aggregate of a column would.
fn is_exact(statistics: &ColumnStatistics, name: &str, aggregate: &str) -> bool {
    let is = |function: &str| aggregate == format!("{function}({name})");
    is("min") && statistics.min_value.is_exact() == Some(true)
        || is("max") && statistics.max_value.is_exact() == Some(true)
        || is("count") && statistics.null_count.is_exact() == Some(true)
}

fn number(text: Option<String>) -> Result<i64> {
    text.as_deref().unwrap_or("0").parse().map_err(|_| Error::internal("a count that is no number"))
}

/// min, max, unique, avg, std, q25, q50, q75 and the number of values that are not NULL, as SQL.
fn aggregates(name: &str, field: &Field) -> [String; AGGREGATES] {
    let null = || "NULL".to_owned();
    let (min, max) = match field.data_type() {
        DataType::Null | DataType::List(_) | DataType::LargeList(_) | DataType::Struct(_) | DataType::Map(..) | DataType::Interval(_) => {
            (null(), null())
        }
        _ if is_uuid(field) => (format!("min(CAST({name} AS VARCHAR))"), format!("max(CAST({name} AS VARCHAR))")),
        DataType::Boolean => {
            let of = |function| format!("CASE {function}(CAST({name} AS INTEGER)) WHEN 1 THEN 'true' WHEN 0 THEN 'false' END");
            (of("min"), of("max"))
        }
        _ => (format!("min({name})"), format!("max({name})")),
    };
    let unique = match field.data_type() {
        DataType::Null => "0".to_owned(),
        _ => format!("approx_distinct(CAST({name} AS VARCHAR))"),
    };
    let [average, deviation, quarter, half, rest] = moments(name, field.data_type()).unwrap_or([(); 5].map(|()| null()));
    let count = if field.data_type().is_null() { "0".to_owned() } else { format!("count({name})") };
    [min, max, unique, average, deviation, quarter, half, rest, count]
}

/// Average, deviation and quartiles, of what has them.
fn moments(name: &str, data_type: &DataType) -> Option<[String; 5]> {
    let back = match data_type {
        data_type if data_type.is_numeric() => sql_name(&Field::new(name, data_type.clone(), true)),
        DataType::Date32 => "DATE".to_owned(),
        DataType::Timestamp(_, None) => "TIMESTAMP".to_owned(),
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE".to_owned(),
        _ => return None,
    };
    if data_type.is_numeric() {
        let quantile = |share| format!("CAST(approx_percentile_cont(CAST({name} AS DOUBLE), {share}) AS {back})");
        let (average, deviation) = (format!("avg(CAST({name} AS DOUBLE))"), format!("stddev(CAST({name} AS DOUBLE))"));
        return Some([average, deviation, quantile("0.25"), quantile("0.5"), quantile("0.75")]);
    }
    // Points in time are averaged as microseconds.
    let micros = format!("CAST(arrow_cast(arrow_cast({name}, 'Timestamp(Microsecond, None)'), 'Int64') AS DOUBLE)");
    let moment = |micros: String, to: &str| {
        format!("CAST(arrow_cast(arrow_cast(round({micros}), 'Int64'), 'Timestamp(Microsecond, None)') AS {to})")
    };
    let quantile = |share| moment(format!("approx_percentile_cont({micros}, {share})"), &back);
    let average = moment(format!("avg({micros})"), if back == "DATE" { "TIMESTAMP" } else { &back });
    Some([average, "NULL".to_owned(), quantile("0.25"), quantile("0.5"), quantile("0.75")])
}

fn summary(field: &Field, texts: &[Option<String>], total: i64) -> Result<Vec<Cell>> {
    let present = number(texts[AGGREGATES - 1].clone())?;
    let unique = number(texts[2].clone())?;
    // In hundredths of a percent, rounded.
    let nulls = (total > 0).then(|| ((total - present) as f64 * 10_000.0 / total as f64).round() as i64);
    let mut cells = cells_of![field.name().as_str(), sql_name(field), texts[0].clone(), texts[1].clone(), unique];
    cells.extend(texts[3..8].iter().map(|text| Cell::from(text.clone())));
    cells.extend(cells_of![total, nulls.map(|nulls| format!("{}.{:02}", nulls / 100, nulls % 100))]);
    Ok(cells)
}

/// The share of NULLs as DECIMAL(9, 2).
fn with_decimal(batch: &RecordBatch) -> Result<RecordBatch> {
    let mut columns: Vec<_> =
        batch.schema().fields().iter().map(|field| field.name().clone()).zip(batch.columns().iter().cloned()).collect();
    if let Some((_, column)) = columns.last_mut() {
        *column = cast(column, &DataType::Decimal128(9, 2))?;
    }
    Ok(RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))?)
}
