//! Statements: parsed, checked, rewritten; then carried out here, or planned by DataFusion.
//!
//! ```text
//! text ─ parse ─▶ tokens ─ depth ─▶ syntax tree ─ kind ─▶ query ─ refuse, rewrite ─▶ DataFusion
//!                                                      ├▶ write ─ tables, insert, copy, ... ─▶ storage's Transaction
//!                                                      ├▶ show, settings ─▶ rows, session
//!                                                      └▶ transaction, session ─▶ session
//! ```

mod alter;
pub(crate) mod attach;
mod balance;
pub(crate) mod cache;
mod catalog_syntax;
mod conform;
mod constant;
pub(crate) mod context;
pub(crate) mod copy;
mod copy_options;
pub(crate) mod ddl;
mod dependents;
mod depth;
mod dialect;
pub(crate) mod explain;
pub(crate) mod export;
mod files_in;
pub(crate) mod import;
mod indexed_lambdas;
mod insert;
mod instead;
mod interval_literals;
pub(crate) mod kind;
pub(crate) mod lookup;
mod macros;
mod mistakes;
mod names;
mod operators;
pub(crate) mod parse;
mod pivot;
mod pivot_syntax;
pub(crate) mod prepare;
mod refuse;
mod resolve;
pub(crate) mod rewrite;
mod sample;
pub(crate) mod schemas;
pub(crate) mod sequences;
pub(crate) mod set;
pub(crate) mod settings;
pub(crate) mod show;
mod spellings;
pub(crate) mod stored;
mod structs;
mod tables;
mod tokens;
mod values;
mod views;
mod words;
pub(crate) mod write;

pub use names::table_names;
pub use parse::{Statement, is_complete, parse};
pub(crate) use pivot_syntax::names as names_in;
pub(crate) use refuse::unsupported;
pub(crate) use resolve::{MATERIALIZED, ast};
pub(crate) use tokens::AsofKind;
