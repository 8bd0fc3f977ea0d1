//! What SQL's expressions mean here, where DataFusion's answer would be a wrong one.
//!
//! - `common_types`: the type in which values of different types meet, and the quotient of decimals. While SQL is planned (`planner`), and before DataFusion
//!   gives expressions their types.
//! - `intervals`: what timestamps, times of day and intervals make, and the length by which intervals compare; `dates`: DATEs beside constant TIMESTAMPs.
//! - `typed`: one rule behind that, for what depends on types: arithmetic that never wraps (`arithmetic`), casts that round and that the optimizer does
//!   not look through (`casts`), intervals compared by their length.
//! - `input_order`: the order of a query within, for aggregates that depend on it.
//! - `aggregate_orders`: aggregates of one query with several orders.
//! - `in_subquery`: IN (SELECT ...) where NULL must be told from false; `correlation`: subqueries over relations that share names of columns.
//! - `sum`: sums of whole numbers keep 128 bits until their end (`accumulators`).
//! - `assignment`: what a value becomes in a column.
//! - `average`: averages that round, and `moments`, those of dates and times; `extremes`: minima and maxima of groups with a NaN.
//! - `fitted`: structs of different fields, which meet by their names.
//! - `kinds`: numbers and moments, which do not meet; `nested`: lists and structs in order; `nulls`: NULLs that
//!   DataFusion does not see; `same`: what is said of a value.
//! - `zones`: AT TIME ZONE; `session_zone`: sessions whose zone is not UTC; `attempts`: TRY; `written`: texts of moments and numbers in other spellings.
//!
//! The sum of BIGINTs is a BIGINT, or an error: a wider type, as HUGEINT in DuckDB or NUMERIC in PostgreSQL, would change the type of every result that sums
//! for the sake of very few. Whether it fits is asked of the whole sum only, so that the answer does not depend on the rows' order.

mod accumulators;
mod aggregate_orders;
mod arithmetic;
pub(crate) mod assignment;
mod attempts;
mod average;
mod bytes;
mod casts;
mod common_types;
mod correlation;
mod dates;
mod extremes;
mod fitted;
mod in_subquery;
mod input_order;
mod intervals;
mod kinds;
mod moments;
mod nested;
mod nulls;
mod planner;
mod same;
pub(crate) mod session_zone;
mod sum;
mod typed;
mod walk;
mod written;
pub(crate) mod zones;

use std::sync::Arc;

use datafusion::execution::SessionStateDefaults;
use datafusion::functions_aggregate::min_max::{Max, Min};
use datafusion::logical_expr::AggregateUDF;
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::optimizer::{Analyzer, AnalyzerRule};

use crate::statements::meaning::named_casts::NamedCasts;
use crate::unnesting::Unnesting;

pub(crate) use arithmetic::{always_has_a_result, sum_and_multiple, summands};
pub(crate) use assignment::shortened;
pub(crate) use attempts::Try;
pub(crate) use average::rounded_quotient;
pub(crate) use casts::{from_texts, keeps_order, texts as as_text};
pub(crate) use common_types::{elements_in_type, in_type, is_comparison, of_rows, with_common_types};
pub(crate) use intervals::{order_keys, scaled as scaled_interval};
pub(crate) use typed::with_our_meaning;
pub(crate) use walk::{any_expression, every_expression};
pub(crate) use written::what_is_out_of_range;

/// DataFusion's rules that give expressions their types, between our own. Their order matters: IN (SELECT ...) becomes
/// comparisons, which get common types; subqueries become joins when all types are known.
pub(crate) fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    let mut rules = Analyzer::new().rules;
    rules.insert(0, Arc::new(NamedCasts));
    rules.insert(1, Arc::new(input_order::InputOrder));
    rules.insert(2, Arc::new(in_subquery::InSubqueries));
    rules.insert(3, Arc::new(nulls::Nullability));
    rules.insert(4, Arc::new(correlation::CorrelatedNames));
    rules.insert(5, Arc::new(common_types::CommonTypes));
    rules.push(Arc::new(session_zone::SessionZone));
    rules.push(Arc::new(typed::TypedMeaning));
    rules.push(Arc::new(aggregate_orders::AggregateOrders));
    rules.push(Arc::new(Unnesting));
    rules
}

/// DataFusion's planners of expressions, behind our own: that of functions, and that of common types.
pub(crate) fn expr_planners(of_functions: Arc<dyn ExprPlanner>) -> Vec<Arc<dyn ExprPlanner>> {
    let mut planners = SessionStateDefaults::default_expr_planners();
    planners.insert(0, of_functions);
    planners.insert(1, Arc::new(planner::CommonTypesPlanner));
    planners
}

/// DataFusion's aggregates, with our sum, avg, min and max.
pub(crate) fn aggregates() -> Vec<Arc<AggregateUDF>> {
    let mut aggregates = SessionStateDefaults::default_aggregate_functions();
    aggregates.push(Arc::new(AggregateUDF::new_from_impl(sum::ExactSum::default())));
    aggregates.push(Arc::new(AggregateUDF::new_from_impl(average::RoundedAverage::default())));
    aggregates.push(Arc::new(AggregateUDF::new_from_impl(extremes::Extreme::<Min>::default())));
    aggregates.push(Arc::new(AggregateUDF::new_from_impl(extremes::Extreme::<Max>::default())));
    aggregates
}
