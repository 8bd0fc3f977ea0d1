//! Named windows, written out where they are used. DataFusion knows them in the list of columns alone, and takes a window that adds to a named one,
//! `OVER (w ORDER BY v)`, for the named one.
//!
//! As in PostgreSQL, what is added to a window may be an ORDER BY that it has not, and a frame; `OVER w` is the window with its frame, `OVER (w)` a copy, which a
//! window with a frame has not.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, NamedWindowDefinition, NamedWindowExpr, OrderBy, OrderByKind, Query, Select, SelectItem, VisitMut, VisitorMut, WindowSpec,
    WindowType,
};

use super::ast::{position, quoted};
use super::scope::same;
use super::written;
use crate::error::{Error, Result};

/// Writes the windows of a SELECT out, there and in the ORDER BY behind it. Columns without a name keep the one that was written.
pub(super) fn write_out(select: &mut Select, order_by: Option<&mut OrderBy>) -> Result<()> {
    let mut windows = Windows(Vec::new());
    for NamedWindowDefinition(name, window) in std::mem::take(&mut select.named_window) {
        if windows.0.iter().any(|(known, _)| same(&known.value, &name.value)) {
            return Err(Error::invalid(format!("there are two windows called '{}'", name.value)).at(position(&name)));
        }
        let spec = match window {
            NamedWindowExpr::NamedWindow(of) => windows.named(&of)?.clone(),
            NamedWindowExpr::WindowSpec(spec) => windows.completed(spec)?,
        };
        windows.0.push((name, spec));
    }
    for item in &mut select.projection {
        let named = match item {
            SelectItem::UnnamedExpr(expr) => {
                let name = written(expr);
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
struct Windows(Vec<(Ident, WindowSpec)>);

impl Windows {
    fn named(&self, name: &Ident) -> Result<&WindowSpec> {
        self.0.iter().find(|(known, _)| same(&known.value, &name.value)).map(|(_, spec)| spec).ok_or_else(|| {
            let known: Vec<&str> = self.0.iter().map(|(known, _)| known.value.as_str()).collect();
            let hint = match known.is_empty() {
                true => format!("write WINDOW {} AS (PARTITION BY ... ORDER BY ...) behind the FROM", name.value),
                false => format!("there are {}", known.join(", ")),
            };
            Error::not_found(format!("there is no window '{}'", name.value)).with_hint(hint).at(position(name))
        })
    }

    /// A window with the parts of the one that it adds to.
    fn completed(&self, mut spec: WindowSpec) -> Result<WindowSpec> {
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
    windows: &'a Windows,
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
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let spec = match function.over.take() {
            Some(WindowType::NamedWindow(name)) if self.within == 0 => self.windows.named(&name).cloned(),
            Some(WindowType::WindowSpec(spec)) if self.within == 0 && spec.window_name.is_some() => self.windows.completed(spec),
            other => {
                function.over = other;
                return ControlFlow::Continue(());
            }
        };
        match spec {
            Ok(spec) => {
                function.over = Some(WindowType::WindowSpec(spec));
                self.changed = true;
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }
}
