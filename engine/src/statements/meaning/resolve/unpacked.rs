//! `f(*COLUMNS(...))`: each of several columns as an argument of its own.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query, VisitMut, VisitorMut};

use super::Resolver;
use super::expressions::flow;
use super::scope::Scope;
use crate::error::{Error, Result};
use crate::statements::UNPACKED;

impl Resolver<'_> {
    /// Puts the columns in, wherever a piece of a SELECT has such arguments.
    pub(super) fn unpack_columns(&mut self, node: &mut impl VisitMut, scope: &Scope<'_>) -> Result<()> {
        let mut unpack = Unpack { resolver: self, scope, within: 0 };
        match node.visit(&mut unpack) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(error),
        }
    }
}

struct Unpack<'a, 'b> {
    resolver: &'a mut Resolver<'b>,
    scope: &'a Scope<'a>,
    /// How many queries are around: they have columns of their own.
    within: usize,
}

impl Unpack<'_, '_> {
    /// The columns that an expression stands for, if it stands for several.
    fn columns(&mut self, expr: &Expr) -> Result<Option<Vec<Expr>>> {
        match expr {
            Expr::Function(function) if function.name.to_string() == UNPACKED => {
                let columns = self.resolver.meant(expr, self.scope)?;
                Ok(Some(columns.into_iter().map(|starred| starred.expr).collect()))
            }
            _ => Ok(None),
        }
    }

    fn unpack(&mut self, expr: &mut Expr) -> Result<()> {
        match expr {
            Expr::Function(Function { args: FunctionArguments::List(list), .. }) => {
                for argument in std::mem::take(&mut list.args) {
                    let columns = match &argument {
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(inner)) => self.columns(inner)?,
                        _ => None,
                    };
                    match columns {
                        None => list.args.push(argument),
                        Some(columns) => {
                            list.args.extend(columns.into_iter().map(|column| FunctionArg::Unnamed(FunctionArgExpr::Expr(column))));
                        }
                    }
                }
            }
            Expr::Array(array) => {
                for item in std::mem::take(&mut array.elem) {
                    match self.columns(&item)? {
                        None => array.elem.push(item),
                        Some(columns) => array.elem.extend(columns),
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl VisitorMut for Unpack<'_, '_> {
    type Break = Error;

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<Error> {
        self.within += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Error> {
        self.within -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        match self.within {
            0 => flow(self.unpack(expr)),
            _ => ControlFlow::Continue(()),
        }
    }
}
