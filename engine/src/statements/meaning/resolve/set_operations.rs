//! UNION, INTERSECT and EXCEPT; BY NAME is written out, column by column.

use datafusion::sql::sqlparser::ast::{
    Expr, Query, Select, SelectItem, SetExpr, SetOperator, SetQuantifier, TableAlias, TableFactor, TableWithJoins, Values, WindowSpec,
    WindowType,
};

use super::Resolver;
use super::ast::{call, identifier, null, plain_query, quoted};
use super::scope::{Columns, OutputColumn, Scope, same};
use crate::error::{Error, Result};
use crate::statements::meaning::refuse::unsupported;

impl Resolver<'_> {
    /// Resolves both sides; the columns are called as on the left.
    pub(super) fn set_operation(&mut self, body: &mut SetExpr, outer: Option<&Scope<'_>>, is_whole: bool) -> Result<Columns> {
        let SetExpr::SetOperation { op, set_quantifier, left, right } = body else { return Ok(None) };
        let counts = *op != SetOperator::Union && matches!(set_quantifier, SetQuantifier::All);
        let by_name = matches!(set_quantifier, SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName);
        let left_columns = self.body(left, outer, is_whole && !by_name)?;
        let right_columns = self.body(right, outer, false)?;
        if counts {
            let columns = left_columns.clone().filter(|_| right_columns.is_some());
            let Some(columns) = columns else {
                return Err(unsupported(format!("{op} ALL of a function whose columns are not known before it is planned")));
            };
            number_twins(left, &columns);
            number_twins(right, &right_columns.unwrap_or_default());
            *set_quantifier = SetQuantifier::None;
            let whole = std::mem::replace(body, nothing());
            *body = SetExpr::Select(Box::new(select_from(
                plain_query(whole),
                columns.iter().map(|column| SelectItem::UnnamedExpr(identifier(&column.name))).collect(),
            )));
            return Ok(Some(columns));
        }
        if !by_name {
            if let (Some(left), Some(right)) = (&left_columns, &right_columns)
                && left.len() != right.len()
            {
                return Err(Error::invalid(format!("{op}: the left side has {} columns, the right side {}", left.len(), right.len()))
                    .with_hint("UNION BY NAME matches columns by their names and fills up with NULL"));
            }
            return Ok(left_columns);
        }
        let (Some(left_columns), Some(right_columns)) = (left_columns, right_columns) else {
            return Err(Error::unsupported("UNION BY NAME of a function whose columns are not known before it is planned")
                .with_hint("name the columns in a query around the function"));
        };
        let mut columns = left_columns.clone();
        columns.extend(right_columns.iter().filter(|column| !left_columns.iter().any(|other| same(&other.name, &column.name))).cloned());
        if *op == SetOperator::Union {
            *set_quantifier = match set_quantifier {
                SetQuantifier::AllByName => SetQuantifier::All,
                _ => SetQuantifier::None,
            };
        }
        in_order(left, &left_columns, &columns);
        in_order(right, &right_columns, &columns);
        Ok(Some(columns))
    }
}

/// INTERSECT ALL and EXCEPT ALL count equal rows: with a number behind each, rows are told apart, and the n-th meets the n-th of the other side.
fn number_twins(side: &mut SetExpr, columns: &[OutputColumn]) {
    let partition_by = columns.iter().map(|column| identifier(&column.name)).collect();
    let mut number = call("row_number", vec![]);
    if let Expr::Function(function) = &mut number {
        function.over = Some(WindowType::WindowSpec(WindowSpec { window_name: None, partition_by, order_by: vec![], window_frame: None }));
    }
    let mut items: Vec<SelectItem> = columns.iter().map(|column| SelectItem::UnnamedExpr(identifier(&column.name))).collect();
    items.push(SelectItem::ExprWithAlias { expr: number, alias: quoted("__number") });
    let inner = std::mem::replace(side, nothing());
    *side = SetExpr::Select(Box::new(select_from(plain_query(inner), items)));
}

/// What is left where a body was taken out.
fn nothing() -> SetExpr {
    SetExpr::Values(Values { explicit_row: false, value_keyword: false, rows: vec![] })
}

/// The side's columns in the order of all, NULL for those that it lacks.
fn in_order(side: &mut SetExpr, own: &[OutputColumn], all: &[OutputColumn]) {
    let items = all.iter().map(|column| {
        let expr = match own.iter().find(|own| same(&own.name, &column.name)) {
            Some(own) => identifier(&own.name),
            None => null(),
        };
        SelectItem::ExprWithAlias { expr, alias: quoted(&column.name) }
    });
    let items = items.collect();
    let inner = std::mem::replace(side, nothing());
    *side = SetExpr::Select(Box::new(select_from(plain_query(inner), items)));
}

/// `SELECT items FROM (query) AS side`.
fn select_from(query: Query, items: Vec<SelectItem>) -> Select {
    let alias = TableAlias { explicit: true, name: quoted("side"), columns: vec![], at: None };
    let relation = TableFactor::Derived { lateral: false, subquery: Box::new(query), alias: Some(alias), sample: None };
    super::ast::select(items, vec![TableWithJoins { relation, joins: vec![] }], None::<Expr>)
}
