//! Plans a bootstrap: everything that will be done is determined, and confirmed, before anything is done.

use aws_sdk_s3::Client;
use serde_json::json;

use super::args::BootstrapArgs;
use super::backend_conf::{self, BackendConfPlan};
use super::bucket::{self, BucketOwner, Origin};
use super::confirmation::{self, Difference};
use super::settings::BootstrapSettings;
use super::state_bucket::{BucketChange, CurrentSettings};
use super::{folder_markers, raw_folders};
use crate::report::Report;
use crate::time::{day_path, now};

pub(super) struct BootstrapPlan {
    /// The state bucket.
    pub(super) bucket: String,
    pub(super) exists: bool,
    origin: Origin,
    pub(super) changes: Vec<BucketChange>,
    pub(super) backend_conf: BackendConfPlan,
    /// `None` if no raw bucket is named or it does not exist.
    pub(super) raw_bucket: Option<RawBucketPlan>,
    /// Whether a data bucket that is named does not exist.
    pub(super) is_data_bucket_missing: bool,
}

/// The objects to create in the raw bucket.
pub(super) struct RawBucketPlan {
    pub(super) bucket: String,
    origin: Origin,
    /// The folder markers.
    pub(super) markers: Vec<String>,
    /// Of these, the ones that do not exist.
    missing_markers: Vec<String>,
    /// The key of the smoke test's object, if it is to be put.
    pub(super) hello_key: Option<String>,
    /// Whether another object is under that key.
    replaces_hello: bool,
}

pub(super) async fn plan(
    s3: &Client,
    args: &BootstrapArgs,
    settings: &BootstrapSettings,
    account: &str,
    report: &Report,
) -> anyhow::Result<BootstrapPlan> {
    let region = settings.region.as_str();
    let owner = BucketOwner { account, region };
    let default_bucket = || format!("sluice-tfstate-{region}-{account}");
    let bucket = settings.state_bucket.clone().unwrap_or_else(default_bucket);
    let exists = bucket::exists(s3, &bucket, owner, "--state-bucket").await?;
    let (origin, current) = if exists {
        let origin = bucket::origin(s3, &bucket).await?;
        (origin, CurrentSettings::read(s3, &bucket).await?)
    } else {
        // The default settings of a new bucket are read once it exists.
        (Origin::Bootstrap, CurrentSettings::default())
    };
    let changes = current.changes(&bucket, region, &settings.state_key)?;
    let backend_conf = backend_conf::plan(&args.backend_conf, &settings.backend(&bucket))?;
    let (raw_bucket, is_data_bucket_missing) = plan_data_buckets(s3, args, settings, owner, report).await?;
    Ok(BootstrapPlan { bucket, exists, origin, changes, backend_conf, raw_bucket, is_data_bucket_missing })
}

/// Checks the data buckets. Returns the plan of the raw bucket, and whether a data bucket does not exist.
async fn plan_data_buckets(
    s3: &Client,
    args: &BootstrapArgs,
    settings: &BootstrapSettings,
    owner: BucketOwner<'_>,
    report: &Report,
) -> anyhow::Result<(Option<RawBucketPlan>, bool)> {
    let mut is_missing = false;
    for (name, flag) in [(&settings.silver_bucket, "--silver-bucket"), (&settings.gold_bucket, "--gold-bucket")] {
        if let Some(name) = name {
            is_missing |= !data_bucket_exists(s3, name, owner, flag, report).await?;
        }
    }
    let Some(raw) = &settings.raw_bucket else {
        return Ok((None, is_missing));
    };
    if !data_bucket_exists(s3, raw, owner, "--raw-bucket", report).await? {
        return Ok((None, true));
    }
    let raw_bucket = plan_raw_bucket(s3, raw, args, settings).await?;
    Ok((Some(raw_bucket), is_missing))
}

async fn data_bucket_exists(
    s3: &Client,
    bucket: &str,
    owner: BucketOwner<'_>,
    flag: &str,
    report: &Report,
) -> anyhow::Result<bool> {
    let exists = bucket::exists(s3, bucket, owner, flag).await?;
    let json = json!({"bucket": bucket, "exists": exists});
    if exists {
        report.line(format_args!("bucket {bucket} exists"), &json);
    } else {
        let text = format_args!("bucket {bucket} does not exist yet: Terraform creates it; apply, then run this again");
        report.line(text, &json);
    }
    Ok(exists)
}

async fn plan_raw_bucket(
    s3: &Client,
    raw: &str,
    args: &BootstrapArgs,
    settings: &BootstrapSettings,
) -> anyhow::Result<RawBucketPlan> {
    let markers = raw_folders::marker_keys(&settings.prefix, &day_path(now())).to_vec();
    let missing_markers = folder_markers::missing(s3, raw, &markers).await?;
    let hello_key = args.smoke_test.then(|| raw_folders::hello_key(&settings.prefix));
    let replaces_hello = match &hello_key {
        Some(key) => raw_folders::has_other_content(s3, raw, key).await?,
        None => false,
    };
    Ok(RawBucketPlan {
        bucket: raw.to_owned(),
        origin: bucket::origin(s3, raw).await?,
        markers,
        missing_markers,
        hello_key,
        replaces_hello,
    })
}

impl BootstrapPlan {
    /// Prints the changes of what bootstrap did not create, and asks for confirmation. Without such changes, nothing is
    /// asked.
    pub(super) fn is_confirmed(&self, args: &BootstrapArgs, report: &Report) -> bool {
        if self.exists && self.origin != Origin::Bootstrap && !self.changes.is_empty() {
            let subject = format!("bucket `{}`", self.bucket);
            let why = format!("{subject} exists and `sluice bootstrap` did not create it");
            let differences: Vec<Difference> = self.changes.iter().map(|c| c.difference.clone()).collect();
            if !confirmation::ask(report, args.yes, &subject, &why, &differences) {
                return false;
            }
        }
        if let BackendConfPlan::Change(differences, _) = &self.backend_conf {
            let subject = format!("`{}`", args.backend_conf.display());
            let why = format!("{subject} exists with other values");
            if !confirmation::ask(report, args.yes || args.overwrite, &subject, &why, differences) {
                return false;
            }
        }
        let Some(raw) = &self.raw_bucket else {
            return true;
        };
        let differences = raw.differences();
        let subject = format!("bucket `{}`", raw.bucket);
        let why = format!(
            "{subject} was not created by `sluice bootstrap` or, according to its tags, by Terraform, or has another hello.txt"
        );
        differences.is_empty() || confirmation::ask(report, args.yes, &subject, &why, &differences)
    }
}

impl RawBucketPlan {
    /// The changes that need confirmation.
    fn differences(&self) -> Vec<Difference> {
        let mut differences = Vec::new();
        if self.origin == Origin::Other {
            let keys = self.missing_markers.iter();
            differences.extend(keys.map(|key| Difference::new(key, "no object", "empty object")));
        }
        if let (Some(key), true) = (&self.hello_key, self.replaces_hello) {
            differences.push(Difference::new(key, "another object", "the text of the smoke test"));
        }
        differences
    }
}
