//! PIVOT and UNPIVOT as the queries that they mean, which takes the columns of their tables: a pivot groups by all that it does not name.

use std::ops::ControlFlow;

use datafusion::execution::session_state::SessionState;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, ExprWithAlias, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident, NullInclusion,
    PivotValueSource, SelectItem, SetExpr, TableAlias, TableFactor, TableWithJoins, Value, VisitMut, VisitorMut,
};

use super::Resolver;
use super::ast::{call, identifier, plain_query, position, quoted, select, take, text};
use super::scope::{OutputColumn, Scope, same};
use crate::error::{Error, Result};
use crate::nearest;
use crate::statements::meaning::refuse::unsupported;
use crate::statements::syntax::pivot_syntax::names;
use crate::statements::syntax::tokens::PIVOT_EXPRESSION;

/// The columns that an UNPIVOT makes, while it is made.
const NAME: &str = "__name";
const VALUE: &str = "__value";

impl Resolver<'_> {
    /// The query that a PIVOT means.
    pub(super) fn pivot(&mut self, factor: &mut TableFactor, lateral: &Scope<'_>) -> Result<TableFactor> {
        let TableFactor::Pivot { table, aggregate_functions, value_column, value_source, default_on_null, alias } = factor else {
            return Err(Error::internal("no PIVOT"));
        };
        if default_on_null.is_some() {
            return Err(unsupported("DEFAULT ON NULL of a PIVOT").with_hint("coalesce(...) around the columns"));
        }
        let PivotValueSource::List(values) = value_source else {
            return Err(unsupported("a PIVOT whose columns are not listed, in a view").with_hint("list the values with IN (...)"));
        };
        let used: Vec<Ident> =
            value_column.iter().chain(aggregate_functions.iter().map(|function| &function.expr)).flat_map(names).collect();
        let columns = self.columns_of(table, lateral, "PIVOT", &used)?;
        check(&columns, &used)?;
        let groups: Vec<Expr> = columns
            .iter()
            .filter(|column| !used.iter().any(|used| same(&used.value, &column.name)))
            .map(|column| identifier(&column.name))
            .collect();
        let mut items: Vec<SelectItem> = groups.iter().cloned().map(SelectItem::UnnamedExpr).collect();
        for value in values.iter() {
            let condition = condition(value_column, &value.expr)?;
            let value_name = value.alias.as_ref().map_or_else(|| name_of(&value.expr), |alias| alias.value.clone());
            for function in aggregate_functions.iter() {
                let name = match (&function.alias, aggregate_functions.len()) {
                    (Some(alias), _) => format!("{value_name}_{}", alias.value),
                    (None, 1) => value_name.clone(),
                    (None, _) => format!("{value_name}_{}", within(&function.expr)),
                };
                items.push(SelectItem::ExprWithAlias { expr: self.filtered(&function.expr, &condition)?, alias: quoted(&name) });
            }
        }
        let mut query = select(items, vec![TableWithJoins { relation: table.as_ref().clone(), joins: vec![] }], None);
        query.group_by = GroupByExpr::Expressions(groups, vec![]);
        Ok(derived(SetExpr::Select(Box::new(query)), alias.take()))
    }

    /// The query that an UNPIVOT means: lists of the columns' names and values, side by side, one row for each item.
    pub(super) fn unpivot(&mut self, factor: &mut TableFactor, lateral: &Scope<'_>) -> Result<TableFactor> {
        let TableFactor::Unpivot { table, value, name, columns, null_inclusion, alias } = factor else {
            return Err(Error::internal("no UNPIVOT"));
        };
        let values: Vec<&Ident> = match &*value {
            Expr::Identifier(value) => vec![value],
            Expr::Tuple(parts) => {
                let values = parts.iter().map(|part| match part {
                    Expr::Identifier(value) => Some(value),
                    _ => None,
                });
                values.collect::<Option<_>>().ok_or_else(|| Error::invalid(format!("UNPIVOT into {value}: names are wanted")))?
            }
            _ => return Err(Error::invalid(format!("UNPIVOT into {value}: a name is wanted"))),
        };
        let all = self.columns_of(table, lateral, "UNPIVOT", &[])?;
        // Each with what it is called in the end.
        let mut unpivoted: Vec<(Vec<String>, String)> = Vec::new();
        for ExprWithAlias { expr, alias } in columns.iter() {
            match expr {
                Expr::Tuple(parts) => {
                    let mut group = Vec::new();
                    for part in parts {
                        group.extend(self.unpivoted(part, &all)?);
                    }
                    let shown = alias.as_ref().map_or_else(|| group.join("_"), |alias| alias.value.clone());
                    unpivoted.push((group, shown));
                }
                expr => {
                    for column in self.unpivoted(expr, &all)? {
                        let shown = alias.as_ref().map_or(column.clone(), |alias| alias.value.clone());
                        unpivoted.push((vec![column], shown));
                    }
                }
            }
        }
        if let Some((group, _)) = unpivoted.iter().find(|(group, _)| group.len() != values.len()) {
            return Err(Error::invalid(format!("UNPIVOT of {} into {} columns of values", group.join(", "), values.len()))
                .with_hint("each group has as many columns as there are behind VALUE"));
        }
        let is_turned = |column: &str| unpivoted.iter().any(|(group, _)| group.iter().any(|name| name == column));
        let others: Vec<&str> = all.iter().map(|column| column.name.as_str()).filter(|column| !is_turned(column)).collect();
        let mut items: Vec<SelectItem> = others.iter().map(|column| SelectItem::UnnamedExpr(identifier(column))).collect();
        let value_name = |at: usize| format!("{VALUE}_{at}");
        let mut lists = vec![(call("make_array", unpivoted.iter().map(|(_, shown)| text(shown)).collect()), NAME.to_owned())];
        for at in 0..values.len() {
            let list = unpivoted.iter().filter_map(|(group, _)| group.get(at)).map(|column| identifier(column));
            lists.push((call("make_array", list.collect()), value_name(at)));
        }
        for (list, name) in lists {
            items.push(SelectItem::ExprWithAlias { expr: call("unnest", vec![list]), alias: quoted(&name) });
        }
        let rows = select(items, vec![TableWithJoins { relation: table.as_ref().clone(), joins: vec![] }], None);
        let inner = derived(
            SetExpr::Select(Box::new(rows)),
            Some(TableAlias { explicit: true, name: quoted("unpivoted"), columns: vec![], at: None }),
        );
        // Until here the new columns have names that the table's others do not have.
        let mut items: Vec<SelectItem> = others.iter().map(|column| SelectItem::UnnamedExpr(identifier(column))).collect();
        items.push(SelectItem::ExprWithAlias { expr: identifier(NAME), alias: quoted(&name.value) });
        for (at, value) in values.iter().enumerate() {
            items.push(SelectItem::ExprWithAlias { expr: identifier(&value_name(at)), alias: quoted(&value.value) });
        }
        // Rows of which a value is not there are left out.
        let there = (0..values.len()).map(|at| Expr::IsNotNull(Box::new(identifier(&value_name(at)))));
        let there = there.reduce(|one, other| Expr::BinaryOp { left: Box::new(one), op: BinaryOperator::And, right: Box::new(other) });
        let not_null = there.filter(|_| *null_inclusion != Some(NullInclusion::IncludeNulls));
        let query = select(items, vec![TableWithJoins { relation: inner, joins: vec![] }], not_null);
        Ok(derived(SetExpr::Select(Box::new(query)), alias.take()))
    }

    /// The columns of the table that is turned: those of its `*`, and those that are named.
    fn columns_of(&mut self, table: &TableFactor, lateral: &Scope<'_>, what: &str, named: &[Ident]) -> Result<Vec<OutputColumn>> {
        let mut probe = table.clone();
        let relations = self.factor(&mut probe, lateral)?;
        let columns: Option<Vec<Vec<OutputColumn>>> = relations.into_iter().map(|relation| relation.starred_or_named(named)).collect();
        columns.map(|columns| columns.into_iter().flatten().collect()).ok_or_else(|| {
            unsupported(format!("{what} of a function whose columns are not known before it is planned"))
                .with_hint("name its columns in a query around it")
        })
    }

    /// The columns that an item of UNPIVOT's list means.
    fn unpivoted(&mut self, expr: &Expr, all: &[OutputColumn]) -> Result<Vec<String>> {
        if let Expr::Identifier(ident) = expr {
            check(all, std::slice::from_ref(ident))?;
            return Ok(all.iter().filter(|column| same(&column.name, &ident.value)).map(|column| column.name.clone()).collect());
        }
        let relation = super::scope::Relation::new(Vec::new(), Some(all.to_vec()));
        let scope = Scope { relations: vec![relation], outer: None };
        let items = self.without_stars(vec![SelectItem::UnnamedExpr(expr.clone())], &scope)?;
        items
            .into_iter()
            .map(|item| match item {
                SelectItem::UnnamedExpr(Expr::Identifier(ident)) => Ok(ident.value),
                other => Err(unsupported(format!("UNPIVOT of {other}")).with_hint("name columns, or write COLUMNS(...)")),
            })
            .collect()
    }
}

fn check(columns: &[OutputColumn], used: &[Ident]) -> Result<()> {
    for ident in used {
        if !columns.iter().any(|column| same(&column.name, &ident.value)) {
            let known: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let error = Error::not_found(format!("there is no column '{}'", ident.value)).at(position(ident));
            return Err(error.with_hint(
                nearest::hint(&ident.value, known.iter().copied())
                    .unwrap_or_else(|| format!("the columns are {}", nearest::shortened(&known))),
            ));
        }
    }
    Ok(())
}

fn derived(body: SetExpr, alias: Option<TableAlias>) -> TableFactor {
    TableFactor::Derived { lateral: false, subquery: Box::new(plain_query(body)), alias, sample: None }
}

/// What a value's column is called.
fn name_of(value: &Expr) -> String {
    match value {
        Expr::Value(value) => value.value.clone().into_string().unwrap_or_else(|| value.to_string()),
        other => other.to_string(),
    }
}

/// Whether a row has the value of a column of the pivot.
fn condition(columns: &[Expr], value: &Expr) -> Result<Expr> {
    let equal = |column: &Expr, value: &Expr| match value {
        Expr::Value(literal) if literal.value == Value::Null => Expr::IsNull(Box::new(column.clone())),
        value => Expr::BinaryOp { left: Box::new(column.clone()), op: BinaryOperator::Eq, right: Box::new(value.clone()) },
    };
    let parts = match (columns, value) {
        ([column], value) => return Ok(equal(column, value)),
        (_, Expr::Tuple(parts)) if parts.len() == columns.len() => parts,
        _ => return Err(Error::invalid(format!("a PIVOT by {} columns has the value {value}", columns.len()))),
    };
    let all = columns.iter().zip(parts).map(|(column, part)| equal(column, part));
    let all = all.reduce(|left, right| Expr::BinaryOp { left: Box::new(left), op: BinaryOperator::And, right: Box::new(right) });
    all.ok_or_else(|| Error::invalid("a PIVOT needs a column"))
}

/// The expression that was written, where a call stands for it.
fn within(expr: &Expr) -> &Expr {
    let Expr::Function(function) = expr else { return expr };
    match &function.args {
        FunctionArguments::List(list) if function.name.to_string() == PIVOT_EXPRESSION => match list.args.as_slice() {
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(inner))] => inner,
            _ => expr,
        },
        _ => expr,
    }
}

impl Resolver<'_> {
    /// The aggregate over the rows that meet a condition, or an expression with one aggregate.
    fn filtered(&self, expr: &Expr, condition: &Expr) -> Result<Expr> {
        struct Filter<'a> {
            state: &'a SessionState,
            condition: &'a Expr,
            found: usize,
        }
        impl VisitorMut for Filter<'_> {
            type Break = ();
            fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
                if let Expr::Function(function) = expr
                    && self.state.aggregate_functions().contains_key(&function.name.to_string().to_lowercase())
                {
                    self.found += 1;
                    let filter = function.filter.take().map(|mut filter| Expr::BinaryOp {
                        left: Box::new(Expr::Nested(Box::new(take(&mut filter)))),
                        op: BinaryOperator::And,
                        right: Box::new(Expr::Nested(Box::new(self.condition.clone()))),
                    });
                    function.filter = Some(Box::new(filter.unwrap_or_else(|| self.condition.clone())));
                }
                ControlFlow::Continue(())
            }
        }
        let mut value = within(expr).clone();
        let mut filter = Filter { state: self.state, condition, found: 0 };
        let _ = VisitMut::visit(&mut value, &mut filter);
        match filter.found {
            1 => Ok(value),
            found => Err(Error::invalid(format!("'{}' in a PIVOT has {found} aggregates: it needs one", within(expr)))
                .with_hint("USING takes aggregates as sum(x), or expressions with one")),
        }
    }
}
