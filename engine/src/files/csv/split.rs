//! Cuts files into chunks of whole records.

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use memchr::{memchr, memchr_iter, memchr2, memrchr};

use super::dialect::Dialect;
use super::{Input, records, source};
use crate::error::{Error, ErrorKind, Result};

/// A record longer than this is taken for a quote that somebody forgot to close: it would otherwise swallow the rest of the file.
const LONGEST_RECORD: usize = 128 * 1024 * 1024;

/// Whole records of one file.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    /// The file, for messages.
    pub(super) file: Arc<str>,
    /// The number of its first line, from 1.
    pub(super) first_line: u64,
    pub(super) bytes: Bytes,
}

impl Chunk {
    /// An error at a byte of the chunk.
    pub(super) fn error(&self, at: usize, message: impl std::fmt::Display) -> Error {
        Error::invalid(format!("file '{}', line {}{message}", self.file, self.line(at)))
    }

    fn line(&self, at: usize) -> u64 {
        self.first_line + memchr_iter(b'\n', &self.bytes[..at.min(self.bytes.len())]).count() as u64
    }
}

/// Cuts files into chunks, one file after the other.
pub(super) struct Splitter {
    input: Arc<Input>,
    next_file: usize,
    current: Option<Current>,
}

struct Current {
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
                    self.next_file += 1;
                    let pieces = source::pieces(file, self.input.compression)?;
                    none.insert(Current { name: file.name.as_str().into(), pieces, rest: Vec::new(), line: 1, at_start: true })
                }
            };
            let piece = current.pieces.try_next().await?;
            let chunk = match &piece {
                Some(piece) => {
                    current.rest.extend_from_slice(piece);
                    current.cut(&self.input.dialect)?
                }
                None => current.last(&self.input.dialect)?,
            };
            let at_start = current.at_start;
            let chunk = match chunk {
                Some(chunk) if at_start => {
                    current.at_start = false;
                    self.input.without_header(chunk)?
                }
                other => other,
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
    /// The whole records of what has been read so far.
    fn cut(&mut self, dialect: &Dialect) -> Result<Option<Chunk>> {
        let end = last_record_end(&self.rest, dialect).end;
        if end == 0 {
            return match self.rest.len() > LONGEST_RECORD {
                true => Err(self.too_long()),
                false => Ok(None),
            };
        }
        let rest = self.rest.split_off(end);
        let records = std::mem::replace(&mut self.rest, rest);
        Ok(Some(self.chunk(records)))
    }

    /// What is left at the file's end: a record without a line end.
    fn last(&mut self, dialect: &Dialect) -> Result<Option<Chunk>> {
        let records = std::mem::take(&mut self.rest);
        if records.is_empty() {
            return Ok(None);
        }
        let open = last_record_end(&records, dialect).open_quote;
        let chunk = self.chunk(records);
        match open {
            Some(at) => Err(chunk.error(at, ": a quote is opened and never closed").with_hint("(QUOTE '') reads quotes as they are")),
            None => Ok(Some(chunk)),
        }
    }

    fn chunk(&mut self, records: Vec<u8>) -> Chunk {
        let first_line = self.line;
        self.line += memchr_iter(b'\n', &records).count() as u64;
        let bytes = Bytes::from(records);
        let bytes = match self.at_start {
            true => without_mark(bytes),
            false => bytes,
        };
        Chunk { file: Arc::clone(&self.name), first_line, bytes }
    }

    fn too_long(&self) -> Error {
        Error::new(
            ErrorKind::Limit,
            format!("file '{}', line {}: a record is longer than {} MiB", self.name, self.line, LONGEST_RECORD >> 20),
        )
        .with_hint("is a quote left open? (QUOTE '') reads quotes as they are")
    }
}

impl Input {
    /// A file's first chunk without its header, which must be the same in all files.
    fn without_header(&self, chunk: Chunk) -> Result<Option<Chunk>> {
        let Some(header) = &self.header else { return Ok(Some(chunk)) };
        let Some((found, end)) = records::first(&chunk, &self.dialect)? else { return Ok(None) };
        let same = found.len() == header.len() && found.iter().zip(header).all(|(found, name)| found.text.trim() == name);
        if !same {
            return Err(chunk
                .error(0, ": the header is not that of the first file")
                .with_hint(format!("that one is: {}", header.join(", "))));
        }
        let first_line = chunk.line(end);
        Ok(Some(Chunk { first_line, bytes: chunk.bytes.slice(end..), file: chunk.file }))
    }
}

/// A sample that was cut off anywhere, without the part of a record at its end.
pub(super) fn whole_records(sample: Bytes, dialect: &Dialect, file: &str) -> Result<Bytes> {
    let sample = without_mark(sample);
    let found = last_record_end(&sample, dialect);
    match (found.end, found.open_quote) {
        (0, Some(at)) => {
            let chunk = Chunk { file: file.into(), first_line: 1, bytes: sample };
            Err(chunk.error(at, ": a quote is opened and never closed").with_hint("(QUOTE '') reads quotes as they are"))
        }
        // One record without a line end: all there is.
        (0, None) => Ok(sample),
        (end, _) => Ok(sample.slice(..end)),
    }
}

/// Without the byte order mark that some programs put before UTF-8.
fn without_mark(bytes: Bytes) -> Bytes {
    match bytes.starts_with(b"\xef\xbb\xbf") {
        true => bytes.slice(3..),
        false => bytes,
    }
}

struct RecordEnd {
    /// Behind the last line end that ends a record; 0 if there is none.
    end: usize,
    /// The quote that is still open at the end of the data.
    open_quote: Option<usize>,
}

/// Looks for the last end of a record. The data begin with a record. A quote opens only at the beginning of a value, as when values are read.
fn last_record_end(data: &[u8], dialect: &Dialect) -> RecordEnd {
    let Some(quote) = dialect.quote else {
        return RecordEnd { end: memrchr(b'\n', data).map_or(0, |at| at + 1), open_quote: None };
    };
    let (mut at, mut end) = (0, 0);
    while let Some(found) = memchr2(quote, b'\n', &data[at..]) {
        let found = at + found;
        if data[found] == b'\n' {
            end = found + 1;
            at = found + 1;
            continue;
        }
        let opens = found == 0 || data[found - 1] == dialect.delimiter || data[found - 1] == b'\n';
        at = match opens {
            false => found + 1,
            true => match closing_quote(data, found + 1, quote, dialect.escape) {
                Some(close) => close + 1,
                None => return RecordEnd { end, open_quote: Some(found) },
            },
        };
    }
    RecordEnd { end, open_quote: None }
}

/// The quote that closes a value whose first byte is at `from`.
pub(super) fn closing_quote(data: &[u8], mut from: usize, quote: u8, escape: u8) -> Option<usize> {
    loop {
        if escape == quote {
            let at = from + memchr(quote, data.get(from..)?)?;
            if data.get(at + 1) != Some(&quote) {
                return Some(at);
            }
            from = at + 2;
        } else {
            let at = from + memchr2(quote, escape, data.get(from..)?)?;
            if data[at] == quote {
                return Some(at);
            }
            from = at + 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect() -> Dialect {
        Dialect { delimiter: b',', quote: Some(b'"'), escape: b'"', null: String::new() }
    }

    #[test]
    fn line_ends_within_quotes_end_no_record() {
        for (data, end, open) in [
            ("a,b\nc,d", 4, None),
            ("a,\"b\nc\",d", 0, None),
            ("a,\"b\nc\",d\ne", 10, None),
            ("a,\"b\"\"\nc\"\nd,", 10, None),
            ("5\" pipe,x\ny", 10, None),
            ("a\n\"b\nc", 2, Some(2)),
            ("\"\n\"\n", 4, None),
        ] {
            let found = last_record_end(data.as_bytes(), &dialect());
            assert_eq!((found.end, found.open_quote), (end, open), "{data:?}");
        }
        let backslash = Dialect { escape: b'\\', ..dialect() };
        assert_eq!(last_record_end(b"\"a\\\"\n\"\nb", &backslash).end, 7);
        assert_eq!(last_record_end(b"\"a\nb", &Dialect { quote: None, ..dialect() }).end, 3);
    }
}
