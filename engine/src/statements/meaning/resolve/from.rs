//! The relations of a FROM: which columns each brings, and by which name.

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Join, JoinConstraint, JoinOperator, ObjectName, Query, SelectItem, SetExpr, TableAlias,
    TableAliasColumnDef, TableFactor, TableFunctionArgs, TableWithJoins, WildcardAdditionalOptions,
};

use super::Resolver;
use super::ast::{call, plain_query, position, quoted, select};
use super::scope::{Columns, OutputColumn, Relation, Scope};
use super::tables::object_name;
use crate::error::{Error, ErrorKind, Result};
use crate::statements::syntax::pivot_syntax::names;

/// Functions as tables whose one column has a known name.
const ONE_COLUMN: [&str; 3] = ["range", "generate_series", "unnest"];

/// Those of them that are functions of lists, too.
const SERIES: [&str; 2] = ["range", "generate_series"];

impl Resolver<'_> {
    /// Resolves a FROM. What stands further left can be seen by what is lateral.
    pub(super) fn from<'a>(&mut self, from: &mut Vec<TableWithJoins>, outer: Option<&'a Scope<'a>>) -> Result<Scope<'a>> {
        let mut scope = Scope::within(outer);
        let mut at = 0;
        while at < from.len() {
            let relations = self.table_with_joins(&mut from[at], &scope)?;
            scope.relations.extend(relations);
            if at > 0 && sees_left(&from[at].relation) {
                let before = from.drain(..at).collect();
                let item = &mut from[0];
                let right = std::mem::replace(&mut item.relation, nothing());
                let join = Join { relation: right, global: false, join_operator: JoinOperator::CrossJoin(JoinConstraint::None) };
                item.relation = bracketed(crossed(before), join);
                at = 0;
            }
            at += 1;
        }
        Ok(scope)
    }

    pub(super) fn table_with_joins(&mut self, item: &mut TableWithJoins, before: &Scope<'_>) -> Result<Vec<Relation>> {
        let mut relations = self.factor(&mut item.relation, before)?;
        for at in 0..item.joins.len() {
            let factor = &mut item.joins[at].relation;
            let right = match sees_nothing(factor) {
                true => self.factor(factor, before)?,
                false => {
                    let relations = before.relations.iter().chain(&relations).cloned().collect();
                    self.factor(factor, &Scope { relations, outer: before.outer })?
                }
            };
            relations = self.join(&mut item.joins[at], relations, right, before.outer)?;
        }
        // What is planned together with its left side gets brackets around both.
        while let Some(at) = item.joins.iter().position(needs_brackets) {
            let rest = item.joins.split_off(at + 1);
            let Some(join) = item.joins.pop() else { break };
            let relation = std::mem::replace(&mut item.relation, nothing());
            let left = TableWithJoins { relation, joins: std::mem::replace(&mut item.joins, rest) };
            item.relation = bracketed(left, join);
        }
        Ok(relations)
    }

    /// One item of a FROM. `lateral` is what it sees if it is lateral; its outer scope is what it sees otherwise.
    pub(super) fn factor(&mut self, factor: &mut TableFactor, lateral: &Scope<'_>) -> Result<Vec<Relation>> {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let (qualifier, planned, columns, hides_last) = self.table(name)?;
                *name = object_name(&planned);
                if let [own] = qualifier.as_slice()
                    && planned != qualifier
                {
                    let own = || TableAlias { explicit: true, name: quoted(own), columns: vec![], at: None };
                    alias.get_or_insert_with(own);
                }
                let unstarred = columns.as_ref().filter(|_| hides_last).and_then(|columns| columns.len().checked_sub(1));
                if let (Some(at), Some(alias)) = (unstarred, alias.as_ref())
                    && alias.columns.len() > at
                {
                    return Err(too_many_names(alias, at));
                }
                let relation = named(qualifier, columns, alias.as_mut())?;
                Ok(vec![Relation { unstarred: unstarred.into_iter().collect(), ..relation }])
            }
            TableFactor::Table { name, alias, args: Some(TableFunctionArgs { args, .. }), .. } => {
                self.arguments(args, lateral)?;
                let relations = function(name, alias)?;
                if let Some(unnested) = series_of_columns(name, args, alias) {
                    *factor = unnested;
                }
                Ok(relations)
            }
            TableFactor::Function { name, args, alias, .. } => {
                self.arguments(args, lateral)?;
                let relations = function(name, alias)?;
                if let Some(unnested) = series_of_columns(name, args, alias) {
                    *factor = unnested;
                }
                Ok(relations)
            }
            TableFactor::Derived { lateral: is_lateral, subquery, alias, .. } => {
                let columns = match is_lateral {
                    true => self.query(subquery, Some(lateral), false)?,
                    false => self.derived(subquery, is_lateral, lateral)?,
                };
                if alias.is_none() {
                    // A name that nobody writes, so that its columns can be told from others of their name.
                    self.unnamed += 1;
                    let name = match self.unnamed {
                        1 => "unnamed_subquery".to_owned(),
                        number => format!("unnamed_subquery{number}"),
                    };
                    *alias = Some(TableAlias { explicit: true, name: quoted(&name), columns: vec![], at: None });
                }
                Ok(vec![named(Vec::new(), columns, alias.as_mut())?])
            }
            TableFactor::UNNEST { alias, array_exprs, with_ordinality, .. } => {
                for expr in array_exprs.iter_mut() {
                    self.expression(expr, lateral, None)?;
                }
                Ok(vec![unnested(alias, array_exprs.len(), *with_ordinality)?])
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => self.table_with_joins(table_with_joins, lateral),
            // Under one name, a join's columns are those of `SELECT *`.
            TableFactor::NestedJoin { table_with_joins, alias: alias @ Some(_) } => {
                let star = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
                let joined = SetExpr::Select(Box::new(select(star, vec![table_with_joins.as_ref().clone()], None)));
                *factor =
                    TableFactor::Derived { lateral: false, subquery: Box::new(plain_query(joined)), alias: alias.take(), sample: None };
                self.factor(factor, lateral)
            }
            TableFactor::Pivot { .. } => {
                *factor = self.pivot(factor, lateral)?;
                self.factor(factor, lateral)
            }
            TableFactor::Unpivot { .. } => {
                *factor = self.unpivot(factor, lateral)?;
                self.factor(factor, lateral)
            }
            _ => Ok(vec![Relation::new(Vec::new(), None)]),
        }
    }

    /// A query in FROM. Behind a comma it may see what stands before it without saying LATERAL, as in DuckDB.
    fn derived(&mut self, subquery: &mut Query, is_lateral: &mut bool, lateral: &Scope<'_>) -> Result<Columns> {
        if lateral.relations.is_empty() {
            return self.query(subquery, lateral.outer, false);
        }
        let (written, ctes) = (subquery.clone(), self.ctes.len());
        let error = match self.query(subquery, lateral.outer, false) {
            Err(error) if error.kind() == ErrorKind::NotFound => error,
            done => return done,
        };
        *subquery = written;
        self.ctes.truncate(ctes);
        let columns = self.query(subquery, Some(lateral), false).map_err(|_| error)?;
        *is_lateral = true;
        Ok(columns)
    }

    /// A table, view or WITH query: its name as it was given, as the plan has it, its columns, and whether `*` leaves out the last one.
    fn table(&mut self, name: &ObjectName) -> Result<(Vec<String>, Vec<String>, Columns, bool)> {
        if let [part] = name.0.as_slice()
            && let Some(ident) = part.as_ident()
            && let Some((name, planned, columns)) = self.find_cte(&ident.value)
        {
            return Ok((vec![name], vec![planned], columns, false));
        }
        let table = self.tables.get(name)?;
        // A temporary table is known by its own name.
        if name.0.len() == 1 && table.name.len() == 3 {
            return Ok((table.name[2..].to_vec(), table.name.clone(), Some(table.columns.clone()), table.hides_last));
        }
        Ok((table.name.clone(), table.name.clone(), Some(table.columns.clone()), table.hides_last))
    }

    fn arguments(&mut self, arguments: &mut Vec<FunctionArg>, lateral: &Scope<'_>) -> Result<()> {
        for argument in arguments {
            self.expression(argument, lateral, None)?;
        }
        Ok(())
    }
}

/// Whether a relation cannot name what stands left of it.
fn sees_nothing(relation: &TableFactor) -> bool {
    matches!(relation, TableFactor::Table { args: None, .. } | TableFactor::Derived { lateral: false, .. })
}

/// Whether a join is planned by us, with its left side (see `relations`).
fn needs_brackets(join: &Join) -> bool {
    matches!(join.join_operator, JoinOperator::AsOf { .. }) || sees_left(&join.relation)
}

/// Whether a relation's rows depend on the row beside which they stand.
fn sees_left(relation: &TableFactor) -> bool {
    match relation {
        TableFactor::UNNEST { array_exprs, .. } => array_exprs.iter().any(|expr| !names(expr).is_empty()),
        // DataFusion plans those that have one.
        TableFactor::Derived { lateral: true, subquery, .. } => {
            matches!(subquery.body.as_ref(), SetExpr::Select(select) if select.from.is_empty())
        }
        _ => false,
    }
}

/// `(left JOIN right)` as one relation.
fn bracketed(left: TableWithJoins, join: Join) -> TableFactor {
    let relation = match left.joins.is_empty() {
        true => left.relation,
        false => TableFactor::NestedJoin { table_with_joins: Box::new(left), alias: None },
    };
    TableFactor::NestedJoin { table_with_joins: Box::new(TableWithJoins { relation, joins: vec![join] }), alias: None }
}

/// Items of a FROM that stand side by side, as one.
fn crossed(items: Vec<TableWithJoins>) -> TableWithJoins {
    let mut items = items.into_iter();
    let mut all = items.next().unwrap_or(TableWithJoins { relation: nothing(), joins: vec![] });
    for item in items {
        let relation = match item.joins.is_empty() {
            true => item.relation,
            false => TableFactor::NestedJoin { table_with_joins: Box::new(item), alias: None },
        };
        all.joins.push(Join { relation, global: false, join_operator: JoinOperator::CrossJoin(JoinConstraint::None) });
    }
    all
}

/// What is left where a relation was taken out.
fn nothing() -> TableFactor {
    TableFactor::UNNEST { alias: None, array_exprs: vec![], with_offset: false, with_offset_alias: None, with_ordinality: false }
}

/// A relation under its alias, if it has one.
fn named(qualifier: Vec<String>, columns: Columns, alias: Option<&mut TableAlias>) -> Result<Relation> {
    let Some(alias) = alias else { return Ok(Relation::new(qualifier, columns)) };
    let columns = with_column_aliases(columns, alias)?;
    let name = alias.name.value.clone();
    alias.name = quoted(&name);
    Ok(Relation::new(vec![name], columns))
}

/// The columns under the names that an alias lists. It may list fewer than there are: the others keep theirs, and are written behind them.
///
/// # Errors
/// *Invalid* for more names than columns.
pub(super) fn with_column_aliases(columns: Columns, alias: &mut TableAlias) -> Result<Columns> {
    if alias.columns.is_empty() {
        return Ok(columns);
    }
    let listed = alias.columns.len();
    for column in &mut alias.columns {
        column.name = quoted(&column.name.value.clone());
    }
    let names = |alias: &TableAlias| alias.columns.iter().map(|column| column.name.value.clone()).collect::<Vec<_>>();
    let Some(mut columns) = columns else {
        return Ok(Some(names(alias).into_iter().map(|name| OutputColumn { name, data_type: None }).collect()));
    };
    if listed > columns.len() {
        return Err(too_many_names(alias, columns.len()));
    }
    for (column, name) in columns.iter_mut().zip(names(alias)) {
        column.name = name;
    }
    let rest = columns[listed..].iter().map(|column| TableAliasColumnDef { name: quoted(&column.name), data_type: None });
    alias.columns.extend(rest.collect::<Vec<_>>());
    Ok(Some(columns))
}

fn too_many_names(alias: &TableAlias, columns: usize) -> Error {
    let (name, listed) = (&alias.name, alias.columns.len());
    Error::invalid(format!("'{}' has {columns} columns, and {listed} names are given", name.value)).at(position(name))
}

/// A function as a table: for some it is known what their column is called.
fn function(name: &ObjectName, alias: &mut Option<TableAlias>) -> Result<Vec<Relation>> {
    let function = name.to_string().to_ascii_lowercase();
    let columns = ONE_COLUMN.contains(&function.as_str()).then(|| vec![OutputColumn { name: function.clone(), data_type: None }]);
    if columns.is_some() {
        return Ok(vec![one_column(alias, &function)?]);
    }
    Ok(vec![named(vec![function], columns, alias.as_mut())?])
}

/// `range(t.n)`, which differs from row to row: the items of the list that `range` is as a function.
fn series_of_columns(name: &ObjectName, arguments: &[FunctionArg], alias: &mut Option<TableAlias>) -> Option<TableFactor> {
    let function = name.to_string().to_ascii_lowercase();
    let exprs = arguments.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    });
    let exprs: Vec<Expr> = exprs.collect::<Option<_>>()?;
    if !SERIES.contains(&function.as_str()) || exprs.iter().all(|expr| names(expr).is_empty()) {
        return None;
    }
    let list = call(&function, exprs);
    Some(TableFactor::UNNEST {
        alias: alias.take(),
        array_exprs: vec![list],
        with_offset: false,
        with_offset_alias: None,
        with_ordinality: false,
    })
}

/// `range(3) AS r(i)`, `range(3) AS r`, `range(3)`: the column is called `i`, else as the function, whatever DataFusion would call it.
fn one_column(alias: &mut Option<TableAlias>, function: &str) -> Result<Relation> {
    let alias = alias.get_or_insert_with(|| TableAlias { explicit: true, name: quoted(function), columns: Vec::new(), at: None });
    if alias.columns.is_empty() {
        alias.columns.push(TableAliasColumnDef { name: quoted(function), data_type: None });
    }
    let columns = vec![OutputColumn { name: function.to_owned(), data_type: None }];
    named(Vec::new(), Some(columns), Some(alias))
}

/// UNNEST of one array or several: one column each.
fn unnested(alias: &mut Option<TableAlias>, arrays: usize, with_ordinality: bool) -> Result<Relation> {
    if arrays == 1 && !with_ordinality {
        return one_column(alias, "unnest");
    }
    let alias = alias.get_or_insert_with(|| TableAlias { explicit: true, name: quoted("unnest"), columns: Vec::new(), at: None });
    let names = (0..arrays).map(|at| if at == 0 { "unnest".to_owned() } else { format!("unnest_{at}") });
    let names = names.chain(with_ordinality.then(|| "ordinality".to_owned()));
    let columns: Vec<OutputColumn> = names.map(|name| OutputColumn { name, data_type: None }).collect();
    if alias.columns.is_empty() {
        alias.columns = columns.iter().map(|column| TableAliasColumnDef { name: quoted(&column.name), data_type: None }).collect();
    }
    named(Vec::new(), Some(columns), Some(alias))
}
