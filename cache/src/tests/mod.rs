//! Tests of the caches, against storage in memory.

mod chunks;
mod columns;
mod disk;
mod footers;
mod random;

type TestResult<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
