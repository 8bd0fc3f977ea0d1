//! Plans whose operators notice that their statement was stopped.
//!
//! A task that is dropped ends when it next waits. Many operators do not wait for seconds or minutes: joins that compare all pairs, joins with many matches
//! for each row, whatever reads from those. So, when a plan is run, each of its operators is put into a guard that looks at the statement's flag before
//! each batch; and conditions of joins, which are evaluated for some thousand pairs at a time, look at it too.
//!
//! A guard is nobody to the plan: it has the name, children, metrics and identity of what is in it.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, Statistics};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder, SortMergeJoinExec};
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, RecordBatchStream, ReplaceChildrenOptions};
use futures::{Stream, StreamExt};

use super::pace::Paced;
use super::polled::working_for;
use super::statement::Running;

/// The plan, so that each of its operators ends when the statement is stopped.
pub(crate) fn guarded(plan: Arc<dyn ExecutionPlan>, running: &Arc<Running>) -> Result<Arc<dyn ExecutionPlan>> {
    let guard = |plan: Arc<dyn ExecutionPlan>| {
        let plan = with_guarded_condition(plan, running)?;
        Ok(Transformed::yes(Arc::new(GuardExec { plan, running: Arc::clone(running), is_paced: false }) as Arc<dyn ExecutionPlan>))
    };
    Ok(plan.transform_up(guard)?.data)
}

fn with_guarded_condition(plan: Arc<dyn ExecutionPlan>, running: &Arc<Running>) -> Result<Arc<dyn ExecutionPlan>> {
    let guard = |filter: &JoinFilter| {
        let condition = Condition { condition: Arc::clone(filter.expression()), running: Arc::clone(running) };
        JoinFilter::new(Arc::new(condition), filter.column_indices().to_vec(), Arc::clone(filter.schema()))
    };
    if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>()
        && let Some(filter) = join.filter()
    {
        return paced(Arc::new(NestedLoopJoinExecBuilder::from(join).with_filter(Some(guard(filter))).build()?), running);
    }
    if let Some(join) = plan.downcast_ref::<HashJoinExec>()
        && let Some(filter) = join.filter()
    {
        return paced(join.builder().with_filter(Some(guard(filter))).build_exec()?, running);
    }
    if let Some(join) = plan.downcast_ref::<SortMergeJoinExec>()
        && let Some(filter) = join.filter()
    {
        let (left, right, filter) = (Arc::clone(&join.left), Arc::clone(&join.right), Some(guard(filter)));
        let (on, options) = (join.on.clone(), join.sort_options.clone());
        return Ok(Arc::new(SortMergeJoinExec::try_new(left, right, on, filter, join.join_type, options, join.null_equality)?));
    }
    Ok(plan)
}

/// A join that gets the rows of its right side, which it looks up one batch after the other, in pieces.
fn paced(join: Arc<dyn ExecutionPlan>, running: &Arc<Running>) -> Result<Arc<dyn ExecutionPlan>> {
    let mut children: Vec<_> = join.children().into_iter().map(Arc::clone).collect();
    if let Some(right) = children.pop() {
        children.push(Arc::new(GuardExec { plan: right, running: Arc::clone(running), is_paced: true }));
    }
    replace_children_if_necessary(join, children)
}

/// An operator that hands out nothing more once the statement is stopped.
#[derive(Debug)]
struct GuardExec {
    plan: Arc<dyn ExecutionPlan>,
    running: Arc<Running>,
    /// Whether its rows are handed out in pieces.
    is_paced: bool,
}

impl GuardExec {
    fn around(&self, plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        Arc::new(Self { plan, running: Arc::clone(&self.running), is_paced: self.is_paced })
    }
}

impl DisplayAs for GuardExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        self.plan.fmt_as(format, f)
    }
}

impl ExecutionPlan for GuardExec {
    fn name(&self) -> &str {
        self.plan.name()
    }

    fn downcast_delegate(&self) -> Option<&dyn ExecutionPlan> {
        Some(self.plan.as_ref())
    }

    fn schema(&self) -> SchemaRef {
        self.plan.schema()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.plan.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.plan.maintains_input_order()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.plan.children()
    }

    fn apply_expressions(&self, f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        self.plan.apply_expressions(f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self.around(Arc::clone(&self.plan).replace_children(children, options)?))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        #[allow(deprecated, reason = "the trait asks for it")]
        Ok(self.around(Arc::clone(&self.plan).with_new_children(children)?))
    }

    /// What a recursive query starts each round with.
    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self.around(Arc::clone(&self.plan).reset_state()?))
    }

    /// How a recursive query hands the last round's rows to its next one.
    fn with_new_state(&self, state: Arc<dyn Any + Send + Sync>) -> Option<Arc<dyn ExecutionPlan>> {
        self.plan.with_new_state(state).map(|plan| self.around(plan))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.plan.execute(partition, context)?;
        if self.is_paced {
            return Ok(Box::pin(Paced::new(rows)));
        }
        // Takes part in the runtime's budget, so that an operator with many batches lets others run.
        let computes_long = self.plan.name() == "WindowAggExec";
        Ok(Box::pin(Guarded { rows: make_cooperative(rows), running: Arc::clone(&self.running), computes_long }))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.plan.metrics()
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        self.plan.child_stats_requests(partition)
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        self.plan.statistics_from_inputs(inputs, args)
    }

    fn fetch(&self) -> Option<usize> {
        self.plan.fetch()
    }
}

struct Guarded {
    rows: SendableRecordBatchStream,
    running: Arc<Running>,
    /// Whether a batch can take long, and who computes it looks at the flag itself.
    computes_long: bool,
}

impl Stream for Guarded {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.running.check() {
            Ok(()) if self.computes_long => {
                let running = Arc::clone(&self.running);
                working_for(&running, || self.rows.poll_next_unpin(context))
            }
            Ok(()) => self.rows.poll_next_unpin(context),
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}

impl RecordBatchStream for Guarded {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }
}

/// A condition of a join that fails once the statement is stopped.
#[derive(Debug)]
struct Condition {
    condition: Arc<dyn PhysicalExpr>,
    running: Arc<Running>,
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.condition.eq(&other.condition)
    }
}

impl Eq for Condition {}

impl Hash for Condition {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.condition.hash(state);
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt(f)
    }
}

impl PhysicalExpr for Condition {
    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.running.check()?;
        self.condition.evaluate(batch)
    }

    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.condition.return_field(schema)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.condition]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        let condition = children.pop().unwrap_or_else(|| Arc::clone(&self.condition));
        Ok(Arc::new(Self { condition, running: Arc::clone(&self.running) }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt_sql(f)
    }
}
