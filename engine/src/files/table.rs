//! Text files as a table of DataFusion's: chunks are handed out to partitions as they ask for them.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result as DataFusionResult;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties, ReplaceChildrenOptions};
use futures::stream;
use tokio::sync::Mutex;

use super::split::{Chunk, Input, Splitter};
use crate::error::to_datafusion;

/// Text files as a table: the columns of their records, then those that their folders tell.
#[derive(Debug)]
pub(super) struct TextTable {
    input: Arc<Input>,
    schema: SchemaRef,
    partitions: usize,
}

impl TextTable {
    pub(super) fn new(mut input: Input, partitions: usize) -> Self {
        input.files = input.files.without_columns_of(input.records.schema());
        let schema = input.files.with_folders(input.records.schema());
        Self { input: Arc::new(input), schema, partitions: partitions.max(1) }
    }

    /// Whether `*` leaves out the last column.
    pub(super) fn hides_last(&self) -> bool {
        self.input.files.hides_last
    }
}

#[async_trait]
impl TableProvider for TextTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let projection = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        Ok(Arc::new(TextExec::new(Arc::clone(&self.input), &self.schema, projection, self.partitions)?))
    }
}

/// Reads text files. All partitions of one run share one splitter: whoever is free takes the next chunk.
struct TextExec {
    input: Arc<Input>,
    projection: Arc<[usize]>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
    runs: StdMutex<Runs>,
}

/// A plan may be run several times; each run reads the files anew. A partition's n-th execution belongs to the n-th run.
#[derive(Default)]
struct Runs {
    splitters: Vec<Arc<Mutex<Splitter>>>,
    executions: Vec<usize>,
}

impl TextExec {
    fn new(input: Arc<Input>, schema: &SchemaRef, projection: Vec<usize>, partitions: usize) -> DataFusionResult<Self> {
        let schema = Arc::new(schema.project(&projection)?);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let runs = StdMutex::new(Runs { splitters: vec![], executions: vec![0; partitions] });
        Ok(Self { input, projection: projection.into(), properties: Arc::new(properties), metrics: ExecutionPlanMetricsSet::new(), runs })
    }

    /// All bytes of the files, and how many were read of them.
    fn extent(&self) -> (u64, Arc<AtomicU64>) {
        let files = &self.input.files;
        (files.files.iter().map(|file| file.meta.size).sum(), Arc::clone(&files.read))
    }

    fn splitter(&self, partition: usize) -> Arc<Mutex<Splitter>> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let run = runs.executions[partition];
        runs.executions[partition] += 1;
        while runs.splitters.len() <= run {
            let is_first = runs.splitters.is_empty();
            runs.splitters.push(Arc::new(Mutex::new(Splitter::new(Arc::clone(&self.input), is_first))));
        }
        Arc::clone(&runs.splitters[run])
    }
}

/// All bytes of the files that an operator reads, if it reads text, and how many were read of them.
pub(crate) fn text_extent(plan: &dyn ExecutionPlan) -> Option<(u64, Arc<AtomicU64>)> {
    plan.downcast_ref::<TextExec>().map(TextExec::extent)
}

/// A chunk's batch: the columns of its records that are wanted, and what its file's folders tell.
fn batch(input: &Input, chunk: &Chunk, projection: &[usize], schema: &SchemaRef) -> DataFusionResult<RecordBatch> {
    let own = input.records.schema().fields().len();
    let (mut wanted, mut fields) = (Vec::new(), Vec::new());
    for (at, field) in projection.iter().zip(schema.fields()).filter(|(at, _)| **at < own) {
        wanted.push(*at);
        fields.push(Arc::clone(field));
    }
    let read = input.records.decode(chunk, &wanted, &Arc::new(Schema::new(fields))).map_err(to_datafusion)?;
    let values = &input.files.files[chunk.file].values;
    let mut columns = read.columns().iter();
    let arrays = projection.iter().filter_map(|at| match at.checked_sub(own) {
        None => columns.next().map(|column| Ok(Arc::clone(column))),
        Some(folder) => Some(values[folder].to_array_of_size(read.num_rows())),
    });
    let arrays = arrays.collect::<DataFusionResult<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(read.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?)
}

impl fmt::Debug for TextExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextExec").field("files", &self.input.files.paths).field("projection", &self.projection).finish_non_exhaustive()
    }
}

impl DisplayAs for TextExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schema = self.properties.eq_properties.schema();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(
            f,
            "TextExec: files={}, paths=[{}], projection=[{}]",
            self.input.files.files.len(),
            self.input.files.paths.join(", "),
            names.join(", ")
        )
    }
}

impl ExecutionPlan for TextExec {
    fn name(&self) -> &str {
        "TextExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DataFusionResult<TreeNodeRecursion>,
    ) -> DataFusionResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> DataFusionResult<SendableRecordBatchStream> {
        let splitter = self.splitter(partition);
        let schema = Arc::clone(self.properties.eq_properties.schema());
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let (input, projection, batch_schema) = (Arc::clone(&self.input), Arc::clone(&self.projection), Arc::clone(&schema));
        let batches = stream::try_unfold((splitter, metrics), move |(splitter, metrics)| {
            let (input, projection, schema) = (Arc::clone(&input), Arc::clone(&projection), Arc::clone(&batch_schema));
            async move {
                let Some(chunk) = splitter.lock().await.next().await.map_err(to_datafusion)? else { return Ok(None) };
                let timer = metrics.elapsed_compute().timer();
                let batch = batch(&input, &chunk, &projection, &schema)?;
                drop(timer);
                metrics.record_output(batch.num_rows());
                Ok(Some((batch, (splitter, metrics))))
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
