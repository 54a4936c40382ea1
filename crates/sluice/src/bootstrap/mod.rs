//! `bootstrap`: what has to exist before Terraform can keep its state, and the folders of the raw bucket. It creates
//! what is missing, can be run again at any time, and changes what it did not create only after a `yes`.

mod bucket;
mod conf;
mod consent;
mod folders;
mod lifecycle;
mod policy;
mod settings;
mod state;

use std::path::PathBuf;

use anyhow::Context;
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use serde_json::json;

use crate::aws::{caller, explain};
use crate::cli::Shared;
use crate::report::{Ended, Report};
use crate::time::{day_path, now};
use bucket::{Origin, Place};
use consent::Difference;
use settings::Settings;

/// Makes the bucket for Terraform's state, backend.conf, and the raw bucket's folders
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice bootstrap --region eu-central-1
  sluice bootstrap --raw-bucket de-wistia-raw-us-east-1-111122223333 --prefix wistia/ --smoke-test

Every value comes from its flag, else from the environment, else from the file .env: AWS_REGION, STATE_BUCKET,
STATE_KEY, RAW_BUCKET, SILVER_BUCKET, GOLD_BUCKET, S3_PREFIX. Terraform creates the data buckets. bootstrap runs with
your own credentials. A bucket that it did not create, or a backend.conf with other values, is shown with what would
change, and changed only after yes; statements and lifecycle rules that a bucket has are kept.
Exit code: 0 everything is there, 1 a data bucket is missing or something was not agreed to, 2 usage or AWS error.")]
pub struct Bootstrap {
    /// Where (AWS_REGION)
    #[arg(long)]
    region: Option<String>,
    /// The bucket for Terraform's state (STATE_BUCKET); default: sluice-tfstate-REGION-ACCOUNT
    #[arg(long, value_name = "NAME")]
    state_bucket: Option<String>,
    /// The state's key in it (STATE_KEY); one for each environment; default: sluice/dev.tfstate
    #[arg(long, value_name = "KEY")]
    state_key: Option<String>,
    /// The raw bucket, which gets its folders once it is there (RAW_BUCKET)
    #[arg(long, value_name = "NAME")]
    raw_bucket: Option<String>,
    /// Looked at only (SILVER_BUCKET)
    #[arg(long, value_name = "NAME")]
    silver_bucket: Option<String>,
    /// Looked at only (GOLD_BUCKET)
    #[arg(long, value_name = "NAME")]
    gold_bucket: Option<String>,
    /// In front of every folder (S3_PREFIX)
    #[arg(long)]
    prefix: Option<String>,
    /// Where backend.conf is written
    #[arg(long, default_value = "backend.conf", value_name = "FILE")]
    backend_conf: PathBuf,
    /// Change backend.conf without asking if it has other values
    #[arg(long)]
    overwrite: bool,
    /// Agree to every change of what bootstrap did not create
    #[arg(long)]
    yes: bool,
    /// Also put hello.txt under PREFIX/raw/test/ and list it
    #[arg(long, default_value_t = false)]
    smoke_test: bool,
}

/// Everything that is to be done, known before anything is done.
struct Plan {
    bucket: String,
    exists: bool,
    origin: Origin,
    changes: Vec<state::Change>,
    conf: conf::Plan,
    folders: Option<Folders>,
    missing_bucket: bool,
}

/// What the raw bucket lacks.
struct Folders {
    bucket: String,
    origin: Origin,
    markers: Vec<String>,
    missing: Vec<String>,
    hello: Option<String>,
    replaces_hello: bool,
}

/// Runs the command.
///
/// # Errors
/// When the settings do not suffice or AWS refuses.
pub async fn run(_: &Shared, args: &Bootstrap, report: &mut Report) -> anyhow::Result<Ended> {
    let settings = Settings::read(args)?;
    let config = caller(&settings.region).await?;
    let account = account(&config).await?;
    let s3 = Client::new(&config);
    let plan = plan(&s3, args, &settings, &account, report).await?;
    if !agreed(args, &plan, report) {
        return Ok(Ended::Not);
    }
    carry_out(&s3, args, &settings, &plan, report).await?;
    Ok(Ended::when(!plan.missing_bucket))
}

async fn account(config: &SdkConfig) -> anyhow::Result<String> {
    let client = aws_sdk_sts::Client::new(config);
    let answer = client.get_caller_identity().send().await;
    let answer = answer.map_err(|e| explain("ask which account your credentials are of", &e))?;
    answer.account.context("AWS does not say which account your credentials are of: sign in again")
}

async fn plan(
    s3: &Client,
    args: &Bootstrap,
    settings: &Settings,
    account: &str,
    report: &Report,
) -> anyhow::Result<Plan> {
    let region = settings.region.as_str();
    let place = Place { account, region };
    let default = || format!("sluice-tfstate-{region}-{account}");
    let bucket = settings.state_bucket.clone().unwrap_or_else(default);
    let exists = bucket::exists(s3, &bucket, place, "--state-bucket").await?;
    let (origin, current) = if exists {
        let origin = bucket::origin(s3, &bucket).await?;
        (origin, state::Current::read(s3, &bucket).await?)
    } else {
        // What S3 gives a new bucket is read once it exists.
        (Origin::Bootstrap, state::Current::default())
    };
    let changes = current.changes(&bucket, region, &settings.state_key)?;
    let conf = conf::plan(&args.backend_conf, &settings.backend(&bucket))?;
    let (folders, missing_bucket) = data_buckets(s3, args, settings, place, report).await?;
    Ok(Plan { bucket, exists, origin, changes, conf, folders, missing_bucket })
}

/// What the raw bucket lacks, and whether a data bucket that is named does not exist.
async fn data_buckets(
    s3: &Client,
    args: &Bootstrap,
    settings: &Settings,
    place: Place<'_>,
    report: &Report,
) -> anyhow::Result<(Option<Folders>, bool)> {
    let mut missing = false;
    for (name, flag) in [(&settings.silver_bucket, "--silver-bucket"), (&settings.gold_bucket, "--gold-bucket")] {
        if let Some(name) = name {
            missing |= !data_bucket(s3, name, place, flag, report).await?;
        }
    }
    let Some(raw) = &settings.raw_bucket else {
        return Ok((None, missing));
    };
    if !data_bucket(s3, raw, place, "--raw-bucket", report).await? {
        return Ok((None, true));
    }
    let folders = plan_folders(s3, raw, args, settings).await?;
    Ok((Some(folders), missing))
}

/// Whether a data bucket exists; Terraform creates them.
async fn data_bucket(s3: &Client, bucket: &str, place: Place<'_>, flag: &str, report: &Report) -> anyhow::Result<bool> {
    let exists = bucket::exists(s3, bucket, place, flag).await?;
    let json = json!({"bucket": bucket, "exists": exists});
    if exists {
        report.line(format_args!("bucket {bucket} is there"), &json);
    } else {
        report.line(
            format_args!("bucket {bucket} is not there yet: Terraform makes it; apply, then run this again"),
            &json,
        );
    }
    Ok(exists)
}

async fn plan_folders(s3: &Client, raw: &str, args: &Bootstrap, settings: &Settings) -> anyhow::Result<Folders> {
    let markers = folders::marker_keys(&settings.prefix, &day_path(now())).to_vec();
    let missing = folders::missing(s3, raw, &markers).await?;
    let hello = args.smoke_test.then(|| folders::hello_key(&settings.prefix));
    let replaces_hello = match &hello {
        Some(key) => folders::other_hello(s3, raw, key).await?,
        None => false,
    };
    Ok(Folders {
        bucket: raw.to_owned(),
        origin: bucket::origin(s3, raw).await?,
        markers,
        missing,
        hello,
        replaces_hello,
    })
}

/// Whether the user agrees to every change of what bootstrap did not create.
fn agreed(args: &Bootstrap, plan: &Plan, report: &Report) -> bool {
    if plan.exists && plan.origin != Origin::Bootstrap && !plan.changes.is_empty() {
        let subject = format!("bucket `{}`", plan.bucket);
        let why = format!("{subject} exists and `sluice bootstrap` did not create it");
        let differences: Vec<Difference> = plan.changes.iter().map(|c| c.difference.clone()).collect();
        if !consent::ask(report, args.yes, &subject, &why, &differences) {
            return false;
        }
    }
    if let conf::Plan::Change(differences, _) = &plan.conf {
        let subject = format!("`{}`", args.backend_conf.display());
        let why = format!("{subject} exists with other values");
        let yes = args.yes || args.overwrite;
        if !consent::ask(report, yes, &subject, &why, differences) {
            return false;
        }
    }
    let Some(folders) = &plan.folders else {
        return true;
    };
    let differences = folders.differences();
    let subject = format!("bucket `{}`", folders.bucket);
    let why = format!(
        "{subject} was created neither by `sluice bootstrap` nor, as its tags say, by Terraform, or holds another hello.txt"
    );
    differences.is_empty() || consent::ask(report, args.yes, &subject, &why, &differences)
}

impl Folders {
    /// What would change that somebody else may rely on.
    fn differences(&self) -> Vec<Difference> {
        let mut differences = Vec::new();
        if self.origin == Origin::Other {
            let keys = self.missing.iter();
            differences.extend(keys.map(|key| Difference::new(key, "no object", "empty object")));
        }
        if let (Some(key), true) = (&self.hello, self.replaces_hello) {
            let wanted = "the text of the smoke test";
            differences.push(Difference::new(key, "another object", wanted));
        }
        differences
    }
}

async fn carry_out(
    s3: &Client,
    args: &Bootstrap,
    settings: &Settings,
    plan: &Plan,
    report: &Report,
) -> anyhow::Result<()> {
    let bucket = plan.bucket.as_str();
    report.mark_changed();
    if !plan.exists {
        bucket::create(s3, bucket, &settings.region).await?;
    }
    let changes = if plan.exists {
        plan.changes.clone()
    } else {
        let current = state::Current::read(s3, bucket).await?;
        current.changes(bucket, &settings.region, &settings.state_key)?
    };
    for change in &changes {
        state::apply(s3, bucket, change).await?;
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
    write_conf(args, &plan.conf, report)?;
    if let Some(plan) = &plan.folders {
        folders::create(s3, &plan.bucket, &plan.markers, report).await?;
        if let Some(key) = &plan.hello {
            folders::smoke_test(s3, &plan.bucket, key, report).await?;
        }
    }
    Ok(())
}

fn write_conf(args: &Bootstrap, plan: &conf::Plan, report: &Report) -> anyhow::Result<()> {
    let path = &args.backend_conf;
    let shown = path.display();
    let (text, result) = match plan {
        conf::Plan::Same => {
            let json = json!({"file": path, "result": "there already"});
            report.line(format_args!("{shown} says so already"), &json);
            return Ok(());
        }
        conf::Plan::Create(text) => (text, "written"),
        conf::Plan::Change(_, text) => (text, "changed"),
    };
    conf::write(path, text)?;
    report.line(
        format_args!("{shown} {result}: terraform -chdir=terraform init -backend-config=../{shown}"),
        &json!({"file": path, "result": result}),
    );
    Ok(())
}
