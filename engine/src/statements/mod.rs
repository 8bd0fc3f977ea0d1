//! Statements: parsed, checked, rewritten; then carried out here, or planned by DataFusion.
//!
//! ```text
//! text ─ syntax ─▶ syntax tree ─ kind ─▶ query ─ meaning ─▶ DataFusion
//!                                     ├▶ write ─ objects, rows ─▶ storage's Transaction
//!                                     ├▶ show, settings ─▶ rows, session
//!                                     └▶ transaction, session ─▶ session
//! ```

pub(crate) mod context;
pub(crate) mod explain;
pub(crate) mod kind;
pub(crate) mod lookup;
pub(crate) mod meaning;
pub(crate) mod objects;
pub(crate) mod prepare;
pub(crate) mod rows;
pub(crate) mod set;
pub(crate) mod settings;
pub(crate) mod show;
pub(crate) mod syntax;
pub(crate) mod targets;
pub(crate) mod write;

pub(crate) use meaning::refuse::unsupported;
pub(crate) use meaning::resolve::{Exclusion, MATERIALIZED, WindowClauses, ast};
pub(crate) use syntax::dialect::DIALECT;
pub use syntax::names::table_names;
pub use syntax::parse::{Statement, is_complete, parse};
pub(crate) use syntax::pivot_syntax::names as names_in;
pub(crate) use syntax::tokens::{AsofKind, PERCENT, SHOWN, UNPACKED};
