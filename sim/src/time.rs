//! Virtual time: sleeping costs nothing, and the order of things follows from the program alone.
//!
//! When every task waits, the runtime is about to park its thread. Then the clock jumps to the next sleeper's moment and wakes it. If nobody
//! sleeps either, nothing will ever happen again: that is a mistake, and ends the simulation.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use clouddb_storage::env::Clock;
use futures::FutureExt;
use futures::future::BoxFuture;

/// The wall clock's time when a simulation begins: microseconds since 1970. Any moment would do.
const BEGINNING_US: i64 = 1_800_000_000_000_000;

/// A simulation's time. Clones share it.
#[derive(Clone, Default)]
pub struct VirtualTime {
    timers: Arc<Mutex<Timers>>,
}

#[derive(Default)]
struct Timers {
    now: Duration,
    next: u64,
    sleeping: BTreeMap<(Duration, u64), Waker>,
}

impl fmt::Debug for VirtualTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VirtualTime({:?})", self.now())
    }
}

impl VirtualTime {
    fn timers(&self) -> MutexGuard<'_, Timers> {
        self.timers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time since the simulation began.
    pub fn now(&self) -> Duration {
        self.timers().now
    }

    /// Waits.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        let mut timers = self.timers();
        timers.next += 1;
        Sleep { key: (timers.now + duration, timers.next), time: self.clone() }
    }

    /// A wall clock that is wrong by `skew_us`.
    pub fn clock(&self, skew_us: i64) -> SimulatedClock {
        SimulatedClock { time: self.clone(), skew_us }
    }

    fn advance(&self) {
        let waker = {
            let mut timers = self.timers();
            let Some(((at, _), waker)) = timers.sleeping.pop_first() else {
                panic!("every task of the simulation waits for something that will never happen");
            };
            timers.now = timers.now.max(at);
            waker
        };
        waker.wake();
    }

    /// Runs a simulation on this thread to its end.
    #[allow(clippy::expect_used, reason = "a runtime of one thread without any driver needs nothing that could be missing")]
    pub fn run<F: Future>(simulation: impl FnOnce(Self) -> F) -> F::Output {
        let time = Self::default();
        let parked = time.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().on_thread_park(move || parked.advance()).build().expect("a runtime");
        runtime.block_on(simulation(time))
    }
}

/// A wait; see [`VirtualTime::sleep`].
#[derive(Debug)]
pub struct Sleep {
    key: (Duration, u64),
    time: VirtualTime,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut timers = self.time.timers();
        if timers.now >= self.key.0 {
            timers.sleeping.remove(&self.key);
            return Poll::Ready(());
        }
        timers.sleeping.insert(self.key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.time.timers().sleeping.remove(&self.key);
    }
}

/// A clock of a simulated process.
#[derive(Debug, Clone)]
pub struct SimulatedClock {
    time: VirtualTime,
    skew_us: i64,
}

impl Clock for SimulatedClock {
    fn now_us(&self) -> i64 {
        BEGINNING_US + self.time.now().as_micros() as i64 + self.skew_us
    }

    fn elapsed(&self) -> Duration {
        self.time.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.time.sleep(duration).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleepers_wake_in_order_and_at_once() {
        let order = VirtualTime::run(|time| async move {
            let order = Arc::new(Mutex::new(Vec::new()));
            let tasks: Vec<_> = [30_000_u64, 10_000, 20_000]
                .map(|seconds| {
                    let (time, order) = (time.clone(), Arc::clone(&order));
                    tokio::spawn(async move {
                        time.sleep(Duration::from_secs(seconds)).await;
                        order.lock().unwrap().push((seconds, time.now().as_secs()));
                    })
                })
                .into();
            for task in tasks {
                task.await.unwrap();
            }
            time.sleep(Duration::from_secs(1)).await;
            assert_eq!(time.now(), Duration::from_secs(30_001));
            order.lock().unwrap().clone()
        });
        assert_eq!(order, [(10_000, 10_000), (20_000, 20_000), (30_000, 30_000)]);
    }

    #[test]
    #[should_panic(expected = "never happen")]
    fn waiting_for_nothing_is_found() {
        VirtualTime::run(|_| std::future::pending::<()>());
    }
}
