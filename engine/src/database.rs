//! A database opened for SQL: gives sessions, and catalogs for anybody's own DataFusion context.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clouddb_cache::{ColumnCache, DiskCache, FooterCache};
use clouddb_storage::OpenOptions;
use clouddb_storage::store::{Store, StoreKind};
use datafusion::catalog::CatalogProvider;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionState;

use crate::catalog::{CloudCatalog, SqlPlanner};
use crate::error::{Error, Result};
use crate::functions;
use crate::introspection;
use crate::limits::{Limits, StatementLimits};
use crate::optimizer;
use crate::relations;
use crate::reuse::{Reuse, fingerprint};
use crate::scan::Caches;
use crate::semantics;
use crate::session::Session;
use crate::settings::Options;
use crate::sharing;
use crate::statements::objects::sequences::Blocks;
use crate::statements::objects::stored::StoredSql;
use crate::types::CloudTypePlanner;

/// A database opened for SQL. Cloning is cheap; all clones share storage, caches and memory.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    storage: clouddb_storage::Database,
    caches: Caches,
    /// What statements leave for later ones.
    reuse: Reuse,
    runtime: Arc<RuntimeEnv>,
    limits: Limits,
    /// The limits on memory and on each statement that the database was opened with.
    memory_limit: Option<usize>,
    statement_limits: StatementLimits,
    /// What every session starts from: making the tables of functions and rules once saves a millisecond for each session.
    template: SessionState,
    /// Its settings' number.
    settings: u64,
    /// Plans views and defaults.
    stored: Arc<StoredSql>,
    /// The folder that operators spill to, if it was told.
    spill_folder: Option<PathBuf>,
    /// Numbers of sequences that this process took.
    sequence_blocks: Blocks,
    /// Options of the store: those of files that a statement names, too.
    store_options: Vec<(String, String)>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("storage", &self.inner.storage).finish_non_exhaustive()
    }
}

impl Database {
    /// Opens the database at a URL: a folder, `memory://`, `s3://bucket/prefix`. Files that statements name are reached with the same options of the
    /// store, those in the URL included.
    ///
    /// # Errors
    /// Those of [`clouddb_storage::Database::open`].
    pub async fn open(url: &str, options: Options) -> Result<Self> {
        let (kind, url_options) = Store::describe(url)?;
        let mut storage_options = options.storage.clone();
        if kind != StoreKind::Remote {
            // They are for the files that statements name.
            storage_options.store_options.clear();
        }
        let store = Store::connect(url, &storage_options.store_options).await?;
        let mut files_options = options;
        files_options.storage.store_options.extend(url_options);
        Self::open_store(store, storage_options, &files_options).await
    }

    /// Opens the database at a place in a store; `storage` is how. Files that statements name are reached with the options of the store in `options`.
    ///
    /// # Errors
    /// Those of [`clouddb_storage::Database::open_store`].
    pub async fn open_store(store: Store, storage: OpenOptions, options: &Options) -> Result<Self> {
        let folder = options.cache_folder.as_ref().filter(|_| store.kind() == StoreKind::Remote && options.cache_folder_bytes > 0);
        let Some(folder) = folder else {
            return Self::from_storage(clouddb_storage::Database::open_store(store, storage).await?, options).await;
        };
        let (folder, bytes, clock) = (folder.clone(), options.cache_folder_bytes, Arc::clone(&storage.env.clock));
        let disk = tokio::task::spawn_blocking(move || DiskCache::new(&folder, bytes, clock)).await;
        let disk = disk.map_err(|error| Error::internal(format!("the cache's folder was not opened: {error}")))?;
        let store = store.with_block_cache(Arc::new(disk.clone()));
        Self::new(clouddb_storage::Database::open_store(store, storage).await?, options, Some(disk)).await
    }

    /// Opens a database whose storage is open already, and reads its store as that does: `cache_folder` is for [`Self::open_store`].
    ///
    /// # Errors
    /// *Invalid* for a folder to spill to that cannot be used.
    pub async fn from_storage(storage: clouddb_storage::Database, options: &Options) -> Result<Self> {
        Self::new(storage, options, None).await
    }

    async fn new(storage: clouddb_storage::Database, options: &Options, disk: Option<DiskCache>) -> Result<Self> {
        let columns = ColumnCache::with_policy(options.cache_bytes, options.cache_policy);
        let footers = FooterCache::new(options.footer_cache_bytes);
        for (segment, footer) in storage.take_prefetched_footers() {
            footers.insert(segment, footer).await;
        }
        let reuse = Reuse::new(options.result_cache_bytes);
        let caches = Caches { disk, reuse: Some(reuse.clone()), ..Caches::new(footers, columns) };
        let limits = options.limits(caches.clone());
        let runtime = options.runtime(&limits)?;
        let template = SessionStateBuilder::new()
            .with_config(options.session_config())
            .with_runtime_env(Arc::clone(&runtime))
            .with_default_features()
            .with_type_planner(Arc::new(CloudTypePlanner))
            .with_relation_planners(relations::planners())
            .with_expr_planners(semantics::expr_planners(functions::planner()))
            .with_scalar_functions(functions::scalars().into_iter().chain(introspection::functions::functions()).collect())
            .with_aggregate_functions(functions::aggregates())
            .with_window_functions(functions::windows())
            .with_higher_order_functions(functions::with_lambdas())
            .with_table_function_list(functions::tables())
            .with_query_planner(Arc::new(sharing::Planner))
            .with_analyzer_rules(semantics::analyzer_rules())
            .with_optimizer_rules(optimizer::logical_rules())
            .with_physical_optimizer_rules(optimizer::physical_rules())
            .build();
        let stored = Arc::new(StoredSql::new(template.clone()));
        let store_options = options.storage.store_options.clone();
        let settings = fingerprint(template.config_options());
        let (memory_limit, statement_limits) = (options.memory_limit, options.statement_limits());
        let inner = Inner {
            storage,
            caches,
            reuse,
            runtime,
            limits,
            memory_limit,
            statement_limits,
            template,
            settings,
            stored,
            spill_folder: options.spill_folder.clone(),
            sequence_blocks: Blocks::default(),
            store_options,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Waits for work in the background: checkpoints that are due, and what is to be kept on disk. The database can still be used.
    pub async fn close(&self) {
        self.inner.storage.close().await;
        if let Some(disk) = &self.inner.caches.disk {
            disk.flush().await;
        }
    }

    /// The storage underneath.
    pub fn storage(&self) -> &clouddb_storage::Database {
        &self.inner.storage
    }

    /// A session that runs SQL on this database.
    pub fn session(&self) -> Session {
        Session::new(self.clone())
    }

    /// The newest snapshot as a catalog, to be registered in any DataFusion context. It stays as it is: take another one to see later commits.
    ///
    /// # Errors
    /// Those of reading the newest snapshot.
    pub async fn catalog(&self) -> Result<Arc<dyn CatalogProvider>> {
        let snapshot = self.inner.storage.snapshot().await?;
        Ok(self.catalog_at(snapshot))
    }

    /// A snapshot as a catalog.
    pub fn catalog_at(&self, snapshot: clouddb_storage::Snapshot) -> Arc<dyn CatalogProvider> {
        let planner: Arc<dyn SqlPlanner> = Arc::clone(&self.inner.stored) as _;
        CloudCatalog::with_planner(self.inner.storage.clone(), snapshot, self.inner.caches.clone(), planner)
    }

    /// What is kept between queries.
    pub fn caches(&self) -> &Caches {
        &self.inner.caches
    }

    /// What statements leave for later ones.
    pub(crate) fn reuse(&self) -> &Reuse {
        &self.inner.reuse
    }

    /// The number of the settings that sessions start with.
    pub(crate) fn default_settings(&self) -> u64 {
        self.inner.settings
    }

    pub(crate) fn runtime(&self) -> &Arc<RuntimeEnv> {
        &self.inner.runtime
    }

    /// What all statements together may take.
    pub(crate) fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// The limit on memory that the database was opened with.
    pub(crate) fn default_memory_limit(&self) -> Option<usize> {
        self.inner.memory_limit
    }

    /// What each statement may take, as the database was opened.
    pub(crate) fn default_statement_limits(&self) -> StatementLimits {
        self.inner.statement_limits
    }

    /// The folder that operators spill to, if it was told.
    pub(crate) fn spill_folder(&self) -> Option<&Path> {
        self.inner.spill_folder.as_deref()
    }

    /// Numbers of sequences that this process took.
    pub(crate) fn sequence_blocks(&self) -> &Blocks {
        &self.inner.sequence_blocks
    }

    pub(crate) fn store_options(&self) -> &[(String, String)] {
        &self.inner.store_options
    }

    pub(crate) fn template(&self) -> &SessionState {
        &self.inner.template
    }
}
