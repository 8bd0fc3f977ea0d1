//! Finds out what each name in a query means, and writes it so that DataFusion cannot take it otherwise.
//!
//! DataFusion makes unquoted names lower case and compares the rest letter by letter. Here a name is found whatever its case, columns keep the case they
//! were given, and results are called what was written. So this walks through the syntax tree with the columns of every relation in mind, and leaves
//! behind quoted names, `*` that is written out where it has to be, and an alias for every expression that had none. It knows names and, for columns of
//! tables, types; where only planning tells which columns there are (functions as tables), names stay as they are.
//!
//! - `tables`: the tables that a statement names, looked up before; `from`: the relations of a FROM; `joins`: USING and NATURAL.
//! - `select`: one SELECT; `windows`: those that have a name; `window_clauses`: what SQL's planner does not take in them; `stars`: `*` and COLUMNS; `unpacked`: `*COLUMNS`; `output`: what columns are called.
//! - `grouping_sets`: what GROUP BY means.
//! - `expressions`: names within expressions, by `scope`.

pub(crate) mod ast;
mod expressions;
mod from;
mod grouping_sets;
mod joins;
mod output;
mod pivots;
mod scope;
mod select;
mod set_operations;
mod stars;
mod tables;
mod unpacked;
mod window_clauses;
mod windows;

use std::ops::ControlFlow;

pub(crate) use window_clauses::{Exclusion, WindowClauses};

use datafusion::execution::session_state::SessionState;
use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    Cte, Expr, LimitClause, ObjectName, OrderBy, OrderByExpr, OrderByKind, Query, SelectItem, SetExpr, SetOperator, Statement, TableAlias,
    TableFactor, TableWithJoins, Value, Values, Visit, VisitMut, Visitor, WildcardAdditionalOptions, With,
};

use super::refuse::unsupported;
use crate::error::{Error, Result};
use crate::statements::meaning::resolve::expressions::{Aliases, Expressions, Use};
use crate::statements::meaning::resolve::scope::{Columns, OutputColumn, Relation, Scope};
use crate::statements::meaning::resolve::tables::Tables;

/// The name of a relation that stands for its query, which is to run once. No table's: nobody begins one so.
pub(crate) const MATERIALIZED: &str = "__materialized";

/// Resolves the names of a statement's queries. Returns what the result's columns are called where a plan, whose names have to differ, cannot say it.
///
/// # Errors
/// *Not found* for a table or a column that is not there, *invalid* for a name of several.
pub(crate) async fn resolve(state: &SessionState, statement: &mut Statement) -> Result<Option<Vec<String>>> {
    let tables = Tables::load(state, statement).await?;
    let mut resolver = Resolver { state, tables: &tables, ctes: Vec::new(), names: None, unnamed: 0, uncovered: None };
    match statement {
        Statement::Query(query) => {
            resolver.query(query, None, true)?;
        }
        Statement::Explain { statement, .. } => {
            if let Statement::Query(query) = statement.as_mut() {
                resolver.query(query, None, true)?;
            }
        }
        _ => {}
    }
    Ok(resolver.names)
}

struct Resolver<'a> {
    state: &'a SessionState,
    tables: &'a Tables,
    /// The WITH queries that can be seen, innermost last.
    ctes: Vec<Named>,
    /// The names of the whole statement's columns, where they are not the plan's.
    names: Option<Vec<String>>,
    /// How many queries of a FROM had no name and got one.
    unnamed: usize,
    /// What the columns of the SELECT are called that was just resolved, where the plan calls them otherwise.
    uncovered: Option<Vec<String>>,
}

/// A WITH query.
struct Named {
    name: String,
    /// What the plan calls it: another name where one around is called so.
    planned: String,
    columns: Columns,
    /// How often it is named.
    uses: usize,
}

impl Resolver<'_> {
    /// Resolves a query; `is_whole` tells that its columns are the result's.
    fn query(&mut self, query: &mut Query, outer: Option<&Scope<'_>>, is_whole: bool) -> Result<Columns> {
        let before = self.ctes.len();
        if let Some(With { cte_tables, recursive, .. }) = &mut query.with {
            for cte in cte_tables {
                let name = &cte.alias.name;
                // One around may be hidden, one beside it may not: which of both would be meant?
                if self.ctes[before..].iter().any(|own| scope::same(&own.name, &name.value)) {
                    return Err(Error::invalid(format!("WITH names two queries '{}'", name.value)).at(ast::position(name)));
                }
                self.cte(cte, *recursive, outer)?;
            }
        }
        let mut uncovered = None;
        let columns = match query.body.as_mut() {
            SetExpr::Select(select) => {
                let columns = self.select(select, query.order_by.as_mut(), outer, is_whole)?;
                uncovered = self.uncovered.take();
                columns
            }
            body => {
                let columns = self.body(body, outer, is_whole)?;
                let scope = Scope { relations: vec![Relation::new(Vec::new(), columns.clone())], outer };
                if let Some(order_by) = &mut query.order_by {
                    self.order_by(order_by, &scope, &Aliases::default(), &columns)?;
                }
                columns
            }
        };
        let constant = Scope::within(None);
        match &mut query.limit_clause {
            Some(LimitClause::LimitOffset { limit, offset, limit_by: _ }) => {
                for expr in limit.iter_mut().chain(offset.as_mut().map(|offset| &mut offset.value)) {
                    self.expression(expr, &constant, None)?;
                }
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
                self.expression(offset, &constant, None)?;
                self.expression(limit, &constant, None)?;
            }
            None => {}
        }
        let own = self.ctes.split_off(before);
        if let Some(With { cte_tables, .. }) = &mut query.with {
            for (cte, Named { uses, .. }) in cte_tables.iter_mut().zip(own) {
                if uses > 1 {
                    run_once(cte);
                }
            }
        }
        if let Some(names) = uncovered {
            called(query, &names);
        }
        Ok(columns)
    }

    /// One query of a WITH; a recursive one sees itself.
    fn cte(&mut self, cte: &mut Cte, recursive: bool, outer: Option<&Scope<'_>>) -> Result<()> {
        let name = cte.alias.name.value.clone();
        let hidden = self.ctes.iter().filter(|around| scope::same(&around.name, &name)).count();
        let planned = if hidden == 0 { name.clone() } else { format!("{name} {}", hidden + 1) };
        let renamed = |columns: Columns, alias: &mut TableAlias| from::with_column_aliases(columns, alias);
        let recursive = recursive && names_relation(&cte.query, &name);
        if recursive && (cte.query.order_by.is_some() || cte.query.limit_clause.is_some()) {
            return Err(unsupported("ORDER BY and LIMIT of a recursive query")
                .with_hint("write them where the query is read")
                .at(ast::position(&cte.alias.name)));
        }
        let columns = match (recursive, cte.query.with.is_none(), cte.query.body.as_mut()) {
            // What it sees of itself are the columns of the rows that it starts with.
            (true, true, SetExpr::SetOperation { op: SetOperator::Union, left, right, .. }) => {
                let first = self.body(left, outer, false)?;
                let columns = renamed(first, &mut cte.alias)?;
                self.ctes.push(Named { name: name.clone(), planned: planned.clone(), columns: columns.clone(), uses: 0 });
                self.body(right, outer, false)?;
                self.ctes.pop();
                columns
            }
            _ => {
                let columns = self.query(&mut cte.query, outer, false)?;
                renamed(columns, &mut cte.alias)?
            }
        };
        cte.alias.name = ast::quoted(&planned);
        self.ctes.push(Named { name, planned, columns, uses: 0 });
        Ok(())
    }

    /// A query's body without its ORDER BY.
    fn body(&mut self, body: &mut SetExpr, outer: Option<&Scope<'_>>, is_whole: bool) -> Result<Columns> {
        match body {
            SetExpr::Select(select) => self.select(select, None, outer, is_whole),
            SetExpr::Query(query) => self.query(query, outer, is_whole),
            SetExpr::SetOperation { .. } => self.set_operation(body, outer, is_whole),
            SetExpr::Values(values) => {
                let scope = Scope::within(outer);
                for row in &mut values.rows {
                    for expr in &mut row.content {
                        self.expression(expr, &scope, None)?;
                    }
                }
                let width = values.rows.first().map_or(0, |row| row.content.len());
                // As a relation it gets its types from `relations`.
                let rows = std::mem::replace(values, Values { explicit_row: false, value_keyword: false, rows: vec![] });
                let relation = TableFactor::Derived {
                    lateral: false,
                    subquery: Box::new(ast::plain_query(SetExpr::Values(rows))),
                    alias: None,
                    sample: None,
                };
                let all = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
                *body = SetExpr::Select(Box::new(ast::select(all, vec![TableWithJoins { relation, joins: vec![] }], None)));
                Ok(Some((1..=width).map(|at| OutputColumn { name: format!("column{at}"), data_type: None }).collect()))
            }
            _ => Ok(None),
        }
    }

    /// Resolves an ORDER BY; ALL means the columns one after the other, by their positions.
    fn order_by(&mut self, order_by: &mut OrderBy, scope: &Scope<'_>, aliases: &Aliases, columns: &Columns) -> Result<()> {
        if let OrderByKind::All(options) = &order_by.kind {
            let Some(columns) = columns else {
                return Err(unsupported("ORDER BY ALL of a function whose columns are not known before it is planned")
                    .with_hint("name the columns to order by"));
            };
            let positions = (1..=columns.len()).map(|at| OrderByExpr {
                expr: Expr::Value(Value::Number(at.to_string(), false).into()),
                options: *options,
                with_fill: None,
            });
            order_by.kind = OrderByKind::Expressions(positions.collect());
        }
        let OrderByKind::Expressions(exprs) = &mut order_by.kind else { return Ok(()) };
        let mut known: Vec<Expr> = Vec::with_capacity(exprs.len());
        for mut key in std::mem::take(exprs) {
            let how = if matches!(key.expr, Expr::Identifier(_)) { Use::NameFirst } else { Use::Order };
            self.expression(&mut key.expr, scope, Some((aliases, how)))?;
            if aliases.takes_first {
                of_first(&mut key.expr, columns)?;
            }
            // A key that comes again says nothing.
            if !known.contains(&key.expr) {
                known.push(key.expr.clone());
                exprs.push(key);
            }
        }
        Ok(())
    }

    /// Resolves the names in an expression, or in any piece of a tree with expressions.
    fn expression(&mut self, node: &mut impl VisitMut, scope: &Scope<'_>, aliases: Option<(&Aliases, Use)>) -> Result<()> {
        Expressions::new(self, scope, aliases).resolve(node)
    }

    /// The columns of a WITH query, its name as it was given, and as the plan has it.
    fn find_cte(&mut self, name: &str) -> Option<(String, String, Columns)> {
        let found = self.ctes.iter_mut().rev().find(|known| scope::same(&known.name, name))?;
        found.uses += 1;
        Some((found.name.clone(), found.planned.clone(), found.columns.clone()))
    }
}

/// A key by which DISTINCT ON finds its first rows: a position by its name, as other keys may be the same, and no query, which DataFusion cannot plan there.
fn of_first(key: &mut Expr, columns: &Columns) -> Result<()> {
    struct Queries;
    impl Visitor for Queries {
        type Break = ();
        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }
    if Visit::visit(key, &mut Queries).is_break() {
        return Err(
            unsupported("a query in the ORDER BY of DISTINCT ON").with_hint("make it a column of a query within, and order by that")
        );
    }
    let position = match key {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse::<usize>().ok(),
            _ => None,
        },
        _ => None,
    };
    if let (Some(position), Some(columns)) = (position, columns)
        && let Some(column) = position.checked_sub(1).and_then(|at| columns.get(at))
    {
        *key = Expr::Identifier(ast::quoted(&column.name));
    }
    Ok(())
}

/// Puts a query, whose list has a name for every column, into another one that calls the columns otherwise.
fn called(query: &mut Query, names: &[String]) {
    let SetExpr::Select(select) = query.body.as_ref() else { return };
    let items = select.projection.iter().zip(names).map(|(item, name)| {
        let planned = match item {
            SelectItem::ExprWithAlias { alias, .. } => alias.clone(),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last().cloned().unwrap_or_else(|| ast::quoted(name)),
            _ => ast::quoted(name),
        };
        SelectItem::ExprWithAlias { expr: Expr::Identifier(planned), alias: ast::quoted(name) }
    });
    let items: Vec<_> = items.collect();
    let empty = ast::plain_query(SetExpr::Values(Values { explicit_row: false, value_keyword: false, rows: vec![] }));
    let inner = std::mem::replace(query, empty);
    let alias = TableAlias { explicit: true, name: ast::quoted("__ordered"), columns: vec![], at: None };
    let relation = TableFactor::Derived { lateral: false, subquery: Box::new(inner), alias: Some(alias), sample: None };
    *query = ast::plain_query(SetExpr::Select(Box::new(ast::select(items, vec![TableWithJoins { relation, joins: vec![] }], None))));
}

/// Marks a WITH query that is named several times: `relations` makes one part of it that runs once, if running it twice could give different rows.
fn run_once(cte: &mut Cte) {
    let query = std::mem::replace(
        cte.query.as_mut(),
        ast::plain_query(SetExpr::Values(Values { explicit_row: false, value_keyword: false, rows: vec![] })),
    );
    let star = || vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
    let from = |relation: TableFactor| vec![TableWithJoins { relation, joins: vec![] }];
    let name = cte.alias.name.value.clone();
    let query = match names_relation(&query, &name) {
        false => query,
        // A recursive query sees itself, so that it stays what it is, within another.
        true => {
            let inner = Cte { query: Box::new(query), ..cte.clone() };
            let table = ast::table(&name);
            let mut all = ast::plain_query(SetExpr::Select(Box::new(ast::select(star(), from(table), None))));
            all.with = Some(With { with_token: AttachedToken::empty(), recursive: true, cte_tables: vec![inner] });
            cte.alias.columns.clear();
            all
        }
    };
    let alias = TableAlias { explicit: true, name: ast::quoted(MATERIALIZED), columns: vec![], at: None };
    let marked = TableFactor::Derived { lateral: false, subquery: Box::new(query), alias: Some(alias), sample: None };
    *cte.query = ast::plain_query(SetExpr::Select(Box::new(ast::select(star(), from(marked), None))));
}

/// Whether a query names a relation.
fn names_relation(query: &Query, name: &str) -> bool {
    struct Finder<'a>(&'a str);
    impl Visitor for Finder<'_> {
        type Break = ();
        fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
            match relation.0.as_slice() {
                [part] if part.as_ident().is_some_and(|ident| scope::same(&ident.value, self.0)) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    query.visit(&mut Finder(name)).is_break()
}

/// What an expression is called that has no alias: as it was written.
fn written(expr: &Expr) -> String {
    match expr {
        Expr::Nested(inner) => written(inner),
        other => other.to_string(),
    }
}
