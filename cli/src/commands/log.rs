//! `clouddb log`: the history, the newest commit first, a line for each.

use std::io::Write;

use clouddb_storage::HistoryEntry;

use super::open_to_read;
use crate::args::LogArgs;
use crate::failure::Result;
use crate::output;
use crate::render::{printable, units};

/// Snapshots read in one go: enough to keep the store busy, few enough that a history of millions is written while it is read.
const PAGE: u64 = 512;

pub(crate) async fn run(args: &LogArgs) -> Result<()> {
    let database = open_to_read(&args.database, &args.common).await?;
    let newest = database.snapshot().await?.number();
    let mut out = output::stdout();
    let mut left = if args.limit == 0 { u64::MAX } else { args.limit };
    let mut to = newest;
    while to > 0 && left > 0 {
        // A snapshot holds at least one commit.
        let from = to.saturating_sub(PAGE.min(left) - 1).max(1);
        for entry in database.history(from, to).await?.iter().rev() {
            if left == 0 {
                break;
            }
            left -= 1;
            writeln!(out, "{}", line(entry))?;
        }
        out.flush()?;
        to = from - 1;
    }
    Ok(())
}

/// One commit on one line: snapshot, time, who, what it said of itself, what changed.
fn line(entry: &HistoryEntry) -> String {
    let time = units::time(entry.commit_time_us);
    let who = printable::escaped(&entry.who).into_owned();
    let mut text = format!("{:>6}  {time}  {who}  {}", entry.snapshot, shortened(&entry.what));
    if !entry.changes.is_empty() {
        text.push_str(&format!("  [{}]", printable::escaped(&changes(&entry.changes))));
    }
    text
}

/// The changes, as many as fit a line.
fn changes(changes: &[String]) -> String {
    // Rarely more than create and append; a load of eight tables has sixteen.
    const SHOWN: usize = 4;
    match changes.len() > SHOWN {
        true => format!("{}; and {} more", changes[..SHOWN].join("; "), changes.len() - SHOWN),
        false => changes.join("; "),
    }
}

/// A statement on one line, its beginning if it is long.
fn shortened(what: &str) -> String {
    // With snapshot, time and who before it, and the changes behind, that is about what a wide terminal shows.
    const SHOWN: usize = 60;
    let words = what.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = printable::escaped(&words);
    match words.chars().count() > SHOWN {
        true => words.chars().take(SHOWN - 1).chain("…".chars()).collect(),
        false => words.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_statements_and_many_changes_are_shortened() {
        assert_eq!(shortened("INSERT\n  INTO t"), "INSERT INTO t");
        assert_eq!(shortened(&"x".repeat(61)).chars().count(), 60);
        let many: Vec<String> = (0..6).map(|index| format!("create table main.t{index}")).collect();
        assert!(changes(&many).ends_with("; and 2 more"));
    }
}
