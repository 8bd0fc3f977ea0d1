//! Ctrl-C: cancels what runs; a second one, when the first was not heeded, ends the process.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use tokio::sync::Notify;

use crate::failure::{Failure, Result};

static PRESSED: Notify = Notify::const_new();
/// Whether a Ctrl-C waits for somebody to heed it.
static IS_PENDING: AtomicBool = AtomicBool::new(false);
/// Whether a commit is waited for after Ctrl-C.
static IS_COMMITTING: AtomicBool = AtomicBool::new(false);

/// The status of a process that Ctrl-C ended: 128 + SIGINT, as shells count.
pub(crate) const STATUS: u8 = 130;

/// From now on Ctrl-C does not end the process by itself.
pub(crate) fn watch() {
    let (ready, is_ready) = std::sync::mpsc::channel::<()>();
    // A thread of its own: a query may keep all of the others busy.
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async move {
            let mut next = Box::pin(tokio::signal::ctrl_c());
            // The first poll is what makes the operating system ask us.
            let first = (&mut next).now_or_never();
            drop(ready);
            if matches!(first, Some(Err(_))) {
                return;
            }
            let mut result = next.await;
            while result.is_ok() {
                press();
                result = tokio::signal::ctrl_c().await;
            }
        });
    });
    // Nothing is ever sent: the thread lets go of its end when it watches, or cannot.
    let _ = is_ready.recv();
}

/// A Ctrl-C: the second one, when the first was not heeded, ends the process.
fn press() {
    if IS_PENDING.swap(true, Ordering::AcqRel) {
        if IS_COMMITTING.load(Ordering::Acquire) {
            eprintln!("error (outcome unknown): the commit was under way\nhint: system.snapshots tells whether it happened");
        }
        std::process::exit(STATUS.into());
    }
    PRESSED.notify_one();
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

/// Waits for a statement, or for Ctrl-C, which cancels it: unless its commit is under way, whose end is then waited for, because a commit that
/// nobody waits for happens or does not. A second Ctrl-C ends the process all the same.
pub(crate) async fn interruptible_until_commit<T>(work: impl Future<Output = Result<T>>, committing: &AtomicBool) -> Result<T> {
    let mut work = pin!(work);
    match interruptible(&mut work).await {
        // Nothing polls the statement now, so that it cannot begin to commit between this look and its end.
        Err(Failure::Interrupted(None)) if committing.load(Ordering::Acquire) => {
            IS_PENDING.store(true, Ordering::Release);
            IS_COMMITTING.store(true, Ordering::Release);
            eprintln!("waiting for the commit that is under way; Ctrl-C again ends without knowing its outcome");
            let result = work.await;
            IS_COMMITTING.store(false, Ordering::Release);
            IS_PENDING.store(false, Ordering::Release);
            result.and(Err(Failure::Interrupted(Some("the statement was committed before".to_owned()))))
        }
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_does_not_commit_is_cancelled_and_a_commit_is_waited_for() {
        // One test, as there is one Ctrl-C for the whole process.
        let committing = AtomicBool::new(false);
        PRESSED.notify_one();
        let cancelled = interruptible_until_commit(std::future::pending::<Result<()>>(), &committing).await;
        assert!(matches!(cancelled, Err(Failure::Interrupted(None))), "{cancelled:?}");

        let (done, wait) = tokio::sync::oneshot::channel::<()>();
        let statement = async {
            committing.store(true, Ordering::Release);
            PRESSED.notify_one();
            let _ = wait.await;
            Ok(())
        };
        let (committed, ()) = tokio::join!(interruptible_until_commit(statement, &committing), async {
            tokio::task::yield_now().await;
            let _ = done.send(());
        });
        assert!(matches!(committed, Err(Failure::Interrupted(Some(_)))), "{committed:?}");
        forget();
    }
}
