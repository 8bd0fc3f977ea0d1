//! One bit for each row of a row group: which rows are still wanted.

use std::ops::Range;

use arrow::buffer::BooleanBuffer;

/// Bits of rows, 64 in a word. Bits behind the last row are 0.
#[derive(Debug, Clone)]
pub struct Bits {
    words: Vec<u64>,
    rows: usize,
}

impl Bits {
    /// All rows.
    pub fn all(rows: usize) -> Self {
        let mut words = vec![u64::MAX; rows.div_ceil(64)];
        if let (Some(last), rest @ 1..) = (words.last_mut(), rows % 64) {
            *last = (1 << rest) - 1;
        }
        Self { words, rows }
    }

    /// The rows of a range, which starts at a multiple of 64 and ends at one or with the rows.
    pub fn only(rows: usize, range: &Range<usize>) -> Self {
        let mut bits = Self::all(rows);
        bits.clear(&(0..range.start));
        bits.clear(&(range.end.next_multiple_of(64)..rows.max(range.end.next_multiple_of(64))));
        bits
    }

    /// Rows of the row group.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many rows are wanted.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Where wanted rows are, ascending: ranges that begin at a multiple of 64 and have at least `gap` rows between them, none of which is wanted.
    pub fn runs(&self, gap: usize) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for (at, _) in self.words.iter().enumerate().filter(|(_, word)| **word != 0) {
            let (start, end) = (at * 64, (at * 64 + 64).min(self.rows));
            match runs.last_mut() {
                Some(last) if start - last.end < gap => last.end = end,
                _ => runs.push(start..end),
            }
        }
        runs
    }

    /// How many rows of a range are wanted. It starts at a multiple of 64, and ends at one or with the rows.
    pub(crate) fn count_in(&self, range: &Range<usize>) -> usize {
        self.words_of(range).iter().map(|word| word.count_ones() as usize).sum()
    }

    fn words_of(&self, range: &Range<usize>) -> &[u64] {
        &self.words[range.start / 64..range.end.div_ceil(64)]
    }

    fn words_of_mut(&mut self, range: &Range<usize>) -> &mut [u64] {
        &mut self.words[range.start / 64..range.end.div_ceil(64)]
    }

    /// Wants no row of a range.
    pub(crate) fn clear(&mut self, range: &Range<usize>) {
        self.words_of_mut(range).fill(0);
    }

    /// Keeps the rows of a range that are also in other bits.
    pub(crate) fn and(&mut self, range: &Range<usize>, others: impl IntoIterator<Item = u64>) {
        for (word, other) in self.words_of_mut(range).iter_mut().zip(others) {
            *word &= other;
        }
    }

    /// Adds the rows of a range that are in other bits.
    pub(crate) fn or(&mut self, range: &Range<usize>, others: &Self) {
        let others = &others.words[range.start / 64..range.end.div_ceil(64)];
        for (word, other) in self.words[range.start / 64..range.end.div_ceil(64)].iter_mut().zip(others) {
            *word |= other;
        }
    }

    /// Takes away the rows that are in other bits.
    pub(crate) fn without(&mut self, others: &Self) {
        for (word, other) in self.words.iter_mut().zip(&others.words) {
            *word &= !other;
        }
    }

    /// Keeps the rows of a range whose value passes. All values are looked at: for tests that take less than finding out which rows are wanted.
    pub(crate) fn and_each<T: Copy>(&mut self, range: &Range<usize>, values: &[T], passes: impl Fn(T) -> bool) {
        let words = self.words_of_mut(range);
        let chunks = values.chunks_exact(64);
        let rest = chunks.remainder();
        let full = words.len() - usize::from(!rest.is_empty());
        for (word, chunk) in words.iter_mut().zip(chunks) {
            if *word != 0 {
                *word &= pack(chunk, &passes);
            }
        }
        if let Some(word) = words.get_mut(full) {
            let bits = rest.iter().enumerate().fold(0, |bits, (bit, value)| bits | u64::from(passes(*value)) << bit);
            *word &= bits;
        }
    }

    /// Keeps the rows of a range whose value passes. Only values of rows that are wanted are looked at.
    pub(crate) fn and_some<T: Copy>(&mut self, range: &Range<usize>, values: &[T], passes: impl Fn(T) -> bool) {
        for (word, values) in self.words_of_mut(range).iter_mut().zip(values.chunks(64)) {
            let mut left = *word;
            while left != 0 {
                let bit = left.trailing_zeros();
                left &= left - 1;
                if !passes(values[bit as usize]) {
                    *word &= !(1 << bit);
                }
            }
        }
    }

    /// The wanted rows of a range, at most so many, added to `indices`. Returns where to go on.
    pub fn indices(&self, range: Range<usize>, limit: usize, indices: &mut Vec<u32>) -> usize {
        let end = indices.len() + limit;
        let mut start = range.start;
        while start < range.end {
            let mut word = self.words[start / 64] & (u64::MAX << (start % 64));
            let base = start / 64 * 64;
            if base + 64 > range.end {
                word &= (1 << (range.end - base)) - 1;
            }
            while word != 0 {
                let row = base + word.trailing_zeros() as usize;
                if indices.len() == end {
                    return row;
                }
                // Row groups have fewer than 2^32 rows.
                #[allow(clippy::cast_possible_truncation)]
                indices.push(row as u32);
                word &= word - 1;
            }
            start = base + 64;
        }
        range.end
    }

    /// Keeps, of these rows, those that pass: `rows` are wanted ones, `passes` their answers.
    pub(crate) fn and_indices(&mut self, rows: &[u32], passes: impl Iterator<Item = bool>) {
        for (row, passes) in rows.iter().zip(passes) {
            if !passes {
                self.words[*row as usize / 64] &= !(1 << (row % 64));
            }
        }
    }
}

/// The answers of 64 values as bits. Written so that compilers compare many at once: first all answers as bytes, then eight bytes to eight bits by a
/// multiplication that moves each to its place.
fn pack<T: Copy>(values: &[T], passes: &impl Fn(T) -> bool) -> u64 {
    let mut answers = [0_u8; 64];
    for (answer, value) in answers.iter_mut().zip(values) {
        *answer = u8::from(passes(*value));
    }
    let (eights, _) = answers.as_chunks::<8>();
    eights.iter().enumerate().fold(0, |bits, (byte, eight)| {
        let gathered = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        bits | gathered << (8 * byte)
    })
}

/// The bits of an Arrow buffer in a range that starts at a multiple of 64, as words.
pub(crate) fn words(buffer: &BooleanBuffer, range: &Range<usize>) -> Vec<u64> {
    let end = range.end.min(buffer.len());
    buffer.inner().bit_chunks(buffer.offset() + range.start, end.saturating_sub(range.start)).iter_padded().collect()
}
