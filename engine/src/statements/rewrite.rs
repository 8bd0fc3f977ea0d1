//! Turns a checked statement into one that DataFusion plans rightly.
//!
//! - A table of the past (`t AT (VERSION => 3)`) becomes a table in a catalog that shows that snapshot.
//! - A file (`FROM 'x.parquet'`) becomes a table in a catalog of files.
//! - `FROM t` alone gets its `*`; the `*` of tables joined USING is written out (`using`); a number with an exponent becomes a DOUBLE, a cast to UUID and AT TIME ZONE a call; long chains of AND and OR become shallow.
//!
//! Nothing that reads the past is left behind: a version that is not understood is an error, never the present.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use clouddb_storage::AsOf;
use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType as SqlType, ExactNumberInfo, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgOperator,
    FunctionArgumentList, FunctionArguments, Ident, ObjectName, Query, Select, SelectFlavor, SelectItem, SetExpr, Statement, TableFactor,
    TableVersion, Value, VisitMut, VisitorMut, WildcardAdditionalOptions,
};

use super::context::Context;
use super::{balance, constant, files_in, refuse, using};
use crate::error::{Error, Result};
use crate::files::{self, FileCatalog, FileQuery};
use crate::semantics::{functions, zones};
use crate::settings::CATALOG;

/// The catalog of files that a statement reads in place.
const FILES: &str = "files queried in place";

/// Checks and rewrites a statement. To be called on a big stack.
pub(crate) async fn rewrite(context: &Context, statement: &mut Statement) -> Result<()> {
    balance::balance(statement);
    refuse::check_queries(statement)?;
    let mut rewriter = Rewriter { context, snapshots: BTreeMap::new(), files: BTreeMap::new() };
    if let ControlFlow::Break(error) = VisitMut::visit(statement, &mut rewriter) {
        return Err(error);
    }
    let Rewriter { snapshots, files, .. } = rewriter;
    for (catalog, as_of) in snapshots {
        let snapshot = context.database.storage().snapshot_at(as_of).await?;
        context.catalogs.add(&catalog, context.database.catalog_at(snapshot));
    }
    if !files.is_empty() {
        let mut catalog = FileCatalog::default();
        for (name, query) in files {
            catalog.add(name, query.table(context).await?);
        }
        context.catalogs.add(FILES, Arc::new(catalog));
    }
    Ok(())
}

/// Checks and rewrites the query of a view, which reads neither the past nor files.
pub(crate) fn rewrite_stored(statement: &mut Statement) -> Result<()> {
    struct Stored;
    impl VisitorMut for Stored {
        type Break = Error;
        fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
            match reads_past_or_files(query) {
                Some(what) => return ControlFlow::Break(refuse::unsupported(format!("a view that {what}"))),
                None => add_wildcard(&mut query.body),
            }
            ControlFlow::Continue(())
        }
        fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
            selected(select)
        }
        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
            match literal_or_cast(expr) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        }
    }
    balance::balance(statement);
    refuse::check_stored(statement)?;
    match VisitMut::visit(statement, &mut Stored) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// Whether a query reads the past or files: such a query cannot be stored as a view.
pub(crate) fn reads_past_or_files(query: &Query) -> Option<&'static str> {
    struct Finder(Option<&'static str>);
    impl datafusion::sql::sqlparser::ast::Visitor for Finder {
        type Break = ();
        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            if let TableFactor::Table { version: Some(_), .. } = factor {
                self.0 = Some("reads the past");
            }
            if files_in::is_files(factor) {
                self.0 = Some("reads files");
            }
            ControlFlow::Continue(())
        }
    }
    let mut finder = Finder(None);
    let _ = datafusion::sql::sqlparser::ast::Visit::visit(query, &mut finder);
    finder.0
}

struct Rewriter<'a> {
    context: &'a Context,
    /// Catalogs of the past, by the name that tables got.
    snapshots: BTreeMap<String, AsOf>,
    /// Files, by the name that tables got.
    files: BTreeMap<String, FileQuery>,
}

impl VisitorMut for Rewriter<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        add_wildcard(&mut query.body);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        selected(select)
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        match self.table_factor(factor) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        match literal_or_cast(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

/// `FROM t` means `SELECT * FROM t`.
fn add_wildcard(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) if select.flavor == SelectFlavor::FromFirstNoSelect => {
            select.flavor = SelectFlavor::Standard;
            select.projection = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
        }
        SetExpr::SetOperation { left, right, .. } => {
            add_wildcard(left);
            add_wildcard(right);
        }
        _ => {}
    }
}

/// What a SELECT lists, as DataFusion has to see it.
fn selected(select: &mut Select) -> ControlFlow<Error> {
    match using::expand(select) {
        Ok(()) => {
            name_twins(select);
            ControlFlow::Continue(())
        }
        Err(error) => ControlFlow::Break(error),
    }
}

/// DataFusion wants every expression of a SELECT to have a name of its own, and leaves casts out of names; people write `SELECT 1, 1` and `SELECT a::TEXT, a`.
/// The second `1` gets the name `1:1`, as in DuckDB; what differs by casts gets its own text as a name.
fn name_twins(select: &mut Select) {
    let mut seen: HashMap<String, HashMap<String, usize>> = HashMap::new();
    for item in &mut select.projection {
        let SelectItem::UnnamedExpr(expr) = item else { continue };
        // That is what DataFusion calls all of them.
        let text = match &*expr {
            Expr::Subquery(_) => "(<subquery>)".to_owned(),
            other => other.to_string(),
        };
        let twins = seen.entry(without_casts(expr)).or_default();
        let is_first = twins.is_empty();
        let count = twins.entry(text.clone()).or_default();
        let name = match *count {
            0 if is_first => None,
            0 => Some(text),
            count => Some(format!("{text}:{count}")),
        };
        *count += 1;
        if let Some(name) = name {
            let expr = std::mem::replace(expr, Expr::Value(Value::Null.into()));
            *item = SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', name) };
        }
    }
}

/// What DataFusion names an expression after, more or less.
fn without_casts(expr: &Expr) -> String {
    struct Casts;
    impl VisitorMut for Casts {
        type Break = ();
        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if let Expr::Cast { expr: inner, .. } | Expr::Nested(inner) = expr {
                *expr = std::mem::replace(inner.as_mut(), Expr::Value(Value::Null.into()));
            }
            ControlFlow::Continue(())
        }
    }
    match expr {
        Expr::Subquery(_) => "(<subquery>)".to_owned(),
        other => {
            let mut stripped = other.clone();
            let _ = VisitMut::visit(&mut stripped, &mut Casts);
            stripped.to_string()
        }
    }
}

fn call(function: &str, arguments: Vec<Expr>) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(function)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments.into_iter().map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))).collect(),
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

impl Rewriter<'_> {
    fn table_factor(&mut self, factor: &mut TableFactor) -> Result<()> {
        let found = files_in::query(factor, |name| {
            let table = self.context.qualify(name);
            table.is_ok_and(|table| self.context.snapshot.table(&table.schema, &table.name).is_some())
        })?;
        let TableFactor::Table { name, args, version, .. } = factor else { return Ok(()) };
        if let Some(query) = found {
            if version.is_some() {
                return Err(Error::invalid(format!("the file '{}' has no past to read", query.name())));
            }
            *name = self.file(query);
            *args = None;
            return Ok(());
        }
        let Some(version) = version.take() else { return Ok(()) };
        let as_of = self.as_of(version)?;
        let catalog = match as_of {
            AsOf::Snapshot(number) => format!("{CATALOG}@{number}"),
            AsOf::Timestamp(micros) => format!("{CATALOG}@{micros}us"),
        };
        let table = self.context.qualify(name)?;
        *name = quoted([catalog.clone(), table.schema, table.name]);
        self.snapshots.insert(catalog, as_of);
        Ok(())
    }

    fn file(&mut self, query: FileQuery) -> ObjectName {
        // The same file read in two ways is two tables; the name is the path so that messages and plans show it.
        let mut name = query.name();
        while self.files.get(&name).is_some_and(|other| *other != query) {
            name.push(' ');
        }
        self.files.insert(name.clone(), query);
        quoted([FILES.to_owned(), files::SCHEMA.to_owned(), name])
    }

    fn as_of(&self, version: TableVersion) -> Result<AsOf> {
        match version {
            TableVersion::ForSystemTimeAsOf(expr) | TableVersion::TimestampAsOf(expr) => self.timestamp(expr),
            TableVersion::VersionAsOf(expr) => self.number(expr),
            TableVersion::Function(Expr::Function(function)) => {
                let usage = || {
                    Error::invalid(format!("'{function}' is no point in time"))
                        .with_hint("write AT (VERSION => 3) or AT (TIMESTAMP => '2026-01-31 12:00:00')")
                };
                if !function.name.to_string().eq_ignore_ascii_case("at") {
                    return Err(refuse::unsupported(format!("{} behind a table", function.name)));
                }
                let FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses }) = &function.args else {
                    return Err(usage());
                };
                match args.as_slice() {
                    [FunctionArg::Named { name, arg: FunctionArgExpr::Expr(expr), operator: FunctionArgOperator::RightArrow }]
                        if clauses.is_empty() =>
                    {
                        match name.value.to_ascii_lowercase().as_str() {
                            "version" | "snapshot" => self.number(expr.clone()),
                            "timestamp" => self.timestamp(expr.clone()),
                            _ => Err(usage()),
                        }
                    }
                    _ => Err(usage()),
                }
            }
            other => Err(refuse::unsupported(other)),
        }
    }

    fn number(&self, expr: Expr) -> Result<AsOf> {
        snapshot_number(self.context, expr)
    }

    fn timestamp(&self, expr: Expr) -> Result<AsOf> {
        timestamp(self.context, expr)
    }
}

/// The number of a snapshot, from a constant.
pub(crate) fn snapshot_number(context: &Context, expr: Expr) -> Result<AsOf> {
    let text = expr.to_string();
    let wrong = || Error::invalid(format!("{text} is no number of a snapshot"));
    match constant::scalar_of(&context.state, expr, DataType::is_integer, &DataType::UInt64).map_err(|_| wrong())? {
        ScalarValue::UInt64(Some(number)) => Ok(AsOf::Snapshot(number)),
        _ => Err(wrong()),
    }
}

/// A moment, from a constant; without a zone it is UTC.
pub(crate) fn timestamp(context: &Context, expr: Expr) -> Result<AsOf> {
    let text = expr.to_string();
    let wrong = || {
        Error::invalid(format!("{text} is no point in time"))
            .with_hint("write it as '2026-01-31 12:00:00', in UTC, or with a zone as '2026-01-31T12:00:00+02:00'")
    };
    let moment = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let value = constant::scalar_of(&context.state, expr, |found| found.is_string() || found.is_temporal(), &moment);
    match value.map_err(|_| wrong())? {
        ScalarValue::TimestampMicrosecond(Some(micros), _) => Ok(AsOf::Timestamp(micros)),
        _ => Err(wrong()),
    }
}

fn quoted<const N: usize>(parts: [String; N]) -> ObjectName {
    ObjectName::from(parts.into_iter().map(|part| Ident::with_quote('"', part)).collect::<Vec<_>>())
}

/// Rewrites literals and casts in an expression that stands alone.
pub(crate) fn rewrite_expression(mut expr: Expr) -> Result<Expr> {
    struct Casts;
    impl VisitorMut for Casts {
        type Break = Error;
        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
            match literal_or_cast(expr) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        }
    }
    match VisitMut::visit(&mut expr, &mut Casts) {
        ControlFlow::Continue(()) => Ok(expr),
        ControlFlow::Break(error) => Err(error),
    }
}

/// A number with an exponent is a DOUBLE; without one it is exact. A cast to UUID becomes a call, as Arrow's casts know only bytes; so does AT TIME ZONE,
/// which DataFusion takes for a cast.
fn literal_or_cast(expr: &mut Expr) -> Result<()> {
    match expr {
        Expr::Value(value) => {
            if let Value::Number(digits, _) = &value.value
                && digits.contains(['e', 'E'])
            {
                let digits = Expr::Value(Value::SingleQuotedString(digits.clone()).into());
                let data_type = SqlType::Double(ExactNumberInfo::None);
                *expr = Expr::Cast { kind: CastKind::Cast, expr: Box::new(digits), data_type, array: false, format: None };
            }
        }
        Expr::Cast { data_type: SqlType::Uuid, kind: CastKind::TryCast | CastKind::SafeCast, .. } => {
            return Err(refuse::unsupported("TRY_CAST to UUID"));
        }
        Expr::Cast { data_type: SqlType::Uuid, expr: inner, .. } => {
            let inner = std::mem::replace(inner.as_mut(), Expr::Value(Value::Null.into()));
            *expr = call(functions::TO_UUID, vec![inner]);
        }
        Expr::TypedString(typed) if typed.data_type == SqlType::Uuid => {
            *expr = call(functions::TO_UUID, vec![Expr::Value(typed.value.clone())])
        }
        Expr::AnyOp { left, compare_op, right, .. } if matches!(**right, Expr::Subquery(_)) => {
            *expr = compared_with_rows(left, compare_op, right, false)?;
        }
        Expr::AllOp { left, compare_op, right } if matches!(**right, Expr::Subquery(_)) => {
            *expr = compared_with_rows(left, compare_op, right, true)?;
        }
        Expr::AtTimeZone { timestamp, time_zone } => {
            let [time, zone] = [timestamp, time_zone].map(|part| std::mem::replace(part.as_mut(), Expr::Value(Value::Null.into())));
            *expr = call(zones::TIMEZONE, vec![zone, time]);
        }
        _ => {}
    }
    Ok(())
}

/// `x = ANY (SELECT ...)` is IN, `x <> ALL (SELECT ...)` NOT IN. DataFusion mixes up columns of the same name within and without.
fn compared_with_rows(left: &mut Expr, op: &BinaryOperator, right: &mut Expr, all: bool) -> Result<Expr> {
    let take = |expr: &mut Expr| std::mem::replace(expr, Expr::Value(Value::Null.into()));
    match (op, all, take(right)) {
        (BinaryOperator::Eq, false, Expr::Subquery(subquery)) => {
            Ok(Expr::InSubquery { expr: Box::new(take(left)), subquery, negated: false })
        }
        (BinaryOperator::NotEq, true, Expr::Subquery(subquery)) => {
            Ok(Expr::InSubquery { expr: Box::new(take(left)), subquery, negated: true })
        }
        (op, all, _) => {
            let error = refuse::unsupported(format!("{op} {} (SELECT ...)", if all { "ALL" } else { "ANY" }));
            Err(error.with_hint("compare with (SELECT min(...) ...) or (SELECT max(...) ...)"))
        }
    }
}
