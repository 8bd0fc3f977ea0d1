//! SQL text from a file or from standard input, in pieces of whole lines as they arrive.
//!
//! A thread reads, because a read can take for ever: whoever waits for text can wait for Ctrl-C as well. A producer that writes a statement and
//! waits for its answer gets it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use tokio::sync::mpsc;

use crate::failure::{Failure, Result};

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Bytes read at once.
const BUFFER: usize = 1 << 16;

/// Pieces that are read ahead.
const AHEAD: usize = 4;

/// Text that is being read.
pub(crate) struct Input {
    name: String,
    pieces: mpsc::Receiver<io::Result<Vec<u8>>>,
    line: usize,
    is_beginning: bool,
}

impl Input {
    /// Standard input.
    pub(crate) fn stdin() -> Result<Self> {
        Self::start("standard input".to_owned(), io::stdin())
    }

    /// A file.
    pub(crate) fn file(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Failure::Message(format!("cannot read '{}': {error}", path.display())))?;
        Self::start(path.display().to_string(), file)
    }

    fn start(name: String, source: impl Read + Send + 'static) -> Result<Self> {
        let (sender, pieces) = mpsc::channel(AHEAD);
        std::thread::Builder::new()
            .name("input".to_owned())
            .spawn(move || read(BufReader::with_capacity(BUFFER, source), &sender))
            .map_err(|error| Failure::Message(format!("cannot start a thread: {error}")))?;
        Ok(Self { name, pieces, line: 1, is_beginning: true })
    }

    /// The next lines; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<String>> {
        let Some(piece) = self.pieces.recv().await else { return Ok(None) };
        let bytes = piece.map_err(|error| Failure::Message(format!("cannot read {}: {error}", self.name)))?;
        match String::from_utf8(bytes) {
            Ok(mut text) => {
                // What some editors put before the first line is no part of it.
                if std::mem::take(&mut self.is_beginning) && text.starts_with(BYTE_ORDER_MARK) {
                    text.drain(..BYTE_ORDER_MARK.len_utf8());
                }
                self.line += text.matches('\n').count();
                Ok(Some(text))
            }
            Err(error) => {
                let sound = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = self.line + sound.iter().filter(|byte| **byte == b'\n').count();
                Err(Failure::Message(format!("{}, line {line}: the text is not UTF-8", self.name)))
            }
        }
    }
}

/// Sends whole lines, as many as are there. Ends when nobody listens any more.
fn read(mut source: impl BufRead, sender: &mpsc::Sender<io::Result<Vec<u8>>>) {
    let mut pending = Vec::new();
    loop {
        let taken = match source.fill_buf() {
            Ok([]) => break,
            Ok(bytes) => {
                pending.extend_from_slice(bytes);
                bytes.len()
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let _ = sender.blocking_send(Err(error));
                return;
            }
        };
        source.consume(taken);
        if let Some(newline) = pending.iter().rposition(|byte| *byte == b'\n') {
            let rest = pending.split_off(newline + 1);
            if sender.blocking_send(Ok(std::mem::replace(&mut pending, rest))).is_err() {
                return;
            }
        }
    }
    if !pending.is_empty() {
        let _ = sender.blocking_send(Ok(pending));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn whole_lines_arrive_and_the_last_one_too() {
        let text = "select 1;\n".repeat(20_000) + "select 2";
        let mut input = Input::start("a test".to_owned(), io::Cursor::new(text.clone().into_bytes())).unwrap();
        let mut read = String::new();
        while let Some(piece) = input.next().await.unwrap() {
            assert!(piece.ends_with('\n') || piece == "select 2");
            read.push_str(&piece);
        }
        assert_eq!(read, text);
    }

    #[tokio::test]
    async fn what_is_no_text_is_refused_with_its_line() {
        let mut input = Input::start("a test".to_owned(), io::Cursor::new(b"select 1;\nselect '\xff';\n".to_vec())).unwrap();
        let failure = input.next().await.unwrap_err();
        assert!(matches!(&failure, Failure::Message(message) if message == "a test, line 2: the text is not UTF-8"), "{failure:?}");
    }
}
