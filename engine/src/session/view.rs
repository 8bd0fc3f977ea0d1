//! What functions and the catalog's tables may ask of the session that they run in. It travels in the session's configuration, the one thing of a session
//! that DataFusion hands to functions.

use std::any::Any;
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use clouddb_storage::{SequenceId, Snapshot};
use datafusion::catalog::CatalogProviderList;
use datafusion::common::{Result, config_err};
use datafusion::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};

use super::catalogs::{AttachedCatalog, SessionCatalogs};
use super::temporary::TemporaryCatalog;
use crate::catalog::CloudCatalog;
use crate::database::Database;
use crate::limits::StatementLimits;
use crate::settings::{CATALOG, TEMPORARY};

/// A session, as seen from inside its statements. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct SessionView {
    pub(crate) database: Database,
    catalogs: Arc<SessionCatalogs>,
    /// What each statement may take.
    pub(crate) limits: StatementLimits,
    /// The snapshot of the past that is read.
    pub(crate) pinned: Option<Snapshot>,
    /// Settings that are kept as they were said, such as `application_name`.
    pub(crate) said: BTreeMap<&'static str, String>,
    /// The numbers that `nextval` took last, by sequence.
    pub(crate) last_numbers: Arc<Mutex<HashMap<SequenceId, i64>>>,
}

impl SessionView {
    /// The view of a new session.
    pub(crate) fn new(database: Database, catalogs: Arc<SessionCatalogs>) -> Self {
        let limits = database.default_statement_limits();
        Self { database, catalogs, limits, pinned: None, said: BTreeMap::new(), last_numbers: Arc::default() }
    }

    /// The databases that are attached.
    pub(crate) fn attached(&self) -> Vec<AttachedCatalog> {
        self.catalogs.attached()
    }

    /// The catalog of the session's temporary tables and views, if there are any.
    pub(crate) fn temporary(&self) -> Option<CloudCatalog> {
        let catalog = self.catalogs.catalog(TEMPORARY)?;
        (catalog.as_ref() as &dyn Any).downcast_ref::<TemporaryCatalog>().map(TemporaryCatalog::inner)
    }

    /// The catalog of the statement that runs.
    pub(crate) fn catalog(&self) -> Option<CloudCatalog> {
        let catalog = self.catalogs.catalog(CATALOG)?;
        (catalog.as_ref() as &dyn Any).downcast_ref::<CloudCatalog>().cloned()
    }
}

/// The session's view with the configuration that it is in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) options: &'a ConfigOptions,
    pub(crate) view: &'a SessionView,
}

impl<'a> Asked<'a> {
    /// Of a session's configuration; others have none.
    pub(crate) fn of(options: &'a ConfigOptions) -> Option<Self> {
        options.extensions.get::<SessionView>().map(|view| Self { options, view })
    }

    /// The schema in which names without one are looked up.
    pub(crate) fn current_schema(&self) -> &'a str {
        &self.options.catalog.default_schema
    }
}

impl fmt::Debug for SessionView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionView").field("pinned", &self.pinned.is_some()).finish_non_exhaustive()
    }
}

impl ConfigExtension for SessionView {
    const PREFIX: &'static str = "clouddb_session";
}

impl ExtensionOptions for SessionView {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, _value: &str) -> Result<()> {
        config_err!("there is no setting '{key}'")
    }

    /// None: what depends on these is not kept for other statements.
    fn entries(&self) -> Vec<ConfigEntry> {
        Vec::new()
    }
}
