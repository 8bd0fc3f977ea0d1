//! The keys of groups: which group a row belongs to.
//!
//! Groups are numbered in the order in which they appear. Which table a query gets depends on the types of its keys alone:
//!
//! - one column that is an integer inside: [`integers`], an array indexed by the key where keys lie close together;
//! - one column of strings: [`strings`];
//! - several columns: [`packed`], all of them in a few words, strings as numbers of a table of their own;
//! - anything else: DataFusion's tables.

mod integers;
mod packed;
mod strings;
#[cfg(test)]
mod tests;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, SchemaRef};
use clouddb_cache::whole;
use datafusion::common::Result;
use datafusion::logical_expr::EmitTo;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;

use integers::IntegerKeys;
use packed::PackedKeys;
use strings::StringKeys;

/// The keys of groups.
pub(super) trait Keys: Send {
    /// The group of each row, new ones included. `groups` is overwritten.
    fn intern(&mut self, columns: &[ArrayRef], groups: &mut Vec<usize>) -> Result<()>;

    /// How many groups there are.
    fn len(&self) -> usize;

    /// Bytes in memory.
    fn size(&self) -> usize;

    /// The keys of all groups, by column. No group is left.
    fn take(&mut self) -> Result<Vec<ArrayRef>>;
}

/// A table for keys of these types.
pub(super) fn keys(schema: &SchemaRef) -> Result<Box<dyn Keys>> {
    match schema.fields().as_ref() {
        [only] if whole::is_whole(only.data_type()) => Ok(Box::new(IntegerKeys::new(only.data_type().clone()))),
        [only] if only.data_type() == &DataType::Utf8View => Ok(Box::new(StringKeys::default())),
        [_] => others(schema),
        _ => match PackedKeys::<1>::words(schema) {
            Some(1) => Ok(Box::new(PackedKeys::<1>::try_new(schema)?)),
            Some(2) => Ok(Box::new(PackedKeys::<2>::try_new(schema)?)),
            Some(3..=4) => Ok(Box::new(PackedKeys::<4>::try_new(schema)?)),
            _ => others(schema),
        },
    }
}

/// A table of DataFusion's.
fn others(schema: &SchemaRef) -> Result<Box<dyn Keys>> {
    Ok(Box::new(Others(new_group_values(SchemaRef::clone(schema), &GroupOrdering::None)?)))
}

struct Others(Box<dyn GroupValues>);

impl Keys for Others {
    fn intern(&mut self, columns: &[ArrayRef], groups: &mut Vec<usize>) -> Result<()> {
        self.0.intern(columns, groups)
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn take(&mut self) -> Result<Vec<ArrayRef>> {
        self.0.emit(EmitTo::All)
    }
}

/// Mixes the bits of a word into a hash: the two halves of a product of 128 bits, as foldhash and wyhash do.
#[inline]
fn mix(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word ^ 0x9E37_79B9_7F4A_7C15) * u128::from(0xD6E8_FEB8_6659_FD93_u64);
    // Both halves, on purpose.
    #[allow(clippy::cast_possible_truncation)]
    let (low, high) = (product as u64, (product >> 64) as u64);
    low ^ high
}
