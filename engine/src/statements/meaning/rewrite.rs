//! Turns a checked statement into one that DataFusion plans rightly.
//!
//! - A table of the past (`t AT (VERSION => 3)`) becomes a table in a catalog that shows that snapshot.
//! - A file (`FROM 'x.parquet'`) becomes a table in a catalog of files.
//! - `FROM t` alone gets its `*`, `TABLE t` becomes a SELECT, FETCH FIRST a LIMIT (`spellings`); names are found (`resolve`).
//! - A number with an exponent becomes a DOUBLE, a cast to UUID and AT TIME ZONE a call.
//!
//! Nothing that reads the past is left behind: a version that is not understood is an error, never the present.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use clouddb_storage::AsOf;
use datafusion::common::ScalarValue;
use datafusion::execution::session_state::SessionState;
use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, DataType as SqlType, ExactNumberInfo, Expr, FunctionArg, FunctionArgExpr, FunctionArgOperator,
    FunctionArgumentList, FunctionArguments, Ident, ObjectName, Query, SelectItem, SetExpr, Statement, TableAlias, TableAliasColumnDef,
    TableFactor, TableVersion, TableWithJoins, UnaryOperator, Value, VisitMut, VisitorMut,
};

use super::resolve::ast::{self, call};
use crate::error::{Error, Result};
use crate::files::{self, FileCatalog, FileQuery};
use crate::functions::uuids;
use crate::semantics::{session_zone, zones};
use crate::settings::CATALOG;
use crate::statements::context::Context;
use crate::statements::meaning::files_in;
use crate::statements::meaning::interval_literals;
use crate::statements::meaning::limits;
use crate::statements::meaning::operators;
use crate::statements::meaning::pivot;
use crate::statements::meaning::refuse;
use crate::statements::meaning::resolve;
use crate::statements::meaning::shown;
use crate::statements::meaning::spellings;
use crate::statements::rows::constant;
use crate::statements::targets::temporary_name;
use crate::types;

/// The catalog of files that a statement reads in place.
const FILES: &str = "files queried in place";

/// Checks and rewrites a statement whose chains are balanced. To be called on a big stack. Returns what the result's columns are called, where a plan cannot say it.
pub(crate) async fn rewrite(context: &Context, statement: &mut Statement) -> Result<Option<Vec<String>>> {
    refuse::check_queries(statement)?;
    spellings::standardize(statement, false)?;
    shown::with_rows(context, statement).await?;
    limits::with_numbers(context, statement).await?;
    pivot::with_values(context, statement).await?;
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
        // Files have a column of their names for those who ask for it: whoever does not is not to carry it along.
        let asks_for_names = statement.to_string().to_ascii_lowercase().contains("filename");
        for (name, query) in files {
            let query = if asks_for_names { query.with_hidden_filename() } else { query };
            catalog.add(name, query.table(context).await?);
        }
        context.catalogs.add(FILES, Arc::new(catalog));
    }
    let names = resolve::resolve(&context.state, statement).await?;
    literals_and_casts(statement)?;
    Ok(names)
}

/// Checks and rewrites the query of a view, which reads neither the past nor files. `state` knows the catalog that its names are found in.
pub(crate) async fn rewrite_stored(state: &SessionState, statement: &mut Statement) -> Result<()> {
    refuse::check_stored(statement)?;
    if let Statement::Query(query) = statement
        && let Some(what) = reads_past_or_files(query)
    {
        return Err(refuse::unsupported(format!("a view that {what}")));
    }
    spellings::standardize(statement, true)?;
    resolve::resolve(state, statement).await?;
    literals_and_casts(statement)
}

/// What a query does that a view does not: it reads the past, or files, or holds statements that are carried out before it.
pub(crate) fn reads_past_or_files(query: &Query) -> Option<&'static str> {
    struct Finder(Option<&'static str>);
    impl datafusion::sql::sqlparser::ast::Visitor for Finder {
        type Break = ();
        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            if limits::is_computed(query) {
                self.0 = Some("computes its LIMIT");
            }
            ControlFlow::Continue(())
        }
        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            if shown::is_shown(factor) {
                self.0 = Some("reads DESCRIBE, SHOW or SUMMARIZE");
            }
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

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        match self.table_factor(factor) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
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
        if temporary_name(name, self.context.temporary.as_ref())?.is_some() {
            return Err(
                refuse::unsupported(format!("the past of the temporary table '{name}'")).with_hint("only stored tables keep theirs")
            );
        }
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

/// A moment, from a constant; without a zone it is in the session's.
pub(crate) fn timestamp(context: &Context, expr: Expr) -> Result<AsOf> {
    let text = expr.to_string();
    let wrong = || {
        Error::invalid(format!("{text} is no point in time"))
            .with_hint("write it as '2026-01-31 12:00:00', or with a zone as '2026-01-31T12:00:00+02:00'")
    };
    let zone = session_zone::of(context.state.config_options()).unwrap_or(types::ZONE);
    let moment = DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into()));
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
    literals_and_casts(&mut expr)?;
    Ok(expr)
}

fn literals_and_casts(node: &mut impl VisitMut) -> Result<()> {
    struct Casts;
    impl VisitorMut for Casts {
        type Break = Error;
        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
            operators::as_calls(expr);
            match literal_or_cast(expr) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        }
    }
    match VisitMut::visit(node, &mut Casts) {
        ControlFlow::Continue(()) => Ok(()),
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
            *expr = call(uuids::TO_UUID, vec![inner]);
        }
        Expr::TypedString(typed) if typed.data_type == SqlType::Uuid => {
            *expr = call(uuids::TO_UUID, vec![Expr::Value(typed.value.clone())])
        }
        Expr::AnyOp { left, compare_op, right, .. } if matches!(**right, Expr::Subquery(_)) => {
            *expr = compared_with_rows(left, compare_op, right, false)?;
        }
        Expr::AllOp { left, compare_op, right } if matches!(**right, Expr::Subquery(_)) => {
            *expr = compared_with_rows(left, compare_op, right, true)?;
        }
        // `(a, b) IN (SELECT ...)`: of several columns.
        Expr::InSubquery { expr: left, subquery, negated } if matches!(**left, Expr::Tuple(_)) => {
            if let Expr::Tuple(values) = ast::take(left) {
                let found = of_rows(values, BinaryOperator::Eq, subquery.as_ref().clone(), false);
                *expr = match negated {
                    false => found,
                    true => Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(Expr::Nested(Box::new(found))) },
                };
            }
        }
        Expr::AtTimeZone { timestamp, time_zone } => {
            let [time, zone] = [timestamp, time_zone].map(|part| std::mem::replace(part.as_mut(), Expr::Value(Value::Null.into())));
            *expr = call(zones::TIMEZONE, vec![zone, time]);
        }
        Expr::Interval(_) | Expr::UnaryOp { .. } => interval_literals::standardize(expr)?,
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
        (op, all, Expr::Subquery(subquery)) => Ok(set_comparison(take(left), op.clone(), *subquery, all)),
        (op, ..) => Err(refuse::unsupported(format!("{op} with ANY and ALL of this"))),
    }
}

/// `x > ANY (SELECT ...)` is true if a row says so, NULL if one might, else false; `x > ALL (SELECT ...)` that no row says the opposite.
fn set_comparison(left: Expr, op: BinaryOperator, subquery: Query, all: bool) -> Expr {
    of_rows(vec![left], op, subquery, all)
}

/// The same of several values and columns, which are compared side by side.
fn of_rows(left: Vec<Expr>, op: BinaryOperator, subquery: Query, all: bool) -> Expr {
    let columns: Vec<String> = (0..left.len()).map(|at| format!("__value_{at}")).collect();
    let alias = TableAlias {
        explicit: true,
        name: ast::quoted("__rows"),
        columns: columns.iter().map(|name| TableAliasColumnDef { name: ast::quoted(name), data_type: None }).collect(),
        at: None,
    };
    let rows = TableFactor::Derived { lateral: false, subquery: Box::new(subquery), alias: Some(alias), sample: None };
    let pairs = left.into_iter().zip(&columns);
    let compared = pairs.map(|(left, column)| Expr::BinaryOp {
        left: Box::new(Expr::Nested(Box::new(left))),
        op: op.clone(),
        right: Box::new(ast::identifier(column)),
    });
    let both = |one, other| Expr::BinaryOp { left: Box::new(one), op: BinaryOperator::And, right: Box::new(other) };
    let compared = Expr::Nested(Box::new(compared.reduce(both).unwrap_or_else(ast::null)));
    let exists = |condition: Expr| {
        let one = SelectItem::UnnamedExpr(Expr::Value(Value::Number("1".to_owned(), false).into()));
        let select = ast::select(vec![one], vec![TableWithJoins { relation: rows.clone(), joins: vec![] }], Some(condition));
        Expr::Exists { subquery: Box::new(ast::plain_query(SetExpr::Select(Box::new(select)))), negated: false }
    };
    let boolean = |value: bool| Expr::Value(Value::Boolean(value).into());
    let deciding = match all {
        false => compared.clone(),
        true => Expr::IsFalse(Box::new(compared.clone())),
    };
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![
            CaseWhen { condition: exists(deciding), result: boolean(!all) },
            CaseWhen { condition: exists(Expr::IsNull(Box::new(compared))), result: ast::null() },
        ],
        else_result: Some(Box::new(boolean(all))),
    }
}
