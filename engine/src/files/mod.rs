//! Files that are not the database's: read in place, loaded by COPY ... FROM, written by COPY ... TO.
//!
//! Which files a path means is decided in `place` and `listing`, what their folders tell in `folders`. Parquet and Arrow files are read by DataFusion
//! (`scan`), text is read here, in parallel (`split`, `table`): CSV with empty strings told from NULL, JSON lines with no key left out; both tell
//! the line of a wrong value. `sink` writes.

mod csv;
mod folders;
mod formats;
mod json;
mod listing;
mod options;
mod place;
mod scan;
mod sink;
mod source;
mod split;
mod table;
mod typed;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::common::Result as DataFusionResult;
use datafusion::execution::session_state::SessionState;

pub(crate) use folders::NULL as NULL_FOLDER;
pub(crate) use formats::{Compression, FileFormat};
pub(crate) use listing::Files;
pub(crate) use options::Options;
pub(crate) use place::Place;
pub(crate) use sink::write;

use self::csv::Csv;
use self::json::Json;
use self::scan::ScannedTable;
use crate::error::Result;

/// The one schema of the catalog of files.
pub(crate) const SCHEMA: &str = "files";

/// What the columns of text files are.
pub(crate) enum Columns {
    /// Names and types are inferred from the files' beginning.
    Inferred,
    /// Those of a table: by name, or by position where the files tell no names.
    Given(SchemaRef),
}

/// Files as a table. The format is that of the paths' names unless it is told.
pub(crate) async fn table(
    state: &SessionState,
    store_options: &[(String, String)],
    paths: &[String],
    options: &Options,
    columns: Columns,
) -> Result<Arc<dyn TableProvider>> {
    let files = Files::find(state, store_options, paths).await?;
    let format = match options.format {
        Some(format) => format,
        None => files.format()?,
    };
    Ok(match format {
        FileFormat::Csv => Csv::open(files, options, columns).await?.table(state),
        FileFormat::Json => Json::open(files, options, columns).await?.table(state),
        FileFormat::Parquet | FileFormat::Arrow => Arc::new(ScannedTable::open(state, files, format).await?),
    })
}

/// The field of a file's column, where a table's columns are given: the same name, or else one that differs in case only.
fn given_field(given: &Schema, name: &str) -> Field {
    let exact = given.fields().iter().find(|field| field.name() == name);
    match exact.or_else(|| given.fields().iter().find(|field| field.name().eq_ignore_ascii_case(name))) {
        Some(field) => field.as_ref().clone().with_name(name),
        // The caller refuses it by its name.
        None => Field::new(name, DataType::Utf8View, true),
    }
}

/// The catalog of the files that one statement reads.
#[derive(Debug, Default)]
pub(crate) struct FileCatalog {
    tables: HashMap<String, Arc<dyn TableProvider>>,
}

impl FileCatalog {
    /// Adds a table under the name that the statement got for it.
    pub(crate) fn add(&mut self, name: String, table: Arc<dyn TableProvider>) {
        self.tables.insert(name, table);
    }
}

impl CatalogProvider for FileCatalog {
    fn schema_names(&self) -> Vec<String> {
        vec![SCHEMA.to_owned()]
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        (name == SCHEMA).then(|| Arc::new(FileSchema { tables: self.tables.clone() }) as _)
    }
}

#[derive(Debug)]
struct FileSchema {
    tables: HashMap<String, Arc<dyn TableProvider>>,
}

#[async_trait]
impl SchemaProvider for FileSchema {
    fn table_names(&self) -> Vec<String> {
        self.tables.keys().cloned().collect()
    }

    async fn table(&self, name: &str) -> DataFusionResult<Option<Arc<dyn TableProvider>>> {
        Ok(self.tables.get(name).map(Arc::clone))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.contains_key(name)
    }
}
