//! Lookups by processes that have been asked before, in CloudDB and its peers.

use super::{Args, Keys, Lookup};
use crate::answer::{Answer, compare};
use crate::engines::{EngineName, Keeps, Opening, Source, Worker};
use crate::error::{Context, Error, Result};
use crate::place::Place;

/// An engine, and what its lookups took.
pub(super) struct Hot {
    pub(super) engine: EngineName,
    pub(super) version: String,
    /// Seconds of each key, by kind of lookup as in [`Lookup::ALL`].
    pub(super) seconds: [Vec<f64>; 2],
    worker: Worker,
    /// What its own database is in.
    _scratch: tempfile::TempDir,
}

/// All keys twice, in every engine in turn; the second time counts. All answers are those of the first engine.
pub(super) fn measure(args: &Args, place: &Place, keys: &Keys, source: &Source) -> Result<Vec<Hot>> {
    let mut engines = Vec::new();
    for &engine in &args.engines {
        match open(engine, args, place, source) {
            Ok(hot) => engines.push(hot),
            // What is measured has to be there; a peer may be missing.
            Err(error) if engine == EngineName::Clouddb => return Err(error),
            Err(error) => println!("{:<20} takes no part: {error}", engine.name()),
        }
    }
    for counts in [false, true] {
        for number in 0..args.keys {
            for (kind, lookup) in Lookup::ALL.into_iter().enumerate() {
                ask(&lookup.sql(keys.get(number)), kind, number as usize, counts, &mut engines)?;
            }
        }
    }
    Ok(engines)
}

fn open(engine: EngineName, args: &Args, place: &Place, source: &Source) -> Result<Hot> {
    let scratch = tempfile::tempdir().context("making a folder for an engine's own database")?;
    let mut opening = Opening { threads: args.threads, scratch: Some(scratch.path().to_owned()), ..Opening::default() };
    if engine == EngineName::Clouddb {
        opening.location = Some(place.database("db"));
        opening.keeps = Keeps { cache_bytes: args.cache_gib.map(|gib| gib << 30), ..Keeps::default() };
    } else {
        opening.tables = vec![source.clone()];
    }
    let (worker, opened) = engine.open(&opening)?;
    Ok(Hot { engine, version: opened.version, seconds: Default::default(), worker, _scratch: scratch })
}

/// One lookup in all engines; another one goes first each time.
fn ask(sql: &str, kind: usize, turn: usize, counts: bool, engines: &mut [Hot]) -> Result<()> {
    let count = engines.len();
    let mut first: Option<(Answer, &'static str)> = None;
    for position in 0..count {
        let hot = &mut engines[(position + turn) % count];
        let run = hot.worker.run(sql, None).context(format!("{sql} in {}", hot.engine.name()))?;
        if counts {
            hot.seconds[kind].push(run.seconds);
        }
        match &first {
            None => first = Some((run.answer, hot.engine.name())),
            Some((answer, name)) => compare(&run.answer, answer, &[])
                .map_err(|difference| Error::new(format!("{sql}: {} differs from {name}: {difference}", hot.engine.name())))?,
        }
    }
    Ok(())
}
