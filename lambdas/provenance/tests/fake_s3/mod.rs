//! A fake S3 on a free local port. Each test provides its responses.
#![allow(dead_code, reason = "each test uses a part")]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub method: String,
    /// Path and query, encoded.
    pub target: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Request {
    /// `Range`: the first byte and the one after the last.
    pub(crate) fn range(&self) -> Option<(usize, usize)> {
        let (from, to) = self.headers.get("range")?.strip_prefix("bytes=")?.split_once('-')?;
        Some((from.parse().ok()?, to.parse::<usize>().ok()? + 1))
    }
}

/// A response.
#[derive(Debug, Clone, Default)]
pub(crate) struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Sends only this many bytes of the body, and then this.
    pub cut: Option<(usize, Cut)>,
    /// Delay before it is sent.
    pub after: Duration,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Cut {
    Close,
    Stall,
}

impl Response {
    pub(crate) fn of(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub(crate) fn error(status: u16, code: &str) -> Self {
        let body = format!("<Error><Code>{code}</Code><Message>as requested</Message></Error>");
        Self { body: body.into_bytes(), ..Self::of(status) }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn cut(mut self, at: usize, cut: Cut) -> Self {
        self.cut = Some((at, cut));
        self
    }

    /// The response to a `GetObject` of these bytes, or of the requested range.
    pub(crate) fn object(bytes: &[u8], request: &Request) -> Self {
        let response = match request.range() {
            None => Self { body: bytes.to_vec(), ..Self::of(200) },
            Some((from, to)) => {
                let part = bytes.get(from..to).unwrap_or_default();
                let content_range = format!("bytes {from}-{}/{}", to - 1, bytes.len());
                Self { body: part.to_vec(), ..Self::of(206).with("content-range", content_range) }
            }
        };
        response.with("etag", "\"e1\"")
    }
}

/// Starts a server; returns its URL.
pub(crate) async fn serve(handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let handler = Arc::new(handler);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let handler = Arc::clone(&handler);
            tokio::spawn(async move { connection(stream, &*handler).await });
        }
    });
    format!("http://{address}")
}

async fn connection(stream: TcpStream, handler: &impl Fn(&Request) -> Response) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await {
        let response = handler(&request);
        tokio::time::sleep(response.after).await;
        let length = response.body.len();
        let mut head = format!("HTTP/1.1 {} -\r\n", response.status);
        let known = response.headers.iter().any(|(n, _)| *n == "content-length");
        if !known {
            head.push_str(&format!("content-length: {length}\r\n"));
        }
        for (name, value) in &response.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let sent = response.cut.map_or(length, |(at, _)| at.min(length));
        let body = if request.method == "HEAD" { &[] } else { &response.body[..sent] };
        let wrote = stream.write_all(head.as_bytes()).await.is_ok()
            && stream.write_all(body).await.is_ok()
            && stream.flush().await.is_ok();
        match response.cut {
            _ if !wrote => return,
            None => {}
            Some((_, Cut::Close)) => return,
            Some((_, Cut::Stall)) => std::future::pending().await,
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut request = Request::default();
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let mut words = line.split(' ');
    request.method = words.next()?.to_owned();
    request.target = words.next()?.to_owned();
    loop {
        line.clear();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        request.headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = request.headers.get("content-length");
    let length = length.and_then(|l| l.parse().ok()).unwrap_or(0);
    request.body.resize(length, 0);
    stream.read_exact(&mut request.body).await.ok()?;
    Some(request)
}

/// The SDK configuration for the server at `url`: three attempts without delay, no time limits.
pub(crate) fn config(url: &str) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "test");
    let retries = RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(1));
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(retries)
        .timeout_config(TimeoutConfig::disabled())
        .endpoint_url(url)
        .build()
}
