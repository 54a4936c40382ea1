//! Sessions as the deployment's roles, and what a failed call means in words of what to do.

use std::error::Error;
use std::fmt::Display;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::outputs::{Outputs, System};

/// Who makes the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// The deployment's uploader role.
    Uploader,
    /// The deployment's operator role.
    Operator,
    /// The deployment's auditor role.
    Auditor,
    /// Your own credentials, without assuming a role.
    Caller,
}

/// A configuration with the caller's own credentials.
///
/// # Errors
/// When there are none.
pub async fn caller(region: &str) -> anyhow::Result<SdkConfig> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(Duration::from_secs(60))
        .build();
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .retry_config(RetryConfig::standard().with_max_attempts(4))
        .timeout_config(timeouts)
        .load()
        .await;
    let advice = "no AWS credentials: sign in (`aws sso login`) and name the profile in AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    let provider = config.credentials_provider().context(advice)?;
    if let Err(error) = provider.provide_credentials().await {
        return Err(anyhow!("{advice}\n{}", chain(&error)));
    }
    Ok(config)
}

/// The role's ARN in a system, and the setting that says who may assume it.
fn arn(outputs: &Outputs, system: System, role: Role) -> anyhow::Result<(Option<&str>, String)> {
    let (uploader, operator, auditor) = match system {
        System::Ingest => {
            let names = outputs.ingest()?;
            (&names.uploader_role_arn, &names.operator_role_arn, &None)
        }
        System::Provenance => {
            let names = outputs.provenance()?;
            (
                &names.uploader_role_arn,
                &names.operator_role_arn,
                &names.auditor_role_arn,
            )
        }
    };
    if (system, role) == (System::Ingest, Role::Auditor) {
        bail!("the ingest has no auditor; leave --as out, or name another role");
    }
    let (arn, who) = match role {
        Role::Caller => (&None, "caller"),
        Role::Uploader => (uploader, "uploader"),
        Role::Operator => (operator, "operator"),
        Role::Auditor => (auditor, "auditor"),
    };
    Ok((
        arn.as_deref(),
        format!("{}.{who}_principals", system.name()),
    ))
}

/// A configuration as `role` of one system of the deployment.
///
/// # Errors
/// When there are no credentials, the deployment has no such role or the caller may not assume it.
pub async fn session(outputs: &Outputs, system: System, role: Role) -> anyhow::Result<SdkConfig> {
    let base = caller(&outputs.region).await?;
    if role == Role::Caller {
        return Ok(base);
    }
    let (arn, setting) = arn(outputs, system, role)?;
    let arn = arn.with_context(|| {
        format!("this deployment has no such role: name who may assume it in `{setting}` and apply, or use your own credentials with --as caller")
    })?;
    let provider = AssumeRoleProvider::builder(arn)
        .session_name("sluice")
        .configure(&base)
        .build()
        .await;
    if let Err(error) = provider.provide_credentials().await {
        let why = why_refused(&base, arn, &error).await;
        return Err(refused(arn, &setting, &why));
    }
    let provider = SharedCredentialsProvider::new(provider);
    Ok(base.into_builder().credentials_provider(provider).build())
}

/// The provider's error hides what AWS said, so AWS is asked again.
async fn why_refused(base: &SdkConfig, arn: &str, error: &dyn Error) -> String {
    let request = aws_sdk_sts::Client::new(base).assume_role().role_arn(arn);
    match request.role_session_name("sluice").send().await {
        Err(error) => said(&error),
        Ok(_) => chain(error),
    }
}

fn refused(arn: &str, setting: &str, why: &str) -> anyhow::Error {
    let advice = if why.contains("AccessDenied") {
        format!(
            "you may not: add your user or role to `{setting}` and apply, and see that your own policy allows sts:AssumeRole on it"
        )
    } else if STALE.iter().any(|code| why.contains(code)) {
        "your credentials are not valid (any more): sign in again".to_owned()
    } else if unreachable(why) {
        UNREACHABLE.to_owned()
    } else {
        "see below".to_owned()
    };
    anyhow!("cannot assume the role `{arn}`: {advice}\n{why}")
}

const STALE: [&str; 5] = [
    "ExpiredToken",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "UnrecognizedClient",
    "SignatureDoesNotMatch",
];
const UNREACHABLE: &str =
    "nothing answers: look at the network, the region and, if it is set, AWS_ENDPOINT_URL";

fn unreachable(why: &str) -> bool {
    [
        "dispatch failure",
        "DispatchFailure",
        "timed out",
        "timeout",
    ]
    .iter()
    .any(|sign| why.contains(sign))
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
    let service = error.as_service_error();
    let code = service.and_then(ProvideErrorMetadata::code);
    let told = said(error);
    match advice(code, status(error), &told) {
        Some(advice) => anyhow!("cannot {what}: {advice}\n{told}"),
        None => anyhow!("cannot {what}\n{told}"),
    }
}

/// What AWS said, or why it could not be heard.
fn said<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let service = error.as_service_error();
    let code = service.and_then(ProvideErrorMetadata::code);
    let message = service.and_then(ProvideErrorMetadata::message);
    match (code, message, status(error)) {
        (Some(code), Some(message), _) => format!("{code}: {message}"),
        (Some(code), None, _) => code.to_owned(),
        (None, _, Some(status)) if status >= 300 => format!("HTTP {status}"),
        _ => chain(error),
    }
}

/// An error with its causes.
fn chain(error: &dyn Error) -> String {
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

fn advice(code: Option<&str>, status: Option<u16>, told: &str) -> Option<&'static str> {
    let code = code.unwrap_or_default();
    if STALE.contains(&code) {
        return Some("your credentials are not valid (any more): sign in again");
    }
    match (code, status) {
        ("NoSuchBucket", _) => Some(
            "the bucket does not exist: the outputs may be of another deployment; apply, or write them anew",
        ),
        ("ResourceNotFoundException", _) => Some(
            "the table does not exist: the outputs may be of another deployment; apply, or write them anew",
        ),
        (c, _) if c.contains("NonExistentQueue") || c.contains("QueueDoesNotExist") => Some(
            "the queue does not exist: the outputs may be of another deployment; apply, or write them anew",
        ),
        (c, s) if c.contains("AccessDenied") || s == Some(403) => Some(
            "the role may not: apply the current `terraform/`, and see that no `--as` names a role of less",
        ),
        (_, None) if unreachable(told) => Some(UNREACHABLE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_comes_with_what_to_do() {
        for (code, status, told, expected) in [
            (Some("ExpiredToken"), Some(400), "", "sign in again"),
            (
                Some("NoSuchBucket"),
                Some(404),
                "",
                "the bucket does not exist",
            ),
            (
                Some("AWS.SimpleQueueService.NonExistentQueue"),
                Some(400),
                "",
                "the queue does not exist",
            ),
            (
                Some("ResourceNotFoundException"),
                Some(400),
                "",
                "the table does not exist",
            ),
            (Some("AccessDenied"), Some(403), "", "the role may not"),
            (None, Some(403), "", "the role may not"),
            (None, None, "dispatch failure: io error", "AWS_ENDPOINT_URL"),
        ] {
            let advice = advice(code, status, told).unwrap();
            assert!(advice.contains(expected), "{code:?}: {advice}");
        }
        assert_eq!(advice(Some("InternalError"), Some(500), "x"), None);
    }

    #[test]
    fn a_role_is_of_its_system() {
        let outputs = crate::outputs::tests::outputs();
        let of = |system, role| arn(&outputs, system, role);
        let (auditor, setting) = of(System::Provenance, Role::Auditor).unwrap();
        assert_eq!(
            (auditor, setting.as_str()),
            (Some("arn"), "provenance.auditor_principals")
        );
        let (uploader, setting) = of(System::Ingest, Role::Uploader).unwrap();
        assert_eq!(
            (uploader, setting.as_str()),
            (None, "ingest.uploader_principals")
        );
        assert!(of(System::Ingest, Role::Auditor).is_err());
    }

    #[test]
    fn a_refused_role_names_the_setting() {
        let denied = refused("arn", "ingest.operator_principals", "AccessDenied: no").to_string();
        assert!(denied.contains("ingest.operator_principals"), "{denied}");
        let gone = refused("arn", "ingest.operator_principals", "dispatch failure").to_string();
        assert!(gone.contains("nothing answers"), "{gone}");
    }
}
