//! The statement that a thread works for while it is in one long call of an operator: a window's frames, say, which are computed one after the other and
//! without a batch in between.

use std::cell::RefCell;
use std::sync::Arc;

use datafusion::error::DataFusionError;

use super::statement::Running;

thread_local! {
    static POLLED: RefCell<Option<Arc<Running>>> = const { RefCell::new(None) };
}

/// Works for a statement; whoever is called meanwhile can ask whether it was stopped.
pub(super) fn working_for<T>(running: &Arc<Running>, work: impl FnOnce() -> T) -> T {
    struct Before(Option<Arc<Running>>);
    impl Drop for Before {
        fn drop(&mut self) {
            POLLED.set(self.0.take());
        }
    }
    let _before = Before(POLLED.replace(Some(Arc::clone(running))));
    work()
}

/// An error if the statement that this thread works for was stopped.
pub(crate) fn check_stopped() -> Result<(), DataFusionError> {
    POLLED.with_borrow(|running| running.as_ref().map_or(Ok(()), |running| running.check()))
}
