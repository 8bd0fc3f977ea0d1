//! What keeps an argument's names from meaning something else within a macro's body.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, LambdaFunction, OneOrManyWithParens, Query, TableFactor, Visit, VisitMut, Visitor, VisitorMut,
};

use crate::error::{Error, Result};

/// Gives the parameters of a body's lambdas names that nobody writes.
pub(super) fn rename_lambdas(body: &mut impl VisitMut) {
    let _ = VisitMut::visit(body, &mut Lambdas(0));
}

struct Lambdas(usize);

impl VisitorMut for Lambdas {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Lambda(LambdaFunction { params, body, .. }) = expr else { return ControlFlow::Continue(()) };
        let parameters = match params {
            OneOrManyWithParens::One(one) => std::slice::from_mut(one),
            OneOrManyWithParens::Many(many) => many.as_mut_slice(),
        };
        for parameter in parameters {
            self.0 += 1;
            let fresh = Ident::new(format!("__parameter_{}", self.0));
            let _ = VisitMut::visit(body.as_mut(), &mut Rename { from: parameter.name.value.to_lowercase(), to: fresh.clone() });
            parameter.name = fresh;
        }
        ControlFlow::Continue(())
    }
}

struct Rename {
    from: String,
    to: Ident,
}

impl VisitorMut for Rename {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) if name.value.to_lowercase() == self.from => *name = self.to.clone(),
            Expr::CompoundIdentifier(parts) => {
                if let Some(first) = parts.first_mut().filter(|first| first.value.to_lowercase() == self.from) {
                    *first = self.to.clone();
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// What the relations of a body are called, in small letters: its tables and their aliases.
pub(super) fn relations(body: &impl Visit) -> HashSet<String> {
    struct Relations(HashSet<String>);
    impl Visitor for Relations {
        type Break = ();
        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            let (name, alias) = match factor {
                TableFactor::Table { name, alias, .. } | TableFactor::Function { name, alias, .. } => (name.0.last(), alias),
                TableFactor::Derived { alias, .. } | TableFactor::UNNEST { alias, .. } | TableFactor::NestedJoin { alias, .. } => {
                    (None, alias)
                }
                TableFactor::Pivot { alias, .. } | TableFactor::Unpivot { alias, .. } => (None, alias),
                _ => return ControlFlow::Continue(()),
            };
            let name = match alias {
                Some(alias) => Some(&alias.name),
                None => name.and_then(|part| part.as_ident()),
            };
            self.0.extend(name.map(|name| name.value.to_lowercase()));
            ControlFlow::Continue(())
        }
    }
    let mut relations = Relations(HashSet::new());
    let _ = body.visit(&mut relations);
    relations.0
}

/// Whether a piece of a tree holds a query: its tables may have columns of an argument's names.
fn holds_a_query(body: &impl Visit) -> bool {
    struct Queries(usize);
    impl Visitor for Queries {
        type Break = ();
        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.0 += 1;
            ControlFlow::Continue(())
        }
    }
    let mut queries = Queries(0);
    let _ = body.visit(&mut queries);
    queries.0 > 0
}

/// The first column without its table before it that an argument names.
fn bare_column(argument: &Expr) -> Option<Ident> {
    struct Columns(Option<Ident>);
    impl Visitor for Columns {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Identifier(name) => {
                    self.0 = Some(name.clone());
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    let mut columns = Columns(None);
    let _ = argument.visit(&mut columns);
    columns.0
}

/// Refuses a column without its table where the body's own queries might take it for theirs.
pub(super) fn check_columns<'a>(name: &str, body: &impl Visit, mut arguments: impl Iterator<Item = &'a Expr>) -> Result<()> {
    if !holds_a_query(body) {
        return Ok(());
    }
    match arguments.find_map(bare_column) {
        None => Ok(()),
        Some(column) => Err(Error::unsupported(format!(
            "macro '{name}' holds a query, in which the column '{column}' could mean another: it is not supported as an argument"
        ))
        .with_hint(format!("write its table before it, as in t.{column}"))),
    }
}
