//! Finds the parts of a plan that stand several times. It is the last rule: nothing changes a part afterwards, or hands filters down into one.
//!
//! Two parts are the same if their operators say the same of themselves, in the same tree with the same schemas, and their scans read the same segments with
//! the same filters. A filter that another part of the plan makes while the query runs, a join's or a top-k's, only leaves out rows that are not needed: it does not
//! count, but at least one of the parts must do without. What is not known to give the same rows twice is not shared: scans of other tables, random numbers,
//! subqueries that are filled in from outside.

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
        let mut parts = HashMap::new();
        count(&plan, &mut parts)?;
        shared(plan, &mut parts)
    }

    fn name(&self) -> &'static str {
        "sharing"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// What is known of a part that stands in the plan.
#[derive(Default)]
struct Copies {
    count: usize,
    /// The one that runs: no filter comes to it from elsewhere, so that its rows are those of all.
    whole: Option<Arc<dyn ExecutionPlan>>,
    /// What its copies share, and its number, once there is one.
    runs: Option<(usize, Arc<Runs>)>,
}

/// The parts that can be shared, by what their copies have in common.
fn count(plan: &Arc<dyn ExecutionPlan>, parts: &mut HashMap<String, Copies>) -> Result<()> {
    if let Some(part) = part(plan)? {
        let copies = parts.entry(part.key).or_default();
        copies.count += 1;
        if part.is_whole && copies.whole.is_none() {
            copies.whole = Some(Arc::clone(plan));
        }
    }
    plan.children().into_iter().try_for_each(|child| count(child, parts))
}

/// With the greatest parts that stand several times shared. One of them runs in full anyway: what filters would leave out of the others is then there for nothing.
fn shared(plan: Arc<dyn ExecutionPlan>, parts: &mut HashMap<String, Copies>) -> Result<Arc<dyn ExecutionPlan>> {
    let number = parts.values().filter(|copies| copies.runs.is_some()).count() + 1;
    if let Some(part) = part(&plan)?
        && let Some(Copies { count: 2.., whole: Some(whole), runs }) = parts.get_mut(&part.key)
    {
        let (number, runs) = runs.get_or_insert_with(|| (number, Runs::new(whole.output_partitioning().partition_count())));
        return Ok(Arc::new(SharedExec::new(Arc::clone(whole), *number, Arc::clone(runs))));
    }
    let before: Vec<_> = plan.children().into_iter().map(Arc::clone).collect();
    let after = before.iter().map(|child| shared(Arc::clone(child), parts)).collect::<Result<Vec<_>>>()?;
    match before.iter().zip(&after).all(|(before, after)| Arc::ptr_eq(before, after)) {
        true => Ok(plan),
        // What an operator has found out about its input is still true, and the filters that it shares with scans stay the same ones.
        false => plan.replace_children(after, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep)),
    }
}

/// A part that can be shared.
struct Part {
    /// The same for parts that give the same rows, filters from elsewhere aside.
    key: String,
    /// Whether no filter comes from elsewhere.
    is_whole: bool,
}

/// What is shared; `None` for what is not.
fn part(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Part>> {
    if !SHARED.contains(&plan.name()) {
        return Ok(None);
    }
    let mut made = HashSet::new();
    plan.apply(|node| {
        made.extend(node.dynamic_expressions_produced().iter().filter_map(|filter| filter.expression_id()));
        Ok(TreeNodeRecursion::Continue)
    })?;
    let (mut key, mut is_whole) = (String::new(), true);
    let is_shareable = describe(plan, &made, &mut key, &mut is_whole)?;
    Ok(is_shareable.then_some(Part { key, is_whole }))
}

/// Describes a part in full; `false` if it is not known to give the same rows twice.
fn describe(node: &Arc<dyn ExecutionPlan>, made: &HashSet<u64>, key: &mut String, is_whole: &mut bool) -> Result<bool> {
    let mut is_shareable = true;
    let mut waits = false;
    node.apply_expressions(&mut |expr| {
        is_shareable &= !is_volatile(expr) && !expr.exists(|part| Ok(part.downcast_ref::<ScalarSubqueryExpr>().is_some()))?;
        waits |= waits_for_others(expr, made)?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    if !is_shareable {
        return Ok(false);
    }
    match node.downcast_ref::<DataSourceExec>() {
        Some(source) => {
            let kept = |filter: &Arc<dyn PhysicalExpr>| waits_for_others(filter, made).map(|waits| !waits);
            let Some(identity) = scan::identity(source.data_source().as_ref(), &kept)? else { return Ok(false) };
            *is_whole &= !waits;
            key.push_str(&identity);
        }
        None if waits || node.children().is_empty() => return Ok(false),
        None => key.push_str(&displayable(node.as_ref()).one_line().to_string()),
    }
    key.push_str(&format!("{:?} (", node.schema()));
    for child in node.children() {
        if !describe(child, made, key, is_whole)? {
            return Ok(false);
        }
    }
    key.push(')');
    Ok(true)
}

/// Whether an expression comes to be while other parts of the plan run.
fn waits_for_others(expr: &Arc<dyn PhysicalExpr>, made: &HashSet<u64>) -> Result<bool> {
    expr.exists(|part| {
        let is_dynamic = part.downcast_ref::<DynamicFilterPhysicalExpr>().is_some();
        Ok(is_dynamic && part.expression_id().is_none_or(|filter| !made.contains(&filter)))
    })
}
