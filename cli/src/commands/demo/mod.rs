//! `clouddb demo`: a tour of a minute. Makes TPC-H data, loads it, queries it, shows a transaction and time travel, and says what to try next.
//!
//! Everything it shows is done with statements that the reader can type; they stand in the output as they were run.

mod data;
mod queries;

use std::io::{BufWriter, Stdout, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clouddb_engine::{Database, Options, Session, StatementResult};
use clouddb_storage::OpenOptions;

use crate::args::DemoArgs;
use crate::failure::{Failure, Result};
use crate::output;
use crate::progress::Progress;
use crate::render::{self, BoxOptions, Format, Style, units};

/// Rows that the tour's results show: it is about what comes back, not about all of it.
const SHOWN_ROWS: usize = 10;

/// Columns that results may take where the output is no terminal: about what a log or a web page shows.
const PIPE_WIDTH: usize = 120;

pub(crate) async fn run(args: &DemoArgs) -> Result<()> {
    let place = match &args.database {
        Some(database) => database.clone(),
        None => fresh_folder()?,
    };
    let storage = OpenOptions { store_options: args.common.store_options.clone(), ..OpenOptions::default() };
    let database = Database::open(&place, Options { storage, ..Options::default() }).await?;
    if database.storage().exists() {
        return Err(Failure::Message(format!(
            "there is a database at {} already\nhint: the demo makes one of its own: name a new folder, or none",
            output::place(database.storage().store())
        )));
    }
    let mut tour = Tour { session: database.session(), database, out: output::stdout() };
    let started = Instant::now();
    tour.load(args.scale).await?;
    tour.query().await?;
    tour.transaction().await?;
    tour.time_travel().await?;
    tour.database.storage().close().await;
    tour.farewell(&place, started)
}

/// A new folder below the system's folder for temporary files.
fn fresh_folder() -> Result<String> {
    let base = std::env::temp_dir();
    let cannot = |folder: &PathBuf, error: std::io::Error| {
        Failure::Message(format!("cannot make a folder for the demo, '{}': {error}\nhint: name one: clouddb demo FOLDER", folder.display()))
    };
    let mut number = std::process::id();
    loop {
        let folder = base.join(format!("clouddb-demo-{number}"));
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder.display().to_string()),
            // An earlier demo's, of a process with the same number.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number = number.wrapping_add(1),
            Err(error) => return Err(cannot(&folder, error)),
        }
    }
}

struct Tour {
    database: Database,
    session: Session,
    out: BufWriter<Stdout>,
}

impl Tour {
    fn say(&mut self, text: &str) -> Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()?;
        Ok(())
    }

    fn heading(&mut self, text: &str) -> Result<()> {
        self.say(&format!("\n{text}\n{}", "─".repeat(text.chars().count())))
    }

    async fn load(&mut self, scale: f64) -> Result<()> {
        self.heading(&format!("1. Load: TPC-H at scale {scale}, eight tables, one transaction"))?;
        let rows = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&rows);
        let progress = Progress::rows("loading", move || counter.load(Ordering::Relaxed));
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let started = Instant::now();
        data::load(self.database.storage(), scale, threads, &rows).await?;
        let elapsed = started.elapsed();
        drop(progress);
        let snapshot = self.database.storage().snapshot().await?;
        let bytes = snapshot.tables(clouddb_engine::DEFAULT_SCHEMA).iter().map(|table| table.bytes()).sum();
        let rows = rows.load(Ordering::Relaxed);
        let rate = units::count((rows as f64 / elapsed.as_secs_f64()) as u64);
        let (elapsed, bytes) = (units::duration(elapsed), units::bytes(bytes));
        self.say(&format!("created database at {}", output::place(self.database.storage().store())))?;
        self.say(&format!(
            "{} in {elapsed} ({rate} a second), {bytes} of Parquet, committed as snapshot {}",
            units::counted(rows, "row"),
            snapshot.number()
        ))
    }

    async fn query(&mut self) -> Result<()> {
        self.heading("2. Query")?;
        for query in &queries::QUERIES {
            let started = Instant::now();
            let rows = self.count(query.sql).await?;
            let elapsed = units::duration(started.elapsed());
            self.say(&format!("TPC-H {:<4} {:<58} {:>4} rows {elapsed:>9}", query.name, query.about, rows))?;
        }
        self.say("\nThe last one once more, with its answer:\n")?;
        match queries::QUERIES.last() {
            Some(query) => self.show(query.sql).await,
            None => Ok(()),
        }
    }

    async fn transaction(&mut self) -> Result<()> {
        self.heading("3. A transaction over two tables: an order with its two items, all or nothing")?;
        self.show("BEGIN").await?;
        self.show(queries::NEW_ORDER).await?;
        self.show(queries::NEW_ITEMS).await?;
        self.say("\nThe transaction sees what it did:")?;
        self.show(queries::COUNT_NEW).await?;
        self.say("\nAnother session does not:")?;
        self.show_elsewhere(queries::COUNT_NEW).await?;
        self.show("ROLLBACK").await?;
        self.say("\nAnd now nobody does. The same again, committed this time:")?;
        self.show("BEGIN").await?;
        self.show(queries::NEW_ORDER).await?;
        self.show(queries::NEW_ITEMS).await?;
        self.show("COMMIT").await?;
        self.say("\nThe other session:")?;
        self.show_elsewhere(queries::COUNT_NEW).await
    }

    async fn time_travel(&mut self) -> Result<()> {
        self.heading("4. Time travel: every commit is a snapshot that can still be read")?;
        self.show(queries::SNAPSHOTS).await?;
        let now = self.database.storage().snapshot().await?.number();
        self.say("\nThe orders now, and as they were before the last commit:")?;
        self.show("SELECT count(*) AS orders FROM orders").await?;
        self.show(&format!("SELECT count(*) AS orders FROM orders AT (VERSION => {})", now - 1)).await
    }

    fn farewell(&mut self, place: &str, started: Instant) -> Result<()> {
        let program = std::env::args().next().unwrap_or_else(|| "clouddb".to_owned());
        let (program, quoted) = (shell_word(&program), shell_word(place));
        self.heading(&format!("That was all, in {}. Try next:", units::duration(started.elapsed())))?;
        let commands = [
            (format!("{program} {quoted}"), "a prompt on this database"),
            (format!("{program} {quoted} -c \"SELECT * FROM lineitem LIMIT 5\""), "one statement; --format csv, json or jsonl"),
            (format!("{program} {quoted} -c \"COPY orders TO 'orders.csv'\""), "out to CSV, JSON or Parquet, and back in"),
            (format!("{program} log {quoted}"), "its history"),
            (format!("{program} info {quoted}"), "its tables and sizes"),
            (format!("{program} verify {quoted}"), "read everything, check every checksum"),
        ];
        for (command, about) in commands {
            self.say(&format!("  {command}\n      {about}"))?;
        }
        if !place.contains("://") {
            self.say(&format!("  rm -r {quoted}\n      when you are done"))?;
        }
        Ok(())
    }

    /// Runs a query for its time; returns its number of rows.
    async fn count(&mut self, sql: &str) -> Result<u64> {
        match self.session.execute(sql).await? {
            StatementResult::Rows(rows) => Ok(rows.collect().await?.iter().map(|batch| batch.num_rows() as u64).sum()),
            StatementResult::Done(done) => Ok(done.rows.unwrap_or(0)),
        }
    }

    /// Shows a statement, runs it, shows its answer.
    async fn show(&mut self, sql: &str) -> Result<()> {
        self.say(&format!("clouddb> {};", sql.trim().replace('\n', "\n    ...> ")))?;
        let result = self.session.execute(sql).await?;
        self.answer(result).await
    }

    /// The same in a session of its own.
    async fn show_elsewhere(&mut self, sql: &str) -> Result<()> {
        self.say(&format!("clouddb> {};", sql.trim().replace('\n', "\n    ...> ")))?;
        let result = self.database.session().execute(sql).await?;
        self.answer(result).await
    }

    async fn answer(&mut self, result: StatementResult) -> Result<()> {
        match result {
            StatementResult::Rows(rows) => {
                let boxes = BoxOptions { max_rows: SHOWN_ROWS, width: Some(output::terminal_width().unwrap_or(PIPE_WIDTH)), height: None };
                render::write_result(rows.into_stream(), &Style::new(Format::Box, boxes), &mut self.out).await?;
                Ok(())
            }
            StatementResult::Done(done) => match done.rows {
                Some(rows) => self.say(&format!("{}: {}", done.tag, units::counted(rows, "row"))),
                None => self.say(&done.tag),
            },
        }
    }
}

/// Text as one word of a shell's command line.
fn shell_word(text: &str) -> String {
    let is_plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-:@%+=,".contains(c));
    match is_plain {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_for_the_shell() {
        assert_eq!(shell_word("/tmp/a-b_c.db"), "/tmp/a-b_c.db");
        assert_eq!(shell_word("/tmp/it's mine"), "'/tmp/it'\\''s mine'");
    }
}
