//! Aggregates that are written in terms of others when a query is planned: `json_group_array(x)` is `to_json(array_agg(x))`.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::functions_aggregate::array_agg::array_agg_udaf;
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::string_agg::string_agg_udaf;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::functions_nested::extract::array_slice_udf;
use datafusion::logical_expr::expr::{AggregateFunction, ScalarFunction, Sort};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::planner::RawAggregateExpr;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, DocSection, Documentation, Expr, Signature, Volatility, cast, lit,
};

use crate::error::{Error, to_datafusion};
use crate::functions::scalar_named;

/// What a call becomes.
type Rewrite = fn(&RawAggregateExpr) -> Option<Expr>;

/// An aggregate.
struct Definition {
    name: &'static str,
    aliases: &'static [&'static str],
    arguments: usize,
    usage: &'static str,
    about: &'static str,
    rewrite: Rewrite,
}

const DEFINITIONS: [Definition; 5] = [
    Definition {
        name: "json_group_array",
        aliases: &["json_agg", "jsonb_agg", "json_arrayagg"],
        arguments: 1,
        usage: "json_group_array(x)",
        about: "all values as an array of JSON",
        rewrite: |expr| {
            let [value] = expr.args.as_slice() else { return None };
            call("to_json", vec![aggregate(array_agg_udaf(), vec![value.clone()], expr)])
        },
    },
    Definition {
        name: "json_group_object",
        aliases: &["json_object_agg", "jsonb_object_agg", "json_objectagg"],
        arguments: 2,
        usage: "json_group_object(key, x)",
        about: "all keys and values as an object of JSON",
        rewrite: |expr| {
            let [key, value] = expr.args.as_slice() else { return None };
            // The braces of an object with one key are taken off, and put around all of them.
            let one = call("json_object", vec![cast(key.clone(), DataType::Utf8View), value.clone()])?;
            let inner = call("substring", vec![one, lit(2_i64)])?;
            let inner = call("left", vec![inner, lit(-1_i64)])?;
            let all = aggregate(string_agg_udaf(), vec![inner, lit(",")], expr);
            let braces = |all: Expr| call("concat", vec![lit("{"), all, lit("}")]);
            let is_none = all.clone().is_null();
            Some(Expr::Case(datafusion::logical_expr::Case::new(
                None,
                vec![(Box::new(is_none), Box::new(lit(datafusion::common::ScalarValue::Utf8View(None))))],
                Some(Box::new(braces(all)?)),
            )))
        },
    },
    Definition {
        name: "fsum",
        aliases: &["kahan_sum", "sumkahan"],
        arguments: 1,
        usage: "fsum(x)",
        about: "the sum as a DOUBLE",
        rewrite: |expr| {
            let [value] = expr.args.as_slice() else { return None };
            Some(aggregate(sum_udaf(), vec![cast(value.clone(), DataType::Float64)], expr))
        },
    },
    Definition {
        name: "weighted_avg",
        aliases: &["wavg"],
        arguments: 2,
        usage: "weighted_avg(x, weight)",
        about: "the mean as a DOUBLE, in which values with greater weights count more",
        rewrite: |expr| {
            let [value, weight] = expr.args.as_slice() else { return None };
            if expr.distinct {
                return None;
            }
            let mut both = value.clone().is_not_null().and(weight.clone().is_not_null());
            if let Some(filter) = &expr.filter {
                both = both.and(filter.as_ref().clone());
            }
            let (value, weight) = (cast(value.clone(), DataType::Float64), cast(weight.clone(), DataType::Float64));
            let sum = |of: Expr| {
                let sum = AggregateFunction::new_udf(sum_udaf(), vec![of], false, Some(Box::new(both.clone())), vec![], None);
                Expr::AggregateFunction(sum)
            };
            Some(sum(value * weight.clone()) / sum(weight))
        },
    },
    Definition {
        name: "favg",
        aliases: &[],
        arguments: 1,
        usage: "favg(x)",
        about: "the mean as a DOUBLE",
        rewrite: |expr| {
            let [value] = expr.args.as_slice() else { return None };
            Some(aggregate(avg_udaf(), vec![cast(value.clone(), DataType::Float64)], expr))
        },
    },
];

fn call(name: &str, arguments: Vec<Expr>) -> Option<Expr> {
    Some(Expr::ScalarFunction(ScalarFunction::new_udf(scalar_named(name)?, arguments)))
}

/// Another aggregate with the same clauses.
fn aggregate(function: Arc<AggregateUDF>, arguments: Vec<Expr>, expr: &RawAggregateExpr) -> Expr {
    let call =
        AggregateFunction::new_udf(function, arguments, expr.distinct, expr.filter.clone(), expr.order_by.clone(), expr.null_treatment);
    Expr::AggregateFunction(call)
}

/// What a call of one of these becomes.
pub(in crate::functions) fn rewritten(expr: &RawAggregateExpr) -> Option<Expr> {
    let definition = DEFINITIONS.iter().find(|definition| definition.name == expr.func.name())?;
    let made = (definition.rewrite)(expr)?;
    let arguments: Vec<String> = expr.args.iter().map(ToString::to_string).collect();
    let order: Vec<String> = expr.order_by.iter().map(ToString::to_string).collect();
    let order = if order.is_empty() { String::new() } else { format!(" ORDER BY {}", order.join(",")) };
    Some(made.alias(format!("{}({}{order})", definition.name, arguments.join(","))))
}

/// `arg_max(x, y, n)`: the x of the n rows with the greatest y, as a list; `arg_min` likewise.
pub(in crate::functions) fn n_of_extremes(expr: &RawAggregateExpr) -> Option<Expr> {
    let descending = match expr.func.name() {
        "arg_max" => true,
        "arg_min" => false,
        _ => return None,
    };
    let [value, key, count] = expr.args.as_slice() else { return None };
    let mut wanted = key.clone().is_not_null().and(value.clone().is_not_null());
    if let Some(filter) = &expr.filter {
        wanted = wanted.and(filter.as_ref().clone());
    }
    let order = vec![Sort::new(key.clone(), !descending, false)];
    let all = AggregateFunction::new_udf(
        array_agg_udaf(),
        vec![value.clone()],
        expr.distinct,
        Some(Box::new(wanted)),
        order,
        expr.null_treatment,
    );
    let first = ScalarFunction::new_udf(array_slice_udf(), vec![Expr::AggregateFunction(all), lit(1_i64), count.clone()]);
    Some(Expr::ScalarFunction(first).alias(format!("{}({value},{key},{count})", expr.func.name())))
}

/// The names, so that SQL's planner knows them.
pub(super) fn aggregates() -> impl Iterator<Item = Arc<AggregateUDF>> {
    DEFINITIONS.iter().map(|definition| {
        Arc::new(AggregateUDF::new_from_impl(Name {
            name: definition.name,
            aliases: definition.aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            signature: Signature::any(definition.arguments, Volatility::Immutable),
            documentation: Documentation::builder(DocSection::default(), definition.about, definition.usage)
                .with_sql_example(definition.usage)
                .build(),
        }))
    })
}

/// An aggregate that is there by name only.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Name {
    name: &'static str,
    aliases: Vec<String>,
    signature: Signature,
    documentation: Documentation,
}

impl AggregateUDFImpl for Name {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let error = Error::unsupported(format!("{} is not supported here", self.name));
        Err(to_datafusion(error.with_hint("it stands in the list of a query's columns, without OVER")))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
