//! Where answers go: standard output, a file, another program, or a pager; and what can be known of it.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use clouddb_storage::store::Store;

use crate::failure::{Failure, Result};

/// Bytes that are gathered before they are written: a few pages of text, so that big results make few system calls.
const BUFFER: usize = 1 << 16;

/// Standard output, buffered; whoever writes an answer flushes at its end.
pub(crate) fn stdout() -> BufWriter<Stdout> {
    BufWriter::with_capacity(BUFFER, io::stdout())
}

/// Where answers go.
pub(crate) struct Output {
    standard: BufWriter<Stdout>,
    /// For all answers, and for the next one alone.
    redirected: Option<Sink>,
    once: Option<Sink>,
    /// What is written is written here, too.
    log: Option<File>,
    /// Whether a program that was to read the answer has ended before its end: that is its business, and no error.
    reader_left: bool,
}

/// A place for answers besides standard output.
enum Sink {
    File(BufWriter<File>),
    Program { program: Child, input: BufWriter<ChildStdin> },
}

impl Sink {
    /// `|PROGRAM`, or a file.
    fn open(place: &str) -> Result<Self> {
        if let Some(command) = place.strip_prefix('|') {
            return Self::program(command.trim());
        }
        let cannot = |error: io::Error| Failure::Message(format!("cannot write '{place}': {error}"));
        File::create(place).map(|file| Self::File(BufWriter::with_capacity(BUFFER, file))).map_err(cannot)
    }

    fn program(command: &str) -> Result<Self> {
        let started = Command::new("sh").args(["-c", command]).stdin(Stdio::piped()).spawn();
        let cannot = |error: &dyn std::fmt::Display| Failure::Message(format!("cannot run '{command}': {error}"));
        let mut program = started.map_err(|error| cannot(&error))?;
        match program.stdin.take() {
            Some(input) => Ok(Self::Program { program, input: BufWriter::with_capacity(BUFFER, input) }),
            None => Err(cannot(&"it has no input")),
        }
    }

    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::File(file) => file,
            Self::Program { input, .. } => input,
        }
    }

    /// Writes what is left, and waits for the program to end.
    fn close(self) -> io::Result<()> {
        match self {
            Self::File(mut file) => file.flush(),
            Self::Program { mut program, mut input } => {
                let flushed = input.flush();
                drop(input.into_parts().0);
                let ended = program.wait();
                match flushed {
                    Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
                    _ => ended.map(drop),
                }
            }
        }
    }
}

impl Output {
    pub(crate) fn new() -> Self {
        Self { standard: stdout(), redirected: None, once: None, log: None, reader_left: false }
    }

    /// Sends all further answers to `|PROGRAM` or a file; `None` to standard output.
    pub(crate) fn redirect(&mut self, place: Option<&str>) -> Result<()> {
        if let Some(before) = self.redirected.take() {
            before.close()?;
        }
        self.redirected = place.map(Sink::open).transpose()?;
        Ok(())
    }

    /// Sends the next answer to `|PROGRAM` or a file.
    pub(crate) fn redirect_once(&mut self, place: &str) -> Result<()> {
        self.end_of_answer()?;
        self.once = Some(Sink::open(place)?);
        Ok(())
    }

    /// Whether answers are redirected.
    pub(crate) fn is_redirected(&self) -> bool {
        self.redirected.is_some() || self.once.is_some()
    }

    /// Whether a person reads the answers here.
    pub(crate) fn is_terminal(&self) -> bool {
        !self.is_redirected() && stdout_is_terminal()
    }

    /// Writes all that is written to this file, too; `None` ends that.
    pub(crate) fn log_to(&mut self, path: Option<&str>) -> Result<()> {
        let cannot = |path: &str, error: io::Error| Failure::Message(format!("cannot write '{path}': {error}"));
        let open = |path: &str| File::options().append(true).create(true).open(path).map_err(|error| cannot(path, error));
        self.log = path.map(open).transpose()?;
        Ok(())
    }

    /// Writes a line to the log alone, if there is one.
    pub(crate) fn note(&mut self, line: &str) -> io::Result<()> {
        self.log.as_mut().map_or(Ok(()), |log| writeln!(log, "{line}"))
    }

    /// What was meant for one answer ends.
    pub(crate) fn end_of_answer(&mut self) -> Result<()> {
        self.once.take().map_or(Ok(()), Sink::close)?;
        Ok(())
    }

    /// Whether an error of writing only says that the program behind has read enough.
    pub(crate) fn has_reader_left(&mut self) -> bool {
        std::mem::take(&mut self.reader_left)
    }

    fn writer(&mut self) -> &mut dyn Write {
        match self.once.as_mut().or(self.redirected.as_mut()) {
            Some(sink) => sink.writer(),
            None => &mut self.standard,
        }
    }

    fn noticed<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        self.reader_left |= self.is_redirected() && matches!(&result, Err(error) if error.kind() == io::ErrorKind::BrokenPipe);
        result
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer().write(bytes);
        let written = self.noticed(written)?;
        if let Some(log) = &mut self.log {
            log.write_all(&bytes[..written])?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.writer().flush();
        self.noticed(flushed)
    }
}

/// Columns of the terminal that standard output is; none in a pipe or a file.
pub(crate) fn terminal_width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    console::Term::stdout().size_checked().map(|(_, width)| usize::from(width))
}

/// Lines of the terminal that standard output is; none in a pipe or a file.
pub(crate) fn terminal_height() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    console::Term::stdout().size_checked().map(|(height, _)| usize::from(height))
}

/// Whether somebody looks at standard output right now.
pub(crate) fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether somebody looks at standard error right now: nobody else wants a progress bar.
pub(crate) fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Whether colours are wanted: on a terminal that has them, unless the environment says no (<https://no-color.org>), or wherever it insists.
pub(crate) fn wants_colour() -> bool {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if variable("NO_COLOR").is_some() {
        return false;
    }
    if variable("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        return true;
    }
    stdout_is_terminal() && !is_dumb_terminal() && variable("CLICOLOR").is_none_or(|value| value != "0")
}

/// Whether the terminal can show lines of text, and no more.
pub(crate) fn is_dumb_terminal() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty())
}

/// Where a store is, as its user would write it: a folder's path, any other store's URL.
pub(crate) fn place(store: &Store) -> &str {
    store.url().strip_prefix("file://").unwrap_or(store.url())
}
