//! The operator.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::runtime::{JoinSet, SpawnedTask};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, Statistics, exec_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::execution_plan::{
    Boundedness, CardinalityEffect, ChildrenPropertiesMode, EmissionType, EvaluationType, ReplaceChildrenOptions, SchedulingType,
};
use datafusion::physical_plan::filter_pushdown::{ChildPushdownResult, FilterDescription, FilterPushdownPhase, FilterPushdownPropagation};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet, RecordOutput};
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DefaultDisplay, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use tokio::sync::oneshot;

use super::collect::{self, Setting};
use super::merge::{self, Part, joined};
use super::table::{Grouped, Table};

/// Groups all rows of all input partitions. Which output partition has a group is nobody's business.
#[derive(Debug)]
pub(crate) struct GroupExec {
    /// The same as DataFusion would do it in one step: what it says of itself is true of this, too.
    single: AggregateExec,
    grouped: Arc<Grouped>,
    most_outputs: usize,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
    unopened: Mutex<Unopened>,
}

/// A run: one task that reads the input and shares the groups out. It begins when the first row is asked for, as joins fill in filters of their other side
/// before they ask.
#[derive(Debug)]
struct Run {
    /// Where each output partition's part is sent, until it begins.
    senders: Mutex<Vec<oneshot::Sender<Result<Part>>>>,
    task: OnceLock<SpawnedTask<()>>,
}

/// The parts of a run that nobody has opened.
#[derive(Debug)]
struct Unopened {
    run: Arc<Run>,
    parts: Vec<Option<oneshot::Receiver<Result<Part>>>>,
}

impl Unopened {
    fn new(outputs: usize) -> Self {
        let (senders, parts): (Vec<_>, Vec<_>) = (0..outputs).map(|_| oneshot::channel()).unzip();
        let run = Run { senders: Mutex::new(senders), task: OnceLock::new() };
        Self { run: Arc::new(run), parts: parts.into_iter().map(Some).collect() }
    }
}

impl Run {
    /// Begins, if nobody else has.
    fn begin(&self, input: &Arc<dyn ExecutionPlan>, setting: &Setting) {
        self.task.get_or_init(|| {
            let senders = std::mem::take(&mut *self.senders.lock().unwrap_or_else(PoisonError::into_inner));
            let (input, setting) = (Arc::clone(input), setting.clone());
            SpawnedTask::spawn(async move {
                match read(setting, &input, senders.len()).await {
                    Ok(parts) => senders.into_iter().zip(parts).for_each(|(sender, part)| drop(sender.send(Ok(part)))),
                    Err(error) => {
                        let error = Arc::new(error);
                        senders.into_iter().for_each(|sender| drop(sender.send(Err(DataFusionError::from(&error)))));
                    }
                }
            })
        });
    }
}

impl GroupExec {
    /// In place of a partial aggregation of `input` and whatever makes it a final one, in at most `outputs` partitions. `None` if the outputs' columns are not
    /// the same.
    pub(super) fn try_new(partial: &AggregateExec, output: &SchemaRef, outputs: usize) -> Result<Option<Self>> {
        let mode = |mode| {
            let group_by = partial.group_expr().clone();
            let (aggregates, filters) = (partial.aggr_expr().to_vec(), partial.filter_expr().to_vec());
            AggregateExec::try_new(mode, group_by, aggregates, filters, Arc::clone(partial.input()), partial.input_schema())
        };
        let single = mode(AggregateMode::Single)?;
        if single.schema() != *output {
            return Ok(None);
        }
        let grouped = Arc::new(Grouped::try_new(&mode(AggregateMode::Partial)?, Arc::clone(output))?);
        Ok(Some(Self::new(single, grouped, outputs)))
    }

    /// What it computes, as DataFusion has it.
    pub(crate) fn single(&self) -> &AggregateExec {
        &self.single
    }

    fn new(single: AggregateExec, grouped: Arc<Grouped>, most_outputs: usize) -> Self {
        let outputs = if single.input().output_partitioning().partition_count() <= 1 { 1 } else { most_outputs.max(1) };
        // What is constant in each partition of the input need not be so here, nor where a grouping set leaves the key out: nothing is passed on.
        let equivalences = EquivalenceProperties::new(single.schema());
        let properties =
            PlanProperties::new(equivalences, Partitioning::UnknownPartitioning(outputs), EmissionType::Final, Boundedness::Bounded)
                .with_scheduling_type(SchedulingType::Cooperative)
                .with_evaluation_type(EvaluationType::Eager);
        Self {
            single,
            grouped,
            most_outputs,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
            unopened: Mutex::new(Unopened::new(outputs)),
        }
    }

    /// The same, done by DataFusion, for the groups that there are without any row.
    fn without_rows(&self) -> Result<Arc<dyn ExecutionPlan>> {
        let nothing: Arc<dyn ExecutionPlan> = Arc::new(EmptyExec::new(self.single.input_schema()));
        over(&self.single, vec![nothing])
    }

    fn outputs(&self) -> usize {
        self.properties.output_partitioning().partition_count()
    }

    /// The run that an output partition belongs to, and where its part comes from. A plan may be run again.
    fn open(&self, partition: usize) -> Result<(Arc<Run>, oneshot::Receiver<Result<Part>>)> {
        let mut unopened = self.unopened.lock().unwrap_or_else(PoisonError::into_inner);
        if unopened.parts.get(partition).is_none_or(Option::is_none) {
            *unopened = Unopened::new(self.outputs());
        }
        let run = Arc::clone(&unopened.run);
        match unopened.parts.get_mut(partition).and_then(Option::take) {
            Some(part) => Ok((run, part)),
            None => exec_err!("GroupExec has no partition {partition}"),
        }
    }
}

/// An aggregation of another input.
fn over(single: &AggregateExec, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
    Arc::new(single.clone()).replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
}

/// Reads all input partitions at once, and shares out what they come to.
async fn read(setting: Setting, input: &Arc<dyn ExecutionPlan>, outputs: usize) -> Result<Vec<Part>> {
    let pool = setting.context.memory_pool();
    let consumer = |what: String| MemoryConsumer::new(format!("GroupExec[{what}]")).with_can_spill(true).register(pool);
    let merging = consumer("merge".to_owned());
    let mut tasks = JoinSet::new();
    for partition in 0..input.output_partitioning().partition_count() {
        let rows = input.execute(partition, Arc::clone(&setting.context))?;
        let time = MetricBuilder::new(&setting.metrics).subset_time("collect_time", partition);
        tasks.spawn(collect::collect(setting.clone(), partition, rows, consumer(partition.to_string()), time));
    }
    let mut all = Vec::new();
    while let Some(done) = tasks.join_next().await {
        all.push(joined(done)?);
    }
    merge::share_out(&setting, all, outputs, merging).await
}

/// The groups of an output partition.
fn groups(setting: Setting, part: Part, metrics: BaselineMetrics) -> BoxStream<'static, Result<RecordBatch>> {
    let rows = setting.context.session_config().batch_size().max(1);
    match part {
        Part::Nothing | Part::NoRows => stream::empty().boxed(),
        Part::Whole(table, reservation) => stream::once(async move { in_batches(table, rows, reservation) }).try_flatten().boxed(),
        Part::States(states, reservation) => stream::once(async move {
            let timer = metrics.elapsed_compute().timer();
            let table = merge::merge(&setting, states).await?;
            timer.done();
            in_batches(table, rows, reservation)
        })
        .try_flatten()
        .boxed(),
        Part::OnDisk(spills, parts, reservation) => stream::iter(parts)
            .then(move |part| {
                let (setting, spills, reservation) = (setting.clone(), Arc::clone(&spills), reservation.new_empty());
                async move {
                    let table = merge::merge_from_disk(&setting, &spills, part, &reservation).await?;
                    in_batches(table, rows, reservation)
                }
            })
            .try_flatten()
            .boxed(),
    }
}

/// The groups of a table, and what they take until they are gone.
fn in_batches(table: Table, rows: usize, reservation: MemoryReservation) -> Result<impl Stream<Item = Result<RecordBatch>> + Send> {
    let batch = table.finish()?;
    let starts = (0..batch.num_rows()).step_by(rows);
    Ok(stream::iter(starts.map(move |start| {
        let _ = &reservation;
        Ok(batch.slice(start, rows.min(batch.num_rows() - start)))
    })))
}

impl DisplayAs for GroupExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What DataFusion says, without the name of its operator and how it would do it.
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                let text = DefaultDisplay(self.single.clone()).to_string();
                write!(f, "GroupExec: {}", text.strip_prefix("AggregateExec: mode=Single, ").unwrap_or(&text))
            }
            DisplayFormatType::TreeRender => self.single.fmt_as(format, f),
        }
    }
}

impl ExecutionPlan for GroupExec {
    fn name(&self) -> &'static str {
        "GroupExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![self.single.input()]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let single = over(&self.single, children)?;
        match single.downcast_ref::<AggregateExec>() {
            Some(single) => Ok(Arc::new(Self::new(single.clone(), Arc::clone(&self.grouped), self.most_outputs))),
            None => exec_err!("an aggregation has become something else"),
        }
    }

    fn apply_expressions(&self, f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        self.single.apply_expressions(f)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (run, part) = self.open(partition)?;
        let input = Arc::clone(self.single.input());
        let setting = Setting { grouped: Arc::clone(&self.grouped), context, metrics: self.metrics.clone() };
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let empty = (partition == 0 && self.grouped.has_empty_set()).then(|| self.without_rows());
        let schema = Arc::clone(&self.grouped.output);
        let output = {
            let metrics = metrics.clone();
            stream::once(async move {
                run.begin(&input, &setting);
                let part = match part.await {
                    Ok(part) => part?,
                    Err(_) => return exec_err!("grouping ended early"),
                };
                let output = match (part, empty) {
                    (Part::NoRows, Some(single)) => single?.execute(0, Arc::clone(&setting.context))?.boxed(),
                    (part, _) => groups(setting, part, metrics),
                };
                // The run lives as long as anybody waits for a part of it.
                Ok(output.inspect(move |_| {
                    let _ = &run;
                }))
            })
            .try_flatten()
        };
        let output = output.inspect_ok(move |batch| {
            batch.record_output(&metrics);
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, output)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn child_stats_requests(&self, _partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(None)]
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let all = self.single.statistics_from_inputs(inputs, &StatisticsArgs::new())?;
        match args.partition() {
            None => Ok(all),
            // Which groups a partition has is not known.
            Some(_) => Ok(Arc::new(Statistics::clone(&all).to_inexact())),
        }
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        self.single.cardinality_effect()
    }

    fn gather_filters_for_pushdown(
        &self,
        phase: FilterPushdownPhase,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        self.single.gather_filters_for_pushdown(phase, filters, config)
    }

    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        results: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(FilterPushdownPropagation::if_any(results))
    }
}
