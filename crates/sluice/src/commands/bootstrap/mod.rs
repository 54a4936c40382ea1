//! `bootstrap`: creates the bucket for Terraform's state, `backend.conf`, and the folders of the raw bucket; with
//! `--markers`, the folders of a deployment. It can be run again at any time. It changes what it did not create only after
//! confirmation.

mod args;
mod backend_conf;
mod bucket;
mod confirmation;
mod deployment_folders;
mod folder_markers;
mod lock_lifecycle;
mod plan;
mod raw_folders;
mod settings;
mod state_bucket;
mod tls_policy;

use anyhow::Context;
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use serde_json::json;

use crate::aws::errors::explain;
use crate::aws::session::caller;
use crate::globals::Globals;
use crate::report::{ExitStatus, Report};
pub(crate) use args::BootstrapArgs;
use backend_conf::BackendConfPlan;
use plan::BootstrapPlan;
use settings::BootstrapSettings;
use state_bucket::CurrentSettings;

pub(crate) async fn run(globals: &Globals, args: &BootstrapArgs, report: &mut Report) -> anyhow::Result<ExitStatus> {
    if args.markers {
        return deployment_folders::create(globals, report).await;
    }
    let settings = BootstrapSettings::read(args)?;
    let config = caller(&settings.region).await?;
    let account = account_id(&config).await?;
    let s3 = Client::new(&config);
    let plan = plan::plan(&s3, args, &settings, &account, report).await?;
    if !plan.is_confirmed(args, report) {
        return Ok(ExitStatus::Failure);
    }
    apply(&s3, args, &settings, &plan, report).await?;
    Ok(ExitStatus::success_if(!plan.is_data_bucket_missing))
}

/// The account of the caller's credentials.
async fn account_id(config: &SdkConfig) -> anyhow::Result<String> {
    let answer = aws_sdk_sts::Client::new(config).get_caller_identity().send().await;
    let identity = answer.map_err(|e| explain("get the account of your credentials (sts:GetCallerIdentity)", &e))?;
    identity.account.context("sts:GetCallerIdentity returned no account: sign in again")
}

async fn apply(
    s3: &Client,
    args: &BootstrapArgs,
    settings: &BootstrapSettings,
    plan: &BootstrapPlan,
    report: &Report,
) -> anyhow::Result<()> {
    report.mark_changed();
    apply_to_state_bucket(s3, settings, plan, report).await?;
    write_backend_conf(args, &plan.backend_conf, report)?;
    if let Some(raw) = &plan.raw_bucket {
        folder_markers::create(s3, &raw.bucket, &raw.markers, report).await?;
        if let Some(key) = &raw.hello_key {
            raw_folders::smoke_test(s3, &raw.bucket, key, report).await?;
        }
    }
    Ok(())
}

async fn apply_to_state_bucket(
    s3: &Client,
    settings: &BootstrapSettings,
    plan: &BootstrapPlan,
    report: &Report,
) -> anyhow::Result<()> {
    let bucket = plan.bucket.as_str();
    let changes = if plan.exists {
        plan.changes.clone()
    } else {
        bucket::create(s3, bucket, &settings.region).await?;
        let current = CurrentSettings::read(s3, bucket).await?;
        current.changes(bucket, &settings.region, &settings.state_key)?
    };
    for change in &changes {
        state_bucket::apply(s3, bucket, change).await?;
    }
    let result = match (plan.exists, changes.is_empty()) {
        (false, _) => "made",
        (true, true) => "there already",
        (true, false) => "changed",
    };
    report.line(
        format_args!("bucket {bucket} {result}: versioned, encrypted, TLS only, not public, old locks expire"),
        &json!({"bucket": bucket, "result": result}),
    );
    Ok(())
}

fn write_backend_conf(args: &BootstrapArgs, plan: &BackendConfPlan, report: &Report) -> anyhow::Result<()> {
    let path = &args.backend_conf;
    let shown = path.display();
    let (text, result) = match plan {
        BackendConfPlan::Unchanged => {
            let json = json!({"file": path, "result": "there already"});
            report.line(format_args!("{shown} already has these values"), &json);
            return Ok(());
        }
        BackendConfPlan::Create(text) => (text, "written"),
        BackendConfPlan::Change(_, text) => (text, "changed"),
    };
    backend_conf::write(path, text)?;
    report.line(
        format_args!("{shown} {result}: terraform -chdir=terraform init -backend-config=../{shown}"),
        &json!({"file": path, "result": result}),
    );
    Ok(())
}
