//! Files that are not the database's: read in place, loaded by COPY ... FROM, written by COPY ... TO.
//!
//! Parquet, JSON lines and Arrow files are DataFusion's business. CSV is read here (`csv`): in parallel also when values hold line breaks, with empty
//! strings told from NULL, and with the line of a wrong value.

mod csv;
mod formats;
mod listing;
mod options;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::common::Result as DataFusionResult;
use datafusion::execution::session_state::SessionState;

pub(crate) use csv::{Columns, Csv};
pub(crate) use formats::{Compression, FileFormat};
pub(crate) use listing::{Files, locate};
pub(crate) use options::Options;

use crate::error::Result;

/// The one schema of the catalog of files.
pub(crate) const SCHEMA: &str = "files";

/// Files as a table. The format is that of the paths' names unless it is told.
pub(crate) async fn table(
    state: &SessionState,
    store_options: &[(String, String)],
    paths: &[String],
    format: Option<FileFormat>,
    options: &Options,
) -> Result<Arc<dyn TableProvider>> {
    let files = Files::find(state, store_options, paths).await?;
    let format = match format.or(options.format) {
        Some(format) => format,
        None => files.format()?,
    };
    match format {
        FileFormat::Csv => Csv::open(files, options, Columns::Inferred).await.map(|csv| csv.table(state)),
        format => files.table(state, format, options, None).await,
    }
}

/// Reads JSON files with a schema that the caller knows.
pub(crate) async fn table_with_schema(
    state: &SessionState,
    files: Files,
    format: FileFormat,
    options: &Options,
    schema: Option<SchemaRef>,
) -> Result<Arc<dyn TableProvider>> {
    files.table(state, format, options, schema).await
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
