//! The catalogs that one session's statements see.
//!
//! The database is visible, on the snapshot of the current statement, and those that are attached. Others have names that nobody can mistake, made while a statement is
//! rewritten: past snapshots, and files queried in place. They live for one statement.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use datafusion::catalog::{CatalogProvider, CatalogProviderList};

use crate::settings::CATALOG;

/// Another database, as the current statement reads it.
#[derive(Debug, Clone)]
pub(crate) struct AttachedCatalog {
    pub(crate) name: String,
    /// Where it is, as ATTACH said.
    pub(crate) location: String,
    pub(crate) catalog: Arc<dyn CatalogProvider>,
}

/// The catalogs of one session.
#[derive(Debug, Default)]
pub(crate) struct SessionCatalogs {
    /// Other databases, by name.
    attached: RwLock<Vec<AttachedCatalog>>,
    catalogs: RwLock<HashMap<String, Arc<dyn CatalogProvider>>>,
}

impl SessionCatalogs {
    /// Begins a statement: the database on its snapshot, and nothing that an earlier statement added.
    pub(crate) fn begin(&self, database: Arc<dyn CatalogProvider>) {
        let mut catalogs = self.catalogs.write().unwrap_or_else(PoisonError::into_inner);
        catalogs.clear();
        catalogs.insert(CATALOG.to_owned(), database);
        catalogs.extend(self.attached().into_iter().map(|attached| (attached.name, attached.catalog)));
    }

    /// The databases that are attached.
    pub(crate) fn attached(&self) -> Vec<AttachedCatalog> {
        self.attached.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Their names.
    pub(crate) fn attached_names(&self) -> Vec<String> {
        self.attached.read().unwrap_or_else(PoisonError::into_inner).iter().map(|attached| attached.name.clone()).collect()
    }

    /// Which they are, for statements to come.
    pub(crate) fn set_attached(&self, attached: Vec<AttachedCatalog>) {
        *self.attached.write().unwrap_or_else(PoisonError::into_inner) = attached;
    }

    /// Whether the current statement reads files, or the past, or may read another database.
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
