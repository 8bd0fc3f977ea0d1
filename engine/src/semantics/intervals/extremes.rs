//! The shortest and the longest interval: `max(x)` is the x whose length is the greatest, `arg_max(x, y)` that of the longest y.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::functions_nested::expr_fn::{array_element, make_array};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{AggregateUDF, Expr, lit};

use super::comparison::{is_interval, length};
use crate::functions::{aggregate_named, scalar_named};

/// Makes an aggregate compare lengths, if it would compare intervals. Whether it did.
pub(super) fn by_length(function: &mut Arc<AggregateUDF>, arguments: &mut Vec<Expr>, schema: &DFSchema) -> Result<bool> {
    match (function.name(), arguments.as_mut_slice()) {
        (name @ ("min" | "max"), [value]) if is_interval(value, schema)? => {
            let Some(by_another) = aggregate_named(&format!("arg_{name}")) else { return Ok(false) };
            let key = length(value.clone());
            *function = by_another;
            arguments.push(key);
            Ok(true)
        }
        ("arg_max" | "arg_min" | "arg_max_null" | "arg_min_null", [_, key]) if is_interval(key, schema)? => {
            *key = length(std::mem::take(key));
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// `greatest` and `least` of intervals: the first of them in order, NULLs last. Other calls stay.
pub(super) fn of_values(call: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let sorted = match call.func.name() {
        "greatest" => "list_reverse_sort",
        "least" => "list_sort",
        _ => return Ok(Transformed::no(Expr::ScalarFunction(call))),
    };
    for value in &call.args {
        if !is_interval(value, schema)? {
            return Ok(Transformed::no(Expr::ScalarFunction(call)));
        }
    }
    match scalar_named(sorted) {
        Some(sorted) => Ok(Transformed::yes(array_element(sorted.call(vec![make_array(call.args)]), lit(1_i64)))),
        None => Ok(Transformed::no(Expr::ScalarFunction(call))),
    }
}
