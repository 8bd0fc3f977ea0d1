//! TPC-H: its tables, made in process, and its 22 queries.

pub mod data;
mod queries;
mod tables;

pub use queries::{QUERIES, Query};
pub use tables::{TABLES, Table};
