//! How requests go over the network: time-outs that tell a slow store from a dead one, retries, connections.
//!
//! A limit on the whole request would cut off a large object on a slow line. What is limited instead is silence: the time until an answer
//! begins, longer for a request with a large body, and the time between two pieces of an answer.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService, ReqwestConnector,
};
use object_store::{BackoffConfig, Certificate, ClientOptions, RetryConfig};
use tokio::time::{Instant, Sleep};

use crate::error::{Error, Result};

/// Connecting takes a few round trips. A host that has not answered by then is down or shielded.
const CONNECT: Duration = Duration::from_secs(5);

/// Stores under load have been seen to take ten seconds until an answer begins; three times that is a dead connection.
const ANSWER: Duration = Duration::from_secs(30);

/// On top of [`ANSWER`], a request's body may take as long as this line needs: a part of 8 MiB gets two minutes more.
const SLOWEST_LINE_BYTES_PER_SECOND: u64 = 64 * 1024;

/// Between two pieces of an answer. Nothing is computed any more at that point, so it is shorter.
const SILENCE: Duration = Duration::from_secs(20);

/// Idle connections are closed before the store does it: S3 waits about as long.
const IDLE_CONNECTION: Duration = Duration::from_secs(60);

/// Idle connections kept for each host: as many as one scan with several files open uses at a time, so that none pays for a handshake again.
const IDLE_CONNECTIONS: usize = 128;

/// Attempts after the first. An overloaded store is not helped by more; whoever waits for an answer wants to be told within some seconds.
pub(super) const RETRIES: usize = 3;

/// The first wait before a retry, which doubles each time: the time that S3 needs to find another server.
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(100);

/// No wait before a retry is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// No retry begins later than this after the first attempt: signatures expire after five minutes.
const RETRY_FOR: Duration = Duration::from_secs(120);

/// The options of a client, which trusts the system's certificates and those in a file, if one is given.
///
/// # Errors
/// *Invalid* when the file cannot be read or holds no certificates.
pub(super) fn options(ca_bundle: Option<&str>) -> Result<ClientOptions> {
    let mut options = ClientOptions::new()
        .with_connect_timeout(CONNECT)
        .with_timeout_disabled()
        .with_http1_only()
        .with_pool_idle_timeout(IDLE_CONNECTION)
        .with_pool_max_idle_per_host(IDLE_CONNECTIONS);
    if let Some(path) = ca_bundle {
        let wrong = |error: String| {
            Error::invalid(format!("the certificates in {path} cannot be used: {error}"))
                .with_hint("AWS_CA_BUNDLE (ca_bundle) names a PEM file")
        };
        let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        for certificate in Certificate::from_pem_bundle(&pem).map_err(|error| wrong(error.to_string()))? {
            options = options.with_root_certificate(certificate);
        }
    }
    Ok(options)
}

/// Retries for requests that can be repeated without harm.
pub(super) fn retries() -> RetryConfig {
    let backoff = BackoffConfig { init_backoff: FIRST_WAIT, max_backoff: LONGEST_WAIT, base: 2.0 };
    RetryConfig { backoff, max_retries: RETRIES, retry_timeout: RETRY_FOR }
}

/// None at all, for requests whose first attempt may have happened.
pub(super) fn no_retries() -> RetryConfig {
    RetryConfig { max_retries: 0, ..retries() }
}

/// Makes one client and hands it to all who ask: stores with different retries share their connections.
#[derive(Debug, Clone, Default)]
pub(super) struct Connector {
    client: Arc<OnceLock<HttpClient>>,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let client = HttpClient::new(Patient { inner: ReqwestConnector::default().connect(options)? });
        Ok(self.client.get_or_init(|| client).clone())
    }
}

/// A client that gives up on silence.
#[derive(Debug)]
struct Patient {
    inner: HttpClient,
}

#[async_trait]
impl HttpService for Patient {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let length = request.body().content_length() as u64;
        let limit = ANSWER + Duration::from_secs(length / SLOWEST_LINE_BYTES_PER_SECOND);
        let answer = tokio::time::timeout(limit, self.inner.execute(request)).await.map_err(|_| silence(limit))??;
        let (parts, body) = answer.into_parts();
        let body = Watched { inner: body, patience: Box::pin(tokio::time::sleep(SILENCE)) };
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(body)))
    }
}

/// The body of an answer, which must not pause for long.
struct Watched {
    inner: HttpResponseBody,
    patience: Pin<Box<Sleep>>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(context) {
            this.patience.as_mut().reset(Instant::now() + SILENCE);
            return Poll::Ready(frame);
        }
        // Only waiting counts: a reader that takes its time between pieces is no fault of the store, which had nothing to send meanwhile.
        this.patience.as_mut().poll(context).map(|()| Some(Err(silence(SILENCE))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Nothing came for too long.
#[derive(Debug)]
struct Silence(Duration);

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing came for {} seconds", self.0.as_secs())
    }
}

impl std::error::Error for Silence {}

fn silence(limit: Duration) -> HttpError {
    HttpError::new(HttpErrorKind::Timeout, Silence(limit))
}
