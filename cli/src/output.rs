//! Standard output, and what can be known of it and of standard error.

use std::io::{self, BufWriter, IsTerminal, Stdout};

use clouddb_storage::store::Store;

use crate::args::ShellArgs;
use crate::render::{BoxOptions, Style};

/// Bytes that are gathered before they are written: a few pages of text, so that big results make few system calls.
const BUFFER: usize = 1 << 16;

/// Standard output, buffered; whoever writes an answer flushes at its end.
pub(crate) fn stdout() -> BufWriter<Stdout> {
    BufWriter::with_capacity(BUFFER, io::stdout())
}

/// How results are to be written to standard output.
pub(crate) fn style(args: &ShellArgs) -> Style {
    Style { format: args.format, boxes: BoxOptions { max_rows: args.max_rows, width: terminal_width() } }
}

/// Columns of the terminal that standard output is; none in a pipe or a file.
pub(crate) fn terminal_width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    console::Term::stdout().size_checked().map(|(_, width)| usize::from(width))
}

/// Whether somebody looks at standard output right now.
pub(crate) fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether somebody looks at standard error right now: nobody else wants a progress bar.
pub(crate) fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Where a store is, as its user would write it: a folder's path, any other store's URL.
pub(crate) fn place(store: &Store) -> &str {
    store.url().strip_prefix("file://").unwrap_or(store.url())
}
