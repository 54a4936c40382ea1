//! Sessions of the caller and of the deployment's roles.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{ProvideCredentials, SharedCredentialsProvider};
use untrusted_text::escape;

use crate::aws::errors::{chain, explain_assume_role};
use crate::outputs::{Outputs, System};

/// The role session name, which CloudTrail logs.
const SESSION_NAME: &str = "sluice";

/// The identity that makes the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Role {
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
/// If there are none.
pub(crate) async fn caller(region: &str) -> anyhow::Result<SdkConfig> {
    let timeouts =
        TimeoutConfig::builder().connect_timeout(Duration::from_secs(5)).read_timeout(Duration::from_secs(60)).build();
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .retry_config(RetryConfig::standard().with_max_attempts(4))
        .timeout_config(timeouts)
        .load()
        .await;
    let advice = "no AWS credentials: sign in (`aws sso login`) and set AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    let provider = config.credentials_provider().context(advice)?;
    if let Err(error) = provider.provide_credentials().await {
        return Err(anyhow!("{advice}\n{}", escape(&chain(&error))));
    }
    Ok(config)
}

/// The ARN of a system's role, if it has one, and the Terraform setting that lists who may assume it.
fn role_arn(outputs: &Outputs, system: System, role: Role) -> anyhow::Result<(Option<&str>, String)> {
    let (uploader, operator, auditor) = match system {
        System::Ingest => {
            let names = outputs.ingest()?;
            (&names.uploader_role_arn, &names.operator_role_arn, &None)
        }
        System::Provenance => {
            let names = outputs.provenance()?;
            (&names.uploader_role_arn, &names.operator_role_arn, &names.auditor_role_arn)
        }
    };
    if (system, role) == (System::Ingest, Role::Auditor) {
        bail!("the ingest has no auditor role: omit `--as`, or name another role");
    }
    let (arn, role_name) = match role {
        Role::Caller => (&None, "caller"),
        Role::Uploader => (uploader, "uploader"),
        Role::Operator => (operator, "operator"),
        Role::Auditor => (auditor, "auditor"),
    };
    Ok((arn.as_deref(), format!("{}.{role_name}_principals", system.name())))
}

/// A configuration with the credentials of `role` of one system of the deployment.
///
/// # Errors
/// If there are no credentials, the deployment has no such role, or the caller may not assume it.
pub(crate) async fn session(outputs: &Outputs, system: System, role: Role) -> anyhow::Result<SdkConfig> {
    let base = caller(&outputs.region).await?;
    if role == Role::Caller {
        return Ok(base);
    }
    let (role_arn, setting) = role_arn(outputs, system, role)?;
    let arn = role_arn.with_context(|| {
        format!("this deployment has no such role: list the principals that may assume it in `{setting}` and apply, or use your own credentials with `--as caller`")
    })?;
    // The provider hides AWS's error, so the role is assumed once directly.
    let request = aws_sdk_sts::Client::new(&base).assume_role().role_arn(arn).role_session_name(SESSION_NAME);
    request.send().await.map_err(|e| explain_assume_role(arn, &setting, &e))?;
    let provider = AssumeRoleProvider::builder(arn).session_name(SESSION_NAME).configure(&base).build().await;
    Ok(base.into_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A configuration for requests that are never sent.
    pub(crate) fn offline() -> SdkConfig {
        let latest = BehaviorVersion::latest();
        SdkConfig::builder().behavior_version(latest).build()
    }

    #[test]
    fn roles_belong_to_a_system() {
        let outputs = crate::outputs::tests::outputs();
        let of = |system, role| role_arn(&outputs, system, role);
        let (auditor, setting) = of(System::Provenance, Role::Auditor).unwrap();
        assert_eq!((auditor, setting.as_str()), (Some("arn"), "provenance.auditor_principals"));
        let (uploader, setting) = of(System::Ingest, Role::Uploader).unwrap();
        assert_eq!((uploader, setting.as_str()), (None, "ingest.uploader_principals"));
        assert!(of(System::Ingest, Role::Auditor).is_err());
    }
}
