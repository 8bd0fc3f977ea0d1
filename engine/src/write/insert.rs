//! The plan behind `TableProvider::insert_into`: appends its input's rows in a transaction of its own.
//!
//! It is for those who use the catalog in a `SessionContext` of their own. Sessions of this crate run their INSERTs inside the session's
//! transaction instead.

use std::fmt;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use clouddb_storage::catalog::TableMeta;
use clouddb_storage::{Database, Snapshot};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, ChildrenPropertiesMode, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions};
use futures::TryFutureExt;

use super::write_plan;
use crate::error::to_datafusion;

/// Appends rows to a table and commits. Yields one row: how many rows were appended. Not run, nothing happens; dropped while it runs, nothing is
/// committed, unless the commit had begun.
#[derive(Debug)]
pub(crate) struct InsertExec {
    database: Database,
    snapshot: Snapshot,
    table: Arc<TableMeta>,
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl InsertExec {
    pub(crate) fn new(database: Database, snapshot: Snapshot, table: Arc<TableMeta>, input: Arc<dyn ExecutionPlan>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(count_schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self { database, snapshot, table, input, properties: Arc::new(properties) }
    }
}

impl DisplayAs for InsertExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => write!(f, "InsertExec: table={}", self.table.name),
            DisplayFormatType::TreeRender => writeln!(f, "table={}", self.table.name),
        }
    }
}

impl ExecutionPlan for InsertExec {
    fn name(&self) -> &'static str {
        "InsertExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    /// The input's partitions are written as they come; more of them than the input has would lose the rows' order for nothing.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([input]) = <[_; 1]>::try_from(children) else { return internal_err!("InsertExec has one input") };
        Ok(Arc::new(Self::new(self.database.clone(), self.snapshot.clone(), Arc::clone(&self.table), input)))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn apply_expressions(&self, _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if partition != 0 {
            return internal_err!("InsertExec has one partition, not {partition}");
        }
        let insert = insert(self.database.clone(), self.snapshot.clone(), Arc::clone(&self.table), Arc::clone(&self.input), context);
        let counted = insert.and_then(|rows| async move {
            let column = Arc::new(UInt64Array::from(vec![rows]));
            Ok(RecordBatch::try_new(count_schema(), vec![column])?)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(count_schema(), futures::stream::once(counted))))
    }
}

async fn insert(
    database: Database,
    snapshot: Snapshot,
    table: Arc<TableMeta>,
    input: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
) -> Result<u64> {
    let mut transaction = database.begin(&snapshot).map_err(to_datafusion)?;
    transaction.prepare().await.map_err(to_datafusion)?;
    let (segments, rows) = write_plan(|| transaction.writer(table.id), input, context).await?;
    transaction.describe(&format!("INSERT INTO {}", table.name));
    transaction.append(table.id, segments).map_err(to_datafusion)?;
    transaction.commit().await.map_err(to_datafusion)?;
    Ok(rows)
}

fn count_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("count", DataType::UInt64, false)]))
}
