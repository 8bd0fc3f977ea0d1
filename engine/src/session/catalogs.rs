//! The catalogs that one session's statements see.
//!
//! One is visible: the database, on the snapshot of the current statement. Others have names that nobody can mistake, made while a statement is
//! rewritten: past snapshots, and files queried in place. They live for one statement.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use datafusion::catalog::{CatalogProvider, CatalogProviderList};

use crate::settings::CATALOG;

/// The catalogs of one session.
#[derive(Debug, Default)]
pub(crate) struct SessionCatalogs {
    catalogs: RwLock<HashMap<String, Arc<dyn CatalogProvider>>>,
}

impl SessionCatalogs {
    /// Begins a statement: the database on its snapshot, and nothing that an earlier statement added.
    pub(crate) fn begin(&self, database: Arc<dyn CatalogProvider>) {
        let mut catalogs = self.catalogs.write().unwrap_or_else(PoisonError::into_inner);
        catalogs.clear();
        catalogs.insert(CATALOG.to_owned(), database);
    }

    /// Whether the current statement reads files, or the past.
    pub(crate) fn has_added(&self) -> bool {
        self.catalogs.read().unwrap_or_else(PoisonError::into_inner).len() > 1
    }

    /// Adds a catalog for the current statement.
    pub(crate) fn add(&self, name: &str, catalog: Arc<dyn CatalogProvider>) {
        self.catalogs.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), catalog);
    }
}

impl CatalogProviderList for SessionCatalogs {
    fn register_catalog(&self, name: String, catalog: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        self.catalogs.write().unwrap_or_else(PoisonError::into_inner).insert(name, catalog)
    }

    /// Only the database: the information schema lists what it finds here.
    fn catalog_names(&self) -> Vec<String> {
        vec![CATALOG.to_owned()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        self.catalogs.read().unwrap_or_else(PoisonError::into_inner).get(name).map(Arc::clone)
    }
}
