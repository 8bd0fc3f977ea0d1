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
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, TryStreamExt};
use memchr::{memchr, memchr_iter};

use super::encoding::Encoding;
use super::listing::File;
use super::rejects::Refusals;
use super::{Compression, Files, source};
use crate::error::{Error, ErrorKind, Result};

/// The longest record, unless another one is told.
pub(super) const LONGEST_RECORD: usize = 128 * 1024 * 1024;

/// How records stand in text.
pub(super) trait Records: fmt::Debug + Send + Sync + 'static {
    /// The columns that records have.
    fn schema(&self) -> &SchemaRef;

    /// Behind the end of the last whole record; 0 if there is none. The data begin with a record.
    fn end_of_last(&self, data: &[u8]) -> usize;

    /// A file's text, piece by piece.
    fn pieces<'a>(
        &'a self,
        file: &'a File,
        compression: Option<Compression>,
        encoding: Option<Encoding>,
    ) -> BoxFuture<'a, Result<BoxStream<'static, Result<Bytes>>>> {
        async move { Ok(source::pieces(file, compression, encoding).await?.0) }.boxed()
    }

    /// Lines at a file's beginning that are no records, whatever is on them.
    fn lines_before(&self) -> usize {
        0
    }

    /// A file's first chunk without what stands before its records, and where the file's columns are, if they are not where they are in `schema()`.
    fn begin(&self, chunk: Chunk) -> Result<Option<Chunk>> {
        Ok(Some(chunk))
    }

    /// A record longer than this is taken for one whose end somebody forgot: it would otherwise swallow the rest of the file.
    fn longest(&self) -> usize {
        LONGEST_RECORD
    }

    /// Makes a batch of a chunk: the columns that are wanted, by position in `schema()`.
    fn decode(&self, chunk: &Chunk, projection: &[usize], schema: &SchemaRef) -> Result<RecordBatch>;
}

/// What all readers of the files share.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) files: Files,
    /// How the files are compressed, if that is told; else each file's name tells.
    pub(super) compression: Option<Compression>,
    /// How the files are encoded, if that is told; else each file's beginning tells.
    pub(super) encoding: Option<Encoding>,
    pub(super) records: Box<dyn Records>,
    /// Where lines go that are refused; none: they are errors.
    pub(super) refusals: Option<Refusals>,
}

/// Where a file's columns are: for each column of the table, its position in the file, if it is there.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) positions: Arc<[Option<usize>]>,
    /// How many the file has.
    pub(super) count: usize,
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
    /// Where the file's columns are, if not where the table's are.
    pub(super) layout: Option<Layout>,
    /// Where lines go that are refused.
    pub(super) refusals: Option<Refusals>,
}

impl Chunk {
    /// The beginning of a file.
    pub(super) fn beginning(name: &str, bytes: Bytes) -> Self {
        Self { file: 0, name: name.into(), first_line: 1, bytes: without_mark(bytes), layout: None, refusals: None }
    }

    /// Without its first lines.
    pub(super) fn without_lines(self, lines: usize) -> Self {
        match lines.checked_sub(1) {
            None => self,
            Some(last) => {
                let end = memchr_iter(b'\n', &self.bytes).nth(last).map_or(self.bytes.len(), |at| at + 1);
                self.behind(end)
            }
        }
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
    refusals: Option<Refusals>,
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
    /// Lines at the beginning that are still to be left out.
    skip: usize,
    layout: Option<Layout>,
}

impl Splitter {
    /// `is_first` is whether the plan runs for the first time: what it refuses is noted once.
    pub(super) fn new(input: Arc<Input>, is_first: bool) -> Self {
        let refusals = input.refusals.as_ref().map(|refusals| if is_first { refusals.clone() } else { refusals.silent() });
        Self { input, next_file: 0, current: None, refusals }
    }

    /// The next chunk; none after the last file's last.
    pub(super) async fn next(&mut self) -> Result<Option<Chunk>> {
        loop {
            let records = self.input.records.as_ref();
            let current = match &mut self.current {
                Some(current) => current,
                none => {
                    let Some(file) = self.input.files.files.get(self.next_file) else { return Ok(None) };
                    let pieces = records.pieces(file, self.input.compression, self.input.encoding).await?;
                    self.next_file += 1;
                    none.insert(Current::new(self.next_file - 1, &file.name, pieces, records.lines_before()))
                }
            };
            let piece = current.pieces.try_next().await?;
            let chunk = match &piece {
                Some(piece) => {
                    current.rest.extend_from_slice(piece);
                    current.leave_out();
                    current.cut(records)?
                }
                // A record without a line end.
                None => Some(current.rest.len()).filter(|left| *left > 0 && current.skip == 0).map(|left| current.chunk(left)),
            };
            let chunk = match chunk {
                Some(mut chunk) => {
                    chunk.refusals = self.refusals.clone();
                    current.began(chunk, records)?
                }
                None => None,
            };
            if piece.is_none() {
                self.current = None;
            }
            match chunk {
                Some(chunk) if !chunk.bytes.is_empty() => return Ok(Some(chunk)),
                _ => {}
            }
        }
    }
}

impl Current {
    fn new(file: usize, name: &str, pieces: BoxStream<'static, Result<Bytes>>, skip: usize) -> Self {
        Self { file, name: name.into(), pieces, rest: Vec::new(), line: 1, at_start: true, skip, layout: None }
    }

    /// Leaves out lines at the beginning.
    fn leave_out(&mut self) {
        while self.skip > 0
            && let Some(at) = memchr(b'\n', &self.rest)
        {
            self.rest.drain(..=at);
            self.skip -= 1;
            self.line += 1;
        }
    }

    /// A chunk without what stands before the file's records; its columns are where the file's are.
    fn began(&mut self, mut chunk: Chunk, records: &dyn Records) -> Result<Option<Chunk>> {
        if !std::mem::take(&mut self.at_start) {
            chunk.layout.clone_from(&self.layout);
            return Ok(Some(chunk));
        }
        let begun = records.begin(chunk)?;
        self.layout = begun.as_ref().and_then(|chunk| chunk.layout.clone());
        Ok(begun)
    }

    /// The whole records of what has been read so far.
    fn cut(&mut self, records: &dyn Records) -> Result<Option<Chunk>> {
        if self.skip > 0 {
            return Ok(None);
        }
        match records.end_of_last(&self.rest) {
            0 if self.rest.len() > records.longest() => Err(self.too_long(records.longest())),
            0 => Ok(None),
            end => Ok(Some(self.chunk(end))),
        }
    }

    fn chunk(&mut self, end: usize) -> Chunk {
        let rest = self.rest.split_off(end);
        let records = std::mem::replace(&mut self.rest, rest);
        let first_line = self.line;
        self.line += memchr_iter(b'\n', &records).count() as u64;
        let bytes = match self.at_start {
            true => without_mark(records.into()),
            false => records.into(),
        };
        Chunk { file: self.file, name: Arc::clone(&self.name), first_line, bytes, layout: None, refusals: None }
    }

    fn too_long(&self, most: usize) -> Error {
        Error::new(ErrorKind::Limit, format!("file '{}', line {}: a record is longer than {most} bytes", self.name, self.line))
            .with_hint("is a quote left open? quote = '' reads quotes as they are, max_line_size = 500000000 takes longer records")
    }
}

/// Without the byte order mark that some programs put before UTF-8.
fn without_mark(bytes: Bytes) -> Bytes {
    match bytes.starts_with(b"\xef\xbb\xbf") {
        true => bytes.slice(3..),
        false => bytes,
    }
}
