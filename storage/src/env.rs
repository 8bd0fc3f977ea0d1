//! What the outside world hands in: the wall clock and random numbers.
//!
//! Nothing else in this crate reads a clock, waits or draws a random number, so that a simulation can drive everything from one seed.

use std::fmt::Debug;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A clock: the wall's, and one to wait by.
pub trait Clock: Send + Sync + Debug {
    /// Microseconds since 1970-01-01T00:00:00Z.
    fn now_us(&self) -> i64;

    /// Time since some moment before, whatever happens to the wall clock.
    fn elapsed(&self) -> Duration {
        static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGINNING.elapsed()
    }

    /// Waits.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A source of random numbers, good enough for ids that never meet.
pub trait Random: Send + Sync + Debug {
    /// The next 128 bits.
    fn next_u128(&self) -> u128;
}

/// Clock and random numbers, as everything in this crate takes them.
#[derive(Debug, Clone)]
pub struct Env {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of random numbers.
    pub random: Arc<dyn Random>,
}

impl Env {
    /// The machine's clock, and random numbers from the operating system's entropy.
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock), random: Arc::new(SeededRandom::from_rng(StdRng::from_os_rng())) }
    }

    /// The machine's clock with random numbers from a seed, for tests that must run the same way again.
    pub fn seeded(seed: u64) -> Self {
        Self { clock: Arc::new(SystemClock), random: Arc::new(SeededRandom::new(seed)) }
    }
}

impl Default for Env {
    fn default() -> Self {
        Self::system()
    }
}

/// Pauses between attempts: each about twice as long as the one before, up to a limit, and hardly the same for two who began together.
#[derive(Debug)]
pub(crate) struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first, longest }
    }

    /// Waits for half of the next pause to one and a half of it.
    pub(crate) async fn pause(&mut self, env: &Env) {
        let jitter = (env.random.next_u128() % 1024) as u32;
        env.clock.sleep(self.next / 2 + self.next * jitter / 1024).await;
        self.next = (self.next * 2).min(self.longest);
    }
}

/// The machine's wall clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now_us(&self) -> i64 {
        chrono::Utc::now().timestamp_micros()
    }
}

/// Random numbers from a seed.
#[derive(Debug)]
pub struct SeededRandom(Mutex<StdRng>);

impl SeededRandom {
    /// The sequence that belongs to a seed.
    pub fn new(seed: u64) -> Self {
        Self::from_rng(StdRng::seed_from_u64(seed))
    }

    fn from_rng(rng: StdRng) -> Self {
        Self(Mutex::new(rng))
    }
}

impl Random for SeededRandom {
    fn next_u128(&self) -> u128 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random()
    }
}
