//! Every kind of store passes the same suite.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "support/conformance.rs"]
mod conformance;

use std::sync::Arc;

use bytes::Bytes;
use clouddb_storage::store::local::simulated::{SimulatedDisk, Step};
use clouddb_storage::store::local::{Disk, DurableLocal};
use clouddb_storage::store::probe::probe_put_if_absent;
use clouddb_storage::store::{Store, StoreKind};
use clouddb_storage::{Database, ErrorKind, OpenOptions};
use conformance::conformance;
use object_store::memory::InMemory;

#[tokio::test(flavor = "multi_thread")]
async fn memory() {
    conformance(&Store::connect("memory://", &[]).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_in_a_given_store() {
    let inner = Arc::new(InMemory::new());
    let store = |prefix| Store::from_object_store(inner.clone(), prefix, StoreKind::Remote, "a store in memory");
    store("some/prefixed").put("other", Bytes::from_static(b"x")).await.unwrap();
    conformance(&store("some/prefix")).await;
    assert_eq!(store("some/prefixed").list("").await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn local_folder() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("new folder/näme");
    let store = Store::connect(root.to_str().unwrap(), &[]).await.unwrap();
    assert!(!root.exists(), "connecting makes nothing");
    conformance(&store).await;
    // What is left on disk is the objects and nothing else.
    let mut files = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    assert_eq!(files.len(), store.list("").await.unwrap().len(), "{files:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn local_folder_by_url() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}/by%20url", folder.path().display());
    let store = Store::connect(&url, &[]).await.unwrap();
    assert_eq!((store.kind(), store.url()), (StoreKind::Local, url.as_str()));
    store.put("a/b", Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(std::fs::read(folder.path().join("by url/a/b")).unwrap(), b"x");
}

#[tokio::test(flavor = "multi_thread")]
async fn simulated_disk() {
    let local = DurableLocal::on(Arc::new(SimulatedDisk::new()), "/some/where");
    conformance(&Store::from_local(local, "/some/where")).await;
}

#[tokio::test]
async fn named_memory_is_shared_while_it_is_used() {
    let one = Store::connect("memory://shared", &[]).await.unwrap();
    one.put("a", Bytes::from_static(b"1")).await.unwrap();
    assert_eq!(Store::connect("memory://shared/", &[]).await.unwrap().get("a").await.unwrap(), "1");
    assert!(Store::connect("memory://", &[]).await.unwrap().is_empty().await.unwrap());
    drop(one);
    assert!(Store::connect("memory://shared", &[]).await.unwrap().is_empty().await.unwrap());
}

#[tokio::test]
async fn unfinished_files_are_no_objects() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::connect(folder.path().to_str().unwrap(), &[]).await.unwrap();
    std::fs::create_dir(folder.path().join("log")).unwrap();
    std::fs::write(folder.path().join("log/7#123"), "half").unwrap();
    assert!(store.is_empty().await.unwrap());
    assert_eq!(store.get("log/7#123").await.unwrap_err().kind(), ErrorKind::Invalid);
    std::fs::write(folder.path().join("log/7"), "whole").unwrap();
    assert_eq!(store.list("").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_file_where_a_folder_should_be() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let error = Store::connect(file.to_str().unwrap(), &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("is a file"), "{error}");
    let store = Store::connect(folder.path().to_str().unwrap(), &[]).await.unwrap();
    let error = store.put("file/below", Bytes::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}

#[tokio::test]
async fn options_mean_nothing_to_a_folder() {
    let error = Store::connect("some-folder", &[("aws_region".into(), "x".into())]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("aws_region"), "{error}");
}

#[tokio::test]
async fn a_database_deleted_under_its_user_is_not_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("db");
    let store = Store::connect(root.to_str().unwrap(), &[]).await.unwrap();
    store.put_if_absent("log/1", Bytes::from_static(b"x")).await.unwrap();
    std::fs::remove_dir_all(&root).unwrap();
    for path in ["log/2", "other/2"] {
        let error = store.put_if_absent(path, Bytes::from_static(b"x")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{path}: {error}");
        assert!(error.message().contains("vanished"), "{path}: {error}");
    }
    assert!(!root.exists());
}

/// A store that takes every write, whatever it was asked.
mod careless {
    use std::fmt;
    use std::sync::Arc;

    use async_trait::async_trait;
    use futures::stream::BoxStream;
    use object_store::memory::InMemory;
    use object_store::path::Path;
    use object_store::{
        CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions,
        PutPayload, PutResult, Result,
    };

    #[derive(Debug, Default)]
    pub(crate) struct Careless(Arc<InMemory>);

    impl fmt::Display for Careless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Careless")
        }
    }

    #[async_trait]
    impl ObjectStore for Careless {
        async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
            self.0.put_opts(location, payload, PutOptions { mode: PutMode::Overwrite, ..opts }).await
        }

        async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
            self.0.put_multipart_opts(location, opts).await
        }

        async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
            self.0.get_opts(location, options).await
        }

        fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
            self.0.delete_stream(locations)
        }

        fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
            self.0.list(prefix)
        }

        async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
            self.0.list_with_delimiter(prefix).await
        }

        async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
            self.0.copy_opts(from, to, options).await
        }
    }
}

#[tokio::test]
async fn the_probe_finds_a_store_without_put_if_absent() {
    let store = Store::from_object_store(Arc::new(careless::Careless::default()), "", StoreKind::Remote, "a careless store");
    store.put("there", Bytes::from_static(b"x")).await.unwrap();
    let error = probe_put_if_absent(&store, "there", Bytes::from_static(b"x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("a careless store"), "{error}");
    // A writer is refused before it has written a row, whether it asks first or not.
    let objects = Arc::new(careless::Careless::default());
    let store = Store::from_object_store(objects, "db", StoreKind::Remote, "a careless store");
    let database = Database::open_store(store.clone(), OpenOptions::default()).await.unwrap();
    let error = database.begin(&database.snapshot().await.unwrap()).unwrap().prepare().await.unwrap_err();
    assert_eq!((error.kind(), store.list("").await.unwrap().len()), (ErrorKind::Unsupported, 1), "{error}");
    let mut transaction = database.begin(&database.snapshot().await.unwrap()).unwrap();
    transaction.create_schema("s", None).unwrap();
    let error = transaction.commit().await.unwrap_err();
    assert_eq!((error.kind(), store.list("").await.unwrap().len()), (ErrorKind::Unsupported, 1), "{error}");
}

#[tokio::test]
async fn a_write_that_fails_leaves_no_unfinished_file() {
    const MIB: usize = 1 << 20;
    for step in [Step::Write, Step::SyncFile, Step::Rename] {
        let disk = SimulatedDisk::new();
        let store = Store::from_local(DurableLocal::on(Arc::new(disk.clone()), "/db"), "/db");
        store.put("data/0", Bytes::from_static(b"x")).await.unwrap();
        let mut upload = store.upload("data/1").await.unwrap();
        disk.fail_next(step, std::io::ErrorKind::StorageFull);
        let mut written = Ok(());
        for _ in 0..10 {
            written = written.and(upload.write(vec![1; 5 * MIB].into()).await);
        }
        let error = written.and(upload.finish().await).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{step:?}: {error}");
        // At once, not some time later: the process may be about to end.
        assert_eq!(disk.names("/db/data".as_ref()).unwrap(), ["0"], "{step:?}");
    }
    // One that is given up.
    let disk = SimulatedDisk::new();
    let store = Store::from_local(DurableLocal::on(Arc::new(disk.clone()), "/db"), "/db");
    let mut upload = store.upload("data/1").await.unwrap();
    upload.write(vec![1; 20 * MIB].into()).await.unwrap();
    assert_eq!(disk.names("/db/data".as_ref()).unwrap().len(), 1);
    drop(upload);
    assert_eq!(disk.names("/db/data".as_ref()).unwrap(), [""; 0]);
}
