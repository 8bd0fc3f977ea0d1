//! Passes one request on to the server, and its answer back.

use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::header::{CONNECTION, CONTENT_RANGE, EXPECT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use super::Distance;
use super::pace::Paced;
use super::trace::{Entry, Part};

type RequestBody = Paced<Incoming>;
type ResponseBody = http_body_util::Either<Paced<Incoming>, Full<Bytes>>;

/// The connection to the server that belongs to one connection of a client; made at the first request, and again when the server closes it.
#[derive(Clone)]
pub(super) struct Upstream {
    authority: Arc<str>,
    sender: Arc<Mutex<Option<SendRequest<RequestBody>>>>,
}

impl Upstream {
    pub(super) fn new(authority: Arc<str>) -> Self {
        Self { authority, sender: Arc::default() }
    }

    async fn send(&self, request: Request<RequestBody>) -> Result<Response<Incoming>, String> {
        let mut slot = self.sender.lock().await;
        let ready = match slot.take() {
            Some(mut sender) => sender.ready().await.is_ok().then_some(sender),
            None => None,
        };
        let mut sender = match ready {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let response = sender.send_request(request).await.map_err(|error| error.to_string());
        *slot = Some(sender);
        response
    }

    async fn connect(&self) -> Result<SendRequest<RequestBody>, String> {
        let stream = TcpStream::connect(self.authority.as_ref()).await.map_err(|error| error.to_string())?;
        let _ = stream.set_nodelay(true);
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

/// Passes a request on, with the delays and rates of the distance, and notes in `entry` what became of it.
pub(super) async fn forward(
    request: Request<Incoming>,
    upstream: Upstream,
    distance: Distance,
    mut entry: Entry,
) -> Result<Response<ResponseBody>, std::convert::Infallible> {
    entry.request(request.method(), request.uri());
    tokio::time::sleep(distance.delay() / 2).await;
    let (mut head, body) = request.into_parts();
    // These two concern one hop only. The proxy's own server has answered an `Expect: 100-continue` by reading the body.
    head.headers.remove(CONNECTION);
    head.headers.remove(EXPECT);
    let up = entry.uploaded();
    let body = Paced::new(body, distance.rate_mb, move |bytes| up.add(bytes));
    let response = upstream.send(Request::from_parts(head, body)).await;
    tokio::time::sleep(distance.delay() / 2).await;
    Ok(match response {
        Ok(response) => {
            let (mut head, body) = response.into_parts();
            head.headers.remove(CONNECTION);
            let part = head.headers.get(CONTENT_RANGE).and_then(|range| Part::parse(range.to_str().ok()?));
            entry.answer(head.status, part, body.size_hint().exact());
            // The entry lives as long as the body is being sent.
            let body = Paced::new(body, distance.rate_mb, move |bytes| entry.downloaded(bytes));
            Response::from_parts(head, body.left())
        }
        Err(error) => {
            let message = Full::new(Bytes::from(format!("the store behind the proxy did not answer: {error}\n")));
            entry.answer(StatusCode::BAD_GATEWAY, None, Some(0));
            let mut response = Response::new(message.right());
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
    })
}

trait Sides: Sized {
    fn left<R>(self) -> http_body_util::Either<Self, R> {
        http_body_util::Either::Left(self)
    }
    fn right<L>(self) -> http_body_util::Either<L, Self> {
        http_body_util::Either::Right(self)
    }
}

impl<B: BodyExt> Sides for B {}
