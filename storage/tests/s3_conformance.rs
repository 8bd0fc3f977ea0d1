//! S3 passes the suite of all stores, over the network: a server in this process, and a real MinIO where there is one.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::panic, missing_docs)]

#[path = "support/conformance.rs"]
mod conformance;
#[path = "support/s3_server.rs"]
mod s3_server;

use bytes::Bytes;
use clouddb_storage::ErrorKind;
use clouddb_storage::store::{Store, StoreKind};
use conformance::{conformance, pattern};
use s3_server::S3Server;

#[tokio::test(flavor = "multi_thread")]
async fn in_process() {
    let server = S3Server::start().await;
    let store = server.store("some/prefix").await;
    assert_eq!((store.kind(), store.url()), (StoreKind::Remote, "s3://test/some/prefix"));
    server.store("some/prefixed").await.put("other", Bytes::from_static(b"x")).await.unwrap();
    conformance(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_few() {
    let server = S3Server::start().await;
    let store = server.store("p").await;
    assert_eq!(server.requests(), 0, "connecting asks the store nothing");
    store.put_if_absent("a", pattern(1000)).await.unwrap();
    store.get("a").await.unwrap();
    store.get_ranges("a", &[0..10, 500..510, 900..1000]).await.unwrap();
    let mut upload = store.upload("b").await.unwrap();
    upload.write(pattern(100_000)).await.unwrap();
    upload.finish().await.unwrap();
    assert_eq!(server.requests(), 4);
    let methods: Vec<_> = server.take_asked().into_iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect();
    assert_eq!(methods, ["PUT /test/p/a", "GET /test/p/a", "GET /test/p/a", "PUT /test/p/b"]);
}

/// A place in MinIO that nobody else uses, or nothing and a line that says so.
async fn minio(name: &str) -> Option<Store> {
    let Ok(endpoint) = std::env::var("CLOUDDB_TEST_MINIO") else {
        assert!(std::env::var_os("CLOUDDB_TEST_REQUIRE_MINIO").is_none(), "there is no MinIO: run this with scripts/minio run");
        eprintln!("skipped: no MinIO; run it with scripts/minio run");
        return None;
    };
    let unique = clouddb_storage::env::Env::system().random.next_u128();
    let options = [("endpoint".to_string(), endpoint)];
    Some(Store::connect(&format!("s3://test/{name}-{unique:x}"), &options).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn real_minio() {
    let Some(store) = minio("conformance").await else { return };
    conformance(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_minio_refuses() {
    let Some(store) = minio("refusals").await else { return };
    let endpoint = std::env::var("CLOUDDB_TEST_MINIO").unwrap();
    let connect = async |bucket: &str, id: &str, secret: &str| {
        let options = [("endpoint", endpoint.as_str()), ("access_key_id", id), ("secret_access_key", secret), ("region", "us-east-1")];
        let options = options.map(|(key, value)| (key.to_string(), value.to_string()));
        Store::connect(&format!("s3://{bucket}/x"), &options).await.unwrap()
    };
    let (id, secret) = (std::env::var("AWS_ACCESS_KEY_ID").unwrap(), std::env::var("AWS_SECRET_ACCESS_KEY").unwrap());
    store.put("a", Bytes::from_static(b"x")).await.unwrap();
    for wrong in [connect("test", "nobody", &secret).await, connect("test", &id, "not-the-secret").await] {
        for error in [
            wrong.get("a").await.unwrap_err(),
            wrong.list("").await.unwrap_err(),
            wrong.put_if_absent("a", Bytes::new()).await.unwrap_err(),
            wrong.put("a", Bytes::new()).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
            assert!(error.to_string().contains("options"), "{error}");
        }
    }
    let missing = connect("no-such-bucket", &id, &secret).await;
    for error in [
        missing.get("a").await.unwrap_err(),
        missing.list("").await.unwrap_err(),
        missing.put_if_absent("a", Bytes::new()).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
        assert!(error.to_string().contains("no-such-bucket") && error.hint().is_some_and(|hint| hint.contains("bucket")), "{error}");
    }
}
