//! Plans the SQL that a database keeps, views and defaults, in this program's dialect and with its functions.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use clouddb_storage::Snapshot;
use datafusion::catalog::{CatalogProvider, CatalogProviderList};
use datafusion::common::Result as DataFusionResult;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::sqlparser::ast::Statement;

use crate::catalog::{CloudCatalog, SqlPlanner};
use crate::error::{Result, to_datafusion};
use crate::settings::{CATALOG, TEMPORARY};
use crate::statements::meaning::balance;
use crate::statements::meaning::catalog_syntax;
use crate::statements::meaning::macros::expand;
use crate::statements::meaning::named_casts;
use crate::statements::meaning::rewrite;
use crate::statements::objects::attach;
use crate::statements::rows::constant;
use crate::statements::syntax::parse;

/// Plans stored SQL with the functions and options of every session.
pub(crate) struct StoredSql {
    state: SessionState,
}

impl StoredSql {
    /// `state` gives functions and options; its catalogs are not used.
    pub(crate) fn new(state: SessionState) -> Self {
        Self { state }
    }
}

impl fmt::Debug for StoredSql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSql").finish_non_exhaustive()
    }
}

#[async_trait]
impl SqlPlanner for StoredSql {
    async fn plan_query(&self, sql: &str, search_path: &str, catalog: Arc<dyn CatalogProvider>) -> DataFusionResult<LogicalPlan> {
        plan_view(&self.state, sql, search_path, ViewCatalogs::one(catalog)).await
    }

    fn plan_expression(&self, sql: &str) -> DataFusionResult<Expr> {
        plan_expression(&self.state, sql)
    }
}

/// Plans a view's query in catalogs of its own.
pub(crate) async fn plan_view(state: &SessionState, sql: &str, search_path: &str, catalogs: ViewCatalogs) -> DataFusionResult<LogicalPlan> {
    let macros = (catalogs.stored.as_ref() as &dyn Any).downcast_ref::<CloudCatalog>().map(|catalog| catalog.snapshot().clone());
    let names_temporary = catalogs.temporary.is_some();
    let mut config = state.config().clone();
    config.options_mut().catalog.default_schema = search_path.to_owned();
    let state = SessionStateBuilder::new_from_existing(state.clone()).with_config(config).with_catalog_list(Arc::new(catalogs)).build();
    let statement = query(&state, sql, macros.as_ref(), search_path, names_temporary).await.map_err(to_datafusion)?;
    named_casts::plan(&state, statement).await
}

/// Plans an expression without columns.
pub(crate) fn plan_expression(state: &SessionState, sql: &str) -> DataFusionResult<Expr> {
    let expr = parse::parse_expression(sql).and_then(rewrite::rewrite_expression).map_err(to_datafusion)?;
    constant::plan(state, expr).map_err(to_datafusion)
}

async fn query(state: &SessionState, sql: &str, macros: Option<&Snapshot>, search_path: &str, names_temporary: bool) -> Result<Statement> {
    let mut statement = Statement::Query(parse::parse_query(sql)?);
    balance::balance(&mut statement);
    if let Some(snapshot) = macros {
        expand::expand(snapshot, search_path, &mut statement)?;
    }
    catalog_syntax::rewrite(None, &mut statement)?;
    match names_temporary {
        true => attach::with_schemas(&mut statement, &[TEMPORARY.to_owned()]),
        false => attach::check_stored(&statement, &[])?,
    }
    rewrite::rewrite_stored(state, &mut statement).await?;
    Ok(statement)
}

/// The catalogs that a view is planned in. A stored view's own goes under whatever name: views do not name databases.
#[derive(Debug)]
pub(crate) struct ViewCatalogs {
    pub(crate) stored: Arc<dyn CatalogProvider>,
    /// That of temporary tables, for a temporary view.
    pub(crate) temporary: Option<Arc<dyn CatalogProvider>>,
}

impl ViewCatalogs {
    /// Those of a stored view.
    pub(crate) fn one(stored: Arc<dyn CatalogProvider>) -> Self {
        Self { stored, temporary: None }
    }
}

impl CatalogProviderList for ViewCatalogs {
    fn register_catalog(&self, _: String, _: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![CATALOG.to_owned()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        match &self.temporary {
            Some(temporary) if name == TEMPORARY => Some(Arc::clone(temporary)),
            _ => Some(Arc::clone(&self.stored)),
        }
    }
}
