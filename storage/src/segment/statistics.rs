//! Null counts, bounds and numbers of different values of a segment's columns.
//!
//! Bounds prune; they are answers to MIN and MAX only where they are marked exact. How many values are different is an estimate: it chooses plans.

/// A value in a bound, independent of Arrow's memory layouts.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// BOOLEAN.
    Boolean(bool),
    /// Signed integers of all widths, dates, times, timestamps, in the column type's own unit.
    Int(i64),
    /// Unsigned integers of all widths.
    UInt(u64),
    /// Floats of all widths; never NaN (a column with a NaN has no bounds).
    Float(f64),
    /// Decimals of up to 38 digits: the unscaled value.
    Decimal(i128),
    /// Strings: UTF-8 bytes.
    String(String),
    /// Binary and UUID.
    Binary(Vec<u8>),
}

/// A lower or upper bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// No value of the column is beyond this one.
    pub value: Value,
    /// Whether the value itself is in the column: not truncated.
    pub exact: bool,
}

/// Statistics of one column of one segment.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnStatistics {
    /// The column.
    pub field_id: u32,
    /// How many rows are NULL.
    pub null_count: u64,
    /// The least value; absent where all are NULL, or where the type has no order.
    pub min: Option<Bound>,
    /// The greatest value.
    pub max: Option<Bound>,
    /// Bytes that the column takes in memory when decoded, all rows together.
    pub decoded_bytes: u64,
    /// About how many different values there are, NULL not among them; all rows' values where it is as many. Absent where nobody counted: nested types,
    /// and segments that were written before there was this field.
    pub distinct: Option<u64>,
}
