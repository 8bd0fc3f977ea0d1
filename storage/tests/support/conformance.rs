//! What every kind of store must do. Give it an empty place in a store; it panics at the first thing that is not so.

use bytes::Bytes;
use clouddb_storage::ErrorKind;
use clouddb_storage::store::probe::probe_put_if_absent;
use clouddb_storage::store::{PutIfAbsent, Store};

/// The whole suite.
pub(crate) async fn conformance(store: &Store) {
    absent_objects(store).await;
    put_and_get(store).await;
    create_once(store).await;
    one_of_sixteen_creates(store).await;
    ranges(store).await;
    listings(store).await;
    uploads(store).await;
    bad_paths(store).await;
    counts(store).await;
    probe(store).await;
}

/// Bytes that differ at every place, so that a wrong offset shows.
pub(crate) fn pattern(length: usize) -> Bytes {
    (0..length as u64).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect()
}

async fn absent_objects(store: &Store) {
    assert!(store.is_empty().await.unwrap());
    assert_eq!(store.list("").await.unwrap(), []);
    assert_eq!(store.list("no/such/folder").await.unwrap(), []);
    for path in ["nothing", "no/such/folder/object"] {
        assert_eq!(store.get(path).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(store.head(path).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(store.get_ranges(path, &[0..1, 5..6]).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    let error = store.get("no/such/object").await.unwrap_err();
    assert!(error.message().contains("no/such/object"), "{error}");
}

async fn put_and_get(store: &Store) {
    for bytes in [Bytes::new(), pattern(1), pattern(100_000)] {
        store.put("put/object", bytes.clone()).await.unwrap();
        assert_eq!(store.get("put/object").await.unwrap(), bytes);
        assert_eq!(store.head("put/object").await.unwrap(), bytes.len() as u64);
    }
    assert!(!store.is_empty().await.unwrap());
}

async fn create_once(store: &Store) {
    let (first, second) = (pattern(1024), Bytes::from_static(b"second"));
    assert_eq!(store.put_if_absent("once/a", first.clone()).await.unwrap(), PutIfAbsent::Created);
    assert_eq!(store.put_if_absent("once/a", second.clone()).await.unwrap(), PutIfAbsent::Exists);
    assert_eq!(store.put_if_absent("once/a", first.clone()).await.unwrap(), PutIfAbsent::Exists);
    assert_eq!(store.get("once/a").await.unwrap(), first);
    // Empty objects exist as much as others: a tombstone must never be created over.
    store.put("once/a", Bytes::new()).await.unwrap();
    assert_eq!(store.put_if_absent("once/a", first).await.unwrap(), PutIfAbsent::Exists);
    assert_eq!(store.get("once/a").await.unwrap(), Bytes::new());
}

async fn one_of_sixteen_creates(store: &Store) {
    for round in 0..4 {
        let path = format!("race/{round}/slot");
        let tasks: Vec<_> = (0..16_u8)
            .map(|who| {
                let (store, path) = (store.clone(), path.clone());
                tokio::spawn(async move { (who, store.put_if_absent(&path, Bytes::from(vec![who; 2000])).await) })
            })
            .collect();
        let mut winners = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                (who, Ok(PutIfAbsent::Created)) => winners.push(who),
                (_, Ok(PutIfAbsent::Exists)) => {}
                // A store may say that it cannot tell while another write is under way; it must not say so to everybody.
                (_, Err(error)) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
            }
        }
        assert_eq!(winners.len(), 1, "winners of round {round}: {winners:?}");
        assert_eq!(store.get(&path).await.unwrap(), vec![winners[0]; 2000]);
    }
}

async fn ranges(store: &Store) {
    const LENGTH: u64 = 3_000_000;
    let bytes = pattern(LENGTH as usize);
    store.put("ranges/object", bytes.clone()).await.unwrap();
    let far_and_near =
        [0..10, 10..20, 15..1000, 1_500_000..1_500_001, 2_999_990..LENGTH, 7..7, 500_000..900_000, 0..LENGTH, 2_000_000..2_000_100];
    for wanted in [&far_and_near[..], &far_and_near[..1], &[]] {
        let found = store.get_ranges("ranges/object", wanted).await.unwrap();
        assert_eq!(found.len(), wanted.len());
        for (range, found) in wanted.iter().zip(found) {
            assert_eq!(found, bytes.slice(range.start as usize..range.end as usize), "{range:?}");
        }
    }
    for beyond in [LENGTH - 1..LENGTH + 1, LENGTH..LENGTH + 1, LENGTH + 1000..LENGTH + 2000] {
        let error = store.get_ranges("ranges/object", &[0..1, beyond.clone()]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{beyond:?}: {error:?}");
    }
}

async fn listings(store: &Store) {
    for path in ["list/a", "list/b/1", "list/b/2", "list/b/c/deep", "list-of-others/x"] {
        store.put(path, Bytes::from(path.to_string())).await.unwrap();
    }
    let listed = |mut objects: Vec<clouddb_storage::store::Listed>| {
        objects.sort_by(|a, b| a.path.cmp(&b.path));
        assert!(objects.iter().all(|object| object.length == object.path.len() as u64), "{objects:?}");
        objects.into_iter().map(|object| object.path).collect::<Vec<_>>()
    };
    assert_eq!(listed(store.list("list").await.unwrap()), ["list/a", "list/b/1", "list/b/2", "list/b/c/deep"]);
    assert_eq!(listed(store.list("list/b/").await.unwrap()), ["list/b/1", "list/b/2", "list/b/c/deep"]);
    assert_eq!(listed(store.list("list/b/c").await.unwrap()), ["list/b/c/deep"]);
    let everything = store.list("").await.unwrap();
    assert!(everything.iter().any(|object| object.path == "list-of-others/x"), "{everything:?}");
    // More than one page of S3.
    let puts = (0..1100).map(|i| {
        let store = store.clone();
        async move { store.put(&format!("pages/{i:04}"), Bytes::from_static(b"x")).await.unwrap() }
    });
    futures::StreamExt::for_each_concurrent(futures::stream::iter(puts), 32, |put| put).await;
    assert_eq!(store.list("pages").await.unwrap().len(), 1100);
}

async fn uploads(store: &Store) {
    // Nothing, a little, exactly one part, one byte more, 20 MiB in odd pieces.
    const PART: usize = 8 * 1024 * 1024;
    for (i, length) in [0, 1, PART, PART + 1, 20 * 1024 * 1024].into_iter().enumerate() {
        let path = format!("upload/{i}");
        let bytes = pattern(length);
        let mut upload = store.upload(&path).await.unwrap();
        for piece in bytes.chunks(777_777) {
            upload.write(Bytes::copy_from_slice(piece)).await.unwrap();
        }
        assert_eq!(store.head(&path).await.unwrap_err().kind(), ErrorKind::NotFound, "visible before it is finished");
        upload.finish().await.unwrap();
        assert!(store.get(&path).await.unwrap() == bytes, "{length} bytes came back differently");
    }
    let mut upload = store.upload("upload/tiny").await.unwrap();
    for byte in pattern(10_000).iter() {
        upload.write(Bytes::copy_from_slice(&[*byte])).await.unwrap();
    }
    upload.finish().await.unwrap();
    assert_eq!(store.get("upload/tiny").await.unwrap(), pattern(10_000));

    // One that is given up leaves nothing.
    let mut upload = store.upload("upload/abandoned").await.unwrap();
    upload.write(pattern(2 * PART + 5)).await.unwrap();
    drop(upload);
    assert_eq!(store.head("upload/abandoned").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(store.list("upload").await.unwrap().len(), 6);
}

async fn bad_paths(store: &Store) {
    for path in ["a//b", "../up", "a/./b"] {
        assert_eq!(store.put(path, Bytes::new()).await.unwrap_err().kind(), ErrorKind::Invalid, "{path}");
        assert_eq!(store.get(path).await.unwrap_err().kind(), ErrorKind::Invalid, "{path}");
    }
}

async fn counts(store: &Store) {
    let before = store.counts();
    store.put("counts/a", pattern(1_000_000)).await.unwrap();
    store.put_if_absent("counts/a", pattern(10)).await.unwrap();
    store.get("counts/a").await.unwrap();
    store.get("counts/none").await.unwrap_err();
    store.get_ranges("counts/a", &[0..10, 20..30, 900_000..900_010]).await.unwrap();
    store.head("counts/a").await.unwrap();
    store.list("counts").await.unwrap();
    let counts = store.counts() - before;
    assert_eq!((counts.gets, counts.puts, counts.heads, counts.lists), (4, 2, 1, 1), "{counts:?}");
    assert_eq!((counts.bytes_read, counts.bytes_written), (1_000_000 + 30 + 10, 1_000_010), "{counts:?}");
}

async fn probe(store: &Store) {
    store.put("probe", pattern(100)).await.unwrap();
    probe_put_if_absent(store, "probe", pattern(100)).await.unwrap();
    assert_eq!(store.get("probe").await.unwrap(), pattern(100));
}
