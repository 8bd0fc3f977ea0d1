//! Files that are not the database's: read in place, loaded by COPY ... FROM, written by COPY ... TO.
//!
//! Which files a path means is decided in `place` and `listing`, what their folders tell in `folders`. Parquet and Arrow files are read by DataFusion
//! (`scan`), text is read here, in parallel (`split`, `table`): CSV with empty strings told from NULL, JSON with no key left out; both tell
//! the line of a wrong value. `functions` are the functions that read files, `options` what they and COPY can be told. `sink` writes.

mod absent;
mod csv;
mod encoding;
mod existing;
mod folders;
mod formats;
mod functions;
mod http;
mod json;
mod listing;
mod moments;
mod options;
mod place;
mod rejects;
mod scan;
mod sink;
mod source;
mod split;
pub(crate) mod streams;
mod table;
mod typed;
mod whole;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::common::Result as DataFusionResult;

pub(crate) use folders::NULL as NULL_FOLDER;
pub(crate) use formats::{Compression, FileFormat};
pub(crate) use functions::{FileQuery, Function};
pub(crate) use listing::Files;
pub(crate) use options::{ForceQuote, Given, Options, Use};
pub(crate) use place::Place;
pub(crate) use rejects::{RefusedLines, Rejects};
pub(crate) use sink::{can_hold, write};
pub(crate) use table::text_extent;

use self::csv::Csv;
use self::json::Json;
use self::rejects::Refusals;
use self::scan::ScannedTable;
use self::table::TextTable;
use crate::error::Result;
use crate::statements::context::Context;

/// The one schema of the catalog of files.
pub(crate) const SCHEMA: &str = "files";

/// What the columns of text files are.
pub(crate) enum Columns {
    /// Names and types are inferred from the files.
    Inferred,
    /// Those of a table: by name, or by position where the files tell no names that it knows.
    Given(SchemaRef),
    /// These, whatever the files tell.
    InOrder(SchemaRef),
}

impl Columns {
    /// The columns that are expected, where they are known.
    fn expected(&self) -> Option<&Schema> {
        match self {
            Self::Inferred => None,
            Self::Given(schema) | Self::InOrder(schema) => Some(schema),
        }
    }
}

/// Files as a table. The format is that of the paths' names unless it is told. `whose` reads them, for messages.
pub(crate) async fn table(
    context: &Context,
    whose: &str,
    paths: &[String],
    options: &Options,
    columns: Columns,
) -> Result<Arc<dyn TableProvider>> {
    let state = &context.state;
    let files = Files::find(state, context.database.store_options(), paths, &options.read).await?;
    let format = match options.format {
        Some(format) => format,
        None => files.format()?,
    };
    options.check(whose, Use::reading(format))?;
    let columns = told_columns(options, columns);
    Ok(match format {
        FileFormat::Csv => Csv::open(files, options, columns, refusals(context, options)).await?.table(state),
        FileFormat::Json => Json::open(files, options, columns, refusals(context, options)).await?.table(state),
        FileFormat::Parquet | FileFormat::Arrow => Arc::new(ScannedTable::open(state, files, format).await?),
    })
}

/// Whether `*` leaves out the last column of a table: the name of the file that a row is from.
pub(crate) fn hides_last_column(table: &dyn TableProvider) -> bool {
    table.downcast_ref::<TextTable>().is_some_and(TextTable::hides_last)
        || table.downcast_ref::<ScannedTable>().is_some_and(|table| table.hides_last)
}

/// The columns, if options tell them.
fn told_columns(options: &Options, columns: Columns) -> Columns {
    match (&options.read.columns, columns) {
        (Some(told), Columns::Inferred) => Columns::InOrder(Arc::new(Schema::new(told.clone()))),
        (_, columns) => columns,
    }
}

/// Where refused lines go, if they are not errors.
fn refusals(context: &Context, options: &Options) -> Option<Refusals> {
    let refusals = || Refusals::new(context.database.caches().rejects.clone(), Arc::clone(&context.running));
    options.read.ignore_errors.then(refusals)
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
