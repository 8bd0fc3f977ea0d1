//! Named windows, written out where they are used. DataFusion knows them in the list of columns alone, and takes a window that adds to a named one,
//! `OVER (w ORDER BY v)`, for the named one.
//!
//! As in PostgreSQL, what is added to a window may be an ORDER BY that it has not, and a frame; `OVER w` is the window with its frame, `OVER (w)` a copy, which a
//! window with a frame has not.

use std::ops::ControlFlow;

use datafusion::config::ConfigOptions;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, Ident, NamedWindowDefinition, NamedWindowExpr, ObjectName, OrderBy, OrderByKind, Query, Select, SelectItem, VisitMut,
    VisitorMut, WindowSpec, WindowType,
};

use super::ast::{position, quoted};
use super::scope::same;
use super::window_clauses::{Exclusion, put_among_arguments};
use super::written;
use crate::error::{Error, Result};
use crate::functions::aggregate_named;
use crate::statements::syntax::written::as_written;

/// Writes the windows of a SELECT out, there and in the ORDER BY behind it. Columns without a name keep the one that was written.
pub(super) fn write_out(select: &mut Select, order_by: Option<&mut OrderBy>, options: &ConfigOptions) -> Result<()> {
    let mut windows = Windows { named: Vec::new(), options };
    for NamedWindowDefinition(name, window) in std::mem::take(&mut select.named_window) {
        if windows.named.iter().any(|(known, _)| same(&known.value, &name.value)) {
            return Err(Error::invalid(format!("there are two windows called '{}'", name.value)).at(position(&name)));
        }
        let spec = match window {
            NamedWindowExpr::NamedWindow(of) => windows.named(&of)?.clone(),
            NamedWindowExpr::WindowSpec(spec) => windows.completed(spec)?,
        };
        windows.named.push((name, spec));
    }
    for item in &mut select.projection {
        let named = match item {
            SelectItem::UnnamedExpr(expr) => {
                let name = as_written(&written(expr));
                windows.put_into(expr)?.then(|| (std::mem::replace(expr, super::ast::null()), name))
            }
            SelectItem::ExprWithAlias { expr, .. } => {
                windows.put_into(expr)?;
                None
            }
            _ => None,
        };
        if let Some((expr, name)) = named {
            *item = SelectItem::ExprWithAlias { expr, alias: quoted(&name) };
        }
    }
    for expr in select.having.iter_mut().chain(&mut select.qualify) {
        windows.put_into(expr)?;
    }
    if let Some(OrderBy { kind: OrderByKind::Expressions(exprs), .. }) = order_by {
        for expr in exprs {
            windows.put_into(&mut expr.expr)?;
        }
    }
    Ok(())
}

/// The windows that a SELECT names, each complete.
struct Windows<'a> {
    named: Vec<(Ident, WindowSpec)>,
    options: &'a ConfigOptions,
}

impl Windows<'_> {
    fn named(&self, name: &Ident) -> Result<&WindowSpec> {
        self.named.iter().find(|(known, _)| same(&known.value, &name.value)).map(|(_, spec)| spec).ok_or_else(|| {
            let known: Vec<&str> = self.named.iter().map(|(known, _)| known.value.as_str()).collect();
            let hint = match known.is_empty() {
                true => format!("write WINDOW {} AS (PARTITION BY ... ORDER BY ...) behind the FROM", name.value),
                false => format!("there are {}", known.join(", ")),
            };
            Error::not_found(format!("there is no window '{}'", name.value)).with_hint(hint).at(position(name))
        })
    }

    /// A window with the parts of the one that it adds to.
    fn completed(&self, mut spec: WindowSpec) -> Result<WindowSpec> {
        let exclusion = Exclusion::take(&mut spec);
        let mut spec = self.with_base(spec)?;
        if let Some(exclusion) = exclusion {
            exclusion.put(&mut spec);
        }
        Ok(spec)
    }

    fn with_base(&self, mut spec: WindowSpec) -> Result<WindowSpec> {
        let Some(name) = spec.window_name.take() else { return Ok(spec) };
        let base = self.named(&name)?;
        let refused = |what: &str| {
            let error = Error::invalid(format!("{what} of the window '{}'", name.value));
            error.with_hint("write the whole window out: OVER (PARTITION BY ... ORDER BY ... ROWS ...)").at(position(&name))
        };
        if !spec.partition_by.is_empty() {
            return Err(refused("there cannot be another PARTITION BY than that"));
        }
        if !spec.order_by.is_empty() && !base.order_by.is_empty() {
            return Err(refused("there cannot be another ORDER BY than that"));
        }
        if base.window_frame.is_some() {
            return Err(refused("nothing can be added to the frame"));
        }
        spec.partition_by.clone_from(&base.partition_by);
        if spec.order_by.is_empty() {
            spec.order_by.clone_from(&base.order_by);
        }
        Ok(spec)
    }

    /// Whether a window was written out in an expression.
    fn put_into(&self, expr: &mut Expr) -> Result<bool> {
        let mut put = Put { windows: self, within: 0, changed: false };
        match VisitMut::visit(expr, &mut put) {
            ControlFlow::Continue(()) => Ok(put.changed),
            ControlFlow::Break(error) => Err(error),
        }
    }
}

struct Put<'a> {
    windows: &'a Windows<'a>,
    /// How many queries are around: they have windows of their own.
    within: usize,
    changed: bool,
}

impl VisitorMut for Put<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<Error> {
        self.within += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Error> {
        self.within -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        match expr {
            Expr::Function(function) if self.within == 0 && function.over.is_some() => match self.put(function) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            },
            _ => ControlFlow::Continue(()),
        }
    }
}

impl Put<'_> {
    fn put(&mut self, function: &mut Function) -> Result<()> {
        let before = function.clone();
        let mut spec = match function.over.take() {
            Some(WindowType::NamedWindow(name)) => self.windows.named(&name)?.clone(),
            Some(WindowType::WindowSpec(spec)) if spec.window_name.is_some() => self.windows.completed(spec)?,
            Some(WindowType::WindowSpec(spec)) => spec,
            None => return Ok(()),
        };
        let exclusion = Exclusion::take(&mut spec);
        function.over = Some(WindowType::WindowSpec(spec));
        put_among_arguments(function, exclusion, self.windows.options)?;
        if let Some(name) = name_as_window(function) {
            function.name = ObjectName::from(vec![Ident::new(name)]);
        }
        self.changed |= before != *function;
        Ok(())
    }
}

/// The name that an aggregate has as a window function, if it is another one: `first` is `first_value`.
fn name_as_window(function: &Function) -> Option<&'static str> {
    let given = function.name.to_string();
    let known = aggregate_named(&given)?;
    let name = ["first_value", "last_value", "nth_value"].into_iter().find(|name| *name == known.name())?;
    (!given.eq_ignore_ascii_case(name)).then_some(name)
}
