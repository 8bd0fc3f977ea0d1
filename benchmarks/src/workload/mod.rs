//! What engines are asked to do: tables with rows, and queries over them.

pub mod clickbench;
pub(crate) mod rows;
pub mod shapes;
pub mod sql;
mod texts;
pub mod tpcds;
pub mod tpch;

use std::path::Path;

use crate::engines::Source;
use crate::error::{Context, Error, Result};
use crate::files::{self, Batches, Format};

/// A query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Its name: `Q1`, or what it is about.
    pub name: String,
    /// Its text.
    pub sql: String,
}

/// Tables and queries that belong together.
pub trait Workload {
    /// The suite's name, as the command line has it.
    fn suite(&self) -> &'static str;

    /// How large its tables are, for names of files: `sf1`, `10000000-rows`.
    fn size(&self) -> String;

    /// Suite and size, for titles.
    fn title(&self) -> String;

    /// Makes the tables' Parquet files below a folder, as far as they are not there yet.
    ///
    /// # Errors
    /// When a file cannot be written.
    fn prepare(&self, root: &Path, threads: usize) -> Result<Vec<Source>>;

    /// Its queries, in order.
    ///
    /// # Errors
    /// When they have to be fetched from somewhere, and cannot.
    fn queries(&self) -> Result<Vec<Query>>;
}

/// Makes the tables' files in a folder, as far as they are not there; the last tables first.
fn files_of(
    folder: &Path,
    format: Format,
    tables: &[&'static str],
    threads: usize,
    generate: impl Fn(&str) -> Result<Batches> + Sync,
) -> Result<Vec<Source>> {
    std::fs::create_dir_all(folder).context(format!("making the folder {}", folder.display()))?;
    let folder = folder.canonicalize().context(folder.display())?;
    let path = |table: &str| folder.join(format!("{table}.{}", format.extension()));
    let missing: Vec<&str> = tables.iter().copied().filter(|table| !path(table).exists()).collect();
    files::share(missing, threads, |table| {
        eprintln!("making {} …", path(table).display());
        files::write(&path(table), format, generate(table)?).context(format!("writing {}", path(table).display()))
    })?;
    let source = |table: &&'static str| {
        let path = path(table).to_str().map(str::to_owned).context("the data folder's path is not UTF-8")?;
        Ok(Source { name: (*table).to_owned(), path })
    };
    tables.iter().map(source).collect()
}

/// The queries of these names (all, if there are none); `7` is `Q7`.
///
/// # Errors
/// When there is no query of a name.
pub fn chosen(all: Vec<Query>, names: &[String]) -> Result<Vec<Query>> {
    if names.is_empty() {
        return Ok(all);
    }
    let find = |name: &String| {
        let is_it = |query: &&Query| query.name.eq_ignore_ascii_case(name) || query.name == format!("Q{name}");
        all.iter().find(is_it).cloned().ok_or_else(|| {
            let known: Vec<&str> = all.iter().map(|query| query.name.as_str()).collect();
            Error::new(format!("there is no query '{name}'; there are {}", known.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_chosen_by_number_or_name() -> Result<()> {
        let query = |name: &str| Query { name: name.to_owned(), sql: String::new() };
        let all = vec![query("Q1"), query("Q10"), query("top-k")];
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(chosen(all.clone(), &[])?, all);
        assert_eq!(chosen(all.clone(), &names(&["top-k", "1"]))?, [query("top-k"), query("Q1")]);
        assert!(chosen(all, &names(&["2"])).is_err());
        Ok(())
    }
}
