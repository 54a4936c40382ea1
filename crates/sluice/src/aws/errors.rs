//! Explains failed calls and what to do about them. Errors are classified by the SDK's types, AWS's error code and the
//! HTTP status, never by the text of a message.

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::io;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use lambda_support::aws::{ErrorClass, classify};
use untrusted_text::escape;

/// A failed call, explained; [`class_of`] returns its class.
#[derive(Debug)]
pub(crate) struct CallError {
    class: ErrorClass,
    text: String,
}

impl Display for CallError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Error for CallError {}

/// The class of the failed call behind an error of [`explain`]; `None` for an error of another kind.
pub(crate) fn class_of(error: &anyhow::Error) -> Option<ErrorClass> {
    error.downcast_ref::<CallError>().map(|f| f.class)
}

/// The HTTP status of a failed call, if the server answered.
pub(crate) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|r| r.status().as_u16())
}

/// Explains a failed call. `action` names the call and its resource, as in "list bucket `b`".
pub(crate) fn explain<E>(action: impl Display, error: &SdkError<E, HttpResponse>) -> anyhow::Error
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let class = classify(error);
    let cause = cause_text(error);
    let text = match advice(class, code(error), status(error), connection_failure(error)) {
        Some(advice) => format!("cannot {action}: {advice}\n{cause}"),
        None => format!("cannot {action}\n{cause}"),
    };
    CallError { class, text }.into()
}

/// Explains a failed call with advice of the caller.
pub(crate) fn explain_with<E>(
    action: impl Display,
    advice: impl Display,
    error: &SdkError<E, HttpResponse>,
) -> anyhow::Error
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    CallError { class: classify(error), text: format!("cannot {action}: {advice}\n{}", cause_text(error)) }.into()
}

fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// AWS's code and message, or why no answer came; escaped.
fn cause_text<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let service = error.as_service_error();
    let message = service.and_then(ProvideErrorMetadata::message);
    match (code(error), message, status(error)) {
        (Some(code), Some(message), _) => escape(&format!("{code}: {message}")),
        (Some(code), None, _) => escape(code),
        (None, _, Some(status)) if status >= 300 => format!("HTTP {status}"),
        _ => escape(&chain(error)),
    }
}

/// The text of an error and its causes, without repetitions.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Why a call got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectionFailure {
    UntrustedCertificate,
    Tls,
    Refused,
    UnknownHost,
    TimedOut,
    Other,
}

/// Why a call got no answer; `None` if it got one, or was never sent.
fn connection_failure<E, R>(error: &SdkError<E, R>) -> Option<ConnectionFailure>
where
    E: Error + 'static,
    R: fmt::Debug,
{
    match error {
        SdkError::TimeoutError(_) => Some(ConnectionFailure::TimedOut),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => Some(ConnectionFailure::TimedOut),
        SdkError::DispatchFailure(failure) => {
            let connector = failure.as_connector_error()?;
            Some(failure_in_chain(connector).unwrap_or(ConnectionFailure::Other))
        }
        _ => None,
    }
}

/// The first error in a chain whose type identifies a connection failure.
fn failure_in_chain(error: &(dyn Error + 'static)) -> Option<ConnectionFailure> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = failure_of(error) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn failure_of(error: &(dyn Error + 'static)) -> Option<ConnectionFailure> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(match tls {
            rustls::Error::InvalidCertificate(_) => ConnectionFailure::UntrustedCertificate,
            _ => ConnectionFailure::Tls,
        });
    }
    let io = error.downcast_ref::<io::Error>()?;
    // `source` of an I/O error skips the error that it wraps.
    let inner = io.get_ref().map(|e| e as &(dyn Error + 'static));
    if let Some(found) = inner.and_then(failure_in_chain) {
        return Some(found);
    }
    match io.kind() {
        io::ErrorKind::ConnectionRefused => Some(ConnectionFailure::Refused),
        io::ErrorKind::TimedOut => Some(ConnectionFailure::TimedOut),
        // The resolver's errors carry neither an OS error code nor a stable kind.
        io::ErrorKind::Other | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => None,
        _ if io.raw_os_error().is_none() && inner.is_some() => Some(ConnectionFailure::UnknownHost),
        // On Windows they carry the codes of Winsock: WSAHOST_NOT_FOUND to WSANO_DATA.
        _ if cfg!(windows) && matches!(io.raw_os_error(), Some(11_001..=11_004)) => {
            Some(ConnectionFailure::UnknownHost)
        }
        _ => None,
    }
}

const SIGN_IN: &str = "your credentials are invalid or have expired: sign in again";
const OTHER_DEPLOYMENT: &str = "the outputs may be from another deployment; apply, or write the outputs file again";
const OTHER_REGION: &str = "the bucket is in another region than the outputs say; they may be from another deployment: write the outputs file again";

/// What to do about a failed call, if that is known.
fn advice(
    class: ErrorClass,
    code: Option<&str>,
    status: Option<u16>,
    connection_failure: Option<ConnectionFailure>,
) -> Option<String> {
    if let Some(failure) = connection_failure {
        return Some(connection_advice(failure).to_owned());
    }
    let code = code.unwrap_or_default();
    let name = code.rsplit('.').next().unwrap_or_default();
    let missing = match name {
        "NoSuchBucket" => Some("bucket"),
        "ResourceNotFoundException" => Some("table"),
        "NonExistentQueue" | "QueueDoesNotExist" => Some("queue"),
        _ => None,
    };
    if let Some(missing) = missing {
        return Some(format!("the {missing} does not exist: {OTHER_DEPLOYMENT}"));
    }
    let advice = match (class, code, status) {
        (
            _,
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException",
            _,
        )
        | (_, _, Some(301 | 307)) => OTHER_REGION,
        (_, "RequestTimeTooSkewed", _) => "the clock of this machine is wrong: set it",
        (ErrorClass::Credentials, ..) => SIGN_IN,
        (ErrorClass::Unreadable, "InvalidObjectState", _) => {
            "the object is archived: restore it first (`aws s3api restore-object`)"
        }
        (ErrorClass::Unreadable, ..) => "the KMS key of the object is disabled, deleted or not usable: enable it first",
        (ErrorClass::Denied, ..) => {
            "the role may not do this: apply the current `terraform/`; omit `--as`, if it was given; if the outputs are from another account or deployment, write the outputs file again"
        }
        (ErrorClass::Invalid | ErrorClass::Transient, "" | "BadRequest", Some(400)) => {
            "rejected without an error code: the credentials may have expired, the bucket may be in another region, or the object is encrypted with a customer-provided key (SSE-C)"
        }
        (ErrorClass::Transient, _, Some(429 | 500..)) => "AWS is busy or has a fault: run this again",
        _ => return None,
    };
    Some(advice.to_owned())
}

fn connection_advice(failure: ConnectionFailure) -> &'static str {
    match failure {
        ConnectionFailure::UntrustedCertificate => {
            "the TLS certificate of the server is not trusted: if a proxy or AWS_ENDPOINT_URL puts another server in between, set SSL_CERT_FILE to a file with its CA certificate"
        }
        ConnectionFailure::Tls => {
            "the TLS handshake failed: if AWS_ENDPOINT_URL is set, use https:// only for a server that supports TLS"
        }
        ConnectionFailure::Refused => {
            "the connection was refused: check AWS_ENDPOINT_URL, if it is set, and the proxy or firewall"
        }
        ConnectionFailure::UnknownHost => {
            "the host name cannot be resolved: check the network, the region in the outputs and AWS_ENDPOINT_URL, if it is set"
        }
        ConnectionFailure::TimedOut => {
            "the call timed out: check the network and AWS_ENDPOINT_URL, if it is set, then run this again"
        }
        ConnectionFailure::Other => {
            "the connection failed: check the network, the region in the outputs and AWS_ENDPOINT_URL, if it is set"
        }
    }
}

/// Explains why a role could not be assumed. `setting` is the Terraform setting that lists its principals.
pub(crate) fn explain_assume_role<E>(arn: &str, setting: &str, error: &SdkError<E, HttpResponse>) -> anyhow::Error
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let class = classify(error);
    let advice = match class {
        ErrorClass::Denied => Some(format!(
            "you are not allowed to assume it: add the ARN of your user or role to `{setting}` and apply; your own policies must allow sts:AssumeRole on it too. `aws sts get-caller-identity` prints your identity"
        )),
        _ => advice(class, code(error), status(error), connection_failure(error)),
    };
    let advice = advice.map_or(String::new(), |advice| format!(": {advice}"));
    let text = format!("cannot assume the role `{}`{advice}\n{}", escape(arn), cause_text(error));
    CallError { class, text }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::CertificateError;

    #[test]
    fn every_class_has_advice() {
        use ErrorClass::{Credentials, Denied, NotFound, Transient, Unreadable};
        for (class, code, status, expected) in [
            (Credentials, "ExpiredToken", 400, "sign in again"),
            (Credentials, "RequestTimeTooSkewed", 403, "the clock"),
            (NotFound, "NoSuchBucket", 404, "the bucket does not exist"),
            (NotFound, "AWS.SimpleQueueService.NonExistentQueue", 400, "the queue does not exist"),
            (NotFound, "ResourceNotFoundException", 400, "the table does not exist"),
            (Denied, "AccessDenied", 403, "the role may not"),
            (Denied, "", 403, "the role may not"),
            (Unreadable, "InvalidObjectState", 403, "archived"),
            (Unreadable, "KMS.DisabledException", 400, "KMS key"),
            (Transient, "PermanentRedirect", 301, "another region"),
            (Transient, "", 301, "another region"),
            (Transient, "", 400, "without an error code"),
            (Transient, "SlowDown", 503, "run this again"),
        ] {
            let advice = advice(class, Some(code), Some(status), None).unwrap();
            assert!(advice.contains(expected), "{code:?}: {advice}");
        }
        assert_eq!(advice(Transient, Some("SomethingNew"), Some(400), None), None);
    }

    /// An error as the HTTP client returns it: an I/O error around an I/O error around the cause.
    fn wrapped(inner: impl Into<Box<dyn Error + Send + Sync>>, kind: io::ErrorKind) -> io::Error {
        io::Error::other(io::Error::new(kind, inner))
    }

    #[test]
    fn connection_failures_are_identified_by_type() {
        let certificate = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let kind = io::ErrorKind::InvalidData;
        for (error, expected) in [
            (wrapped(certificate, kind), Some(ConnectionFailure::UntrustedCertificate)),
            (wrapped(rustls::Error::DecryptError, kind), Some(ConnectionFailure::Tls)),
            (io::Error::from(io::ErrorKind::ConnectionRefused), Some(ConnectionFailure::Refused)),
            (io::Error::from(io::ErrorKind::TimedOut), Some(ConnectionFailure::TimedOut)),
            (io::Error::other("certificate refused, dns error"), None),
        ] {
            assert_eq!(failure_in_chain(&error), expected, "{error:?}");
        }
    }

    #[test]
    fn an_unknown_host_is_identified() {
        use std::net::ToSocketAddrs;
        let error = ("no-such-host.invalid", 443).to_socket_addrs().unwrap_err();
        assert_eq!(failure_in_chain(&error), Some(ConnectionFailure::UnknownHost), "{error:?}");
    }

    #[test]
    fn text_of_every_advice() {
        use ErrorClass::{Credentials, Denied, Invalid, NotFound, Transient, Unreadable};
        let mut text = String::new();
        for (class, code, status) in [
            (Credentials, "ExpiredToken", 400),
            (Credentials, "RequestTimeTooSkewed", 403),
            (NotFound, "NoSuchBucket", 404),
            (NotFound, "AWS.SimpleQueueService.NonExistentQueue", 400),
            (NotFound, "ResourceNotFoundException", 400),
            (Denied, "AccessDenied", 403),
            (Unreadable, "InvalidObjectState", 403),
            (Unreadable, "KMS.DisabledException", 400),
            (Transient, "PermanentRedirect", 301),
            (Invalid, "", 400),
            (Transient, "SlowDown", 503),
            (Transient, "SomethingNew", 400),
        ] {
            let advice = advice(class, Some(code), Some(status), None);
            text.push_str(&format!("{class:?} {code} {status}: {}\n", advice.unwrap_or_default()));
        }
        for why in [
            ConnectionFailure::UntrustedCertificate,
            ConnectionFailure::Tls,
            ConnectionFailure::Refused,
            ConnectionFailure::UnknownHost,
            ConnectionFailure::TimedOut,
            ConnectionFailure::Other,
        ] {
            text.push_str(&format!("{why:?}: {}\n", connection_advice(why)));
        }
        crate::report::testing::assert_text("advice", text);
    }
}
