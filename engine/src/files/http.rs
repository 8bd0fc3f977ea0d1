//! Files behind `http://` and `https://`: one file a URL, read in ranges.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore};
use url::Url;

use crate::error::{Error, Result, from_datafusion};

/// A file behind a URL: the store, its name for DataFusion, and the path in it.
pub(super) fn file(written: &str) -> Result<(Arc<dyn ObjectStore>, ObjectStoreUrl, Path)> {
    let no_url = |error: &dyn std::fmt::Display| Error::invalid(format!("'{written}' is no URL: {error}"));
    let url = Url::parse(written).map_err(|error| no_url(&error))?;
    let host = url.host_str().ok_or_else(|| no_url(&"it has no host"))?;
    if url.path().contains('*') || url.path().contains('[') {
        return Err(Error::unsupported(format!("'{written}' is a pattern, and servers behind http:// do not list their files"))
            .with_hint("read_csv(['https://.../1.csv', 'https://.../2.csv']) names them"));
    }
    let path = Path::from_url_path(url.path()).map_err(|error| no_url(&error))?;
    // What stands behind a question mark belongs to the request, not to the path.
    let mut base = url.clone();
    base.set_path("");
    base.set_fragment(None);
    let options = ClientOptions::new().with_allow_http(url.scheme() == "http");
    let store = HttpBuilder::new().with_url(base.as_str()).with_client_options(options).build();
    let store = store.map_err(|error| from_datafusion(error.into()))?;
    // Two URLs that differ in anything but the path are two stores. A host may be a number, which is no part of a name.
    let mut hasher = DefaultHasher::new();
    (host, url.port(), url.query(), url.username(), url.password()).hash(&mut hasher);
    let name = format!("{}://h{:016x}", url.scheme(), hasher.finish());
    let store_url = ObjectStoreUrl::parse(name).map_err(from_datafusion)?;
    Ok((Arc::new(store), store_url, path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn urls_are_files() {
        let (_, store_url, path) = file("https://example.org:8443/a%20b/x.csv?key=1").unwrap();
        assert!(store_url.as_str().starts_with("https://"));
        assert_eq!(path.as_ref(), "a b/x.csv");
        let (_, other, _) = file("https://example.org:8443/a%20b/x.csv?key=2").unwrap();
        assert_ne!(store_url, other);
        assert!(file("http://127.0.0.1:8080/x.csv").is_ok());
        assert!(file("http://[::1]/x.csv").is_ok());
        assert!(file("https://example.org/*.csv").is_err());
        assert!(file("https://").is_err());
    }
}
