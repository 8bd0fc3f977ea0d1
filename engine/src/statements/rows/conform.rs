//! Makes a query's rows fit a table: each column is assigned to the table's.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch, new_null_array};
use arrow::datatypes::SchemaRef;
use datafusion::common::Result as DataFusionResult;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
};
use futures::StreamExt;

use crate::error::{Error, Result, to_datafusion};
use crate::semantics::session_zone::conform_in;

/// Puts a table's columns together from an input's: `columns[i]` is the input's column for the table's column `i`.
pub(crate) struct ConformExec {
    input: Arc<dyn ExecutionPlan>,
    schema: SchemaRef,
    columns: Arc<[Option<usize>]>,
    /// The session's time zone, if it is not UTC.
    zone: Option<Arc<str>>,
    properties: Arc<PlanProperties>,
}

impl ConformExec {
    /// `None` among the columns is NULL. `zone` is the session's time zone, if it is not UTC.
    pub(crate) fn new(input: Arc<dyn ExecutionPlan>, schema: SchemaRef, columns: Arc<[Option<usize>]>, zone: Option<Arc<str>>) -> Self {
        let from = input.properties();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            datafusion::physical_plan::Partitioning::UnknownPartitioning(from.partitioning.partition_count()),
            from.emission_type,
            from.boundedness,
        );
        Self { input, schema, columns, zone, properties: Arc::new(properties) }
    }
}

fn conform_batch(batch: &RecordBatch, schema: &SchemaRef, columns: &[Option<usize>], zone: Option<&str>) -> Result<RecordBatch> {
    let source = batch.schema();
    let arrays = schema.fields().iter().zip(columns).map(|(target, column)| match column {
        Some(column) => conform_in(zone, batch.column(*column), source.field(*column), target),
        None => Ok(new_null_array(target.data_type(), batch.num_rows())),
    });
    let arrays = arrays.collect::<Result<Vec<_>>>()?;
    // NOT NULL is checked here as well as by the writer: a batch with a NULL there cannot even be made, and this message names the column.
    for (field, array) in schema.fields().iter().zip(&arrays) {
        if !field.is_nullable() && array.null_count() > 0 {
            return Err(Error::invalid(format!("column '{}' is NOT NULL, and a row has NULL there", field.name())));
        }
    }
    Ok(RecordBatch::try_new(Arc::clone(schema), arrays)?)
}

impl fmt::Debug for ConformExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConformExec").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl DisplayAs for ConformExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConformExec")
    }
}

impl ExecutionPlan for ConformExec {
    fn name(&self) -> &str {
        "ConformExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DataFusionResult<TreeNodeRecursion>,
    ) -> DataFusionResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        match <[_; 1]>::try_from(children) {
            Ok([input]) => Ok(Arc::new(Self::new(input, Arc::clone(&self.schema), Arc::clone(&self.columns), self.zone.clone()))),
            Err(_) => Err(to_datafusion(Error::internal("ConformExec has one input"))),
        }
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DataFusionResult<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let (schema, columns, zone) = (Arc::clone(&self.schema), Arc::clone(&self.columns), self.zone.clone());
        let stream = input.map(move |batch| conform_batch(&batch?, &schema, &columns, zone.as_deref()).map_err(to_datafusion));
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), stream)))
    }
}
