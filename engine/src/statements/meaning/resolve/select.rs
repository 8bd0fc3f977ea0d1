//! One SELECT: its FROM, then what it lists, then the clauses that may use what it lists.

use std::ops::ControlFlow;

use arrow::datatypes::{DataType, Field};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Distinct, Expr, GroupByExpr, Ident, OrderBy, OrderByKind, Select, SelectItem, Visit, Visitor,
};

use super::ast::{position, quoted, take};
use super::expressions::{Alias, Aliases, Use, has_aggregate, of_session};
use super::output::{self, Item};
use super::scope::{Column, Columns, OutputColumn, Scope};
use super::{Resolver, grouping_sets, windows, written};
use crate::error::{Error, Result};
use crate::statements::syntax::pivot_syntax::names;

impl Resolver<'_> {
    /// Resolves a SELECT and the ORDER BY behind it; `is_whole` tells that its columns are the statement's result.
    pub(super) fn select(
        &mut self,
        select: &mut Select,
        mut order_by: Option<&mut OrderBy>,
        outer: Option<&Scope<'_>>,
        is_whole: bool,
    ) -> Result<Columns> {
        windows::write_out(select, order_by.as_deref_mut(), self.state.config_options())?;
        grouping_sets::standardize(select)?;
        let scope = self.from(&mut select.from, outer)?;
        self.unpack_columns(&mut select.projection, &scope)?;
        if let Some(selection) = &mut select.selection {
            self.unpack_columns(selection, &scope)?;
        }
        let listed = std::mem::take(&mut select.projection);
        let listed = self.without_stars(listed, &scope)?;
        if let [SelectItem::Wildcard(_)] = listed.as_slice() {
            select.projection = listed;
            let columns = all_columns(&scope);
            self.clauses(select, order_by, &scope, &mut Aliases::default(), &columns)?;
            return Ok(columns);
        }
        let mut aliases = Aliases::default();
        let mut items = Vec::with_capacity(listed.len());
        for item in listed {
            items.push(self.item(item, &scope, &mut aliases)?);
        }
        let columns = output::columns(&items);
        let written: Vec<Option<String>> = items.iter().map(Item::name).collect();
        let renamed = output::make_unique(&mut items);
        if is_whole && let (Some(columns), true) = (&columns, renamed) {
            self.names = Some(columns.iter().map(|column| column.name.clone()).collect());
        }
        let columns = match renamed {
            true => output::columns(&items),
            false => columns,
        };
        if let Some(order_by) = order_by.as_deref() {
            self.uncover(order_by, &mut items, &scope)?;
        }
        let mut aliases = aliases_of(&items, written);
        aliases.is_reduced = select.distinct.is_some() || aliases.items.iter().any(|alias| has_aggregate(self.state, &alias.expr));
        aliases.takes_first = matches!(select.distinct, Some(Distinct::On(_)));
        select.projection = items.into_iter().map(Item::into_select_item).collect();
        self.clauses(select, order_by, &scope, &mut aliases, &columns)?;
        Ok(columns)
    }

    /// Where the keys of an ORDER BY name a column that an alias hides, the alias gets another name, which does not: the query is then put into another one,
    /// which gives it its name back.
    fn uncover(&mut self, order_by: &OrderBy, items: &mut [Item], scope: &Scope<'_>) -> Result<()> {
        let OrderByKind::Expressions(keys) = &order_by.kind else { return Ok(()) };
        let named: Vec<Ident> =
            keys.iter().filter(|key| !matches!(key.expr, Expr::Identifier(_))).flat_map(|key| names(&key.expr)).collect();
        let names: Option<Vec<String>> = items.iter().map(Item::name).collect();
        for item in items {
            let Item::Expression { expr, name, is_named: true, .. } = item else { continue };
            let Some(hidden) = named.iter().find(|ident| super::scope::same(&ident.value, name)) else { continue };
            let Ok(Some(column)) = scope.own_column(hidden) else { continue };
            if *expr == column.expr || *expr == column.qualified {
                continue;
            }
            let Some(names) = &names else {
                let error = Error::unsupported(format!("ORDER BY names the column '{}', which an alias of the list hides", hidden.value));
                return Err(error.with_hint("give the alias another name").at(position(hidden)));
            };
            if let Some(free) = (1..).map(|count| format!("{name} {count}")).find(|free| !names.contains(free)) {
                *name = free;
                self.uncovered = Some(names.clone());
            }
        }
        Ok(())
    }

    /// The clauses behind the FROM and the list.
    fn clauses(
        &mut self,
        select: &mut Select,
        order_by: Option<&mut OrderBy>,
        scope: &Scope<'_>,
        aliases: &mut Aliases,
        columns: &Columns,
    ) -> Result<()> {
        if let Some(selection) = &mut select.selection {
            self.columns_in_condition(selection, scope)?;
            self.expression(selection, scope, Some((aliases, Use::Expression)))?;
        }
        if let GroupByExpr::Expressions(exprs, _) = &mut select.group_by {
            for expr in exprs.iter_mut() {
                self.expression(expr, scope, Some((aliases, Use::Name)))?;
            }
            aliases.groups.clone_from(exprs);
        }
        if let Some(having) = &mut select.having {
            self.expression(having, scope, Some((aliases, Use::Behind)))?;
        }
        if let Some(qualify) = &mut select.qualify {
            let how = if aliases.groups.is_empty() { Use::Expression } else { Use::Behind };
            self.expression(qualify, scope, Some((aliases, how)))?;
            with_window(qualify, aliases);
        }
        if let Some(Distinct::On(exprs)) = &mut select.distinct {
            for expr in exprs {
                self.expression(expr, scope, Some((aliases, Use::NameFirst)))?;
            }
        }
        match order_by {
            Some(order_by) => self.order_by(order_by, scope, aliases, columns),
            None => Ok(()),
        }
    }

    /// One item of the list. What follows can use its alias.
    fn item(&mut self, item: SelectItem, scope: &Scope<'_>, aliases: &mut Aliases) -> Result<Item> {
        match item {
            SelectItem::UnnamedExpr(Expr::Identifier(ident)) => match self.plain_name(&ident, scope, aliases)? {
                Some(column) => Ok(Item::column(column)),
                None => Ok(Item::unknown(Expr::Identifier(ident))),
            },
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => match scope.compound(&parts)? {
                Some(column) => Ok(Item::column(column)),
                None => Ok(Item::unknown(Expr::CompoundIdentifier(parts))),
            },
            SelectItem::UnnamedExpr(mut expr) => {
                let name = written(&expr);
                self.expression(&mut expr, scope, Some((aliases, Use::Expression)))?;
                Ok(Item::Expression { expr, name, data_type: None, is_named: false })
            }
            SelectItem::ExprWithAlias { mut expr, alias } => {
                let data_type = match &expr {
                    Expr::Identifier(ident) => self.plain_name(ident, scope, aliases)?.and_then(|column| column.data_type),
                    Expr::CompoundIdentifier(parts) => scope.compound(parts)?.and_then(|column| column.data_type),
                    Expr::Dictionary(_) => Some(written_type(&expr)),
                    _ => None,
                };
                self.expression(&mut expr, scope, Some((aliases, Use::Expression)))?;
                let name = alias.value.clone();
                aliases.items.push(Alias { name: name.clone(), expr: expr.clone(), is_named: true, planned: name });
                Ok(Item::Expression { expr, name: alias.value, data_type, is_named: true })
            }
            other => Ok(Item::Other(Box::new(other))),
        }
    }

    /// What a bare name in the list means: a column of the FROM, an alias before it, a column of a query around.
    fn plain_name(&mut self, ident: &Ident, scope: &Scope<'_>, aliases: &Aliases) -> Result<Option<Column>> {
        if let Some(column) = scope.own_column(ident)? {
            return Ok(Some(column));
        }
        let mut expr = Expr::Identifier(ident.clone());
        let alias = aliases.items.iter().rfind(|alias| super::scope::same(&alias.name, &ident.value)).map(|alias| alias.name.clone());
        match alias {
            Some(name) => {
                self.expression(&mut expr, scope, Some((aliases, Use::Expression)))?;
                let expr = take(&mut expr);
                Ok(Some(Column { qualified: expr.clone(), expr, name, data_type: None }))
            }
            None => match of_session(ident, scope) {
                Some(expr) => Ok(Some(Column { qualified: expr.clone(), expr, name: ident.value.clone(), data_type: None })),
                None => scope.name(ident),
            },
        }
    }
}

/// The type of a struct that is written out; what is not known of it without planning is NULL's.
fn written_type(expr: &Expr) -> DataType {
    match expr {
        Expr::Dictionary(fields) => {
            DataType::Struct(fields.iter().map(|field| Field::new(&field.key.value, written_type(&field.value), true)).collect())
        }
        _ => DataType::Null,
    }
}

/// DataFusion wants a window function in QUALIFY, which may be about columns alone where the list has one: it is named, and says nothing.
fn with_window(qualify: &mut Expr, aliases: &Aliases) {
    if window_in(qualify).is_some() {
        return;
    }
    let Some(window) = aliases.items.iter().find_map(|alias| window_in(&alias.expr)) else { return };
    let is_null = Expr::IsNull(Box::new(window.clone()));
    let either = Expr::BinaryOp { left: Box::new(is_null), op: BinaryOperator::Or, right: Box::new(Expr::IsNotNull(Box::new(window))) };
    *qualify = Expr::BinaryOp {
        left: Box::new(Expr::Nested(Box::new(take(qualify)))),
        op: BinaryOperator::And,
        right: Box::new(Expr::Nested(Box::new(either))),
    };
}

/// The first window function of an expression.
fn window_in(expr: &Expr) -> Option<Expr> {
    struct Finder(Option<Expr>);
    impl Visitor for Finder {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Function(function) if function.over.is_some() => {
                    self.0 = Some(expr.clone());
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    let mut finder = Finder(None);
    let _ = expr.visit(&mut finder);
    finder.0
}

/// What a SELECT's items can be called by behind its list: those without an alias by their own name, too.
fn aliases_of(items: &[Item], written: Vec<Option<String>>) -> Aliases {
    let aliases = items.iter().zip(written).filter_map(|(item, written)| match item {
        Item::Expression { expr, name, is_named, .. } => {
            Some(Alias { name: written?, expr: expr.clone(), is_named: *is_named, planned: name.clone() })
        }
        Item::Unknown(_) | Item::Other(_) => None,
    });
    Aliases { items: aliases.collect(), ..Aliases::default() }
}

/// The columns that `*` stands for: `None` where one relation's are not known.
pub(super) fn all_columns(scope: &Scope<'_>) -> Columns {
    let mut columns = Vec::new();
    for relation in &scope.relations {
        let own = relation.columns.as_ref()?;
        columns.extend(own.iter().enumerate().filter(|(at, _)| !relation.is_unstarred(*at)).map(|(_, column)| column.clone()));
    }
    Some(columns)
}

/// A column as an item that is called as the column is.
pub(super) fn named_item(expr: Expr, column: &OutputColumn) -> SelectItem {
    match &expr {
        Expr::Identifier(ident) if ident.value == column.name => SelectItem::UnnamedExpr(expr),
        Expr::CompoundIdentifier(parts) if parts.last().is_some_and(|last| last.value == column.name) => SelectItem::UnnamedExpr(expr),
        _ => SelectItem::ExprWithAlias { expr, alias: quoted(&column.name) },
    }
}
