//! `clouddb info`: what a database is, in figures.

use std::io::Write;

use clouddb_storage::Snapshot;
use unicode_width::UnicodeWidthStr;

use super::open_to_read;
use crate::args::InfoArgs;
use crate::failure::Result;
use crate::output;
use crate::render::{printable, units};

/// The folder that checkpoints are in; their names begin with the number of their snapshot.
const CHECKPOINTS: &str = "checkpoint";

/// One line for each table.
struct TableLine {
    name: String,
    rows: u64,
    bytes: u64,
    segments: u64,
    changed_at: u64,
}

pub(crate) async fn run(args: &InfoArgs) -> Result<()> {
    let database = open_to_read(&args.database, &args.common).await?;
    let snapshot = database.snapshot().await?;
    let tables = table_lines(&snapshot);
    let views: usize = snapshot.schemas().map(|schema| snapshot.views(&schema.name).len()).sum();
    let checkpoints = database.store().list(CHECKPOINTS).await?;
    let newest_checkpoint = checkpoints.iter().filter_map(|object| checkpoint_number(&object.path)).max();

    let mut out = output::stdout();
    let mut field = |name: &str, value: String| writeln!(out, "{name:<12} {value}");
    field("database", output::place(database.store()).to_owned())?;
    field("id", database.id().map_or_else(|| "none yet".to_owned(), |id| id.to_string()))?;
    field("format", format!("version {}", clouddb_storage::FORMAT_VERSION))?;
    field("store", database.store().description().to_owned())?;
    field("snapshot", format!("{}, committed {}", snapshot.number(), units::time(snapshot.commit_time_us())))?;
    field(
        "checkpoint",
        match newest_checkpoint {
            Some(number) => format!("{number}, {} behind", units::counted(snapshot.number().saturating_sub(number), "commit")),
            None => "none yet".to_owned(),
        },
    )?;
    field("schemas", snapshot.schemas().map(|schema| printable::escaped(&schema.name).into_owned()).collect::<Vec<_>>().join(", "))?;
    field("views", units::count(views as u64))?;
    field(
        "tables",
        format!(
            "{} with {} in {}, {}",
            units::count(tables.len() as u64),
            units::counted(tables.iter().map(|table| table.rows).sum(), "row"),
            units::counted(tables.iter().map(|table| table.segments).sum(), "segment"),
            units::bytes(tables.iter().map(|table| table.bytes).sum()),
        ),
    )?;
    if !tables.is_empty() {
        write_tables(&tables, &mut out)?;
    }
    out.flush()?;
    Ok(())
}

fn table_lines(snapshot: &Snapshot) -> Vec<TableLine> {
    let schemas = snapshot.schemas().map(|schema| schema.name.clone()).collect::<Vec<_>>();
    schemas
        .iter()
        .flat_map(|schema| {
            snapshot.tables(schema).into_iter().map(move |table| TableLine {
                name: printable::escaped(&format!("{schema}.{}", table.meta().name)).into_owned(),
                rows: table.rows(),
                bytes: table.bytes(),
                segments: table.segment_count() as u64,
                changed_at: table.changed_at(),
            })
        })
        .collect()
}

fn write_tables(tables: &[TableLine], out: &mut dyn Write) -> Result<()> {
    let heading = ["table", "rows", "size", "segments", "changed at"].map(str::to_owned);
    let lines: Vec<[String; 5]> = std::iter::once(heading)
        .chain(tables.iter().map(|table| {
            [
                table.name.clone(),
                units::count(table.rows),
                units::bytes(table.bytes),
                units::count(table.segments),
                table.changed_at.to_string(),
            ]
        }))
        .collect();
    let width = |column: usize| lines.iter().map(|line| line[column].width()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    writeln!(out)?;
    for line in &lines {
        let fill = |column: usize| " ".repeat(widths[column] - line[column].width());
        write!(out, "{}{}", line[0], fill(0))?;
        #[allow(clippy::needless_range_loop, reason = "two arrays are walked side by side")]
        for column in 1..5 {
            write!(out, "  {}{}", fill(column), line[column])?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// The snapshot that an object `checkpoint/<number>-<hash>` is of.
fn checkpoint_number(path: &str) -> Option<u64> {
    path.rsplit('/').next()?.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_tell_their_number() {
        assert_eq!(checkpoint_number("checkpoint/000000000128-0af3"), Some(128));
        assert_eq!(checkpoint_number("checkpoint/x"), None);
    }
}
