//! A session's temporary tables and views: a database of its own in memory, made with the first of them. Nobody else sees it, nothing of it reaches the store, and it
//! ends with the session.
//!
//! Statements see it as a catalog beside the database's, in which names without a schema are looked up first (`statements::meaning::resolve`). A statement changes one
//! of both (`statements::targets`). In a transaction what is temporary is committed behind what is stored, and goes back with it.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use clouddb_storage::{Database as Storage, OpenOptions, Snapshot, Transaction};
use datafusion::catalog::{CatalogProvider, SchemaProvider};
use datafusion::common::Result as DataFusionResult;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use tokio::task::JoinHandle;

use super::catalogs::{AttachedCatalog, SessionCatalogs};
use crate::catalog::{CloudCatalog, SqlPlanner};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::settings::{CATALOG, TEMPORARY};
use crate::statements::lookup;
use crate::statements::objects::stored::{ViewCatalogs, plan_view};

/// The database of a session's temporary tables.
#[derive(Debug)]
pub(super) struct Temporary {
    storage: Storage,
    /// What was committed last.
    committed: Snapshot,
    /// What the session's open transaction changes of it.
    transaction: Option<Transaction>,
    /// The commit under way.
    committing: Option<JoinHandle<Committed>>,
}

/// What became of a commit.
#[derive(Debug)]
struct Committed {
    /// Of what is stored; none if that was not to change.
    stored: Result<Option<Snapshot>>,
    /// Of what is temporary; none if it did not change, or was not to be kept.
    temporary: Option<Result<Snapshot>>,
}

impl Temporary {
    /// An empty one.
    pub(super) async fn open() -> Result<Self> {
        let storage = Storage::open("memory://", OpenOptions::default()).await?;
        let mut transaction = storage.begin(&storage.snapshot().await?)?;
        transaction.create_schema(TEMPORARY, None)?;
        let committed = transaction.commit().await?;
        Ok(Self { storage, committed, transaction: None, committing: None })
    }

    /// What statements read.
    pub(super) fn snapshot(&self) -> Snapshot {
        self.transaction.as_ref().map_or_else(|| self.committed.clone(), Transaction::snapshot)
    }

    /// Whether there are tables or views.
    pub(super) fn is_empty(&self) -> bool {
        lookup::relation_names(&self.snapshot(), TEMPORARY).is_empty()
    }

    /// The transaction in which a statement changes it. It goes on until it is committed or rolled back.
    pub(super) fn transaction_mut(&mut self) -> Result<&mut Transaction> {
        if self.transaction.is_none() {
            self.transaction = Some(self.storage.begin(&self.committed)?);
        }
        self.transaction.as_mut().ok_or_else(|| Error::internal("a transaction is gone that was just begun"))
    }

    /// Commits what is stored, and if that went well, what is temporary. Gives the snapshot of what is stored, if that was to be committed.
    ///
    /// Both in one task: whoever waits for it may be dropped, and the commit still is that of both or of neither. [`Self::settle`] tells the next statement.
    pub(super) async fn commit(&mut self, stored: Option<Transaction>) -> Result<Option<Snapshot>> {
        let temporary = self.transaction.take().filter(Transaction::has_changes);
        self.committing = Some(tokio::spawn(async move {
            let stored = match stored {
                Some(transaction) => transaction.commit().await.map(Some),
                None => Ok(None),
            };
            let temporary = match temporary.filter(|_| stored.is_ok()) {
                Some(transaction) => Some(transaction.commit().await),
                None => None,
            };
            Committed { stored, temporary }
        }));
        self.settle().await
    }

    /// Waits for the commit under way, if there is one.
    pub(super) async fn settle(&mut self) -> Result<Option<Snapshot>> {
        let Some(task) = &mut self.committing else { return Ok(None) };
        let ended = task.await;
        self.committing = None;
        let committed = ended.map_err(|error| Error::internal(format!("the commit's task ended: {error}")))?;
        match (committed.stored, committed.temporary) {
            (stored, None) => stored,
            (stored, Some(Ok(temporary))) => {
                self.committed = temporary;
                stored
            }
            // What is stored is there for good, and has to be told.
            (Ok(Some(stored)), Some(Err(error))) => Err(Error::internal(format!(
                "what is stored was committed as snapshot {}; the temporary tables are as they were before the transaction: {error}",
                stored.number()
            ))),
            (_, Some(Err(error))) => Err(error),
        }
    }

    /// Forgets what was changed.
    pub(super) fn roll_back(&mut self) {
        self.transaction = None;
    }

    /// It as a catalog beside that of `database`.
    pub(super) fn catalog(&self, database: &Database, catalogs: &Arc<SessionCatalogs>) -> AttachedCatalog {
        let planner = TemporarySql { state: database.template().clone(), catalogs: Arc::downgrade(catalogs) };
        let catalog = CloudCatalog::with_planner(self.storage.clone(), self.snapshot(), database.caches().clone(), Arc::new(planner));
        AttachedCatalog { name: TEMPORARY.to_owned(), location: String::new(), catalog: Arc::new(TemporaryCatalog(catalog)) }
    }
}

/// Its catalog, told apart from those of databases. It has one schema, whatever that is called.
#[derive(Debug)]
pub(crate) struct TemporaryCatalog(Arc<CloudCatalog>);

impl TemporaryCatalog {
    /// The catalog of the database that it is.
    pub(crate) fn inner(&self) -> CloudCatalog {
        self.0.as_ref().clone()
    }
}

impl CatalogProvider for TemporaryCatalog {
    fn schema_names(&self) -> Vec<String> {
        vec![TEMPORARY.to_owned()]
    }

    fn schema(&self, _: &str) -> Option<Arc<dyn SchemaProvider>> {
        self.0.schema(TEMPORARY)
    }
}

/// Plans the queries of temporary views, which read what is stored, too: both as the statement sees them that reads the view.
struct TemporarySql {
    state: SessionState,
    /// The session's, which hold what this belongs to.
    catalogs: Weak<SessionCatalogs>,
}

impl std::fmt::Debug for TemporarySql {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TemporarySql").finish_non_exhaustive()
    }
}

#[async_trait]
impl SqlPlanner for TemporarySql {
    async fn plan_query(&self, sql: &str, search_path: &str, catalog: Arc<dyn CatalogProvider>) -> DataFusionResult<LogicalPlan> {
        use datafusion::catalog::CatalogProviderList;
        let stored = self.catalogs.upgrade().and_then(|catalogs| catalogs.catalog(CATALOG));
        let own = (catalog.as_ref() as &dyn std::any::Any).downcast_ref::<CloudCatalog>().cloned();
        let temporary: Option<Arc<dyn CatalogProvider>> = own.map(|own| Arc::new(TemporaryCatalog(Arc::new(own))) as _);
        let Some(stored) = stored else { return plan_view(&self.state, sql, search_path, ViewCatalogs::one(catalog)).await };
        plan_view(&self.state, sql, search_path, ViewCatalogs { stored, temporary }).await
    }

    fn plan_expression(&self, sql: &str) -> DataFusionResult<Expr> {
        crate::statements::objects::stored::plan_expression(&self.state, sql)
    }
}
