//! Puts macros in place of their calls, in the syntax tree: a parameter becomes the argument in brackets, so that it stays one value. A macro's own calls
//! of macros are expanded too; one that would call itself is refused.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use clouddb_storage::Snapshot;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Select, SelectItem, TableAlias, TableFactor, Value, Visit,
    VisitMut, Visitor, VisitorMut,
};

use super::definition::{Body, Definition};
use super::hygiene;
use crate::error::{Error, Result};
use crate::settings::DEFAULT_SCHEMA;
use crate::statements::ast;
use crate::statements::lookup;
use crate::statements::syntax::parse;

/// How deep macros may call macros: what they become grows with it.
const MAX_NESTING: usize = 32;

/// Expands all calls in a statement or an expression. Names without a schema are looked up in `schema`, and then in `main`.
pub(crate) fn expand<T: VisitMut>(snapshot: &Snapshot, schema: &str, node: &mut T) -> Result<()> {
    match snapshot.has_macros() {
        true => Expander { snapshot, schema, open: Vec::new() }.run(node),
        false => Ok(()),
    }
}

/// Refuses a macro that calls itself.
pub(super) fn check_recursion(snapshot: &Snapshot, schema: &str, name: &str) -> Result<()> {
    let Some(meta) = snapshot.macros(schema).into_iter().find(|meta| meta.name == name) else { return Ok(()) };
    let mut expander = Expander { snapshot, schema, open: vec![(schema.to_owned(), name.to_owned())] };
    match parse::parse_macro(&meta.definition)?.body {
        Body::Expression(mut body) => expander.run(body.as_mut()),
        Body::Table(mut body) => expander.run(body.as_mut()),
    }
}

struct Expander<'a> {
    snapshot: &'a Snapshot,
    schema: &'a str,
    /// The macros that are being expanded, outermost first.
    open: Vec<(String, String)>,
}

impl Expander<'_> {
    fn run<T: VisitMut>(&mut self, node: &mut T) -> Result<()> {
        match VisitMut::visit(node, self) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(error),
        }
    }

    /// The macro that a call means.
    fn find(&self, name: &ObjectName) -> Result<Option<(String, String, Definition)>> {
        let parts = lookup::parts(name)?;
        let (schemas, wanted) = match parts.as_slice() {
            [wanted] => (vec![self.schema, DEFAULT_SCHEMA], wanted),
            [schema, wanted] => (vec![schema.as_str()], wanted),
            _ => return Ok(None),
        };
        for schema in schemas {
            let macros = self.snapshot.macros(schema);
            let found = lookup::pick("macro", wanted, macros.iter().map(|meta| meta.name.as_str()))?;
            if let Some(meta) = found.and_then(|name| macros.iter().find(|meta| meta.name == name)) {
                let key = (schema.to_owned(), meta.name.clone());
                if self.open.contains(&key) {
                    return Err(Error::invalid(format!("macro '{schema}.{}' calls itself", meta.name)));
                }
                if self.open.len() >= MAX_NESTING {
                    return Err(Error::limit(format!("macros call each other more than {MAX_NESTING} deep")));
                }
                return Ok(Some((key.0, key.1, parse::parse_macro(&meta.definition)?)));
            }
        }
        Ok(None)
    }

    fn is_call(&self, expr: &Expr) -> bool {
        struct Finder<'a, 'b>(&'a Expander<'b>);
        impl Visitor for Finder<'_, '_> {
            type Break = ();
            fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
                match expr {
                    Expr::Function(function) if matches!(self.0.find(&function.name), Ok(Some(_))) => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                }
            }
        }
        expr.visit(&mut Finder(self)).is_break()
    }

    fn expression(&mut self, expr: &mut Expr) -> Result<()> {
        let Expr::Function(function) = expr else { return Ok(()) };
        let Some((schema, name, definition)) = self.find(&function.name)? else { return Ok(()) };
        let Body::Expression(body) = definition.body else {
            return Err(Error::invalid(format!("macro '{name}' is a table")).with_hint(format!("write SELECT ... FROM {name}(...)")));
        };
        if function.over.is_some() || function.filter.is_some() || !function.within_group.is_empty() {
            return Err(Error::invalid(format!("macro '{name}' takes no OVER, FILTER or WITHIN GROUP")));
        }
        let arguments = match &function.args {
            FunctionArguments::List(list) if list.duplicate_treatment.is_none() && list.clauses.is_empty() => list.args.clone(),
            FunctionArguments::None => Vec::new(),
            _ => return Err(wrong_arguments(&name)),
        };
        let body = self.expanded(&schema, &name, &definition.parameters, &arguments, *body)?;
        *expr = Expr::Nested(Box::new(body));
        Ok(())
    }

    fn table(&mut self, factor: &mut TableFactor) -> Result<()> {
        let TableFactor::Table { name: called, args: Some(args), alias, .. } = factor else { return Ok(()) };
        let Some((schema, name, definition)) = self.find(called)? else { return Ok(()) };
        let Body::Table(body) = definition.body else { return Ok(()) };
        let body = self.expanded(&schema, &name, &definition.parameters, &args.args, body)?;
        let alias =
            alias.take().unwrap_or_else(|| TableAlias { explicit: true, name: Ident::with_quote('"', &name), columns: vec![], at: None });
        *factor = TableFactor::Derived { lateral: false, subquery: body, alias: Some(alias), sample: None };
        Ok(())
    }

    /// A body with its own calls expanded and the arguments in it. The arguments were expanded before, where they stand.
    fn expanded<T: Visit + VisitMut>(
        &mut self,
        schema: &str,
        name: &str,
        parameters: &[(Ident, Option<Expr>)],
        arguments: &[FunctionArg],
        mut body: T,
    ) -> Result<T> {
        let values = bind(name, parameters, arguments)?;
        self.open.push((schema.to_owned(), name.to_owned()));
        let expanded = self.run(&mut body);
        self.open.pop();
        expanded?;
        hygiene::check_columns(name, &body, values.values())?;
        hygiene::rename_lambdas(&mut body);
        let relations = hygiene::relations(&body);
        let _ = VisitMut::visit(&mut body, &mut Substitution { values, relations });
        Ok(body)
    }
}

impl VisitorMut for Expander<'_> {
    type Break = Error;

    /// A column is called as the call is written, not as what it becomes.
    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item
                && self.is_call(expr)
            {
                let alias = Ident::with_quote('"', expr.to_string());
                let expr = std::mem::replace(expr, Expr::Value(Value::Null.into()));
                *item = SelectItem::ExprWithAlias { expr, alias };
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        match self.expression(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        match self.table(factor) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

fn wrong_arguments(name: &str) -> Error {
    Error::invalid(format!("macro '{name}' takes values only, without DISTINCT, ORDER BY and their like"))
}

/// The value of each parameter, by its name in small letters.
fn bind(name: &str, parameters: &[(Ident, Option<Expr>)], arguments: &[FunctionArg]) -> Result<HashMap<String, Expr>> {
    let usage = || {
        let names: Vec<String> =
            parameters.iter().map(|(name, default)| if default.is_some() { format!("[{name}]") } else { name.to_string() }).collect();
        format!("it is {name}({})", names.join(", "))
    };
    let mut values = HashMap::new();
    for (at, argument) in arguments.iter().enumerate() {
        let (parameter, value) = match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => (parameters.get(at).map(|(name, _)| name.clone()), value),
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => (Some(name.clone()), value),
            _ => return Err(wrong_arguments(name)),
        };
        let known = parameter.as_ref().filter(|wanted| parameters.iter().any(|(name, _)| super::definition::is_same(name, wanted)));
        let Some(known) = known else {
            let what = match parameter {
                Some(parameter) => format!("has no parameter '{parameter}'"),
                None => format!("takes {} values, not {}", parameters.len(), arguments.len()),
            };
            return Err(Error::invalid(format!("macro '{name}' {what}")).with_hint(usage()));
        };
        if values.insert(known.value.to_lowercase(), value.clone()).is_some() {
            return Err(Error::invalid(format!("macro '{name}' gets a value for '{known}' twice")));
        }
    }
    for (parameter, default) in parameters {
        let key = parameter.value.to_lowercase();
        match default {
            _ if values.contains_key(&key) => {}
            Some(default) => drop(values.insert(key, default.clone())),
            None => return Err(Error::invalid(format!("macro '{name}' has no value for '{parameter}'")).with_hint(usage())),
        }
    }
    Ok(values)
}

/// Puts values in place of names. What it puts there is not looked at again: `post` visits come from the inside out.
struct Substitution {
    values: HashMap<String, Expr>,
    /// What the body's own relations are called, in small letters: before a dot such a name is theirs.
    relations: HashSet<String>,
}

impl Substitution {
    fn value(&self, name: &Ident) -> Option<Expr> {
        self.values.get(&name.value.to_lowercase()).cloned()
    }
}

impl VisitorMut for Substitution {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) => {
                if let Some(value) = self.value(name) {
                    *expr = match value {
                        value @ Expr::Value(_) => value,
                        value => Expr::Nested(Box::new(value)),
                    };
                }
            }
            // A field of a parameter that is a struct, unless one of the body's tables is called so.
            Expr::CompoundIdentifier(parts) => {
                let parameter = parts.first().filter(|name| !self.relations.contains(&name.value.to_lowercase()));
                if let Some(value) = parameter.and_then(|name| self.value(name)) {
                    let field = |part: &Ident| Expr::Value(Value::SingleQuotedString(part.value.clone()).into());
                    *expr = parts[1..].iter().fold(value, |value, part| ast::call("get_field", vec![value, field(part)]));
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
