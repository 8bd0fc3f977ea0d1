//! Measures CloudDB against its peers; see `benchmarks/README.md` for what is measured and how.
//!
//! The program `clouddb-bench` is a thin shell around these modules:
//!
//! - [`suites`] is what can be measured; [`report`] writes what they found.
//! - [`workload`] is tables and queries, [`tpch`] those of TPC-H, [`files`] how source data is written; [`answer`] compares engines' answers.
//! - [`engines`] runs queries in CloudDB and its peers, each in a process; [`child`] starts processes of our own.
//! - [`place`] is where databases are put, `bucket` how source files come into one; [`proxy`] makes a store far away.
//! - `error`, [`numbers`], [`memory`]: what everything here uses.

pub mod answer;
mod bucket;
pub mod child;
pub mod engines;
mod error;
pub mod files;
pub mod memory;
pub mod numbers;
pub mod place;
pub mod proxy;
pub mod report;
pub mod suites;
pub mod tpch;
pub mod workload;

pub use error::{Context, Error, Result};
