//! Groups below a join: each partition makes groups of the rows that it sees, and hands on their states. A group may come several times; whoever merges
//! the states, behind the join, does not mind.
//!
//! So nothing has to be kept: a table that is full, or has no room, is handed on, and where rows hardly share groups each is handed on as it comes.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, exec_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::execution_plan::{
    Boundedness, CardinalityEffect, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions, SchedulingType,
};
use datafusion::physical_plan::filter_pushdown::{ChildPushdownResult, FilterDescription, FilterPushdownPhase, FilterPushdownPropagation};
use datafusion::physical_plan::metrics::{BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet, RecordOutput};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DefaultDisplay, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties};
use futures::{StreamExt, stream};

use super::table::{Grouped, Table};
use crate::limits::leaves_room;
use crate::scan::expected_distinct;

/// A table with so many groups is handed on.
const MOST_GROUPS: usize = 4 << 20;

/// So many groups are kept as long as there is memory for them.
const FEW_GROUPS: usize = 256 * 1024;

/// So many rows are grouped before anybody asks whether it pays, if there is room for their groups.
const TRIAL: usize = 128 * 1024;

/// Of the rows, groups may be this share, or rows are handed on as they come: of those so far when the table is full, and, as far as those so far tell, of
/// all that are to come before.
const MOST_OF_ROWS: f64 = 0.6;

/// Groups rows below a join. Its aggregates give states.
#[derive(Debug)]
pub(crate) struct EarlyGroupExec {
    /// The same as DataFusion would do it in one step.
    single: AggregateExec,
    grouped: Arc<Grouped>,
    /// Rows of the input, by estimate; 0 if nobody knows.
    rows: usize,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl EarlyGroupExec {
    /// In place of an aggregation, of which this is the first half, or all.
    pub(super) fn try_new(first: &AggregateExec) -> Result<Self> {
        let mode = |mode| {
            let group_by = first.group_expr().clone();
            let (aggregates, filters) = (first.aggr_expr().to_vec(), first.filter_expr().to_vec());
            AggregateExec::try_new(mode, group_by, aggregates, filters, Arc::clone(first.input()), first.input_schema())
        };
        let single = mode(AggregateMode::Single)?;
        let grouped = Grouped::try_new(&mode(AggregateMode::Partial)?, single.schema())?;
        let statistics = StatisticsContext::new().compute(first.input().as_ref(), &StatisticsArgs::new())?;
        Ok(Self::new(single, Arc::new(grouped), statistics.num_rows.get_value().copied().unwrap_or_default()))
    }

    /// What it computes, as DataFusion has it.
    pub(crate) fn single(&self) -> &AggregateExec {
        &self.single
    }

    fn new(single: AggregateExec, grouped: Arc<Grouped>, rows: usize) -> Self {
        let partitions = single.input().output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(single.schema()),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Both,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        Self { single, grouped, rows, properties: Arc::new(properties), metrics: ExecutionPlanMetricsSet::new() }
    }
}

impl DisplayAs for EarlyGroupExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                let text = DefaultDisplay(self.single.clone()).to_string();
                write!(f, "EarlyGroupExec: {}", text.strip_prefix("AggregateExec: mode=Single, ").unwrap_or(&text))
            }
            DisplayFormatType::TreeRender => self.single.fmt_as(format, f),
        }
    }
}

impl ExecutionPlan for EarlyGroupExec {
    fn name(&self) -> &'static str {
        "EarlyGroupExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![self.single.input()]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        let single = Arc::new(self.single.clone()).replace_children(children, options)?;
        match single.downcast_ref::<AggregateExec>() {
            Some(single) => Ok(Arc::new(Self::new(single.clone(), Arc::clone(&self.grouped), self.rows))),
            None => exec_err!("an aggregation has become something else"),
        }
    }

    fn apply_expressions(&self, f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        self.single.apply_expressions(f)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.single.input().execute(partition, Arc::clone(&context))?;
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let early = Early {
            table: self.grouped.table()?,
            rows: 0,
            next_trial: TRIAL,
            expected_rows: self.rows / self.properties.output_partitioning().partition_count().max(1),
            pays: true,
            grouped: Arc::clone(&self.grouped),
            reservation: MemoryConsumer::new(format!("EarlyGroupExec[{partition}]")).register(context.memory_pool()),
            pool: Arc::clone(context.memory_pool()),
            batch_size: context.session_config().batch_size().max(1),
            ungrouped: MetricBuilder::new(&self.metrics).counter("ungrouped_rows", partition),
            metrics,
        };
        let output = stream::try_unfold((input, Some(early)), |(mut input, early)| async move {
            let Some(mut early) = early else { return Ok(None) };
            while let Some(batch) = input.next().await {
                if let Some(states) = early.add(&batch?)? {
                    return Ok(Some((early.in_batches(states), (input, Some(early)))));
                }
            }
            let last = {
                let time = early.metrics.elapsed_compute().clone();
                let _timer = time.timer();
                early.hand_on()?
            };
            Ok(Some((early.in_batches(last), (input, None))))
        });
        let output = output.flat_map(|batches| match batches {
            Ok(batches) => stream::iter(batches).map(Ok).left_stream(),
            Err(error) => stream::once(async { Err(error) }).right_stream(),
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.grouped.output), output)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::LowerEqual
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

/// A partition's groups so far.
struct Early {
    grouped: Arc<Grouped>,
    table: Table,
    /// What the table saw.
    rows: usize,
    /// After how many rows it is asked again whether it pays.
    next_trial: usize,
    /// What this partition has, by estimate.
    expected_rows: usize,
    /// Whether rows share groups.
    pays: bool,
    reservation: MemoryReservation,
    pool: Arc<dyn MemoryPool>,
    batch_size: usize,
    ungrouped: Count,
    metrics: BaselineMetrics,
}

impl Early {
    /// Adds rows. What is handed on, if something is.
    fn add(&mut self, batch: &RecordBatch) -> Result<Option<RecordBatch>> {
        let time = self.metrics.elapsed_compute().clone();
        let _timer = time.timer();
        if !self.pays {
            self.ungrouped.add(batch.num_rows());
            return self.table.states_of_rows(batch).map(Some);
        }
        self.table.update(batch)?;
        self.rows += batch.num_rows();
        let is_full = self.table.len() >= MOST_GROUPS || !self.has_room();
        if is_full {
            self.pays = self.table.len() as f64 <= MOST_OF_ROWS * self.rows as f64;
        } else if self.rows >= self.next_trial {
            // Rows that come in the order of their keys seem to have ever more groups to share.
            self.next_trial = self.rows * 2;
            self.pays = self.is_worth_going_on();
        }
        match is_full || !self.pays {
            true => self.hand_on().map(Some),
            false => Ok(None),
        }
    }

    /// Whether the table may be as large as it is: a small one as long as there is memory, a large one only where others have enough.
    fn has_room(&mut self) -> bool {
        self.reservation.try_resize(self.table.size()).is_ok() && (self.table.len() < FEW_GROUPS || leaves_room(&self.pool))
    }

    /// Whether all rows, as far as those so far tell, share groups that there is room for.
    fn is_worth_going_on(&self) -> bool {
        let (rows, groups) = (self.rows as f64, self.table.len() as f64);
        let all = rows.max(self.expected_rows as f64);
        let expected = expected_distinct(rows, groups, all).unwrap_or(all * groups / rows);
        groups <= MOST_OF_ROWS * rows || expected <= (MOST_OF_ROWS * all).min(MOST_GROUPS as f64)
    }

    /// All groups so far. None is left.
    fn hand_on(&mut self) -> Result<RecordBatch> {
        let full = std::mem::replace(&mut self.table, self.grouped.table()?);
        (self.rows, self.next_trial) = (0, TRIAL);
        let groups = full.finish()?;
        // They are here until they are handed on; if there is no room for them, they are on their way already.
        if self.reservation.try_resize(groups.get_array_memory_size()).is_err() {
            self.reservation.free();
        }
        Ok(groups)
    }

    fn in_batches(&self, batch: RecordBatch) -> Vec<RecordBatch> {
        let starts = (0..batch.num_rows()).step_by(self.batch_size);
        let batches: Vec<_> = starts.map(|start| batch.slice(start, self.batch_size.min(batch.num_rows() - start))).collect();
        batches.iter().for_each(|batch| {
            batch.record_output(&self.metrics);
        });
        batches
    }
}
