//! Statements: parsed, checked, rewritten; then carried out here, or planned by DataFusion.
//!
//! ```text
//! text ─ parse ─▶ tokens ─ depth ─▶ syntax tree ─ kind ─▶ query ─ refuse, rewrite ─▶ DataFusion
//!                                                      ├▶ write ─ tables, insert, copy, ... ─▶ storage's Transaction
//!                                                      └▶ transaction, session ─▶ session
//! ```

mod balance;
pub(crate) mod cache;
mod conform;
mod constant;
pub(crate) mod context;
pub(crate) mod copy;
mod copy_options;
pub(crate) mod ddl;
mod depth;
mod dialect;
pub(crate) mod explain;
pub(crate) mod export;
mod files_in;
pub(crate) mod import;
mod insert;
pub(crate) mod kind;
mod names;
pub(crate) mod parse;
mod refuse;
pub(crate) mod rewrite;
pub(crate) mod schemas;
pub(crate) mod set;
pub(crate) mod stored;
mod tables;
mod tokens;
mod using;
mod values;
mod views;
pub(crate) mod write;

pub use names::table_names;
pub use parse::{Statement, is_complete, parse};
pub(crate) use refuse::unsupported;
