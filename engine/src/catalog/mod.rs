//! A database's snapshot as a DataFusion catalog.
//!
//! A [`CloudCatalog`] is pinned to one snapshot: whatever is committed meanwhile, every name in it means what it meant then. Views are planned
//! inside the same catalog, so they too see that snapshot's tables, whatever name the catalog is registered under.

mod schema;
mod table;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod views;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use clouddb_storage::{Database, Snapshot};
use datafusion::catalog::{CatalogProvider, SchemaProvider};

use crate::introspection::IntrospectionSchema;
use crate::scan::Caches;
use crate::system_tables::{SYSTEM_SCHEMA, SystemSchema};
use schema::CloudSchema;
pub use table::CloudTable;
use views::PlannedView;
pub use views::{SessionSqlPlanner, SqlPlanner};

/// A snapshot of a database, as a catalog: its schemas with their tables and views, and the schema `system` with what the database knows about
/// itself. Its tables accept `INSERT`, each committed on its own; they do not see what was committed after the snapshot.
#[derive(Clone)]
pub struct CloudCatalog {
    shared: Arc<Shared>,
    /// The views that are being planned, outermost first, each as (schema, name).
    open_views: Arc<Vec<(String, String)>>,
    /// How deep views are nested below what was planned in this catalog.
    deepest: Arc<AtomicUsize>,
}

struct Shared {
    database: Database,
    snapshot: Snapshot,
    caches: Caches,
    planner: Arc<dyn SqlPlanner>,
    /// Tables looked up so far, by (schema, name): a table that a query names twice is prepared once.
    tables: Mutex<HashMap<(String, String), Arc<CloudTable>>>,
    /// Likewise views.
    views: Mutex<HashMap<(String, String), PlannedView>>,
}

impl CloudCatalog {
    /// The catalog of a snapshot. Views and defaults are planned with DataFusion's own functions and dialect;
    /// see [`CloudCatalog::with_planner`] for others.
    pub fn new(database: Database, snapshot: Snapshot, caches: Caches) -> Arc<Self> {
        Self::with_planner(database, snapshot, caches, SessionSqlPlanner::of_defaults())
    }

    /// The catalog of a snapshot, whose views and defaults are planned by `planner`.
    pub fn with_planner(database: Database, snapshot: Snapshot, caches: Caches, planner: Arc<dyn SqlPlanner>) -> Arc<Self> {
        let shared = Shared { database, snapshot, caches, planner, tables: Mutex::default(), views: Mutex::default() };
        Arc::new(Self { shared: Arc::new(shared), open_views: Arc::default(), deepest: Arc::default() })
    }

    /// The snapshot it is pinned to.
    pub fn snapshot(&self) -> &Snapshot {
        &self.shared.snapshot
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.shared.database
    }

    /// A table, prepared once for all who ask. `None` if there is no table of this name.
    pub fn cloud_table(&self, schema: &str, name: &str) -> datafusion::common::Result<Option<Arc<CloudTable>>> {
        let key = (schema.to_owned(), name.to_owned());
        if let Some(table) = self.tables().get(&key) {
            return Ok(Some(Arc::clone(table)));
        }
        let Some(table) = self.shared.snapshot.table(schema, name) else { return Ok(None) };
        let table = CloudTable::new(&self.shared.database, &self.shared.snapshot, table, &self.shared.caches, self.shared.planner.as_ref());
        Ok(Some(Arc::clone(self.tables().entry(key).or_insert(Arc::new(table)))))
    }

    /// A schema of a user's, which must be there.
    pub(crate) fn schema_of_user(&self, name: &str) -> CloudSchema {
        CloudSchema::new(self.clone(), name)
    }

    fn tables(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Arc<CloudTable>>> {
        self.shared.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CatalogProvider for CloudCatalog {
    fn schema_names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.shared.snapshot.schemas().map(|schema| schema.name.clone()).collect();
        names.retain(|name| name != SYSTEM_SCHEMA);
        names.push(SYSTEM_SCHEMA.to_owned());
        names
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        if name == SYSTEM_SCHEMA {
            return Some(Arc::new(SystemSchema::new(
                self.shared.database.clone(),
                self.shared.snapshot.clone(),
                self.shared.caches.clone(),
            )));
        }
        if let Some(schema) = IntrospectionSchema::by_name(self, name) {
            return Some(Arc::new(schema));
        }
        self.shared.snapshot.schema(name)?;
        Some(Arc::new(self.schema_of_user(name)))
    }
}

impl fmt::Debug for CloudCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudCatalog").field("snapshot", &self.shared.snapshot.number()).finish_non_exhaustive()
    }
}
