//! Functions that read files: their names, and what each of them does.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;

use super::csv::{Csv, sniffed};
use super::options::JsonLayout;
use super::table::TextTable;
use super::whole::WholeFiles;
use super::{Columns, FileFormat, Files, Given, Options, Use, json};
use crate::error::{Error, Result, from_datafusion};
use crate::statements::context::Context;

/// What a function makes of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    /// A path alone: what its name tells.
    Path,
    Read(FileFormat),
    /// JSON, a value a line.
    ReadLines,
    /// JSON's values as text.
    JsonObjects,
    Text,
    Blob,
    Glob,
    Sniff,
}

/// All functions; a new one is a line here.
const FUNCTIONS: [(&str, Function); 17] = [
    ("read_csv", Function::Read(FileFormat::Csv)),
    ("read_csv_auto", Function::Read(FileFormat::Csv)),
    ("read_parquet", Function::Read(FileFormat::Parquet)),
    ("parquet_scan", Function::Read(FileFormat::Parquet)),
    ("read_json", Function::Read(FileFormat::Json)),
    ("read_json_auto", Function::Read(FileFormat::Json)),
    ("read_ndjson", Function::ReadLines),
    ("read_ndjson_auto", Function::ReadLines),
    ("read_json_objects", Function::JsonObjects),
    ("read_json_objects_auto", Function::JsonObjects),
    ("read_ndjson_objects", Function::JsonObjects),
    ("read_arrow", Function::Read(FileFormat::Arrow)),
    ("arrow_scan", Function::Read(FileFormat::Arrow)),
    ("read_text", Function::Text),
    ("read_blob", Function::Blob),
    ("glob", Function::Glob),
    ("sniff_csv", Function::Sniff),
];

impl Function {
    /// By name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        FUNCTIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, function)| *function)
    }

    /// What its options mean something for.
    fn uses(self) -> Use {
        match self {
            Self::Path => Use::READ,
            Self::Read(format) => Use::reading(format),
            Self::ReadLines | Self::JsonObjects => Use::READ_JSON,
            Self::Text | Self::Blob | Self::Glob => Use::READ_WHOLE,
            Self::Sniff => Use::READ_CSV,
        }
    }
}

/// Files that a statement reads: by which function, and with which options.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FileQuery {
    /// The function as it was written; nothing for a path alone.
    whose: String,
    function: Function,
    paths: Vec<String>,
    options: Options,
}

impl FileQuery {
    /// A path alone.
    pub(crate) fn path(path: String) -> Self {
        Self { whose: "a path".to_owned(), function: Function::Path, paths: vec![path], options: Options::default() }
    }

    /// A function's call.
    ///
    /// # Errors
    /// *Invalid* for an option that it does not have.
    pub(crate) fn call(name: &str, function: Function, paths: Vec<String>, arguments: Vec<(String, Given)>) -> Result<Self> {
        let mut options = Options::default();
        let uses = function.uses();
        for (option, given) in arguments {
            options.set(name, uses, &option, given)?;
        }
        match function {
            Function::Read(format) => match options.format {
                Some(told) if told != format => return Err(Error::invalid(format!("{name} reads files of its own format"))),
                _ => options.format = Some(format),
            },
            Function::ReadLines => {
                options.json.layout = options.json.layout.or(Some(JsonLayout::Lines));
                options.format = Some(FileFormat::Json);
            }
            _ => {}
        }
        if function != Function::Path {
            options.check(name, uses)?;
        }
        Ok(Self { whose: name.to_owned(), function, paths, options })
    }

    /// With a column `filename` that `*` leaves out, where the function makes rows of files' records.
    pub(crate) fn with_hidden_filename(mut self) -> Self {
        self.options.read.hidden_filename =
            matches!(self.function, Function::Path | Function::Read(_) | Function::ReadLines | Function::JsonObjects);
        self
    }

    /// A name for messages and plans: the paths.
    pub(crate) fn name(&self) -> String {
        self.paths.join(", ")
    }

    /// Its rows, as a table.
    pub(crate) async fn table(&self, context: &Context) -> Result<Arc<dyn TableProvider>> {
        let find = async || Files::find(&context.state, context.database.store_options(), &self.paths, &self.options.read).await;
        match self.function {
            Function::Path | Function::Read(_) | Function::ReadLines => {
                super::table(context, &self.whose, &self.paths, &self.options, Columns::Inferred).await
            }
            Function::JsonObjects => {
                let input = json::objects(find().await?, &self.options, super::refusals(context, &self.options))?;
                Ok(Arc::new(TextTable::new(input, context.state.config().target_partitions())))
            }
            Function::Text => Ok(Arc::new(WholeFiles::new(find().await?, true))),
            Function::Blob => Ok(Arc::new(WholeFiles::new(find().await?, false))),
            Function::Glob => self.names(context).await,
            Function::Sniff => {
                let columns = super::told_columns(&self.options, Columns::Inferred);
                let csv = Csv::open(find().await?, &self.options, columns, None).await?;
                sniffed(&csv, &self.name())
            }
        }
    }

    /// The names of files. A pattern that means none has no rows.
    async fn names(&self, context: &Context) -> Result<Arc<dyn TableProvider>> {
        let mut names = Vec::new();
        for path in &self.paths {
            names.extend(Files::names(&context.state, context.database.store_options(), path).await?);
        }
        let schema = Arc::new(Schema::new(vec![Field::new("file", DataType::Utf8View, false)]));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(StringViewArray::from_iter_values(names))])?;
        Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]]).map_err(from_datafusion)?))
    }
}
