//! One statement that runs.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use datafusion::common::DataFusionError;
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::physical_plan::ExecutionPlan;
use tokio::sync::Notify;

use super::pool::QueryPool;
use crate::error::{Error, Result, to_datafusion};
use crate::files::RefusedLines;
use crate::scan::{self, Extent, Scanned};

/// One statement that runs, for everybody who works on it.
#[derive(Debug)]
pub(crate) struct Running {
    /// When it must have ended, and the time that it had.
    pub(super) deadline: Option<(Instant, Duration)>,
    pub(super) pool: Arc<QueryPool>,
    committing: Arc<AtomicBool>,
    stopped: AtomicBool,
    /// Why, if it was stopped by anybody but who asked for it.
    reason: Mutex<Option<Error>>,
    notify: Notify,
    /// What it reads, for those who show how far it has come.
    scans: Mutex<Vec<Scanned>>,
    /// By how much the process's memory grew while the statement ran, its share of it: kept by the watch.
    pub(super) growth: AtomicU64,
    /// Lines of files that it refused.
    refused: RefusedLines,
}

impl Running {
    pub(super) fn new(timeout: Option<Duration>, pool: Arc<QueryPool>, committing: Arc<AtomicBool>) -> Self {
        Self {
            deadline: timeout.and_then(|timeout| Some((Instant::now().checked_add(timeout)?, timeout))),
            pool,
            committing,
            stopped: AtomicBool::new(false),
            reason: Mutex::new(None),
            notify: Notify::new(),
            scans: Mutex::default(),
            growth: AtomicU64::new(0),
            refused: RefusedLines::default(),
        }
    }

    /// Notes what a plan of it is going to read, in place of an earlier plan.
    pub(crate) fn note_scans(&self, plan: &Arc<dyn ExecutionPlan>) {
        *self.scans.lock().unwrap_or_else(PoisonError::into_inner) = scan::scanned(plan);
    }

    /// How much it has read of all that its plan may have to read.
    pub(crate) fn read(&self) -> Option<Extent> {
        scan::extent(&self.scans.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The memory that its operators take.
    pub(crate) fn pool(&self) -> Arc<dyn MemoryPool> {
        Arc::clone(&self.pool) as _
    }

    /// Lines of files that it refused.
    pub(crate) fn refused(&self) -> &RefusedLines {
        &self.refused
    }

    /// Stops the statement. The first reason counts.
    pub(super) fn stop(&self, reason: Option<Error>) {
        {
            let mut known = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
            if !self.stopped.swap(true, Ordering::AcqRel) {
                *known = reason;
            }
        }
        self.notify.notify_waiters();
    }

    /// Whether it was stopped, or has ended.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Whether it commits, and must be let alone.
    pub(super) fn is_committing(&self) -> bool {
        self.committing.load(Ordering::Acquire)
    }

    /// Why it was stopped.
    pub(crate) fn reason(&self) -> Error {
        let reason = self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone();
        reason.unwrap_or_else(|| Error::invalid("the statement was cancelled"))
    }

    /// An error, if it was stopped.
    pub(super) fn check(&self) -> Result<(), DataFusionError> {
        match self.is_stopped() {
            false => Ok(()),
            true => Err(to_datafusion(self.reason())),
        }
    }

    /// Waits until it is stopped.
    pub(crate) async fn stopped(&self) {
        loop {
            let mut notified = pin!(self.notify.notified());
            notified.as_mut().enable();
            if self.is_stopped() {
                return;
            }
            notified.await;
        }
    }

    /// Waits for some of its work, but no longer than until it is stopped; unless it commits by then, which is waited for.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut work = pin!(work);
        tokio::select! {
            biased;
            result = &mut work => result,
            () = self.stopped() => match self.is_committing() {
                true => work.await,
                false => Err(self.reason()),
            },
        }
    }
}

/// A statement as its owner has it: dropped, it is stopped.
#[derive(Debug)]
pub(crate) struct Held(Arc<Running>);

impl Held {
    pub(super) fn new(running: Arc<Running>) -> Self {
        Self(running)
    }

    /// The statement, for those who work on it.
    pub(crate) fn running(&self) -> &Arc<Running> {
        &self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.stop(None);
    }
}
