//! TABLESAMPLE and USING SAMPLE: a share of the rows, each by a throw of the dice, or so many rows.
//!
//! A share is a filter on a random number, which reads the table once and needs no memory; a number of rows is a sort by random numbers that keeps so many.
//! With REPEATABLE the numbers would have to follow from a seed and the rows' order, which parallel scans do not have: it is refused.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, ExcludeSelectItem, Expr, LimitClause, ObjectName, OrderBy, OrderByExpr, OrderByKind, OrderByOptions, SelectItem,
    SetExpr, TableAlias, TableFactor, TableSample, TableSampleBucket, TableSampleKind, TableSampleMethod, TableSampleModifier,
    TableSampleQuantity, TableSampleUnit, TableWithJoins, UnaryOperator, Value, WildcardAdditionalOptions,
};

use super::refuse::unsupported;
use super::resolve::ast::{self, call, plain_query, quoted};
use crate::error::{Error, Result};

/// The column by which rows are drawn.
const CHANCE: &str = "__chance";

/// A sample that a query asks for.
#[derive(Debug, Clone, PartialEq)]
enum Sample {
    /// Each row with this probability, from 0 to 1.
    Share(f64),
    /// So many rows.
    Rows(u64),
}

/// Puts a query that samples in the place of a table that is to be sampled.
pub(crate) fn carry_out(factor: &mut TableFactor) -> Result<()> {
    let (sample, alias) = match factor {
        TableFactor::Table { sample, alias, name, .. } => {
            let Some(sample) = sample.take() else { return Ok(()) };
            let named = name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone());
            (sample, alias.take().or_else(|| named.map(|name| alias_of(&name))))
        }
        TableFactor::Derived { sample, alias, .. } => {
            let Some(sample) = sample.take() else { return Ok(()) };
            (sample, alias.take())
        }
        _ => return Ok(()),
    };
    let (TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) = sample;
    let sample = read(*sample)?;
    let placeholder = TableFactor::Derived {
        lateral: false,
        subquery: Box::new(plain_query(SetExpr::Values(datafusion::sql::sqlparser::ast::Values {
            explicit_row: false,
            value_keyword: false,
            rows: vec![],
        }))),
        alias: None,
        sample: None,
    };
    let inner = std::mem::replace(factor, placeholder);
    let star = || SelectItem::Wildcard(WildcardAdditionalOptions::default());
    let condition = match sample {
        Sample::Share(share) => Some(Expr::BinaryOp {
            left: Box::new(call("random", vec![])),
            op: BinaryOperator::Lt,
            right: Box::new(Expr::Value(Value::Number(format!("{share:e}"), false).into())),
        }),
        Sample::Rows(_) => None,
    };
    let from = |relation: TableFactor| vec![TableWithJoins { relation, joins: vec![] }];
    let query = match sample {
        Sample::Share(_) => plain_query(SetExpr::Select(Box::new(ast::select(vec![star()], from(inner), condition)))),
        Sample::Rows(rows) => {
            // A column of its own, since a sort of nothing but random numbers has none to keep when rows are only counted.
            let chance = SelectItem::ExprWithAlias { expr: call("random", vec![]), alias: quoted(CHANCE) };
            let numbered = plain_query(SetExpr::Select(Box::new(ast::select(vec![star(), chance], from(inner), None))));
            let numbered = TableFactor::Derived { lateral: false, subquery: Box::new(numbered), alias: None, sample: None };
            let without = WildcardAdditionalOptions {
                opt_exclude: Some(ExcludeSelectItem::Single(ObjectName::from(vec![quoted(CHANCE)]))),
                ..WildcardAdditionalOptions::default()
            };
            let mut query = plain_query(SetExpr::Select(Box::new(ast::select(vec![SelectItem::Wildcard(without)], from(numbered), None))));
            let options = OrderByOptions { asc: None, nulls_first: None };
            let by_chance = OrderByExpr { expr: ast::identifier(CHANCE), options, with_fill: None };
            query.order_by = Some(OrderBy { kind: OrderByKind::Expressions(vec![by_chance]), interpolate: None });
            let limit = Expr::Value(Value::Number(rows.to_string(), false).into());
            query.limit_clause = Some(LimitClause::LimitOffset { limit: Some(limit), offset: None, limit_by: vec![] });
            query
        }
    };
    *factor = TableFactor::Derived { lateral: false, subquery: Box::new(query), alias, sample: None };
    Ok(())
}

fn alias_of(name: &str) -> TableAlias {
    TableAlias { explicit: true, name: quoted(name), columns: vec![], at: None }
}

fn read(sample: TableSample) -> Result<Sample> {
    let TableSample { modifier, name, quantity, seed, bucket, offset } = sample;
    match modifier {
        TableSampleModifier::TableSample | TableSampleModifier::Sample => {}
    }
    match name {
        // Whole blocks at a time would be quicker for SYSTEM and BLOCK, and worse: rows of one block are alike.
        None | Some(TableSampleMethod::Bernoulli | TableSampleMethod::Row | TableSampleMethod::System | TableSampleMethod::Block) => {}
    }
    if seed.is_some() {
        return Err(unsupported("REPEATABLE of a sample").with_hint("WHERE hash(id) % 100 < 10 gives the same tenth of the rows each time"));
    }
    if let Some(TableSampleBucket { .. }) = bucket {
        return Err(unsupported("BUCKET of a sample"));
    }
    if offset.is_some() {
        return Err(unsupported("OFFSET of a sample"));
    }
    let Some(TableSampleQuantity { parenthesized: _, value, unit }) = quantity else {
        return Err(usage("a sample needs a size"));
    };
    let number = number(&value).ok_or_else(|| usage(&format!("'{value}' is no size of a sample")))?;
    match unit {
        Some(TableSampleUnit::Rows) => match number >= 0.0 && number.fract() == 0.0 {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: a whole number from 0")]
            true => Ok(Sample::Rows(number as u64)),
            false => Err(usage(&format!("a sample has a whole number of rows, not {value}"))),
        },
        None | Some(TableSampleUnit::Percent) => match (0.0..=100.0).contains(&number) {
            true => Ok(Sample::Share(number / 100.0)),
            false => Err(usage(&format!("a sample has from 0 to 100 percent of the rows, not {value}"))),
        },
    }
}

fn usage(what: &str) -> Error {
    Error::invalid(what).with_hint("write TABLESAMPLE (10 PERCENT) or TABLESAMPLE (1000 ROWS)")
}

fn number(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => number(expr).map(|number| -number),
        Expr::Nested(inner) => number(inner),
        _ => None,
    }
}
