//! An S3 server inside the test's process, over objects in memory: real requests over loopback, signatures checked, with delays and faults as
//! the test likes. It has one bucket, `test`.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use clouddb_storage::store::Store;
use futures::TryStreamExt;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use s3s::auth::SimpleAuth;
use s3s::dto::*;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3, S3Error, S3Request, S3Response, S3Result, s3_error};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The bucket that there is.
pub(crate) const BUCKET: &str = "test";
/// The key that the server knows.
pub(crate) const KEY_ID: &str = "test-key";
/// Its secret.
pub(crate) const SECRET: &str = "test-secret";

/// What goes wrong with a request.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Nothing happens and this is the answer: a status and an S3 error code.
    Refused(u16, &'static str),
    /// Nothing happens and the connection breaks.
    LostRequest,
    /// It happens, and the connection breaks before the answer.
    LostAnswer,
    /// It happens, and this is the answer instead.
    WrongAnswer(u16, &'static str),
    /// It happens, and the connection breaks half-way through the answer's body.
    HalfBody,
    /// It is answered after a while.
    Delayed(Duration),
}

/// What a fault is decided by.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Counts from 0.
    pub(crate) number: u64,
    pub(crate) method: Method,
    /// The path, bucket included.
    pub(crate) path: String,
    pub(crate) query: String,
    /// Whether it must not replace an object.
    pub(crate) if_none_match: bool,
}

type Faults = Box<dyn Fn(&Asked) -> Option<Fault> + Send + Sync>;

struct Shared {
    service: S3Service,
    faults: Mutex<Faults>,
    requests: AtomicU64,
    asked: Mutex<Vec<Asked>>,
}

/// A running server; it stops when it is dropped.
pub(crate) struct S3Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
    /// What it holds.
    pub(crate) objects: Arc<InMemory>,
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl S3Server {
    /// Starts on a free port of loopback.
    pub(crate) async fn start() -> Self {
        let objects = Arc::new(InMemory::new());
        let mut builder =
            S3ServiceBuilder::new(Objects { objects: Arc::clone(&objects), uploads: Mutex::default(), next: AtomicU64::new(0) });
        builder.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
        let shared = Arc::new(Shared {
            service: builder.build(),
            faults: Mutex::new(Box::new(|_| None)),
            requests: AtomicU64::new(0),
            asked: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            loop {
                let Ok((connection, _)) = listener.accept().await else { continue };
                let _ = connection.set_nodelay(true);
                let shared = Arc::clone(&serving);
                tokio::spawn(async move {
                    let answer = service_fn(move |request| answer(Arc::clone(&shared), request));
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(connection), answer).await;
                });
            }
        });
        Self { address, shared, task, objects }
    }

    /// Its URL.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// What was asked since this was called last.
    pub(crate) fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.shared.asked.lock().unwrap())
    }

    /// Decides what goes wrong from now on.
    pub(crate) fn set_faults(&self, faults: impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static) {
        *self.shared.faults.lock().unwrap() = Box::new(faults);
    }

    /// Options to connect with.
    pub(crate) fn options(&self) -> Vec<(String, String)> {
        [("endpoint", self.endpoint().as_str()), ("region", "us-east-1"), ("access_key_id", KEY_ID), ("secret_access_key", SECRET)]
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .to_vec()
    }

    /// A place in its bucket.
    pub(crate) async fn store(&self, prefix: &str) -> Store {
        Store::connect(&format!("s3://{BUCKET}/{prefix}"), &self.options()).await.unwrap()
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, std::io::Error> {
    let broken = || std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let asked = Asked {
        number: shared.requests.fetch_add(1, Ordering::Relaxed),
        method: request.method().clone(),
        path: request.uri().path().to_string(),
        query: request.uri().query().unwrap_or_default().to_string(),
        if_none_match: request.headers().contains_key("if-none-match"),
    };
    let fault = (shared.faults.lock().unwrap())(&asked);
    shared.asked.lock().unwrap().push(asked);
    // The whole request first, so that no connection breaks while its body is still on the way.
    let (parts, body) = request.into_parts();
    let body = BodyExt::collect(body).await.map_err(|_| broken())?.to_bytes();
    let request = Request::from_parts(parts, Body::from(body));
    let serve = async || shared.service.call(request).await.map_err(|_| broken());
    match fault {
        None => serve().await,
        Some(Fault::Refused(status, code)) => Ok(refusal(status, code)),
        Some(Fault::LostRequest) => Err(broken()),
        Some(Fault::LostAnswer) => {
            serve().await?;
            Err(broken())
        }
        Some(Fault::WrongAnswer(status, code)) => {
            serve().await?;
            Ok(refusal(status, code))
        }
        Some(Fault::HalfBody) => {
            let (parts, body) = serve().await?.into_parts();
            let body = BodyExt::collect(body).await.map_err(|_| broken())?.to_bytes();
            let half = body.slice(..body.len() / 2);
            let pieces = futures::stream::iter([Ok(Frame::data(half)), Err(broken())]);
            Ok(Response::from_parts(parts, Body::http_body(http_body_util::StreamBody::new(pieces))))
        }
        Some(Fault::Delayed(delay)) => {
            tokio::time::sleep(delay).await;
            serve().await
        }
    }
}

fn refusal(status: u16, code: &str) -> Response<Body> {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>as the test wants it</Message></Error>");
    let body = if code.is_empty() { Bytes::new() } else { Bytes::from(body) };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap();
    response
}

type Parts = BTreeMap<i32, Bytes>;

/// The bucket's objects.
struct Objects {
    objects: Arc<InMemory>,
    uploads: Mutex<BTreeMap<String, Parts>>,
    next: AtomicU64,
}

fn bucket(name: &str) -> S3Result<()> {
    if name == BUCKET { Ok(()) } else { Err(s3_error!(NoSuchBucket, "the bucket {name} does not exist")) }
}

fn path(key: &str) -> S3Result<Path> {
    Path::parse(key).map_err(|error| s3_error!(InvalidArgument, "{error}"))
}

fn failed(error: object_store::Error) -> S3Error {
    match error {
        object_store::Error::NotFound { .. } => s3_error!(NoSuchKey, "there is no such key"),
        object_store::Error::AlreadyExists { .. } => s3_error!(PreconditionFailed, "the object exists"),
        other => s3_error!(InternalError, "{other}"),
    }
}

fn etag(meta: &object_store::ObjectMeta) -> Option<ETag> {
    meta.e_tag.clone().map(ETag::Strong)
}

async fn bytes(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let Some(body) = body else { return Ok(Bytes::new()) };
    let collected = body.try_fold(BytesMut::new(), |mut all, piece| async move {
        all.extend_from_slice(&piece);
        Ok(all)
    });
    collected.await.map(BytesMut::freeze).map_err(|error| s3_error!(IncompleteBody, "{error}"))
}

fn blob(bytes: Bytes) -> StreamingBlob {
    StreamingBlob::wrap(futures::stream::once(async move { Ok::<_, Infallible>(bytes) }))
}

#[async_trait]
impl S3 for Objects {
    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        bucket(&input.bucket)?;
        let mode = match &input.if_none_match {
            Some(condition) if condition.is_any() => PutMode::Create,
            Some(_) => return Err(s3_error!(NotImplemented, "only If-None-Match: *")),
            None => PutMode::Overwrite,
        };
        let content = bytes(input.body).await?;
        let options = PutOptions { mode, ..PutOptions::default() };
        let put = self.objects.put_opts(&path(&input.key)?, content.into(), options).await.map_err(failed)?;
        Ok(S3Response::new(PutObjectOutput { e_tag: put.e_tag.map(ETag::Strong), ..Default::default() }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        bucket(&input.bucket)?;
        let location = path(&input.key)?;
        let length = self.objects.head(&location).await.map_err(failed)?.size;
        let range = match &input.range {
            Some(range) => Some(range.check(length).map_err(|_| s3_error!(InvalidRange, "the object has {length} bytes"))?),
            None => None,
        };
        let options = GetOptions::new().with_range(range.clone().map(GetRange::Bounded));
        let got = self.objects.get_opts(&location, options).await.map_err(failed)?;
        let meta = got.meta.clone();
        let content = got.bytes().await.map_err(failed)?;
        let content_range = range.map(|range| format!("bytes {}-{}/{length}", range.start, range.end - 1));
        Ok(S3Response::new(GetObjectOutput {
            content_length: Some(content.len() as i64),
            body: Some(blob(content)),
            content_range,
            e_tag: etag(&meta),
            last_modified: Some(std::time::SystemTime::from(meta.last_modified).into()),
            ..Default::default()
        }))
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        bucket(&request.input.bucket)?;
        let meta = self.objects.head(&path(&request.input.key)?).await.map_err(failed)?;
        Ok(S3Response::new(HeadObjectOutput {
            content_length: Some(meta.size as i64),
            e_tag: etag(&meta),
            last_modified: Some(std::time::SystemTime::from(meta.last_modified).into()),
            ..Default::default()
        }))
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        bucket(&request.input.bucket)?;
        self.objects.delete(&path(&request.input.key)?).await.map_err(failed)?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(&self, request: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        bucket(&request.input.bucket)?;
        let mut deleted = Vec::new();
        for object in request.input.delete.objects {
            self.objects.delete(&path(&object.key)?).await.map_err(failed)?;
            deleted.push(DeletedObject { key: Some(object.key), ..Default::default() });
        }
        Ok(S3Response::new(DeleteObjectsOutput { deleted: Some(deleted), ..Default::default() }))
    }

    async fn list_objects_v2(&self, request: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        bucket(&input.bucket)?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let after = input.continuation_token.clone().or(input.start_after.clone()).unwrap_or_default();
        let limit = input.max_keys.unwrap_or(1000).clamp(1, 1000) as usize;
        let mut objects: Vec<_> = self.objects.list(None).try_collect().await.map_err(failed)?;
        objects.retain(|meta| meta.location.as_ref().starts_with(&prefix));
        objects.sort_by(|a, b| a.location.cmp(&b.location));
        let (mut contents, mut folders, mut last, mut more) = (Vec::new(), Vec::<String>::new(), String::new(), false);
        for meta in objects {
            let key = meta.location.as_ref();
            let folder = input.delimiter.as_deref().and_then(|delimiter| {
                let end = key[prefix.len()..].find(delimiter)? + prefix.len() + delimiter.len();
                Some(key[..end].to_string())
            });
            let name = folder.clone().unwrap_or_else(|| key.to_string());
            if name <= after || folders.last() == Some(&name) {
                continue;
            }
            if contents.len() + folders.len() == limit {
                more = true;
                break;
            }
            last.clone_from(&name);
            match folder {
                Some(folder) => folders.push(folder),
                None => contents.push(Object {
                    key: Some(name),
                    size: Some(meta.size as i64),
                    e_tag: etag(&meta),
                    last_modified: Some(std::time::SystemTime::from(meta.last_modified).into()),
                    ..Default::default()
                }),
            }
        }
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(prefix),
            key_count: Some((contents.len() + folders.len()) as i32),
            contents: Some(contents),
            common_prefixes: Some(folders.into_iter().map(|folder| CommonPrefix { prefix: Some(folder) }).collect()),
            is_truncated: Some(more),
            next_continuation_token: more.then_some(last),
            ..Default::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        bucket(&request.input.bucket)?;
        let id = format!("upload-{}", self.next.fetch_add(1, Ordering::Relaxed));
        self.uploads.lock().unwrap().insert(id.clone(), Parts::new());
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(request.input.bucket),
            key: Some(request.input.key),
            upload_id: Some(id),
            ..Default::default()
        }))
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let input = request.input;
        let content = bytes(input.body).await?;
        let mut uploads = self.uploads.lock().unwrap();
        let parts = uploads.get_mut(&input.upload_id).ok_or_else(|| s3_error!(NoSuchUpload, "no such upload"))?;
        parts.insert(input.part_number, content);
        Ok(S3Response::new(UploadPartOutput { e_tag: Some(ETag::Strong(format!("part-{}", input.part_number))), ..Default::default() }))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        const SMALLEST_PART: usize = 5 * 1024 * 1024;
        let input = request.input;
        let named = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let parts = self.uploads.lock().unwrap().remove(&input.upload_id).ok_or_else(|| s3_error!(NoSuchUpload, "no such upload"))?;
        let mut content = BytesMut::new();
        for (i, part) in named.iter().enumerate() {
            let part = part.part_number.and_then(|number| parts.get(&number)).ok_or_else(|| s3_error!(InvalidPart, "no such part"))?;
            if i + 1 < named.len() && part.len() < SMALLEST_PART {
                return Err(s3_error!(EntityTooSmall, "a part is too small"));
            }
            content.extend_from_slice(part);
        }
        let put = self.objects.put(&path(&input.key)?, content.freeze().into()).await.map_err(failed)?;
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: put.e_tag.map(ETag::Strong),
            ..Default::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.uploads.lock().unwrap().remove(&request.input.upload_id);
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}
