//! Values and rows as text: what a shell shows, and what COPY ... TO writes.
//!
//! COPY ... FROM reads all of it back as it was, NULLs and empty strings too.

pub mod csv;
pub(crate) mod extremes;
pub mod json;
pub mod values;
