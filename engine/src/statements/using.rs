//! `SELECT *` of tables that are joined USING common columns: these once, from the left side, then what else the tables have.
//!
//! DataFusion takes the common columns from the table whose name comes first in the alphabet, and where they stand in it: below a LEFT JOIN that may be the
//! right one, with its NULLs.

use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Expr, Ident, JoinConstraint, JoinOperator, ObjectName, Select, SelectItem, SelectItemQualifiedWildcardKind,
    TableFactor, TableWithJoins, WildcardAdditionalOptions,
};

use super::refuse::unsupported;
use crate::error::{Error, Result};
use crate::types::normalized;

/// Writes out the `*` of a SELECT from tables joined USING.
///
/// # Errors
/// *Unsupported* where the columns are not known from the statement.
pub(crate) fn expand(select: &mut Select) -> Result<()> {
    let joins = || select.from.iter().flat_map(|item| &item.joins);
    let is_star = |item: &SelectItem| matches!(item, SelectItem::Wildcard(_));
    if !joins().any(|join| constraint(&join.join_operator).is_some_and(has_common_columns)) || !select.projection.iter().any(is_star) {
        return Ok(());
    }
    let Some(columns) = select.from.iter().map(columns).collect::<Option<Vec<_>>>() else { return Err(unknown()) };
    let has_options = |item: &SelectItem| matches!(item, SelectItem::Wildcard(options) if *options != WildcardAdditionalOptions::default());
    if select.projection.iter().any(has_options) {
        return Err(unknown());
    }
    let columns: Vec<SelectItem> = columns.into_iter().flatten().collect();
    let written_out = std::mem::take(&mut select.projection).into_iter().flat_map(|item| match item {
        SelectItem::Wildcard(_) => columns.clone(),
        other => vec![other],
    });
    select.projection = written_out.collect();
    Ok(())
}

fn unknown() -> Error {
    unsupported("* of a join that is NATURAL, or USING with a query without a name, with EXCLUDE and the like")
        .with_hint("name the columns; or write ON a.id = b.id")
}

fn has_common_columns(constraint: &JoinConstraint) -> bool {
    matches!(constraint, JoinConstraint::Using(_) | JoinConstraint::Natural)
}

fn constraint(operator: &JoinOperator) -> Option<&JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::CrossJoin(constraint) => Some(constraint),
        _ => None,
    }
}

/// The columns of joined tables; none where a table has no name, or a join is another one.
fn columns(item: &TableWithJoins) -> Option<Vec<SelectItem>> {
    let mut common: Vec<Ident> = Vec::new();
    // Each table, and which of its columns stand among the common ones.
    let mut tables = vec![(name(&item.relation)?, Vec::new())];
    for join in &item.joins {
        let names = match constraint(&join.join_operator)? {
            JoinConstraint::Using(names) => names.as_slice(),
            JoinConstraint::On(_) | JoinConstraint::None => &[],
            JoinConstraint::Natural => return None,
        };
        tables.push((name(&join.relation)?, Vec::new()));
        for name in names {
            let column = name.0.last()?.as_ident()?;
            if !common.iter().any(|known| normalized(known) == normalized(column)) {
                common.push(column.clone());
            }
            let last = tables.len() - 1;
            tables[last].1.push(column.clone());
            // Of two tables it is the first that has the column too; of more it would have to be looked up.
            match last {
                1 => tables[0].1.push(column.clone()),
                _ if tables[0].1.iter().any(|known| normalized(known) == normalized(column)) => {}
                _ => return None,
            }
        }
    }
    let first = tables[0].0.clone();
    let common = common.into_iter().map(|column| SelectItem::UnnamedExpr(Expr::CompoundIdentifier(vec![first.clone(), column])));
    let rest = tables.iter().map(|(table, excluded)| {
        let excluded: Vec<ObjectName> = excluded.iter().map(|column| ObjectName::from(vec![column.clone()])).collect();
        let options = WildcardAdditionalOptions {
            opt_exclude: (!excluded.is_empty()).then_some(ExcludeSelectItem::Multiple(excluded)),
            ..WildcardAdditionalOptions::default()
        };
        let table = ObjectName::from(vec![table.clone()]);
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(table), options)
    });
    Some(common.chain(rest).collect())
}

/// What a table's columns are called by.
fn name(table: &TableFactor) -> Option<Ident> {
    let (name, alias) = match table {
        TableFactor::Table { name, alias, .. } => (Some(name), alias),
        TableFactor::Derived { alias, .. } => (None, alias),
        _ => return None,
    };
    match (alias, name) {
        (Some(alias), _) => Some(alias.name.clone()),
        (None, Some(name)) => Some(name.0.last()?.as_ident()?.clone()),
        (None, None) => None,
    }
}
