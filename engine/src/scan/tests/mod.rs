//! Tests of scans against real databases in memory.

mod answers;
mod data;
mod order;
mod pruning;
mod velocity;
