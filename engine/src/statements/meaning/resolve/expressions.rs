//! Names in expressions: columns of the FROM, parameters of lambdas, aliases of the SELECT.

use std::ops::ControlFlow;

use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::Volatility;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Ident, LambdaFunction,
    OneOrManyWithParens, Query, Value, VisitMut, VisitorMut,
};

use super::Resolver;
use super::ast::{call, identifier, position, take, text};
use super::scope::{Column, Scope};
use crate::error::{Error, Result};
use crate::statements::syntax::pivot_syntax::names;

/// What a SELECT calls its expressions.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    /// In the order of the SELECT.
    pub(super) items: Vec<Alias>,
    /// What the query groups by, once that is known.
    pub(super) groups: Vec<Expr>,
    /// Whether rows that are the same, or all, become one.
    pub(super) is_reduced: bool,
    /// Whether the first of some stands for them: DISTINCT ON.
    pub(super) takes_first: bool,
}

/// A column of a SELECT.
#[derive(Debug, Clone)]
pub(super) struct Alias {
    /// What the query calls it.
    pub(super) name: String,
    /// What it stands for.
    pub(super) expr: Expr,
    /// Whether it was given the name; otherwise it is called as it is written.
    pub(super) is_named: bool,
    /// What the plan calls it: another name where several have one.
    pub(super) planned: String,
}

/// What an alias becomes where it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// A column of the FROM comes first; otherwise the alias's expression takes its place: WHERE and later columns.
    Expression,
    /// A column of the FROM comes first; otherwise the alias's name in its own case: GROUP BY.
    Name,
    /// A column that is grouped by comes first; otherwise the alias's expression: HAVING, and QUALIFY of groups.
    Behind,
    /// The alias comes first: a bare name in ORDER BY.
    NameFirst,
    /// Within an expression of ORDER BY: as [`Use::Name`], but where rows are grouped or distinct a column that is gone by then does not hide an alias.
    Order,
}

impl Aliases {
    /// The column that a name means: of several the last that was given the name, as in DuckDB. Those without a name of their own can be told apart only if
    /// they are the same.
    fn find(&self, ident: &Ident) -> Result<Option<&Alias>> {
        let called = |is_it: &dyn Fn(&str) -> bool| self.items.iter().filter(|alias| is_it(&alias.name)).collect::<Vec<_>>();
        let exact = called(&|name| name == ident.value);
        let found = if exact.is_empty() { called(&|name| super::scope::same(name, &ident.value)) } else { exact };
        if let Some(named) = found.iter().rev().find(|alias| alias.is_named) {
            return Ok(Some(named));
        }
        match found.as_slice() {
            [first, others @ ..] if others.iter().any(|other| other.expr != first.expr) => {
                Err(Error::invalid(format!("the name '{}' is ambiguous: several columns of the SELECT are called so", ident.value))
                    .with_hint("give one of them an alias")
                    .at(position(ident)))
            }
            found => Ok(found.first().copied()),
        }
    }

    /// Whether there are other rows than those of the FROM when they are put in order.
    fn is_grouped(&self) -> bool {
        self.is_reduced || !self.groups.is_empty()
    }

    /// Whether a column is grouped by.
    fn has_group(&self, column: &Column) -> bool {
        self.groups.iter().any(|group| *group == column.expr || *group == column.qualified)
    }

    /// Whether a column is called so.
    pub(super) fn has(&self, ident: &Ident) -> bool {
        self.items.iter().any(|alias| super::scope::same(&alias.name, &ident.value))
    }
}

/// Functions whose first argument may be the bare name of a part of a date: `date_diff(day, a, b)`.
const WITH_DATE_PARTS: [&str; 12] = [
    "date_part",
    "datepart",
    "date_trunc",
    "datetrunc",
    "date_diff",
    "datediff",
    "date_sub",
    "datesub",
    "date_add",
    "dateadd",
    "timestampdiff",
    "timestampadd",
];

/// Functions of the session that are called without brackets, too.
const OF_SESSION: [&str; 6] = ["current_schema", "current_catalog", "current_user", "session_user", "user", "current_role"];

/// Resolves the names of one expression.
pub(super) struct Expressions<'a, 'b> {
    pub(super) resolver: &'a mut Resolver<'b>,
    pub(super) scope: &'a Scope<'a>,
    pub(super) aliases: Option<(&'a Aliases, Use)>,
    /// The parameters of the lambdas around, innermost last.
    lambdas: Vec<Vec<String>>,
    /// How many queries are around: those within have been resolved as a whole.
    within: usize,
    /// How many calls of aggregates and window functions are around: what they take are columns, whatever an alias is called.
    aggregates: usize,
}

impl<'a, 'b> Expressions<'a, 'b> {
    pub(super) fn new(resolver: &'a mut Resolver<'b>, scope: &'a Scope<'a>, aliases: Option<(&'a Aliases, Use)>) -> Self {
        Self { resolver, scope, aliases, lambdas: Vec::new(), within: 0, aggregates: 0 }
    }

    /// Resolves a piece of a syntax tree.
    pub(super) fn resolve(mut self, node: &mut impl VisitMut) -> Result<()> {
        match node.visit(&mut self) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(error),
        }
    }

    fn before(&mut self, expr: &mut Expr) -> Result<()> {
        match expr {
            Expr::Lambda(LambdaFunction { params, .. }) => self.lambdas.push(parameters(params)),
            Expr::CompoundFieldAccess { root, access_chain } => self.qualified_root(root, access_chain),
            Expr::Function(function) if self.is_column(function) => {
                if let Some(ident) = function.name.0.first().and_then(|part| part.as_ident()).cloned() {
                    *expr = Expr::Identifier(ident);
                }
            }
            Expr::Function(function) => {
                self.check_clauses(function)?;
                without_order(function);
                self.aggregates += usize::from(self.is_aggregate(function));
                let name = function.name.to_string().to_ascii_lowercase();
                if WITH_DATE_PARTS.contains(&name.as_str())
                    && let FunctionArguments::List(list) = &mut function.args
                    && let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(first))) = list.args.first_mut()
                    && let Expr::Identifier(ident) = first
                    && self.scope.name(ident).is_err()
                {
                    *first = text(&ident.value.to_lowercase());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// `t.s.a[1]`: the names behind the first may still be its column. Those that are fields are no names of columns any more.
    fn qualified_root(&self, root: &mut Box<Expr>, chain: &mut Vec<AccessExpr>) {
        if let Expr::Identifier(first) = root.as_ref()
            && !self.is_parameter(first)
        {
            let mut parts = vec![first.clone()];
            parts.extend(chain.iter().map_while(|access| match access {
                AccessExpr::Dot(Expr::Identifier(ident)) => Some(ident.clone()),
                _ => None,
            }));
            if parts.len() > 1 {
                chain.drain(..parts.len() - 1);
                **root = Expr::CompoundIdentifier(parts);
            }
        }
        for access in chain {
            if let AccessExpr::Dot(field) = access
                && let Expr::Identifier(ident) = field
            {
                *field = text(&ident.value);
            }
        }
    }

    fn after(&mut self, expr: &mut Expr) -> Result<()> {
        match expr {
            Expr::Lambda(_) => {
                self.lambdas.pop();
            }
            Expr::Function(function) => self.aggregates -= usize::from(self.is_aggregate(function)),
            Expr::Identifier(ident) if !self.is_parameter(ident) => {
                if let Some(resolved) = self.name(ident)? {
                    *expr = resolved;
                }
            }
            // A field of what a lambda is given.
            Expr::CompoundIdentifier(parts) if parts.first().is_some_and(|first| self.is_parameter(first)) => {
                let mut names = parts.drain(..);
                if let Some(first) = names.next() {
                    *expr = names.fold(Expr::Identifier(first), |inner, name| call("get_field", vec![inner, text(&name.value)]));
                }
            }
            Expr::CompoundIdentifier(parts) => {
                if let Some(column) = self.scope.compound(parts)? {
                    *expr = column.expr;
                }
            }
            // A chain whose root became one: `s.a[1]` is one chain again.
            Expr::CompoundFieldAccess { root, access_chain } if matches!(root.as_ref(), Expr::CompoundFieldAccess { .. }) => {
                let rest = std::mem::take(access_chain);
                if let Expr::CompoundFieldAccess { root: inner, access_chain: mut chain } = take(root) {
                    chain.extend(rest);
                    *expr = Expr::CompoundFieldAccess { root: inner, access_chain: chain };
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// `user` and its like without brackets: a column, where there is one of that name.
    fn is_column(&self, function: &Function) -> bool {
        let ([part], FunctionArguments::None, None) = (function.name.0.as_slice(), &function.args, &function.over) else { return false };
        part.as_ident().is_some_and(|ident| {
            let is_alias = self.aliases.is_some_and(|(aliases, _)| aliases.has(ident));
            is_alias || self.scope.name(ident).is_ok_and(|column| column.is_some())
        })
    }

    fn is_aggregate(&self, function: &Function) -> bool {
        function.over.is_some() || is_aggregate(self.resolver.state, function)
    }

    /// What only aggregates and window functions carry out.
    fn check_clauses(&self, function: &Function) -> Result<()> {
        let name = function.name.to_string().to_lowercase();
        let state = self.resolver.state;
        let collects = state.aggregate_functions().contains_key(&name) || state.window_functions().contains_key(&name);
        if collects || !state.scalar_functions().contains_key(&name) {
            return Ok(());
        }
        let has = |is_it: fn(&FunctionArgumentClause) -> bool| match &function.args {
            FunctionArguments::List(list) => list.clauses.iter().any(is_it),
            FunctionArguments::None | FunctionArguments::Subquery(_) => false,
        };
        let distinct = matches!(&function.args, FunctionArguments::List(list) if list.duplicate_treatment.is_some());
        let ordered = has(|clause| matches!(clause, FunctionArgumentClause::OrderBy(_)));
        let nulls = has(|clause| matches!(clause, FunctionArgumentClause::IgnoreOrRespectNulls(_)));
        let clause = [
            (function.over.is_some(), "OVER"),
            (function.filter.is_some(), "FILTER"),
            (distinct, "DISTINCT"),
            (ordered, "ORDER BY"),
            (nulls || function.null_treatment.is_some(), "IGNORE NULLS and RESPECT NULLS"),
            (!function.within_group.is_empty(), "WITHIN GROUP"),
        ];
        match clause.into_iter().find(|(there, _)| *there) {
            None => Ok(()),
            Some((_, clause)) => {
                let error = Error::invalid(format!("{clause} of {name}, which is neither an aggregate nor a window function"));
                let at = function.name.0.first().and_then(|part| part.as_ident()).map(position);
                let error = error.with_hint(format!("leave it out: {name} computes one value of one row"));
                Err(match at {
                    Some(at) => error.at(at),
                    None => error,
                })
            }
        }
    }

    fn is_parameter(&self, ident: &Ident) -> bool {
        self.lambdas.iter().flatten().any(|name| super::scope::same(name, &ident.value))
    }

    fn name(&self, ident: &Ident) -> Result<Option<Expr>> {
        let named = || match of_session(ident, self.scope) {
            Some(expr) => Ok(Some(expr)),
            None => Ok(self.scope.name(ident)?.map(|Column { expr, .. }| expr)),
        };
        let Some((aliases, how)) = self.aliases else { return named() };
        if how == Use::NameFirst
            && self.aggregates == 0
            && let Some(alias) = aliases.find(ident)?
        {
            return Ok(Some(identifier(&alias.planned)));
        }
        if how == Use::Behind
            && self.aggregates == 0
            && let Some(alias) = aliases.find(ident)?.filter(|alias| alias.is_named)
            && !self.scope.own_column(ident)?.is_some_and(|column| aliases.has_group(&column))
        {
            return self.written_out(ident, alias).map(Some);
        }
        if how == Use::Order
            && self.aggregates == 0
            && aliases.is_grouped()
            && let Some(alias) = aliases.find(ident)?
            && !self.scope.own_column(ident)?.is_some_and(|column| aliases.has_group(&column))
        {
            return Ok(Some(identifier(&alias.planned)));
        }
        if let Some(column) = self.scope.own_column(ident)? {
            let is_alias_too = how != Use::Expression && aliases.has(ident);
            return Ok(Some(if is_alias_too { column.qualified } else { column.expr }));
        }
        match (aliases.find(ident)?, how) {
            (Some(alias), Use::Expression | Use::Behind) => self.written_out(ident, alias).map(Some),
            // As a number it would be a position.
            (Some(alias), Use::Name) if is_number(&alias.expr) => Ok(Some(text(""))),
            (Some(alias), Use::Name | Use::NameFirst | Use::Order) => Ok(Some(identifier(&alias.planned))),
            (None, _) => named(),
        }
    }
}

impl Expressions<'_, '_> {
    /// What an alias stands for, where it is used.
    fn written_out(&self, ident: &Ident, alias: &Alias) -> Result<Expr> {
        check_repeatable(self.resolver.state, ident, &alias.expr)?;
        self.check_parameters(ident, &alias.expr)?;
        Ok(Expr::Nested(Box::new(alias.expr.clone())))
    }

    /// An alias that is written out within a lambda must not name what the lambda calls its parameter.
    fn check_parameters(&self, alias: &Ident, expr: &Expr) -> Result<()> {
        match names(expr).into_iter().find(|name| self.is_parameter(name)) {
            None => Ok(()),
            Some(name) => Err(Error::unsupported(format!(
                "the alias '{}' cannot be used in a lambda whose parameter is called '{}', as the column that it is computed from is",
                alias.value, name.value
            ))
            .with_hint("give the parameter another name")
            .at(position(alias))),
        }
    }
}

/// Whether it is a call of an aggregate.
fn is_aggregate(state: &SessionState, function: &Function) -> bool {
    state.aggregate_functions().contains_key(&function.name.to_string().to_lowercase())
}

/// Whether an expression calls an aggregate, of all rows and not of a window.
pub(super) fn has_aggregate(state: &SessionState, expr: &Expr) -> bool {
    struct Finder<'a>(&'a SessionState, usize);
    impl datafusion::sql::sqlparser::ast::Visitor for Finder<'_> {
        type Break = ();
        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.1 += 1;
            ControlFlow::Continue(())
        }
        fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.1 -= 1;
            ControlFlow::Continue(())
        }
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Function(function) if self.1 == 0 && function.over.is_none() && is_aggregate(self.0, function) => {
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    datafusion::sql::sqlparser::ast::Visit::visit(expr, &mut Finder(state, 0)).is_break()
}

fn is_number(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => matches!(value.value, Value::Number(..)),
        Expr::UnaryOp { expr, .. } | Expr::Nested(expr) => is_number(expr),
        _ => false,
    }
}

/// `mode(x ORDER BY y)`, whose rows come in any order, without it: to the planner it would be another argument.
fn without_order(function: &mut Function) {
    let is_one = |known: &str| ["mode", "median", "mad"].contains(&known);
    if function.over.is_none()
        && let FunctionArguments::List(list) = &mut function.args
        && list.args.len() == 1
        && crate::functions::aggregate_named(&function.name.to_string()).is_some_and(|known| is_one(known.name()))
    {
        list.clauses.retain(|clause| !matches!(clause, FunctionArgumentClause::OrderBy(_)));
    }
}

/// What a word stands for that is no column's: `current_schema` is `current_schema()`.
pub(super) fn of_session(ident: &Ident, scope: &Scope<'_>) -> Option<Expr> {
    let word = ident.value.to_lowercase();
    let is_word = ident.quote_style.is_none() && OF_SESSION.contains(&word.as_str());
    (is_word && scope.name(ident).is_err()).then(|| call(&word, vec![]))
}

/// An alias is written out where it is used: what differs from call to call would differ from the column.
fn check_repeatable(state: &SessionState, alias: &Ident, expr: &Expr) -> Result<()> {
    struct Finder<'a>(&'a SessionState, Option<String>);
    impl datafusion::sql::sqlparser::ast::Visitor for Finder<'_> {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            if let Expr::Function(function) = expr
                && let Some(known) = self.0.scalar_functions().get(&function.name.to_string().to_ascii_lowercase())
                && known.signature().volatility == Volatility::Volatile
            {
                self.1 = Some(function.name.to_string());
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        }
    }
    let mut finder = Finder(state, None);
    let _ = datafusion::sql::sqlparser::ast::Visit::visit(expr, &mut finder);
    match finder.1 {
        None => Ok(()),
        Some(function) => {
            Err(Error::unsupported(format!("the alias '{}' cannot be used here: {function}() gives another value each time", alias.value))
                .with_hint("compute it in a query within: SELECT ... FROM (SELECT ..., ... AS x FROM ...)")
                .at(position(alias)))
        }
    }
}

fn parameters(params: &OneOrManyWithParens<datafusion::sql::sqlparser::ast::LambdaFunctionParameter>) -> Vec<String> {
    params.iter().map(|parameter| parameter.name.value.clone()).collect()
}

impl VisitorMut for Expressions<'_, '_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        if self.within == 0
            && let Err(error) = self.resolver.query(query, Some(self.scope), false)
        {
            return ControlFlow::Break(error);
        }
        self.within += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Error> {
        self.within -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        match self.within {
            0 => flow(self.before(expr)),
            _ => ControlFlow::Continue(()),
        }
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        match self.within {
            0 => flow(self.after(expr)),
            _ => ControlFlow::Continue(()),
        }
    }
}

pub(super) fn flow(result: Result<()>) -> ControlFlow<Error> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}
