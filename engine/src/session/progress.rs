//! How far a session's statement has come.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::limits::Running;
use crate::scan::Extent;

/// Tells how far the statement of a session has come that runs now; usable from any thread, and after the session.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Mutex<Weak<Running>>>);

impl Progress {
    /// Follows a statement from now on.
    pub(crate) fn follow(&self, running: &Arc<Running>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(running);
    }

    /// How much of all that its plan may have to read the statement has read. Nothing while nothing runs, or no plan is made.
    pub fn read(&self) -> Option<Extent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).upgrade()?.read()
    }
}
