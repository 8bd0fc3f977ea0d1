//! `VALUES`: each column has the type in which its rows meet, as in a UNION. DataFusion makes decimals of DOUBLEs and decimals, and knows no type of others.

use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::planner::RelationPlannerContext;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::Values;

use crate::semantics::{in_type, of_rows};

/// Plans the rows.
pub(super) fn plan(values: &Values, context: &mut dyn RelationPlannerContext) -> Result<LogicalPlan> {
    let schema = DFSchema::empty();
    let mut rows = Vec::with_capacity(values.rows.len());
    for row in &values.rows {
        let cells = row.content.iter().map(|cell| context.sql_to_expr(cell.clone(), &schema)).collect::<Result<Vec<Expr>>>()?;
        rows.push(cells);
    }
    let width = rows.first().map_or(0, Vec::len);
    // Rows of different lengths are DataFusion's to refuse.
    if rows.iter().all(|row| row.len() == width) {
        for column in 0..width {
            let cells: Vec<&Expr> = rows.iter().map(|row| &row[column]).collect();
            let Some(common) = of_rows(&cells, &schema) else { continue };
            for row in &mut rows {
                row[column] = in_type(std::mem::take(&mut row[column]), &common, &schema);
            }
        }
    }
    LogicalPlanBuilder::values(rows)?.build()
}
