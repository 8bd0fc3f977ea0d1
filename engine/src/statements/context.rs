//! What carries out one statement: the session's state, and the snapshot that the statement reads.

use std::sync::{Arc, Mutex, PoisonError};

use clouddb_storage::{Snapshot, TableId, TableSnapshot};
use datafusion::common::DFSchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryLimit;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::sqlparser::ast::{ObjectName, Query, Statement};

use crate::catalog::CloudTable;
use crate::database::Database;
use crate::error::{Error, Result, from_datafusion};
use crate::limits::{Running, guarded};
use crate::optimizer::uses_cached_result;
use crate::reuse::{ResultKey, is_settled, with_results};
use crate::session::catalogs::SessionCatalogs;
use crate::session::stack::deep;
use crate::settings::CATALOG;
use crate::statements::lookup;
use crate::statements::meaning::balance;
use crate::statements::meaning::catalog_syntax;
use crate::statements::meaning::macros;
use crate::statements::meaning::named_casts;
use crate::statements::meaning::rewrite;
use crate::statements::syntax::parse::name_parts;

/// How many sorts of a statement, each in all partitions, may take a quarter of a small limit to merge in: 16 times a 64th.
const SORTS_WITH_A_SHARE: usize = 64;

/// A schema and a name in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QualifiedName {
    /// The schema.
    pub(crate) schema: String,
    /// The table or view.
    pub(crate) name: String,
}

impl std::fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// What carries out one statement.
pub(crate) struct Context {
    pub(crate) database: Database,
    pub(crate) state: SessionState,
    pub(crate) catalogs: Arc<SessionCatalogs>,
    pub(crate) snapshot: Snapshot,
    /// The session's temporary tables and views, if there are any.
    pub(crate) temporary: Option<Snapshot>,
    /// Where the names of tables are that the statement changes: the snapshot, or the temporary one.
    target: Snapshot,
    /// Whether it changes those.
    pub(crate) changes_temporary: bool,
    /// The statement as it runs: its limits, and whether it was stopped.
    pub(crate) running: Arc<Running>,
    /// The number of the settings, where what earlier statements left may be used: not in a transaction.
    pub(crate) reusable: Option<u64>,
    /// The tables that the statement's queries read.
    read: Mutex<Vec<TableId>>,
}

impl Context {
    /// Begins a statement on a snapshot.
    pub(crate) fn new(
        database: Database,
        state: SessionState,
        catalogs: Arc<SessionCatalogs>,
        snapshot: Snapshot,
        running: Arc<Running>,
        reusable: Option<u64>,
    ) -> Self {
        catalogs.begin(database.catalog_at(snapshot.clone()));
        let target = snapshot.clone();
        Self {
            database,
            state,
            catalogs,
            snapshot,
            temporary: None,
            target,
            changes_temporary: false,
            running,
            reusable,
            read: Mutex::default(),
        }
    }

    /// With temporary tables and views.
    pub(crate) fn with_temporary(self, temporary: Option<Snapshot>) -> Self {
        Self { temporary, ..self }
    }

    /// For a statement that changes temporary tables and views; what it reads is found as ever.
    pub(crate) fn changing(self, target: Snapshot) -> Self {
        Self { target, changes_temporary: true, ..self }
    }

    /// The same statement on another snapshot, with another state: nothing that was kept is used.
    pub(crate) fn on(&self, state: SessionState, snapshot: Snapshot) -> Self {
        let context = Self::new(self.database.clone(), state, Arc::clone(&self.catalogs), snapshot, Arc::clone(&self.running), None);
        context.with_temporary(self.temporary.clone())
    }

    /// The schema of names without one.
    pub(crate) fn current_schema(&self) -> &str {
        &self.state.config_options().catalog.default_schema
    }

    /// The schema and name that a name stands for.
    ///
    /// # Errors
    /// *Invalid* for names in another database.
    pub(crate) fn qualify(&self, name: &ObjectName) -> Result<QualifiedName> {
        let mut parts = name_parts(name)?;
        let (name, schema, catalog) = (parts.pop(), parts.pop(), parts.pop());
        match (catalog, schema, name, parts.is_empty()) {
            (None, None, Some(name), true) => self.in_their_case(self.current_schema().to_owned(), name),
            (None, Some(schema), Some(name), true) => self.in_their_case(schema, name),
            (Some(catalog), Some(schema), Some(name), true) if catalog.eq_ignore_ascii_case(CATALOG) => self.in_their_case(schema, name),
            (Some(catalog), ..) if self.catalogs.attached_names().contains(&catalog) => {
                Err(Error::read_only(format!("the database '{catalog}' is attached for reading only")).with_hint("open it to write to it"))
            }
            (Some(catalog), ..) => {
                Err(Error::not_found(format!("there is no database '{catalog}'")).with_hint(format!("this one is called '{CATALOG}'")))
            }
            _ => Err(Error::invalid("a name is missing")),
        }
    }

    /// A name as what it means is called, where there is something; otherwise as it was written.
    fn in_their_case(&self, schema: String, name: String) -> Result<QualifiedName> {
        if self.target.table(&schema, &name).is_some() || self.target.view(&schema, &name).is_some() {
            return Ok(QualifiedName { schema, name });
        }
        let schema = lookup::pick("schema", &schema, self.target.schemas().map(|schema| schema.name.as_str()))?
            .map_or(schema.clone(), str::to_owned);
        let known = lookup::relation_names(&self.target, &schema);
        let name = lookup::pick("table", &name, known.iter().map(String::as_str))?.map_or(name.clone(), str::to_owned);
        Ok(QualifiedName { schema, name })
    }

    /// A table, by its qualified name.
    pub(crate) fn table(&self, name: &QualifiedName) -> Result<TableSnapshot> {
        self.target.table(&name.schema, &name.name).ok_or_else(|| {
            if self.target.view(&name.schema, &name.name).is_some() {
                return Error::invalid(format!("'{name}' is a view, not a table"));
            }
            match self.target.schema(&name.schema).is_some() {
                true => Error::not_found(format!("there is no table '{name}'")),
                false => Error::not_found(format!("there is no schema '{}'", name.schema)),
            }
        })
    }

    /// Plans a query: rewrites it first, so that it must not be rewritten already.
    pub(crate) async fn plan_query(&self, query: Box<Query>) -> Result<LogicalPlan> {
        Ok(self.plan(Statement::Query(query)).await?.0)
    }

    /// Plans a statement that DataFusion knows. Beside the plan: what the result's columns are called, where the plan cannot say it.
    pub(crate) async fn plan(&self, mut statement: Statement) -> Result<(LogicalPlan, Option<Arc<[String]>>)> {
        // First: what walks over the statement recurses.
        balance::balance(&mut statement);
        macros::expand::expand(&self.snapshot, self.current_schema(), &mut statement)?;
        catalog_syntax::rewrite(Some(self), &mut statement)?;
        let names = rewrite::rewrite(self, &mut statement).await?;
        let plan = named_casts::plan(&self.state, statement).await.map_err(from_datafusion)?;
        self.note_reads(&plan)?;
        Ok((plan, names.map(Arc::from)))
    }

    /// The tables that the statement's queries have read so far, those below views too.
    pub(crate) fn tables_read(&self) -> Vec<TableId> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes the tables that a plan reads.
    fn note_reads(&self, plan: &LogicalPlan) -> Result<()> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                let provider = source_as_provider(&scan.source)?;
                read.extend(provider.downcast_ref::<CloudTable>().map(|table| table.table().meta().id));
            }
            Ok(TreeNodeRecursion::Continue)
        });
        noted.map(|_| ()).map_err(from_datafusion)
    }

    /// The columns of a query with the types that their values have: before its analysis, a CASE or a UNION has the type of its first part.
    pub(crate) fn output(&self, plan: &LogicalPlan) -> Result<DFSchemaRef> {
        let analyzed = self.state.analyzer().execute_and_check(plan.clone(), self.state.config_options(), |_, _| {});
        analyzed.map(|plan| Arc::clone(plan.schema())).map_err(from_datafusion)
    }

    /// Optimizes a plan.
    pub(crate) fn optimized(&self, plan: &LogicalPlan) -> Result<LogicalPlan> {
        self.state.optimize(plan).map_err(from_datafusion)
    }

    /// Optimizes a plan and makes it ready to run, and to be stopped.
    pub(crate) async fn physical(&self, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
        self.physical_in(&self.state, &self.optimized(plan)?).await
    }

    /// Makes an optimized query ready to run. If it is settled, with these settings, its rows come from the cache of results, or go there.
    pub(crate) async fn physical_query(&self, optimized: &LogicalPlan, settled: Option<u64>) -> Result<Arc<dyn ExecutionPlan>> {
        let physical = self.physical_in(&self.state, optimized).await?;
        let results = &self.database.reuse().results;
        let Some(settings) = settled.filter(|_| results.is_on() && uses_cached_result(self.state.config_options())) else {
            return Ok(physical);
        };
        let query = match optimized {
            LogicalPlan::Analyze(analyze) => analyze.input.as_ref(),
            query => query,
        };
        let key = ResultKey { plan: query.clone(), snapshot: self.snapshot.number(), settings };
        with_results(physical, key, results).map_err(from_datafusion)
    }

    /// Whether a query has the same answer whenever it is run on the snapshot, so that its plan and its rows can be kept: for which settings.
    pub(crate) fn settled(&self, plan: &LogicalPlan) -> Result<Option<u64>> {
        let query = match plan {
            LogicalPlan::Analyze(analyze) => analyze.input.as_ref(),
            query => query,
        };
        let settled =
            self.reusable.is_some() && !self.catalogs.has_added() && is_settled(query, &self.snapshot).map_err(from_datafusion)?;
        Ok(self.reusable.filter(|_| settled))
    }

    /// The same plan with joins that sort and spill where they would hash and hold one side: for when memory was not enough. `None` if it was that already.
    pub(crate) async fn frugal(&self, optimized: &LogicalPlan) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let mut state = self.state.clone();
        let options = state.config_mut().options_mut();
        if !std::mem::replace(&mut options.optimizer.prefer_hash_join, false) {
            return Ok(None);
        }
        // With one partition DataFusion's planner hashes all the same.
        options.execution.target_partitions = options.execution.target_partitions.max(2);
        options.optimizer.repartition_joins = true;
        deep(self.physical_in(&state, optimized)).await.map(Some)
    }

    async fn physical_in(&self, state: &SessionState, optimized: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = state.query_planner().create_physical_plan(optimized, state).await.map_err(from_datafusion)?;
        self.running.note_scans(&plan);
        guarded(plan, &self.running).map_err(from_datafusion)
    }

    /// What a plan runs in: the session's functions and settings, and the statement's memory.
    pub(crate) fn task(&self) -> Arc<TaskContext> {
        let mut task = TaskContext::from(&self.state);
        if let MemoryLimit::Finite(limit) = self.running.pool().memory_limit() {
            // What each sort keeps free to merge what it spilled: 10 MB, which is too much of a small limit.
            let mut config = task.session_config().clone();
            let execution = &mut config.options_mut().execution;
            let share = limit / SORTS_WITH_A_SHARE / execution.target_partitions.max(1);
            execution.sort_spill_reservation_bytes = execution.sort_spill_reservation_bytes.min(share);
            task = task.with_session_config(config);
        }
        let runtime = RuntimeEnv { memory_pool: self.running.pool(), ..self.database.runtime().as_ref().clone() };
        Arc::new(task.with_runtime(Arc::new(runtime)))
    }
}
