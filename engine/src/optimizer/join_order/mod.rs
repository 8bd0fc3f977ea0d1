//! The order of joins, and the side that each builds.
//!
//! A tree of inner joins is taken apart into relations and conditions (`graph`), and put together in the order with the least rows between (`search`, by
//! estimates of `cost`), the smaller side of each join on the left, where DataFusion builds its hash table (`rebuild`). That the answer stays the same:
//!
//! - Inner joins commute and associate, and their conditions, with the filters between them, are one conjunction: a row of the answer is a choice of one row of
//!   each relation for which all conditions are true. Each condition is applied at the first join where all its columns are there.
//! - Equality of keys is transitive (a NULL equals nothing, so none of the keys is NULL), so of keys that are all equal, any two can join.
//! - A semi-join or an anti-join decides about each row of its left side by that row alone. If its conditions name one relation only, it gives the same before
//!   or after any inner join with others.
//! - Outer joins, and joins in which NULL equals NULL, stay where they are; so does what has queries or random numbers in its conditions. Only their sides are
//!   exchanged, with their type, so that the smaller one is built.
//!
//! Before that, grouped subqueries among the relations are kept from making groups that nobody asks for (`grouping`).
//!
//! The tree's columns are given in their old order behind it.

mod cost;
mod graph;
mod grouping;
mod rebuild;
mod search;
mod sides;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::options::{self, OptimizerOptions};
use graph::Graph;

pub(super) use graph::only_leaves_out;

/// The rule. It belongs behind those that move filters to where they are needed.
#[derive(Debug)]
pub(super) struct JoinOrder;

impl OptimizerRule for JoinOrder {
    fn name(&self) -> &str {
        "join_order"
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let options = options::of(&config.options());
        if !options.join_order {
            return Ok(Transformed::no(plan));
        }
        let ordered = ordered(plan, &options)?;
        match ordered.transformed {
            // New joins carry all columns, which are not all needed.
            true => Ok(Transformed::yes(OptimizeProjections::new().rewrite(ordered.data, config)?.data)),
            false => Ok(ordered),
        }
    }
}

/// A plan with all its joins in order.
fn ordered(plan: LogicalPlan, options: &OptimizerOptions) -> Result<Transformed<LogicalPlan>> {
    if let Some(graph) = Graph::of(&plan) {
        return reordered(&plan, graph, options).map(Transformed::yes);
    }
    let below =
        plan.map_subqueries(|plan| ordered(plan, options))?.transform_sibling(|plan| plan.map_children(|plan| ordered(plan, options)))?;
    below.transform_data(sides::smaller_left)
}

fn reordered(plan: &LogicalPlan, mut graph: Graph, options: &OptimizerOptions) -> Result<LogicalPlan> {
    for relation in &mut graph.relations {
        let inner = Arc::unwrap_or_clone(Arc::clone(&relation.plan));
        relation.plan = Arc::new(ordered(inner, options)?.data);
    }
    graph = graph.estimated()?;
    if options.wanted_groups {
        let restricted = grouping::restricted(&graph)?;
        for (relation, plan) in restricted {
            graph.relations[relation].plan = Arc::new(ordered(plan, options)?.data);
            graph = graph.estimated()?;
        }
    }
    let tree = search::best(&graph);
    rebuild::plan(&graph, &tree, plan.schema())
}
