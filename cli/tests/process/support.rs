//! Runs the program and tells what it wrote and how it ended.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    fn new(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Expects success without a word on standard error.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!((self.status, self.err.as_str()), (0, ""), "standard output: {}", self.out);
        self.out
    }

    /// Expects success, whatever standard error says.
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        assert_eq!(self.status, 0, "{self:?}");
        self
    }

    /// Expects a failure that the program itself reports.
    #[track_caller]
    pub(crate) fn failure(self) -> Self {
        assert_eq!(self.status, 1, "{self:?}");
        assert!(self.err.starts_with("error") || self.err.contains("\nerror"), "{self:?}");
        assert!(!self.err.contains("panicked"), "{self:?}");
        self
    }
}

/// The program, with an environment of its own.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clouddb"));
    command.env("CLOUDDB_HISTORY", "").env("USER", "tester").env("VISUAL", "").env("EDITOR", "true");
    command
}

/// Runs it with arguments, nothing on standard input.
pub(crate) fn clouddb<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Run {
    Run::new(program().args(args).stdin(Stdio::null()).output().unwrap())
}

/// Runs it with arguments and text on standard input.
pub(crate) fn clouddb_with_input<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>, input: &str) -> Run {
    let mut child = program().args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The program may end before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    Run::new(child.wait_with_output().unwrap())
}

/// A folder that is gone at the test's end.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// Writes a file into it; returns its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.0.path().join(name), text).unwrap();
        self.path(name)
    }
}

/// All files below a folder, sorted.
pub(crate) fn files(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}
