//! The operator.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::compute::{filter, is_not_null};
use clouddb_cache::whole;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics, exec_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, stream};

use super::keys::{Collected, JoinKeys, MOST_KEYS};
use crate::limits::leaves_room;

/// So many bytes are taken as long as there is memory.
const FEW_BYTES: usize = 1 << 20;

/// Hands rows on, and remembers their keys.
#[derive(Debug)]
pub(super) struct KeySetExec {
    input: Arc<dyn ExecutionPlan>,
    /// The join's keys on this side: those that are integers inside.
    keys: Vec<Option<Arc<dyn PhysicalExpr>>>,
    of_join: Arc<JoinKeys>,
}

impl KeySetExec {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, keys: Vec<Option<Arc<dyn PhysicalExpr>>>, of_join: Arc<JoinKeys>) -> Self {
        Self { input, keys, of_join }
    }
}

impl DisplayAs for KeySetExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.keys.iter().flatten().map(ToString::to_string).collect();
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => write!(f, "KeySetExec: keys=[{}]", keys.join(", ")),
            DisplayFormatType::TreeRender => writeln!(f, "keys={}", keys.join(", ")),
        }
    }
}

impl ExecutionPlan for KeySetExec {
    fn name(&self) -> &'static str {
        "KeySetExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(&self, f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        for key in self.keys.iter().flatten() {
            if f(key)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self { input, keys: self.keys.clone(), of_join: Arc::clone(&self.of_join) })),
            _ => exec_err!("KeySetExec has one input"),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.input.execute(partition, Arc::clone(&context))?;
        if !self.of_join.begin(partition) {
            return Ok(rows);
        }
        let schema = rows.schema();
        let collecting = Collecting {
            values: self.keys.iter().map(|key| key.as_ref().map(|_| Vec::new())).collect(),
            keys: self.keys.clone(),
            reservation: MemoryConsumer::new(format!("KeySetExec[{partition}]")).register(context.memory_pool()),
            pool: Arc::clone(context.memory_pool()),
        };
        let of_join = Arc::clone(&self.of_join);
        let rows = stream::try_unfold((rows, Some(collecting)), move |(mut rows, mut collecting)| {
            let of_join = Arc::clone(&of_join);
            async move {
                let Some(batch) = rows.next().await.transpose()? else {
                    if let Some(Collecting { values, reservation, .. }) = collecting.take() {
                        of_join.add(values, reservation);
                    }
                    return Ok(None);
                };
                if let Some(collecting) = &mut collecting {
                    collecting.add(&batch)?;
                }
                Ok(Some((batch, (rows, collecting))))
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
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

/// The keys of a partition so far.
struct Collecting {
    keys: Vec<Option<Arc<dyn PhysicalExpr>>>,
    values: Collected,
    reservation: MemoryReservation,
    pool: Arc<dyn MemoryPool>,
}

impl Collecting {
    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        for (key, values) in self.keys.iter().zip(&mut self.values) {
            let (Some(key), Some(so_far)) = (key, values.as_mut()) else { continue };
            let mut array = key.evaluate(batch)?.into_array(batch.num_rows())?;
            if array.null_count() > 0 {
                // NULL finds no partner.
                array = filter(&array, &is_not_null(&array)?)?;
            }
            if so_far.len() + array.len() > MOST_KEYS || !whole::append_values(&array, so_far) {
                *values = None;
            }
        }
        let bytes = self.values.iter().flatten().map(|values| values.capacity() * size_of::<i64>()).sum();
        // Others need theirs; this only saves time.
        if self.reservation.try_resize(bytes).is_err() || bytes > FEW_BYTES && !leaves_room(&self.pool) {
            // The join does without.
            self.values.fill(None);
            self.reservation.free();
        }
        Ok(())
    }
}
