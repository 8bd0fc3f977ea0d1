//! The relations of a FROM: which columns each brings, and by which name.

use datafusion::sql::sqlparser::ast::{
    FunctionArg, ObjectName, TableAlias, TableAliasColumnDef, TableFactor, TableFunctionArgs, TableWithJoins,
};

use super::Resolver;
use super::ast::{position, quoted};
use super::scope::{Columns, OutputColumn, Relation, Scope};
use super::tables::object_name;
use crate::error::{Error, Result};

/// Functions as tables whose one column has a known name.
const ONE_COLUMN: [&str; 3] = ["range", "generate_series", "unnest"];

impl Resolver<'_> {
    /// Resolves a FROM. What stands further left can be seen by what is lateral.
    pub(super) fn from<'a>(&mut self, from: &mut [TableWithJoins], outer: Option<&'a Scope<'a>>) -> Result<Scope<'a>> {
        let mut scope = Scope::within(outer);
        for item in from {
            let relations = self.table_with_joins(item, &scope)?;
            scope.relations.extend(relations);
        }
        Ok(scope)
    }

    pub(super) fn table_with_joins(&mut self, item: &mut TableWithJoins, before: &Scope<'_>) -> Result<Vec<Relation>> {
        let mut relations = self.factor(&mut item.relation, before)?;
        for at in 0..item.joins.len() {
            let lateral = Scope { relations: before.relations.iter().chain(&relations).cloned().collect(), outer: before.outer };
            let right = self.factor(&mut item.joins[at].relation, &lateral)?;
            relations = self.join(&mut item.joins[at], relations, right, before.outer)?;
        }
        Ok(relations)
    }

    /// One item of a FROM. `lateral` is what it sees if it is lateral; its outer scope is what it sees otherwise.
    fn factor(&mut self, factor: &mut TableFactor, lateral: &Scope<'_>) -> Result<Vec<Relation>> {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let (real, columns) = self.table(name)?;
                let qualifier = real.clone();
                *name = object_name(&real);
                Ok(vec![named(qualifier, columns, alias.as_mut())?])
            }
            TableFactor::Table { name, alias, args: Some(TableFunctionArgs { args, .. }), .. } => {
                self.arguments(args, lateral)?;
                function(name, alias)
            }
            TableFactor::Function { name, args, alias, .. } => {
                self.arguments(args, lateral)?;
                function(name, alias)
            }
            TableFactor::Derived { lateral: is_lateral, subquery, alias, .. } => {
                let columns = match is_lateral {
                    true => self.query(subquery, Some(lateral), false)?,
                    false => self.query(subquery, lateral.outer, false)?,
                };
                Ok(vec![named(Vec::new(), columns, alias.as_mut())?])
            }
            TableFactor::UNNEST { alias, array_exprs, .. } => {
                for expr in array_exprs.iter_mut() {
                    self.expression(expr, lateral, None)?;
                }
                Ok(vec![unnested(alias, array_exprs.len())?])
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let relations = self.table_with_joins(table_with_joins, lateral)?;
                match alias {
                    None => Ok(relations),
                    Some(alias) => {
                        let columns: Option<Vec<_>> = relations.into_iter().map(|relation| relation.columns).collect();
                        let columns = columns.map(|columns| columns.into_iter().flatten().collect());
                        Ok(vec![named(Vec::new(), columns, Some(alias))?])
                    }
                }
            }
            _ => Ok(vec![Relation::new(Vec::new(), None)]),
        }
    }

    /// A table, view or WITH query: its name as it was given, and its columns.
    fn table(&self, name: &ObjectName) -> Result<(Vec<String>, Columns)> {
        if let [part] = name.0.as_slice()
            && let Some(ident) = part.as_ident()
            && let Some((name, columns)) = self.find_cte(&ident.value)
        {
            return Ok((vec![name], columns));
        }
        let table = self.tables.get(name)?;
        Ok((table.name.clone(), Some(table.columns.clone())))
    }

    fn arguments(&mut self, arguments: &mut Vec<FunctionArg>, lateral: &Scope<'_>) -> Result<()> {
        for argument in arguments {
            self.expression(argument, lateral, None)?;
        }
        Ok(())
    }
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
        return Err(Error::invalid(format!("'{}' has {} columns, and {listed} names are given", alias.name.value, columns.len()))
            .at(position(&alias.name)));
    }
    for (column, name) in columns.iter_mut().zip(names(alias)) {
        column.name = name;
    }
    let rest = columns[listed..].iter().map(|column| TableAliasColumnDef { name: quoted(&column.name), data_type: None });
    alias.columns.extend(rest.collect::<Vec<_>>());
    Ok(Some(columns))
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
fn unnested(alias: &mut Option<TableAlias>, arrays: usize) -> Result<Relation> {
    if arrays == 1 {
        return one_column(alias, "unnest");
    }
    let alias = alias.get_or_insert_with(|| TableAlias { explicit: true, name: quoted("unnest"), columns: Vec::new(), at: None });
    let names = (0..arrays).map(|at| if at == 0 { "unnest".to_owned() } else { format!("unnest_{at}") });
    let columns: Vec<OutputColumn> = names.map(|name| OutputColumn { name, data_type: None }).collect();
    if alias.columns.is_empty() {
        alias.columns = columns.iter().map(|column| TableAliasColumnDef { name: quoted(&column.name), data_type: None }).collect();
    }
    named(Vec::new(), Some(columns), Some(alias))
}
