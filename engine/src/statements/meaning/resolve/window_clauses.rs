//! Clauses of a window's aggregate that SQL's planner does not take: `f(x ORDER BY y) FILTER (...) OVER (... EXCLUDE TIES)`.
//!
//! They travel to the planner of functions as arguments: first a text that says what follows, then the arguments, the keys of the order, the filter.

use datafusion::common::ScalarValue;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::Expr as Planned;
use datafusion::sql::planner::NullOrdering;
use datafusion::sql::sqlparser::ast::{
    DuplicateTreatment, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, OrderByExpr, WindowSpec,
};

use super::ast::{number, quoted, text};
use crate::error::{Result, from_datafusion};
use crate::statements::unsupported;

/// What the text begins with.
const MARK: &str = "__window_clauses";

/// What a window's name begins with while it stands for an EXCLUDE: no window that somebody named.
const EXCLUDE: &str = "__exclude ";

/// Which rows of a frame do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Exclusion {
    CurrentRow,
    Group,
    Ties,
}

impl Exclusion {
    const ALL: [Self; 3] = [Self::CurrentRow, Self::Group, Self::Ties];

    /// As in SQL.
    pub(crate) fn written(self) -> &'static str {
        match self {
            Self::CurrentRow => "CURRENT ROW",
            Self::Group => "GROUP",
            Self::Ties => "TIES",
        }
    }

    /// The name of a window that stands for it; the window may have a name, too.
    pub(crate) fn as_name(self, window: Option<&str>) -> String {
        format!("{EXCLUDE}{} {}", self.written().replace(' ', "_"), window.unwrap_or_default())
    }

    /// What a name stands for: an exclusion, and the name of the window.
    pub(crate) fn of_name(name: &str) -> Option<(Self, &str)> {
        let (exclusion, window) = name.strip_prefix(EXCLUDE)?.split_once(' ')?;
        Self::ALL.into_iter().find(|known| known.written().replace(' ', "_") == exclusion).map(|known| (known, window))
    }

    /// Takes it out of a window.
    pub(super) fn take(spec: &mut WindowSpec) -> Option<Self> {
        let (exclusion, window) = Self::of_name(&spec.window_name.as_ref()?.value)?;
        let window = (!window.is_empty()).then(|| {
            let mut name = quoted(window);
            name.span = spec.window_name.as_ref().map_or(name.span, |given| given.span);
            name
        });
        spec.window_name = window;
        Some(exclusion)
    }

    /// Puts it into a window without a name.
    pub(super) fn put(self, spec: &mut WindowSpec) {
        spec.window_name = Some(quoted(&self.as_name(None)));
    }
}

/// What stands in a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WindowClauses {
    /// How many arguments are the function's own.
    pub(crate) arguments: usize,
    pub(crate) distinct: bool,
    pub(crate) filter: bool,
    pub(crate) exclusion: Option<Exclusion>,
    /// The order of its rows.
    pub(crate) keys: Vec<arrow::compute::SortOptions>,
}

impl WindowClauses {
    /// Takes them out of planned arguments, if they are there.
    pub(crate) fn take(arguments: &mut Vec<Planned>) -> Option<Self> {
        let Some(Planned::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)), _)) = arguments.first() else {
            return None;
        };
        let mut words = text.strip_prefix(MARK)?.split(' ').skip(1);
        let own = words.next()?.parse().ok()?;
        let mut clauses = Self { arguments: own, ..Self::default() };
        for word in words {
            match word {
                "DISTINCT" => clauses.distinct = true,
                "FILTER" => clauses.filter = true,
                "CURRENT_ROW" => clauses.exclusion = Some(Exclusion::CurrentRow),
                "GROUP" => clauses.exclusion = Some(Exclusion::Group),
                "TIES" => clauses.exclusion = Some(Exclusion::Ties),
                key => {
                    let (descending, nulls_first) = (key.starts_with("DESC"), key.ends_with("FIRST"));
                    clauses.keys.push(arrow::compute::SortOptions { descending, nulls_first });
                }
            }
        }
        arguments.remove(0);
        Some(clauses)
    }
}

/// Puts the clauses of a call among its arguments, where it has some that need it.
pub(super) fn put_among_arguments(function: &mut Function, exclusion: Option<Exclusion>, options: &ConfigOptions) -> Result<()> {
    let FunctionArguments::List(list) = &mut function.args else { return Ok(()) };
    let is_order = |clause: &FunctionArgumentClause| matches!(clause, FunctionArgumentClause::OrderBy(_));
    if exclusion.is_none() && !list.clauses.iter().any(is_order) {
        return Ok(());
    }
    let name = function.name.to_string();
    let nulls: NullOrdering = options.sql_parser.default_null_ordering.parse().map_err(from_datafusion)?;
    let mut arguments = Vec::with_capacity(list.args.len());
    for argument in list.args.drain(..) {
        arguments.push(match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => expr,
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) if name.eq_ignore_ascii_case("count") => number(1),
            other => return Err(unsupported(format!("the argument {other} of an aggregate with OVER and ORDER BY or EXCLUDE"))),
        });
    }
    let mut words = vec![MARK.to_owned(), arguments.len().to_string()];
    let distinct = matches!(list.duplicate_treatment.take(), Some(DuplicateTreatment::Distinct));
    words.extend(distinct.then(|| "DISTINCT".to_owned()));
    words.extend(exclusion.map(|exclusion| exclusion.written().replace(' ', "_")));
    let mut rest = Vec::new();
    for clause in std::mem::take(&mut list.clauses) {
        match clause {
            FunctionArgumentClause::OrderBy(keys) => {
                for OrderByExpr { expr, options: given, .. } in keys {
                    let ascending = given.asc.unwrap_or(true);
                    let nulls_first = given.nulls_first.unwrap_or_else(|| nulls.nulls_first(ascending));
                    words.push(format!("{}{}", if ascending { "ASC" } else { "DESC" }, if nulls_first { "FIRST" } else { "LAST" }));
                    arguments.push(expr);
                }
            }
            other => rest.push(other),
        }
    }
    list.clauses = rest;
    if let Some(filter) = function.filter.take() {
        words.push("FILTER".to_owned());
        arguments.push(*filter);
    }
    arguments.insert(0, text(&words.join(" ")));
    list.args = arguments.into_iter().map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))).collect();
    Ok(())
}
