//! Finds the parts of a plan that stand several times. It is the last rule: nothing changes a part afterwards, or hands filters down into one.
//!
//! Two parts are the same if their operators say the same of themselves and have the same expressions, in the same tree with the same schemas, and their scans
//! read the same segments. A filter that another part of the plan makes while the query runs, a join's or a top-k's, only leaves out rows that are not needed: it does not
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
use datafusion::physical_plan::{ExecutionPlan, displayable};

use super::exec::{Runs, SharedExec};
use crate::optimizer::{self, with_children};
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
fn count(plan: &Arc<dyn ExecutionPlan>, parts: &mut HashMap<Key, Copies>) -> Result<()> {
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
fn shared(plan: Arc<dyn ExecutionPlan>, parts: &mut HashMap<Key, Copies>) -> Result<Arc<dyn ExecutionPlan>> {
    let number = parts.values().filter(|copies| copies.runs.is_some()).count() + 1;
    if let Some(part) = part(&plan)?
        && let Some(Copies { count: 2.., whole: Some(whole), runs }) = parts.get_mut(&part.key)
    {
        let (number, runs) = runs.get_or_insert_with(|| (number, Arc::default()));
        return Ok(Arc::new(SharedExec::new(Arc::clone(whole), *number, Arc::clone(runs))));
    }
    with_children(plan, &mut |child| shared(child, parts))
}

/// What parts that give the same rows have in common, filters from elsewhere aside.
#[derive(Default, PartialEq, Eq, Hash)]
struct Key {
    /// The operators: what they say of themselves, and their schemas.
    operators: String,
    /// Their expressions, themselves: as text, a long BLOB is cut off. Without those that hold a filter which comes while the query runs: the part's own
    /// follow from all else.
    expressions: Vec<Arc<dyn PhysicalExpr>>,
}

/// A part that can be shared.
struct Part {
    key: Key,
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
    let mut part = Part { key: Key::default(), is_whole: true };
    Ok(part.describe(plan, &made)?.then_some(part))
}

impl Part {
    /// Describes operators in full; `false` if they are not known to give the same rows twice. `made` are the filters that the part itself makes.
    fn describe(&mut self, node: &Arc<dyn ExecutionPlan>, made: &HashSet<u64>) -> Result<bool> {
        let (mut is_shareable, mut waits) = (true, false);
        node.apply_expressions(&mut |expr| {
            is_shareable &= !is_volatile(expr) && !expr.exists(|part| Ok(part.downcast_ref::<ScalarSubqueryExpr>().is_some()))?;
            let mut is_dynamic = false;
            expr.apply(|part| {
                if part.downcast_ref::<DynamicFilterPhysicalExpr>().is_some() {
                    is_dynamic = true;
                    waits |= part.expression_id().is_none_or(|filter| !made.contains(&filter));
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
            if !is_dynamic {
                self.key.expressions.push(Arc::clone(expr));
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        if !is_shareable {
            return Ok(false);
        }
        match node.downcast_ref::<DataSourceExec>() {
            Some(source) => {
                let Some(identity) = scan::identity(source.data_source().as_ref()) else { return Ok(false) };
                self.is_whole &= !waits;
                self.key.operators.push_str(&identity);
            }
            None if waits || node.children().is_empty() => return Ok(false),
            None => self.key.operators.push_str(&displayable(node.as_ref()).one_line().to_string()),
        }
        self.key.operators.push_str(&format!("{:?} (", node.schema()));
        for child in node.children() {
            if !self.describe(child, made)? {
                return Ok(false);
            }
        }
        self.key.operators.push(')');
        Ok(true)
    }
}
