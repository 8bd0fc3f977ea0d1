//! Where credentials and settings come from. The environment belongs to a whole process, so each case runs in a process of its own: this test's
//! binary again, told by its environment to connect, to read one object, and to print what it found.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "support/s3_server.rs"]
mod s3_server;

use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use clouddb_storage::store::Store;
use s3_server::{KEY_ID, S3Server, SECRET};

/// Set in the processes that play a case.
const URL: &str = "CLOUDDB_TEST_CONNECT_TO";
const OPTIONS: &str = "CLOUDDB_TEST_OPTIONS";

/// The part of a case that runs in its own process.
#[tokio::test(flavor = "multi_thread")]
async fn player() {
    let Ok(url) = std::env::var(URL) else { return };
    let options: Vec<_> = std::env::var(OPTIONS)
        .unwrap_or_default()
        .split_whitespace()
        .map(|pair| pair.split_once('=').map(|(key, value)| (key.to_string(), value.to_string())).unwrap())
        .collect();
    match Store::connect(&url, &options).await {
        Ok(store) => match store.get("object").await {
            Ok(_) => println!("FOUND with {}", store.description()),
            Err(error) => println!("FAILED {error}"),
        },
        Err(error) => println!("REFUSED {error}"),
    }
}

/// Runs a case with nothing in its environment but what is given.
async fn play(home: &Path, environment: &[(&str, &str)], options: &str) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "player", "--nocapture"]).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    // No test may depend on the machine's own roles, or wait for them.
    command.env("HOME", home).env("AWS_EC2_METADATA_DISABLED", "true").env(URL, "s3://test/p").env(OPTIONS, options);
    command.envs(environment.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let start = ["FOUND", "FAILED", "REFUSED"].into_iter().find_map(|sign| printed.find(sign));
    printed[start.unwrap_or_else(|| panic!("{printed}"))..].split("\ntest ").next().unwrap().to_string()
}

struct Case {
    server: S3Server,
    home: tempfile::TempDir,
    endpoint: String,
}

impl Case {
    async fn new() -> Self {
        let server = S3Server::start().await;
        server.store("p").await.put("object", Bytes::from_static(b"x")).await.unwrap();
        let endpoint = server.endpoint();
        Self { server, home: tempfile::tempdir().unwrap(), endpoint }
    }

    fn write(&self, name: &str, content: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_string()
    }

    async fn play(&self, environment: &[(&str, &str)], options: &str) -> String {
        play(self.home.path(), environment, options).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_from_the_environment() {
    let case = Case::new().await;
    let keys = [("AWS_ACCESS_KEY_ID", KEY_ID), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    for (endpoint, region) in
        [("AWS_ENDPOINT_URL", "AWS_REGION"), ("AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION"), ("AWS_ENDPOINT", "AWS_REGION")]
    {
        let environment = [keys[0], keys[1], (endpoint, &case.endpoint), (region, "eu-west-3"), ("AWS_SESSION_TOKEN", "")];
        let said = case.play(&environment, "").await;
        let expected = format!("FOUND with bucket 'test' (region eu-west-3, endpoint {}, credentials: environment)", case.endpoint);
        assert!(said.starts_with(&expected), "{said}");
    }
    // The endpoint made for S3 wins over the general one, options over the environment.
    let both = [keys[0], keys[1], ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"), ("AWS_ENDPOINT_URL_S3", &case.endpoint)];
    assert!(case.play(&both, "").await.starts_with("FOUND"));
    let said = case.play(&both, "endpoint=http://127.0.0.1:1").await;
    assert!(said.starts_with("FAILED") && said.contains("cannot connect"), "{said}");
    let wrong = [("AWS_ACCESS_KEY_ID", "wrong"), ("AWS_SECRET_ACCESS_KEY", "wrong"), ("AWS_SESSION_TOKEN", "not to be mixed in")];
    let environment = [wrong[0], wrong[1], wrong[2], ("AWS_ENDPOINT_URL", &case.endpoint)];
    let said = case.play(&environment, "").await;
    assert!(said.starts_with("FAILED") && said.contains("credentials: environment"), "{said}");
    let said = case.play(&environment, &format!("access_key_id={KEY_ID} secret_access_key={SECRET}")).await;
    assert!(said.starts_with("FOUND") && said.contains("credentials: options"), "{said}");
    // Half a key is a mistake, not a reason to look elsewhere.
    let said = case.play(&[keys[0], ("AWS_ENDPOINT_URL", &case.endpoint)], "").await;
    assert!(said.starts_with("REFUSED bucket 'test' (region us-east-1") && said.contains("AWS_SECRET_ACCESS_KEY"), "{said}");
    let said = case.play(&[keys[0], keys[1], ("AWS_ENDPOINT_URL", &case.endpoint), ("AWS_CA_BUNDLE", "no-such-file.pem")], "").await;
    assert!(said.starts_with("REFUSED") && said.contains("no-such-file.pem") && said.contains("AWS_CA_BUNDLE"), "{said}");
    // Plain HTTP can be forbidden.
    let said = case.play(&[keys[0], keys[1], ("AWS_ENDPOINT_URL", &case.endpoint), ("AWS_ALLOW_HTTP", "false")], "").await;
    assert!(!said.starts_with("FOUND"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_from_profiles() {
    let case = Case::new().await;
    case.write(".aws/credentials", &format!("[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n"));
    case.write(
        ".aws/config",
        &format!(
            "[default]\nregion = eu-south-1\nendpoint_url = {0}\n\n[profile other]\nregion = eu-north-1\nendpoint_url = {0}\n\
             aws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n\n[profile empty]\nregion = eu-north-1\nendpoint_url = {0}\n",
            case.endpoint
        ),
    );
    let said = case.play(&[], "").await;
    assert!(said.starts_with("FOUND") && said.contains("region eu-south-1") && said.contains("profile 'default'"), "{said}");
    for (environment, options) in [(&[("AWS_PROFILE", "other")][..], ""), (&[], "profile=other"), (&[], "aws_profile=other")] {
        let said = case.play(environment, options).await;
        assert!(said.starts_with("FOUND") && said.contains("region eu-north-1") && said.contains("profile 'other'"), "{options}: {said}");
    }
    // Keys in the environment win over a profile from the environment, and give way to one that was asked for.
    let wrong = [("AWS_ACCESS_KEY_ID", "wrong"), ("AWS_SECRET_ACCESS_KEY", "wrong"), ("AWS_PROFILE", "other")];
    assert!(case.play(&wrong, "").await.contains("credentials: environment"));
    assert!(case.play(&wrong[..2], "profile=other").await.starts_with("FOUND"));
    for (options, part) in [("profile=nobody", "nobody"), ("profile=empty", "empty")] {
        let said = case.play(&[], options).await;
        assert!(said.starts_with("REFUSED") && said.contains(part), "{said}");
    }
    // Files elsewhere.
    let elsewhere = case.write("elsewhere", &format!("[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = wrong\n"));
    let said = case.play(&[("AWS_SHARED_CREDENTIALS_FILE", &elsewhere)], "").await;
    assert!(said.starts_with("FAILED") && said.contains("profile 'default'"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_from_a_process() {
    let case = Case::new().await;
    let keys =
        format!(r#"{{"Version": 1, "AccessKeyId": "{KEY_ID}", "SecretAccessKey": "{SECRET}", "Expiration": "2999-01-01T00:00:00Z"}}"#);
    let file = case.write("keys.json", &keys);
    case.write(".aws/config", &format!("[default]\nregion = x\nendpoint_url = {}\ncredential_process = cat {file}\n", case.endpoint));
    let said = case.play(&[], "").await;
    assert!(said.starts_with("FOUND") && said.contains("profile 'default'"), "{said}");
    case.write(".aws/config", &format!("[default]\nregion = x\nendpoint_url = {}\ncredential_process = false\n", case.endpoint));
    let said = case.play(&[], "").await;
    assert!(said.starts_with("REFUSED") && said.contains("profile 'default'"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_from_a_container_role() {
    let case = Case::new().await;
    // Any HTTP server on loopback may play the container's credentials endpoint.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let role = tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let _ = tokio::io::AsyncReadExt::read(&mut connection, &mut request).await;
            let body = format!(
                r#"{{"AccessKeyId": "{KEY_ID}", "SecretAccessKey": "{SECRET}", "Token": "", "Expiration": "2999-01-01T00:00:00Z"}}"#
            );
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            let _ = tokio::io::AsyncWriteExt::write_all(&mut connection, answer.as_bytes()).await;
        }
    });
    let uri = format!("http://{address}/role");
    let environment = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()), ("AWS_ENDPOINT_URL", &case.endpoint), ("AWS_REGION", "x")];
    let said = case.play(&environment, "").await;
    role.abort();
    assert!(said.contains("credentials: container role"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_from_sso_need_a_login() {
    let case = Case::new().await;
    let sso = "sso_start_url = https://example.org/start\nsso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = r\n";
    case.write(".aws/config", &format!("[profile work]\nregion = eu-west-1\nendpoint_url = {}\n{sso}", case.endpoint));
    let said = case.play(&[("AWS_PROFILE", "work")], "").await;
    assert!(said.starts_with("REFUSED bucket 'test' (region eu-west-1") && said.contains("aws sso login --profile 'work'"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_from_an_instance_role() {
    let case = Case::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // The metadata service of an EC2 instance: a token for the session, the role's name, its keys.
    let service = tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = tokio::io::AsyncReadExt::read(&mut connection, &mut request).await.unwrap_or(0);
            let line = String::from_utf8_lossy(&request[..length]).lines().next().unwrap_or_default().to_string();
            let path = line.split(' ').nth(1).unwrap_or_default().to_string();
            let body = match path.trim_end_matches('/') {
                "/latest/api/token" => "token".to_string(),
                path if path.ends_with("/the-role") => format!(
                    r#"{{"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "{KEY_ID}", "SecretAccessKey": "{SECRET}", "Token": "",
                        "LastUpdated": "2026-01-01T00:00:00Z", "Expiration": "2999-01-01T00:00:00Z"}}"#
                ),
                path if path.ends_with("security-credentials") => "the-role".to_string(),
                _ => String::new(),
            };
            let status = if body.is_empty() { "404 Not Found" } else { "200 OK" };
            let answer = format!(
                "HTTP/1.1 {status}\r\nx-aws-ec2-metadata-token-ttl-seconds: 21600\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = tokio::io::AsyncWriteExt::write_all(&mut connection, answer.as_bytes()).await;
        }
    });
    let metadata = format!("http://{address}");
    let environment = [
        ("AWS_EC2_METADATA_DISABLED", "false"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.as_str()),
        ("AWS_ENDPOINT_URL", &case.endpoint),
        ("AWS_REGION", "x"),
    ];
    let said = case.play(&environment, "").await;
    service.abort();
    assert!(said.contains("credentials: instance role"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credentials_at_all() {
    let case = Case::new().await;
    let said = case.play(&[("AWS_ENDPOINT_URL", &case.endpoint)], "").await;
    assert!(
        said.starts_with("REFUSED")
            && said.contains("bucket 'test'")
            && said.contains("found no credentials")
            && said.contains("AWS_ACCESS_KEY_ID"),
        "{said}"
    );
    assert_eq!(case.server.requests(), 1, "the store was not asked (beyond the test's own write)");
    let said = case.play(&[("AWS_ENDPOINT_URL", &case.endpoint)], "skip_signature=true").await;
    assert!(said.starts_with("FAILED") && said.contains("not signed"), "{said}");
}
