//! The bytes of everything that is not a Parquet file: one envelope around protobuf bodies. `FORMAT.md` describes them for other readers.

pub(crate) mod action;
pub(crate) mod change;
pub(crate) mod envelope;
pub(crate) mod objects;
pub(crate) mod record;
pub(crate) mod root;
pub(crate) mod schema;
pub(crate) mod segment;

/// The format that this version reads and writes. 0 until it is declared stable: nothing else is opened.
pub(crate) const FORMAT_VERSION: u32 = 0;
