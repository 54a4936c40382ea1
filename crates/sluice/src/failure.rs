//! What a failed call means in words of what to do. Told by the SDK's types, AWS's code and the HTTP status, never by
//! the words of a message.

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::io;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use lambda_support::aws::{ErrorClass, classify};
use untrusted_text::escape;

/// A call that failed, in words; its class stays known to whoever catches it.
#[derive(Debug)]
pub struct Failure {
    class: ErrorClass,
    text: String,
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Error for Failure {}

/// The class of the failed call behind an error of [`explain`]; `None` for an error of another kind.
#[must_use]
pub fn class_of(error: &anyhow::Error) -> Option<ErrorClass> {
    error.downcast_ref::<Failure>().map(|f| f.class)
}

/// The HTTP status of a failed call, if there was an answer.
pub fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|r| r.status().as_u16())
}

/// What a failed call means. `what` is what was being done, with the resource: "list bucket `b`".
pub fn explain<E>(what: impl Display, error: &SdkError<E, HttpResponse>) -> anyhow::Error
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let class = classify(error);
    let said = said(error);
    let text = match advice(class, code(error), status(error), unanswered(error)) {
        Some(advice) => format!("cannot {what}: {advice}\n{said}"),
        None => format!("cannot {what}\n{said}"),
    };
    Failure { class, text }.into()
}

fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// What AWS said, or why it could not be heard; escaped.
pub fn said<E>(error: &SdkError<E, HttpResponse>) -> String
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

/// An error with its causes, each told once.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let more = next.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = next.source();
    }
    text
}

/// Why no answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unanswered {
    Certificate,
    Tls,
    Refused,
    Name,
    TimedOut,
    Other,
}

/// Why no answer came to a call; `None` if one came or none was asked for.
fn unanswered<E, R>(error: &SdkError<E, R>) -> Option<Unanswered>
where
    E: Error + 'static,
    R: fmt::Debug,
{
    match error {
        SdkError::TimeoutError(_) => Some(Unanswered::TimedOut),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => Some(Unanswered::TimedOut),
        SdkError::DispatchFailure(failure) => {
            let connector = failure.as_connector_error()?;
            Some(cause(connector).unwrap_or(Unanswered::Other))
        }
        _ => None,
    }
}

/// The first cause in a chain of errors whose type says why nothing answered.
fn cause(error: &(dyn Error + 'static)) -> Option<Unanswered> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = cause_of(error) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn cause_of(error: &(dyn Error + 'static)) -> Option<Unanswered> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(match tls {
            rustls::Error::InvalidCertificate(_) => Unanswered::Certificate,
            _ => Unanswered::Tls,
        });
    }
    let io = error.downcast_ref::<io::Error>()?;
    // `source` of an I/O error skips the error that it wraps.
    let inner = io.get_ref().map(|e| e as &(dyn Error + 'static));
    if let Some(found) = inner.and_then(cause) {
        return Some(found);
    }
    match io.kind() {
        io::ErrorKind::ConnectionRefused => Some(Unanswered::Refused),
        io::ErrorKind::TimedOut => Some(Unanswered::TimedOut),
        // The resolver's errors carry neither a code of the system nor a kind with a name.
        io::ErrorKind::Other | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => None,
        _ if io.raw_os_error().is_none() && inner.is_some() => Some(Unanswered::Name),
        // On Windows they have those of Winsock: WSAHOST_NOT_FOUND to WSANO_DATA.
        _ if cfg!(windows) && matches!(io.raw_os_error(), Some(11_001..=11_004)) => Some(Unanswered::Name),
        _ => None,
    }
}

const SIGN_IN: &str = "your credentials are not valid, or not valid any more: sign in again";
const OTHER_DEPLOYMENT: &str = "the outputs may be of another deployment; apply, or write them again";
const OTHER_REGION: &str =
    "the bucket is in another region than the outputs say: they may be of another deployment; write them again";

/// What to do about it, if that is known.
fn advice(
    class: ErrorClass,
    code: Option<&str>,
    status: Option<u16>,
    unanswered: Option<Unanswered>,
) -> Option<String> {
    if let Some(why) = unanswered {
        return Some(no_answer(why).to_owned());
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
            "the role may not do this: apply the current `terraform/`; if `--as` was given, leave it out; if the outputs are of another account or deployment, write them again"
        }
        (ErrorClass::Invalid | ErrorClass::Transient, "" | "BadRequest", Some(400)) => {
            "refused without a reason: the credentials may have expired, the bucket may be in another region, or the object is encrypted with a key of its uploader"
        }
        (ErrorClass::Transient, _, Some(429 | 500..)) => "AWS is busy or has a fault: run it again",
        _ => return None,
    };
    Some(advice.to_owned())
}

fn no_answer(why: Unanswered) -> &'static str {
    match why {
        Unanswered::Certificate => {
            "the TLS certificate of the server is not trusted: if the network or AWS_ENDPOINT_URL puts a proxy or a local server in between, name its CA in SSL_CERT_FILE"
        }
        Unanswered::Tls => {
            "no TLS connection could be made: see that AWS_ENDPOINT_URL, if it is set, begins with https:// only where the server speaks TLS"
        }
        Unanswered::Refused => {
            "the connection was refused: nothing listens there; check AWS_ENDPOINT_URL, if it is set, and the proxy or firewall"
        }
        Unanswered::Name => {
            "the name of the server cannot be resolved: check the network, the region of the outputs and AWS_ENDPOINT_URL, if it is set"
        }
        Unanswered::TimedOut => {
            "no answer in time: check the network and AWS_ENDPOINT_URL, if it is set, then run it again"
        }
        Unanswered::Other => {
            "no connection: check the network, the region of the outputs and AWS_ENDPOINT_URL, if it is set"
        }
    }
}

/// Why a role could not be assumed, and what to do. `setting` names who may.
pub fn role_refused<E>(arn: &str, setting: &str, error: &SdkError<E, HttpResponse>) -> anyhow::Error
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let class = classify(error);
    let advice = match class {
        ErrorClass::Denied => Some(format!(
            "the role does not let you assume it: add the ARN of your user or role to `{setting}` and apply; your own policy has to allow sts:AssumeRole on it too. `aws sts get-caller-identity` shows who you are"
        )),
        _ => advice(class, code(error), status(error), unanswered(error)),
    };
    let advice = advice.map_or(String::new(), |a| format!(": {a}"));
    let text = format!("cannot assume the role `{}`{advice}\n{}", escape(arn), said(error));
    Failure { class, text }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::CertificateError;

    #[test]
    fn every_failure_comes_with_what_to_do() {
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
            (Transient, "", 400, "without a reason"),
            (Transient, "SlowDown", 503, "run it again"),
        ] {
            let advice = advice(class, Some(code), Some(status), None).unwrap();
            assert!(advice.contains(expected), "{code:?}: {advice}");
        }
        assert_eq!(advice(Transient, Some("SomethingNew"), Some(400), None), None);
    }

    /// As the HTTP client hands them up: an I/O error around an I/O error around the reason.
    fn wrapped(inner: impl Into<Box<dyn Error + Send + Sync>>, kind: io::ErrorKind) -> io::Error {
        io::Error::other(io::Error::new(kind, inner))
    }

    #[test]
    fn why_nothing_answered_is_told_by_types() {
        let certificate = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let kind = io::ErrorKind::InvalidData;
        for (error, expected) in [
            (wrapped(certificate, kind), Some(Unanswered::Certificate)),
            (wrapped(rustls::Error::DecryptError, kind), Some(Unanswered::Tls)),
            (io::Error::from(io::ErrorKind::ConnectionRefused), Some(Unanswered::Refused)),
            (io::Error::from(io::ErrorKind::TimedOut), Some(Unanswered::TimedOut)),
            (io::Error::other("certificate refused, dns error"), None),
        ] {
            assert_eq!(cause(&error), expected, "{error:?}");
        }
    }

    #[test]
    fn a_name_that_cannot_be_resolved_is_told() {
        use std::net::ToSocketAddrs;
        let error = ("no-such-host.invalid", 443).to_socket_addrs().unwrap_err();
        assert_eq!(cause(&error), Some(Unanswered::Name), "{error:?}");
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
            Unanswered::Certificate,
            Unanswered::Tls,
            Unanswered::Refused,
            Unanswered::Name,
            Unanswered::TimedOut,
            Unanswered::Other,
        ] {
            text.push_str(&format!("{why:?}: {}\n", no_answer(why)));
        }
        crate::report::testing::assert_text("advice", text);
    }
}
