//! Who we are to S3: given keys, or what the machine's environment holds (profiles, SSO, processes, web identity, container and instance
//! roles), refreshed before it expires.
//!
//! The order is the AWS CLI's: a profile asked for by name, given keys, the default profile, web identity, container role, instance role.
//! The instance's metadata service is asked only when nothing else is there: off EC2 it answers nothing, slowly.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_http_client::tls;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use tokio::sync::Mutex;

use crate::error::{Error, ErrorKind, Result};

/// Credentials are renewed this long before they expire: longer than any request with its retries takes.
const RENEW_BEFORE: Duration = Duration::from_secs(5 * 60);

/// What the shared configuration of a machine says besides credentials.
#[derive(Debug, Default)]
pub(super) struct SharedConfig {
    /// The profile's region.
    pub(super) region: Option<String>,
    /// The profile's endpoint.
    pub(super) endpoint: Option<String>,
}

/// The client that asks for credentials; `aws-config` is built without one. (Its type belongs to a crate that is not ours to name.)
macro_rules! http_client {
    () => {
        aws_smithy_http_client::Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https()
    };
}

/// Reads region and endpoint from the profile in use. Makes no requests.
pub(super) async fn shared_config(profile: Option<&str>) -> SharedConfig {
    let mut region = ProfileFileRegionProvider::builder();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).no_credentials().http_client(http_client!());
    if let Some(profile) = profile {
        region = region.profile_name(profile);
        loader = loader.profile_name(profile);
    }
    let config = loader.region(region.build()).load().await;
    SharedConfig { region: config.region().map(ToString::to_string), endpoint: config.endpoint_url().map(str::to_string) }
}

/// Finds credentials where the machine keeps them. Returns what provides them, and its name for messages.
///
/// # Errors
/// *Permission denied* when there are none, or when those that are configured cannot be had.
pub(super) async fn find(profile: Option<&str>, region: &str) -> Result<(Arc<Renewing>, String)> {
    let config = ProviderConfig::without_region().with_region(Some(Region::new(region.to_string()))).with_http_client(http_client!());
    let mut from_profile = ProfileFileCredentialsProvider::builder().configure(&config);
    let profile_name = match profile {
        Some(profile) => {
            from_profile = from_profile.profile_name(profile);
            format!("profile '{profile}'")
        }
        // The provider looks there by itself.
        None => format!("profile '{}'", std::env::var("AWS_PROFILE").unwrap_or_else(|_| "default".to_string())),
    };
    let mut sources: Vec<(String, Box<dyn ProvideCredentials>)> = vec![(profile_name, Box::new(from_profile.build()))];
    // A profile asked for by name is the one that is meant: no other identity takes its place.
    if profile.is_none() {
        let web_identity = WebIdentityTokenCredentialsProvider::builder().configure(&config).build();
        sources.push(("web identity".to_string(), Box::new(web_identity)));
        sources.push(("container role".to_string(), Box::new(EcsCredentialsProvider::builder().configure(&config).build())));
        sources.push(("instance role".to_string(), Box::new(ImdsCredentialsProvider::builder().configure(&config).build())));
    }
    let mut tried = Vec::new();
    for (name, source) in sources {
        match source.provide_credentials().await {
            Ok(credentials) => return Ok((Arc::new(Renewing::new(source, name.clone(), credentials)), name)),
            Err(CredentialsError::CredentialsNotLoaded(_)) => tried.push(name),
            // Not being on EC2 shows as a time-out of its metadata service.
            Err(_) if name == "instance role" => tried.push(name),
            Err(error) => return Err(cannot_get(&name, error)),
        }
    }
    Err(Error::new(
        ErrorKind::PermissionDenied,
        format!("found no credentials for S3: looked in the URL, options, environment, {}", tried.join(", ")),
    )
    .with_hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; for a public bucket give aws_skip_signature=true"))
}

fn cannot_get(name: &str, error: CredentialsError) -> Error {
    let mut causes = Vec::new();
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    let cannot = Error::new(ErrorKind::PermissionDenied, format!("cannot get credentials from {name}: {}", causes.join(": ")));
    match name.strip_prefix("profile ") {
        Some(profile) => cannot.with_hint(format!("if the profile uses SSO, run: aws sso login --profile {profile}")),
        None => cannot,
    }
    .with_source(error)
}

/// Credentials that are renewed before they expire. Its `Debug` shows no secrets.
pub(super) struct Renewing {
    source: Box<dyn ProvideCredentials>,
    name: String,
    current: Mutex<Current>,
}

struct Current {
    credential: Arc<AwsCredential>,
    expires: Option<SystemTime>,
}

impl From<Credentials> for Current {
    fn from(credentials: Credentials) -> Self {
        let credential = AwsCredential {
            key_id: credentials.access_key_id().to_string(),
            secret_key: credentials.secret_access_key().to_string(),
            token: credentials.session_token().map(str::to_string),
        };
        Self { credential: Arc::new(credential), expires: credentials.expiry() }
    }
}

impl Current {
    /// Whether it can still be used for a while.
    fn lasts(&self, now: SystemTime, a_while: Duration) -> bool {
        self.expires.is_none_or(|expires| now + a_while < expires)
    }
}

impl Renewing {
    fn new(source: Box<dyn ProvideCredentials>, name: String, first: Credentials) -> Self {
        Self { source, name, current: Mutex::new(first.into()) }
    }

    async fn at(&self, now: SystemTime) -> Result<Arc<AwsCredential>> {
        // Whoever comes while they are renewed waits for the same answer.
        let mut current = self.current.lock().await;
        if !current.lasts(now, RENEW_BEFORE) {
            match self.source.provide_credentials().await {
                Ok(credentials) => *current = credentials.into(),
                Err(error) if current.lasts(now, Duration::ZERO) => {
                    tracing::warn!("cannot renew the credentials from {}, which still last: {error}", self.name);
                }
                Err(error) => return Err(cannot_get(&self.name, error)),
            }
        }
        Ok(Arc::clone(&current.credential))
    }
}

impl fmt::Debug for Renewing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewing").field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl CredentialProvider for Renewing {
    type Credential = AwsCredential;

    #[allow(clippy::disallowed_methods, reason = "credentials end by the wall clock")]
    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        #[allow(clippy::disallowed_methods, reason = "credentials end at a point on the wall clock; no stored byte depends on it")]
        let now = SystemTime::now();
        let credential = self.at(now).await;
        credential.map_err(|error| object_store::Error::Generic { store: "credentials", source: Box::new(error) })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use aws_credential_types::provider::future;

    use super::*;

    /// Gives credentials that last ten minutes from the time of day it counts, and fails when told to.
    #[derive(Debug, Default)]
    struct Source {
        given: Arc<AtomicU32>,
        fails_after: u32,
    }

    fn time(minutes: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(60 * minutes)
    }

    fn credentials(number: u32, expires: SystemTime) -> Credentials {
        Credentials::new(format!("key{number}"), "secret", Some("token".to_string()), Some(expires), "test")
    }

    impl ProvideCredentials for Source {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let number = self.given.fetch_add(1, Ordering::Relaxed) + 1;
            future::ProvideCredentials::ready(if number > self.fails_after {
                Err(CredentialsError::provider_error("the source is down"))
            } else {
                Ok(credentials(number, time(10 + 10 * u64::from(number))))
            })
        }
    }

    #[tokio::test]
    async fn renewed_before_they_expire_and_used_while_they_last() {
        let source = Source { fails_after: 1, ..Source::default() };
        let given = Arc::clone(&source.given);
        let renewing = Renewing::new(Box::new(source), "profile 'x'".to_string(), credentials(0, time(10)));
        assert_eq!(renewing.at(time(4)).await.unwrap().key_id, "key0");
        assert_eq!(given.load(Ordering::Relaxed), 0);
        assert_eq!(renewing.at(time(6)).await.unwrap().key_id, "key1");
        assert_eq!(renewing.at(time(14)).await.unwrap().key_id, "key1");
        assert_eq!(given.load(Ordering::Relaxed), 1);
        // The source fails now: what lasts is used to its end, not beyond.
        assert_eq!(renewing.at(time(19)).await.unwrap().key_id, "key1");
        let error = renewing.at(time(21)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert!(error.message().contains("profile 'x'") && error.message().contains("the source is down"), "{error}");
        assert!(!format!("{renewing:?}").contains("secret"));
    }
}
