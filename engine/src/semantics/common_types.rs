//! The type in which values of different types are compared, where DataFusion's choice gives wrong answers.
//!
//! - A DOUBLE and a decimal meet as DOUBLE, as in DuckDB and PostgreSQL, also as keys of a join and in a UNION. DataFusion makes DECIMAL(30,15) of both: 1e-20 becomes 0, and NaN and 1e30 an error.
//! - A DATE and a TIMESTAMP meet in the timestamp's own unit; a constant TIMESTAMP is compared as a DATE (`dates`). DataFusion goes through nanoseconds,
//!   which end in the year 2262.
//! - 0.0 and -0.0 are equal. DataFusion compares long IN lists bit by bit, so a zero in a list stands for both.
//! - A UUID and a text meet as UUIDs; in LIKE as texts; an INTERVAL and a text as INTERVALs.
//! - A key that a map is asked for has the type of the map's keys.
//! - The quotient of decimals is a DOUBLE (see `arithmetic`).
//!
//! The rule belongs before DataFusion's that gives expressions their types. The planner has looked at operators already: what has a common type stays.

use std::sync::Arc;

use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result as DataFusionResult, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{Between, Case, Cast, InList, InSubquery, ScalarFunction, TryCast};
use datafusion::logical_expr::type_coercion::binary::type_union_resolution;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Like, LogicalPlan, Operator, Projection, Union, cast, lit};
use datafusion::optimizer::AnalyzerRule;

use super::arithmetic::Operation;
use super::typed::type_of;
use super::{dates, fitted, kinds, walk};
use crate::error::{Error, while_planning};
use crate::functions::uuids;
use crate::types;

/// Functions whose arguments all meet in one type.
const SAME_TYPE: [&str; 5] = ["make_array", "coalesce", "greatest", "least", "nullif"];

/// Those that take texts beside other values: `functions::values::meeting`.
const MEETING: [&str; 3] = ["coalesce", "greatest", "least"];

/// The rule.
#[derive(Debug)]
pub(super) struct CommonTypes;

impl AnalyzerRule for CommonTypes {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DataFusionResult<LogicalPlan> {
        let plan = walk::every_expression(plan, |expr, place| expr.transform_up(|expr| rewritten(expr, &place.schema)))?.data;
        Ok(plan.transform_up_with_subqueries(columns_that_meet)?.data)
    }

    fn name(&self) -> &str {
        "common_types"
    }
}

/// An expression that stands alone, with common types.
pub(crate) fn with_common_types(expr: Expr, schema: &DFSchema) -> DataFusionResult<Expr> {
    Ok(expr.transform_up(|expr| rewritten(expr, schema))?.data)
}

/// Columns that meet as keys of a join, or in a UNION.
fn columns_that_meet(node: LogicalPlan) -> DataFusionResult<Transformed<LogicalPlan>> {
    match node {
        LogicalPlan::Join(mut join) => {
            let schemas = [Arc::clone(join.left.schema()), Arc::clone(join.right.schema())];
            let mut changed = false;
            for (left, right) in &mut join.on {
                let types = [left.get_type(&schemas[0])?, right.get_type(&schemas[1])?];
                kinds::check_types(&types)?;
                if mixes_floats_and_decimals(&types) {
                    *left = in_type(std::mem::take(left), &DataType::Float64, &schemas[0]);
                    *right = in_type(std::mem::take(right), &DataType::Float64, &schemas[1]);
                    changed = true;
                }
            }
            Ok(Transformed::new_transformed(LogicalPlan::Join(join), changed))
        }
        LogicalPlan::Union(mut union) => {
            let width = union.schema.fields().len();
            let types = |column: usize| union.inputs.iter().map(move |input| input.schema().field(column).data_type().clone());
            (0..width).try_for_each(|column| kinds::check_types(&types(column).collect::<Vec<_>>()))?;
            let mixed: Vec<bool> = (0..width).map(|column| mixes_floats_and_decimals(&types(column).collect::<Vec<_>>())).collect();
            // Quotients of decimals have become DOUBLEs since the union's types were taken.
            let is_stale = |column| union.schema.field(column).data_type().is_decimal() && types(column).any(|found| found.is_floating());
            if !(0..width).any(is_stale) && !mixed.contains(&true) {
                return Ok(Transformed::no(LogicalPlan::Union(union)));
            }
            for input in &mut union.inputs {
                *input = with_floats(input, &mixed)?;
            }
            Union::try_new_with_loose_types(union.inputs).map(|union| Transformed::yes(LogicalPlan::Union(union)))
        }
        other => Ok(Transformed::no(other)),
    }
}

fn mixes_floats_and_decimals(types: &[DataType]) -> bool {
    types.iter().any(DataType::is_floating) && types.iter().any(DataType::is_decimal)
}

/// A node with common types, or as it was.
pub(super) fn rewritten(expr: Expr, schema: &DFSchema) -> DataFusionResult<Transformed<Expr>> {
    let expr = match dates::compared(expr, schema) {
        Ok(compared) => return Ok(Transformed::yes(compared)),
        Err(other) => other,
    };
    check(&expr, schema)?;
    Ok(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Divide, right }) if is_decimal(&left, schema) || is_decimal(&right, schema) => {
            Transformed::yes(Operation::Divide.call(vec![*left, *right]))
        }
        Expr::Like(like) if is_uuid(&like.expr, schema) => {
            Transformed::yes(Expr::Like(Like { expr: Box::new(uuids::uuid_text(*like.expr)), ..like }))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(op) => match common([&*left, &*right], schema) {
            Some(common) => {
                let (left, right) = (in_type(*left, &common, schema), in_type(*right, &common, schema));
                Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right))))
            }
            None => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
        },
        Expr::Between(Between { expr, negated, low, high }) => match common([&*expr, &*low, &*high], schema) {
            Some(common) => {
                let [expr, low, high] = [expr, low, high].map(|operand| Box::new(in_type(*operand, &common, schema)));
                Transformed::yes(Expr::Between(Between { expr, negated, low, high }))
            }
            None => Transformed::no(Expr::Between(Between { expr, negated, low, high })),
        },
        Expr::InList(InList { expr, mut list, negated }) => {
            let common = common(std::iter::once(&*expr).chain(&list), schema);
            let expr = match &common {
                Some(common) => {
                    list = list.into_iter().map(|item| in_type(item, common, schema)).collect();
                    Box::new(in_type(*expr, common, schema))
                }
                None => expr,
            };
            let is_float = expr.get_type(schema).is_ok_and(|data_type| data_type.is_floating());
            if is_float && list.iter().any(is_zero) {
                list.extend([lit(0.0_f64), lit(-0.0_f64)]);
                return Ok(Transformed::yes(Expr::InList(InList { expr, list, negated })));
            }
            Transformed::new_transformed(Expr::InList(InList { expr, list, negated }), common.is_some())
        }
        Expr::InSubquery(expr) => in_subquery(expr, schema)?,
        Expr::Case(case) => case_in_types(case, schema),
        Expr::ScalarFunction(ScalarFunction { func, args }) if SAME_TYPE.contains(&func.name()) => match meeting(&args, schema) {
            Some(common) => {
                let args = args.into_iter().map(|argument| in_type(argument, &common, schema)).collect();
                Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, args }))
            }
            None => Transformed::no(Expr::ScalarFunction(ScalarFunction { func, args })),
        },
        // As in FROM: DataFusion's series of dates by months ends too early.
        Expr::ScalarFunction(ScalarFunction { func, args })
            if matches!(func.name(), "range" | "generate_series") && args.iter().any(|argument| is_date(argument, schema)) =>
        {
            let moment = DataType::Timestamp(TimeUnit::Microsecond, None);
            let args = args.into_iter().map(|argument| if is_date(&argument, schema) { cast(argument, moment.clone()) } else { argument });
            Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, args: args.collect() }))
        }
        Expr::ScalarFunction(ScalarFunction { func, mut args }) if func.name() == "get_field" => {
            let changed = match args.as_mut_slice() {
                [map, key] => key_of_map(map, key, schema),
                _ => false,
            };
            Transformed::new_transformed(Expr::ScalarFunction(ScalarFunction { func, args }), changed)
        }
        other => Transformed::no(other),
    })
}

/// Refuses what compares or mixes values that do not meet, and casts between them.
fn check(expr: &Expr, schema: &DFSchema) -> DataFusionResult<()> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(*op) => kinds::check([left.as_ref(), right.as_ref()], schema),
        Expr::Between(Between { expr, low, high, .. }) => kinds::check([expr.as_ref(), low.as_ref(), high.as_ref()], schema),
        Expr::InList(InList { expr, list, .. }) => kinds::check(std::iter::once(expr.as_ref()).chain(list), schema),
        Expr::Case(case) => {
            if let Some(base) = &case.expr {
                kinds::check(std::iter::once(base.as_ref()).chain(case.when_then_expr.iter().map(|(when, _)| when.as_ref())), schema)?;
            }
            kinds::check(case.when_then_expr.iter().map(|(_, then)| then.as_ref()).chain(case.else_expr.as_deref()), schema)
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) if SAME_TYPE.contains(&func.name()) => {
            kinds::check(args, schema)?;
            match MEETING.contains(&func.name()) {
                true => check_texts(func.name(), args, schema),
                false => Ok(()),
            }
        }
        Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) => match type_of(expr, schema) {
            Ok(from) => kinds::check_cast(&from, field.data_type()),
            // What has no type yet is DataFusion's to judge.
            Err(_) => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Refuses texts beside values of another type, but for those that are written out.
fn check_texts(name: &str, arguments: &[Expr], schema: &DFSchema) -> DataFusionResult<()> {
    let types: Vec<DataType> = arguments.iter().map(|argument| type_of(argument, schema)).collect::<DataFusionResult<_>>()?;
    let text = types.iter().zip(arguments).any(|(found, argument)| found.is_string() && !is_written_text(argument));
    let other = types.iter().find(|found| !found.is_string() && !found.is_null());
    match other {
        Some(other) if text => {
            let error = Error::invalid(format!("{name} of VARCHAR and {}: values of one type are wanted", crate::types::name_of(other)));
            Err(while_planning(error.with_hint("write a cast around one of them, such as CAST(x AS VARCHAR)")))
        }
        _ => Ok(()),
    }
}

/// What a CASE compares, and what it results in.
fn case_in_types(mut case: Case, schema: &DFSchema) -> Transformed<Expr> {
    let compared = case.expr.as_deref().into_iter().chain(case.when_then_expr.iter().map(|(when, _)| &**when));
    let compared = case.expr.as_ref().and(common(compared, schema));
    let results = meeting(case.when_then_expr.iter().map(|(_, then)| &**then).chain(case.else_expr.as_deref()), schema);
    let cast = |expr: &mut Expr, common: &Option<DataType>| {
        if let Some(common) = common {
            *expr = in_type(std::mem::take(expr), common, schema);
        }
    };
    for (when, then) in &mut case.when_then_expr {
        cast(when, &compared);
        cast(then, &results);
    }
    if let Some(base) = &mut case.expr {
        cast(base, &compared);
    }
    if let Some(otherwise) = &mut case.else_expr {
        cast(otherwise, &results);
    }
    let changed = compared.is_some() || results.is_some();
    Transformed::new_transformed(Expr::Case(case), changed)
}

/// A value that is looked for among the rows of a query.
fn in_subquery(mut in_subquery: InSubquery, schema: &DFSchema) -> DataFusionResult<Transformed<Expr>> {
    let found = in_subquery.subquery.subquery.schema().field(0).data_type().clone();
    let types = [in_subquery.expr.get_type(schema)?, found];
    if !mixes_floats_and_decimals(&types) {
        return Ok(Transformed::no(Expr::InSubquery(in_subquery)));
    }
    *in_subquery.expr = in_type(std::mem::take(&mut *in_subquery.expr), &DataType::Float64, schema);
    in_subquery.subquery.subquery = with_floats(&in_subquery.subquery.subquery, &[true])?;
    Ok(Transformed::yes(Expr::InSubquery(in_subquery)))
}

/// A plan with DOUBLEs in place of the numbers in some of its columns.
fn with_floats(input: &Arc<LogicalPlan>, columns: &[bool]) -> DataFusionResult<Arc<LogicalPlan>> {
    let schema = input.schema();
    let columns = schema.iter().zip(columns).map(|((qualifier, field), to_float)| {
        let column = Expr::from((qualifier, field));
        match to_float {
            true => in_type(column, &DataType::Float64, schema).alias_qualified(qualifier.cloned(), field.name()),
            false => column,
        }
    });
    Ok(Arc::new(LogicalPlan::Projection(Projection::try_new(columns.collect(), Arc::clone(input))?)))
}

/// Gives a constant key the type of a map's keys.
fn key_of_map(map: &Expr, key: &mut Expr, schema: &DFSchema) -> bool {
    let Ok(DataType::Map(entries, _)) = map.get_type(schema) else { return false };
    let (DataType::Struct(pair), Expr::Literal(value, _)) = (entries.data_type(), &*key) else { return false };
    match pair.first().map(|keys| value.cast_to(keys.data_type())) {
        Some(Ok(value)) => {
            *key = lit(value);
            true
        }
        _ => false,
    }
}

fn is_decimal(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|data_type| data_type.is_decimal())
}

fn is_date(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|data_type| matches!(data_type, DataType::Date32 | DataType::Date64))
}

fn is_uuid(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|data_type| data_type == DataType::FixedSizeBinary(types::UUID_WIDTH))
}

pub(crate) fn is_comparison(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

/// The type in which the rows of a VALUES meet, where it is not the one that DataFusion would take.
pub(crate) fn of_rows(cells: &[&Expr], schema: &DFSchema) -> Option<DataType> {
    meeting(cells.iter().copied(), schema)
}

/// The type in which values meet of which one becomes the result: a text that is written out beside others is read as one of theirs, as in DuckDB and PostgreSQL.
fn meeting<'a>(exprs: impl IntoIterator<Item = &'a Expr> + Clone, schema: &DFSchema) -> Option<DataType> {
    common(exprs.clone(), schema).or_else(|| type_beside_texts(exprs, schema))
}

/// The elements of a list that is written out: structs of different fields in the type in which they meet, others as they are.
pub(crate) fn elements_in_type(elements: Vec<Expr>, schema: &DFSchema) -> Vec<Expr> {
    let types: Option<Vec<DataType>> = elements.iter().map(|element| element.get_type(schema).ok()).collect();
    match types.and_then(|types| fitted::common_elements(&types)) {
        Some(common) => elements.into_iter().map(|element| in_type(element, &common, schema)).collect(),
        None => elements,
    }
}

/// The type of those that are not texts written out, where all others are. TRUE and FALSE are the numbers 1 and 0 beside numbers.
fn type_beside_texts<'a>(exprs: impl IntoIterator<Item = &'a Expr>, schema: &DFSchema) -> Option<DataType> {
    let (mut types, mut texts, mut truths) = (Vec::new(), false, false);
    for expr in exprs {
        match expr.get_type(schema).ok()? {
            DataType::Null => {}
            _ if is_written_text(expr) => texts = true,
            DataType::Boolean => truths = true,
            other => types.push(other),
        }
    }
    match (types.is_empty(), truths) {
        (true, true) if texts => return Some(DataType::Boolean),
        (true, _) => return None,
        (false, true) if !types.iter().all(DataType::is_numeric) => return None,
        (false, _) => {}
    }
    let common = type_union_resolution(&types)?;
    ((texts || truths) && !common.is_string() && !common.is_nested()).then_some(common)
}

fn is_written_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.data_type().is_string())
}

/// The type in which these meet, where it is not the one that DataFusion would take.
fn common<'a>(exprs: impl IntoIterator<Item = &'a Expr>, schema: &DFSchema) -> Option<DataType> {
    let (mut float, mut decimal, mut date, mut timestamp, mut uuid, mut interval, mut text) =
        (false, false, false, None, false, false, false);
    let mut nested = Vec::new();
    for expr in exprs {
        // What has no type yet is DataFusion's to judge.
        match expr.get_type(schema).ok()? {
            found @ (DataType::List(_) | DataType::Struct(_)) => nested.push(found),
            DataType::Float16 | DataType::Float32 | DataType::Float64 => float = true,
            DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => decimal = true,
            DataType::Date32 | DataType::Date64 => date = true,
            found @ DataType::Timestamp(..) => timestamp = timestamp.or(Some(found)),
            DataType::Interval(_) => interval = true,
            DataType::FixedSizeBinary(types::UUID_WIDTH) => uuid = true,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => text = true,
            _ => {}
        }
    }
    if !nested.is_empty() {
        return fitted::common(&nested);
    }
    if uuid && text {
        return Some(DataType::FixedSizeBinary(types::UUID_WIDTH));
    }
    if interval && text {
        return Some(DataType::Interval(IntervalUnit::MonthDayNano));
    }
    match (float && decimal, timestamp) {
        (true, _) => Some(DataType::Float64),
        (false, Some(timestamp)) if date => Some(timestamp),
        _ => None,
    }
}

/// An expression in the common type. NULLs, and texts that meet neither a UUID nor an INTERVAL, are left to DataFusion.
pub(crate) fn in_type(expr: Expr, common: &DataType, schema: &DFSchema) -> Expr {
    let Ok(data_type) = expr.get_type(schema) else { return expr };
    if common.is_nested() {
        return if data_type == *common || !data_type.is_nested() { expr } else { fitted::in_type(expr, common) };
    }
    let joins = match common {
        DataType::FixedSizeBinary(_) if data_type.is_string() => return uuids::uuid_of(expr),
        DataType::FixedSizeBinary(_) => false,
        DataType::Interval(_) => data_type.is_string(),
        DataType::Timestamp(..) => matches!(data_type, DataType::Date32 | DataType::Date64) || is_written_text(&expr),
        common if common.is_numeric() => data_type.is_numeric() || data_type == DataType::Boolean || is_written_text(&expr),
        _ => is_written_text(&expr),
    };
    match joins && data_type != *common {
        true => cast(expr, common.clone()),
        false => expr,
    }
}

/// Whether it is the number zero, possibly within a cast.
fn is_zero(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => match value {
            ScalarValue::Float32(Some(value)) => *value == 0.0,
            ScalarValue::Float64(Some(value)) => *value == 0.0,
            ScalarValue::Int64(Some(value)) => *value == 0,
            ScalarValue::Decimal128(Some(value), ..) => *value == 0,
            // '0.0', '-0': what a cast makes of them is not known yet.
            ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => text.trim().parse().is_ok_and(|value: f64| value == 0.0),
            _ => false,
        },
        Expr::Cast(inner) => is_zero(&inner.expr),
        Expr::Negative(inner) => is_zero(inner),
        _ => false,
    }
}
