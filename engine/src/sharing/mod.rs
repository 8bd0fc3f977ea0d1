//! Sharing: a part of a plan that stands several times runs once.
//!
//! A common table expression, or a view, that a query uses twice is planned twice, and each copy gets the filters of where it is used. Where they come out the
//! same all the same, one run serves all: [`rule`] finds such parts when the plan is done, [`exec`] keeps what the run gives, in memory or on disk.
//!
//! `materialized` marks parts that must run once for the sake of the answer: common table expressions whose rows are random, or left to chance.
//!
//! Of others only what groups or ranks rows is shared: it must be read whole anyway, and gives less than it reads.

mod exec;
mod materialized;
mod rule;
#[cfg(test)]
mod tests;

pub(crate) use materialized::{Planner, materialized};
pub(crate) use rule::Sharing;
