//! `bootstrap`: what has to be there before Terraform can keep its state, and the folders people look for. It makes
//! what is missing, and can be run again at any time.

mod conf;
mod settings;
mod state;

use std::path::PathBuf;

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use serde_json::json;

use crate::aws::{caller, explain, status};
use crate::cli::Shared;
use crate::report::{Ended, Report};
use crate::store::{Store, place};
use crate::time::{day_path, now};
use settings::Settings;

/// Makes the bucket for Terraform's state, backend.conf, and the raw bucket's folders
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice bootstrap --region eu-central-1
  sluice bootstrap --raw-bucket de-wistia-raw-us-east-1-111122223333 --prefix wistia/ --smoke-test

Every value comes from its flag, else from the environment, else from the file .env: AWS_REGION, STATE_BUCKET,
STATE_KEY, RAW_BUCKET, SILVER_BUCKET, GOLD_BUCKET, S3_PREFIX. The data buckets are Terraform's to make. It runs with your
own credentials, and changes nothing that is right already.
Exit code: 0 everything is there, 1 a data bucket is missing or backend.conf is another's.")]
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
    /// Write backend.conf even if it says something else
    #[arg(long)]
    overwrite: bool,
    /// Also put hello.txt under PREFIX/raw/test/ and list it
    #[arg(long, default_value_t = false)]
    smoke_test: bool,
}

/// Runs the command.
///
/// # Errors
/// When the settings do not suffice or AWS refuses.
pub async fn run(_: &Shared, args: &Bootstrap, report: &mut Report) -> anyhow::Result<Ended> {
    let settings = Settings::read(args)?;
    let config = caller(&settings.region).await?;
    let s3 = Client::new(&config);
    let bucket = match &settings.state_bucket {
        Some(name) => name.clone(),
        None => format!(
            "sluice-tfstate-{}-{}",
            settings.region,
            account(&config).await?
        ),
    };
    state::ensure(&s3, &bucket, &settings, report).await?;
    let written = conf::ensure(args, &bucket, &settings, report)?;
    let mut whole = written;
    for name in [&settings.silver_bucket, &settings.gold_bucket]
        .into_iter()
        .flatten()
    {
        whole &= there(&s3, name, report).await?;
    }
    if let Some(raw) = &settings.raw_bucket {
        let found = there(&s3, raw, report).await?;
        whole &= found;
        if found {
            markers(&s3, raw, &settings.prefix, report).await?;
            if args.smoke_test {
                smoke_test(&s3, raw, &settings.prefix, report).await?;
            }
        }
    }
    Ok(Ended::when(whole))
}

async fn account(config: &SdkConfig) -> anyhow::Result<String> {
    let answer = aws_sdk_sts::Client::new(config)
        .get_caller_identity()
        .send()
        .await;
    let answer = answer.map_err(|e| explain("ask who you are", &e))?;
    answer.account.ok_or_else(|| {
        anyhow::anyhow!("AWS does not say which account this is: name --state-bucket")
    })
}

/// Whether a data bucket is there; Terraform makes them.
async fn there(s3: &Client, bucket: &str, report: &Report) -> anyhow::Result<bool> {
    let json = |there: bool| json!({"bucket": bucket, "exists": there});
    match s3.head_bucket().bucket(bucket).send().await {
        Ok(_) => {
            report.line(format_args!("bucket {bucket} is there"), &json(true));
            Ok(true)
        }
        Err(error) if status(&error) == Some(404) => {
            report.line(
                format_args!("bucket {bucket} is not there yet: Terraform makes it; apply, then run this again"),
                &json(false),
            );
            Ok(false)
        }
        Err(error) => Err(explain(format!("look at bucket `{bucket}`"), &error)),
    }
}

/// The folders of the raw bucket: a key that ends in a slash, without bytes.
fn marker_keys(prefix: &str, day: &str) -> [String; 3] {
    [
        format!("{prefix}raw/"),
        format!("{prefix}raw/events/{day}/"),
        format!("{prefix}raw/media/{day}/"),
    ]
}

async fn markers(s3: &Client, bucket: &str, prefix: &str, report: &Report) -> anyhow::Result<()> {
    for key in marker_keys(prefix, &day_path(now())) {
        let request = s3.put_object().bucket(bucket).key(&key).if_none_match("*");
        let result = match request.body(ByteStream::from_static(b"")).send().await {
            Ok(_) => "made",
            Err(error) if status(&error) == Some(412) => "there already",
            Err(error) => return Err(explain(place("make", bucket, &key), &error)),
        };
        report.line(
            format_args!("s3://{bucket}/{key} {result}"),
            &json!({"bucket": bucket, "key": key, "result": result}),
        );
    }
    Ok(())
}

/// Writes one small object where the raw writer may, and sees it in a listing.
async fn smoke_test(
    s3: &Client,
    bucket: &str,
    prefix: &str,
    report: &Report,
) -> anyhow::Result<()> {
    let folder = format!("{prefix}raw/test/");
    let key = format!("{folder}hello.txt");
    let request = s3
        .put_object()
        .bucket(bucket)
        .key(&key)
        .content_type("text/plain");
    let put = request
        .body(ByteStream::from_static(b"hello\n"))
        .send()
        .await;
    put.map_err(|e| explain(place("write", bucket, &key), &e))?;
    let mut pages = Store { s3: s3.clone() }.objects(bucket, &folder);
    let mut listed = false;
    while let Some(page) = pages.next().await? {
        listed |= page.contains(&key);
    }
    anyhow::ensure!(
        listed,
        "`s3://{bucket}/{key}` was written and is not listed"
    );
    report.line(
        format_args!("s3://{bucket}/{key} written and listed"),
        &json!({"bucket": bucket, "key": key, "result": "listed"}),
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 000.4: the markers under raw.
    #[test]
    fn markers_are_where_the_first_tool_put_them() {
        let keys = marker_keys("wistia/", "2026/11/23");
        assert_eq!(
            keys,
            [
                "wistia/raw/",
                "wistia/raw/events/2026/11/23/",
                "wistia/raw/media/2026/11/23/"
            ]
        );
        assert_eq!(marker_keys("", "2026/11/23")[0], "raw/");
    }
}
