//! Grouping: an operator of our own for `GROUP BY`, in place of DataFusion's pair of partial and final aggregation.
//!
//! ```text
//!   input partitions      one table of groups each          output partitions
//!   ───────────────▶  [`collect`]: keys → groups,     ──▶  [`merge`]: the groups whose keys' hash
//!                      accumulators by group                belongs to this partition
//!                            │ too large
//!                            ▼
//!                      [`spill`]: states on disk, by hash, merged part by part
//! ```
//!
//! - [`keys`]: which group a row belongs to; what makes it quick.
//! - [`table`]: keys and accumulators together. Accumulators are those of the functions, DataFusion's and ours.
//! - [`exec`]: the operator; [`rule`]: where a plan gets it.
//! - [`states`]: aggregates in two halves, for a grouping on both sides of a join; [`early`]: the operator of the first.
//!
//! What it changes: keys that are integers, short strings or several of both are found in tables made for them; where one partition saw all groups, or all
//! see few, nothing is exchanged between partitions; rows are not hashed once more to be distributed.

mod collect;
mod early;
mod exec;
mod keys;
mod merge;
mod rule;
mod sets;
mod spill;
mod states;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use early::EarlyGroupExec;
pub(crate) use exec::GroupExec;
pub(crate) use rule::Grouping;
pub(crate) use states::halves;
