//! Strings as keys.
//!
//! A string of up to twelve bytes is a number of 128 bits in Arrow's view of it, so that most keys are compared without being looked at. Scans hand out the
//! same view for the same string of a dictionary: a small cache of views seen answers most rows before anything is hashed.
//!
//! Layout of a view: <https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-view-layout>

use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};
use datafusion::common::Result;
use datafusion::common::hash_utils::RandomState;
use hashbrown::HashTable;

use super::integers::number;
use super::{Keys, mix};
use crate::error::{Error, to_datafusion};

/// Strings up to this length are in the view itself.
const INLINE: usize = 12;

/// Bytes of strings that are kept together.
const BLOCK: usize = 1 << 20;

/// Views that are remembered: a power of two.
const SEEN: usize = 1024;

/// The distinct strings of a column, numbered in the order in which they appear; NULL has a number, too.
pub(super) struct StringKeys {
    table: HashTable<(u64, u32)>,
    /// By number, pointing into `blocks` where the string is long.
    views: Vec<u128>,
    blocks: Vec<Vec<u8>>,
    null: Option<u32>,
    seen: Box<[Seen; SEEN]>,
    /// Views of long strings mean something within one batch only.
    batch: u32,
    random: RandomState,
}

#[derive(Clone, Copy)]
struct Seen {
    view: u128,
    number: u32,
    batch: u32,
}

impl Default for StringKeys {
    fn default() -> Self {
        Self {
            table: HashTable::new(),
            views: Vec::new(),
            blocks: Vec::new(),
            null: None,
            // No batch has the number 0, and the empty string's view is not remembered before it was seen.
            seen: Box::new([Seen { view: u128::MAX, number: 0, batch: 0 }; SEEN]),
            batch: 0,
            random: RandomState::with_seed(0x5EED),
        }
    }
}

/// A view's length.
#[inline]
fn length(view: u128) -> usize {
    // The lowest 32 bits.
    #[allow(clippy::cast_possible_truncation)]
    let length = view as u32;
    length as usize
}

#[inline]
fn halves(view: u128) -> (u64, u64) {
    #[allow(clippy::cast_possible_truncation)]
    let halves = (view as u64, (view >> 64) as u64);
    halves
}

/// Where a long string lies: block and offset.
fn place(view: u128) -> (usize, usize) {
    #[allow(clippy::cast_possible_truncation)]
    let place = ((view >> 64) as u32 as usize, (view >> 96) as u32 as usize);
    place
}

impl StringKeys {
    /// Numbers of a column's strings, one for each row, handed to `each` in order.
    pub(super) fn each(&mut self, column: &ArrayRef, mut each: impl FnMut(u32)) -> Result<()> {
        let strings = column.as_string_view_opt().ok_or_else(|| to_datafusion(Error::internal("a key is not a string")))?;
        if self.batch == u32::MAX {
            self.seen.fill(Seen { view: u128::MAX, number: 0, batch: 0 });
            self.batch = 0;
        }
        self.batch += 1;
        let nulls = strings.nulls().filter(|nulls| nulls.null_count() > 0);
        for (row, view) in strings.views().iter().enumerate() {
            each(match nulls {
                Some(nulls) if nulls.is_null(row) => self.null_number()?,
                _ => self.number(*view, strings)?,
            });
        }
        Ok(())
    }

    #[inline]
    fn number(&mut self, view: u128, strings: &StringViewArray) -> Result<u32> {
        let (low, high) = halves(view);
        let at = (low ^ high).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - SEEN.trailing_zeros());
        let seen = &self.seen[at as usize];
        let is_short = length(view) <= INLINE;
        if seen.view == view && (is_short || seen.batch == self.batch) {
            return Ok(seen.number);
        }
        let number = if is_short { self.short(view)? } else { self.long(view, strings)? };
        self.seen[at as usize] = Seen { view, number, batch: self.batch };
        Ok(number)
    }

    fn short(&mut self, view: u128) -> Result<u32> {
        let (low, high) = halves(view);
        let hash = mix(mix(0, low), high);
        let views = &self.views;
        if let Some((_, number)) = self.table.find(hash, |(other, number)| *other == hash && views[*number as usize] == view) {
            return Ok(*number);
        }
        self.add(hash, view)
    }

    fn long(&mut self, view: u128, strings: &StringViewArray) -> Result<u32> {
        let (buffer, offset) = place(view);
        let wanted = strings.data_buffers().get(buffer).and_then(|buffer| buffer.as_slice().get(offset..offset + length(view)));
        let wanted = wanted.ok_or_else(|| to_datafusion(Error::internal("a string lies outside of its buffer")))?;
        let hash = self.random.hash_one(wanted);
        let (views, blocks) = (&self.views, &self.blocks);
        let is_same = |number: u32| {
            let other = views[number as usize];
            // Length and first bytes are in the lower half.
            halves(other).0 == halves(view).0 && {
                let (block, offset) = place(other);
                blocks[block].get(offset..offset + wanted.len()) == Some(wanted)
            }
        };
        if let Some((_, number)) = self.table.find(hash, |(other, number)| *other == hash && is_same(*number)) {
            return Ok(*number);
        }
        let view = self.keep(wanted, halves(view).0)?;
        self.add(hash, view)
    }

    /// Keeps a long string; its view there.
    fn keep(&mut self, string: &[u8], low: u64) -> Result<u128> {
        if self.blocks.last().is_none_or(|block| block.capacity() - block.len() < string.len()) {
            self.blocks.push(Vec::with_capacity(string.len().max(BLOCK)));
        }
        let block = self.blocks.len() - 1;
        let offset = self.blocks[block].len();
        self.blocks[block].extend_from_slice(string);
        // Blocks are at most as long as the longest string, which has a length of 32 bits.
        Ok(u128::from(low) | u128::from(number(block)?) << 64 | u128::from(number(offset)?) << 96)
    }

    fn add(&mut self, hash: u64, view: u128) -> Result<u32> {
        let number = number(self.views.len())?;
        self.views.push(view);
        self.table.insert_unique(hash, (hash, number), |(hash, _)| *hash);
        Ok(number)
    }

    fn null_number(&mut self) -> Result<u32> {
        if let Some(number) = self.null {
            return Ok(number);
        }
        let number = number(self.views.len())?;
        self.views.push(0);
        self.null = Some(number);
        Ok(number)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.views.len()
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        let blocks: usize = self.blocks.iter().map(Vec::capacity).sum();
        size_of_val(self.seen.as_slice()) + self.table.allocation_size() + self.views.capacity() * size_of::<u128>() + blocks
    }

    /// All strings, by number. None is left.
    pub(super) fn strings(&mut self) -> Result<StringViewArray> {
        let Self { views, blocks, null, .. } = std::mem::take(self);
        let nulls = null.map(|null| (0..views.len()).map(|number| number != null as usize).collect::<NullBuffer>());
        let buffers: Vec<_> = blocks.into_iter().map(Buffer::from_vec).collect();
        // Safety is not at stake: the constructor checks every view.
        Ok(StringViewArray::try_new(ScalarBuffer::from(views), buffers, nulls)?)
    }
}

impl Keys for StringKeys {
    fn intern(&mut self, columns: &[ArrayRef], groups: &mut Vec<usize>) -> Result<()> {
        groups.clear();
        match columns.first() {
            Some(column) => self.each(column, |number| groups.push(number as usize)),
            None => Ok(()),
        }
    }

    fn len(&self) -> usize {
        self.count()
    }

    fn size(&self) -> usize {
        self.bytes()
    }

    fn take(&mut self) -> Result<Vec<ArrayRef>> {
        Ok(vec![Arc::new(self.strings()?)])
    }
}
