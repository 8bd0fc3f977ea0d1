//! The keys of a join's built side as sets, for the scans of its other side.
//!
//! A join hands a filter down to the scans of the side that it looks up: bounds of its keys, and a look into its table of hashes for each row. The bounds
//! mostly say little, and the look costs as much as the join's own. Where keys are integers inside, a bitmap of those that there are says the same for a
//! fraction, on the encoding of the cache's columns.
//!
//! - `rule` finds joins whose filter came down to scans of ours, puts an operator on the side that they build, and tells the scans of it.
//! - `exec` is that operator: it hands rows on, and remembers their keys.
//! - `keys` is what both share.

mod exec;
mod keys;
mod rule;
#[cfg(test)]
mod tests;

pub(crate) use keys::JoinKeys;
pub(crate) use rule::KeySets;
