//! Lookups by processes that have never seen the database before.

use std::time::Instant;

use super::{Args, Keys, Lookup};
use crate::answer::compare;
use crate::engines::{CloudDb, EngineName, Keeps, Opening};
use crate::error::{Context, Error, Result};
use crate::place::Place;
use crate::proxy::Trace;

/// What one process took.
pub(super) struct Cold {
    pub(super) lookup: Lookup,
    /// From starting the process to its answer.
    pub(super) wall: f64,
    /// The query alone, without opening.
    pub(super) query: f64,
    /// Nothing, if there is no proxy.
    pub(super) trace: Trace,
}

/// New processes, each with a key of its own; `near` says what they have to find.
pub(super) fn measure(args: &Args, place: &Place, keys: &Keys, near: &mut CloudDb) -> Result<Vec<Cold>> {
    let take = || place.proxy.as_ref().map(|proxy| proxy.take_trace()).unwrap_or_default();
    let prefetch = if args.no_prefetch { Vec::new() } else { vec!["lineitem".to_owned()] };
    let keeps = Keeps { prefetch, ..Keeps::default() };
    let opening = Opening { location: Some(place.database("db")), threads: args.threads, keeps, ..Opening::default() };
    let mut all = Vec::new();
    for number in 0..u64::from(args.runs) {
        for lookup in Lookup::ALL {
            let sql = lookup.sql(keys.get(number));
            let expected = near.execute(&sql)?.answer;
            take();
            let start = Instant::now();
            let (mut worker, _) = EngineName::Clouddb.open(&opening)?;
            let run = worker.run(&sql, None).context(&sql)?;
            let wall = start.elapsed().as_secs_f64();
            all.push(Cold { lookup, wall, query: run.seconds, trace: take() });
            if expected.rows.is_empty() {
                return Err(Error::new(format!("no row came for an order that is there: {sql}")));
            }
            compare(&run.answer, &expected, &[]).map_err(|difference| Error::new(format!("{sql}: a new process differs: {difference}")))?;
        }
    }
    Ok(all)
}
