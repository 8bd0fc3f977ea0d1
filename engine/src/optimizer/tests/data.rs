//! A small star of tables with statistics, and sessions with single rules switched off.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::pretty::pretty_format_batches;

use crate::catalog::testing::{Numbers, TestResult};
use crate::{Database, Options, Session, StatementResult};

pub(super) async fn database() -> TestResult<Database> {
    Ok(Database::open("memory://", Options { threads: Some(2), ..Options::default() }).await?)
}

pub(crate) async fn run(session: &mut Session, sql: &str) -> TestResult<Vec<RecordBatch>> {
    match session.execute(sql).await.map_err(|error| format!("{sql}: {error}"))? {
        StatementResult::Rows(rows) => Ok(rows.collect().await.map_err(|error| format!("{sql}: {error}"))?),
        StatementResult::Done(_) => Ok(Vec::new()),
    }
}

/// Rows as text, header first, sorted behind it.
pub(crate) async fn answer(session: &mut Session, sql: &str) -> TestResult<Vec<String>> {
    let text = pretty_format_batches(&run(session, sql).await?)?.to_string();
    let mut rows: Vec<_> = text.lines().filter(|line| line.starts_with('|')).map(str::to_owned).collect();
    if let Some((_, rows)) = rows.split_first_mut() {
        rows.sort_unstable();
    }
    // Widths depend on which batch a row is in.
    Ok(rows.iter().map(|row| row.split_whitespace().collect::<Vec<_>>().join(" ")).collect())
}

/// The plan of a query, one of `logical_plan` and `physical_plan`.
pub(crate) async fn plan(session: &mut Session, kind: &str, sql: &str) -> TestResult<String> {
    for batch in run(session, &format!("EXPLAIN (FORMAT indent) {sql}")).await? {
        let batch = batch.columns().iter().map(|column| arrow::compute::cast(column, &DataType::Utf8)).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch[0].len() {
            if batch[0].as_string::<i32>().value(row) == kind {
                return Ok(batch[1].as_string::<i32>().value(row).to_owned());
            }
        }
    }
    Err(format!("no {kind} for {sql}").into())
}

/// The order in which a plan names its tables, from the top down.
pub(super) fn tables(plan: &str) -> Vec<String> {
    let name =
        |line: &str| line.trim_start().strip_prefix("TableScan: ").map(|rest| rest.split([' ', ',']).next().unwrap_or_default().to_owned());
    plan.lines().filter_map(name).collect()
}

/// Random rows of a table `name (k, a, b, s)`: a key that is unique, numbers of few values with NULLs among them, and a text.
pub(super) async fn random_table(session: &mut Session, numbers: &mut Numbers, name: &str, rows: usize) -> TestResult {
    run(session, &format!("CREATE TABLE {name} (k BIGINT, a BIGINT, b BIGINT, s VARCHAR)")).await?;
    if rows == 0 {
        return Ok(());
    }
    let mut values = Vec::new();
    for key in 0..rows {
        let mut number = |limit: u64| if numbers.below(8) == 0 { "NULL".to_owned() } else { numbers.below(limit).to_string() };
        let (a, b) = (number(12), number(4));
        values.push(format!("({key}, {a}, {b}, 's{}')", numbers.below(5)));
    }
    run(session, &format!("INSERT INTO {name} VALUES {}", values.join(", "))).await?;
    Ok(())
}

/// A table of the numbers from 0 on, as `k`; and of `k % modulus` as `f`, of a text as `s`.
pub(super) async fn numbered(session: &mut Session, name: &str, rows: i64, modulus: i64) -> TestResult {
    run(
        session,
        &format!(
            "CREATE TABLE {name} AS SELECT value AS k, value % {modulus} AS f, 's' || (value % 10) AS s FROM range(0, {rows}) AS r(value)"
        ),
    )
    .await?;
    Ok(())
}
