//! Parts of a query that have to run once, whatever the plan looks like: what is random, or left to chance as the rows of a LIMIT are, must be the same wherever
//! the query names it. Sharing other parts is a matter of speed; this is one of the answer.
//!
//! A node of the logical plan marks each copy of such a part. The copies become operators that share one run.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering as Access};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{DFSchemaRef, Result};
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use super::exec::{Runs, SharedExec};

/// Marks a part of a plan: all its copies are one.
pub(crate) fn materialized(input: LogicalPlan) -> LogicalPlan {
    static NUMBERS: AtomicU64 = AtomicU64::new(0);
    let node = Materialized { number: NUMBERS.fetch_add(1, Access::Relaxed), input };
    LogicalPlan::Extension(Extension { node: Arc::new(node) })
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Materialized {
    /// Which part it is; copies have the same.
    number: u64,
    input: LogicalPlan,
}

impl Hash for Materialized {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

impl PartialOrd for Materialized {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.number.partial_cmp(&other.number).filter(|order| *order != Ordering::Equal || self == other)
    }
}

impl UserDefinedLogicalNodeCore for Materialized {
    fn name(&self) -> &str {
        "Materialized"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![]
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Materialized")
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        Ok(Self { number: self.number, input: inputs.pop().unwrap_or_else(|| self.input.clone()) })
    }

    /// Every copy has all columns, whichever are used of it.
    fn necessary_children_exprs(&self, _: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![(0..self.input.schema().fields().len()).collect()])
    }
}

/// DataFusion's planner, which knows such parts.
#[derive(Debug)]
pub(crate) struct Planner;

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, session: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        // Copies share a run within one plan only.
        let parts = Arc::new(Parts(Mutex::default()));
        DefaultPhysicalPlanner::with_extension_planners(vec![parts]).create_physical_plan(plan, session).await
    }
}

/// The parts of one plan, by their numbers, and how each is called in it.
struct Parts(Mutex<HashMap<u64, (usize, Arc<Runs>)>>);

#[async_trait]
impl ExtensionPlanner for Parts {
    async fn plan_extension(
        &self,
        _: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        _: &dyn Session,
        _: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(node), [input]) = (node.as_any().downcast_ref::<Materialized>(), inputs) else { return Ok(None) };
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = parts.len() + 1;
        let (number, runs) = parts.entry(node.number).or_insert_with(|| (next, Arc::default()));
        Ok(Some(Arc::new(SharedExec::new(Arc::clone(input), *number, Arc::clone(runs)))))
    }
}
