//! A source of the rows that are kept inside the log's records.
//!
//! They are few in each segment, so segments are decoded one after the other into batches of the usual size, in one partition. The order of the
//! segments is kept.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::SchemaRef;
use clouddb_storage::catalog::TableMeta;
use clouddb_storage::segment::SegmentMeta;
use clouddb_storage::segment::reader::read_inline;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics};
use datafusion::datasource::source::DataSource;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::{ProjectionExprs, Projector};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::DisplayFormatType;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;

use crate::error::to_datafusion;

/// The rows of inline segments.
#[derive(Debug, Clone)]
pub(crate) struct InlineSource {
    table: Arc<TableMeta>,
    segments: Vec<Arc<SegmentMeta>>,
    /// What queries see of the whole table.
    schema: SchemaRef,
    /// Columns of the schema, in the order of the output.
    projection: ProjectionExprs,
    projected_schema: SchemaRef,
    /// Of the whole schema.
    statistics: Statistics,
    fetch: Option<usize>,
    metrics: ExecutionPlanMetricsSet,
}

impl InlineSource {
    pub(crate) fn try_new(
        table: Arc<TableMeta>,
        segments: Vec<Arc<SegmentMeta>>,
        schema: SchemaRef,
        projection: &[usize],
        statistics: Statistics,
    ) -> Result<Self> {
        let projection = ProjectionExprs::from_indices(projection, &schema);
        let projected_schema = Arc::new(projection.project_schema(&schema)?);
        Ok(Self { table, segments, schema, projection, projected_schema, statistics, fetch: None, metrics: ExecutionPlanMetricsSet::new() })
    }

    /// The table's name.
    pub(crate) fn table(&self) -> &str {
        &self.table.name
    }

    /// What a source has in common with another that reads the same rows of the same snapshot.
    pub(super) fn identity(&self) -> String {
        let segments: Vec<_> = self.segments.iter().map(Arc::as_ptr).collect();
        format!("{segments:?} {} {:?}", self.projection, self.fetch)
    }

    pub(crate) fn with_limit(self, fetch: Option<usize>) -> Self {
        Self { fetch, ..self }
    }
}

impl DataSource for InlineSource {
    fn open(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let batches = Batches {
            table: Arc::clone(&self.table),
            segments: self.segments.clone().into_iter(),
            schema: Arc::clone(&self.schema),
            projector: self.projection.make_projector(&self.schema)?,
            batch_size: context.session_config().batch_size(),
            remaining: self.fetch.unwrap_or(usize::MAX),
            metrics: BaselineMetrics::new(&self.metrics, partition),
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.projected_schema), futures::stream::iter(batches))))
    }

    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: u64 = self.segments.iter().map(|segment| segment.live_rows()).sum();
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                let columns: Vec<_> = self.projected_schema.fields().iter().map(|field| field.name().as_str()).collect();
                write!(f, "inline_segments={}, rows={rows}, projection=[{}]", self.segments.len(), columns.join(", "))?;
                self.fetch.map_or(Ok(()), |fetch| write!(f, ", limit={fetch}"))
            }
            DisplayFormatType::TreeRender => {
                writeln!(f, "format=inline")?;
                writeln!(f, "rows={rows}")
            }
        }
    }

    fn output_partitioning(&self) -> Partitioning {
        Partitioning::UnknownPartitioning(1)
    }

    fn eq_properties(&self) -> EquivalenceProperties {
        EquivalenceProperties::new(Arc::clone(&self.projected_schema))
    }

    fn partition_statistics(&self, _partition: Option<usize>) -> Result<Arc<Statistics>> {
        Ok(Arc::new(self.projection.project_statistics(self.statistics.clone(), &self.projected_schema)?))
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn DataSource>> {
        Some(Arc::new(self.clone().with_limit(limit)))
    }

    fn fetch(&self) -> Option<usize> {
        self.fetch
    }

    fn metrics(&self) -> ExecutionPlanMetricsSet {
        self.metrics.clone()
    }

    fn try_swapping_with_projection(&self, projection: &ProjectionExprs) -> Result<Option<Arc<dyn DataSource>>> {
        // Computed columns stay above: this source only picks columns.
        if !projection.iter().all(|column| column.expr.downcast_ref::<Column>().is_some()) {
            return Ok(None);
        }
        let projection = self.projection.try_merge(projection)?;
        let projected_schema = Arc::new(projection.project_schema(&self.schema)?);
        Ok(Some(Arc::new(Self { projection, projected_schema, ..self.clone() })))
    }

    fn apply_expressions(&self, _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }
}

/// Decodes segments as it is asked for batches.
struct Batches {
    table: Arc<TableMeta>,
    segments: std::vec::IntoIter<Arc<SegmentMeta>>,
    schema: SchemaRef,
    projector: Projector,
    batch_size: usize,
    remaining: usize,
    metrics: BaselineMetrics,
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.remaining == 0 {
            return None;
        }
        let elapsed = self.metrics.elapsed_compute().clone();
        let timer = elapsed.timer();
        let batch = self.next_batch();
        timer.done();
        if let Some(Ok(batch)) = &batch {
            self.metrics.record_output(batch.num_rows());
        }
        if matches!(batch, Some(Err(_)) | None) {
            // Nothing comes after the end or an error.
            self.remaining = 0;
        }
        batch
    }
}

impl Batches {
    /// The rows of as many segments as it takes to fill a batch, or of one that is larger.
    fn next_batch(&mut self) -> Option<Result<RecordBatch>> {
        let wanted = self.batch_size.min(self.remaining);
        let mut parts = Vec::new();
        let mut rows = 0;
        while rows < wanted {
            let Some(segment) = self.segments.next() else { break };
            match self.decode(&segment) {
                Ok(decoded) => {
                    rows += decoded.iter().map(RecordBatch::num_rows).sum::<usize>();
                    parts.extend(decoded);
                }
                Err(error) => return Some(Err(error)),
            }
        }
        let first = parts.first()?;
        let batch = if parts.len() == 1 { Ok(first.clone()) } else { concat_batches(&first.schema(), &parts) };
        let batch = batch.map(|batch| batch.slice(0, batch.num_rows().min(self.remaining)));
        self.remaining -= batch.as_ref().map_or(0, RecordBatch::num_rows);
        Some(batch.map_err(Into::into))
    }

    fn decode(&self, segment: &SegmentMeta) -> Result<Vec<RecordBatch>> {
        let decoded = read_inline(&self.table, segment).map_err(to_datafusion)?;
        decoded.into_iter().map(|batch| self.projector.project_batch(&self.as_queries_see_it(batch)?)).collect()
    }

    /// Nested columns carry field ids within their type; the query's types do not.
    fn as_queries_see_it(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let columns = batch.columns().iter().zip(self.schema.fields()).map(|(column, field)| {
            if column.data_type() == field.data_type() { Ok(Arc::clone(column)) } else { cast(column, field.data_type()) }
        });
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns.collect::<Result<Vec<_>, _>>()?)?)
    }
}
