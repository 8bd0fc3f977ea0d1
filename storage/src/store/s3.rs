//! S3 and what speaks S3: which settings hold, and the store that they make.
//!
//! A setting is taken from the URL's query, else from the options, else from the environment, else from the shared configuration. Names are
//! `object_store`'s, with or without `aws_`. The three parts of a key are taken from one of these together, never mixed.

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as Key, AwsCredential, AwsCredentialProvider};
use object_store::client::ClientConfigKey;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, StaticCredentialProvider};

use super::creates::CarefulCreates;
use super::location::Bucket;
use super::{Place, Store, StoreKind, credentials, http};
use crate::error::{Error, Result};

/// What servers of other makers expect where nobody says anything, and AWS's first region.
const DEFAULT_REGION: &str = "us-east-1";

/// Settings of one origin.
#[derive(Debug)]
struct Level {
    /// Its name for messages.
    name: &'static str,
    settings: BTreeMap<String, (Key, String)>,
    profile: Option<String>,
    /// A file of certificates to trust besides the system's.
    ca_bundle: Option<String>,
}

impl Level {
    /// Settings that somebody wrote down for us: an unknown one is a mistake.
    fn given(name: &'static str, pairs: &[(String, String)]) -> Result<Self> {
        let mut level = Self { name, settings: BTreeMap::new(), profile: None, ca_bundle: None };
        for (key, value) in pairs {
            let lower = key.to_ascii_lowercase();
            if matches!(lower.as_str(), "profile" | "aws_profile") {
                level.profile = Some(value.clone());
                continue;
            }
            if matches!(lower.as_str(), "ca_bundle" | "aws_ca_bundle") {
                level.ca_bundle = Some(value.clone());
                continue;
            }
            match lower.parse() {
                Ok(Key::Bucket) => return Err(Error::invalid(format!("'{key}' cannot be an option: the bucket is part of the URL"))),
                Ok(parsed) => level.settings.insert(format!("{parsed:?}"), (parsed, value.clone())),
                Err(_) => {
                    return Err(Error::invalid(format!("'{key}' is no option of S3")).with_hint(
                        "some are: region, endpoint, profile, access_key_id, secret_access_key, session_token, allow_http, skip_signature",
                    ));
                }
            };
        }
        Ok(level)
    }

    /// The environment's variables, many of which mean something to others only.
    fn environment(variables: impl Iterator<Item = (String, String)>) -> Self {
        let mut level = Self { name: "environment", settings: BTreeMap::new(), profile: None, ca_bundle: None };
        // In order, so that of two names for one thing always the same wins: AWS_ENDPOINT_URL comes after AWS_ENDPOINT.
        let variables: BTreeMap<_, _> = variables.filter(|(name, value)| name.starts_with("AWS_") && !value.trim().is_empty()).collect();
        level.ca_bundle = variables.get("AWS_CA_BUNDLE").cloned();
        for (name, value) in variables {
            match name.to_ascii_lowercase().parse() {
                // The bucket is part of the URL; where roles come from is for `credentials.rs` to ask.
                Ok(
                    Key::Bucket
                    | Key::MetadataEndpoint
                    | Key::ImdsV1Fallback
                    | Key::ContainerCredentialsRelativeUri
                    | Key::ContainerCredentialsFullUri
                    | Key::ContainerAuthorizationTokenFile
                    | Key::WebIdentityTokenFile
                    | Key::RoleArn
                    | Key::RoleSessionName
                    | Key::StsEndpoint,
                )
                | Err(_) => {}
                Ok(key) => {
                    level.settings.insert(format!("{key:?}"), (key, value.trim().to_string()));
                }
            }
        }
        level
    }

    fn get(&self, key: Key) -> Option<&str> {
        self.settings.get(&format!("{key:?}")).map(|(_, value)| value.as_str())
    }

    fn any(&self, keys: [Key; 2]) -> Option<&str> {
        keys.into_iter().find_map(|key| self.get(key))
    }

    /// The key that this level holds, if it does.
    fn credential(&self) -> Result<Option<AwsCredential>> {
        let token = self.get(Key::Token).map(str::to_string);
        match (self.get(Key::AccessKeyId), self.get(Key::SecretAccessKey)) {
            (Some(id), Some(secret)) => Ok(Some(AwsCredential { key_id: id.to_string(), secret_key: secret.to_string(), token })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(Error::invalid(format!("{}: there is an access key id without its secret", self.name))
                .with_hint("give aws_secret_access_key (AWS_SECRET_ACCESS_KEY) as well")),
            (None, Some(_)) => Err(Error::invalid(format!("{}: there is a secret access key without its id", self.name))
                .with_hint("give aws_access_key_id (AWS_ACCESS_KEY_ID) as well")),
        }
    }
}

fn is_credential(key: &Key) -> bool {
    matches!(key, Key::AccessKeyId | Key::SecretAccessKey | Key::Token)
}

/// Connects to a bucket.
pub(super) async fn connect(bucket: Bucket, options: &[(String, String)]) -> Result<Store> {
    let environment =
        Level::environment(std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))));
    let levels = [Level::given("URL", &bucket.options)?, Level::given("options", options)?, environment];
    let named_profile = levels.iter().find_map(|level| level.profile.as_deref());
    let shared = credentials::shared_config(named_profile).await;

    let endpoint = levels.iter().find_map(|level| level.any([Key::S3Endpoint, Key::Endpoint])).map(str::to_string).or(shared.endpoint);
    let endpoint = endpoint.map(|endpoint| checked_endpoint(&endpoint)).transpose()?;
    let region = levels.iter().find_map(|level| level.any([Key::Region, Key::DefaultRegion])).map(str::to_string).or(shared.region);
    let ca_bundle = levels.iter().find_map(|level| level.ca_bundle.as_deref());
    let client = http::options(ca_bundle)?;
    let (region, region_note) = match (region, &endpoint) {
        (Some(region), _) => (region, ""),
        (None, Some(_)) => (DEFAULT_REGION.to_string(), ""),
        (None, None) => find_region(&bucket.bucket, &client).await?,
    };

    let mut builder =
        AmazonS3Builder::new().with_bucket_name(&bucket.bucket).with_client_options(client).with_http_connector(http::Connector::default());
    for level in levels.iter().rev() {
        for (key, value) in level.settings.values() {
            let resolved = matches!(key, Key::S3Endpoint | Key::Endpoint | Key::Region | Key::DefaultRegion) || is_credential(key);
            if !resolved {
                builder = builder.with_config(*key, value);
            }
        }
    }
    builder = builder.with_region(&region);
    if let Some(endpoint) = &endpoint {
        builder = builder.with_endpoint(endpoint);
        let allow_http = Key::Client(ClientConfigKey::AllowHttp);
        // Whoever writes http:// means it.
        if endpoint.starts_with("http://") && !levels.iter().any(|level| level.get(allow_http).is_some()) {
            builder = builder.with_allow_http(true);
        }
    }

    let unsigned =
        levels.iter().find_map(|level| level.get(Key::SkipSignature)).is_some_and(|value| matches!(value, "true" | "1" | "TRUE"));
    let endpoint_note = endpoint.as_ref().map(|endpoint| format!(", endpoint {endpoint}")).unwrap_or_default();
    let described = format!("bucket '{}' (region {region}{region_note}{endpoint_note}", bucket.bucket);
    let found = provider(&levels, named_profile, &region, unsigned).await;
    let (provider, source) = found.map_err(|error| error.context(format!("{described})")))?;
    if let Some(provider) = provider {
        builder = builder.with_credentials(provider);
    }

    let description = format!("{described}, credentials: {source})");
    let place = Place { description, credentials: source };
    let build =
        |retries| -> Result<Arc<dyn ObjectStore>> {
            let builder = builder.clone().with_retry(retries);
            Ok(Arc::new(builder.build().map_err(|error| {
                Error::invalid(format!("the settings for {} do not work: {error}", place.description)).with_source(error)
            })?))
        };
    let store = CarefulCreates::new(build(http::retries())?, build(http::no_retries())?, place.clone());
    let prefix = Path::parse(&bucket.prefix).map_err(|error| Error::invalid(error.to_string()).with_source(error))?;
    Ok(Store::new(Arc::new(store), prefix, StoreKind::Remote, bucket.url, place))
}

/// What signs requests, and its name.
async fn provider(
    levels: &[Level; 3],
    named_profile: Option<&str>,
    region: &str,
    unsigned: bool,
) -> Result<(Option<AwsCredentialProvider>, String)> {
    if unsigned {
        return Ok((None, "none, requests are not signed".to_string()));
    }
    for level in levels {
        // A profile given by name stands for its keys.
        if level.profile.is_some() {
            break;
        }
        if let Some(credential) = level.credential()? {
            return Ok((Some(Arc::new(StaticCredentialProvider::new(credential))), level.name.to_string()));
        }
    }
    let (renewing, name) = credentials::find(named_profile, region).await?;
    Ok((Some(renewing), name))
}

fn checked_endpoint(endpoint: &str) -> Result<String> {
    let parsed = url::Url::parse(endpoint).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    match parsed {
        Some(url) if url.username().is_empty() && url.password().is_none() => Ok(endpoint.trim_end_matches('/').to_string()),
        Some(_) => Err(Error::invalid("an endpoint cannot hold credentials").with_hint("put them into the environment or into options")),
        None => Err(Error::invalid(format!("'{endpoint}' is no endpoint"))
            .with_hint(format!("write https://{endpoint}, or http:// if it has no TLS"))),
    }
}

/// Asks S3 where a bucket is; anybody may.
async fn find_region(bucket: &str, client: &ClientOptions) -> Result<(String, &'static str)> {
    match object_store::aws::resolve_bucket_region(bucket, client).await {
        Ok(region) => Ok((region, "")),
        Err(error) if error.to_string().contains("not found") => Err(Error::invalid(format!("there is no bucket '{bucket}' in S3"))
            .with_hint("create it, or set AWS_ENDPOINT_URL if it is elsewhere")
            .with_source(error)),
        // No way to ask from here: the store itself will say if it is wrong.
        Err(_) => Ok((DEFAULT_REGION.to_string(), ", assumed")),
    }
}
