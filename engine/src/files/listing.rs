//! Finds files by path or glob, locally or in a store, and reads those that DataFusion knows.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use clouddb_storage::store::Store;
use datafusion::catalog::TableProvider;
use datafusion::datasource::file_format::FileFormat as DataFusionFormat;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::execution::session_state::SessionState;
use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore};
use url::Url;

use super::{FileFormat, Options};
use crate::error::{Error, ErrorKind, Result, from_datafusion};
use crate::statements::types;

/// One file that was found.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// As a person would name it, for messages.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) store: Arc<dyn ObjectStore>,
    /// What the store said of it.
    pub(crate) meta: ObjectMeta,
}

/// Files that a path or glob means; at least one.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    urls: Vec<ListingTableUrl>,
    pub(crate) files: Vec<File>,
    /// The paths as they were written.
    pub(crate) paths: Vec<String>,
}

impl Files {
    /// Finds the files; makes their stores known to DataFusion.
    ///
    /// # Errors
    /// *Not found* when a path means no file.
    pub(crate) async fn find(state: &SessionState, store_options: &[(String, String)], paths: &[String]) -> Result<Self> {
        let mut found = Self { urls: Vec::new(), files: Vec::new(), paths: paths.to_vec() };
        for path in paths {
            let url = locate(state, store_options, path).await?;
            let store = state.runtime_env().object_store(&url).map_err(from_datafusion)?;
            let listed = async { url.list_all_files(state, store.as_ref(), "").await?.try_collect::<Vec<_>>().await };
            let mut metas = listed.await.map_err(|error| not_found(path, from_datafusion(error)))?;
            // A folder's own marker, and what other tools leave beside their output.
            metas.retain(|meta| meta.size > 0 || !url.is_collection());
            metas.retain(|meta| !url.is_collection() || !meta.location.filename().is_some_and(|name| name.starts_with(['.', '_'])));
            metas.sort_by(|a, b| a.location.cmp(&b.location));
            if metas.is_empty() {
                return Err(Error::not_found(format!("no file matches '{path}'")));
            }
            found.files.extend(metas.into_iter().map(|meta| File { name: file_name(&url, path, &meta), store: Arc::clone(&store), meta }));
            found.urls.push(url);
        }
        Ok(found)
    }

    /// The format that the files' names tell.
    ///
    /// # Errors
    /// *Invalid* when they tell none, or several.
    pub(crate) fn format(&self) -> Result<FileFormat> {
        let hint = "COPY ... (FORMAT csv) or read_csv('...') names the format";
        let mut formats = self.files.iter().map(|file| FileFormat::from_path(&file.name).ok_or(file));
        let Some(first) = formats.next() else { return Err(Error::internal("no files")) };
        let first =
            first.map_err(|file| Error::invalid(format!("the name of '{}' does not tell its format", file.name)).with_hint(hint))?;
        match formats.all(|format| format.is_ok_and(|format| format == first)) {
            true => Ok(first),
            false => Err(Error::invalid(format!("the files of '{}' have several formats", self.paths.join(", "))).with_hint(hint)),
        }
    }

    /// The files as a table of DataFusion's; with a schema that is inferred from them unless it is given.
    pub(crate) async fn table(
        &self,
        state: &SessionState,
        format: FileFormat,
        options: &Options,
        schema: Option<SchemaRef>,
    ) -> Result<Arc<dyn TableProvider>> {
        let reader: Arc<dyn DataFusionFormat> = match format {
            FileFormat::Parquet => Arc::new(ParquetFormat::default()),
            FileFormat::Arrow => Arc::new(ArrowFormat),
            FileFormat::Json => {
                let first = self.files.first().map(|file| file.name.as_str()).unwrap_or_default();
                Arc::new(JsonFormat::default().with_file_compression_type(options.text_compression(first)?.datafusion()))
            }
            FileFormat::Csv => return Err(Error::internal("CSV is not read by DataFusion")),
        };
        let listing = ListingOptions::new(reader).with_file_extension("");
        let schema = match schema {
            Some(schema) => schema,
            None if format == FileFormat::Parquet => self.infer_parquet(state, &listing).await?,
            None => self.infer(state, &listing).await?,
        };
        let config = ListingTableConfig::new_with_multi_paths(self.urls.clone()).with_listing_options(listing).with_schema(schema);
        Ok(Arc::new(ListingTable::try_new(config).map_err(from_datafusion)?))
    }

    /// The schema of all files together, with what Parquet knows of types beyond Arrow's own (UUID), and without other metadata of columns.
    async fn infer_parquet(&self, state: &SessionState, listing: &ListingOptions) -> Result<SchemaRef> {
        let schema = self.infer(state, listing).await?;
        let (Some(first), true) =
            (self.files.first(), schema.fields().iter().any(|field| matches!(field.data_type(), DataType::FixedSizeBinary(16))))
        else {
            return Ok(schema);
        };
        // Metadata of several files may contradict each other, so it is read of the first alone.
        let with_metadata = ParquetFormat::default().with_skip_metadata(false);
        let described =
            with_metadata.infer_schema(state, &first.store, std::slice::from_ref(&first.meta)).await.map_err(from_datafusion)?;
        let fields = schema.fields().iter().map(|field| match described.field_with_name(field.name()) {
            Ok(found) if types::is_uuid(found) => Arc::new(types::uuid_field(field.name()).with_nullable(field.is_nullable())),
            _ => Arc::clone(field),
        });
        Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
    }

    /// The schema of all files together. A file that cannot be read is named.
    async fn infer(&self, state: &SessionState, listing: &ListingOptions) -> Result<SchemaRef> {
        let Some(first) = self.files.first() else { return Err(Error::internal("no files")) };
        let metas: Vec<ObjectMeta> = self.files.iter().map(|file| file.meta.clone()).collect();
        match listing.format.infer_schema(state, &first.store, &metas).await {
            Ok(schema) => Ok(schema),
            Err(error) => {
                // Which one was it? Only asked when something is wrong.
                for file in &self.files {
                    if let Err(error) = listing.format.infer_schema(state, &file.store, std::slice::from_ref(&file.meta)).await {
                        return Err(from_datafusion(error).context(format!("file '{}'", file.name)));
                    }
                }
                Err(from_datafusion(error).context(format!("files '{}'", self.paths.join(", "))))
            }
        }
    }
}

fn not_found(path: &str, error: Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::not_found(format!("there is no file '{path}'")),
        _ => error.context(format!("looking for '{path}'")),
    }
}

/// A file's name for messages: the path as it was written, or what the glob stood for.
fn file_name(url: &ListingTableUrl, path: &str, meta: &ObjectMeta) -> String {
    match url.is_collection() {
        false => path.to_owned(),
        true if url.scheme() == "file" => format!("/{}", meta.location),
        true => format!("{}{}", url.object_store(), meta.location),
    }
}

/// The URL of a path. A store that DataFusion does not know yet is connected to and made known.
pub(crate) async fn locate(state: &SessionState, store_options: &[(String, String)], path: &str) -> Result<ListingTableUrl> {
    if path.is_empty() {
        return Err(Error::invalid("a path is empty"));
    }
    let invalid = |error| from_datafusion(error).context(format!("'{path}' is no path"));
    let scheme = path.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        None | Some("file") => return ListingTableUrl::parse(path).map_err(invalid),
        Some("http" | "https") => {
            return Err(
                Error::unsupported("files behind http:// are not supported").with_hint("download the file first, or put it into a bucket")
            );
        }
        Some(_) => {}
    }
    let url = ListingTableUrl::parse(path).map_err(invalid)?;
    let base = url.object_store();
    let base_url: &Url = base.as_ref();
    if state.runtime_env().object_store(&base).is_err() {
        let store = Store::connect(base_url.as_str(), store_options).await?;
        let (object_store, _) = store.object_store();
        state.runtime_env().register_object_store(base_url, Arc::clone(object_store));
    }
    Ok(url)
}
