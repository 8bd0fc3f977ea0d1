//! Checksums of a segment file's blocks: a CRC32C for every 64 KiB before the tail, the last block being shorter.
//!
//! They stand in the Parquet footer's key-value metadata under [`KEY`], eight lower-case hexadecimal digits a block, in order. The log vouches for the
//! tail, of which the footer is a part, and so for the checksums.

use std::fmt::Write;
use std::ops::Range;

use crate::error::{Error, Result};

/// The key of the checksums in the footer's metadata.
pub(super) const KEY: &str = "clouddb.blocks";

/// Length of a block. A read is widened to whole blocks, which costs 64 KiB on average, 0.6 ms at 100 MB/s; half of it would double the footer's
/// share of a cold query.
pub const BLOCK: u64 = 64 * 1024;

/// Computes checksums of bytes as they are written.
#[derive(Debug, Default)]
pub(super) struct BlockSums {
    complete: Vec<u32>,
    current: u32,
    length: u64,
}

impl BlockSums {
    /// Adds the next bytes of the file.
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = (BLOCK - self.length % BLOCK) as usize;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.current = crc32c::crc32c_append(self.current, now);
            self.length += now.len() as u64;
            if self.length.is_multiple_of(BLOCK) {
                self.complete.push(std::mem::take(&mut self.current));
            }
            bytes = later;
        }
    }

    /// How many bytes were added.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The checksums as the footer has them.
    pub(super) fn encode(mut self) -> String {
        if !self.length.is_multiple_of(BLOCK) {
            self.complete.push(self.current);
        }
        let mut text = String::with_capacity(self.complete.len() * 8);
        for sum in self.complete {
            // Writing to a String does not fail.
            let _ = write!(text, "{sum:08x}");
        }
        text
    }
}

/// The checksums of the blocks in `length` bytes, as the footer has them.
pub(super) fn decode(text: &str, length: u64) -> Result<Vec<u32>> {
    let blocks = length.div_ceil(BLOCK);
    if text.len() as u64 != blocks * 8 || !text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')) {
        let message = format!("the footer has checksums of {} blocks where the file has {blocks}", text.len() / 8);
        return Err(Error::corrupt(message));
    }
    text.as_bytes()
        .chunks(8)
        .map(|digits| std::str::from_utf8(digits).ok().and_then(|digits| u32::from_str_radix(digits, 16).ok()))
        .collect::<Option<_>>()
        .ok_or_else(|| Error::corrupt("the footer's block checksums are no numbers"))
}

/// A range widened to whole blocks of a file whose data (without the tail) has `length` bytes.
pub(super) fn widen(range: &Range<u64>, length: u64) -> Range<u64> {
    range.start / BLOCK * BLOCK..range.end.div_ceil(BLOCK).saturating_mul(BLOCK).min(length)
}

/// Checks bytes that begin at a block's start and end at a block's end.
pub(super) fn verify(bytes: &[u8], start: u64, sums: &[u32]) -> Result<()> {
    let first = (start / BLOCK) as usize;
    for (index, block) in bytes.chunks(BLOCK as usize).enumerate() {
        let number = first + index;
        if sums.get(number) != Some(&crc32c::crc32c(block)) {
            let from = number as u64 * BLOCK;
            let message = format!(
                "block {number} (bytes {from} to {}) does not have the checksum that it was written with",
                from + block.len() as u64
            );
            return Err(Error::corrupt(message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(length: usize) -> Vec<u8> {
        (0..length).map(|i| (i * 7 + i / 251) as u8).collect()
    }

    #[test]
    fn sums_do_not_depend_on_how_bytes_arrive() -> Result<()> {
        for length in [0, 1, BLOCK as usize - 1, BLOCK as usize, BLOCK as usize + 1, 3 * BLOCK as usize + 17] {
            let data = data(length);
            let mut whole = BlockSums::default();
            whole.update(&data);
            let mut pieces = BlockSums::default();
            data.chunks(1013).for_each(|piece| pieces.update(piece));
            assert_eq!(pieces.length(), length as u64);
            let text = whole.encode();
            assert_eq!(text, pieces.encode());
            verify(&data, 0, &decode(&text, length as u64)?)?;
        }
        Ok(())
    }

    #[test]
    fn a_changed_bit_names_its_block() -> Result<()> {
        let mut bytes = data(200_000);
        let mut sums = BlockSums::default();
        sums.update(&bytes);
        let sums = decode(&sums.encode(), 200_000)?;
        bytes[150_000] ^= 4;
        let Err(error) = verify(&bytes[BLOCK as usize..], BLOCK, &sums) else { panic!("not noticed") };
        assert!(error.message().contains("block 2 (bytes 131072 to 196608)"), "{error}");
        Ok(())
    }

    #[test]
    fn a_wrong_number_of_sums_is_corrupt() {
        assert!(decode("00000000", BLOCK + 1).is_err());
        assert!(decode("0000000", BLOCK).is_err());
        assert!(decode("0000000G", BLOCK).is_err());
        assert!(decode("", 0).is_ok());
    }

    #[test]
    fn ranges_widen_to_blocks_within_the_data() {
        assert_eq!(widen(&(1..2), 10), 0..10);
        assert_eq!(widen(&(BLOCK..BLOCK + 1), 5 * BLOCK), BLOCK..2 * BLOCK);
        assert_eq!(widen(&(BLOCK - 1..2 * BLOCK + 1), 2 * BLOCK + 5), 0..2 * BLOCK + 5);
    }
}
