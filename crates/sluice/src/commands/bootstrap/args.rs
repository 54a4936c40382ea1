//! The arguments of `bootstrap`.

use std::path::PathBuf;

/// Creates the state bucket, backend.conf, and folders in buckets
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice bootstrap --region eu-central-1
  sluice bootstrap --markers
  sluice bootstrap --raw-bucket de-wistia-raw-us-east-1-111122223333 --prefix wistia/ --smoke-test

Each value is taken from its option, otherwise from the environment, otherwise from the file .env: AWS_REGION,
STATE_BUCKET, STATE_KEY, RAW_BUCKET, SILVER_BUCKET, GOLD_BUCKET, S3_PREFIX. The data buckets are created by Terraform.
With --markers, which is run after `terraform apply`, the folders are those in the outputs (`ingest.folders`,
`provenance.folders`): each is an empty object whose key ends in a slash, and those that exist are left as they are.
bootstrap runs with your own credentials. Before it changes a bucket that it did not create, or a backend.conf with other
values, it prints the changes and asks for confirmation. Existing policy statements and lifecycle rules are kept.
Exit code: 0 everything exists, 1 a data bucket is missing or a change was not confirmed, 2 usage or environment error.")]
pub(crate) struct BootstrapArgs {
    /// The region (AWS_REGION)
    #[arg(long)]
    pub(super) region: Option<String>,
    /// The bucket for Terraform's state (STATE_BUCKET) [default: sluice-tfstate-REGION-ACCOUNT]
    #[arg(long, value_name = "NAME")]
    pub(super) state_bucket: Option<String>,
    /// The key of the state in that bucket (STATE_KEY); use one per environment [default: sluice/dev.tfstate]
    #[arg(long, value_name = "KEY")]
    pub(super) state_key: Option<String>,
    /// The raw bucket; its folders are created once it exists (RAW_BUCKET)
    #[arg(long, value_name = "NAME")]
    pub(super) raw_bucket: Option<String>,
    /// The silver bucket; only checked for existence (SILVER_BUCKET)
    #[arg(long, value_name = "NAME")]
    pub(super) silver_bucket: Option<String>,
    /// The gold bucket; only checked for existence (GOLD_BUCKET)
    #[arg(long, value_name = "NAME")]
    pub(super) gold_bucket: Option<String>,
    /// The prefix of every folder (S3_PREFIX)
    #[arg(long)]
    pub(super) prefix: Option<String>,
    /// The file to write as backend.conf
    #[arg(long, default_value = "backend.conf", value_name = "FILE")]
    pub(super) backend_conf: PathBuf,
    /// Change a backend.conf with other values without asking
    #[arg(long)]
    pub(super) overwrite: bool,
    /// Confirm every change of what bootstrap did not create
    #[arg(long)]
    pub(super) yes: bool,
    /// After apply: create the folders of the deployment's buckets, and nothing else
    #[arg(
        long,
        conflicts_with_all = [
            "region", "state_bucket", "state_key", "raw_bucket", "silver_bucket", "gold_bucket", "prefix", "backend_conf",
            "overwrite", "yes", "smoke_test",
        ]
    )]
    pub(super) markers: bool,
    /// Also put hello.txt under PREFIX/raw/test/ and list it
    #[arg(long, default_value_t = false)]
    pub(super) smoke_test: bool,
}
