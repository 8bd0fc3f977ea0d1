//! A set of integers: a bitmap where they lie close together, a hash table otherwise.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// A bitmap may take so many bits for each value, before a hash table is smaller and quick enough.
const BITS_PER_VALUE: i128 = 256;

/// A bitmap of this many bits is made for any set: a MiB, which is filled in some 50 microseconds, and of which a scan in the order of the column touches
/// only a little at a time.
const SMALL_BITMAP_BITS: i128 = 1 << 23;

/// A set of integers.
#[derive(Debug, Clone)]
pub struct IntegerSet {
    least: i64,
    greatest: i64,
    members: Members,
}

#[derive(Debug, Clone)]
enum Members {
    Bitmap(Vec<u64>),
    Hash(HashSet<i64, BuildHasherDefault<IntegerHasher>>),
}

impl IntegerSet {
    /// A set of values; `None` for no values.
    pub fn new(values: &[i64]) -> Option<Self> {
        let (least, greatest) = (*values.iter().min()?, *values.iter().max()?);
        let span = span(least, greatest);
        let members = if is_bitmap(span, values.len()) {
            let mut words = vec![0_u64; usize::try_from(span.div_euclid(64) + 1).unwrap_or_default()];
            for value in values {
                let at = value.wrapping_sub(least).cast_unsigned();
                words[usize::try_from(at / 64).unwrap_or_default()] |= 1 << (at % 64);
            }
            Members::Bitmap(words)
        } else {
            Members::Hash(values.iter().copied().collect())
        };
        Some(Self { least, greatest, members })
    }

    /// Bytes that a set of these values takes, about.
    pub fn memory_needed(values: &[i64]) -> usize {
        let (Some(least), Some(greatest)) = (values.iter().min(), values.iter().max()) else { return 0 };
        let span = span(*least, *greatest);
        match is_bitmap(span, values.len()) {
            true => usize::try_from(span / 8).unwrap_or(usize::MAX),
            // One byte of control for each place, and up to half of them empty.
            false => values.len() * 2 * (size_of::<i64>() + 1),
        }
    }

    /// The least and the greatest value.
    pub fn bounds(&self) -> (i64, i64) {
        (self.least, self.greatest)
    }

    /// Whether a value is in it.
    pub fn contains(&self, value: i64) -> bool {
        if value < self.least || value > self.greatest {
            return false;
        }
        match &self.members {
            Members::Bitmap(words) => {
                let at = value.wrapping_sub(self.least).cast_unsigned();
                usize::try_from(at / 64).ok().and_then(|word| words.get(word)).is_some_and(|word| word >> (at % 64) & 1 == 1)
            }
            Members::Hash(values) => values.contains(&value),
        }
    }
}

fn span(least: i64, greatest: i64) -> i128 {
    i128::from(greatest) - i128::from(least) + 1
}

fn is_bitmap(span: i128, values: usize) -> bool {
    span <= SMALL_BITMAP_BITS.max(values as i128 * BITS_PER_VALUE)
}

/// Hashes an integer by one multiplication (Knuth's multiplicative hashing with the 64-bit golden ratio). Values come from joins' keys, not from an
/// adversary who could choose them to collide: such a set would be slow, not wrong.
#[derive(Debug, Clone, Copy, Default)]
struct IntegerHasher(u64);

impl Hasher for IntegerHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_i64(i64::from(*byte)));
    }

    fn write_i64(&mut self, value: i64) {
        let product = (self.0 ^ value.cast_unsigned()).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        // The table looks at the highest and at the lowest bits.
        self.0 = product ^ product >> 32;
    }
}
