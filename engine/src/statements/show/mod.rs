//! `DESCRIBE`, `SHOW`, `SUMMARIZE` and `PRAGMA`: what there is, as rows.
//!
//! - `parse`: their spellings, from DuckDB, PostgreSQL, MySQL and Snowflake.
//! - `describe`: the columns of a table or a query; `list`: lists of tables and their like; `create`: the statements that make things.
//! - `summarize`: what is in the columns.

mod create;
mod describe;
mod list;
mod parse;
mod summarize;

use std::sync::Arc;

use arrow::array::{Array, RecordBatch, StringViewArray};
use arrow::compute::filter_record_batch;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::sql::sqlparser::ast::{ObjectName, Query};

pub(crate) use self::parse::parse;
use super::context::Context;
use super::set::{self, Setting};
use super::settings;
use crate::catalog::CloudCatalog;
use crate::error::{Error, Result, from_datafusion};
use crate::introspection::cells::{self, Column, Kind, row};
use crate::introspection::objects::Objects;
use crate::nearest::nearest;
use crate::session::result::Rows;
use crate::session::view::Asked;

/// One of the statements.
#[derive(Debug, Clone)]
pub(crate) enum Show {
    /// The columns of something.
    Describe(Target),
    /// What is in the columns of something.
    Summarize(Target),
    /// A list of things.
    List { of: Listed, schema: Option<ObjectName>, like: Option<String> },
    /// The columns of a table, some of them.
    Columns { table: ObjectName, like: Option<String> },
    /// The statement that makes a thing.
    Create(Made, ObjectName),
    /// All settings.
    Settings,
    /// A table, or a setting.
    Named(ObjectName),
    /// `PRAGMA name = value`: a setting.
    Change { name: String, value: String },
    /// `PRAGMA table_info('t')`.
    TableInfo(ObjectName),
    /// Facts of the database and the program.
    Fact(Fact),
}

/// What is described.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Name(ObjectName),
    Query(Box<Query>),
}

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listed {
    Tables,
    TablesWithColumns,
    Views,
    Schemas,
    Databases,
    Functions,
    Macros,
    Sequences,
}

/// What a CREATE statement makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    Table,
    View,
    Schema,
    Macro,
    Sequence,
    /// All that is in it.
    Database,
}

/// A fact, as PRAGMA tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    Version,
    DatabaseSize,
    DatabaseList,
}

impl Show {
    /// The change of a setting, if it is one.
    pub(crate) fn change(&self) -> Result<Option<Setting>> {
        match self {
            Self::Change { name, value } => set::of_text(name, value).map(Some),
            _ => Ok(None),
        }
    }

    /// The names of tables in it, for those who want to fetch ahead of need.
    pub(crate) fn table(&self) -> Option<&ObjectName> {
        match self {
            Self::Summarize(Target::Name(name)) => Some(name),
            _ => None,
        }
    }
}

/// The rows of one of them.
pub(crate) async fn rows(context: &Context, show: Show) -> Result<Rows> {
    let batch = batch(context, show).await?;
    let schema = batch.schema();
    let plan = MemorySourceConfig::try_new_exec(&[vec![batch]], schema, None).map_err(from_datafusion)?;
    Rows::run(plan, context.task())
}

/// The same as a batch.
pub(crate) async fn batch(context: &Context, show: Show) -> Result<RecordBatch> {
    match show {
        Show::Describe(target) => describe::describe(context, target, None).await,
        Show::Columns { table, like } => describe::describe(context, Target::Name(table), like.as_deref()).await,
        Show::TableInfo(table) => describe::table_info(context, table).await,
        Show::Summarize(target) => summarize::summarize(context, target).await,
        Show::List { of, schema, like } => list::list(context, of, schema.as_ref(), like.as_deref()).await,
        Show::Create(made, name) => create::create(context, made, &name),
        Show::Settings => list::settings(context),
        Show::Named(name) => named(context, name).await,
        Show::Fact(fact) => list::fact(context, fact),
        Show::Change { .. } => Err(Error::internal("a change is no list of rows")),
    }
}

/// `SHOW x`: a table's columns, or else a setting.
async fn named(context: &Context, name: ObjectName) -> Result<RecordBatch> {
    if describe::is_relation(context, &name)? {
        return describe::describe(context, Target::Name(name), None).await;
    }
    let wanted = name.to_string().to_lowercase();
    let asked = asked(context)?;
    let value = settings::value(&asked, &wanted).map_err(|error| {
        let nothing = Error::not_found(format!("there is no table and no setting '{wanted}'"));
        match (nearest(&wanted, LISTS), error.hint()) {
            (Some(list), _) => nothing.with_hint(format!("did you mean SHOW {}?", list.to_uppercase())),
            (None, Some(hint)) => nothing.with_hint(hint),
            (None, None) => error,
        }
    })?;
    one_text(&wanted, &value)
}

/// The words behind SHOW that are neither tables nor settings.
const LISTS: [&str; 11] =
    ["tables", "all tables", "views", "schemas", "databases", "columns", "functions", "macros", "sequences", "create table", "all"];

/// One row with one text.
fn one_text(name: &str, value: &str) -> Result<RecordBatch> {
    let array: Arc<dyn Array> = Arc::new(StringViewArray::from_iter_values([value]));
    Ok(RecordBatch::try_from_iter([(name, array)])?)
}

fn asked(context: &Context) -> Result<Asked<'_>> {
    Asked::of(context.state.config_options()).ok_or_else(|| Error::internal("a session without a view of itself"))
}

fn catalog(context: &Context) -> Result<CloudCatalog> {
    asked(context)?.view.catalog().ok_or_else(|| Error::internal("a statement without a catalog"))
}

async fn objects(context: &Context) -> Result<Objects> {
    let temporary = Asked::of(context.state.config_options()).and_then(|asked| asked.view.temporary());
    Ok(Objects::read(&catalog(context)?, temporary.as_ref()).await)
}

/// The rows of a batch whose text in a column is like a pattern, in capitals or not.
fn like(batch: RecordBatch, column: usize, pattern: Option<&str>) -> Result<RecordBatch> {
    let Some(pattern) = pattern else { return Ok(batch) };
    let pattern = StringViewArray::new_scalar(pattern);
    let wanted = arrow::compute::kernels::comparison::ilike(batch.column(column), &pattern)?;
    Ok(filter_record_batch(&batch, &wanted)?)
}

const NAME: &[Column] = &[("name", Kind::Text)];

/// A list of names.
fn names_batch(names: impl IntoIterator<Item = String>, pattern: Option<&str>) -> Result<RecordBatch> {
    let rows: Vec<_> = names.into_iter().map(|name| row![name]).collect();
    like(cells::batch(NAME, &rows)?, 0, pattern)
}
