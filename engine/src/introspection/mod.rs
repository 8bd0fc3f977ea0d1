//! What SQL tells of the database itself: `information_schema`, the part of `pg_catalog` that tools ask for, and DuckDB's `duckdb_tables()` and its like.
//!
//! All of it is made of one snapshot when it is scanned. A table is a [`Definition`]: columns, and a function that makes rows of the [`Objects`]
//! in the snapshot. To add one, write a definition and list it.
//!
//! - `information_schema.x` is found under its name only; what is in `pg_catalog` without its schema, too, behind the user's own tables.
//! - `duckdb_tables` and its like are tables of `pg_catalog`; [`table_of_function`] says which function stands for which of them.

pub(crate) mod cells;
mod duckdb;
mod duckdb_types;
pub(crate) mod functions;
mod information_schema;
pub(crate) mod objects;
mod pg_catalog;
mod pg_types;

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use self::cells::{Cell, Column};
use self::objects::Objects;
use crate::catalog::CloudCatalog;
use crate::error::to_datafusion;
use crate::session::view::Asked;

/// SQL's own schema of what there is.
pub(crate) const INFORMATION_SCHEMA: &str = "information_schema";

/// PostgreSQL's.
pub(crate) const PG_CATALOG: &str = "pg_catalog";

/// What rows are made of.
pub(crate) struct Facts<'a> {
    pub(crate) objects: &'a Objects,
    pub(crate) session: &'a dyn Session,
}

/// A table of the catalog.
pub(crate) struct Definition {
    pub(crate) schema: &'static str,
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [Column],
    pub(crate) rows: fn(&Facts<'_>) -> Vec<Vec<Cell>>,
}

fn definitions() -> impl Iterator<Item = &'static Definition> {
    information_schema::TABLES.iter().chain(pg_catalog::TABLES).chain(duckdb::TABLES)
}

/// The names of one schema's tables.
pub(crate) fn names(schema: &str) -> Vec<&'static str> {
    definitions().filter(|definition| definition.schema == schema).map(|definition| definition.name).collect()
}

fn find(schema: &str, name: &str) -> Option<&'static Definition> {
    definitions().find(|definition| definition.schema == schema && definition.name.eq_ignore_ascii_case(name))
}

/// The table that a name without a schema stands for, where no table of the user's has it.
pub(crate) fn unqualified(catalog: &CloudCatalog, name: &str) -> Option<Arc<dyn TableProvider>> {
    find(PG_CATALOG, name).map(|definition| provider(catalog, definition))
}

/// The table that stands for a function in FROM, as `duckdb_tables()`.
pub(crate) fn table_of_function(function: &str) -> Option<&'static str> {
    let definition = find(PG_CATALOG, function)?;
    (definition.name.starts_with("duckdb_") || definition.name.starts_with("pragma_")).then_some(definition.name)
}

fn provider(catalog: &CloudCatalog, definition: &'static Definition) -> Arc<dyn TableProvider> {
    Arc::new(IntrospectionTable { catalog: catalog.clone(), definition })
}

/// One of the two schemas, on a snapshot.
pub(crate) struct IntrospectionSchema {
    catalog: CloudCatalog,
    name: &'static str,
}

impl IntrospectionSchema {
    /// The schema of this name, if it is one of them.
    pub(crate) fn by_name(catalog: &CloudCatalog, name: &str) -> Option<Self> {
        let name = [INFORMATION_SCHEMA, PG_CATALOG].into_iter().find(|schema| schema.eq_ignore_ascii_case(name))?;
        Some(Self { catalog: catalog.clone(), name })
    }
}

#[async_trait]
impl SchemaProvider for IntrospectionSchema {
    fn table_names(&self) -> Vec<String> {
        names(self.name).into_iter().map(str::to_owned).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        Ok(find(self.name, name).map(|definition| provider(&self.catalog, definition)))
    }

    fn table_exist(&self, name: &str) -> bool {
        find(self.name, name).is_some()
    }
}

impl fmt::Debug for IntrospectionSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntrospectionSchema").field("name", &self.name).finish_non_exhaustive()
    }
}

struct IntrospectionTable {
    catalog: CloudCatalog,
    definition: &'static Definition,
}

#[async_trait]
impl TableProvider for IntrospectionTable {
    fn schema(&self) -> SchemaRef {
        cells::schema(self.definition.columns)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let temporary = Asked::of(session.config_options()).and_then(|asked| asked.view.temporary());
        let objects = Objects::read(&self.catalog, temporary.as_ref()).await;
        let rows = (self.definition.rows)(&Facts { objects: &objects, session });
        let batch = cells::batch(self.definition.columns, &rows).map_err(to_datafusion)?;
        Ok(MemorySourceConfig::try_new_exec(&[vec![batch]], self.schema(), projection.cloned())?)
    }
}

impl fmt::Debug for IntrospectionTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntrospectionTable").field("name", &self.definition.name).finish_non_exhaustive()
    }
}
