//! What a SELECT's columns are called: as DataFusion wants it, each with a name of its own.

use arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast::{Expr, Ident, SelectItem};

use super::ast::quoted;
use super::scope::{Column, Columns, OutputColumn, same};

/// An item of a list whose names are resolved.
#[derive(Debug)]
pub(super) enum Item {
    /// An expression and what it is called.
    Expression {
        expr: Expr,
        name: String,
        data_type: Option<DataType>,
        /// Whether the query names it.
        is_named: bool,
    },
    /// A column that only the planner knows.
    Unknown(Expr),
    /// `*` of something that only the planner knows.
    Other(Box<SelectItem>),
}

impl Item {
    pub(super) fn column(column: Column) -> Self {
        Self::Expression { expr: column.expr, name: column.name, data_type: column.data_type, is_named: false }
    }

    pub(super) fn unknown(expr: Expr) -> Self {
        Self::Unknown(expr)
    }

    /// What it is called.
    pub(super) fn name(&self) -> Option<String> {
        match self {
            Self::Expression { name, .. } => Some(name.clone()),
            Self::Unknown(Expr::Identifier(ident)) => Some(as_planned(ident)),
            Self::Unknown(Expr::CompoundIdentifier(parts)) => parts.last().map(as_planned),
            Self::Unknown(_) | Self::Other(_) => None,
        }
    }

    pub(super) fn into_select_item(self) -> SelectItem {
        match self {
            Self::Expression { expr, name, .. } => match &expr {
                Expr::Identifier(ident) if ident.value == name => SelectItem::UnnamedExpr(expr),
                Expr::CompoundIdentifier(parts) if parts.last().is_some_and(|last| last.value == name) => SelectItem::UnnamedExpr(expr),
                _ => SelectItem::ExprWithAlias { expr, alias: quoted(&name) },
            },
            Self::Unknown(expr) => SelectItem::UnnamedExpr(expr),
            Self::Other(item) => *item,
        }
    }
}

/// A name as DataFusion sees it: lower case unless quoted.
fn as_planned(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

/// The columns of a list, where all are known.
pub(super) fn columns(items: &[Item]) -> Columns {
    let columns = items.iter().map(|item| {
        let data_type = match item {
            Item::Expression { data_type, .. } => data_type.clone(),
            Item::Unknown(_) | Item::Other(_) => None,
        };
        Some(OutputColumn { name: item.name()?, data_type })
    });
    columns.collect()
}

/// Gives the second `x` the name `x_1`, as in DuckDB; tells whether there was one.
pub(super) fn make_unique(items: &mut [Item]) -> bool {
    let mut taken: Vec<String> = items.iter().filter_map(Item::name).collect();
    let mut changed = false;
    for at in 1..items.len() {
        let Some(own) = items[at].name() else { continue };
        if !items[..at].iter().filter_map(Item::name).any(|before| same(&before, &own)) {
            continue;
        }
        let free = (1..).map(|count| format!("{own}_{count}")).find(|name| !taken.iter().any(|taken| same(taken, name)));
        let Some(free) = free else { continue };
        taken.push(free.clone());
        let item = std::mem::replace(&mut items[at], Item::Unknown(super::ast::null()));
        items[at] = match item {
            Item::Expression { expr, data_type, is_named, .. } => Item::Expression { expr, name: free, data_type, is_named },
            Item::Unknown(expr) => Item::Expression { expr, name: free, data_type: None, is_named: true },
            other => other,
        };
        changed = true;
    }
    changed
}
