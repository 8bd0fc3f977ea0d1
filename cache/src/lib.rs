//! Velocity: hot columns in memory between storage and engine, and the filters that work on them there.
//!
//! ```text
//!   engine ── wants columns of a row group ──▶ ColumnCache ── not there ──▶ RowGroup: ranges fetched, verified, decoded
//!      │                                          │ Chunk: compact, unfiltered, shared
//!      └── Filter: which rows are wanted ◀────────┘
//!      └── Chunk::gather: only those rows, as Arrow arrays
//! ```
//!
//! - [`ColumnCache`] keeps decoded columns within a budget of bytes.
//! - [`Filter`] evaluates predicates on them, cheapest and most selective first.
//! - [`FooterCache`] keeps segments' footers: a footer is read, verified and parsed once.
//! - [`DiskCache`] keeps the bytes of segments in far-away stores on a local disk, for the processes that come later.
//!
//! Segments never change, so nothing here is ever invalidated, only evicted. Nothing here knows SQL or DataFusion: predicates that the cache does not
//! understand come as [`Expression`]s.

mod ahead;
pub mod bits;
pub mod chunk;
mod columns;
mod disk;
mod footers;
mod forms;
mod frequency;
mod kept;
mod policy;
pub mod predicate;
mod row_group;
pub mod set;
#[cfg(test)]
mod tests;
pub mod whole;

pub use chunk::Chunk;
pub use columns::{Cached, ChunkKey, ColumnCache, ColumnCacheCounts, DEFAULT_COLUMN_BYTES, Loading};
pub use disk::{DEFAULT_DISK_BYTES, DiskCache, DiskCacheCounts};
pub use footers::{DEFAULT_FOOTER_BYTES, FooterCache, FooterCacheCounts};
pub use forms::{is_narrow, seen};
pub use policy::CachePolicy;
pub use predicate::{Expression, Filter};
pub use row_group::{ColumnShape, RowGroup};
