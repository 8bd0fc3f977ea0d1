//! An engine that takes part, with what it was given; opened again when a query has ended it.

use std::time::Duration;

use super::{Mode, RunArgs};
use crate::bucket;
use crate::engines::{EngineName, Failure, Keeps, Opening, Run, Source, Worker};
use crate::error::{Context, Error, Result};
use crate::place::{Location, Place};

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
    /// Whether every round has a process of its own.
    restarts: bool,
    /// Whether it is there for others of ours to be set against.
    sets_standard: bool,
    /// What stays when it is opened again; dropped with it.
    _folder: Option<tempfile::TempDir>,
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
            if args.modes.iter().any(|mode| *mode != Mode::Local) {
                load(args, sources, place.near("db"))?;
            }
            for mode in &args.modes {
                contenders.push(clouddb(*mode, args, sources, place)?);
            }
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

fn load(args: &RunArgs, sources: &[Source], location: Location) -> Result<()> {
    let opening = Opening { tables: sources.to_vec(), location: Some(location), threads: args.threads, ..Opening::default() };
    let (mut worker, opened) = EngineName::Clouddb.open(&opening)?;
    worker.close()?;
    println!("loaded CloudDB in {:.1} s", opened.seconds);
    Ok(())
}

fn clouddb(mode: Mode, args: &RunArgs, sources: &[Source], place: &Place) -> Result<Contender> {
    let opening = Opening { location: Some(place.database("db")), threads: args.threads, ..Opening::default() };
    let contender = |suffix: &str, location: Option<Location>, keeps: Keeps| {
        let location = location.or_else(|| opening.location.clone());
        Contender::new(format!("clouddb{suffix}"), EngineName::Clouddb, Opening { location, keeps, ..opening.clone() })
    };
    let query_memory = args.query_memory_gib.and_then(|gib| usize::try_from(gib << 30).ok());
    let hot = Keeps { cache_bytes: args.cache_gib.map(|gib| gib << 30), query_memory, ..Keeps::default() };
    let nothing = Keeps { cache_bytes: Some(0), ..hot.clone() };
    Ok(match mode {
        Mode::Hot => contender("", None, hot),
        Mode::Uncached => contender("-uncached", None, nothing),
        Mode::Disk => {
            if place.folder().is_some() {
                return Err(Error::new("--modes disk is about what is kept of a store behind a network: give --store s3://BUCKET/PREFIX"));
            }
            let folder = tempfile::tempdir().context("making a folder for the cache on disk")?;
            let keeps = Keeps { cache_folder: Some(folder.path().to_owned()), ..nothing };
            Contender { restarts: true, _folder: Some(folder), ..contender("-disk", None, keeps) }
        }
        Mode::Local => {
            let folder = tempfile::tempdir().context("making a folder for a database on this machine")?;
            let url = folder.path().join("db").to_str().context("the path of temporary files is not UTF-8")?.to_owned();
            let location = Location { url, options: Vec::new() };
            load(args, sources, location.clone())?;
            Contender { restarts: true, sets_standard: true, _folder: Some(folder), ..contender("-local", Some(location), nothing) }
        }
    })
}

impl Contender {
    fn new(name: String, engine: EngineName, opening: Opening) -> Self {
        let (restarts, sets_standard) = (false, false);
        Self { name, description: String::new(), engine, opening, worker: None, scratch: None, restarts, sets_standard, _folder: None }
    }

    /// Starts its process and has it load what it has to.
    pub(super) fn open(&mut self) -> Result<()> {
        self.worker = None;
        let scratch = tempfile::tempdir().context("making a folder for an engine's own database")?;
        self.opening.scratch = Some(scratch.path().to_owned());
        let (worker, opened) = self.engine.open(&self.opening)?;
        self.description =
            format!("{} {}, reads {}, {} threads", self.engine.name(), opened.version, self.engine.reads(), self.opening.threads);
        if self.restarts {
            self.description += ", a new process for every round";
        }
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

    /// Whether it is to be compared with peers.
    pub(super) fn is_us(&self) -> bool {
        self.engine == EngineName::Clouddb && !self.sets_standard
    }

    /// Makes it ready for a round: opens it, or opens it again if every round is a new process's.
    pub(super) fn ready(&mut self) -> Result<()> {
        if self.restarts
            && let Some(mut worker) = self.worker.take()
        {
            // What was read is on disk when it has closed.
            worker.close()?;
        }
        if self.worker.is_none() { self.open() } else { Ok(()) }
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
