//! Correlated subqueries over relations that share names of columns.
//!
//! DataFusion makes a join of a correlated subquery, and names its columns there without their relations: `l.d = a.d AND r.d = a.e` would both be about one
//! column `d`. So the columns that are compared with the query around get names of their own first, where their own are not the only ones.

use std::cell::Cell;
use std::collections::BTreeSet;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, Filter, LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::AnalyzerRule;

use super::walk::any_expression;

/// How the names begin. No table's column: nobody begins one so.
const PREFIX: &str = "__correlated";

/// The rule. It belongs before subqueries become joins.
#[derive(Debug)]
pub(super) struct CorrelatedNames;

impl AnalyzerRule for CorrelatedNames {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        if !any_expression(&plan, |expr| matches!(expr, Expr::OuterReferenceColumn(..)))? {
            return Ok(plan);
        }
        let count = Cell::new(0);
        let rewritten = plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Filter(filter) => told_apart(filter, &count),
            other => Ok(Transformed::no(other)),
        })?;
        Ok(rewritten.data)
    }

    fn name(&self) -> &str {
        "correlated_names"
    }
}

fn told_apart(filter: Filter, count: &Cell<usize>) -> Result<Transformed<LogicalPlan>> {
    let schema = filter.input.schema();
    let conjuncts = split_conjunction_owned(filter.predicate.clone());
    let mut shared = BTreeSet::new();
    for conjunct in conjuncts.iter().filter(|conjunct| conjunct.contains_outer()) {
        conjunct.apply(|part| {
            if let Expr::Column(column) = part
                && is_shared(column, schema)
            {
                shared.insert(column.clone());
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    if shared.is_empty() {
        return Ok(Transformed::no(LogicalPlan::Filter(filter)));
    }
    let names: Vec<(Column, Column)> = shared
        .into_iter()
        .map(|column| {
            count.set(count.get() + 1);
            let own = Column::new_unqualified(format!("{PREFIX}_{}_{}", column.name, count.get()));
            (column, own)
        })
        .collect();
    let all: Vec<Expr> = schema.columns().into_iter().map(Expr::Column).collect();
    let with_names = names.iter().map(|(column, own)| Expr::Column(column.clone()).alias(own.name.clone()));
    let conjuncts = conjuncts.into_iter().map(|conjunct| match conjunct.contains_outer() {
        true => {
            let renamed = conjunct.transform_up(|part| match part {
                Expr::Column(column) => Ok(match names.iter().find(|(known, _)| *known == column) {
                    Some((_, own)) => Transformed::yes(Expr::Column(own.clone())),
                    None => Transformed::no(Expr::Column(column)),
                }),
                other => Ok(Transformed::no(other)),
            })?;
            Ok(renamed.data)
        }
        false => Ok(conjunct),
    });
    let Some(predicate) = conjunction(conjuncts.collect::<Result<Vec<_>>>()?) else {
        return Ok(Transformed::no(LogicalPlan::Filter(filter)));
    };
    let plan = LogicalPlanBuilder::from(filter.input.as_ref().clone())
        .project(all.iter().cloned().chain(with_names))?
        .filter(predicate)?
        .project(all)?
        .build()?;
    Ok(Transformed::yes(plan))
}

/// Whether another column has the same name.
fn is_shared(column: &Column, schema: &DFSchema) -> bool {
    schema.columns().iter().filter(|other| other.name == column.name).count() > 1
}
