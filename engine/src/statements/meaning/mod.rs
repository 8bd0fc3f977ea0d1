//! What a syntax tree means, written so that DataFusion plans it so: names are found, other spellings are written out, and what nobody carries out is refused.

pub(crate) mod balance;
mod calls;
pub(crate) mod catalog_syntax;
pub(crate) mod files_in;
pub(crate) mod generators;
pub(crate) mod indexed_lambdas;
pub(crate) mod instead;
pub(crate) mod interval_literals;
pub(crate) mod json_rows;
pub(crate) mod limits;
pub(crate) mod lists;
pub(crate) mod macros;
pub(crate) mod named_casts;
pub(crate) mod operators;
pub(crate) mod pivot;
pub(crate) mod refuse;
pub(crate) mod resolve;
pub(crate) mod rewrite;
pub(crate) mod sample;
pub(crate) mod shown;
pub(crate) mod spellings;
pub(crate) mod structs;
