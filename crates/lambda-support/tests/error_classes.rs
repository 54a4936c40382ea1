//! Classification of SDK errors, constructed directly and from HTTP responses.
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

fn response(status: u16) -> HttpResponse {
    HttpResponse::new(status.try_into().unwrap(), SdkBody::empty())
}

fn service(code: Option<&str>, status: u16) -> SdkError<GetObjectError> {
    let mut meta = ErrorMetadata::builder().message("an explanation");
    if let Some(code) = code {
        meta = meta.code(code);
    }
    SdkError::service_error(GetObjectError::generic(meta.build()), response(status))
}

#[test]
fn constructed_errors_are_classified() {
    let construction: SdkError<GetObjectError> = SdkError::construction_failure("no bucket");
    let timeout: SdkError<GetObjectError> = SdkError::timeout_error("30 s");
    let broken: SdkError<GetObjectError> = SdkError::response_error("not XML", response(200));
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

/// A status without a code, a timeout or a request that was never sent is not a permanent rejection.
#[test]
fn only_an_error_code_of_aws_is_a_permanent_rejection() {
    let rejected = refusal(&service(Some("ValidationException"), 400));
    assert_eq!(rejected.unwrap(), "ValidationException: an explanation");
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

/// A client of a local server that sends one response to every request.
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

fn client_of(port: u16, timeout: Duration) -> Client {
    let timeouts = TimeoutConfig::builder().operation_timeout(timeout);
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
            "</Code><Message>an explanation</Message></Error>"
        )
    };
}

#[tokio::test]
async fn errors_of_get_object_are_classified() {
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

/// Responses to HEAD have no body, and so no error code.
#[tokio::test]
async fn errors_of_head_object_are_classified() {
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
async fn requests_that_do_not_reach_s3_are_classified() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // The server accepts the connection and sends no response.
    let silent = client_of(port, Duration::from_millis(50));
    assert_eq!(classify(&get(&silent).await), ErrorClass::Transient);
    drop(listener);
    let closed = client_of(port, Duration::from_secs(30));
    assert_eq!(classify(&get(&closed).await), ErrorClass::Unreachable);
    let unnamed = closed.get_object().bucket("b").send().await.unwrap_err();
    assert_eq!(classify(&unnamed), ErrorClass::Invalid);
}

#[test]
fn the_operators_handbook_has_a_row_for_every_class() {
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
