//! Arithmetic that never wraps: a whole number or a decimal out of its type's range is an error, not another number.
//!
//! DataFusion computes `+`, `-`, `*` and `sum` of whole numbers modulo 2^64. Here an analyzer rule (`rule`) makes calls of checked functions (`arithmetic`)
//! of them before the optimizer computes constants, and `sum` is one of our own (`sum`), which keeps 128 bits until its end.
//!
//! The sum of BIGINTs is a BIGINT, or an error: a wider type, as HUGEINT in DuckDB or NUMERIC in PostgreSQL, would change the type of every result that sums
//! for the sake of very few. Whether it fits is asked of the whole sum only, so that the answer does not depend on the rows' order.

mod accumulators;
mod arithmetic;
mod common_types;
mod rule;
mod sum;

use std::sync::Arc;

use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::AggregateUDF;
use datafusion::optimizer::{Analyzer, AnalyzerRule};

pub(crate) use rule::checked;

/// DataFusion's rules that give expressions their types, between our own.
pub(crate) fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    let mut rules = Analyzer::new().rules;
    rules.insert(0, Arc::new(common_types::CommonTypes));
    rules.push(Arc::new(rule::CheckArithmetic));
    rules
}

/// DataFusion's aggregates, with our sum.
pub(crate) fn aggregates() -> Vec<Arc<AggregateUDF>> {
    let mut aggregates = SessionStateDefaults::default_aggregate_functions();
    aggregates.push(Arc::new(AggregateUDF::new_from_impl(sum::ExactSum::default())));
    aggregates
}
