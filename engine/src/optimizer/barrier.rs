//! Keeps filters from being handed down through plans whose columns have the same name twice.
//!
//! DataFusion 55.2 hands filters down by the names of columns, those of the query and those of joins: where a plan has two columns of one name, as above a
//! join of two tables that both have an `id`, the filter may arrive at the other table, and rows are lost. So while filters are handed down, every such plan
//! stands behind a barrier that lets none through. They stay where they are, or with the join that makes them.
//!
//! A filter on a key of a semi join goes to the other side as well, where its partner has it, too. That one also is looked for by the name of the first: where
//! the other side has another column of this name, it is the wrong one.
//!
//! The bounds and lists that a join hands down compare floating-point numbers by their bits, in which -0.0 is not 0.0. The join knows that they are equal.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinType, Result, internal_datafusion_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::filter_pushdown::{FilterDescription, FilterPushdownPhase};
use datafusion::physical_plan::joins::HashJoinExec;
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
        let put_up = |plan: Arc<dyn ExecutionPlan>| {
            let sides = misled_sides(&plan)?;
            let plan = match sides.is_empty() {
                false => {
                    let mut children: Vec<_> = plan.children().into_iter().map(Arc::clone).collect();
                    for side in sides {
                        children[side] = Arc::new(BarrierExec { plan: Arc::clone(&children[side]) });
                    }
                    Transformed::yes(plan.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep))?)
                }
                true => Transformed::no(plan),
            };
            Ok(match has_a_name_twice(&plan.data) {
                true => Transformed::yes(Arc::new(BarrierExec { plan: plan.data }) as Arc<dyn ExecutionPlan>),
                false => plan,
            })
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

/// The sides of a join, as positions among its children, that must get no filters from it: the one that it looks up, if its keys are floating-point numbers;
/// that of a semi join whose columns would be mistaken for keys of the side that it gives.
fn misled_sides(plan: &Arc<dyn ExecutionPlan>) -> Result<Vec<usize>> {
    let Some(join) = plan.downcast_ref::<HashJoinExec>() else { return Ok(Vec::new()) };
    let mut sides = Vec::new();
    for (_, looked_up) in join.on() {
        if looked_up.data_type(&join.right().schema())?.is_floating() {
            sides.push(1);
        }
    }
    let side = match join.join_type() {
        JoinType::LeftSemi => Some((1, join.right().schema())),
        JoinType::RightSemi => Some((0, join.left().schema())),
        _ => None,
    };
    if let Some((side, schema)) = side {
        let misleads = |(left, right): &(Arc<dyn PhysicalExpr>, Arc<dyn PhysicalExpr>)| {
            let (key, partner) = if side == 1 { (left, right) } else { (right, left) };
            let namesake = key.downcast_ref::<Column>().and_then(|key| schema.column_with_name(key.name()));
            namesake.is_some_and(|(at, _)| partner.downcast_ref::<Column>().is_none_or(|partner| partner.index() != at))
        };
        if join.on().iter().any(misleads) {
            sides.push(side);
        }
    }
    sides.sort_unstable();
    sides.dedup();
    Ok(sides)
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
