//! Google Cloud Storage and Azure Blob Storage, behind the crate's features `gcp` and `azure`.
//!
//! Settings are `object_store`'s: its environment variables, then the options, then the URL's query, the last one winning.

use super::Store;
use super::location::{Bucket, Service};
use crate::error::Result;

/// Connects to a bucket or container.
pub(super) fn connect(bucket: Bucket, options: &[(String, String)]) -> Result<Store> {
    match bucket.service {
        Service::Gcs => gcs(bucket, options),
        Service::Azure | Service::S3 => azure(bucket, options),
    }
}

#[cfg(not(all(feature = "gcp", feature = "azure")))]
fn not_built(bucket: &Bucket, name: &str, feature: &str) -> Result<Store> {
    Err(crate::Error::unsupported(format!("'{}': this program was built without {name}", bucket.url))
        .with_hint(format!("build it with the feature '{feature}': cargo build --release --features {feature}")))
}

#[cfg(not(feature = "gcp"))]
fn gcs(bucket: Bucket, _options: &[(String, String)]) -> Result<Store> {
    not_built(&bucket, "Google Cloud Storage", "gcp")
}

#[cfg(not(feature = "azure"))]
fn azure(bucket: Bucket, _options: &[(String, String)]) -> Result<Store> {
    not_built(&bucket, "Azure Blob Storage", "azure")
}

#[cfg(feature = "gcp")]
fn gcs(bucket: Bucket, options: &[(String, String)]) -> Result<Store> {
    use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};

    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(&bucket.bucket)
        .with_client_options(super::http::options(None)?)
        .with_http_connector(super::http::Connector::default());
    let mut source = "environment or application default";
    for (key, value) in options.iter().chain(&bucket.options) {
        let parsed: GoogleConfigKey = key.to_ascii_lowercase().parse().map_err(|error| built::unknown(key, "GCS", error))?;
        if matches!(parsed, GoogleConfigKey::ServiceAccount | GoogleConfigKey::ServiceAccountKey | GoogleConfigKey::ApplicationCredentials)
        {
            source = "options";
        }
        builder = builder.with_config(parsed, value);
    }
    built::store(bucket, "Google Cloud Storage", source, |retries| Ok(std::sync::Arc::new(builder.clone().with_retry(retries).build()?)))
}

#[cfg(feature = "azure")]
fn azure(bucket: Bucket, options: &[(String, String)]) -> Result<Store> {
    use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};

    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(&bucket.bucket)
        .with_client_options(super::http::options(None)?)
        .with_http_connector(super::http::Connector::default());
    let mut source = "environment or managed identity";
    for (key, value) in options.iter().chain(&bucket.options) {
        let parsed: AzureConfigKey = key.to_ascii_lowercase().parse().map_err(|error| built::unknown(key, "Azure", error))?;
        if matches!(parsed, AzureConfigKey::AccessKey | AzureConfigKey::SasKey | AzureConfigKey::ClientSecret | AzureConfigKey::Token) {
            source = "options";
        }
        builder = builder.with_config(parsed, value);
    }
    built::store(bucket, "Azure Blob Storage", source, |retries| Ok(std::sync::Arc::new(builder.clone().with_retry(retries).build()?)))
}

/// What both have in common.
#[cfg(any(feature = "gcp", feature = "azure"))]
mod built {
    use std::sync::Arc;

    use object_store::path::Path;
    use object_store::{ObjectStore, RetryConfig};

    use super::super::creates::CarefulCreates;
    use super::super::location::Bucket;
    use super::super::{Place, Store, StoreKind, http};
    use crate::error::{Error, Result};

    pub(super) fn unknown(key: &str, service: &str, error: object_store::Error) -> Error {
        Error::invalid(format!("'{key}' is no option of {service}")).with_source(error)
    }

    pub(super) fn store(
        bucket: Bucket,
        service: &str,
        source: &str,
        build: impl Fn(RetryConfig) -> object_store::Result<Arc<dyn ObjectStore>>,
    ) -> Result<Store> {
        let description = format!("bucket '{}' in {service} (credentials: {source})", bucket.bucket);
        let place = Place { description, credentials: source.to_string() };
        let failed = |error: object_store::Error| {
            Error::invalid(format!("the settings for {} do not work: {error}", place.description)).with_source(error)
        };
        let repeating = build(http::retries()).map_err(failed)?;
        let once = build(http::no_retries()).map_err(failed)?;
        let store = CarefulCreates::new(repeating, once, place.clone());
        let prefix = Path::parse(&bucket.prefix).map_err(|error| Error::invalid(error.to_string()).with_source(error))?;
        Ok(Store::new(Arc::new(store), prefix, StoreKind::Remote, bucket.url, place))
    }
}
