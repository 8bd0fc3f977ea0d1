//! Finds the parts of a plan that stand several times. It is the last rule: nothing changes a part afterwards, or hands filters down into one.
//!
//! Two parts are the same if their operators say the same of themselves, in the same tree with the same schemas, and their scans read the same segments with
//! the same filters. A filter that comes while the query runs is allowed where the part itself makes it. Anything else that is not known to give the same rows
//! twice is not shared: scans of other tables, random numbers, subqueries that are filled in from outside.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::DynamicFilterPhysicalExpr;
use datafusion::physical_expr::scalar_subquery::ScalarSubqueryExpr;
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, displayable};

use super::exec::{Runs, SharedExec};
use crate::optimizer;
use crate::scan;

/// See the module.
#[derive(Debug)]
pub(crate) struct Sharing;

/// Operators that read all their input and give less.
const SHARED: &[&str] = &["GroupExec", "WindowAggExec", "BoundedWindowAggExec"];

impl PhysicalOptimizerRule for Sharing {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if !optimizer::options(config).sharing {
            return Ok(plan);
        }
        // Most plans have one such part, and nothing to compare it with.
        let mut candidates = 0;
        plan.apply(|node| {
            candidates += usize::from(SHARED.contains(&node.name()));
            Ok(TreeNodeRecursion::Continue)
        })?;
        if candidates < 2 {
            return Ok(plan);
        }
        let mut counts = HashMap::new();
        count(&plan, &mut counts)?;
        if counts.values().all(|count| *count < 2) {
            return Ok(plan);
        }
        shared(plan, &counts, &mut HashMap::new())
    }

    fn name(&self) -> &'static str {
        "sharing"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// How often each part that can be shared stands in the plan.
fn count(plan: &Arc<dyn ExecutionPlan>, counts: &mut HashMap<String, usize>) -> Result<()> {
    if let Some(key) = key(plan)? {
        *counts.entry(key).or_default() += 1;
    }
    plan.children().into_iter().try_for_each(|child| count(child, counts))
}

/// With the greatest parts that stand several times shared.
fn shared(
    plan: Arc<dyn ExecutionPlan>,
    counts: &HashMap<String, usize>,
    parts: &mut HashMap<String, (Arc<dyn ExecutionPlan>, usize, Arc<Runs>)>,
) -> Result<Arc<dyn ExecutionPlan>> {
    if let Some(key) = key(&plan)?.filter(|key| counts.get(key).is_some_and(|count| *count > 1)) {
        let number = parts.len() + 1;
        let (input, number, runs) =
            parts.entry(key).or_insert_with(|| (Arc::clone(&plan), number, Runs::new(plan.output_partitioning().partition_count())));
        return Ok(Arc::new(SharedExec::new(Arc::clone(input), *number, Arc::clone(runs))));
    }
    let children = plan.children();
    if children.is_empty() {
        return Ok(plan);
    }
    let before: Vec<_> = children.into_iter().map(Arc::clone).collect();
    let after = before.iter().map(|child| shared(Arc::clone(child), counts, parts)).collect::<Result<Vec<_>>>()?;
    match before.iter().zip(&after).all(|(before, after)| Arc::ptr_eq(before, after)) {
        true => Ok(plan),
        // What an operator has found out about its input is still true, and the filters that it shares with scans stay the same ones.
        false => plan.replace_children(after, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep)),
    }
}

/// What two parts have in common if they give the same rows; `None` for what is not shared.
fn key(part: &Arc<dyn ExecutionPlan>) -> Result<Option<String>> {
    if !SHARED.contains(&part.name()) {
        return Ok(None);
    }
    let mut key = displayable(part.as_ref()).indent(true).to_string();
    let (mut is_shareable, mut made, mut used) = (true, HashSet::new(), HashSet::new());
    part.apply(|node| {
        key.push_str(&format!("{:?}", node.schema()));
        if let Some(source) = node.downcast_ref::<DataSourceExec>() {
            match scan::identity(source.data_source().as_ref()) {
                Some(identity) => key.push_str(&identity),
                None => is_shareable = false,
            }
        } else {
            is_shareable &= !node.children().is_empty();
        }
        made.extend(node.dynamic_expressions_produced().iter().filter_map(|filter| filter.expression_id()));
        node.apply_expressions(&mut |expr| {
            is_shareable &= !is_volatile(expr) && !is_filled_in(expr)?;
            expr.apply(|part| {
                if part.downcast_ref::<DynamicFilterPhysicalExpr>().is_some() {
                    used.insert(part.expression_id());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(if is_shareable { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    let are_own = used.iter().all(|filter| filter.is_some_and(|filter| made.contains(&filter)));
    Ok((is_shareable && are_own).then_some(key))
}

/// Whether an expression's value comes from another part of the plan.
fn is_filled_in(expr: &Arc<dyn PhysicalExpr>) -> Result<bool> {
    expr.exists(|part| Ok(part.downcast_ref::<ScalarSubqueryExpr>().is_some()))
}
