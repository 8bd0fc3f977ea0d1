//! Files where a query has a table: `FROM 'x.csv'`, and calls of the functions that read files, as `FROM read_csv('x.csv', delim = ';')`.
//!
//! Options have names, written with `=`, `:=` or `=>`.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DictionaryField, Expr, FunctionArg, FunctionArgExpr, FunctionArgOperator, Ident, ObjectName, TableFactor,
    UnaryOperator, Value,
};

use crate::error::{Error, Result};
use crate::files::{FileFormat, FileQuery, Function, Given};

/// The files that a table of a query is, if it is files.
///
/// # Errors
/// *Invalid* for arguments that a function does not have.
pub(crate) fn query(factor: &TableFactor, is_table: impl Fn(&ObjectName) -> bool) -> Result<Option<FileQuery>> {
    let TableFactor::Table { name, args, .. } = factor else { return Ok(None) };
    match args {
        None => Ok(path(name, is_table).map(FileQuery::path)),
        Some(args) => match function(name) {
            Some((name, function)) => call(&name, function, &args.args).map(Some),
            None => Ok(None),
        },
    }
}

/// Whether a table of a query is files.
pub(crate) fn is_files(factor: &TableFactor) -> bool {
    match factor {
        TableFactor::Table { name, args: None, .. } => path(name, |_| true).is_some(),
        TableFactor::Table { name, args: Some(_), .. } => function(name).is_some(),
        _ => false,
    }
}

/// The path, if a table's name is a string; or a name in double quotes that ends as files do, and that no table has.
fn path(name: &ObjectName, is_table: impl Fn(&ObjectName) -> bool) -> Option<String> {
    let [part] = name.0.as_slice() else { return None };
    let ident = part.as_ident()?;
    match ident.quote_style {
        Some('\'') => Some(ident.value.clone()),
        Some('"') if FileFormat::from_path(&ident.value).is_some() && !is_table(name) => Some(ident.value.clone()),
        _ => None,
    }
}

fn function(name: &ObjectName) -> Option<(String, Function)> {
    let [part] = name.0.as_slice() else { return None };
    let name = part.as_ident()?.value.to_ascii_lowercase();
    Function::named(&name).map(|function| (name, function))
}

fn call(name: &str, function: Function, args: &[FunctionArg]) -> Result<FileQuery> {
    let usage = || {
        Error::invalid(format!("{name} takes one path, or a list of paths, and then options"))
            .with_hint(format!("as in {name}('folder/*.csv', filename = true)"))
    };
    let (first, rest) = args.split_first().ok_or_else(usage)?;
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(first)) = first else { return Err(usage()) };
    let paths = match value(first) {
        Some(Given::Text(path)) if matches!(first, Expr::Value(_)) => vec![path],
        Some(Given::List(paths)) if !paths.is_empty() => paths,
        _ => return Err(usage()),
    };
    let options = rest.iter().map(|arg| {
        let (option, given) = named(arg)
            .ok_or_else(|| Error::invalid(format!("'{arg}' is no option of {name}")).with_hint("an option has a name: header = true"))?;
        let given = value(given).ok_or_else(|| {
            Error::invalid(format!("the option {option} is a constant, not {given}"))
                .with_hint("write a string, a number, true, a list or a struct of such")
        })?;
        Ok((option, given))
    });
    FileQuery::call(name, function, paths, options.collect::<Result<Vec<_>>>()?)
}

/// A name and what stands behind it.
fn named(arg: &FunctionArg) -> Option<(String, &Expr)> {
    match arg {
        FunctionArg::Named {
            name,
            arg: FunctionArgExpr::Expr(expr),
            operator: FunctionArgOperator::Equals | FunctionArgOperator::RightArrow | FunctionArgOperator::Assignment,
        } => Some((name.value.clone(), expr)),
        FunctionArg::ExprNamed {
            name: Expr::Identifier(name),
            arg: FunctionArgExpr::Expr(expr),
            operator: FunctionArgOperator::Equals | FunctionArgOperator::RightArrow | FunctionArgOperator::Assignment,
        } => Some((name.value.clone(), expr)),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::BinaryOp { left, op: BinaryOperator::Eq, right })) => match left.as_ref() {
            Expr::Identifier(name) => Some((name.value.clone(), right)),
            _ => None,
        },
        _ => None,
    }
}

/// A constant: a string, a number, a word, a list of them, or a struct.
fn value(expr: &Expr) -> Option<Given> {
    match expr {
        Expr::Array(list) => list.elem.iter().map(text).collect::<Option<Vec<_>>>().map(Given::List),
        Expr::Tuple(items) => items.iter().map(text).collect::<Option<Vec<_>>>().map(Given::List),
        Expr::Dictionary(fields) => fields.iter().map(pair).collect::<Option<Vec<_>>>().map(Given::Pairs),
        Expr::Nested(inner) => value(inner),
        other => text(other).map(Given::Text),
    }
}

fn pair(field: &DictionaryField) -> Option<(String, String)> {
    let Ident { value, .. } = &field.key;
    Some((value.clone(), text(&field.value)?))
}

fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Boolean(flag) => Some(flag.to_string()),
            Value::Number(digits, _) => Some(digits.clone()),
            other => other.clone().into_string(),
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => text(expr).map(|number| format!("-{number}")),
        // A word: auto, a type.
        Expr::Identifier(word) => Some(word.value.clone()),
        _ => None,
    }
}
