//! Lines that were refused where errors are ignored: kept, so that somebody can look at them. The table `system.rejects` shows them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::limits::Running;

/// Lines that are kept: the newest. More than a person looks through, and some megabytes at most.
const KEPT: usize = 10_000;

/// Of a longer line, the beginning is kept.
const KEPT_BYTES: usize = 1000;

/// A line that was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The number of the statement, among those of this process that refused any.
    pub(crate) statement: u64,
    pub(crate) file: String,
    pub(crate) line: u64,
    /// The column, where it is a column's value.
    pub(crate) column: Option<String>,
    pub(crate) error: String,
    pub(crate) text: String,
}

/// The newest refused lines of all statements of the process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rejects(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    kept: Mutex<VecDeque<Refused>>,
    statements: AtomicU64,
}

impl Rejects {
    /// All that are kept, the oldest first.
    pub(crate) fn all(&self) -> Vec<Refused> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// The number of the next statement that refuses lines.
    fn next_statement(&self) -> u64 {
        self.0.statements.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn keep(&self, refused: Refused) {
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(refused);
    }
}

/// How many lines a statement has refused, and its number.
#[derive(Debug, Default)]
pub(crate) struct RefusedLines {
    count: AtomicU64,
    statement: OnceLock<u64>,
}

impl RefusedLines {
    /// What to tell whoever ran the statement.
    pub(crate) fn notice(&self) -> Option<String> {
        let (count, statement) = (self.count.load(Ordering::Relaxed), self.statement.get()?);
        let lines = if count == 1 { "1 line was".to_owned() } else { format!("{count} lines were") };
        Some(format!("{lines} refused: SELECT * FROM system.rejects WHERE statement = {statement}"))
    }
}

/// Where one statement's readers put the lines that they refuse.
#[derive(Debug, Clone)]
pub(super) struct Refusals {
    rejects: Rejects,
    running: Arc<Running>,
    /// A plan may run several times: its first run tells.
    notes: bool,
}

impl Refusals {
    pub(super) fn new(rejects: Rejects, running: Arc<Running>) -> Self {
        Self { rejects, running, notes: true }
    }

    /// For another run of the same plan.
    pub(super) fn silent(&self) -> Self {
        Self { notes: false, ..self.clone() }
    }

    pub(super) fn note(&self, file: &str, line: u64, column: Option<&str>, error: String, text: &[u8]) {
        if !self.notes {
            return;
        }
        let lines = self.running.refused();
        lines.count.fetch_add(1, Ordering::Relaxed);
        let statement = *lines.statement.get_or_init(|| self.rejects.next_statement());
        let text = String::from_utf8_lossy(&text[..text.len().min(KEPT_BYTES)]).trim_end_matches(['\r', '\n']).to_owned();
        self.rejects.keep(Refused { statement, file: file.to_owned(), line, column: column.map(str::to_owned), error, text });
    }
}
