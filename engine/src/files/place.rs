//! Where files are: a path or a pattern, on a local disk or in a store, as people write it.

use std::fs::File;
use std::path::{Component, Path as LocalPath, PathBuf};
use std::sync::Arc;

use clouddb_storage::store::Store;
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::session_state::SessionState;
use glob::{MatchOptions, Pattern};
use object_store::ObjectStore;
use object_store::path::Path;
use url::Url;

use super::http;
use crate::error::{Error, Result, from_datafusion};

/// A `*` is one level of folders; `**` is any number of them. Hidden files are none.
const MATCHING: MatchOptions = MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Where files are, or are to be.
#[derive(Debug)]
pub(crate) struct Place {
    /// The path as it was written.
    pub(super) written: String,
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) store_url: ObjectStoreUrl,
    /// The path, or what stands before a pattern.
    pub(super) path: Path,
    /// What stands behind `path`.
    pub(super) pattern: Option<Pattern>,
    /// It ends with a slash, or is a folder.
    pub(super) is_folder: bool,
    /// A URL of one file, in a place that lists nothing.
    pub(super) is_http: bool,
    /// On a local disk: the path, absolute; and what names of files below it begin with, as it was written.
    pub(super) local: Option<(PathBuf, String)>,
}

impl Place {
    /// Finds out where a path is. A store that is not known yet is connected to and made known to DataFusion.
    pub(crate) async fn of(state: &SessionState, store_options: &[(String, String)], written: &str) -> Result<Self> {
        if written.is_empty() {
            return Err(Error::invalid("a path is empty"));
        }
        match written.split_once("://") {
            None => Self::local(state, written, written),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") => Self::local(state, written, rest),
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") => {
                let (store, store_url, path) = http::file(written)?;
                state.runtime_env().register_object_store(store_url.as_ref(), Arc::clone(&store));
                Ok(Self {
                    written: written.to_owned(),
                    store,
                    store_url,
                    path,
                    pattern: None,
                    is_folder: false,
                    is_http: true,
                    local: None,
                })
            }
            Some((scheme, rest)) => {
                let (authority, key) = rest.split_once('/').unwrap_or((rest, ""));
                let base = Url::parse(&format!("{scheme}://{authority}"))
                    .map_err(|error| Error::invalid(format!("'{written}' is no path: {error}")))?;
                let store_url = ObjectStoreUrl::parse(&base[..url::Position::BeforePath]).map_err(from_datafusion)?;
                if state.runtime_env().object_store(&store_url).is_err() {
                    let store = Store::connect(base.as_str(), store_options).await?;
                    let (object_store, _) = store.object_store();
                    state.runtime_env().register_object_store(store_url.as_ref(), Arc::clone(object_store));
                }
                Self::in_store(state, written, store_url, key)
            }
        }
    }

    /// Whether it is on a local disk.
    pub(super) fn is_local(&self) -> bool {
        self.store_url == ObjectStoreUrl::local_filesystem()
    }

    /// Refuses a folder that was not written as one.
    ///
    /// # Errors
    /// *Invalid* for a folder without the slash at its end.
    pub(crate) fn check_file(&self) -> Result<()> {
        match self.is_folder && !self.written.ends_with('/') {
            false => Ok(()),
            true => Err(Error::invalid(format!("'{}' is a folder", self.written)).with_hint(
                "COPY ... TO writes one file: name it; PER_THREAD_OUTPUT, PARTITION_BY or a slash at the end write several into a folder",
            )),
        }
    }

    /// A file in the folder: its store, and its path there.
    pub(crate) fn inside(&self, name: &str) -> (Arc<dyn ObjectStore>, Path) {
        (Arc::clone(&self.store), self.path.clone().join(name))
    }

    /// The names of the files in the folder, and of folders in it.
    pub(crate) async fn names(&self) -> Result<Vec<String>> {
        let found = match self.store.list_with_delimiter(Some(&self.path)).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(vec![]),
            found => found.map_err(|error| from_datafusion(error.into()).context(format!("looking into '{}'", self.written)))?,
        };
        let files = found.objects.iter().filter_map(|object| object.location.filename());
        Ok(files.chain(found.common_prefixes.iter().filter_map(|prefix| prefix.filename())).map(str::to_owned).collect())
    }

    /// The place under the name by which it was asked for.
    pub(crate) fn written_as(self, written: &str) -> Self {
        Self { written: written.to_owned(), ..self }
    }

    /// The place as a folder, however it was written.
    pub(crate) fn into_folder(self) -> Self {
        Self { is_folder: true, ..self }
    }

    fn in_store(state: &SessionState, written: &str, store_url: ObjectStoreUrl, key: &str) -> Result<Self> {
        let store = state.runtime_env().object_store(&store_url).map_err(from_datafusion)?;
        let (path, pattern) = split(key);
        Ok(Self {
            written: written.to_owned(),
            store,
            store_url,
            path: Path::parse(path).map_err(|error| Error::invalid(format!("'{written}' is no path: {error}")))?,
            pattern: pattern.map(|pattern| compiled(written, pattern)).transpose()?,
            is_folder: key.is_empty() || key.ends_with('/'),
            is_http: false,
            local: None,
        })
    }

    fn local(state: &SessionState, written: &str, path: &str) -> Result<Self> {
        let no_path = |error: &dyn std::fmt::Display| Error::invalid(format!("'{written}' is no path: {error}"));
        let home = path.strip_prefix("~/").and_then(|rest| Some(std::env::home_dir()?.join(rest).to_string_lossy().into_owned()));
        let path = home.as_deref().unwrap_or(path);
        // A file may have signs in its name that mean something in a pattern.
        let (path, pattern) = if LocalPath::new(path).exists() { (path, None) } else { split(path) };
        let from_here = if path.is_empty() { "." } else { path };
        let absolute = without_dots(&std::path::absolute(from_here).map_err(|error| no_path(&error))?);
        let begin = if path.is_empty() || path.ends_with('/') { path.to_owned() } else { format!("{path}/") };
        let store_url = ObjectStoreUrl::local_filesystem();
        Ok(Self {
            written: written.to_owned(),
            store: state.runtime_env().object_store(&store_url).map_err(from_datafusion)?,
            store_url,
            path: Path::from_absolute_path(&absolute).map_err(|error| no_path(&error))?,
            pattern: pattern.map(|pattern| compiled(written, pattern)).transpose()?,
            is_folder: path.ends_with('/') || absolute.is_dir(),
            is_http: false,
            local: Some((absolute, begin)),
        })
    }

    /// Whether the pattern, if there is one, means a file; `relative` is its path behind `path`.
    pub(super) fn matches(&self, relative: &str) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| pattern.matches_with(relative, MATCHING))
    }

    /// Whether files at any depth may be meant.
    pub(super) fn is_deep(&self) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| pattern.as_str().contains('/') || pattern.as_str().contains("**"))
    }

    /// An object's name, which begins as the path was written.
    pub(super) fn name_of(&self, location: &Path) -> String {
        match (&self.local, location.as_ref().strip_prefix(self.path.as_ref())) {
            _ if self.pattern.is_none() && *location == self.path => self.written.clone(),
            (Some((_, begin)), Some(rest)) => format!("{begin}{}", rest.trim_start_matches('/')),
            (Some(_), None) => format!("/{location}"),
            (None, _) => format!("{}{location}", self.store_url.as_str()),
        }
    }

    /// Refuses a file whose folder is not there, or lets none be made: the writers below would make the folder, or try for ever.
    ///
    /// # Errors
    /// *Not found* without the folder, *invalid* where it takes no files.
    pub(crate) fn check_folder(&self) -> Result<()> {
        let Some((path, _)) = self.local.as_ref().filter(|_| !self.is_folder) else { return Ok(()) };
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
        if !folder.is_dir() {
            return Err(Error::not_found(format!("there is no folder '{}' for '{}'", folder.display(), self.written))
                .with_hint("COPY ... TO a file makes no folders: make it first"));
        }
        let probe = folder.join(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
        let made = File::options().write(true).create_new(true).open(&probe).and_then(|_| std::fs::remove_file(&probe));
        match made {
            // Somebody else tries the same at this moment.
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(Error::invalid(format!(
                "'{}' cannot be written: no file can be made in '{}' ({})",
                self.written,
                folder.display(),
                error.kind()
            ))),
            _ => Ok(()),
        }
    }

    /// Makes a folder that is to be written into. Stores in buckets have none.
    pub(crate) fn make_folder(&self) -> Result<()> {
        let Some((path, _)) = &self.local else { return Ok(()) };
        std::fs::create_dir_all(path)
            .map_err(|error| Error::invalid(format!("cannot make the folder '{}': {}", self.written, error.kind())))
    }

    /// The place as DataFusion's writers know it.
    pub(super) fn listing_url(&self) -> Result<ListingTableUrl> {
        let mut url: Url = Url::parse(self.store_url.as_str()).map_err(|error| Error::internal(error.to_string()))?;
        let slash = if self.is_folder { "/" } else { "" };
        url.set_path(&format!("/{}{slash}", self.path.as_ref().replace('%', "%25").replace('?', "%3F").replace('#', "%23")));
        ListingTableUrl::try_new(url, None).map_err(from_datafusion)
    }
}

/// A path in its part before the first pattern, and the rest if there is one.
fn split(path: &str) -> (&str, Option<&str>) {
    let Some(sign) = path.find(['*', '?', '[']) else { return (path, None) };
    let start = path[..sign].rfind('/').map_or(0, |slash| slash + 1);
    (&path[..start], Some(&path[start..]))
}

fn compiled(written: &str, pattern: &str) -> Result<Pattern> {
    Pattern::new(pattern).map_err(|error| Error::invalid(format!("'{written}' is no pattern: {error}")))
}

/// A path without `.` and `..`, which stores do not know.
fn without_dots(path: &LocalPath) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_told_from_paths() {
        for (path, expected) in [
            ("a/b.csv", ("a/b.csv", None)),
            ("a/*.csv", ("a/", Some("*.csv"))),
            ("a/x*/b/c.csv", ("a/", Some("x*/b/c.csv"))),
            ("/data/**", ("/data/", Some("**"))),
            ("*.csv", ("", Some("*.csv"))),
            ("a/b[12].csv", ("a/", Some("b[12].csv"))),
        ] {
            assert_eq!(split(path), expected, "{path}");
        }
    }
}
