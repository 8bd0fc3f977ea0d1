//! The topmost operator of a query whose rows are kept, or are to be.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::analyze::AnalyzeExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, replace_children_if_necessary};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties};
use futures::{StreamExt, stream};

use super::results::{Kept, ResultCache, ResultKey};

/// A plan that hands out the rows that are kept under a key, or keeps those that the given one makes; below EXPLAIN ANALYZE, if that is on top.
pub(crate) fn with_results(plan: Arc<dyn ExecutionPlan>, key: ResultKey, cache: &ResultCache) -> Result<Arc<dyn ExecutionPlan>> {
    if plan.is::<AnalyzeExec>()
        && let Some(query) = plan.children().first()
    {
        let query = of_query(Arc::clone(query), key, cache);
        return replace_children_if_necessary(plan, vec![query]);
    }
    Ok(of_query(plan, key, cache))
}

fn of_query(plan: Arc<dyn ExecutionPlan>, key: ResultKey, cache: &ResultCache) -> Arc<dyn ExecutionPlan> {
    let key = Arc::new(key);
    let (way, properties) = match cache.get(&key) {
        Some(kept) => {
            let properties = PlanProperties::new(
                EquivalenceProperties::new(plan.schema()),
                Partitioning::UnknownPartitioning(1),
                EmissionType::Incremental,
                Boundedness::Bounded,
            );
            (Way::Hit(kept), Arc::new(properties))
        }
        None => {
            let input: Arc<dyn ExecutionPlan> = match plan.output_partitioning().partition_count() {
                1 => plan,
                _ => Arc::new(CoalescePartitionsExec::new(plan)),
            };
            let properties = Arc::clone(input.properties());
            (Way::Miss { input, key, cache: cache.clone() }, properties)
        }
    };
    Arc::new(ResultCacheExec { way, properties, metrics: ExecutionPlanMetricsSet::new() })
}

#[derive(Debug)]
struct ResultCacheExec {
    way: Way,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

#[derive(Debug, Clone)]
enum Way {
    /// The rows are there.
    Hit(Arc<Kept>),
    /// The input makes them, and they are kept, unless they are too many.
    Miss { input: Arc<dyn ExecutionPlan>, key: Arc<ResultKey>, cache: ResultCache },
}

impl DisplayAs for ResultCacheExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.way {
            Way::Hit(_) => "hit",
            Way::Miss { .. } => "miss",
        };
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => write!(f, "ResultCacheExec: {way}"),
            DisplayFormatType::TreeRender => writeln!(f, "{way}"),
        }
    }
}

impl ExecutionPlan for ResultCacheExec {
    fn name(&self) -> &'static str {
        "ResultCacheExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        match &self.way {
            Way::Hit(_) => Vec::new(),
            Way::Miss { input, .. } => vec![input],
        }
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true; self.children().len()]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let way = match (&self.way, children.pop()) {
            (Way::Miss { key, cache, .. }, Some(input)) => Way::Miss { input, key: Arc::clone(key), cache: cache.clone() },
            (way, _) => way.clone(),
        };
        Ok(Arc::new(Self { way, properties: Arc::clone(&self.properties), metrics: ExecutionPlanMetricsSet::new() }))
    }

    fn apply_expressions(&self, _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let counted = move |batch: Result<RecordBatch>| {
            if let Ok(batch) = &batch {
                batch.record_output(&baseline);
            }
            batch
        };
        let rows = match &self.way {
            Way::Hit(kept) => stream::iter(kept.batches.clone()).map(Ok).map(counted).boxed(),
            Way::Miss { input, key, cache } => {
                let rows = input.execute(partition, context)?;
                let keeping =
                    Keeping { rows, key: Arc::clone(key), cache: cache.clone(), begin: Instant::now(), kept: Some((Vec::new(), 0)) };
                stream::unfold(keeping, Keeping::next).map(counted).boxed()
            }
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// Rows that pass, and are kept when all have passed.
struct Keeping {
    rows: SendableRecordBatchStream,
    key: Arc<ResultKey>,
    cache: ResultCache,
    begin: Instant,
    /// What passed so far, and its bytes; nothing once it is too much.
    kept: Option<(Vec<RecordBatch>, u64)>,
}

impl Keeping {
    async fn next(mut self) -> Option<(Result<RecordBatch>, Self)> {
        let batch = self.rows.next().await;
        match &batch {
            Some(Ok(batch)) => {
                // Buffers that batches share count several times: that is on the safe side.
                let bytes = batch.get_array_memory_size() as u64;
                let most = self.cache.most_bytes();
                self.kept = self.kept.take().filter(|(_, so_far)| so_far + bytes <= most).map(|(mut batches, so_far)| {
                    batches.push(batch.clone());
                    (batches, so_far + bytes)
                });
            }
            Some(Err(_)) => self.kept = None,
            None => {
                if let Some((batches, bytes)) = self.kept.take() {
                    self.cache.keep(Arc::clone(&self.key), Kept { batches, bytes, cost: self.begin.elapsed() });
                }
            }
        }
        batch.map(|batch| (batch, self))
    }
}
