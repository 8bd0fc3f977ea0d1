//! The envelope: a plain header of 176 bytes, then a protobuf body.
//!
//! ```text
//!   0  magic              8   what it is: CLDB-REC, CLDB-ROT, CLDB-NOD, CLDB-MAN
//!   8  format             4   0
//!  12  codec              4   of the body: 0 raw, 1 zstd, 2 encrypted (reserved)
//!  16  reader features    8   bits that a reader must know
//!  24  writer features    8   bits that a writer must know
//!  32  database          16
//!  48  lineage           16
//!  64  branch             8   0 is main, others are reserved
//!  72  slot               8
//!  80  previous hash     32   of the record before; zero where there is none
//! 112  key id            16   of the encryption; zero without
//! 128  stored length      8   bytes of the body as stored
//! 136  body length        8   bytes of the body once decoded
//! 144  hash              32   BLAKE3 of bytes 0 to 144 and of the stored body
//! 176  body
//! ```
//!
//! Integers are little-endian, ids as in [`crate::ids`]. The hash is checked before anything else is believed.

use bytes::Bytes;

use super::FORMAT_VERSION;
use crate::error::{Error, Result};
use crate::ids::{DatabaseId, LineageId};

/// Length of the header in bytes.
pub(crate) const HEADER_LENGTH: usize = 176;
const HASHED_LENGTH: usize = 144;

/// Bodies shorter than this are stored raw: zstd's own frame would eat what it saves.
const COMPRESS_FROM: usize = 512;

/// No body is larger once decoded: a wrong length must not allocate without bound.
const MAX_BODY: u64 = 256 << 20;

const CODEC_RAW: u32 = 0;
const CODEC_ZSTD: u32 = 1;

/// What an envelope holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Magic {
    Record,
    Root,
    Node,
    Manifest,
}

impl Magic {
    fn bytes(self) -> &'static [u8; 8] {
        match self {
            Self::Record => b"CLDB-REC",
            Self::Root => b"CLDB-ROT",
            Self::Node => b"CLDB-NOD",
            Self::Manifest => b"CLDB-MAN",
        }
    }
}

/// The header's fields that are not derived from the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) magic: Magic,
    pub(crate) reader_features: u64,
    pub(crate) writer_features: u64,
    pub(crate) database: DatabaseId,
    pub(crate) lineage: LineageId,
    pub(crate) branch: u64,
    pub(crate) slot: u64,
    pub(crate) previous: [u8; 32],
}

/// A decoded envelope.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    pub(crate) header: Header,
    pub(crate) hash: [u8; 32],
    pub(crate) body: Bytes,
}

/// Encodes an object; returns its bytes and its hash.
pub(crate) fn encode(header: &Header, body: &[u8]) -> Result<(Bytes, [u8; 32])> {
    let compressed = match body.len() {
        0..COMPRESS_FROM => None,
        _ => Some(zstd::bulk::compress(body, 1).map_err(|e| Error::internal(format!("zstd: {e}")))?).filter(|c| c.len() < body.len()),
    };
    let (codec, stored) = match &compressed {
        Some(compressed) => (CODEC_ZSTD, compressed.as_slice()),
        None => (CODEC_RAW, body),
    };
    let mut out = Vec::with_capacity(HEADER_LENGTH + stored.len());
    out.extend_from_slice(header.magic.bytes());
    out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    out.extend_from_slice(&codec.to_le_bytes());
    out.extend_from_slice(&header.reader_features.to_le_bytes());
    out.extend_from_slice(&header.writer_features.to_le_bytes());
    out.extend_from_slice(&header.database.to_bytes());
    out.extend_from_slice(&header.lineage.to_bytes());
    out.extend_from_slice(&header.branch.to_le_bytes());
    out.extend_from_slice(&header.slot.to_le_bytes());
    out.extend_from_slice(&header.previous);
    out.extend_from_slice(&[0; 16]);
    out.extend_from_slice(&(stored.len() as u64).to_le_bytes());
    out.extend_from_slice(&(body.len() as u64).to_le_bytes());
    debug_assert_eq!(out.len(), HASHED_LENGTH);
    let hash = hash_of(&out, stored);
    out.extend_from_slice(&hash);
    out.extend_from_slice(stored);
    Ok((Bytes::from(out), hash))
}

fn hash_of(header: &[u8], stored: &[u8]) -> [u8; 32] {
    *blake3::Hasher::new().update(header).update(stored).finalize().as_bytes()
}

/// Decodes and verifies an object. `name` is its path, for messages.
///
/// # Errors
/// *Corrupt* when a byte is not what was written; *unsupported* for another format version or features this version does not know.
pub(crate) fn decode(magic: Magic, name: &str, bytes: &Bytes) -> Result<Envelope> {
    let corrupt = |what: String| Error::corrupt(format!("'{name}' is damaged: {what}")).with_hint(DAMAGED_HINT);
    if bytes.is_empty() {
        return Err(corrupt("it is empty".into()));
    }
    let Some(header) = bytes.get(..HEADER_LENGTH) else {
        return Err(corrupt(format!("it ends after {} bytes, within its header", bytes.len())));
    };
    if header[..8] != *magic.bytes() {
        return Err(corrupt("it does not begin as such an object does".into()));
    }
    // The two array accessors cannot fail: every offset lies within the header's 176 bytes.
    let u32_at = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let u64_at = |at: usize| u64::from(u32_at(at)) | (u64::from(u32_at(at + 4)) << 32);
    let stored = &bytes[HEADER_LENGTH..];
    let mut hash = [0; 32];
    hash.copy_from_slice(&header[HASHED_LENGTH..HEADER_LENGTH]);
    let format = u32_at(8);
    if hash_of(&header[..HASHED_LENGTH], stored) != hash {
        return Err(corrupt(format!("its {} bytes do not have the hash that its header states", bytes.len())));
    }
    if format != FORMAT_VERSION {
        return Err(Error::unsupported(format!("'{name}' has format {format}; this version reads format {FORMAT_VERSION}"))
            .with_hint("open the database with the version of clouddb that wrote it, or a newer one"));
    }
    let (codec, stored_length, body_length) = (u32_at(12), u64_at(128), u64_at(136));
    if stored_length != stored.len() as u64 || body_length > MAX_BODY {
        return Err(corrupt(format!("its header states a body of {stored_length} bytes, it has {}", stored.len())));
    }
    let reader_features = u64_at(16);
    if reader_features != 0 {
        return Err(Error::unsupported(format!("'{name}' uses features this version does not know (bits {reader_features:#x})"))
            .with_hint("open the database with a newer version of clouddb"));
    }
    let body = match codec {
        CODEC_RAW => bytes.slice(HEADER_LENGTH..),
        CODEC_ZSTD => zstd::bulk::decompress(stored, body_length as usize)
            .map(Bytes::from)
            .map_err(|e| corrupt(format!("its body does not decompress: {e}")))?,
        other => {
            return Err(Error::unsupported(format!("'{name}' has a body with codec {other}, which this version does not read"))
                .with_hint("open the database with a newer version of clouddb"));
        }
    };
    if body.len() as u64 != body_length {
        return Err(corrupt(format!("its body has {} bytes where its header states {body_length}", body.len())));
    }
    let mut previous = [0; 32];
    previous.copy_from_slice(&header[80..112]);
    Ok(Envelope {
        header: Header {
            magic,
            reader_features,
            writer_features: u64_at(24),
            database: DatabaseId::from_bytes(&header[32..48])?,
            lineage: LineageId::from_bytes(&header[48..64])?,
            branch: u64_at(64),
            slot: u64_at(72),
            previous,
        },
        hash,
        body,
    })
}

pub(crate) const DAMAGED_HINT: &str =
    "restore the object from a backup or a copy of the database; 'clouddb verify' lists everything that is damaged";

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            magic: Magic::Record,
            reader_features: 0,
            writer_features: 0,
            database: DatabaseId(1),
            lineage: LineageId(2),
            branch: 0,
            slot: 3,
            previous: [7; 32],
        }
    }

    #[test]
    fn objects_survive_encoding() -> Result<()> {
        for length in [0, 1, 511, 512, 100_000] {
            let body: Vec<u8> = (0..length).map(|i| (i / 7) as u8).collect();
            let (bytes, hash) = encode(&header(), &body)?;
            let decoded = decode(Magic::Record, "log/3", &bytes)?;
            assert_eq!((decoded.header, decoded.hash, decoded.body.as_ref()), (header(), hash, body.as_slice()));
        }
        Ok(())
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() -> Result<()> {
        let (bytes, _) = encode(&header(), &[5; 40])?;
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(Magic::Record, "x", &Bytes::from(damaged)).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(decode(Magic::Record, "x", &bytes.slice(..length)).is_err(), "length {length}");
        }
        Ok(())
    }
}
