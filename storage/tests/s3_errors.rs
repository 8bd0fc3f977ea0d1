//! What S3 can answer instead of what was asked for, and what becomes of it: retries, kinds of errors, messages.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "support/s3_server.rs"]
mod s3_server;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use clouddb_storage::store::{PutIfAbsent, Store};
use clouddb_storage::{Error, ErrorKind};
use hyper::Method;
use s3_server::{Asked, Fault, S3Server};

/// Faults for the first requests of a method, one after another.
fn first(server: &S3Server, method: Method, faults: &[Fault]) {
    let (faults, next) = (faults.to_vec(), AtomicU64::new(0));
    server.set_faults(move |asked: &Asked| {
        if asked.method != method {
            return None;
        }
        faults.get(next.fetch_add(1, Ordering::Relaxed) as usize).cloned()
    });
    server.take_asked();
}

fn content() -> Bytes {
    Bytes::from(vec![5; 300_000])
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_are_repeated() {
    let server = S3Server::start().await;
    let store = server.store("p").await;
    store.put("a", content()).await.unwrap();
    for faults in [
        vec![Fault::LostRequest],
        vec![Fault::LostAnswer, Fault::LostAnswer],
        vec![Fault::Refused(503, "SlowDown"), Fault::Refused(500, "InternalError"), Fault::Refused(429, "")],
        vec![Fault::HalfBody],
        vec![Fault::HalfBody, Fault::LostRequest],
        vec![Fault::Delayed(Duration::from_millis(300))],
    ] {
        first(&server, Method::GET, &faults);
        assert!(store.get("a").await.unwrap() == content(), "{faults:?}");
        first(&server, Method::GET, &faults);
        assert!(store.get_ranges("a", &[10..200_000, 250_000..300_000]).await.unwrap()[1] == content()[250_000..], "{faults:?}");
        first(&server, Method::GET, &faults);
        assert_eq!(store.list("").await.map(|listed| listed.len()).map_err(|error| error.kind()), Ok(1), "{faults:?}");
    }
    // In the end it is told as it is.
    first(&server, Method::GET, &vec![Fault::Refused(503, "SlowDown"); 10]);
    let error = store.get("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("503 SlowDown"), "{error}");
    assert_eq!(server.take_asked().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_whose_answer_was_lost_exists() {
    let server = S3Server::start().await;
    let store = server.store("p").await;
    for (i, fault) in [Fault::LostAnswer, Fault::WrongAnswer(500, "InternalError"), Fault::WrongAnswer(409, "ConditionalRequestConflict")]
        .into_iter()
        .enumerate()
    {
        first(&server, Method::PUT, std::slice::from_ref(&fault));
        let path = format!("happened/{i}");
        assert_eq!(store.put_if_absent(&path, content()).await.unwrap(), PutIfAbsent::Exists, "{fault:?}");
        assert!(server.take_asked().iter().all(|asked| asked.if_none_match), "every attempt is conditional");
        assert!(store.get(&path).await.unwrap() == content());
    }
    for (i, fault) in
        [Fault::LostRequest, Fault::Refused(503, "SlowDown"), Fault::Refused(409, "ConditionalRequestConflict")].into_iter().enumerate()
    {
        first(&server, Method::PUT, &[fault.clone(), fault.clone()]);
        assert_eq!(store.put_if_absent(&format!("again/{i}"), content()).await.unwrap(), PutIfAbsent::Created, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unclear_create_is_never_reported_as_refused() {
    let server = S3Server::start().await;
    let store = server.store("p").await;
    // The first attempt happened, its answer was lost; then the credentials expire.
    for (i, refusal) in
        [(403, "AccessDenied"), (400, "ExpiredToken"), (400, "InvalidArgument"), (501, "NotImplemented")].into_iter().enumerate()
    {
        let path = format!("unclear/{i}");
        first(&server, Method::PUT, &[Fault::LostAnswer, Fault::Refused(refusal.0, refusal.1)]);
        let error = store.put_if_absent(&path, content()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{refusal:?}: {error:?}");
        assert!(store.get(&path).await.is_ok());
    }
    // Refused at once, it did nothing and says so.
    for (i, (refusal, kind)) in [
        ((403, "AccessDenied"), ErrorKind::PermissionDenied),
        ((403, "InvalidAccessKeyId"), ErrorKind::PermissionDenied),
        ((401, ""), ErrorKind::PermissionDenied),
        ((400, "ExpiredToken"), ErrorKind::PermissionDenied),
        ((400, "InvalidArgument"), ErrorKind::Invalid),
        ((404, "NoSuchBucket"), ErrorKind::Invalid),
        ((301, "PermanentRedirect"), ErrorKind::Invalid),
        ((501, "NotImplemented"), ErrorKind::Unsupported),
        ((507, "XMinioStorageFull"), ErrorKind::Limit),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("refused/{i}");
        first(&server, Method::PUT, &vec![Fault::Refused(refusal.0, refusal.1); 9]);
        let error = store.put_if_absent(&path, content()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{refusal:?}: {error:?}");
        assert_eq!(server.take_asked().len(), 1, "{refusal:?}: {error}");
        assert!(error.message().contains(&path) && error.message().contains("bucket 'test'"), "{error}");
    }
    // Unclear to the end, it stays unclear.
    for fault in [Fault::LostAnswer, Fault::LostRequest, Fault::Refused(409, "OperationAborted"), Fault::Refused(503, "SlowDown")] {
        first(&server, Method::PUT, &vec![fault.clone(); 9]);
        let result = store.put_if_absent(&format!("open/{fault:?}").replace([' ', '"', '(', ')', ','], ""), content()).await;
        match (fault, result) {
            // Another attempt of ours is found, but only if its answer comes: here none ever does.
            (fault, Err(error)) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{fault:?}: {error:?}"),
            (fault, Ok(outcome)) => panic!("{fault:?}: {outcome:?}"),
        }
        assert_eq!(server.take_asked().len(), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forbidden_read_is_not_an_absent_object() {
    let server = S3Server::start().await;
    let store = server.store("p").await;
    first(&server, Method::GET, &vec![Fault::Refused(403, "AccessDenied"); 9]);
    let error = store.get("log/1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("credentials: options"), "{error}");
    first(&server, Method::GET, &vec![Fault::Refused(404, "NoSuchBucket"); 9]);
    let error = store.get("log/1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "no bucket is not no object: {error}");
    first(&server, Method::GET, &vec![Fault::Refused(404, "NoSuchKey"); 9]);
    assert_eq!(store.get("log/1").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_survive_faults() {
    let server = S3Server::start().await;
    let store = server.store("p").await;
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    // Every third request fails in one way or another.
    server.set_faults(move |_| match counter.fetch_add(1, Ordering::Relaxed) % 9 {
        2 => Some(Fault::Refused(503, "SlowDown")),
        5 => Some(Fault::LostRequest),
        8 => Some(Fault::Refused(500, "InternalError")),
        _ => None,
    });
    let content: Bytes = (0..20 * 1024 * 1024_u32).map(|i| (i >> 7) as u8).collect();
    let mut upload = store.upload("large").await.unwrap();
    for piece in content.chunks(1_000_000) {
        upload.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    upload.finish().await.unwrap();
    assert!(store.get("large").await.unwrap() == content);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_upload_stays_broken() {
    let server = S3Server::start().await;
    let store = server.store("p").await;
    server.set_faults(|asked| asked.query.contains("partNumber=2").then_some(Fault::Refused(403, "AccessDenied")));
    let mut upload = store.upload("large").await.unwrap();
    let mut failed = None;
    for _ in 0..40 {
        if let Err(error) = upload.write(Bytes::from(vec![1; 1024 * 1024])).await {
            failed = Some(error);
            break;
        }
    }
    let after = upload.finish().await.unwrap_err();
    assert_eq!(failed.map_or(ErrorKind::PermissionDenied, |error| error.kind()), ErrorKind::PermissionDenied);
    assert_eq!(after.kind(), ErrorKind::PermissionDenied);
    assert_eq!(store.head("large").await.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn connect(url: &str, options: &[(&str, &str)]) -> Result<Store, Error> {
    let options: Vec<_> = options.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    Store::connect(url, &options).await
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_and_buckets_are_named() {
    let server = S3Server::start().await;
    let endpoint = server.endpoint();
    let keys =
        |id, secret| [("endpoint", endpoint.as_str()), ("region", "eu-west-1"), ("access_key_id", id), ("secret_access_key", secret)];
    let wrong = connect("s3://test/p", &keys("nobody", "x")).await.unwrap();
    let error = wrong.get("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    for part in ["bucket 'test'", "region eu-west-1", &endpoint, "credentials: options", "does not know these credentials"] {
        assert!(error.to_string().contains(part), "{part} is missing: {error}");
    }
    let wrong = connect("s3://test/p", &keys(s3_server::KEY_ID, "not-the-secret")).await.unwrap();
    assert_eq!(wrong.put("a", Bytes::new()).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    let missing = connect("s3://no-such-bucket/p", &keys(s3_server::KEY_ID, s3_server::SECRET)).await.unwrap();
    for error in [
        missing.get("a").await.unwrap_err(),
        missing.is_empty().await.unwrap_err(),
        missing.put_if_absent("a", Bytes::new()).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.to_string().contains("bucket 'no-such-bucket'") && error.to_string().contains("create the bucket"), "{error}");
    }
}

#[tokio::test]
async fn nobody_listens() {
    // A port that was just free; nothing else on this machine is likely to take it at once.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint = format!("http://127.0.0.1:{port}");
    let options = [("endpoint", endpoint.as_str()), ("access_key_id", "a"), ("secret_access_key", "b")];
    let store = connect("s3://test/p", &options).await.unwrap();
    for error in [store.get("a").await.unwrap_err(), store.put_if_absent("a", Bytes::new()).await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("cannot connect") && error.to_string().contains(&endpoint), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("endpoint")), "{error}");
    }
}

#[tokio::test]
async fn options_that_make_no_sense() {
    for (url, options, part) in [
        ("s3://b/p", &[("no_such_option", "1")][..], "no option of S3"),
        ("s3://b/p?no_such_option=1", &[], "no option of S3"),
        ("s3://b/p", &[("bucket", "other")], "part of the URL"),
        ("s3://b/p", &[("access_key_id", "a"), ("region", "x")], "without its secret"),
        ("s3://b/p", &[("secret_access_key", "a"), ("region", "x")], "without its id"),
        ("s3://b/p", &[("endpoint", "localhost:9000")], "no endpoint"),
        ("s3://b/p", &[("endpoint", "http://a:b@localhost:9000")], "cannot hold credentials"),
        ("s3://b/p", &[("allow_http", "perhaps"), ("region", "x"), ("access_key_id", "a"), ("secret_access_key", "b")], "perhaps"),
    ] {
        let error = connect(url, options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{url} {options:?}: {error}");
        assert!(error.message().contains(part), "{url} {options:?}: {error}");
    }
}

#[tokio::test]
async fn what_is_not_built_in_says_how_to_build_it() {
    for (url, feature, built) in [("gs://b/p", "gcp", cfg!(feature = "gcp")), ("az://b/p", "azure", cfg!(feature = "azure"))] {
        if !built {
            let error = connect(url, &[]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.hint().is_some_and(|hint| hint.contains(&format!("--features {feature}"))), "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn descriptions_hold_no_secrets() {
    let server = S3Server::start().await;
    let url = format!(
        "s3://test/p?endpoint={}&aws_secret_access_key=verysecret&AWS_ACCESS_KEY_ID=someid&session_token=sometoken",
        server.endpoint()
    );
    let store = connect(&url, &[("region", "eu-north-1"), ("secret_access_key", "other"), ("access_key_id", "x")]).await.unwrap();
    assert_eq!(store.url(), "s3://test/p");
    assert_eq!(store.description(), format!("bucket 'test' (region eu-north-1, endpoint {}, credentials: URL)", server.endpoint()));
    let error = store.get("a").await.unwrap_err();
    for secret in ["verysecret", "sometoken"] {
        assert!(!format!("{error:?} {store:?}").contains(secret), "{error:?} {store:?}");
    }
}
