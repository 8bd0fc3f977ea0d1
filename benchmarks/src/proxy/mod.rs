//! A store that is far away: an HTTP/1.1 reverse proxy on loopback, in front of an S3 server, that makes every answer wait and every
//! connection slow, and counts what goes through.
//!
//! ```text
//! client ──connection──▶ proxy ──one connection of its own──▶ server
//!          rate limit ▲         ▲ half of the delay on the way there,
//!          both ways  │         │ half on the way back
//! ```
//!
//! - Requests are passed on unchanged, the `Host` header too: it is part of what S3's clients sign.
//! - A request takes effect after half of the delay, its answer's first byte comes after the other half: so a request that is in flight
//!   is in flight for others as well, as with a store that is really far away.
//! - The proxy has a thread of its own. What is measured does not compete with it for its runtime (it does for the processor's cores).
//! - It does not speak TLS.

mod forward;
mod pace;
mod trace;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use self::forward::Upstream;
use self::trace::Recorder;
pub use self::trace::{Counts, Part, Request, Trace};
use crate::error::{Context, Error, Result};

/// How far away the store is.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Distance {
    /// Added to every answer's first byte, in milliseconds
    #[arg(long, default_value_t = 30)]
    pub delay_ms: u64,
    /// Rate of a connection, each way, in megabytes (10^6 bytes) a second; 0 is unlimited
    #[arg(long, default_value_t = 100)]
    pub rate_mb: u64,
}

impl Distance {
    /// What is added to the first byte of every answer.
    pub fn delay(self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }
}

/// A running proxy; dropping it closes it.
pub struct Proxy {
    address: SocketAddr,
    recorder: Arc<Recorder>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy on a free port of loopback (or the port given), in front of the server at `upstream` (`http://host:port`).
    ///
    /// # Errors
    /// When `upstream` is no such URL or its host is unknown, and when the port is taken.
    pub fn start(upstream: &str, distance: Distance, port: u16) -> Result<Self> {
        let authority = upstream.strip_prefix("http://").map(|rest| rest.trim_end_matches('/')).unwrap_or_default();
        if authority.is_empty() || authority.contains('/') {
            return Err(Error::new(format!(
                "the store's endpoint must be http://HOST:PORT, not '{upstream}': the proxy does not speak TLS"
            )));
        }
        let authority = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the proxy's runtime")?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", port))).context(format!("listening on port {port} of loopback"))?;
        let address = listener.local_addr()?;
        let recorder = Arc::new(Recorder::new());
        let (stop, stopped) = oneshot::channel();
        let accept = accept(listener, authority, distance, Arc::clone(&recorder));
        let thread = std::thread::Builder::new().name("far-away store".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { address, recorder, stop: Some(stop), thread: Some(thread) })
    }

    /// Where clients find it: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What went through since the last call (or the start). Requests that are still under way come with a later call.
    pub fn take_trace(&self) -> Trace {
        self.recorder.take()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, authority: String, distance: Distance, recorder: Arc<Recorder>) {
    let authority: Arc<str> = authority.into();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file handles, most likely: wait for connections to close.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        tokio::spawn(serve(stream, Arc::clone(&authority), distance, Arc::clone(&recorder)));
    }
}

/// Serves one connection of a client until either side ends it.
async fn serve(stream: TcpStream, authority: Arc<str>, distance: Distance, recorder: Arc<Recorder>) {
    // Without this, an answer's last packet may wait 40 ms for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let connection = recorder.connection();
    let upstream = Upstream::new(authority);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (upstream, recorder) = (upstream.clone(), Arc::clone(&recorder));
        async move { forward::forward(request, upstream, distance, recorder.begin(connection)).await }
    });
    // An error here is a client or a server that hung up: the client sees it, and its request's entry ends there.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

#[cfg(test)]
mod tests;
