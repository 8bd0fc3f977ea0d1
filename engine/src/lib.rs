//! Blue: the query processor of CloudDB, an extension of DataFusion.
//!
//! - [`Database`] opens a location and gives sessions and catalogs; [`Session`] runs SQL, one statement at a time.
//! - [`catalog`] shows one snapshot of a database as a DataFusion catalog, usable from anybody's own `SessionContext`.
//! - `scan` and `write` are the way of rows out of and into segments; [`system_tables`] is what a database tells of itself.
//! - [`text`] makes text of values and rows.
//! - `semantics` is what SQL's expressions mean, where DataFusion's answer would be a wrong one.
//! - `types` is SQL's types in Arrow.
//! - `limits` keeps one statement from taking all time and memory, and stops it at any moment.
//! - `optimizer` chooses among plans with the same answer: the order of joins.
//! - `introspection` is what SQL tells of the database itself: `information_schema`, `pg_catalog`, `duckdb_tables()`.
//! - [`near`] is which names were probably meant.
//! - `key_sets` tells scans which keys the other side of a join has.
//! - `explain` shows a plan as a tree, in SQL's words.
//! - `reuse` keeps plans, and results where that is wanted, for the next time.
//! - `statements` carries out what DataFusion does not: DDL, INSERT, COPY, transactions, time travel; and refuses what nobody carries out.
//!
//! DataFusion plans and runs queries. This crate decides which snapshot a statement reads, what it changes, and when that is committed.

pub mod catalog;
mod database;
pub mod error;
mod explain;
mod files;
pub mod functions;
mod grouping;
mod introspection;
mod key_sets;
mod limits;
mod nearest;
mod optimizer;
mod relations;
mod reuse;
mod scan;
mod semantics;
mod session;
mod settings;
mod sharing;
mod statements;
pub mod system_tables;
pub mod text;
mod types;
mod unnesting;
mod write;

pub use clouddb_cache::CachePolicy;
pub use database::Database;
pub use error::{Error, ErrorKind, Position, Result};
pub use files::streams::{give_standard_input, keep_standard_input};
pub use limits::{parse_duration, parse_size};
pub use nearest::{near, nearest};
pub use scan::{Caches, Extent};
pub use session::Session;
pub use session::progress::Progress;
pub use session::result::{Done, Rows, StatementResult};
pub use session::stack::THREAD_STACK_BYTES;
pub use settings::{CATALOG, DEFAULT_SCHEMA, Options};
pub use statements::{Statement, is_complete, parse, table_names};
pub use write::rows_written;
