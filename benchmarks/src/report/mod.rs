//! What a suite found, for people (tables on standard output), for programs (JSON) and for the eye (HTML).

mod page;
mod plot;

use std::fs;
use std::path::{Path, PathBuf};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::{Value, json};

pub use page::Page;
pub use plot::{Curve, Ratio};

use crate::error::{Context, Result};

/// A table for standard output: the first column is left-aligned, numbers are right-aligned.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled).set_header(header.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// What all results say of where they come from.
pub fn provenance(suite: &str, settings: &impl Serialize) -> Value {
    json!({
        "suite": suite,
        "clouddb": env!("CARGO_PKG_VERSION"),
        "optimized": !cfg!(debug_assertions),
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "settings": settings,
    })
}

/// Writes results as `<folder>/<name>.json` and says so.
///
/// # Errors
/// When the file cannot be written.
pub fn write_json(folder: &Path, name: &str, results: &Value) -> Result<PathBuf> {
    fs::create_dir_all(folder).context(format!("making the folder {}", folder.display()))?;
    let path = folder.join(format!("{name}.json"));
    fs::write(&path, format!("{results:#}\n")).context(format!("writing {}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(path)
}

/// Says that numbers of an unoptimized program mean nothing, if this is one.
pub fn warn_if_unoptimized() {
    if cfg!(debug_assertions) {
        eprintln!("warning: this program was built without optimization; build it with --release before believing its numbers");
    }
}
