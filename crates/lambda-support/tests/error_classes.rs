//! Errors are classified as the SDK makes them, from its own constructors and from answers on the wire.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::{ErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::primitives::SdkBody;
use lambda_support::aws::{ErrorClass, Obstacle, classify, is_object_not_found, obstacle, refusal};

fn answer(status: u16) -> HttpResponse {
    HttpResponse::new(status.try_into().unwrap(), SdkBody::empty())
}

fn service(code: Option<&str>, status: u16) -> SdkError<GetObjectError> {
    let mut meta = ErrorMetadata::builder().message("in AWS's words");
    if let Some(code) = code {
        meta = meta.code(code);
    }
    SdkError::service_error(GetObjectError::generic(meta.build()), answer(status))
}

#[test]
fn what_the_sdk_constructs() {
    let construction: SdkError<GetObjectError> = SdkError::construction_failure("no bucket");
    let timeout: SdkError<GetObjectError> = SdkError::timeout_error("30 s");
    let broken: SdkError<GetObjectError> = SdkError::response_error("not XML", answer(200));
    for (error, class) in [
        (construction, ErrorClass::Invalid),
        (timeout, ErrorClass::Transient),
        (broken, ErrorClass::Transient),
        (service(None, 403), ErrorClass::Denied),
        (service(Some("InternalError"), 500), ErrorClass::Transient),
        (service(Some("SlowDown"), 503), ErrorClass::Transient),
        (service(Some("ExpiredToken"), 400), ErrorClass::Credentials),
        (service(Some("NoSuchVersion"), 404), ErrorClass::NotFound),
        (service(Some("MethodNotAllowed"), 405), ErrorClass::Invalid),
    ] {
        assert_eq!(classify(&error), class, "{error:?}");
    }
}

/// Only a code of AWS's is a permanent refusal; a bare status, a timeout or a request that was never sent is none.
#[test]
fn refusals_are_aws_s_own() {
    let refused = refusal(&service(Some("ValidationException"), 400));
    assert_eq!(refused.unwrap(), "ValidationException: in AWS's words");
    let construction: SdkError<GetObjectError> = SdkError::construction_failure("no bucket");
    assert_eq!(refusal(&construction), None);
    for (code, status) in [
        (None, 400),
        (Some("ThrottlingException"), 400),
        (Some("SomethingNew"), 400),
        (Some("AccessDenied"), 403),
        (Some("InternalServerError"), 500),
    ] {
        assert_eq!(refusal(&service(code, status)), None, "{code:?}");
    }
}

#[test]
fn a_missing_bucket_is_not_a_missing_object() {
    assert!(is_object_not_found(&service(Some("NoSuchKey"), 404)));
    assert!(is_object_not_found(&service(None, 404)));
    assert!(!is_object_not_found(&service(Some("NoSuchBucket"), 404)));
    assert!(!is_object_not_found(&service(None, 403)));
}

/// A client of a server on this machine that gives one answer to every request.
fn client(response: &'static str) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 8192]);
            let _ = stream.write_all(response.as_bytes());
        }
    });
    client_of(port, Duration::from_secs(30))
}

fn client_of(port: u16, patience: Duration) -> Client {
    let timeouts = TimeoutConfig::builder().operation_timeout(patience);
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("AKIA", "secret", None, None, "test"))
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts.build())
        .build();
    Client::from_conf(config)
}

async fn get(client: &Client) -> SdkError<GetObjectError> {
    let request = client.get_object().bucket("b").key("k");
    request.version_id("v").send().await.unwrap_err()
}

async fn head(client: &Client) -> SdkError<HeadObjectError> {
    let request = client.head_object().bucket("b").key("k");
    request.version_id("v").send().await.unwrap_err()
}

macro_rules! xml {
    ($status:literal, $code:literal) => {
        concat!(
            "HTTP/1.1 ",
            $status,
            "\r\nContent-Type: application/xml\r\nConnection: close\r\n\r\n<Error><Code>",
            $code,
            "</Code><Message>in S3's words</Message></Error>"
        )
    };
}

#[tokio::test]
async fn what_s3_answers_to_a_read() {
    let archived = get(&client(xml!("403 Forbidden", "InvalidObjectState"))).await;
    assert_eq!(classify(&archived), ErrorClass::Unreadable);
    assert_eq!(obstacle(&archived), Some(Obstacle::Archived));
    for response in [
        xml!("400 Bad Request", "KMS.DisabledException"),
        xml!("400 Bad Request", "KMS.KMSInvalidStateException"),
        xml!("400 Bad Request", "KMS.NotFoundException"),
    ] {
        let error = get(&client(response)).await;
        assert_eq!(classify(&error), ErrorClass::Unreadable, "{response}");
        assert_eq!(obstacle(&error), Some(Obstacle::KmsKey), "{response}");
    }
    let own_key = get(&client(xml!("400 Bad Request", "InvalidRequest"))).await;
    assert_eq!(obstacle(&own_key), Some(Obstacle::CustomerKey));
    for response in [
        xml!("403 Forbidden", "AccessDenied"),
        xml!("400 Bad Request", "InvalidArgument"),
        xml!("400 Bad Request", "ExpiredToken"),
        xml!("400 Bad Request", "KMS.ThrottlingException"),
        xml!("503 Slow Down", "SlowDown"),
        xml!("404 Not Found", "NoSuchVersion"),
    ] {
        assert_eq!(obstacle(&get(&client(response)).await), None, "{response}");
    }
}

/// Answers to HEAD have no body, hence no code.
#[tokio::test]
async fn what_s3_answers_to_a_head() {
    for (response, class) in [
        ("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", ErrorClass::Invalid),
        ("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n", ErrorClass::Denied),
        ("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n", ErrorClass::NotFound),
        ("HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\n\r\n", ErrorClass::Invalid),
        ("HTTP/1.1 503 Slow Down\r\nConnection: close\r\n\r\n", ErrorClass::Transient),
    ] {
        assert_eq!(classify(&head(&client(response)).await), class, "{response}");
    }
}

#[tokio::test]
async fn what_never_reaches_s3() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // It accepts and says nothing.
    let silent = client_of(port, Duration::from_millis(50));
    assert_eq!(classify(&get(&silent).await), ErrorClass::Transient);
    drop(listener);
    let closed = client_of(port, Duration::from_secs(30));
    assert_eq!(classify(&get(&closed).await), ErrorClass::Unreachable);
    let unnamed = closed.get_object().bucket("b").send().await.unwrap_err();
    assert_eq!(classify(&unnamed), ErrorClass::Invalid);
}

/// The operator's handbook has a row for every class.
#[test]
fn every_class_is_in_the_handbook() {
    const PAGE: &str = include_str!("../../../docs/operating.md");
    let name = |class: ErrorClass| match class {
        ErrorClass::NotFound => "not found",
        ErrorClass::Denied => "denied",
        ErrorClass::PreconditionFailed => "precondition failed",
        ErrorClass::Unreadable => "unreadable",
        ErrorClass::Invalid => "invalid",
        ErrorClass::Credentials => "credentials",
        ErrorClass::Transient => "transient",
        ErrorClass::Unreachable => "unreachable",
    };
    for class in [
        ErrorClass::NotFound,
        ErrorClass::Denied,
        ErrorClass::PreconditionFailed,
        ErrorClass::Unreadable,
        ErrorClass::Invalid,
        ErrorClass::Credentials,
        ErrorClass::Transient,
        ErrorClass::Unreachable,
    ] {
        let (_, section) = PAGE.split_once("## What fails").unwrap();
        let row = section.lines().find(|l| l.starts_with(&format!("| {} | ", name(class))));
        assert_eq!(row.map(|r| r.split(" | ").count()), Some(4), "{class:?}");
    }
}
