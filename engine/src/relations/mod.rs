//! Relations of a FROM that DataFusion does not plan: rows of lists beside the row that holds them (`unnest`), expressions beside the row that they are
//! computed from (`lateral`), the nearest earlier row of another table (`asof`), rows that are written out (`values`); and WITH queries that are to run
//! once.
//!
//! Whoever resolves names puts brackets around such a join and what stands left of it, so that it comes here as one relation.

mod asof;
mod lateral;
mod unnest;
mod values;

use std::sync::Arc;

use datafusion::catalog::cte_worktable::CteWorkTable;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{Join, JoinConstraint, JoinOperator, SetExpr, TableFactor};

use crate::sharing::materialized;
use crate::statements::{MATERIALIZED, names_in};
use crate::unnesting::is_repeatable;

/// The planners of every session.
pub(crate) fn planners() -> Vec<Arc<dyn RelationPlanner>> {
    vec![Arc::new(CloudRelations)]
}

#[derive(Debug)]
struct CloudRelations;

impl RelationPlanner for CloudRelations {
    fn plan_relation(&self, relation: TableFactor, context: &mut dyn RelationPlannerContext) -> Result<RelationPlanning> {
        if let TableFactor::UNNEST { array_exprs, with_ordinality, alias: Some(alias), .. } = &relation
            // Columns that stand nowhere beside it are those of a query around.
            && (*with_ordinality || array_exprs.iter().any(|expr| !names_in(expr).is_empty()))
        {
            let one_row = LogicalPlanBuilder::empty(true).build()?;
            let alone = JoinOperator::CrossJoin(JoinConstraint::None);
            let plan = unnest::plan(one_row, array_exprs, *with_ordinality, alias, &alone, context)?;
            return Ok(planned(plan));
        }
        if let TableFactor::Derived { lateral: false, subquery, alias: None, sample: None } = &relation
            && let SetExpr::Values(rows) = subquery.body.as_ref()
        {
            return Ok(planned(values::plan(rows, context)?));
        }
        if let TableFactor::Derived { lateral: false, subquery, alias: Some(alias), sample: None } = &relation
            && alias.name.value == MATERIALIZED
        {
            let query = TableFactor::Derived { lateral: false, subquery: subquery.clone(), alias: None, sample: None };
            let plan = context.plan(query)?;
            let runs_once = !is_repeatable(&plan)? && !reads_recursion(&plan)?;
            return Ok(planned(if runs_once { materialized(plan) } else { plan }));
        }
        let TableFactor::NestedJoin { table_with_joins, alias: None } = &relation else { return Ok(original(relation)) };
        let [join] = table_with_joins.joins.as_slice() else { return Ok(original(relation)) };
        let Some(plan) = plan(&table_with_joins.relation, join, context)? else { return Ok(original(relation)) };
        Ok(planned(plan))
    }
}

/// Whether a plan reads the rows that a recursive query around it found last, which are others each time.
fn reads_recursion(plan: &LogicalPlan) -> Result<bool> {
    let (mut own, mut read) = (Vec::new(), Vec::new());
    plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::RecursiveQuery(query) => own.push(query.name.clone()),
            LogicalPlan::TableScan(scan) => {
                let provider = source_as_provider(&scan.source);
                if provider.is_ok_and(|provider| provider.downcast_ref::<CteWorkTable>().is_some()) {
                    read.push(scan.table_name.table().to_owned());
                }
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(read.iter().any(|name| !own.contains(name)))
}

fn planned(plan: LogicalPlan) -> RelationPlanning {
    RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, None)))
}

fn original(relation: TableFactor) -> RelationPlanning {
    RelationPlanning::Original(Box::new(relation))
}

fn plan(left: &TableFactor, join: &Join, context: &mut dyn RelationPlannerContext) -> Result<Option<LogicalPlan>> {
    match (&join.relation, &join.join_operator) {
        (right, JoinOperator::AsOf { match_condition, constraint }) => {
            asof::plan(left, right, match_condition, constraint, context).map(Some)
        }
        (TableFactor::UNNEST { array_exprs, with_ordinality, alias: Some(alias), .. }, operator) => {
            let left = context.plan(left.clone())?;
            unnest::plan(left, array_exprs, *with_ordinality, alias, operator, context).map(Some)
        }
        (TableFactor::Derived { lateral: true, subquery, alias: Some(alias), sample: None }, operator) => {
            let Some(items) = lateral::items(subquery, operator) else { return Ok(None) };
            let left = context.plan(left.clone())?;
            lateral::plan(left, items, alias, context).map(Some)
        }
        _ => Ok(None),
    }
}
