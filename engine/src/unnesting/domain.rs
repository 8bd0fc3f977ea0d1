//! The values that a subquery's outer columns have, each combination once: what the subquery is computed for.

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, DFSchema, Result, TableReference};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

/// See the module.
pub(super) struct Domain<'a> {
    /// The rows beside which the subquery stands.
    pub(super) outer: &'a LogicalPlan,
    /// Its columns that the subquery names.
    pub(super) columns: Vec<Column>,
    /// Names that were given.
    pub(super) names: &'a mut usize,
}

/// A plan that has been computed for all values at once: behind its own columns are those of the domain.
pub(super) struct Pushed {
    pub(super) plan: LogicalPlan,
    /// The columns of the domain, in the domain's order.
    pub(super) keys: Vec<Column>,
    /// Whether none of them is ever NULL.
    pub(super) not_null: bool,
}

impl Domain<'_> {
    /// Names that no other column of the statement has.
    pub(super) fn fresh(&mut self) -> Vec<String> {
        *self.names += 1;
        (0..self.columns.len()).map(|at| format!("__outer_{}_{at}", self.names)).collect()
    }

    /// A name that no other column of the statement has.
    pub(super) fn fresh_name(&mut self, what: &str) -> String {
        *self.names += 1;
        format!("__{what}_{}", self.names)
    }

    /// The values as a relation of their own.
    pub(super) fn values(&mut self) -> Result<Pushed> {
        let names = self.fresh();
        let columns: Vec<Expr> = self.columns.iter().zip(&names).map(|(column, name)| Expr::Column(column.clone()).alias(name)).collect();
        let plan = LogicalPlanBuilder::from(self.outer.clone()).project(columns)?.distinct()?.build()?;
        Ok(Pushed { plan, keys: names.into_iter().map(Column::new_unqualified).collect(), not_null: false })
    }

    /// An expression with the domain's columns in place of the outer ones.
    pub(super) fn within(&self, expr: Expr, keys: &[Column]) -> Result<Expr> {
        expr.transform(|part| match &part {
            Expr::OuterReferenceColumn(_, column) => match self.columns.iter().position(|own| own == column) {
                Some(at) => Ok(Transformed::yes(Expr::Column(keys[at].clone()))),
                None => Ok(Transformed::no(part)),
            },
            _ => Ok(Transformed::no(part)),
        })
        .data()
    }

    /// The same, called as in a schema: what stands above goes by that.
    pub(super) fn named_within(&self, expr: Expr, keys: &[Column], (relation, name): (Option<&TableReference>, &str)) -> Result<Expr> {
        let replaced = self.within(expr.clone(), keys)?;
        Ok(if replaced == expr { expr } else { replaced.alias_qualified(relation.cloned(), name) })
    }
}

/// A schema's columns, as expressions.
pub(super) fn all(schema: &DFSchema) -> Vec<Expr> {
    schema.columns().into_iter().map(Expr::Column).collect()
}

/// Columns as expressions.
pub(super) fn exprs(columns: &[Column]) -> Vec<Expr> {
    columns.iter().cloned().map(Expr::Column).collect()
}
