//! The source of a table's segments: what a scan is to DataFusion.
//!
//! It takes filters, those of the query and those that joins and top-k bring while it runs, and applies them exactly: all but random ones, and none below a LIMIT.
//! Computed columns stay above it.
//!
//! `EXPLAIN ANALYZE` shows: `segments_total`, `segments_pruned`, `segments_skipped` (by filters that came later); `row_groups_total`, `row_groups_pruned` (by their bounds), `row_groups_empty` (no row
//! passed the filters); `rows_scanned`; `cache_hits`, `cache_misses` (columns of row groups);
//! `store_requests`, `store_bytes_read`; `disk_hits`, `disk_bytes_read` (pieces of files that the cache on disk had).

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::SchemaRef;
use clouddb_storage::store::StoreKind;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics};
use datafusion::datasource::source::{DataSource, OpenArgs};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::utils::{collect_columns, reassign_expr_columns};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_plan::filter_pushdown::{FilterPushdownPropagation, PushedDown};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayFormatType, SortOrderPushdownResult};
use tokio::runtime::Handle;

use super::early::{Early, LEAST_SELECTIVITY};
use super::stream::{self, Job};
use super::work::{Distribution, Queue, Toward};
use super::{Shared, compile, estimate};
use crate::key_sets::JoinKeys;
use crate::optimizer::CloudOptions;

/// The segments of a table that a query reads.
#[derive(Debug, Clone)]
pub(crate) struct SegmentSource {
    shared: Arc<Shared>,
    distribution: Arc<Distribution>,
    /// Positions of the table's columns, in the order of the output.
    projection: Vec<usize>,
    projected_schema: SchemaRef,
    /// On the table's schema.
    filters: Vec<Arc<dyn PhysicalExpr>>,
    fetch: Option<usize>,
    /// The column, by its position in the table, whose least or greatest values a top-k above wants.
    toward: Option<(usize, Toward)>,
    /// Of the segments' rows before filters, all columns.
    statistics: Arc<Statistics>,
    /// The share of rows that is expected to pass the query's own filters.
    selectivity: f64,
    early: Arc<Early>,
    /// What there is to know of filters that joins hand down.
    join_keys: Vec<Arc<JoinKeys>>,
    metrics: ExecutionPlanMetricsSet,
}

impl SegmentSource {
    pub(super) fn try_new(
        shared: Arc<Shared>,
        distribution: Distribution,
        projection: Vec<usize>,
        statistics: Statistics,
        fetch: Option<usize>,
    ) -> Result<Self> {
        let projected_schema = Arc::new(shared.schema.project(&projection)?);
        Ok(Self {
            shared,
            distribution: Arc::new(distribution),
            projection,
            projected_schema,
            filters: Vec::new(),
            fetch,
            toward: None,
            statistics: Arc::new(statistics),
            selectivity: 1.0,
            early: Arc::default(),
            join_keys: Vec::new(),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    /// With the query's filters, on the table's schema, and the share of rows that is expected to pass.
    pub(super) fn with_filters(self, filters: Vec<Arc<dyn PhysicalExpr>>, selectivity: f64) -> Self {
        Self { filters, selectivity, ..self }
    }

    /// All must be true, on the table's schema.
    pub(crate) fn filters(&self) -> &[Arc<dyn PhysicalExpr>] {
        &self.filters
    }

    /// The table's name.
    pub(crate) fn table(&self) -> &str {
        &self.shared.name
    }

    /// Rows and segments that it may have to read.
    pub(crate) fn extent(&self) -> (u64, u64) {
        self.distribution.pieces().fold((0, 0), |(rows, segments), piece| (rows + piece.rows(), segments + 1))
    }

    /// The same, which gets to know the keys that filters of joins are about.
    pub(crate) fn with_join_keys(&self, join_keys: Vec<Arc<JoinKeys>>) -> Self {
        Self { join_keys, ..self.clone() }
    }

    /// What a source has in common with another that reads the same rows of the same snapshot, filters aside.
    pub(super) fn identity(&self) -> String {
        let pieces: Vec<_> = self.distribution.pieces().map(|piece| (Arc::as_ptr(&piece.segment), piece.part)).collect();
        format!("{pieces:?} {:?} {:?} {}", self.projection, self.fetch, self.distribution.partitions())
    }

    /// Whether each request is a trip over a network.
    pub(super) fn is_far(&self) -> bool {
        self.shared.store.kind() == StoreKind::Remote
    }

    /// Begins to fetch what the scan reads first, at most so many bytes. Nothing where few rows may be enough.
    pub(super) fn begin_early(&self, runtime: &Handle, bytes: u64) {
        if self.fetch.is_some() || self.toward.is_some() {
            return;
        }
        let Ok(filter) = compile::filter(&self.filters, &self.shared.schema, &self.join_keys) else { return };
        // Filters that are still to come read the columns that they are about.
        let mut columns: Vec<_> = self.filters.iter().flat_map(collect_columns).map(|column| column.index()).collect();
        if self.selectivity >= LEAST_SELECTIVITY {
            columns.extend(&self.projection);
        }
        columns.sort_unstable();
        columns.dedup();
        let (shared, distribution) = (Arc::clone(&self.shared), Arc::clone(&self.distribution));
        let (store, metrics) = (self.shared.store.counting_separately(), stream::StoreMetrics::new(&self.metrics, 0));
        self.early.begin(runtime, store.clone(), async move {
            shared.first_row_groups(distribution.pieces(), &filter, &columns, bytes, (&store, &metrics)).await
        });
    }

    fn job(&self, context: &TaskContext) -> Job {
        Job {
            shared: Arc::clone(&self.shared),
            projection: self.projection.clone(),
            projected_schema: Arc::clone(&self.projected_schema),
            filters: self.filters.clone(),
            fetch: self.fetch,
            toward: self.toward,
            selectivity: self.selectivity,
            join_keys: self.join_keys.clone(),
            early: Arc::clone(&self.early),
            batch_rows: context.session_config().batch_size(),
            partitions: self.distribution.partitions(),
            metrics: self.metrics.clone(),
        }
    }

    fn output_projection(&self) -> ProjectionExprs {
        ProjectionExprs::from_indices(&self.projection, &self.shared.schema)
    }
}

/// The queues of one run of a scan, and of the runs after it: a plan may be run again.
struct Queues {
    distribution: Arc<Distribution>,
    rounds: Mutex<Rounds>,
}

struct Rounds {
    /// How often each partition was opened.
    opened: Vec<usize>,
    queues: Vec<Arc<Queue<stream::Morsel>>>,
}

impl Queues {
    /// The queue that a partition takes from, the next time it is opened.
    fn open(&self, partition: usize) -> Arc<Queue<stream::Morsel>> {
        let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(opened) = rounds.opened.get_mut(partition) else { return Arc::new(Queue::new([])) };
        let round = *opened;
        *opened += 1;
        while rounds.queues.len() <= round {
            rounds.queues.push(Arc::new(Queue::new(self.distribution.pieces().cloned())));
        }
        Arc::clone(&rounds.queues[round])
    }
}

impl DataSource for SegmentSource {
    fn open(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.open_with_args(OpenArgs::new(partition, context))
    }

    fn create_sibling_state(&self, config: &ConfigOptions) -> Option<Arc<dyn Any + Send + Sync>> {
        let Distribution::Shared { partitions, .. } = self.distribution.as_ref() else { return None };
        config.execution.enable_file_stream_work_stealing.then(|| {
            let rounds = Mutex::new(Rounds { opened: vec![0; *partitions], queues: Vec::new() });
            Arc::new(Queues { distribution: Arc::clone(&self.distribution), rounds }) as _
        })
    }

    fn open_with_args(&self, args: OpenArgs) -> Result<SendableRecordBatchStream> {
        let queues = args.sibling_state.as_ref().and_then(|state| state.downcast_ref::<Queues>());
        let queue = match queues {
            Some(queues) => queues.open(args.partition),
            None => Arc::new(Queue::new(self.distribution.fixed().into_iter().nth(args.partition).unwrap_or_default())),
        };
        let batches = stream::batches(self.job(&args.context), queue, args.partition)?;
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.projected_schema), batches)))
    }

    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segments = self.distribution.pieces().count();
        let columns: Vec<_> = self.projected_schema.fields().iter().map(|field| field.name().as_str()).collect();
        let filters: Vec<_> = self.filters.iter().map(ToString::to_string).collect();
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                write!(f, "table={}, segments={segments}, projection=[{}]", self.shared.name, columns.join(", "))?;
                if let Some(ordering) = self.eq_properties().output_ordering() {
                    write!(f, ", output_ordering=[{ordering}]")?;
                }
                if let Some(fetch) = self.fetch {
                    write!(f, ", limit={fetch}")?;
                }
                if !filters.is_empty() {
                    write!(f, ", predicate={}", filters.join(" AND "))?;
                }
                Ok(())
            }
            DisplayFormatType::TreeRender => {
                writeln!(f, "table={}", self.shared.name)?;
                writeln!(f, "segments={segments}")?;
                if !filters.is_empty() {
                    writeln!(f, "predicate={}", filters.join(" AND "))?;
                }
                Ok(())
            }
        }
    }

    fn output_partitioning(&self) -> Partitioning {
        Partitioning::UnknownPartitioning(self.distribution.partitions())
    }

    fn eq_properties(&self) -> EquivalenceProperties {
        let orderings = self.distribution.ordering().and_then(|ordering| {
            // As much of the key as the output has.
            let columns = ordering.iter().map_while(|part| {
                let column = part.expr.downcast_ref::<Column>()?;
                let at = self.projection.iter().position(|position| *position == column.index())?;
                let mut part = part.clone();
                part.expr = Arc::new(Column::new(column.name(), at));
                Some(part)
            });
            datafusion::physical_expr::LexOrdering::new(columns)
        });
        EquivalenceProperties::new_with_orderings(Arc::clone(&self.projected_schema), orderings)
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        let partitions = self.distribution.partitions();
        let share = if partition.is_some() && partitions > 1 { 1.0 / partitions as f64 } else { 1.0 };
        let kept = estimate::scaled(&self.statistics, self.selectivity * share, !self.filters.is_empty() || share < 1.0);
        Ok(Arc::new(self.output_projection().project_statistics(kept, &self.projected_schema)?))
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn DataSource>> {
        Some(Arc::new(Self { fetch: limit, ..self.clone() }))
    }

    fn fetch(&self) -> Option<usize> {
        self.fetch
    }

    fn metrics(&self) -> ExecutionPlanMetricsSet {
        self.metrics.clone()
    }

    fn try_swapping_with_projection(&self, projection: &ProjectionExprs) -> Result<Option<Arc<dyn DataSource>>> {
        let mut positions = Vec::new();
        for column in projection.iter() {
            match column.expr.downcast_ref::<Column>() {
                // A column under another name stays above, too: filters and orders know columns by their names.
                Some(inner) if inner.name() == column.alias => positions.push(self.projection[inner.index()]),
                _ => return Ok(None),
            }
        }
        let projected_schema = Arc::new(self.shared.schema.project(&positions)?);
        Ok(Some(Arc::new(Self { projection: positions, projected_schema, ..self.clone() })))
    }

    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn DataSource>>> {
        let mut taken = self.filters.clone();
        let mut answers = Vec::with_capacity(filters.len());
        for filter in filters {
            if !takes(&filter, config) || self.fetch.is_some() {
                answers.push(PushedDown::No);
                continue;
            }
            taken.push(reassign_expr_columns(filter, &self.shared.schema)?);
            answers.push(PushedDown::Yes);
        }
        let updated_node = answers
            .iter()
            .any(|answer| matches!(answer, PushedDown::Yes))
            .then(|| Arc::new(Self { filters: taken, ..self.clone() }) as Arc<dyn DataSource>);
        Ok(FilterPushdownPropagation { filters: answers, updated_node })
    }

    fn try_pushdown_sort(&self, order: &[PhysicalSortExpr]) -> Result<SortOrderPushdownResult<Arc<dyn DataSource>>> {
        let wanted = order.first().and_then(|first| {
            let position = *self.projection.get(first.expr.downcast_ref::<Column>()?.index())?;
            Some((position, if first.options.descending { Toward::Greatest } else { Toward::Least }))
        });
        let Some((position, toward)) = wanted.filter(|_| self.fetch.is_none()) else { return Ok(SortOrderPushdownResult::Unsupported) };
        let distribution = Arc::new(self.distribution.toward(self.shared.columns[position].field_id, toward));
        Ok(SortOrderPushdownResult::Inexact { inner: Arc::new(Self { distribution, toward: Some((position, toward)), ..self.clone() }) })
    }

    fn apply_expressions(&self, f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        for filter in &self.filters {
            if f(filter)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }
}

/// Whether a scan takes a filter that is handed down a physical plan: in our own sessions. In a context of somebody else's, two of DataFusion 55.2's mistakes
/// would become wrong answers: it confuses columns of one name (see `optimizer::barrier`), and the filter that `min(a)` hands down leaves out what
/// `SELECT min(a), min(c + 1)` needs besides (datafusion#24816). A scan cannot tell such filters from the good ones.
fn takes(filter: &Arc<dyn PhysicalExpr>, config: &ConfigOptions) -> bool {
    config.extensions.get::<CloudOptions>().is_some() && !is_volatile(filter)
}
