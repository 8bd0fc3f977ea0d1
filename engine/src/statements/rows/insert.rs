//! INSERT: rows from VALUES or a query, cast to the table's columns, with defaults for those that are left out.

use std::sync::Arc;

use clouddb_storage::catalog::TableMeta;
use clouddb_storage::{TableSnapshot, Transaction};
use datafusion::logical_expr::{Expr as LogicalExpr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::sqlparser::ast::{Insert, ObjectName, OnInsert, Query, SetExpr, TableObject};

use super::conform::ConformExec;
use crate::error::{Error, Result, from_datafusion, is_out_of_memory};
use crate::semantics::session_zone;
use crate::session::result::Done;
use crate::statements::ast;
use crate::statements::context::Context;
use crate::statements::lookup;
use crate::statements::meaning::refuse::unsupported;
use crate::statements::meaning::rewrite;
use crate::statements::rows::constant;
use crate::statements::rows::values;
use crate::statements::syntax::parse::{self, normalized};
use crate::write::write_plan;

/// Runs an INSERT inside a transaction. By name, the query's columns say which of the table's they are for.
pub(crate) async fn insert(context: &Context, transaction: &mut Transaction, insert: Insert, by_name: bool) -> Result<Done> {
    let Insert {
        insert_token: _,
        optimizer_hints: _,
        or,
        ignore,
        into: _,
        table,
        table_alias,
        columns,
        overwrite,
        source,
        assignments,
        partitioned,
        after_columns,
        has_table_keyword: _,
        on,
        returning,
        output,
        replace_into,
        priority,
        insert_alias,
        settings,
        format_clause,
        multi_table_insert_type,
        multi_table_into_clauses,
        multi_table_when_clauses,
        multi_table_else_clause,
    } = insert;
    for (there, what) in [
        (or.is_some() || replace_into, "INSERT OR REPLACE and REPLACE INTO"),
        (ignore, "INSERT IGNORE"),
        (matches!(on, Some(OnInsert::OnConflict(_))), "ON CONFLICT"),
        (on.is_some(), "ON DUPLICATE KEY UPDATE"),
        (returning.is_some() || output.is_some(), "RETURNING"),
        (overwrite, "INSERT OVERWRITE"),
        (!assignments.is_empty(), "INSERT ... SET"),
        (partitioned.is_some() || !after_columns.is_empty(), "PARTITION of an INSERT"),
        (table_alias.is_some() || insert_alias.is_some(), "an alias in an INSERT"),
        (priority.is_some(), "a priority of an INSERT"),
        (settings.is_some() || format_clause.is_some(), "SETTINGS and FORMAT of an INSERT"),
        (
            multi_table_insert_type.is_some()
                || !multi_table_into_clauses.is_empty()
                || !multi_table_when_clauses.is_empty()
                || multi_table_else_clause.is_some(),
            "an INSERT into several tables",
        ),
    ] {
        if there {
            return Err(unsupported(what));
        }
    }
    let TableObject::TableName(name) = table else { return Err(unsupported("INSERT into a function")) };
    let target = context.table(&context.qualify(&name)?)?;
    let listed = listed_columns(target.meta(), &columns)?;
    if by_name && (!columns.is_empty() || source.is_none()) {
        return Err(Error::invalid("INSERT BY NAME takes a query, and no list of columns")
            .with_hint("the names of the query's columns are the list"));
    }
    let rows = match source {
        Some(query) if by_name => {
            let source = context.plan_query(query).await?;
            let names = source.schema().fields().iter().map(|field| ObjectName::from(vec![ast::quoted(field.name())]));
            let listed = listed_columns(target.meta(), &names.collect::<Vec<_>>())?;
            insert_plan(context, transaction, &target, &listed, source).await?
        }
        None => values::insert(context, transaction, &target, &[], vec![vec![]]).await?,
        Some(query) => match into_rows(query) {
            Ok(rows) => values::insert(context, transaction, &target, &listed, rows).await?,
            Err(query) => insert_query(context, transaction, &target, &listed, query).await?,
        },
    };
    Ok(Done::with_rows("INSERT", rows))
}

/// The rows of a plain VALUES; any other query comes back.
fn into_rows(query: Box<Query>) -> std::result::Result<Vec<Vec<datafusion::sql::sqlparser::ast::Expr>>, Box<Query>> {
    let plain = query.with.is_none()
        && query.order_by.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none()
        && query.locks.is_empty()
        && query.for_clause.is_none()
        && query.settings.is_none()
        && query.format_clause.is_none()
        && query.pipe_operators.is_empty();
    if !plain || !matches!(*query.body, SetExpr::Values(_)) {
        return Err(query);
    }
    match *query.body {
        SetExpr::Values(values) => Ok(values.rows.into_iter().map(|row| row.content).collect()),
        _ => Ok(vec![]),
    }
}

/// The positions of the columns that an INSERT or COPY lists; all, if it lists none.
pub(crate) fn listed_columns(table: &TableMeta, columns: &[ObjectName]) -> Result<Vec<usize>> {
    if columns.is_empty() {
        return Ok((0..table.columns.len()).collect());
    }
    let mut listed = Vec::with_capacity(columns.len());
    for column in columns {
        let name = match column.0.as_slice() {
            [part] => part.as_ident().map(normalized),
            _ => None,
        };
        let name = name.ok_or_else(|| Error::invalid(format!("'{column}' is no name of a column")))?;
        let name = lookup::column(table, &name)?.name();
        let position =
            table.column(name).map(|(position, _)| position).ok_or_else(|| Error::internal("a column is gone that was just found"))?;
        if listed.contains(&position) {
            return Err(Error::invalid(format!("column '{name}' is listed twice")));
        }
        listed.push(position);
    }
    Ok(listed)
}

/// The names of a table's columns, for a message.
pub(crate) fn column_names(table: &TableMeta) -> String {
    table.columns.iter().map(|column| column.name()).collect::<Vec<_>>().join(", ")
}

/// The error for a row of the wrong length.
pub(crate) fn wrong_count(table: &TableMeta, listed: usize, found: usize) -> Error {
    Error::invalid(format!("the INSERT names {listed} columns of table '{}' and gives {found} values", table.name))
        .with_hint(format!("the table's columns are {}", column_names(table)))
}

async fn insert_query(
    context: &Context,
    transaction: &mut Transaction,
    target: &TableSnapshot,
    listed: &[usize],
    query: Box<Query>,
) -> Result<u64> {
    let source = context.plan_query(query).await?;
    insert_plan(context, transaction, target, listed, source).await
}

async fn insert_plan(
    context: &Context,
    transaction: &mut Transaction,
    target: &TableSnapshot,
    listed: &[usize],
    source: LogicalPlan,
) -> Result<u64> {
    let found = source.schema().fields().len();
    if found != listed.len() {
        return Err(wrong_count(target.meta(), listed.len(), found));
    }
    let mut columns = vec![None; target.meta().columns.len()];
    listed.iter().enumerate().for_each(|(from, to)| columns[*to] = Some(from));
    write_rows(context, transaction, target, source, columns).await
}

/// Writes a plan's rows to a table: `columns[i]` is the plan's column for the table's column `i`; columns without one get their default.
pub(crate) async fn write_rows(
    context: &Context,
    transaction: &mut Transaction,
    target: &TableSnapshot,
    source: LogicalPlan,
    mut columns: Vec<Option<usize>>,
) -> Result<u64> {
    let source = add_defaults(context, target.meta(), source, &mut columns)?;
    let physical = context.physical(&source).await?;
    append(context, transaction, target.meta(), (&source, physical), columns.into()).await
}

/// Appends a plan's output, columns of the plan by position, to a table.
pub(crate) async fn append(
    context: &Context,
    transaction: &mut Transaction,
    table: &Arc<TableMeta>,
    (source, plan): (&LogicalPlan, Arc<dyn ExecutionPlan>),
    columns: Arc<[Option<usize>]>,
) -> Result<u64> {
    let zone = session_zone::of(context.state.config_options()).map(Arc::from);
    let conform = |plan| Arc::new(ConformExec::new(plan, table.arrow_schema(), Arc::clone(&columns), zone.clone()));
    let id = table.id;
    // A store that cannot take commits is refused before rows are uploaded to it.
    transaction.prepare().await?;
    let mut written = write_plan(|| transaction.writer(id), conform(plan), context.task()).await;
    if let Err(error) = &written
        && is_out_of_memory(error)
        && let Some(frugal) = Box::pin(context.frugal(source)).await?
    {
        written = write_plan(|| transaction.writer(id), conform(frugal), context.task()).await;
    }
    let (segments, rows) = written.map_err(from_datafusion)?;
    transaction.append(id, segments)?;
    Ok(rows)
}

/// Adds a column to a plan for every table's column that is missing and has a default.
fn add_defaults(context: &Context, table: &TableMeta, source: LogicalPlan, columns: &mut [Option<usize>]) -> Result<LogicalPlan> {
    let mut outputs: Vec<LogicalExpr> = source.schema().columns().into_iter().map(LogicalExpr::Column).collect();
    let given = outputs.len();
    for (position, slot) in columns.iter_mut().enumerate().filter(|(_, slot)| slot.is_none()) {
        if let Some(default) = default_of(context, table, position)? {
            *slot = Some(outputs.len());
            outputs.push(default.alias(format!("default of {}", table.columns[position].name())));
        }
    }
    match outputs.len() == given {
        true => Ok(source),
        false => LogicalPlanBuilder::from(source).project(outputs).and_then(LogicalPlanBuilder::build).map_err(from_datafusion),
    }
}

/// A column's default, planned.
pub(crate) fn default_of(context: &Context, table: &TableMeta, position: usize) -> Result<Option<LogicalExpr>> {
    let column = &table.columns[position];
    column
        .default()
        .map(|sql| default_expression(context, sql).map_err(|error| error.context(format!("default of column '{}'", column.name()))))
        .transpose()
}

/// Plans a default's text.
pub(crate) fn default_expression(context: &Context, sql: &str) -> Result<LogicalExpr> {
    constant::plan(&context.state, rewrite::rewrite_expression(parse::parse_expression(sql)?)?)
}
