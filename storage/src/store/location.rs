//! From what a user types to the place that is meant: a folder, memory, or a bucket and a prefix. Makes no requests and opens nothing.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A place, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    /// This process's memory; a name is shared by all who use it, no name is private.
    Memory(Option<String>),
    /// A folder, absolute.
    Local(PathBuf),
    /// A bucket in a store behind a network.
    Bucket(Bucket),
}

/// Which protocol a bucket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// S3 and what speaks S3.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

/// A bucket (container), the prefix in it, and the options that the URL's query gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bucket {
    pub(super) service: Service,
    /// The URL as given, without its query.
    pub(super) url: String,
    pub(super) bucket: String,
    pub(super) prefix: String,
    pub(super) options: Vec<(String, String)>,
}

const SCHEMES: &str = "a folder, file://, memory://, s3://, gs:// or az://";

/// Parses what a user typed.
pub(super) fn parse(given: &str) -> Result<Location> {
    if given.is_empty() {
        return Err(Error::invalid("the database's location is empty").with_hint(format!("give {SCHEMES}")));
    }
    let Some((scheme, rest)) = given.split_once("://") else {
        if let Some((scheme, _)) = given.split_once(":/")
            && known(scheme)
        {
            return Err(Error::invalid(format!("'{given}' is no URL")).with_hint(format!("write {scheme}://…")));
        }
        return folder(given);
    };
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    let scheme = scheme.to_ascii_lowercase();
    let service = match scheme.as_str() {
        "s3" | "s3a" => Service::S3,
        "gs" | "gcs" => Service::Gcs,
        "az" | "azure" | "abfs" | "abfss" => Service::Azure,
        "memory" | "file" if query.is_some() => {
            return Err(Error::invalid(format!("'{given}': {scheme}:// takes no options")).with_hint("leave out everything from '?' on"));
        }
        "memory" => return Ok(Location::Memory(Some(rest.trim_matches('/')).filter(|name| !name.is_empty()).map(str::to_string))),
        "file" => return file(given),
        _ => return Err(Error::invalid(format!("'{given}': unknown kind of store '{scheme}'")).with_hint(format!("give {SCHEMES}"))),
    };
    bucket(service, &scheme, given, rest, query.unwrap_or(""))
}

fn known(scheme: &str) -> bool {
    ["s3", "s3a", "gs", "gcs", "az", "azure", "abfs", "abfss", "memory", "file"].contains(&scheme.to_ascii_lowercase().as_str())
}

fn folder(given: &str) -> Result<Location> {
    let path = match given.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
            let home = home
                .ok_or_else(|| Error::invalid(format!("'{given}': there is no home folder")).with_hint("set HOME, or give a full path"))?;
            home.join(rest.trim_start_matches('/'))
        }
        _ => PathBuf::from(given),
    };
    absolute(&path)
}

fn file(given: &str) -> Result<Location> {
    let wrong = || Error::invalid(format!("'{given}' names no folder of this machine")).with_hint("write file:///full/path");
    let url = url::Url::parse(given).map_err(|error| wrong().with_source(error))?;
    if url.path() == "/" && !given.ends_with("///") {
        return Err(wrong());
    }
    absolute(&url.to_file_path().map_err(|()| wrong())?)
}

/// Makes a path absolute without asking the disk: the folder need not exist. `..` is resolved by the disk, where links are known.
fn absolute(path: &Path) -> Result<Location> {
    let path = std::path::absolute(path)
        .map_err(|error| Error::invalid(format!("'{}' is no path: {error}", path.display())).with_source(error))?;
    Ok(Location::Local(path))
}

fn bucket(service: Service, scheme: &str, given: &str, rest: &str, query: &str) -> Result<Location> {
    let without_query = given.split_once('?').map_or(given, |(url, _)| url);
    let (host, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    // abfss://container@account.dfs.core.windows.net/prefix is Azure's own spelling; elsewhere an '@' can only be credentials.
    let mut options: Vec<(String, String)> =
        url::form_urlencoded::parse(query.as_bytes()).map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
    let bucket = match (service, host.split_once('@')) {
        (_, None) => host,
        (Service::Azure, Some((container, account))) => {
            let account = account.split('.').next().unwrap_or(account);
            options.push(("azure_storage_account_name".to_string(), account.to_string()));
            container
        }
        _ => {
            // The URL is not repeated: what stands before the '@' is probably a secret.
            return Err(Error::invalid(format!("a {scheme}:// URL cannot hold credentials"))
                .with_hint("put them into the environment, a profile, or options such as aws_access_key_id=…"));
        }
    };
    if bucket.is_empty() {
        return Err(Error::invalid(format!("'{without_query}' names no bucket")).with_hint(format!("write {scheme}://bucket/prefix")));
    }
    if let Some((key, _)) = options.iter().find(|(key, value)| key.is_empty() || value.is_empty()) {
        return Err(Error::invalid(format!("'{without_query}': the option '{key}' in the URL has no value"))
            .with_hint("write ?name=value&name=value"));
    }
    let prefix = prefix.trim_matches('/');
    if let Err(error) = object_store::path::Path::parse(prefix) {
        return Err(Error::invalid(format!("'{without_query}': this prefix cannot be used: {error}")).with_source(error));
    }
    let url = without_query.trim_end_matches('/').to_string();
    Ok(Location::Bucket(Bucket { service, url, bucket: bucket.to_string(), prefix: prefix.to_string(), options }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn local(given: &str) -> PathBuf {
        match parse(given).unwrap() {
            Location::Local(path) => path,
            other => panic!("{given}: {other:?}"),
        }
    }

    #[test]
    fn folders() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(local("db"), here.join("db"));
        assert_eq!(local("./a/../db"), here.join("a/../db"));
        assert_eq!(local("/x/y z"), PathBuf::from("/x/y z"));
        assert_eq!(local("file:///x/y%20z"), PathBuf::from("/x/y z"));
        assert_eq!(local("a?b=c"), here.join("a?b=c"));
        if let Some(home) = std::env::home_dir() {
            assert_eq!(local("~/db"), home.join("db"));
        }
        assert_eq!(local("~user"), here.join("~user"));
    }

    #[test]
    fn memory() {
        assert_eq!(parse("memory://").unwrap(), Location::Memory(None));
        assert_eq!(parse("memory://one/").unwrap(), Location::Memory(Some("one".into())));
    }

    #[test]
    fn buckets() {
        let Location::Bucket(found) = parse("s3://b/some/prefix/?region=eu-west-1&endpoint=http%3A%2F%2Fh%3A1").unwrap() else { panic!() };
        assert_eq!((found.service, found.bucket.as_str(), found.prefix.as_str()), (Service::S3, "b", "some/prefix"));
        assert_eq!(found.url, "s3://b/some/prefix");
        assert_eq!(found.options, [("region".into(), "eu-west-1".into()), ("endpoint".into(), "http://h:1".into())]);
        let Location::Bucket(found) = parse("abfss://box@acct.dfs.core.windows.net/p").unwrap() else { panic!() };
        assert_eq!((found.service, found.bucket.as_str()), (Service::Azure, "box"));
        assert_eq!(found.options, [("azure_storage_account_name".into(), "acct".into())]);
    }

    #[test]
    fn mistakes_are_named() {
        for (given, part) in [
            ("", "empty"),
            ("s3://", "names no bucket"),
            ("s3:/b/p", "no URL"),
            ("ftp://x", "unknown kind of store 'ftp'"),
            ("s3://b/p?region", "has no value"),
            ("s3://b/a//c", "cannot be used"),
            ("s3://b/a/../c", "cannot be used"),
            ("file://host/x?y=1", "takes no options"),
            ("file://host/x", "no folder of this machine"),
        ] {
            let error = parse(given).unwrap_err();
            assert!(error.message().contains(part), "{given}: {error}");
        }
        let error = parse("s3://key:secret@b/p").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
