//! Finds the files that paths and patterns mean.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use clouddb_storage::store::request_failed;
use datafusion::common::ScalarValue;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::session_state::SessionState;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::options::ReadOptions;
use super::place::Place;
use super::{FileFormat, absent, folders, streams};
use crate::error::{Error, ErrorKind, Result, from_datafusion};

/// One file that was found.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// As a person would name it, for messages.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(super) store_url: ObjectStoreUrl,
    /// What the store said of it.
    pub(crate) meta: ObjectMeta,
    /// Bytes that were read of it and the files beside it, as they are stored: those of `Files::read`.
    pub(super) read: Arc<AtomicU64>,
    /// What its folders tell: the values of `Files::folders`.
    pub(super) values: Vec<ScalarValue>,
}

/// The column of the files' names that there is without being told.
const FILENAME: &str = "filename";

/// Files that paths mean; at least one.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    pub(crate) files: Vec<File>,
    /// The columns that folders tell, and those of the files' names.
    pub(super) folders: Vec<Field>,
    /// Whether the last of them is one that `*` leaves out.
    pub(super) hides_last: bool,
    /// How many bytes were read of all, as they are stored, behind looking at their beginnings.
    pub(super) read: Arc<AtomicU64>,
    /// The paths as they were written.
    pub(crate) paths: Vec<String>,
}

impl Files {
    /// Finds the files; makes their stores known to DataFusion.
    ///
    /// A pattern means what it matches, a folder all files in it and below.
    ///
    /// # Errors
    /// *Not found* when a path means no file.
    pub(crate) async fn find(
        state: &SessionState,
        store_options: &[(String, String)],
        paths: &[String],
        options: &ReadOptions,
    ) -> Result<Self> {
        let mut files = Vec::new();
        let read = Arc::<AtomicU64>::default();
        let mut told = Vec::new();
        for path in paths {
            let place = streams::place_to_read(state, store_options, path).await?;
            let mut metas = list(&place).await?;
            metas.sort_by(|a, b| a.location.cmp(&b.location));
            if metas.is_empty() {
                let message = match place.pattern.is_some() || place.is_folder {
                    true => format!("no file matches '{path}'"),
                    false => format!("there is no file '{path}'"),
                };
                return Err(missing(&place, message).await);
            }
            for meta in metas {
                let relative = behind(&place.path, &meta.location).to_owned();
                let mut parts: Vec<&str> = relative.split('/').collect();
                parts.pop();
                told.push(match options.hive_partitioning {
                    Some(false) => vec![],
                    _ => folders::told(parts.into_iter()),
                });
                files.push(File {
                    name: place.name_of(&meta.location),
                    store: Arc::clone(&place.store),
                    store_url: place.store_url.clone(),
                    meta,
                    read: Arc::clone(&read),
                    values: vec![],
                });
            }
        }
        let named: Vec<_> = files.iter().map(|file| file.name.as_str()).zip(told).collect();
        let (mut folders, values) = folders::columns(&named, options)?;
        files.iter_mut().zip(values).for_each(|(file, values)| file.values = values);
        let mut add_names = |folders: &mut Vec<Field>, column: &str| {
            folders.push(Field::new(column, DataType::Utf8View, true));
            files.iter_mut().for_each(|file| file.values.push(ScalarValue::Utf8View(Some(file.name.clone()))));
        };
        if let Some(column) = &options.filename {
            add_names(&mut folders, column);
        }
        let hides_last = options.hidden_filename && !folders.iter().any(is_filename);
        if hides_last {
            add_names(&mut folders, FILENAME);
        }
        Ok(Self { files, folders, hides_last, read, paths: paths.to_vec() })
    }

    /// The names of the files that a path means, in order; none is no error.
    pub(crate) async fn names(state: &SessionState, store_options: &[(String, String)], path: &str) -> Result<Vec<String>> {
        let place = streams::place_to_read(state, store_options, path).await?;
        match list(&place).await {
            Ok(mut metas) => {
                metas.sort_by(|a, b| a.location.cmp(&b.location));
                Ok(metas.iter().map(|meta| place.name_of(&meta.location)).collect())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(vec![]),
            Err(error) => Err(error),
        }
    }

    /// The format that the files' names tell.
    ///
    /// # Errors
    /// *Invalid* when they tell none, or several.
    pub(crate) fn format(&self) -> Result<FileFormat> {
        let hint = "COPY ... (FORMAT csv) or read_csv('...') names the format, a pattern such as 'folder/*.csv' chooses files";
        let mut formats = self.files.iter().map(|file| FileFormat::from_path(file.meta.location.as_ref()).ok_or(file));
        let Some(first) = formats.next() else { return Err(Error::internal("no files")) };
        let first =
            first.map_err(|file| Error::invalid(format!("the name of '{}' does not tell its format", file.name)).with_hint(hint))?;
        match formats.all(|format| format.is_ok_and(|format| format == first)) {
            true => Ok(first),
            false => Err(Error::invalid(format!("the files of '{}' have several formats", self.paths.join(", "))).with_hint(hint)),
        }
    }

    /// The columns of files, and then those that their folders tell. A column that the files have themselves is not told by folders.
    pub(super) fn with_folders(&self, schema: &SchemaRef) -> SchemaRef {
        if self.folders.is_empty() {
            return Arc::clone(schema);
        }
        let fields = schema.fields().iter().map(|field| field.as_ref().clone()).chain(self.folders.iter().cloned());
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// Forgets columns told by folders that the files have themselves.
    pub(super) fn without_columns_of(mut self, schema: &Schema) -> Self {
        let mut is_told: Vec<bool> = self.folders.iter().map(|folder| schema.field_with_name(folder.name()).is_err()).collect();
        if self.hides_last
            && let Some(last) = is_told.last_mut()
        {
            *last = !schema.fields().iter().any(|field| is_filename(field));
            self.hides_last = *last;
        }
        let mut kept = is_told.iter();
        self.folders.retain(|_| kept.next().copied().unwrap_or(true));
        for file in &mut self.files {
            let mut kept = is_told.iter();
            file.values.retain(|_| kept.next().copied().unwrap_or(true));
        }
        self
    }
}

/// Whether a column goes by the name of the hidden one, in whatever case.
fn is_filename(field: &Field) -> bool {
    field.name().eq_ignore_ascii_case(FILENAME)
}

/// The objects that a place means.
async fn list(place: &Place) -> Result<Vec<ObjectMeta>> {
    match listed(place).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(missing(place, error.message().to_owned()).await),
        other => other,
    }
}

/// The error for a path that means no file.
async fn missing(place: &Place, message: String) -> Error {
    let error = Error::not_found(message);
    let hint = if place.is_http { None } else { absent::hint(place).await };
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

async fn listed(place: &Place) -> Result<Vec<ObjectMeta>> {
    let failed = |error: object_store::Error| {
        let error = match place.is_local() || place.is_http {
            true => from_datafusion(error.into()).context(format!("looking for '{}'", place.written)),
            false => request_failed(error, "looking for", &format!("'{}'", place.written), &place.store.to_string()),
        };
        match error.kind() {
            ErrorKind::NotFound => Error::not_found(format!("there is no file '{}'", place.written)),
            _ => error,
        }
    };
    if place.pattern.is_none() && !place.is_folder {
        match place.store.head(&place.path).await {
            Ok(meta) => return Ok(vec![meta]),
            // In a bucket, a folder may be named without its slash.
            Err(object_store::Error::NotFound { .. }) if !place.is_http => {}
            Err(error) => return Err(failed(error)),
        }
    }
    let mut found: Vec<ObjectMeta> = match place.is_deep() {
        true => place.store.list(Some(&place.path)).try_collect().await.map_err(failed)?,
        false => place.store.list_with_delimiter(Some(&place.path)).await.map_err(failed)?.objects,
    };
    found.retain(|meta| {
        let relative = behind(&place.path, &meta.location);
        // What other tools leave beside their output: `_SUCCESS`, `.crc`, `_temporary/`. A pattern tells itself what it means.
        let is_hidden = place.pattern.is_none() && relative.split('/').any(|part| part.starts_with(['.', '_']) && !part.contains('='));
        // An empty object is a folder's marker, or text without a line.
        let is_empty = meta.size == 0 && !matches!(FileFormat::from_path(relative), Some(FileFormat::Parquet | FileFormat::Arrow));
        !is_hidden && !is_empty && place.matches(relative)
    });
    Ok(found)
}

/// A location without the path before it.
fn behind<'a>(path: &Path, location: &'a Path) -> &'a str {
    location.as_ref().strip_prefix(path.as_ref()).map_or(location.as_ref(), |rest| rest.trim_start_matches('/'))
}
