//! The proxy in front of a small server, through real connections.

use std::io::{Read, Write};
use std::net::TcpStream as BlockingStream;
use std::time::Instant;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;

use super::*;

/// A server that answers every request with `HOST METHOD PATH BODYLENGTH`, or with so many zeros as the path `/zeros/N` asks for.
fn server() -> Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        runtime.block_on(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = service_fn(|request: hyper::Request<Incoming>| async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await?.to_bytes();
                    let host = head.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
                    let answer = match head.uri.path().strip_prefix("/zeros/").and_then(|count| count.parse().ok()) {
                        Some(count) => vec![0; count],
                        None => format!("{host} {} {} {}", head.method, head.uri, body.len()).into_bytes(),
                    };
                    Ok::<_, hyper::Error>(hyper::Response::new(Full::new(Bytes::from(answer))))
                });
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
    });
    Ok(format!("http://{address}"))
}

fn start(delay_ms: u64, rate_mb: u64) -> Result<Proxy> {
    Proxy::start(&server()?, Distance { delay_ms, rate_mb }, 0)
}

/// Sends a request on a connection and reads `Content-Length` bytes of answer (none for HEAD).
fn ask(stream: &mut BlockingStream, method: &str, path: &str, body: &[u8]) -> Result<(String, Vec<u8>)> {
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: bucket.example\r\nContent-Length: {}\r\n\r\n", body.len())?;
    stream.write_all(body)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).context("no length")?;
    let mut body = vec![0; if method == "HEAD" { 0 } else { length.parse()? }];
    stream.read_exact(&mut body)?;
    Ok((head, body))
}

fn connect(proxy: &Proxy) -> Result<BlockingStream> {
    Ok(BlockingStream::connect(proxy.address)?)
}

#[test]
fn passes_requests_on_unchanged_and_counts_them() -> Result<()> {
    let proxy = start(0, 0)?;
    let mut stream = connect(&proxy)?;
    let (_, body) = ask(&mut stream, "PUT", "/b/key?x=1", b"12345")?;
    assert_eq!(String::from_utf8_lossy(&body), "bucket.example PUT /b/key?x=1 5");
    let (head, _) = ask(&mut stream, "HEAD", "/b/key", b"")?;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let (_, body) = ask(&mut stream, "GET", "/zeros/100000", b"")?;
    assert_eq!(body.len(), 100_000);

    let trace = proxy.take_trace();
    let counts = trace.counts();
    assert_eq!((counts.requests, counts.gets, counts.puts, counts.heads, counts.others), (3, 1, 1, 1, 0));
    assert_eq!((counts.bytes_up, counts.bytes_down), (5, 31 + 100_000));
    assert_eq!(trace.round_trips(), 3);
    assert!(trace.requests.iter().all(|request| request.connection == 1 && request.status == 200));
    assert!(proxy.take_trace().requests.is_empty());
    Ok(())
}

#[test]
fn waits_and_limits_the_rate() -> Result<()> {
    let proxy = start(20, 1)?;
    let start = Instant::now();
    let (_, body) = ask(&mut connect(&proxy)?, "GET", "/zeros/100000", b"")?;
    // 20 ms, and 100 kB at 1 MB/s. A slower machine takes longer; a faster one must not be quicker.
    assert!(start.elapsed() >= Duration::from_millis(20 + 99), "{:?}", start.elapsed());
    assert_eq!(body.len(), 100_000);
    let trace = proxy.take_trace();
    assert!(trace.requests[0].end_us - trace.requests[0].start_us >= 119_000);
    Ok(())
}

#[test]
fn requests_on_several_connections_overlap() -> Result<()> {
    let proxy = start(500, 0)?;
    let barrier = Arc::new(std::sync::Barrier::new(4));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (mut stream, barrier) = (connect(&proxy)?, Arc::clone(&barrier));
            Ok(std::thread::spawn(move || {
                barrier.wait();
                ask(&mut stream, "GET", "/", b"").map(|_| ())
            }))
        })
        .collect::<Result<_>>()?;
    for client in clients {
        client.join().map_err(|_| Error::new("a client panicked"))??;
    }
    let trace = proxy.take_trace();
    assert_eq!(trace.counts().requests, 4);
    assert!(trace.round_trips() < 4, "{:?}", trace.requests);
    Ok(())
}

#[test]
fn says_so_when_nobody_is_behind_it() -> Result<()> {
    let unused = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let proxy = Proxy::start(&format!("http://{unused}"), Distance { delay_ms: 0, rate_mb: 0 }, 0)?;
    let (head, body) = ask(&mut connect(&proxy)?, "GET", "/", b"")?;
    assert!(head.starts_with("http/1.1 502"), "{head}");
    assert!(String::from_utf8_lossy(&body).contains("did not answer"));
    assert!(Proxy::start("https://example.com", Distance { delay_ms: 0, rate_mb: 0 }, 0).is_err());
    Ok(())
}
