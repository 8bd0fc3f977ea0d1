//! Switches that only simulations turn. Compiled with the feature `simulation`, which nothing that is released has.
//!
//! A test that finds no mistakes proves little if it would find none. So a simulation can put one in on purpose, and must then fail. The switches
//! belong to one thread: a simulation runs in one, and others beside it are not disturbed.

use std::cell::Cell;

/// A mistake in how records are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A slot that is taken counts as somebody else's, without a look at what is in it.
    NoReread,
    /// After an error, a new record is put in the slot instead of the same bytes.
    OtherBytesAtRetry,
    /// A put that failed counts as one that did nothing.
    DoubtIsFailure,
}

/// What is switched on in this thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct Switches {
    /// The mistake to make.
    pub bug: Option<Bug>,
    /// Records behind a checkpoint before the next one is due, where it is not the usual number.
    pub fold_records: Option<u64>,
    /// Inline segments of a table before they are written to a file, where it is not the usual number.
    pub flush_segments: Option<u64>,
}

thread_local! {
    static SWITCHES: Cell<Switches> = const { Cell::new(Switches { bug: None, fold_records: None, flush_segments: None }) };
}

/// Sets this thread's switches.
pub fn set(switches: Switches) {
    SWITCHES.set(switches);
}

pub(crate) fn has(bug: Bug) -> bool {
    SWITCHES.get().bug == Some(bug)
}

pub(crate) fn fold_records() -> Option<u64> {
    SWITCHES.get().fold_records
}

pub(crate) fn flush_segments() -> Option<u64> {
    SWITCHES.get().flush_segments
}
