//! Velocity: what is worth keeping in memory between storage and engine.
//!
//! Today it keeps one kind of thing: the *footers* of Parquet segments ([`FooterCache`]). A footer is read, verified and parsed once, and then
//! every scan of the segment starts without a request to the store. Decoded column chunks are not cached yet: every scan fetches and decodes
//! them anew.
//!
//! Segments never change, so nothing here is ever invalidated, only evicted.

mod footers;
#[cfg(test)]
mod tests;

pub use footers::{DEFAULT_FOOTER_BYTES, FooterCache, FooterCacheCounts};
