//! Rows into tables and out of them: INSERT, COPY, EXPORT and IMPORT; and tables into memory.

pub(crate) mod cache;
pub(crate) mod conform;
pub(crate) mod constant;
pub(crate) mod copy;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod insert;
pub(crate) mod values;
