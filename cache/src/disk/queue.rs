//! Work on the folder that nobody waits for: in order, one thing at a time, on a thread for blocking work, within a bound of memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::Notify;

/// A queue of jobs, each with the bytes that it holds. `work` does one.
pub(super) struct Queue<Job> {
    state: Mutex<State<Job>>,
    work: Box<dyn Fn(Job) + Send + Sync>,
    most_bytes: u64,
    idle: Notify,
}

struct State<Job> {
    jobs: VecDeque<(Job, u64)>,
    /// Of the jobs that wait and of the one under way.
    bytes: u64,
    running: bool,
}

impl<Job: Send + 'static> Queue<Job> {
    pub(super) fn new(most_bytes: u64, work: impl Fn(Job) + Send + Sync + 'static) -> Arc<Self> {
        let state = Mutex::new(State { jobs: VecDeque::new(), bytes: 0, running: false });
        Arc::new(Self { state, work: Box::new(work), most_bytes, idle: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State<Job>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job, unless there is no room for its bytes; whether it was added.
    pub(super) fn push(self: &Arc<Self>, job: Job, bytes: u64) -> bool {
        let mut state = self.state();
        if bytes > 0 && state.bytes + bytes > self.most_bytes {
            return false;
        }
        state.bytes += bytes;
        state.jobs.push_back((job, bytes));
        drop(state);
        self.start();
        true
    }

    fn start(self: &Arc<Self>) {
        // Without a runtime, it waits for the next who has one.
        let Ok(runtime) = Handle::try_current() else { return };
        let mut state = self.state();
        if !state.running && !state.jobs.is_empty() {
            state.running = true;
            let run = Run { queue: Arc::clone(self), over: false };
            runtime.spawn_blocking(move || run.all());
        }
    }

    /// Waits until nothing is left to do.
    pub(super) async fn drained(self: &Arc<Self>) {
        loop {
            let idle = self.idle.notified();
            self.start();
            if !self.state().running {
                return;
            }
            idle.await;
        }
    }
}

/// Who works. Dropping it, at the latest when a runtime ends before it began, lets another begin.
struct Run<Job: Send + 'static> {
    queue: Arc<Queue<Job>>,
    over: bool,
}

impl<Job: Send + 'static> Run<Job> {
    fn all(mut self) {
        loop {
            let mut state = self.queue.state();
            let Some((job, bytes)) = state.jobs.pop_front() else {
                // From here on, whoever adds a job starts another run.
                state.running = false;
                self.over = true;
                return;
            };
            drop(state);
            (self.queue.work)(job);
            self.queue.state().bytes -= bytes;
        }
    }
}

impl<Job: Send + 'static> Drop for Run<Job> {
    fn drop(&mut self) {
        if !self.over {
            self.queue.state().running = false;
        }
        self.queue.idle.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_does_not_fit_is_left_out() {
        let (go, wait) = mpsc::channel();
        let (done, all) = mpsc::channel();
        let wait = Mutex::new(wait);
        let queue = Queue::new(100, move |job: u64| {
            wait.lock().unwrap().recv().unwrap();
            done.send(job).unwrap();
        });
        let added: Vec<bool> = [60, 30, 20, 10, 1].into_iter().map(|bytes| queue.push(bytes, bytes)).collect();
        assert_eq!(added, [true, true, false, true, false]);
        assert!(queue.push(7, 0), "what holds no bytes always fits");
        (0..5).for_each(|_| go.send(()).unwrap());
        queue.drained().await;
        assert_eq!(all.try_iter().collect::<Vec<_>>(), [60, 30, 10, 7]);
        assert!(queue.push(100, 100), "there is room again");
        queue.drained().await;
        assert_eq!(all.try_iter().collect::<Vec<_>>(), [100]);
    }

    #[test]
    fn a_runtime_that_ended_stops_nothing() {
        let (done, all) = mpsc::channel();
        let queue = Queue::new(100, move |job: u64| done.send(job).unwrap());
        for round in 0..20 {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async { queue.push(round, 1) });
            // Maybe before the work began.
            runtime.shutdown_background();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(queue.drained());
        assert_eq!(all.try_iter().collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
    }
}
