//! Ctrl-C: cancels what runs; a second one, when the first was not heeded, ends the process.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use tokio::sync::Notify;

use crate::failure::{Failure, Result};

static PRESSED: Notify = Notify::const_new();
/// Whether a Ctrl-C waits for somebody to heed it.
static IS_PENDING: AtomicBool = AtomicBool::new(false);

/// The status of a process that Ctrl-C ended: 128 + SIGINT, as shells count.
pub(crate) const STATUS: u8 = 130;

/// From now on Ctrl-C does not end the process by itself.
pub(crate) fn watch() {
    let mut next = Box::pin(tokio::signal::ctrl_c());
    // The first poll is what makes the operating system ask us.
    let first = (&mut next).now_or_never();
    if matches!(first, Some(Err(_))) {
        return;
    }
    tokio::spawn(async move {
        let mut result = next.await;
        while result.is_ok() {
            if IS_PENDING.swap(true, Ordering::AcqRel) {
                std::process::exit(STATUS.into());
            }
            PRESSED.notify_one();
            result = tokio::signal::ctrl_c().await;
        }
    });
}

/// Forgets a Ctrl-C that came when nothing ran.
pub(crate) fn forget() {
    IS_PENDING.store(false, Ordering::Release);
    let _ = PRESSED.notified().now_or_never();
}

/// Waits for something, or for Ctrl-C, which cancels it.
pub(crate) async fn interruptible<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        biased;
        result = work => result,
        () = PRESSED.notified() => {
            IS_PENDING.store(false, Ordering::Release);
            Err(Failure::Interrupted(None))
        }
    }
}
