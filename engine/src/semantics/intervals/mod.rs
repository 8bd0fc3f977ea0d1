//! INTERVALs as PostgreSQL and DuckDB have them: what is between two timestamps, times a number, compared by their length.

mod arithmetic;
mod comparison;
mod compute;
mod extremes;
mod totals;

pub(super) use arithmetic::{Planned, planned};
pub(crate) use comparison::order_keys;
pub(super) use comparison::{key, rewritten};
pub(crate) use compute::scaled;
pub(super) use totals::IntervalTotal;
