//! Refuses what the parser reads and DataFusion would not carry out, or would carry out otherwise than SQL says.
//!
//! DataFusion plans what it knows of a statement and leaves the rest unread: a TABLESAMPLE returns every row, a FOR UPDATE locks nothing. A wrong answer is
//! worse than none, so every field of a query in the syntax tree is named here, without `..`: one that a new parser adds does not compile until somebody
//! decides what becomes of it.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Cte, Distinct, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident, Join,
    JoinConstraint, JoinOperator, LimitClause, OrderBy, OrderByExpr, OrderByKind, Query, Select, SelectFlavor, SetExpr, SetOperator,
    SetQuantifier, Statement, TableAlias, TableFactor, TableFunctionArgs, TableWithJoins, Visit, Visitor, With,
};

use super::resolve::ast::position;
use crate::error::{Error, Result};

/// The error for a construct that is not carried out.
pub(crate) fn unsupported(what: impl std::fmt::Display) -> Error {
    Error::unsupported(format!("{what} is not supported"))
}

/// Checks every query in a statement, however deep. To be called on a big stack.
pub(crate) fn check_queries(statement: &Statement) -> Result<()> {
    visit(statement)
}

/// Checks a query that is stored, to be read within others.
pub(crate) fn check_stored(statement: &Statement) -> Result<()> {
    visit(statement)
}

/// Checks an expression that stands alone (a default's).
pub(crate) fn check_expression(expr: &Expr) -> Result<()> {
    visit(expr)
}

fn visit(node: &impl Visit) -> Result<()> {
    match node.visit(&mut Checker) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Checker;

impl Visitor for Checker {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        flow(self.query(query))
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Error> {
        flow(self.select(select))
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Error> {
        flow(self.table_factor(factor))
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        flow(self.expr(expr))
    }
}

fn flow(result: Result<()>) -> ControlFlow<Error> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

/// An error if the part is there.
fn refuse(there: bool, what: &str) -> Result<()> {
    match there {
        true => Err(unsupported(what)),
        false => Ok(()),
    }
}

impl Checker {
    fn query(&self, query: &Query) -> Result<()> {
        let Query { with, body, order_by, limit_clause, fetch, locks, for_clause, settings, format_clause, pipe_operators } = query;
        if let Some(With { with_token: _, recursive: _, cte_tables }) = with {
            for Cte { alias, query: _, from, materialized, closing_paren_token: _ } in cte_tables {
                self.alias(Some(alias))?;
                refuse(from.is_some(), "FROM behind a WITH query")?;
                refuse(materialized.is_some(), "MATERIALIZED of a WITH query")?;
            }
        }
        self.body(body)?;
        if let Some(OrderBy { kind, interpolate }) = order_by {
            refuse(interpolate.is_some(), "INTERPOLATE")?;
            match kind {
                OrderByKind::All(_) => {}
                OrderByKind::Expressions(exprs) => exprs.iter().try_for_each(|expr| self.order_by(expr))?,
            }
        }
        match limit_clause {
            None | Some(LimitClause::OffsetCommaLimit { offset: _, limit: _ }) => {}
            // `limits` computes them; `spellings` gives an OFFSET within another query a LIMIT.
            Some(LimitClause::LimitOffset { limit: _, offset: _, limit_by }) => refuse(!limit_by.is_empty(), "LIMIT BY")?,
        }
        // `spellings` makes a LIMIT of it.
        let _ = fetch;
        refuse(!locks.is_empty(), "FOR UPDATE and FOR SHARE")?;
        refuse(for_clause.is_some(), "FOR XML, FOR JSON and FOR BROWSE")?;
        refuse(settings.is_some(), "SETTINGS")?;
        refuse(format_clause.is_some(), "FORMAT")?;
        refuse(!pipe_operators.is_empty(), "the pipe operator |>")
    }

    fn body(&self, body: &SetExpr) -> Result<()> {
        match body {
            // Visited on their own.
            SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => Ok(()),
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let by_name = matches!(set_quantifier, SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName);
                if *op != SetOperator::Union && by_name {
                    return Err(unsupported(format!("{op} {set_quantifier}")).with_hint("list the columns of both sides in one order"));
                }
                // Chains lean to the left; the walk down the spine is bounded by the guard of `depth`.
                self.body(left)?;
                self.body(right)
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Err(unsupported("changing rows inside a query"))
            }
            // `spellings` makes a SELECT of it.
            SetExpr::Table(_) => Ok(()),
        }
    }

    fn select(&self, select: &Select) -> Result<()> {
        let Select {
            select_token: _,
            // Comments.
            optimizer_hints: _,
            distinct,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection: _,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection: _,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having: _,
            named_window,
            qualify: _,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        match distinct {
            None | Some(Distinct::All | Distinct::Distinct | Distinct::On(_)) => {}
        }
        match flavor {
            // `FROM t` alone gets its `*` before it is planned.
            SelectFlavor::Standard | SelectFlavor::FromFirst | SelectFlavor::FromFirstNoSelect => {}
        }
        // `resolve` writes them out.
        let _ = named_window;
        refuse(select_modifiers.is_some(), "a modifier of SELECT such as HIGH_PRIORITY")?;
        refuse(top.is_some(), "TOP (write LIMIT)")?;
        refuse(exclude.is_some(), "EXCLUDE behind the list of columns (write * EXCLUDE (...))")?;
        refuse(into.is_some(), "SELECT INTO (write CREATE TABLE ... AS SELECT)")?;
        for TableWithJoins { relation: _, joins } in from {
            joins.iter().try_for_each(|join| self.join(join))?;
        }
        refuse(!lateral_views.is_empty(), "LATERAL VIEW")?;
        refuse(prewhere.is_some(), "PREWHERE (write WHERE)")?;
        refuse(!connect_by.is_empty(), "CONNECT BY (write WITH RECURSIVE)")?;
        match group_by {
            GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers) => {
                refuse(!modifiers.is_empty(), "a modifier of GROUP BY such as WITH ROLLUP (write GROUP BY ROLLUP (...))")?;
            }
        }
        refuse(!cluster_by.is_empty(), "CLUSTER BY in a query")?;
        refuse(!distribute_by.is_empty(), "DISTRIBUTE BY")?;
        refuse(!sort_by.is_empty(), "SORT BY (write ORDER BY)")?;
        refuse(value_table_mode.is_some(), "SELECT AS VALUE and SELECT AS STRUCT")
    }

    fn join(&self, join: &Join) -> Result<()> {
        let Join { relation: _, global, join_operator } = join;
        refuse(*global, "GLOBAL JOIN")?;
        let constraint = match join_operator {
            JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint)
            | JoinOperator::CrossJoin(constraint)
            | JoinOperator::LeftSemi(constraint)
            | JoinOperator::RightSemi(constraint)
            | JoinOperator::LeftAnti(constraint)
            | JoinOperator::RightAnti(constraint) => constraint,
            // They keep the left side: `resolve` says so.
            JoinOperator::Semi(constraint) | JoinOperator::Anti(constraint) => constraint,
            JoinOperator::CrossApply | JoinOperator::OuterApply => return Err(unsupported("APPLY (write JOIN LATERAL)")),
            // `relations` plans it, or refuses its condition.
            JoinOperator::AsOf { match_condition: _, constraint: _ } => return Ok(()),
            JoinOperator::StraightJoin(_) => return Err(unsupported("STRAIGHT_JOIN")),
            JoinOperator::ArrayJoin | JoinOperator::LeftArrayJoin | JoinOperator::InnerArrayJoin => return Err(unsupported("ARRAY JOIN")),
        };
        let cross = matches!(join_operator, JoinOperator::CrossJoin(_));
        match constraint {
            JoinConstraint::On(_) | JoinConstraint::Using(_) | JoinConstraint::Natural if cross => {
                Err(unsupported("a condition of CROSS JOIN"))
            }
            JoinConstraint::On(_) | JoinConstraint::Using(_) | JoinConstraint::Natural => Ok(()),
            JoinConstraint::None if cross => Ok(()),
            JoinConstraint::None => {
                Err(Error::invalid("a JOIN needs ON or USING").with_hint("write CROSS JOIN to pair every row with every row"))
            }
        }
    }

    fn table_factor(&self, factor: &TableFactor) -> Result<()> {
        match factor {
            TableFactor::Table {
                name: _,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                self.alias(alias.as_ref())?;
                if let Some(TableFunctionArgs { args: _, settings }) = args {
                    refuse(settings.is_some(), "SETTINGS of a table function")?;
                    refuse(version.is_some(), "time travel of a table function")?;
                }
                // `version` is time travel: `rewrite` carries it out.
                refuse(!with_hints.is_empty(), "WITH (...) behind a table")?;
                refuse(*with_ordinality, "WITH ORDINALITY")?;
                refuse(!partitions.is_empty(), "PARTITION (...) behind a table")?;
                refuse(json_path.is_some(), "a JSON path behind a table")?;
                // `sample` carries it out, or refuses it.
                let _ = sample;
                refuse(!index_hints.is_empty(), "an index hint")
            }
            TableFactor::Derived { lateral: _, subquery: _, alias, sample } => {
                let _ = sample;
                self.alias(alias.as_ref())
            }
            TableFactor::Function { lateral: _, name: _, args: _, with_ordinality, alias } => {
                self.alias(alias.as_ref())?;
                refuse(*with_ordinality, "WITH ORDINALITY")
            }
            TableFactor::UNNEST { alias, array_exprs: _, with_offset, with_offset_alias, with_ordinality } => {
                self.alias(alias.as_ref())?;
                refuse(*with_offset || with_offset_alias.is_some(), "WITH OFFSET")?;
                // `relations` carries it out.
                let _ = with_ordinality;
                Ok(())
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                self.alias(alias.as_ref())?;
                let TableWithJoins { relation: _, joins } = table_with_joins.as_ref();
                joins.iter().try_for_each(|join| self.join(join))
            }
            TableFactor::TableFunction { expr: _, alias: _ } => Err(unsupported("TABLE(...) (write the function's name)")),
            TableFactor::JsonTable { .. } | TableFactor::OpenJsonTable { .. } => Err(unsupported("JSON_TABLE and OPENJSON")),
            // `resolve` makes queries of them, or refuses them.
            TableFactor::Pivot { .. } | TableFactor::Unpivot { .. } => Ok(()),
            TableFactor::MatchRecognize { .. } => Err(unsupported("MATCH_RECOGNIZE")),
            TableFactor::XmlTable { .. } => Err(unsupported("XMLTABLE")),
            TableFactor::SemanticView { .. } => Err(unsupported("SEMANTIC_VIEW")),
        }
    }

    fn alias(&self, alias: Option<&TableAlias>) -> Result<()> {
        let Some(TableAlias { explicit: _, name: _, columns, at }) = alias else { return Ok(()) };
        refuse(columns.iter().any(|column| column.data_type.is_some()), "a type in a list of column aliases")?;
        refuse(at.is_some(), "AT behind an alias")
    }

    fn order_by(&self, expr: &OrderByExpr) -> Result<()> {
        let OrderByExpr { expr: _, options: _, with_fill } = expr;
        refuse(with_fill.is_some(), "WITH FILL")
    }

    fn expr(&self, expr: &Expr) -> Result<()> {
        match expr {
            Expr::Function(Function {
                name,
                uses_odbc_syntax: _,
                parameters,
                args,
                filter: _,
                null_treatment: _,
                // Named windows are written out by `resolve`.
                over: _,
                within_group,
            }) => {
                refuse(!matches!(parameters, FunctionArguments::None), "a second list of a function's arguments")?;
                if let FunctionArguments::List(list) = args
                    && list.duplicate_treatment == Some(DuplicateTreatment::Distinct)
                    && list.args.iter().any(is_wildcard)
                {
                    return Err(
                        unsupported("DISTINCT of * in an aggregate").with_hint("write SELECT count(*) FROM (SELECT DISTINCT * FROM ...)")
                    );
                }
                refuse(
                    // `lists` carries ARRAY(SELECT ...) out.
                    matches!(args, FunctionArguments::Subquery(_)) && !name.to_string().eq_ignore_ascii_case("array"),
                    "a query as the only argument of a function without brackets of its own",
                )?;
                if let FunctionArguments::List(list) = args {
                    check_different(list.args.iter().filter_map(|argument| match argument {
                        FunctionArg::Named { name, .. } => Some(name),
                        FunctionArg::ExprNamed { .. } | FunctionArg::Unnamed(_) => None,
                    }))?;
                }
                within_group.iter().try_for_each(|expr| self.order_by(expr))
            }
            Expr::Dictionary(fields) => check_different(fields.iter().map(|field| &field.key)),
            Expr::Collate { .. } => Err(unsupported("COLLATE")),
            Expr::OuterJoin(_) => Err(unsupported("the outer join operator (+)")),
            Expr::Prior(_) => Err(unsupported("PRIOR")),
            Expr::MatchAgainst { .. } => Err(unsupported("MATCH ... AGAINST")),
            _ => Ok(()),
        }
    }
}

/// Names of fields and arguments, which are found whatever their case: a second one could not be.
fn check_different<'a>(names: impl Iterator<Item = &'a Ident>) -> Result<()> {
    let mut before: Vec<&Ident> = Vec::new();
    for name in names {
        if let Some(first) = before.iter().find(|before| before.value.eq_ignore_ascii_case(&name.value)) {
            return Err(Error::invalid(format!("the names '{}' and '{}' are the same", first.value, name.value))
                .with_hint("names differ by more than the case of their letters: give one of them another")
                .at(position(name)));
        }
        before.push(name);
    }
    Ok(())
}

fn is_wildcard(argument: &FunctionArg) -> bool {
    let (FunctionArg::Unnamed(value) | FunctionArg::Named { arg: value, .. } | FunctionArg::ExprNamed { arg: value, .. }) = argument;
    match value {
        FunctionArgExpr::Wildcard | FunctionArgExpr::QualifiedWildcard(_) | FunctionArgExpr::WildcardWithOptions(_) => true,
        FunctionArgExpr::Expr(_) => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;
    use crate::error::ErrorKind;
    use crate::statements::syntax::dialect::DIALECT;

    fn check(sql: &str) -> Result<()> {
        let statements = Parser::parse_sql(&DIALECT, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        statements.iter().try_for_each(check_queries)
    }

    #[test]
    fn what_is_carried_out_passes() {
        for sql in [
            "SELECT a, count(*) FILTER (WHERE b > 1) FROM t JOIN u USING (id) GROUP BY a HAVING count(*) > 1 ORDER BY a LIMIT 3 OFFSET 1",
            "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM r",
            "SELECT DISTINCT ON (a) * FROM t, LATERAL (SELECT t.a) AS x QUALIFY row_number() OVER (PARTITION BY a) = 1",
            "SELECT * FROM t AT (VERSION => 3)",
            "FROM t",
            "SELECT * FROM t LEFT SEMI JOIN u ON t.a = u.a",
            "VALUES (1, 'x'), (2, 'y')",
        ] {
            check(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }

    #[test]
    fn what_is_not_carried_out_is_refused_wherever_it_is() {
        for part in [
            "SELECT * FROM t FOR UPDATE",
            "SELECT * FROM t FOR SHARE",
            "SELECT * FROM t PREWHERE a = 1",
            "SELECT * FROM t PARTITION (p0)",
            "SELECT * FROM t WITH ORDINALITY",
            "SELECT a FROM t GROUP BY a WITH ROLLUP",
            "SELECT * FROM t DISTRIBUTE BY a",
            "SELECT * FROM t SORT BY a",
            "SELECT * FROM t CLUSTER BY a",
            "SELECT TOP 3 * FROM t",
            "SELECT a INTO u FROM t",
            "SELECT * FROM t GLOBAL JOIN u ON true",
            "SELECT * FROM t JOIN u",
            "SELECT a COLLATE \"de\" FROM t",
        ] {
            for sql in [
                part.to_owned(),
                format!("SELECT * FROM ({part}) AS q"),
                format!("SELECT 1 WHERE EXISTS ({part})"),
                format!("SELECT ({part})"),
            ] {
                let Ok(statements) = Parser::parse_sql(&DIALECT, &sql) else {
                    // Not every spelling is read everywhere; a syntax error is as good as a refusal. The plain spelling must be read.
                    assert_ne!(sql, part, "is not even parsed");
                    continue;
                };
                let error = statements.iter().try_for_each(check_queries).expect_err(&sql);
                assert!(matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::Invalid), "{sql}: {error}");
            }
        }
    }
}
