//! A table of a snapshot, as DataFusion's `TableProvider`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use clouddb_storage::{Database, Snapshot, TableSnapshot};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, Statistics, not_impl_err};
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;

use super::SqlPlanner;
use crate::scan::{self, Caches, TableScan};
use crate::write::InsertExec;

/// A table as one snapshot has it.
#[derive(Debug)]
pub struct CloudTable {
    database: Database,
    snapshot: Snapshot,
    scan: TableScan,
    /// What an INSERT without the column writes, by column.
    defaults: HashMap<String, Expr>,
    /// A column whose default could not be planned, and why.
    unplanned_default: Option<String>,
}

impl CloudTable {
    pub(super) fn new(database: &Database, snapshot: &Snapshot, table: TableSnapshot, caches: &Caches, planner: &dyn SqlPlanner) -> Self {
        let mut defaults = HashMap::new();
        let mut unplanned_default = None;
        for column in &table.meta().columns {
            let Some(sql) = column.default() else { continue };
            match planner.plan_expression(sql) {
                Ok(default) => {
                    defaults.insert(column.name().to_owned(), default);
                }
                // Reading the table needs no defaults, so this is an error only for an INSERT.
                Err(error) => unplanned_default = Some(format!("column '{}' has the default {sql}: {error}", column.name())),
            }
        }
        let scan = TableScan::new(table, caches.clone());
        Self { database: database.clone(), snapshot: snapshot.clone(), scan, defaults, unplanned_default }
    }

    /// The share of rows that pass filters on the table's schema, where that can be seen in memory.
    pub(crate) fn sampled(&self, filters: &[Arc<dyn PhysicalExpr>]) -> Option<f64> {
        self.scan.sampled(filters).ok().flatten()
    }

    /// The snapshot that it is a table of.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The table in storage's terms.
    pub fn table(&self) -> &TableSnapshot {
        self.scan.table()
    }
}

#[async_trait]
impl TableProvider for CloudTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.scan.schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn get_column_default(&self, column: &str) -> Option<&Expr> {
        self.defaults.get(column)
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.scan.plan(session, projection, filters, limit)
    }

    /// The scan applies filters itself.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match scan::applies(filter) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(answer).collect())
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(self.scan.statistics().clone())
    }

    /// Appends the rows in a transaction of their own, which is committed when the plan has run.
    async fn insert_into(&self, _session: &dyn Session, input: Arc<dyn ExecutionPlan>, insert: InsertOp) -> Result<Arc<dyn ExecutionPlan>> {
        let name = &self.table().meta().name;
        if let Some(problem) = &self.unplanned_default {
            return not_impl_err!("INSERT INTO {name}: {problem}");
        }
        match insert {
            InsertOp::Append => {
                let table = self.table().meta();
                Ok(Arc::new(InsertExec::new(self.database.clone(), self.snapshot.clone(), Arc::clone(table), input)))
            }
            InsertOp::Overwrite | InsertOp::Replace => not_impl_err!("{insert} on table {name}: rows can only be appended for now"),
        }
    }
}
