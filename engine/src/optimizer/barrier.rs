//! Keeps filters from being handed down through plans whose columns have the same name twice.
//!
//! DataFusion 55.2 hands filters down by the names of columns, those of the query and those of joins: where a plan has two columns of one name, as above a
//! join of two tables that both have an `id`, the filter may arrive at the other table, and rows are lost. So while filters are handed down, every such plan
//! stands behind a barrier that lets none through. They stay where they are, or with the join that makes them.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::ReplaceChildrenOptions;
use datafusion::physical_plan::filter_pushdown::{FilterDescription, FilterPushdownPhase};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};

/// DataFusion's rule, between putting barriers up and taking them away.
#[derive(Debug)]
pub(super) struct BehindBarriers {
    rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>,
}

impl BehindBarriers {
    pub(super) fn new(rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>) -> Self {
        Self { rule }
    }
}

impl PhysicalOptimizerRule for BehindBarriers {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let put_up = |plan: Arc<dyn ExecutionPlan>| match has_a_name_twice(&plan) {
            true => Ok(Transformed::yes(Arc::new(BarrierExec { plan }) as Arc<dyn ExecutionPlan>)),
            false => Ok(Transformed::no(plan)),
        };
        let guarded = plan.transform_up(put_up)?.data;
        let optimized = self.rule.optimize(guarded, config)?;
        let take_away = |plan: Arc<dyn ExecutionPlan>| match plan.downcast_ref::<BarrierExec>() {
            Some(barrier) => Ok(Transformed::yes(Arc::clone(&barrier.plan))),
            None => Ok(Transformed::no(plan)),
        };
        Ok(optimized.transform_up(take_away)?.data)
    }

    fn name(&self) -> &str {
        self.rule.name()
    }

    fn schema_check(&self) -> bool {
        self.rule.schema_check()
    }
}

fn has_a_name_twice(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let schema = plan.schema();
    let mut names = HashSet::with_capacity(schema.fields().len());
    schema.fields().iter().any(|field| !names.insert(field.name().as_str()))
}

/// A plan that takes no filters.
#[derive(Debug)]
struct BarrierExec {
    plan: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for BarrierExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("BarrierExec")
    }
}

impl ExecutionPlan for BarrierExec {
    fn name(&self) -> &str {
        "BarrierExec"
    }

    fn schema(&self) -> SchemaRef {
        self.plan.schema()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.plan.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.plan]
    }

    fn apply_expressions(&self, _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = children.pop().ok_or_else(|| internal_datafusion_err!("a barrier stands before one plan"))?;
        Ok(Arc::new(Self { plan }))
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = children.pop().ok_or_else(|| internal_datafusion_err!("a barrier stands before one plan"))?;
        Ok(Arc::new(Self { plan }))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.plan.execute(partition, context)
    }

    fn gather_filters_for_pushdown(
        &self,
        _: FilterPushdownPhase,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _: &ConfigOptions,
    ) -> Result<FilterDescription> {
        Ok(FilterDescription::all_unsupported(&filters, &self.children()))
    }
}
