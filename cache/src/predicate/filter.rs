//! A conjunction, and the order in which its conjuncts run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::{Bounds, ExpressionError, Test};
use crate::bits::Bits;
use crate::chunk::Chunk;

/// Looked-at rows before a measurement counts: a few batches.
const ROWS_TO_MEASURE: u64 = 16 * 1024;

/// One of the tests that all must pass. Threads of a scan share what was measured.
#[derive(Debug)]
pub struct Conjunct {
    test: Test,
    columns: Vec<usize>,
    looked_at: AtomicU64,
    kept: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Conjunct {
    /// A test that nothing is known about.
    pub fn new(test: Test) -> Self {
        let mut columns = Vec::new();
        test.add_columns(&mut columns);
        columns.sort_unstable();
        columns.dedup();
        Self { test, columns, looked_at: AtomicU64::new(0), kept: AtomicU64::new(0), nanoseconds: AtomicU64::new(0) }
    }

    /// What it costs to throw out a row: the time for a row, over the share that is thrown out. Smaller runs earlier.
    fn rank(&self) -> f64 {
        let looked_at = self.looked_at.load(Ordering::Relaxed);
        if looked_at < ROWS_TO_MEASURE {
            return self.test.expected_cost() as f64;
        }
        let kept = self.kept.load(Ordering::Relaxed) as f64 / looked_at as f64;
        let cost = self.nanoseconds.load(Ordering::Relaxed) as f64 / looked_at as f64;
        cost / (1.0 - kept).max(1e-6)
    }

    fn run(&self, chunks: &[Option<Arc<Chunk>>], wanted: &mut Bits, count: usize) -> Result<usize, ExpressionError> {
        // Time is measured to choose an order; it changes no answer.
        let begin = Instant::now();
        super::keep::keep(&self.test, chunks, wanted)?;
        let kept = wanted.count();
        self.looked_at.fetch_add(count as u64, Ordering::Relaxed);
        self.kept.fetch_add(kept as u64, Ordering::Relaxed);
        self.nanoseconds.fetch_add(u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(kept)
    }
}

/// A conjunction of tests.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    conjuncts: Vec<Arc<Conjunct>>,
}

impl Filter {
    /// The conjunction of these.
    pub fn new(conjuncts: Vec<Arc<Conjunct>>) -> Self {
        Self { conjuncts }
    }

    /// Whether every row passes.
    pub fn is_empty(&self) -> bool {
        self.conjuncts.is_empty()
    }

    /// The columns it reads, by position in the table, each once, ascending.
    pub fn columns(&self) -> Vec<usize> {
        let mut columns: Vec<_> = self.conjuncts.iter().flat_map(|conjunct| conjunct.columns.iter().copied()).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// Whether a row group, or a part of it, can hold a row that passes, by what is known of its columns.
    pub fn may_match<'a>(&self, bounds: &dyn Fn(usize) -> Option<Bounds<'a>>) -> bool {
        self.conjuncts.iter().all(|conjunct| super::prune::may_match(&conjunct.test, bounds))
    }

    /// The rows of a row group that pass, and how many. `chunks` has the columns that the filter reads at their positions in the table.
    ///
    /// # Errors
    /// Those of its expressions, for rows that pass all tests that cannot fail.
    pub fn wanted(&self, chunks: &[Option<Arc<Chunk>>], rows: usize) -> Result<(Bits, usize), ExpressionError> {
        self.wanted_of(chunks, Bits::all(rows))
    }

    /// The same, of these rows only.
    ///
    /// # Errors
    /// As [`Filter::wanted`].
    pub fn wanted_of(&self, chunks: &[Option<Arc<Chunk>>], mut wanted: Bits) -> Result<(Bits, usize), ExpressionError> {
        let mut count = wanted.count();
        let mut order: Vec<_> = self.conjuncts.iter().map(|conjunct| (conjunct.test.may_fail(), conjunct.rank(), conjunct)).collect();
        // Stable, so that those that can fail stay in the order in which they were written.
        order.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| if a.0 { std::cmp::Ordering::Equal } else { a.1.total_cmp(&b.1) }));
        for (_, _, conjunct) in order {
            if count == 0 {
                break;
            }
            count = conjunct.run(chunks, &mut wanted, count)?;
        }
        Ok((wanted, count))
    }
}
