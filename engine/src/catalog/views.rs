//! Views: SQL text that is planned when a query names the view, inside the catalog of the query's own snapshot.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, PoisonError};

use async_trait::async_trait;
use clouddb_storage::catalog::ViewMeta;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, MemoryCatalogProviderList, TableProvider};
use datafusion::common::{DFSchema, DataFusionError, Result, plan_err};
use datafusion::datasource::ViewTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};

use super::CloudCatalog;
use crate::error::{Error, from_datafusion, to_datafusion};
use crate::statements::objects::ddl::qualified;

/// How deep views may name views. A plan's depth grows with it, and a plan too deep overflows the stack of the thread that optimizes it.
const MAX_NESTING: usize = 32;

/// Plans the SQL text that a database keeps: views, and columns' defaults.
#[async_trait]
pub trait SqlPlanner: fmt::Debug + Send + Sync {
    /// Plans a view's query. Names are looked up in `catalog`, unqualified ones in its schema `search_path`. The catalog stands for itself under
    /// every name, since a view does not know what name the catalog is registered under.
    async fn plan_query(&self, sql: &str, search_path: &str, catalog: Arc<dyn CatalogProvider>) -> Result<LogicalPlan>;

    /// Plans an expression without columns.
    fn plan_expression(&self, sql: &str) -> Result<Expr>;
}

/// Plans with the functions, dialect and options of a session, and none of its catalogs.
pub struct SessionSqlPlanner {
    state: SessionState,
}

impl SessionSqlPlanner {
    /// A planner like the session's own. Keeps a copy of the state without its catalogs.
    pub fn new(state: SessionState) -> Arc<Self> {
        Arc::new(Self { state: with_catalogs(state, Arc::new(MemoryCatalogProviderList::new()), None) })
    }

    /// A planner with DataFusion's own functions and dialect.
    pub fn of_defaults() -> Arc<Self> {
        static PLANNER: LazyLock<Arc<SessionSqlPlanner>> =
            LazyLock::new(|| SessionSqlPlanner::new(SessionStateBuilder::new_with_default_features().build()));
        Arc::clone(&PLANNER)
    }
}

#[async_trait]
impl SqlPlanner for SessionSqlPlanner {
    async fn plan_query(&self, sql: &str, search_path: &str, catalog: Arc<dyn CatalogProvider>) -> Result<LogicalPlan> {
        let catalogs = Arc::new(UnderEveryName(catalog));
        with_catalogs(self.state.clone(), catalogs, Some(search_path)).create_logical_plan(sql).await
    }

    fn plan_expression(&self, sql: &str) -> Result<Expr> {
        self.state.create_logical_expr(sql, &DFSchema::empty())
    }
}

impl fmt::Debug for SessionSqlPlanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionSqlPlanner").finish_non_exhaustive()
    }
}

fn with_catalogs(state: SessionState, catalogs: Arc<dyn CatalogProviderList>, search_path: Option<&str>) -> SessionState {
    let mut config = state.config().clone().with_create_default_catalog_and_schema(false);
    if let Some(search_path) = search_path {
        config.options_mut().catalog.default_schema = search_path.to_owned();
    }
    SessionStateBuilder::new_from_existing(state).with_config(config).with_catalog_list(catalogs).build()
}

/// One catalog that answers to every name.
#[derive(Debug)]
struct UnderEveryName(Arc<dyn CatalogProvider>);

impl CatalogProviderList for UnderEveryName {
    fn register_catalog(&self, _name: String, _catalog: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn catalog(&self, _name: &str) -> Option<Arc<dyn CatalogProvider>> {
        Some(Arc::clone(&self.0))
    }
}

/// A view that was planned before: all who name it in this catalog get the same.
#[derive(Debug, Clone)]
pub(super) struct PlannedView {
    table: Arc<dyn TableProvider>,
    /// How many views are nested in it, itself among them.
    depth: usize,
}

/// The error for a view that cannot be planned: nobody who reads it wrote what is wrong, or sees its place. Of views in views the outermost and the innermost
/// are named.
fn unreadable(schema: &str, view: &str, error: DataFusionError) -> DataFusionError {
    const BEGIN: &str = "the view '";
    let error = from_datafusion(error);
    let why = match error.message().match_indices(BEGIN).nth(1) {
        Some((at, _)) if error.message().starts_with(BEGIN) => &error.message()[at..],
        _ => error.message(),
    };
    let told = Error::new(error.kind(), format!("{BEGIN}{}' cannot be read: {why}", qualified(schema, view)));
    let told = match error.hint() {
        Some(hint) => told.with_hint(hint),
        None => told,
    };
    to_datafusion(told.with_source(error))
}

/// Plans a view as a table of a query, once for all who ask.
pub(super) async fn plan(catalog: &CloudCatalog, schema: &str, view: &ViewMeta) -> Result<Arc<dyn TableProvider>> {
    let name = (schema.to_owned(), view.name.clone());
    let known = catalog.shared.views.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
    if let Some(PlannedView { table, depth }) = known {
        if catalog.open_views.len() + depth > MAX_NESTING {
            return too_deep(schema, view);
        }
        catalog.deepest.fetch_max(depth, Ordering::Relaxed);
        return Ok(table);
    }
    if catalog.open_views.contains(&name) {
        return plan_err!("view {schema}.{} refers to itself; drop it, or replace it by one that does not", view.name);
    }
    if catalog.open_views.len() >= MAX_NESTING {
        return too_deep(schema, view);
    }
    let mut open_views = catalog.open_views.to_vec();
    open_views.push(name.clone());
    let deepest = Arc::<AtomicUsize>::default();
    let inner = CloudCatalog { shared: Arc::clone(&catalog.shared), open_views: Arc::new(open_views), deepest: Arc::clone(&deepest) };
    let planned = catalog.shared.planner.plan_query(&view.sql, &view.search_path, Arc::new(inner)).await;
    let planned = planned.map_err(|error| unreadable(schema, &view.name, error))?;
    if !is_query(&planned) {
        return plan_err!("view {schema}.{} is no query: {}", view.name, view.sql);
    }
    let table: Arc<dyn TableProvider> = Arc::new(ViewTable::new(planned, Some(view.sql.clone())));
    let depth = deepest.load(Ordering::Relaxed) + 1;
    catalog.deepest.fetch_max(depth, Ordering::Relaxed);
    let planned = PlannedView { table: Arc::clone(&table), depth };
    catalog.shared.views.lock().unwrap_or_else(PoisonError::into_inner).insert(name, planned);
    Ok(table)
}

fn too_deep<T>(schema: &str, view: &ViewMeta) -> Result<T> {
    plan_err!("view {schema}.{} is nested deeper than {MAX_NESTING} views", view.name)
}

fn is_query(plan: &LogicalPlan) -> bool {
    !matches!(plan, LogicalPlan::Ddl(_) | LogicalPlan::Dml(_) | LogicalPlan::Copy(_) | LogicalPlan::Statement(_))
}
