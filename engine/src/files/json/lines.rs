//! JSON that does not stand a value a line is made to: an array loses its brackets and commas, a value its line breaks. What follows reads lines.
//!
//! Line breaks between values stay, those within become blanks, so that a line's number is that of the value among the file's lines only where a value is a
//! line: elsewhere it counts values.

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use memchr::memrchr;

use super::super::Compression;
use super::super::encoding::Encoding;
use super::super::listing::File;
use super::super::options::JsonLayout;
use super::super::source;
use super::super::split::Chunk;
use crate::error::Result;

/// A file's values, a line each. Unless the layout is told, the first piece tells it.
pub(super) async fn pieces(
    file: &File,
    compression: Option<Compression>,
    encoding: Option<Encoding>,
    told: Option<JsonLayout>,
) -> Result<BoxStream<'static, Result<Bytes>>> {
    let (mut pieces, _) = source::pieces(file, compression, encoding).await?;
    let Some(first) = pieces.try_next().await? else { return Ok(pieces) };
    let layout = told.unwrap_or_else(|| layout(&first));
    let pieces = stream::once(async move { Ok(first) }).chain(pieces);
    if layout == JsonLayout::Lines {
        return Ok(pieces.boxed());
    }
    let mut values = Values::default();
    Ok(pieces.map_ok(move |piece| values.lines(&piece)).boxed())
}

/// The beginning of a file, a value a line.
pub(super) async fn beginning(file: &File, compression: Option<Compression>, told: Option<JsonLayout>, most: usize) -> Result<Chunk> {
    let found = source::beginning(file, compression, Some(Encoding::UTF_8), most).await?;
    let chunk = Chunk::beginning(&file.name, found.bytes);
    Ok(match told.unwrap_or_else(|| layout(&chunk.bytes)) {
        JsonLayout::Lines if found.all => chunk,
        // The last line may be cut off; if it is the only one, it is looked at all the same.
        JsonLayout::Lines => match memrchr(b'\n', &chunk.bytes) {
            Some(at) => Chunk { bytes: chunk.bytes.slice(..=at), ..chunk },
            None => chunk,
        },
        JsonLayout::Array | JsonLayout::Values => {
            let mut values = Values::default();
            let bytes = values.lines(&chunk.bytes);
            // The last value may be cut off.
            let whole = if found.all { bytes.len() } else { values.whole };
            Chunk { bytes: bytes.slice(..whole), ..chunk }
        }
    })
}

/// How values stand in a file, by its beginning: in an array, a line each, or else over several lines.
fn layout(beginning: &[u8]) -> JsonLayout {
    let text = beginning.strip_prefix(b"\xef\xbb\xbf").unwrap_or(beginning).trim_ascii_start();
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    match text.first() {
        Some(b'[') => JsonLayout::Array,
        // A first line that is no value, and ends where one goes on.
        Some(b'{') if matches!(line.trim_ascii_end().last(), Some(b'{' | b'[' | b',')) => JsonLayout::Values,
        _ => JsonLayout::Lines,
    }
}

/// Where in a file's values one is.
#[derive(Debug, Default)]
struct Values {
    /// Brackets and braces that are open, those around all values left out.
    depth: usize,
    in_array: bool,
    in_string: bool,
    escaped: bool,
    /// Whether the line has something on it.
    open: bool,
    /// Bytes written so far up to the end of the last value that is whole.
    whole: usize,
    written: usize,
}

impl Values {
    /// The values of a piece, a line each.
    fn lines(&mut self, piece: &[u8]) -> Bytes {
        let mut out = Vec::with_capacity(piece.len() + 16);
        for byte in piece.strip_prefix(b"\xef\xbb\xbf").unwrap_or(piece) {
            self.push(*byte, &mut out);
        }
        self.written += out.len();
        out.into()
    }

    fn push(&mut self, byte: u8, out: &mut Vec<u8>) {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            out.push(byte);
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'[' if self.depth == 0 && !self.in_array && self.written + out.len() == 0 => {
                self.in_array = true;
                return;
            }
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' if self.depth > 0 => {
                self.depth -= 1;
                out.push(byte);
                if self.depth == 0 {
                    self.open = true;
                    self.end_line(out);
                }
                return;
            }
            b']' if self.in_array => {
                self.in_array = false;
                return self.end_line(out);
            }
            // Behind an object, its line has ended already.
            b',' if self.depth == 0 && self.in_array => return self.end_line(out),
            // Between values, and within them.
            b'\n' | b'\r' | b' ' | b'\t' => {
                if self.depth > 0 {
                    out.push(b' ');
                }
                return;
            }
            _ => {}
        }
        self.open = true;
        out.push(byte);
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.open) {
            out.push(b'\n');
            self.whole = self.written + out.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str, piece: usize) -> Vec<String> {
        let mut values = Values::default();
        let lines: Vec<u8> = text.as_bytes().chunks(piece).flat_map(|piece| values.lines(piece).to_vec()).collect();
        String::from_utf8_lossy(&lines).lines().filter(|line| !line.is_empty()).map(|line| line.split_whitespace().collect()).collect()
    }

    #[test]
    fn values_become_lines() {
        for (text, expected) in [
            ("[{\"a\": 1}, {\"a\": [1, 2]}]", vec![r#"{"a":1}"#, r#"{"a":[1,2]}"#]),
            ("[\n  {\n \"a\": 1\n },\n {\"a\": 2}\n]\n", vec![r#"{"a":1}"#, r#"{"a":2}"#]),
            ("{\n \"a\": \"x]},{[\\\"\"\n}\n{\"a\": 2}", vec![r#"{"a":"x]},{[\""}"#, r#"{"a":2}"#]),
            ("[1, 2, \"x,y\"]", vec!["1", "2", "\"x,y\""]),
            ("[]", vec![]),
        ] {
            for piece in [1, 3, 1000] {
                assert_eq!(made(text, piece), expected, "{text:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn layouts_are_recognized() {
        for (text, expected) in [
            ("[{\"a\": 1}]", JsonLayout::Array),
            ("  \n[\n", JsonLayout::Array),
            ("{\"a\": 1}\n{\"a\": 2}\n", JsonLayout::Lines),
            ("{\n  \"a\": 1\n}", JsonLayout::Values),
            ("{\"a\": 2, \n", JsonLayout::Values),
            ("", JsonLayout::Lines),
        ] {
            assert_eq!(layout(text.as_bytes()), expected, "{text:?}");
        }
    }
}
