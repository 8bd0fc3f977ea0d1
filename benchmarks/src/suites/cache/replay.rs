//! A mix of queries, run once in a process of its own that keeps so many bytes.

use serde::Serialize;

use super::mix::Mix;
use crate::answer::{Answer, Cell, compare};
use crate::engines::{EngineName, Keeps, Opening, Worker};
use crate::error::{Context, Error, Result};
use crate::place::Location;

/// More than any working set has: nothing has to leave.
const ENOUGH: u64 = 1 << 40;

/// What `system.cache` says of decoded columns.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Uses {
    pub(super) hits: u64,
    pub(super) misses: u64,
}

impl Uses {
    /// The share of chunks that were there. `NaN` of nothing.
    pub(super) fn hit_ratio(self) -> f64 {
        self.hits as f64 / (self.hits + self.misses) as f64
    }

    fn since(self, earlier: Self) -> Self {
        Self { hits: self.hits - earlier.hits, misses: self.misses - earlier.misses }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self { hits: self.hits + other.hits, misses: self.misses + other.misses }
    }
}

/// What a run of the mix took; the scan in between is in nothing but the memory.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Replayed {
    /// Of the queries before the scan.
    pub(super) before: Uses,
    /// Of those behind it.
    pub(super) after: Uses,
    /// The queries' times, added up.
    pub(super) seconds: f64,
    /// Bytes of decoded columns at the end.
    pub(super) kept_bytes: u64,
    /// The most memory that the process had resident; `None` where the system does not tell it.
    pub(super) peak_rss_bytes: Option<u64>,
    /// The most that was seen between two queries.
    pub(super) rss_bytes: Option<u64>,
}

/// What every template answers, and the bytes of all decoded columns that they read.
pub(super) fn working_set(location: &Location, threads: usize, mix: &Mix) -> Result<(Vec<Answer>, u64)> {
    let mut worker = open(location, threads, Keeps { cache_bytes: Some(ENOUGH), ..Keeps::default() })?;
    let answers = mix.templates.iter().map(|sql| Ok(worker.run(sql, None).context(sql)?.answer)).collect::<Result<_>>()?;
    Ok((answers, cached(&mut worker)?.1))
}

/// Runs the mix: a third of it, every template once, and the rest.
pub(super) fn replay(location: &Location, threads: usize, mix: &Mix, answers: &[Answer], keeps: Keeps) -> Result<Replayed> {
    let mut worker = open(location, threads, keeps)?;
    let mut rss_bytes = None;
    let mut ask = |worker: &mut Worker, template: &usize| -> Result<f64> {
        let sql = &mix.templates[*template];
        let run = worker.run(sql, None).context(sql)?;
        compare(&run.answer, &answers[*template], &[])
            .map_err(|difference| Error::new(format!("{sql}: another answer than before: {difference}")))?;
        rss_bytes = rss_bytes.max(worker.memory()?.rss_bytes);
        Ok(run.seconds)
    };
    let mut seconds = 0.0;
    for template in &mix.before {
        seconds += ask(&mut worker, template)?;
    }
    let (before, _) = cached(&mut worker)?;
    for template in 0..mix.templates.len() {
        ask(&mut worker, &template)?;
    }
    let (scanned, _) = cached(&mut worker)?;
    for template in &mix.after {
        seconds += ask(&mut worker, template)?;
    }
    let (after, kept_bytes) = cached(&mut worker)?;
    let peak_rss_bytes = worker.memory()?.peak_rss_bytes;
    worker.close()?;
    Ok(Replayed { before, after: after.since(scanned), seconds, kept_bytes, peak_rss_bytes, rss_bytes })
}

fn open(location: &Location, threads: usize, keeps: Keeps) -> Result<Worker> {
    Ok(EngineName::Clouddb.open(&Opening { location: Some(location.clone()), threads, keeps, ..Opening::default() })?.0)
}

/// Hits and misses so far, and the bytes that are there.
fn cached(worker: &mut Worker) -> Result<(Uses, u64)> {
    let run = worker.run("SELECT hits, misses, bytes FROM system.cache WHERE kind = 'columns'", None)?;
    let numbers: Vec<u64> = run.answer.rows.iter().flatten().filter_map(number).collect();
    let [hits, misses, bytes] = numbers[..] else { return Err(Error::new("system.cache does not have the numbers of decoded columns")) };
    Ok((Uses { hits, misses }, bytes))
}

fn number(cell: &Cell) -> Option<u64> {
    match cell {
        Cell::Exact { unscaled, scale: 0 } => u64::try_from(*unscaled).ok(),
        _ => None,
    }
}
