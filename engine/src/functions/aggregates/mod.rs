//! Aggregates: DataFusion's, with exact sums, and ours in place of those that are missing or answer otherwise.
//!
//! Most of ours need all values of a group at its end and are defined by a line in a table: `collected` is how such a line becomes an aggregate.

mod arg_extreme;
mod collected;
mod count_if;
mod frequencies;
mod moments;
mod order;
mod replayed;
mod rewritten;

use std::sync::{Arc, LazyLock};

use datafusion::functions_aggregate::first_last::{first_value_udaf, last_value_udaf};
use datafusion::logical_expr::AggregateUDF;

use collected::{Collected, Run, ranked};
pub(crate) use replayed::ordered;
pub(super) use replayed::{framed, takes_rows_back};
pub(super) use rewritten::{n_of_extremes, rewritten};

/// All aggregates: of two with the same name the later one is taken.
pub(crate) fn aggregates() -> Vec<Arc<AggregateUDF>> {
    let mut aggregates = crate::semantics::aggregates();
    let definitions = [order::definitions(), moments::definitions(), frequencies::definitions()].concat();
    aggregates.extend(definitions.into_iter().map(|definition| Arc::new(AggregateUDF::new_from_impl(Collected::new(definition)))));
    aggregates.extend(arg_extreme::aggregates());
    aggregates.extend(rewritten::aggregates());
    aggregates.push(Arc::new(AggregateUDF::new_from_impl(count_if::CountIf::default())));
    for (name, inner) in [("first", first_value_udaf()), ("last", last_value_udaf())] {
        aggregates.push(Arc::new(inner.as_ref().clone().with_aliases([name])));
    }
    super::aliases::extend(&mut aggregates, super::aliases::AGGREGATES, |aggregate, aliases| {
        aggregate.as_ref().clone().with_aliases(aliases.iter().copied())
    });
    aggregates
}

/// An aggregate by one of its names.
pub(super) fn named(name: &str) -> Option<Arc<AggregateUDF>> {
    static ALL: LazyLock<Vec<Arc<AggregateUDF>>> = LazyLock::new(aggregates);
    let has = |aggregate: &&Arc<AggregateUDF>| {
        aggregate.name().eq_ignore_ascii_case(name) || aggregate.aliases().iter().any(|alias| alias.eq_ignore_ascii_case(name))
    };
    ALL.iter().rev().find(has).cloned()
}

/// The runs of equal values that are not NULL.
pub(super) fn runs(values: &arrow::array::ArrayRef) -> crate::error::Result<impl Iterator<Item = Run>> {
    let runs = ranked(values)?;
    let values = Arc::clone(values);
    Ok(runs.into_iter().filter(move |run| usize::try_from(run.first).is_ok_and(|first| arrow::array::Array::is_valid(&values, first))))
}
