//! Text files, cut into chunks of whole records.
//!
//! ```text
//! files ─ source ─▶ pieces of bytes ─ split ─▶ chunks of whole records ─ decode (in parallel) ─▶ batches
//! ```
//!
//! Splitting goes through the files in one place, and only looks for where records end, which is much faster than decoding. Every chunk knows its first
//! line, so that an error names the line.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use memchr::memchr_iter;

use super::{Compression, Files, source};
use crate::error::{Error, ErrorKind, Result};

/// A record longer than this is taken for one whose end somebody forgot: it would otherwise swallow the rest of the file.
const LONGEST_RECORD: usize = 128 * 1024 * 1024;

/// How records stand in text.
pub(super) trait Records: fmt::Debug + Send + Sync + 'static {
    /// The columns that records have.
    fn schema(&self) -> &SchemaRef;

    /// Behind the end of the last whole record; 0 if there is none. The data begin with a record.
    fn end_of_last(&self, data: &[u8]) -> usize;

    /// A file's first chunk without what stands before its records.
    fn without_header(&self, chunk: Chunk) -> Result<Option<Chunk>>;

    /// Makes a batch of a chunk: the columns that are wanted, by position in `schema()`.
    fn decode(&self, chunk: &Chunk, projection: &[usize], schema: &SchemaRef) -> Result<RecordBatch>;
}

/// What all readers of the files share.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) files: Files,
    /// How the files are compressed, if that is told; else each file's name tells.
    pub(super) compression: Option<Compression>,
    pub(super) records: Box<dyn Records>,
}

/// Whole records of one file.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    /// Which of the files.
    pub(super) file: usize,
    /// Its name, for messages.
    pub(super) name: Arc<str>,
    /// The number of its first line, from 1.
    pub(super) first_line: u64,
    pub(super) bytes: Bytes,
}

impl Chunk {
    /// The beginning of a file.
    pub(super) fn beginning(name: &str, bytes: Bytes) -> Self {
        Self { file: 0, name: name.into(), first_line: 1, bytes: without_mark(bytes) }
    }

    /// An error at a byte of the chunk.
    pub(super) fn error(&self, at: usize, message: impl fmt::Display) -> Error {
        Error::invalid(format!("file '{}', line {}{message}", self.name, self.line(at)))
    }

    /// The line of a byte.
    pub(super) fn line(&self, at: usize) -> u64 {
        self.first_line + memchr_iter(b'\n', &self.bytes[..at.min(self.bytes.len())]).count() as u64
    }

    /// What stands behind a byte.
    pub(super) fn behind(self, at: usize) -> Self {
        Self { first_line: self.line(at), bytes: self.bytes.slice(at..), ..self }
    }
}

/// Cuts files into chunks, one file after the other.
pub(super) struct Splitter {
    input: Arc<Input>,
    next_file: usize,
    current: Option<Current>,
}

struct Current {
    file: usize,
    name: Arc<str>,
    pieces: BoxStream<'static, Result<Bytes>>,
    /// The beginning of a record that the next piece continues.
    rest: Vec<u8>,
    /// The line on which `rest` begins.
    line: u64,
    at_start: bool,
}

impl Splitter {
    pub(super) fn new(input: Arc<Input>) -> Self {
        Self { input, next_file: 0, current: None }
    }

    /// The next chunk; none after the last file's last.
    pub(super) async fn next(&mut self) -> Result<Option<Chunk>> {
        loop {
            let current = match &mut self.current {
                Some(current) => current,
                none => {
                    let Some(file) = self.input.files.files.get(self.next_file) else { return Ok(None) };
                    let pieces = source::pieces(file, self.input.compression)?;
                    let name = file.name.as_str().into();
                    self.next_file += 1;
                    none.insert(Current { file: self.next_file - 1, name, pieces, rest: Vec::new(), line: 1, at_start: true })
                }
            };
            let piece = current.pieces.try_next().await?;
            let at_start = current.at_start;
            let chunk = match &piece {
                Some(piece) => {
                    current.rest.extend_from_slice(piece);
                    current.cut(self.input.records.as_ref())?
                }
                // A record without a line end.
                None => Some(current.rest.len()).filter(|left| *left > 0).map(|left| current.chunk(left)),
            };
            if piece.is_none() {
                self.current = None;
            }
            let chunk = match chunk {
                Some(chunk) if at_start => self.input.records.without_header(chunk)?,
                other => other,
            };
            match chunk {
                Some(chunk) if !chunk.bytes.is_empty() => return Ok(Some(chunk)),
                _ => {}
            }
        }
    }
}

impl Current {
    /// The whole records of what has been read so far.
    fn cut(&mut self, records: &dyn Records) -> Result<Option<Chunk>> {
        match records.end_of_last(&self.rest) {
            0 if self.rest.len() > LONGEST_RECORD => Err(self.too_long()),
            0 => Ok(None),
            end => Ok(Some(self.chunk(end))),
        }
    }

    fn chunk(&mut self, end: usize) -> Chunk {
        let rest = self.rest.split_off(end);
        let records = std::mem::replace(&mut self.rest, rest);
        let first_line = self.line;
        self.line += memchr_iter(b'\n', &records).count() as u64;
        let bytes = match std::mem::take(&mut self.at_start) {
            true => without_mark(records.into()),
            false => records.into(),
        };
        Chunk { file: self.file, name: Arc::clone(&self.name), first_line, bytes }
    }

    fn too_long(&self) -> Error {
        Error::new(
            ErrorKind::Limit,
            format!("file '{}', line {}: a record is longer than {} MiB", self.name, self.line, LONGEST_RECORD >> 20),
        )
        .with_hint("is a quote left open? (QUOTE '') reads quotes as they are")
    }
}

/// Without the byte order mark that some programs put before UTF-8.
fn without_mark(bytes: Bytes) -> Bytes {
    match bytes.starts_with(b"\xef\xbb\xbf") {
        true => bytes.slice(3..),
        false => bytes,
    }
}
