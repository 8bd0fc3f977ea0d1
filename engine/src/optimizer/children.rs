//! A step of rules that rebuild finished plans.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};

/// The operator with other children, if they are others. What it has found out about its input is still true, and its filters stay the same ones.
pub(crate) fn with_children(
    plan: Arc<dyn ExecutionPlan>,
    replace: &mut dyn FnMut(Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let before: Vec<_> = plan.children().into_iter().map(Arc::clone).collect();
    let after = before.iter().map(|child| replace(Arc::clone(child))).collect::<Result<Vec<_>>>()?;
    match before.iter().zip(&after).all(|(before, after)| Arc::ptr_eq(before, after)) {
        true => Ok(plan),
        false => plan.replace_children(after, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep)),
    }
}
