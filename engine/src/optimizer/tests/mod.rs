//! The rules on plans and on answers: what they make of a query, and that the answer is the same without them.

pub(crate) mod data;
mod early_groups;
mod join_order;
