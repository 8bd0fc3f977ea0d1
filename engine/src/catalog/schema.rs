//! A schema of a snapshot: looks up tables and views by name.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::TableType;

use super::{CloudCatalog, views};
use crate::introspection;

pub(crate) struct CloudSchema {
    catalog: CloudCatalog,
    name: String,
}

impl CloudSchema {
    pub(super) fn new(catalog: CloudCatalog, name: &str) -> Self {
        Self { catalog, name: name.to_owned() }
    }
}

#[async_trait]
impl SchemaProvider for CloudSchema {
    fn table_names(&self) -> Vec<String> {
        let snapshot = self.catalog.snapshot();
        let tables = snapshot.tables(&self.name).into_iter().map(|table| table.meta().name.clone());
        let mut names: Vec<_> = tables.chain(snapshot.views(&self.name).into_iter().map(|view| view.name.clone())).collect();
        names.sort_unstable();
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if let Some(table) = self.catalog.cloud_table(&self.name, name)? {
            return Ok(Some(table));
        }
        match self.catalog.snapshot().view(&self.name, name) {
            Some(view) => Ok(Some(views::plan(&self.catalog, &self.name, &view).await?)),
            None => Ok(introspection::unqualified(&self.catalog, name)),
        }
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        let snapshot = self.catalog.snapshot();
        let is_table = snapshot.table(&self.name, name).is_some();
        let is_view = || snapshot.view(&self.name, name).is_some();
        Ok(if is_table { Some(TableType::Base) } else { is_view().then_some(TableType::View) })
    }

    fn table_exist(&self, name: &str) -> bool {
        let snapshot = self.catalog.snapshot();
        snapshot.table(&self.name, name).is_some() || snapshot.view(&self.name, name).is_some()
    }
}

impl fmt::Debug for CloudSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudSchema").field("name", &self.name).field("catalog", &self.catalog).finish()
    }
}
