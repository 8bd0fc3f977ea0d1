//! The schema `system`: what a snapshot knows about itself, as tables.
//!
//! All of it is as of the pinned snapshot, but for what is about this process. Numbers of snapshots are those that time travel takes.
//!
//! | table | a row for each | columns |
//! |---|---|---|
//! | `snapshots` | committed transaction, up to the snapshot | `snapshot`, `commit_time`, `transaction_id`, `who`, `what` (the statement), `read_snapshot` (what it read), `changes` (a list of lines), `rows_added` |
//! | `tables` | table | `schema`, `name`, `rows`, `bytes` (in the store), `segments`, `created` and `changed` (snapshots), `cluster_by` (a list of columns), `comment` |
//! | `columns` | column of a table | `schema`, `table_name`, `position` (from 1), `name`, `type` (in SQL), `nullable`, `default_value`, `comment`, `field_id`, `null_count`, `min`, `max` (as text), `min_exact`, `max_exact` (whether the value is in the column, or only bounds it) |
//! | `segments` | segment of a table | `schema`, `table_name`, `segment`, `kind` (`parquet` or `inline`), `path`, `rows`, `bytes`, `first_row_id`, `added` (the snapshot), `sorted` (by the clustering key) |
//! | `cache` | kind of thing that this process keeps in memory (`columns`, `footers`) | `kind`, `entries`, `bytes`, `budget`, `hits`, `misses`, `evictions`, `saved_seconds` (what loading the hits took once) |
//! | `cached_columns` | column of a table with row groups in memory | `schema`, `table_name`, `column_name`, `row_groups`, `rows`, `bytes` |
//! | `rejects` | line of a file that a statement of this process refused, with `ignore_errors`; the newest 10,000 | `statement` (a number, the same for all lines of a statement), `file`, `line`, `column_name`, `error`, `csv_line` (its text) |
//! | `views` | view | `schema`, `name`, `sql`, `search_path`, `comment` |

mod cache;
mod columns;
mod rejects;
mod segments;
mod snapshots;
mod tables;
#[cfg(test)]
mod tests;
mod views;

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, ListBuilder, RecordBatch, StringViewBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use clouddb_storage::{Database, Snapshot, TableSnapshot};
use datafusion::catalog::{SchemaProvider, Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::scan::Caches;

/// The name of the schema. No schema of a user's can have it.
pub const SYSTEM_SCHEMA: &str = "system";

/// The schema `system` of one snapshot.
pub(crate) struct SystemSchema {
    database: Database,
    snapshot: Snapshot,
    caches: Caches,
}

impl SystemSchema {
    pub(crate) fn new(database: Database, snapshot: Snapshot, caches: Caches) -> Self {
        Self { database, snapshot, caches }
    }
}

/// Their names and columns.
pub(crate) fn definitions() -> Vec<(&'static str, SchemaRef)> {
    Kind::ALL.iter().map(|kind| (kind.name(), kind.schema())).collect()
}

#[async_trait]
impl SchemaProvider for SystemSchema {
    fn table_names(&self) -> Vec<String> {
        Kind::ALL.iter().map(|kind| kind.name().to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(kind) = Kind::by_name(name) else { return Ok(None) };
        Ok(Some(Arc::new(SystemTable {
            kind,
            database: self.database.clone(),
            snapshot: self.snapshot.clone(),
            caches: self.caches.clone(),
        })))
    }

    fn table_exist(&self, name: &str) -> bool {
        Kind::by_name(name).is_some()
    }
}

impl fmt::Debug for SystemSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemSchema").field("snapshot", &self.snapshot.number()).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Cache,
    CachedColumns,
    Columns,
    Rejects,
    Segments,
    Snapshots,
    Tables,
    Views,
}

impl Kind {
    const ALL: [Self; 8] =
        [Self::Cache, Self::CachedColumns, Self::Columns, Self::Rejects, Self::Segments, Self::Snapshots, Self::Tables, Self::Views];

    fn name(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::CachedColumns => "cached_columns",
            Self::Columns => "columns",
            Self::Rejects => "rejects",
            Self::Segments => "segments",
            Self::Snapshots => "snapshots",
            Self::Tables => "tables",
            Self::Views => "views",
        }
    }

    fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    fn schema(self) -> SchemaRef {
        match self {
            Self::Cache => cache::schema(),
            Self::CachedColumns => cache::columns_schema(),
            Self::Columns => columns::schema(),
            Self::Rejects => rejects::schema(),
            Self::Segments => segments::schema(),
            Self::Snapshots => snapshots::schema(),
            Self::Tables => tables::schema(),
            Self::Views => views::schema(),
        }
    }
}

/// One of the tables. Its rows are made when it is scanned.
struct SystemTable {
    kind: Kind,
    database: Database,
    snapshot: Snapshot,
    caches: Caches,
}

#[async_trait]
impl TableProvider for SystemTable {
    fn schema(&self) -> SchemaRef {
        self.kind.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let of_one = |filter: &&Expr| match self.kind {
            Kind::Snapshots if snapshots::narrows(filter) => TableProviderFilterPushDown::Inexact,
            _ => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(of_one).collect())
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = match self.kind {
            Kind::Cache => cache::rows(&self.caches).await?,
            Kind::CachedColumns => cache::columns_rows(&self.snapshot, &self.caches)?,
            Kind::Columns => columns::rows(&self.snapshot)?,
            Kind::Rejects => rejects::rows(&self.caches)?,
            Kind::Segments => segments::rows(&self.snapshot)?,
            Kind::Snapshots => snapshots::rows(&self.database, &self.snapshot, filters, limit).await?,
            Kind::Tables => tables::rows(&self.snapshot)?,
            Kind::Views => views::rows(&self.snapshot)?,
        };
        Ok(MemorySourceConfig::try_new_exec(&[vec![rows]], self.schema(), projection.cloned())?)
    }
}

impl fmt::Debug for SystemTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemTable").field("kind", &self.kind).field("snapshot", &self.snapshot.number()).finish_non_exhaustive()
    }
}

/// Every table of a snapshot, with the name of its schema.
fn all_tables(snapshot: &Snapshot) -> Vec<(String, TableSnapshot)> {
    let of_schema = |name: &String| snapshot.tables(name).into_iter().map(|table| (name.clone(), table)).collect::<Vec<_>>();
    snapshot.schemas().flat_map(|schema| of_schema(&schema.name)).collect()
}

fn schema_of(fields: Vec<Field>) -> SchemaRef {
    Arc::new(Schema::new(fields))
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8View, false)
}

fn optional_text(name: &str) -> Field {
    Field::new(name, DataType::Utf8View, true)
}

fn number(name: &str) -> Field {
    Field::new(name, DataType::Int64, false)
}

fn flag(name: &str) -> Field {
    Field::new(name, DataType::Boolean, false)
}

fn text_list(name: &str) -> Field {
    Field::new(name, DataType::List(list_item()), false)
}

fn list_item() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::Utf8View, false))
}

fn texts_lists<'a>(lists: impl Iterator<Item = Vec<&'a str>>) -> ArrayRef {
    let mut builder = ListBuilder::new(StringViewBuilder::new()).with_field(list_item());
    for list in lists {
        list.iter().for_each(|line| builder.values().append_value(line));
        builder.append(true);
    }
    Arc::new(builder.finish())
}

/// Counts fit: a table of 2^63 rows would take longer to write than anybody has.
fn to_number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn batch(schema: SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    Ok(RecordBatch::try_new(schema, columns)?)
}
