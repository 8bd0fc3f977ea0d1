//! EXISTS as a value: in a list, a group, a sort or a window. DataFusion makes joins of the EXISTS of conditions only.
//!
//! A mark join gives each row of its left side once, with a column that says whether there was a match. IN has become EXISTS before (see
//! `semantics::in_subquery`).

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::alias::AliasGenerator;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, JoinType, Result};
use datafusion::logical_expr::expr::Exists;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit, not};
use datafusion::optimizer::decorrelate::PullUpCorrelatedExpr;
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// The rule. It belongs before DataFusion's own for conditions.
#[derive(Debug)]
pub(super) struct Marks;

impl OptimizerRule for Marks {
    fn name(&self) -> &str {
        "exists_as_a_value"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let plan = plan.map_subqueries(|subquery| subquery.transform_down(|node| self.rewrite(node, config)))?.data;
        if !matches!(plan, LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) | LogicalPlan::Window(_) | LogicalPlan::Sort(_))
            || !plan.expressions().iter().any(has_exists)
        {
            return Ok(Transformed::no(plan));
        }
        let [input] = plan.inputs()[..] else { return Ok(Transformed::no(plan)) };
        let columns = plan.schema().columns();
        let mut input = input.clone();
        let names = NamePreserver::new(&plan);
        let expressions = plan.expressions().into_iter().map(|expr| {
            let name = names.save(&expr);
            let marked = expr.transform_up(|part| match part {
                Expr::Exists(exists) => match mark(&input, &exists, config.alias_generator())? {
                    Some((joined, value)) => {
                        input = joined;
                        Ok(Transformed::yes(value))
                    }
                    None => Ok(Transformed::no(Expr::Exists(exists))),
                },
                other => Ok(Transformed::no(other)),
            })?;
            Ok(if marked.transformed { name.restore(marked.data) } else { marked.data })
        });
        let expressions = expressions.collect::<Result<Vec<_>>>()?;
        let mut marked = plan.with_new_exprs(expressions, vec![input])?;
        // A sort and a window hand on all that comes in: the marks stay here.
        if marked.schema().fields().len() != columns.len() {
            marked = LogicalPlanBuilder::from(marked).project(columns.into_iter().map(Expr::Column))?.build()?;
        }
        Ok(Transformed::yes(marked))
    }
}

fn has_exists(expr: &Expr) -> bool {
    expr.exists(|part| Ok(matches!(part, Expr::Exists(_)))).unwrap_or(false)
}

/// The rows with a mark, and the value that it stands for; `None` if the subquery's conditions on outer columns cannot be taken out of it.
fn mark(input: &LogicalPlan, exists: &Exists, aliases: &Arc<AliasGenerator>) -> Result<Option<(LogicalPlan, Expr)>> {
    let alias = aliases.next("__exists");
    let mut pull_up = PullUpCorrelatedExpr::new().with_exists_sub_query(true);
    let rows = exists.subquery.subquery.as_ref().clone().rewrite(&mut pull_up).data()?;
    if !pull_up.can_pull_up {
        return Ok(None);
    }
    let rows = LogicalPlanBuilder::from(rows).alias(alias.clone())?.build()?;
    let own: BTreeSet<&Column> = pull_up.correlated_subquery_cols_map.values().flatten().collect();
    let condition = match conjunction(pull_up.join_filters) {
        None => lit(true),
        Some(condition) => condition
            .transform_up(|part| match part {
                Expr::Column(column) if own.contains(&column) => {
                    Ok(Transformed::yes(Expr::Column(Column::new(Some(alias.clone()), column.name))))
                }
                other => Ok(Transformed::no(other)),
            })
            .data()?,
    };
    // Only what the condition names is of use.
    let used = rows.schema().columns().into_iter().filter(|column| condition.column_refs().contains(column)).map(Expr::Column);
    let used: Vec<Expr> = used.collect();
    let rows = match used.is_empty() {
        true => rows,
        false => LogicalPlanBuilder::from(rows).project(used)?.build()?,
    };
    let joined = LogicalPlanBuilder::from(input.clone()).join_on(rows, JoinType::LeftMark, Some(condition))?.build()?;
    let value = Expr::Column(Column::new(Some(alias), "mark"));
    Ok(Some((joined, if exists.negated { not(value) } else { value })))
}
