//! Finds the joins and the scans.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use clouddb_cache::whole;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{NullEquality, Result};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::DynamicFilterPhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::exec::KeySetExec;
use super::keys::JoinKeys;
use crate::optimizer::{self, with_children};
use crate::scan::SegmentSource;

/// See the module. It comes behind all rules that hand filters down.
#[derive(Debug)]
pub(crate) struct KeySets;

impl PhysicalOptimizerRule for KeySets {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if !optimizer::options(config).key_sets {
            return Ok(plan);
        }
        let mut taken = HashSet::new();
        let mut is_recursive = false;
        plan.apply(|node| {
            // Each round of a recursive query has other rows.
            is_recursive |= node.is::<RecursiveQueryExec>();
            if let Some(source) = source(node) {
                taken.extend(source.filters().iter().filter_map(identity));
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        if is_recursive || taken.is_empty() {
            return Ok(plan);
        }
        let mut joins = HashMap::new();
        let plan = with_collected_keys(plan, &taken, &mut joins)?;
        match joins.is_empty() {
            true => Ok(plan),
            false => with_told_scans(plan, &joins),
        }
    }

    fn name(&self) -> &'static str {
        "key_sets"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn source(node: &Arc<dyn ExecutionPlan>) -> Option<&SegmentSource> {
    node.downcast_ref::<DataSourceExec>()?.data_source().downcast_ref()
}

/// Which filter this is, if it is one that an operator fills in.
fn identity(filter: &Arc<dyn PhysicalExpr>) -> Option<u64> {
    filter.downcast_ref::<DynamicFilterPhysicalExpr>()?;
    filter.expression_id()
}

/// The plan, with the keys remembered that joins build whose filters scans have taken.
fn with_collected_keys(
    plan: Arc<dyn ExecutionPlan>,
    taken: &HashSet<u64>,
    joins: &mut HashMap<u64, Arc<JoinKeys>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let mut replace = |child| with_collected_keys(child, taken, joins);
    let plan = with_children(plan, &mut replace)?;
    let Some(join) = plan.downcast_ref::<HashJoinExec>() else { return Ok(plan) };
    let filter = join.dynamic_expressions_produced().iter().find_map(identity).filter(|filter| taken.contains(filter));
    // Where NULL equals NULL, or is looked for, a set of numbers does not say all.
    let (Some(filter), NullEquality::NullEqualsNothing, false) = (filter, join.null_equality(), join.null_aware) else { return Ok(plan) };
    let (left, right) = (join.left(), join.right());
    let key = |(built, looked_up): &(Arc<dyn PhysicalExpr>, Arc<dyn PhysicalExpr>)| {
        let data_type = built.data_type(&left.schema()).ok()?;
        (whole::is_whole(&data_type) && looked_up.data_type(&right.schema()).ok()? == data_type).then(|| Arc::clone(built))
    };
    let keys: Vec<_> = join.on().iter().map(key).collect();
    if keys.iter().all(Option::is_none) {
        return Ok(plan);
    }
    let of_join = Arc::new(JoinKeys::new(filter, keys.len(), left.output_partitioning().partition_count()));
    let collecting = Arc::new(KeySetExec::new(Arc::clone(left), keys, Arc::clone(&of_join)));
    joins.insert(filter, of_join);
    let children = vec![collecting as _, Arc::clone(right)];
    plan.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep))
}

/// The plan, with scans that know where the keys are which filters of theirs are about.
fn with_told_scans(plan: Arc<dyn ExecutionPlan>, joins: &HashMap<u64, Arc<JoinKeys>>) -> Result<Arc<dyn ExecutionPlan>> {
    if let Some(source) = source(&plan) {
        let keys: Vec<_> = source.filters().iter().filter_map(|filter| joins.get(&identity(filter)?)).map(Arc::clone).collect();
        return Ok(if keys.is_empty() { plan } else { DataSourceExec::from_data_source(source.with_join_keys(keys)) });
    }
    with_children(plan, &mut |child| with_told_scans(child, joins))
}
