//! `*`, `t.*`, `s.*` of a struct, and `COLUMNS(...)`: written out where DataFusion would not do it, or do it otherwise.

use std::ops::ControlFlow;

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, ExcludeSelectItem, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName,
    RenameSelectItem, SelectItem, SelectItemQualifiedWildcardKind, Visit, VisitMut, Visitor, VisitorMut, WildcardAdditionalOptions,
};

use super::Resolver;
use super::ast::{call, field, position, text};
use super::scope::{OutputColumn, Relation, Scope, same};
use super::select::{all_columns, named_item};
use crate::error::{Error, Result};
use crate::nearest;
use crate::statements::meaning::refuse::unsupported;
use crate::statements::rows::constant;

/// A column that a star stands for.
#[derive(Debug, Clone)]
pub(super) struct Starred {
    pub(super) expr: Expr,
    column: OutputColumn,
    /// What its table is called.
    relation: Option<String>,
}

impl Resolver<'_> {
    /// The list with its stars written out. One `*` alone stays where it means what DataFusion takes it for.
    pub(super) fn without_stars(&mut self, items: Vec<SelectItem>, scope: &Scope<'_>) -> Result<Vec<SelectItem>> {
        if let [SelectItem::Wildcard(options)] = items.as_slice()
            && is_plain(options)
            && (all_columns(scope).is_none() || stays(scope))
        {
            return Ok(items);
        }
        let mut written_out = Vec::with_capacity(items.len());
        let has_items = !items.is_empty();
        for item in items {
            match item {
                SelectItem::Wildcard(options) => match starred(scope, None) {
                    Some(columns) => self.with_options(columns, &options, &mut written_out)?,
                    None if is_plain(&options) => written_out.push(SelectItem::Wildcard(options)),
                    None => return Err(unknown_columns()),
                },
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                    self.qualified(name, options, scope, &mut written_out)?;
                }
                SelectItem::UnnamedExpr(expr) if has_columns(&expr) => self.each_column(expr, None, scope, &mut written_out)?,
                SelectItem::ExprWithAlias { expr, alias } if has_columns(&expr) => {
                    self.each_column(expr, Some(&alias), scope, &mut written_out)?;
                }
                SelectItem::UnnamedExpr(expr) => match self.fields_of(&expr, scope)? {
                    Some(items) => written_out.extend(items),
                    None => written_out.push(SelectItem::UnnamedExpr(expr)),
                },
                other => written_out.push(other),
            }
        }
        if has_items && written_out.is_empty() {
            return Err(Error::invalid("no column is left of *").with_hint("EXCLUDE and LIKE leave at least one"));
        }
        Ok(written_out)
    }

    /// `t.*`, or `s.*` of a column that is a struct.
    fn qualified(
        &mut self,
        name: ObjectName,
        options: WildcardAdditionalOptions,
        scope: &Scope<'_>,
        written_out: &mut Vec<SelectItem>,
    ) -> Result<()> {
        let parts: Vec<Ident> = name.0.iter().filter_map(|part| part.as_ident().cloned()).collect();
        if let Some(at) = scope.own_relation(&parts)? {
            return match starred(scope, Some(at)) {
                Some(columns) => self.with_options(columns, &options, written_out),
                None => {
                    written_out.push(SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options));
                    Ok(())
                }
            };
        }
        let column = match parts.as_slice() {
            [ident] => scope.name(ident)?,
            parts => scope.compound(parts)?,
        };
        match column.map(|column| (column.expr, column.data_type)) {
            Some((expr, Some(DataType::Struct(fields)))) => {
                let columns = fields.iter().map(|inner| Starred {
                    expr: field(expr.clone(), inner.name()),
                    column: OutputColumn { name: inner.name().clone(), data_type: Some(inner.data_type().clone()) },
                    relation: None,
                });
                self.with_options(columns.collect(), &options, written_out)
            }
            Some((_, Some(known))) if known != DataType::Null => {
                Err(Error::invalid(format!("{name}.*: '{name}' is neither a table nor a struct")))
            }
            Some(_) => Err(unsupported(format!("{name}.* of a struct whose fields are not known before it is planned"))
                .with_hint(format!("name its fields: {name}.a, {name}.b"))),
            _ => {
                written_out.push(SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options));
                Ok(())
            }
        }
    }

    /// Carries out EXCLUDE, REPLACE, RENAME and ILIKE.
    fn with_options(&self, columns: Vec<Starred>, options: &WildcardAdditionalOptions, written_out: &mut Vec<SelectItem>) -> Result<()> {
        let WildcardAdditionalOptions { wildcard_token: _, opt_ilike, opt_exclude, opt_except, opt_replace, opt_rename, opt_alias } =
            options;
        if let Some(alias) = opt_alias {
            return Err(unsupported(format!("an alias of *: {alias}")));
        }
        let at = |ident: &Ident| positions_of(&columns, None, ident);
        let mut excluded = Vec::new();
        if let Some(exclude) = opt_exclude {
            let names = match exclude {
                ExcludeSelectItem::Single(name) => std::slice::from_ref(name),
                ExcludeSelectItem::Multiple(names) => names.as_slice(),
            };
            for name in names {
                let parts: Vec<&Ident> = name.0.iter().filter_map(|part| part.as_ident()).collect();
                let Some((ident, tables)) = parts.split_last() else { continue };
                excluded.extend(positions_of(&columns, tables.last().copied(), ident)?);
            }
        }
        if let Some(except) = opt_except {
            for ident in std::iter::once(&except.first_element).chain(&except.additional_elements) {
                excluded.extend(at(ident)?);
            }
        }
        let mut renamed = Vec::new();
        match opt_rename {
            None => {}
            Some(RenameSelectItem::Single(item)) => renamed.extend(at(&item.ident)?.into_iter().map(|at| (at, &item.alias))),
            Some(RenameSelectItem::Multiple(items)) => {
                for item in items {
                    renamed.extend(at(&item.ident)?.into_iter().map(|at| (at, &item.alias)));
                }
            }
        }
        let mut replaced = Vec::new();
        for item in opt_replace.iter().flat_map(|replace| &replace.items) {
            // What replaces several stands once, where the first was.
            let mut found = at(&item.column_name)?.into_iter();
            replaced.extend(found.next().map(|at| (at, &item.expr)));
            excluded.extend(found);
        }
        for (at, starred) in columns.iter().cloned().enumerate() {
            if excluded.contains(&at) || !opt_ilike.as_ref().is_none_or(|like| matches_like(&starred.column.name, &like.pattern)) {
                continue;
            }
            let mut column = starred.column;
            if let Some((_, alias)) = renamed.iter().find(|(renamed, _)| *renamed == at) {
                column.name.clone_from(&alias.value);
            }
            written_out.push(match replaced.iter().find(|(replaced, _)| *replaced == at) {
                Some((_, expr)) => SelectItem::ExprWithAlias { expr: (*expr).clone(), alias: super::ast::quoted(&column.name) },
                None => named_item(starred.expr, &column),
            });
        }
        Ok(())
    }

    /// An expression with COLUMNS: once for each column that is meant.
    fn each_column(&mut self, expr: Expr, alias: Option<&Ident>, scope: &Scope<'_>, written_out: &mut Vec<SelectItem>) -> Result<()> {
        for starred in self.meant(&expr, scope)? {
            let mut one = expr.clone();
            put_column(&mut one, &starred.expr);
            let name = match alias {
                Some(alias) => self.with_groups(&alias.value, &expr, &starred.column.name)?,
                None => starred.column.name,
            };
            written_out.push(named_item(one, &OutputColumn { name, data_type: starred.column.data_type }));
        }
        Ok(())
    }

    /// `COLUMNS('(.*)_id') AS '\1'`: an alias with groups of the regular expression, for one column.
    fn with_groups(&self, alias: &str, expr: &Expr, column: &str) -> Result<String> {
        let has_group = alias.as_bytes().windows(2).any(|pair| pair[0] == b'\\' && pair[1].is_ascii_digit());
        let calls = columns_calls(expr);
        let pattern = calls.first().and_then(|call| match &call.args {
            FunctionArguments::List(list) => match list.args.as_slice() {
                [FunctionArg::Unnamed(FunctionArgExpr::Expr(pattern @ Expr::Value(_)))] => Some(pattern),
                _ => None,
            },
            FunctionArguments::None | FunctionArguments::Subquery(_) => None,
        });
        let (true, Some(pattern)) = (has_group, pattern) else { return Ok(alias.to_owned()) };
        let is_text = |found: &DataType| found.is_string();
        let mut name = alias.to_owned();
        for group in 0..10 {
            let mark = format!("\\{group}");
            if name.contains(&mark) {
                let part = call("regexp_extract", vec![text(column), pattern.clone(), super::ast::number(group)]);
                let part = constant::scalar_of(self.state, part, is_text, &DataType::Utf8)?;
                name = name.replace(&mark, part.try_as_str().flatten().unwrap_or_default());
            }
        }
        Ok(name)
    }

    /// `unnest(s)` of a struct: a column for each of its fields, as in DuckDB; `None` for other expressions.
    fn fields_of(&self, expr: &Expr, scope: &Scope<'_>) -> Result<Option<Vec<SelectItem>>> {
        let Expr::Function(function) = expr else { return Ok(None) };
        let FunctionArguments::List(list) = &function.args else { return Ok(None) };
        let [FunctionArg::Unnamed(FunctionArgExpr::Expr(inner))] = list.args.as_slice() else { return Ok(None) };
        if function.over.is_some() || !function.name.to_string().eq_ignore_ascii_case("unnest") {
            return Ok(None);
        }
        let column = match inner {
            Expr::Dictionary(fields) => {
                let items = fields.iter().map(|field| SelectItem::ExprWithAlias {
                    expr: field.value.as_ref().clone(),
                    alias: super::ast::quoted(&field.key.value),
                });
                return Ok(Some(items.collect()));
            }
            Expr::Identifier(ident) => scope.name(ident)?,
            Expr::CompoundIdentifier(parts) => scope.compound(parts)?,
            _ => None,
        };
        Ok(match column.map(|column| (column.expr, column.data_type)) {
            Some((expr, Some(DataType::Struct(fields)))) => {
                let items = fields.iter().map(|inner| SelectItem::ExprWithAlias {
                    expr: field(expr.clone(), inner.name()),
                    alias: super::ast::quoted(inner.name()),
                });
                Some(items.collect())
            }
            _ => None,
        })
    }

    /// `WHERE COLUMNS(*) > 2`: of all columns.
    pub(super) fn columns_in_condition(&mut self, condition: &mut Expr, scope: &Scope<'_>) -> Result<()> {
        if !has_columns(condition) {
            return Ok(());
        }
        let mut all: Option<Expr> = None;
        for starred in self.meant(condition, scope)? {
            let mut one = condition.clone();
            put_column(&mut one, &starred.expr);
            let one = Expr::Nested(Box::new(one));
            all = Some(match all {
                None => one,
                Some(before) => Expr::BinaryOp { left: Box::new(before), op: BinaryOperator::And, right: Box::new(one) },
            });
        }
        if let Some(all) = all {
            *condition = all;
        }
        Ok(())
    }

    /// The columns that the COLUMNS of an expression mean; several must mean the same.
    pub(super) fn meant(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Vec<Starred>> {
        let calls = columns_calls(expr);
        let Some(first) = calls.first() else { return Ok(Vec::new()) };
        if calls.iter().any(|call| call.to_string() != first.to_string()) {
            return Err(
                Error::invalid(format!("an expression has COLUMNS of several kinds: {expr}")).with_hint("they must all be the same")
            );
        }
        let usage = || {
            Error::invalid(format!("'{first}' is not understood")).with_hint(
                "write COLUMNS(*), COLUMNS(t.*), COLUMNS('regular expression'), COLUMNS(['a', 'b']) or COLUMNS(lambda c: c LIKE 'a%')",
            )
        };
        let FunctionArguments::List(list) = &first.args else { return Err(usage()) };
        let [FunctionArg::Unnamed(argument)] = list.args.as_slice() else { return Err(usage()) };
        let all = || starred(scope, None).ok_or_else(unknown_columns);
        let found = match argument {
            FunctionArgExpr::Wildcard => all()?,
            FunctionArgExpr::QualifiedWildcard(name) => {
                let parts: Vec<Ident> = name.0.iter().filter_map(|part| part.as_ident().cloned()).collect();
                let at = scope.own_relation(&parts)?.ok_or_else(|| Error::not_found(format!("there is no table '{name}' here")))?;
                starred(scope, Some(at)).ok_or_else(unknown_columns)?
            }
            FunctionArgExpr::WildcardWithOptions(options) => {
                let mut items = Vec::new();
                self.with_options(all()?, options, &mut items)?;
                items.into_iter().filter_map(as_starred).collect()
            }
            FunctionArgExpr::Expr(Expr::Array(list)) => {
                let columns = all()?;
                let mut named = Vec::new();
                for item in &list.elem {
                    let ident = match item {
                        Expr::Value(value) => Ident::new(value.value.clone().into_string().ok_or_else(usage)?),
                        Expr::Identifier(ident) => ident.clone(),
                        _ => return Err(usage()),
                    };
                    named.extend(positions_of(&columns, None, &ident)?.into_iter().map(|at| columns[at].clone()));
                }
                named
            }
            FunctionArgExpr::Expr(pattern) => {
                let mut kept = Vec::new();
                for starred in all()? {
                    if self.is_meant(pattern, &starred.column.name)? {
                        kept.push(starred);
                    }
                }
                kept
            }
        };
        match found.is_empty() {
            true => Err(Error::invalid(format!("{first} matches no column"))),
            false => Ok(found),
        }
    }

    /// Whether a column's name matches a regular expression, or a lambda says so.
    fn is_meant(&self, pattern: &Expr, name: &str) -> Result<bool> {
        let condition = match pattern {
            Expr::Lambda(lambda) => {
                let mut body = lambda.body.as_ref().clone();
                if let Some(parameter) = lambda.params.iter().next() {
                    put_text(&mut body, &parameter.name.value, name);
                }
                body
            }
            pattern => call("regexp_like", vec![text(name), pattern.clone()]),
        };
        match constant::scalar_of(self.state, condition, |found| *found == DataType::Boolean, &DataType::Boolean)? {
            ScalarValue::Boolean(meant) => Ok(meant.unwrap_or(false)),
            _ => Ok(false),
        }
    }
}

/// Whether `*` is what DataFusion makes of it: no column is left out or merged, and no name stands twice.
fn stays(scope: &Scope<'_>) -> bool {
    let is_plain = |relation: &Relation| relation.hidden.is_empty() && relation.unstarred.is_empty() && relation.merged.is_empty();
    if !scope.relations.iter().all(is_plain) {
        return false;
    }
    scope.relations.len() < 2 || {
        let columns = all_columns(scope).unwrap_or_default();
        !columns.iter().enumerate().any(|(at, column)| columns[..at].iter().any(|before| same(&before.name, &column.name)))
    }
}

fn is_plain(options: &WildcardAdditionalOptions) -> bool {
    *options == WildcardAdditionalOptions { wildcard_token: options.wildcard_token.clone(), ..WildcardAdditionalOptions::default() }
}

/// The columns of all relations, or of one; `None` where only the planner knows them.
fn starred(scope: &Scope<'_>, only: Option<usize>) -> Option<Vec<Starred>> {
    let mut found = Vec::new();
    for (number, relation) in scope.relations.iter().enumerate() {
        if only.is_some_and(|only| only != number) {
            continue;
        }
        for (at, column) in relation.columns.as_ref()?.iter().enumerate() {
            // With its table's name before it, a column is the table's own, whatever USING made of it.
            let expr = match only {
                _ if relation.unstarred.contains(&at) => None,
                Some(_) => relation.reference(at),
                None if relation.hidden.contains(&at) => None,
                None => relation.meaning(at),
            };
            let relation = relation.qualifier.last().cloned();
            found.extend(expr.map(|expr| Starred { expr, column: column.clone(), relation }));
        }
    }
    Some(found)
}

fn unknown_columns() -> Error {
    unsupported("EXCLUDE, REPLACE, RENAME and COLUMNS of a function whose columns are not known before it is planned")
}

/// The columns that a name means: all of an exact name, otherwise all of the name in another case.
fn positions_of(columns: &[Starred], table: Option<&Ident>, ident: &Ident) -> Result<Vec<usize>> {
    let of_table = |starred: &Starred| match (table, &starred.relation) {
        (None, _) => true,
        (Some(table), Some(relation)) => same(relation, &table.value),
        (Some(_), None) => false,
    };
    let matching = |is_it: &dyn Fn(&str) -> bool| {
        let found = columns.iter().enumerate().filter(|(_, starred)| of_table(starred) && is_it(&starred.column.name));
        found.map(|(at, _)| at).collect::<Vec<_>>()
    };
    let exact = matching(&|name| name == ident.value);
    let found = if exact.is_empty() { matching(&|name| same(name, &ident.value)) } else { exact };
    if !found.is_empty() {
        return Ok(found);
    }
    let names: Vec<&str> = columns.iter().map(|starred| starred.column.name.as_str()).collect();
    let near = nearest::hint(&ident.value, names.iter().copied());
    let error = Error::not_found(format!("* has no column '{}'", ident.value));
    let error = error.with_hint(near.unwrap_or_else(|| format!("its columns are {}", nearest::shortened(&names))));
    // A name out of a string has no place of its own.
    Err(if ident.span.start.line > 0 { error.at(position(ident)) } else { error })
}

fn as_starred(item: SelectItem) -> Option<Starred> {
    let (expr, name) = match item {
        SelectItem::UnnamedExpr(expr) => {
            let name = match &expr {
                Expr::Identifier(ident) => ident.value.clone(),
                Expr::CompoundIdentifier(parts) => parts.last()?.value.clone(),
                other => other.to_string(),
            };
            (expr, name)
        }
        SelectItem::ExprWithAlias { expr, alias } => (expr, alias.value),
        _ => return None,
    };
    Some(Starred { expr, column: OutputColumn { name, data_type: None }, relation: None })
}

fn is_columns(expr: &Expr) -> bool {
    matches!(expr, Expr::Function(function) if function.over.is_none() && function.name.to_string().eq_ignore_ascii_case("columns"))
}

fn columns_calls(expr: &Expr) -> Vec<Function> {
    struct Calls(Vec<Function>);
    impl Visitor for Calls {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            if let Expr::Function(function) = expr
                && is_columns(expr)
            {
                self.0.push(function.clone());
            }
            ControlFlow::Continue(())
        }
    }
    let mut calls = Calls(Vec::new());
    let _ = expr.visit(&mut calls);
    calls.0
}

fn has_columns(expr: &Expr) -> bool {
    !columns_calls(expr).is_empty()
}

/// Puts a column in the place of COLUMNS.
fn put_column(expr: &mut Expr, column: &Expr) {
    struct Put<'a>(&'a Expr);
    impl VisitorMut for Put<'_> {
        type Break = ();
        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if is_columns(expr) {
                *expr = self.0.clone();
            }
            ControlFlow::Continue(())
        }
    }
    let _ = VisitMut::visit(expr, &mut Put(column));
}

/// Puts a text in the place of a lambda's parameter.
fn put_text(expr: &mut Expr, parameter: &str, value: &str) {
    struct Put<'a>(&'a str, &'a str);
    impl VisitorMut for Put<'_> {
        type Break = ();
        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if matches!(expr, Expr::Identifier(ident) if same(&ident.value, self.0)) {
                *expr = text(self.1);
            }
            ControlFlow::Continue(())
        }
    }
    let _ = VisitMut::visit(expr, &mut Put(parameter, value));
}

/// LIKE without regard to case: `%` is any text, `_` any character.
fn matches_like(name: &str, pattern: &str) -> bool {
    fn matches(name: &[char], pattern: &[char]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some(('%', rest)) => (0..=name.len()).any(|at| matches(&name[at..], rest)),
            Some(('_', rest)) => !name.is_empty() && matches(&name[1..], rest),
            Some((letter, rest)) => name.first() == Some(letter) && matches(&name[1..], rest),
        }
    }
    let letters = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
    matches(&letters(name), &letters(pattern))
}
