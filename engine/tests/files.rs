//! Files in place, where SQL alone does not show it: files behind `http://`, by a server on loopback that knows HEAD, GET and ranges; what is said of lines that
//! were refused.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use clouddb_engine::{Database, ErrorKind, Options, Session, StatementResult};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

type Files = Arc<HashMap<&'static str, Vec<u8>>>;

/// Serves files until the runtime ends; returns where, and the lines of requests.
async fn serve(files: HashMap<&'static str, Vec<u8>>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (files, requests) = (Arc::new(files), Arc::new(Mutex::new(Vec::new())));
    let seen = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, Arc::clone(&files), Arc::clone(&seen)));
        }
    });
    (url, requests)
}

/// Answers the requests of one connection.
async fn answer(mut stream: TcpStream, files: Files, seen: Arc<Mutex<Vec<String>>>) {
    let mut received = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => received.extend_from_slice(&buffer[..count]),
        }
        while let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let request = String::from_utf8(received.drain(..end + 4).collect()).unwrap();
            let line = request.lines().next().unwrap().to_owned();
            let mut words = line.split(' ');
            let (method, path) = (words.next().unwrap(), words.next().unwrap());
            let range = request.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
            let response = response(&files, method, path, range.as_deref());
            seen.lock().unwrap().push(line.clone());
            if stream.write_all(&response).await.is_err() {
                return;
            }
        }
    }
}

fn response(files: &Files, method: &str, path: &str, range: Option<&str>) -> Vec<u8> {
    let Some(data) = files.get(path) else { return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec() };
    let modified = "Last-Modified: Fri, 30 Jan 2026 10:00:00 GMT";
    let (head, body) = match range.and_then(|range| range.split_once('-')) {
        None => (format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{modified}\r\n\r\n", data.len()), data.clone()),
        Some((from, to)) => {
            let (from, to) = (from.parse::<usize>().unwrap(), to.parse::<usize>().map_or(data.len(), |to| (to + 1).min(data.len())));
            let part = data[from..to].to_vec();
            let range = format!("Content-Range: bytes {from}-{}/{}", to - 1, data.len());
            (format!("HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\n{range}\r\n{modified}\r\n\r\n", part.len()), part)
        }
    };
    let mut response = head.into_bytes();
    if method != "HEAD" {
        response.extend(body);
    }
    response
}

async fn sum(session: &mut Session, sql: &str) -> Result<i64, clouddb_engine::Error> {
    match session.execute(sql).await? {
        StatementResult::Rows(rows) => Ok(rows.collect().await?[0].column(0).as_primitive::<Int64Type>().value(0)),
        StatementResult::Done(_) => unreachable!("a query has rows"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_behind_http_are_read_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let parquet = folder.path().join("x.parquet");
    let database = Database::open("memory://", Options::default()).await.unwrap();
    let mut session = database.session();
    let write = format!("COPY (SELECT * FROM (VALUES (20), (22)) AS v(n)) TO '{}'", parquet.display());
    session.execute(&write).await.unwrap();
    let (url, requests) = serve(HashMap::from([
        ("/data/x.csv", b"n\n1\n2\n".to_vec()),
        ("/a%20b.csv?key=s%2Fx", b"n\n3\n4\n".to_vec()),
        ("/x.parquet", std::fs::read(parquet).unwrap()),
    ]))
    .await;
    assert_eq!(sum(&mut session, &format!("SELECT sum(n) FROM '{url}/data/x.csv'")).await.unwrap(), 3);
    // What stands behind a question mark is no part of the name.
    assert_eq!(sum(&mut session, &format!("SELECT sum(n) FROM '{url}/a%20b.csv?key=s%2Fx'")).await.unwrap(), 7);
    assert_eq!(sum(&mut session, &format!("SELECT sum(n)::BIGINT FROM '{url}/x.parquet'")).await.unwrap(), 42);
    let both = format!("SELECT sum(n) FROM read_csv(['{url}/data/x.csv', '{url}/a%20b.csv?key=s%2Fx'])");
    assert_eq!(sum(&mut session, &both).await.unwrap(), 10);
    assert!(requests.lock().unwrap().iter().any(|line| line.starts_with("HEAD ")));

    let missing = sum(&mut session, &format!("SELECT sum(n) FROM '{url}/nosuch.csv'")).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing}");
    assert!(missing.message().contains("nosuch.csv"), "{missing}");
    let pattern = sum(&mut session, &format!("SELECT sum(n) FROM '{url}/*.csv'")).await.unwrap_err();
    assert!(pattern.message().contains("is a pattern"), "{pattern}");
}

#[tokio::test]
async fn refused_lines_are_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    std::fs::write(&path, "n\n1\nx\n2\ny\n").unwrap();
    let database = Database::open("memory://", Options::default()).await.unwrap();
    let mut session = database.session();
    session.execute("CREATE TABLE t (n BIGINT)").await.unwrap();
    assert!(session.notices().is_empty());
    session.execute(&format!("COPY t FROM '{}' (IGNORE_ERRORS)", path.display())).await.unwrap();
    assert_eq!(session.notices(), ["2 lines were refused: SELECT * FROM system.rejects WHERE statement = 1"]);
    assert_eq!(sum(&mut session, "SELECT sum(n) FROM t").await.unwrap(), 3);
    assert!(session.notices().is_empty());
    // A query says so when its rows have been read; a plan that reads the file twice counts each reading.
    let query =
        format!("SELECT sum(n) FROM read_csv('{}', columns = {{'n': 'BIGINT'}}, header = true, ignore_errors = true)", path.display());
    assert_eq!(sum(&mut session, &query).await.unwrap(), 3);
    assert_eq!(session.notices(), ["2 lines were refused: SELECT * FROM system.rejects WHERE statement = 2"]);
    let count = "SELECT count(*) FROM system.rejects WHERE statement = 2";
    assert_eq!(sum(&mut session, count).await.unwrap(), 2);
}
