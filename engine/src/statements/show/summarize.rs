//! SUMMARIZE: what is in each column of a table or a query, by one query that computes it all.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};

use super::Target;
use super::describe::query_of;
use crate::error::{Error, Result};
use crate::introspection::cells::{self, Cell, Column, Kind, row};
use crate::session::result::Rows;
use crate::statements::context::Context;
use crate::statements::parse;
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
    let fields = described.schema().fields().clone();
    let names: Vec<String> = (0..fields.len()).map(|at| format!("c{at}")).collect();
    let mut selected = vec!["count(*) AS total".to_owned()];
    for (name, field) in names.iter().zip(fields.iter()) {
        let of_column = aggregates(name, field).into_iter().enumerate();
        selected.extend(of_column.map(|(at, expression)| format!("CAST({expression} AS VARCHAR) AS {name}_{at}")));
    }
    let sql = format!("SELECT {} FROM ({text}) AS q ({})", selected.join(", "), names.join(", "));
    let plan = context.plan_query(parse::parse_query(&sql)?).await?;
    let optimized = std::sync::Arc::new(context.optimized(&plan)?);
    let physical = context.physical_query(&optimized, None).await?;
    let batches = Rows::run(physical, context.task())?.collect().await?;
    let answer = batches.iter().find(|batch| batch.num_rows() > 0).ok_or_else(|| Error::internal("a summary without a row"))?;
    let value = |at: usize| -> Result<Option<String>> {
        let column = cast(answer.column(at), &DataType::Utf8)?;
        Ok((!column.is_null(0)).then(|| column.as_string::<i32>().value(0).to_owned()))
    };
    let total: i64 = number(value(0)?)?;
    let mut rows = Vec::with_capacity(fields.len());
    for (at, field) in fields.iter().enumerate() {
        let first = 1 + at * AGGREGATES;
        let texts = (first..first + AGGREGATES).map(value).collect::<Result<Vec<_>>>()?;
        rows.push(summary(field, &texts, total)?);
    }
    let batch = cells::batch(SUMMARIZED, &rows)?;
    with_decimal(&batch)
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
    let mut cells = row![field.name().as_str(), sql_name(field), texts[0].clone(), texts[1].clone(), unique];
    cells.extend(texts[3..8].iter().map(|text| Cell::from(text.clone())));
    cells.extend(row![total, nulls.map(|nulls| format!("{}.{:02}", nulls / 100, nulls % 100))]);
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
