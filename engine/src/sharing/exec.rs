//! An operator that runs its input once, whoever asks, and hands out the rows as often as they are wanted.

use std::fmt;
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, RecordBatch};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, Statistics};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::spill_file::SpillFile;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput, SpillMetrics};
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties, SpillManager};
use futures::future::{BoxFuture, Shared};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};

/// See the module.
#[derive(Debug)]
pub(super) struct SharedExec {
    input: Arc<dyn ExecutionPlan>,
    /// Which of the plan's shared parts it is.
    number: usize,
    runs: Arc<Runs>,
    metrics: ExecutionPlanMetricsSet,
}

/// The run of a shared part: its partitions, all of one copy's input. Those of two copies need not have the same rows in the same partition.
#[derive(Default)]
pub(super) struct Runs(OnceLock<Vec<Run>>);

impl fmt::Debug for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runs").field("begun", &self.0.get().is_some()).finish()
    }
}

/// Rows to come, and then there.
type Run = Shared<BoxFuture<'static, Result<Arc<Kept>, Arc<DataFusionError>>>>;

/// What a partition gave.
struct Kept {
    pieces: Vec<Piece>,
    spills: SpillManager,
    _reservation: MemoryReservation,
}

#[derive(Clone)]
enum Piece {
    Memory(RecordBatch),
    Disk(Arc<dyn SpillFile>),
}

impl Runs {
    /// The rows of each partition. The first who asks begins all of them: whoever reads partitions one after the other must not wait for one whose rows come
    /// from the same tasks as another's.
    fn begin(&self, input: &Arc<dyn ExecutionPlan>, context: &Arc<TaskContext>, metrics: &ExecutionPlanMetricsSet) -> &[Run] {
        self.0.get_or_init(|| {
            let begin = |partition| {
                let spills = SpillManager::new(context.runtime_env(), SpillMetrics::new(metrics, partition), input.schema());
                let input = input.execute(partition, Arc::clone(context));
                let consumer = MemoryConsumer::new(format!("SharedExec[{partition}]")).with_can_spill(true);
                let reservation = consumer.register(context.memory_pool());
                let task = SpawnedTask::spawn(async move { keep(input?, spills, reservation).await });
                let kept = async move {
                    match task.join().await {
                        Ok(kept) => kept.map(Arc::new).map_err(Arc::new),
                        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                        Err(_) => Err(Arc::new(DataFusionError::Execution("a shared part was cancelled".to_owned()))),
                    }
                };
                kept.boxed().shared()
            };
            (0..input.output_partitioning().partition_count()).map(begin).collect()
        })
    }
}

impl SharedExec {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, number: usize, runs: Arc<Runs>) -> Self {
        Self { input, number, runs, metrics: ExecutionPlanMetricsSet::new() }
    }
}

/// What a batch takes, of buffers that it shares with others its part: an operator cuts many batches out of one.
fn bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size())).sum()
}

/// Reads all rows, and keeps them.
async fn keep(mut input: SendableRecordBatchStream, spills: SpillManager, reservation: MemoryReservation) -> Result<Kept> {
    let mut pieces = Vec::new();
    while let Some(batch) = input.next().await {
        let batch = batch?;
        if reservation.try_grow(bytes(&batch)).is_ok() {
            pieces.push(Piece::Memory(batch));
            continue;
        }
        // What is in memory goes to disk, so that what comes has room.
        let mut batches: Vec<_> = Vec::new();
        for piece in std::mem::take(&mut pieces) {
            match piece {
                Piece::Memory(batch) => batches.push(batch),
                // Whatever is on disk came before.
                disk @ Piece::Disk(_) => pieces.push(disk),
            }
        }
        batches.push(batch);
        pieces.extend(spills.spill_record_batch_and_finish(&batches, "rows of a shared part")?.map(Piece::Disk));
        reservation.free();
    }
    Ok(Kept { pieces, spills, _reservation: reservation })
}

impl DisplayAs for SharedExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => write!(f, "SharedExec: part={}", self.number),
            DisplayFormatType::TreeRender => writeln!(f, "part={}", self.number),
        }
    }
}

impl ExecutionPlan for SharedExec {
    fn name(&self) -> &'static str {
        "SharedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    /// Nobody sorts below it for the sake of one of the copies: all must stay the same.
    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    /// What becomes of a part behind the last rule, a guard around each operator, changes no row of it: it is still shared.
    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.pop().unwrap_or_else(|| Arc::clone(&self.input));
        Ok(Arc::new(Self::new(input, self.number, Arc::clone(&self.runs))))
    }

    fn apply_expressions(&self, _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (baseline, metrics) = (BaselineMetrics::new(&self.metrics, partition), self.metrics.clone());
        let (input, runs) = (Arc::clone(&self.input), Arc::clone(&self.runs));
        let rows = stream::once(async move {
            // Not before the first row is asked for, as with any other operator.
            let all = runs.begin(&input, &context, &metrics);
            // Rows of partitions that nobody here asks for would be lost.
            if all.len() != input.output_partitioning().partition_count() {
                return Err(DataFusionError::Internal("copies of a shared part have different partitions".to_owned()));
            }
            let run = all.get(partition).cloned();
            let run = run.ok_or_else(|| DataFusionError::Internal(format!("SharedExec has no partition {partition}")))?;
            let kept = run.await.map_err(|error| DataFusionError::from(&error))?;
            let pieces = kept.pieces.clone();
            Ok::<_, DataFusionError>(stream::iter(pieces).then(move |piece| {
                let kept = Arc::clone(&kept);
                async move {
                    Ok::<_, DataFusionError>(match piece {
                        Piece::Memory(batch) => stream::iter([Ok(batch)]).boxed(),
                        Piece::Disk(file) => kept.spills.read_spill_as_stream(file, None)?.boxed(),
                    })
                }
            }))
        })
        .try_flatten()
        .try_flatten()
        .inspect_ok(move |batch| {
            batch.record_output(&baseline);
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        Ok(inputs.first().map_or_else(|| Arc::new(Statistics::new_unknown(&self.schema())), Arc::clone))
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }
}
