//! An engine that takes part, with what it was given; opened again when a query has ended it.

use std::time::Duration;

use super::{Mode, RunArgs};
use crate::bucket;
use crate::engines::{EngineName, Failure, Opening, Run, Source, Worker};
use crate::error::{Context, Result};
use crate::place::Place;

/// An engine that takes part.
pub(super) struct Contender {
    /// Its name in tables.
    pub(super) name: String,
    /// Version and what it reads.
    pub(super) description: String,
    pub(super) engine: EngineName,
    opening: Opening,
    worker: Option<Worker>,
    /// What its own database is in; a new one whenever it is opened.
    scratch: Option<tempfile::TempDir>,
}

/// All that were asked for; CloudDB's database is made here, once.
pub(super) fn all(args: &RunArgs, sources: &[Source], place: &Place) -> Result<Vec<Contender>> {
    let mut contenders = Vec::new();
    // Far away, whoever reads the sources reads them in the same bucket, through the same proxy.
    let far = match &place.proxy {
        Some(proxy) if args.engines.iter().any(|engine| engine.reads_sources()) => {
            Some((bucket::upload(sources, &place.near("sources").url)?, proxy.url()))
        }
        _ => None,
    };
    for &engine in &args.engines {
        if engine == EngineName::Clouddb {
            load(args, sources, place)?;
            contenders.extend(args.modes.iter().map(|mode| clouddb(*mode, args, place)));
        } else {
            let mut opening = Opening { tables: sources.to_vec(), threads: args.threads, ..Opening::default() };
            if let (Some((sources, endpoint)), true) = (&far, engine.reads_sources()) {
                (opening.tables, opening.endpoint) = (sources.clone(), Some(endpoint.clone()));
            }
            contenders.push(Contender::new(engine.name().to_owned(), engine, opening));
        }
    }
    Ok(contenders)
}

fn load(args: &RunArgs, sources: &[Source], place: &Place) -> Result<()> {
    let opening = Opening { tables: sources.to_vec(), location: Some(place.near("db")), threads: args.threads, ..Opening::default() };
    let (mut worker, opened) = EngineName::Clouddb.open(&opening)?;
    worker.close()?;
    println!("loaded CloudDB in {:.1} s", opened.seconds);
    Ok(())
}

fn clouddb(mode: Mode, args: &RunArgs, place: &Place) -> Contender {
    let (suffix, cache_bytes) = match mode {
        Mode::Hot => ("", args.cache_gib.map(|gib| gib << 30)),
        Mode::Uncached => ("-uncached", Some(0)),
    };
    let opening = Opening { location: Some(place.database("db")), threads: args.threads, cache_bytes, ..Opening::default() };
    Contender::new(format!("clouddb{suffix}"), EngineName::Clouddb, opening)
}

impl Contender {
    fn new(name: String, engine: EngineName, opening: Opening) -> Self {
        Self { name, description: String::new(), engine, opening, worker: None, scratch: None }
    }

    /// Starts its process and has it load what it has to.
    pub(super) fn open(&mut self) -> Result<()> {
        self.worker = None;
        let scratch = tempfile::tempdir().context("making a folder for an engine's own database")?;
        self.opening.scratch = Some(scratch.path().to_owned());
        let (worker, opened) = self.engine.open(&self.opening)?;
        self.description =
            format!("{} {}, reads {}, {} threads", self.engine.name(), opened.version, self.engine.reads(), self.opening.threads);
        if self.opening.endpoint.is_some() {
            self.description += ", in the far-away bucket";
        }
        if !self.opening.tables.is_empty() && !self.engine.reads_sources() {
            self.description += &format!(", loaded in {:.1} s", opened.seconds);
        }
        (self.worker, self.scratch) = (Some(worker), Some(scratch));
        Ok(())
    }

    pub(super) fn is_open(&self) -> bool {
        self.worker.is_some()
    }

    /// Runs a query within a limit of time.
    pub(super) fn run(&mut self, sql: &str, limit: Duration) -> Result<Run, Failure> {
        if self.worker.is_none() {
            self.open().map_err(|error| Failure::Error(error.to_string()))?;
        }
        let Some(worker) = &mut self.worker else { return Err(Failure::Ended) };
        let run = worker.run(sql, Some(limit));
        if matches!(run, Err(Failure::Ended | Failure::TimedOut(_))) {
            self.worker = None;
        }
        run
    }
}
