//! Measures CloudDB against its peers; see `benchmarks/README.md` for what is measured and how.
//!
//! The program `clouddb-bench` is a thin shell around these modules:
//!
//! - [`tpch`] makes TPC-H's data and holds its queries; [`answer`] compares engines' answers.
//! - [`engines`] runs queries in CloudDB and its peers, [`proxy`] is the far-away store.
//! - `error`, [`numbers`], [`memory`]: what everything here uses.

pub mod answer;
pub mod engines;
mod error;
pub mod memory;
pub mod numbers;
pub mod proxy;
pub mod tpch;

pub use error::{Context, Error, Result};
