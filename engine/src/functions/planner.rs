//! What SQL's own syntax becomes: EXTRACT, POSITION, SUBSTRING, the operators `->` and `->>`, and `max(x, n)`.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::functions::expr_fn::coalesce;
use datafusion::functions::string::starts_with;
use datafusion::functions_aggregate::first_last::first_value_udaf;
use datafusion::functions_nested::array_has::array_has_any_udf;
use datafusion::functions_nested::concat::array_concat_udf;
use datafusion::functions_window::nth_value::nth_value_udwf;
use datafusion::logical_expr::expr::{AggregateFunction, NullTreatment, ScalarFunction, Sort, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawAggregateExpr, RawBinaryExpr, RawFieldAccessExpr, RawWindowExpr};
use datafusion::logical_expr::{
    Expr, ExprSchemable, GetFieldAccess, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition, cast, lit, not, when,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::{aggregates, json, scalar_named};
use crate::error::{Error, to_datafusion, while_planning};
use crate::semantics::elements_in_type;
use crate::statements::WindowClauses;

/// The planner. It belongs in front of DataFusion's.
#[derive(Debug)]
pub(super) struct FunctionPlanner;

fn call(name: &str, arguments: Vec<Expr>) -> PlannerResult<Vec<Expr>> {
    match scalar_named(name) {
        Some(function) => PlannerResult::Planned(Expr::ScalarFunction(ScalarFunction::new_udf(function, arguments))),
        None => PlannerResult::Original(arguments),
    }
}

/// `lead(x, n IGNORE NULLS)`: the nth value behind the row. DataFusion's misses some.
fn lead_of_values(expr: RawWindowExpr) -> Result<PlannerResult<RawWindowExpr>> {
    let RawWindowExpr { args, partition_by, order_by, filter, distinct, .. } = expr;
    let mut args = args.into_iter();
    let (Some(value), distance, default) = (args.next(), args.next(), args.next()) else {
        return Err(to_datafusion(Error::invalid("lead of nothing").with_hint("it is called as lead(value[, offset[, default]])")));
    };
    let distance = match &distance {
        None => 1,
        Some(Expr::Literal(ScalarValue::Int64(Some(distance @ 1..)), _)) => *distance,
        Some(other) => {
            let error = Error::unsupported(format!("lead(..., {other} IGNORE NULLS) is not supported"));
            return Err(to_datafusion(error.with_hint("how many rows is a whole number from 1; lag looks at the rows before")));
        }
    };
    let behind = WindowFrame::new_bounds(
        WindowFrameUnits::Rows,
        WindowFrameBound::Following(ScalarValue::UInt64(Some(1))),
        WindowFrameBound::Following(ScalarValue::UInt64(None)),
    );
    let params = WindowFunctionParams {
        args: vec![value, lit(distance)],
        partition_by,
        order_by,
        window_frame: behind,
        filter,
        null_treatment: Some(NullTreatment::IgnoreNulls),
        distinct,
    };
    let fun = WindowFunctionDefinition::WindowUDF(nth_value_udwf());
    let nth = Expr::WindowFunction(Box::new(WindowFunction { fun, params }));
    Ok(PlannerResult::Planned(match default {
        Some(default) => coalesce(vec![nth, default]),
        None => nth,
    }))
}

/// Whether it is a path of JSON that may lead to several parts.
fn has_several(path: &Expr) -> bool {
    matches!(path, Expr::Literal(text, _) if text.try_as_str().flatten().is_some_and(json::has_several))
}

/// An aggregate with OVER that is computed frame by frame, if it is one.
fn of_aggregate(expr: &mut RawWindowExpr) -> Result<Option<Expr>> {
    let clauses = WindowClauses::take(&mut expr.args);
    let function = match &expr.func_def {
        WindowFunctionDefinition::AggregateUDF(function) => Some(Arc::clone(function)),
        WindowFunctionDefinition::WindowUDF(function) => aggregates::named(function.name()),
    };
    match (function, clauses) {
        (Some(function), Some(clauses)) => aggregates::framed(function, expr, clauses).map(Some),
        (Some(function), None) => {
            let is_aggregate = matches!(expr.func_def, WindowFunctionDefinition::AggregateUDF(_));
            let moves = !expr.window_frame.start_bound.is_unbounded();
            if !is_aggregate || !moves || aggregates::takes_rows_back(&function, expr.distinct) {
                return Ok(None);
            }
            let clauses = WindowClauses { arguments: expr.args.len(), ..WindowClauses::default() };
            aggregates::framed(function, expr, clauses).map(Some)
        }
        (None, Some(clauses)) if clauses.distinct || clauses.filter || !clauses.keys.is_empty() => {
            let error = Error::unsupported(format!("ORDER BY in {}(...) is not supported", expr.func_def.name()));
            Err(while_planning(error.with_hint("it goes by the ORDER BY of its window: OVER (ORDER BY ...)")))
        }
        // What an EXCLUDE leaves out of a frame is nothing to functions that do not look at frames.
        (None, _) => Ok(None),
    }
}

impl ExprPlanner for FunctionPlanner {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let name = match expr.op {
            BinaryOperator::Arrow if has_several(&expr.right) => "json_extract_all",
            BinaryOperator::LongArrow if has_several(&expr.right) => "json_extract_string_all",
            BinaryOperator::Arrow => "json_extract",
            BinaryOperator::LongArrow => "json_extract_string",
            BinaryOperator::DuckIntegerDivide => "div",
            // As of texts: DataFusion would append the NULL.
            BinaryOperator::StringConcat => {
                let types = [expr.left.get_type(schema), expr.right.get_type(schema)];
                return Ok(match types {
                    [Ok(list @ DataType::List(_)), Ok(DataType::Null)] | [Ok(DataType::Null), Ok(list @ DataType::List(_))] => {
                        PlannerResult::Planned(lit(ScalarValue::try_from(&list)?))
                    }
                    // And so is a list that is NULL.
                    [Ok(DataType::List(_)), Ok(DataType::List(_))] => {
                        let is_null = expr.left.clone().is_null().or(expr.right.clone().is_null());
                        let joined = ScalarFunction::new_udf(array_concat_udf(), vec![expr.left, expr.right]);
                        let joined = when(not(is_null), Expr::ScalarFunction(joined)).end()?;
                        PlannerResult::Planned(joined)
                    }
                    _ => PlannerResult::Original(expr),
                });
            }
            BinaryOperator::PGOverlap => {
                let call = ScalarFunction::new_udf(array_has_any_udf(), vec![expr.left, expr.right]);
                return Ok(PlannerResult::Planned(Expr::ScalarFunction(call)));
            }
            BinaryOperator::PGStartsWith => {
                let call = ScalarFunction::new_udf(starts_with(), vec![expr.left, expr.right]);
                return Ok(PlannerResult::Planned(Expr::ScalarFunction(call)));
            }
            BinaryOperator::PGBitwiseShiftLeft => "bit_shift_left",
            _ => return Ok(PlannerResult::Original(expr)),
        };
        Ok(match scalar_named(name) {
            Some(function) => PlannerResult::Planned(Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![expr.left, expr.right]))),
            None => PlannerResult::Original(expr),
        })
    }

    fn plan_field_access(&self, mut expr: RawFieldAccessExpr, schema: &DFSchema) -> Result<PlannerResult<RawFieldAccessExpr>> {
        // Beyond the end of a list DataFusion's has nothing where the step is negative.
        if expr.expr.get_type(schema).is_ok_and(|data_type| matches!(data_type, DataType::List(_))) {
            return match expr.field_access {
                GetFieldAccess::ListRange { start, stop, stride } => match call("array_slice", vec![expr.expr, *start, *stop, *stride]) {
                    PlannerResult::Planned(planned) => Ok(PlannerResult::Planned(planned)),
                    PlannerResult::Original(_) => Err(to_datafusion(Error::internal("a part of a list has no function"))),
                },
                field_access => Ok(PlannerResult::Original(RawFieldAccessExpr { field_access, expr: expr.expr })),
            };
        }
        // Characters of a text.
        if !expr.expr.get_type(schema).is_ok_and(|data_type| data_type.is_string()) {
            return Ok(PlannerResult::Original(expr));
        }
        let arguments = match expr.field_access {
            GetFieldAccess::ListIndex { key } => vec![expr.expr, *key, lit(1_i64)],
            GetFieldAccess::ListRange { start, stop, stride } => vec![expr.expr, *start, *stop, *stride],
            other => {
                expr.field_access = other;
                return Ok(PlannerResult::Original(expr));
            }
        };
        Ok(match call(if arguments.len() == 3 { "substring" } else { "text_slice" }, arguments) {
            PlannerResult::Planned(planned) => PlannerResult::Planned(planned),
            PlannerResult::Original(_) => return Err(to_datafusion(Error::internal("a part of a text has no function"))),
        })
    }

    fn plan_array_literal(&self, elements: Vec<Expr>, schema: &DFSchema) -> Result<PlannerResult<Vec<Expr>>> {
        // The next planner makes the list.
        Ok(PlannerResult::Original(elements_in_type(elements, schema)))
    }

    fn plan_extract(&self, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(call("date_part", arguments))
    }

    fn plan_position(&self, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(call("strpos", arguments))
    }

    fn plan_substring(&self, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(call("substring", arguments))
    }

    fn plan_overlay(&self, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(call("overlay", arguments))
    }

    /// Numbers of rows are BIGINTs, as in DuckDB and PostgreSQL; DataFusion's are UBIGINTs, of which `-n` is an error.
    fn plan_window(&self, mut expr: RawWindowExpr) -> Result<PlannerResult<RawWindowExpr>> {
        if expr.func_def.name() == "fill" {
            // What is missing is on a line by the key.
            if let ([_], [key]) = (expr.args.as_slice(), expr.order_by.as_slice()) {
                let key = key.expr.clone();
                expr.args.push(key);
            }
            return Ok(PlannerResult::Original(expr));
        }
        if expr.func_def.name() == "lead" && expr.null_treatment == Some(NullTreatment::IgnoreNulls) {
            return lead_of_values(expr);
        }
        if let Some(planned) = of_aggregate(&mut expr)? {
            return Ok(PlannerResult::Planned(planned));
        }
        if !matches!(expr.func_def.name(), "row_number" | "rank" | "dense_rank" | "ntile") {
            return Ok(PlannerResult::Original(expr));
        }
        let RawWindowExpr { func_def, args, partition_by, order_by, window_frame, filter, null_treatment, distinct } = expr;
        let params = WindowFunctionParams { args, partition_by, order_by, window_frame, filter, null_treatment, distinct };
        let number = Expr::WindowFunction(Box::new(WindowFunction { fun: func_def, params }));
        Ok(PlannerResult::Planned(cast(number, DataType::Int64)))
    }

    fn plan_aggregate(&self, mut expr: RawAggregateExpr) -> Result<PlannerResult<RawAggregateExpr>> {
        // A key that comes again says nothing, and is too much for DataFusion's aggregates.
        let mut keys: Vec<Sort> = Vec::with_capacity(expr.order_by.len());
        for key in std::mem::take(&mut expr.order_by) {
            if !keys.iter().any(|known| known.expr == key.expr) {
                keys.push(key);
            }
        }
        expr.order_by = keys;
        if let Some(rewritten) = aggregates::rewritten(&expr).or_else(|| aggregates::n_of_extremes(&expr)) {
            return Ok(PlannerResult::Planned(rewritten));
        }
        // The n greatest or least.
        if expr.args.len() == 2
            && matches!(expr.func.name(), "max" | "min")
            && let Some(function) = aggregates::named(&format!("{}_n", expr.func.name()))
        {
            expr.func = function;
        }
        // DataFusion's takes any value, whatever the order.
        if expr.func.name() == "any_value" && !expr.order_by.is_empty() {
            let first = AggregateFunction::new_udf(
                first_value_udaf(),
                expr.args,
                expr.distinct,
                expr.filter,
                expr.order_by,
                Some(NullTreatment::IgnoreNulls),
            );
            return Ok(PlannerResult::Planned(Expr::AggregateFunction(first)));
        }
        // Texts are separated by commas unless it is said otherwise.
        if expr.args.len() == 1 && expr.func.name() == "string_agg" {
            expr.args.push(lit(","));
        }
        Ok(PlannerResult::Original(expr))
    }
}
