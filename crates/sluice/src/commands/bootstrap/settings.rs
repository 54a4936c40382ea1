//! The settings of a bootstrap: each is taken from its option, otherwise from the environment, otherwise from `.env`.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, anyhow};
use lambda_support::log::escape;

use super::args::BootstrapArgs;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BootstrapSettings {
    pub(crate) region: String,
    pub(crate) state_bucket: Option<String>,
    pub(crate) state_key: String,
    pub(crate) raw_bucket: Option<String>,
    pub(crate) silver_bucket: Option<String>,
    pub(crate) gold_bucket: Option<String>,
    /// Empty, or ends in a slash.
    pub(crate) prefix: String,
}

impl BootstrapSettings {
    /// The values of backend.conf.
    pub(crate) fn backend<'a>(&'a self, bucket: &'a str) -> [(&'static str, &'a str); 3] {
        [("bucket", bucket), ("key", &self.state_key), ("region", &self.region)]
    }

    /// # Errors
    /// If `.env` cannot be read, the region is missing, or a value is not valid.
    pub(crate) fn read(args: &BootstrapArgs) -> anyhow::Result<Self> {
        let file = dotenv(Path::new(".env"))?;
        Self::from(args, |name| std::env::var(name).ok(), &file)
    }

    fn from(
        args: &BootstrapArgs,
        environment: impl Fn(&str) -> Option<String>,
        file: &HashMap<String, String>,
    ) -> anyhow::Result<Self> {
        let value = |flag: &Option<String>, name: &str| {
            let filled = |text: &String| !text.is_empty();
            let given = flag.clone().or_else(|| environment(name).filter(filled));
            given.or_else(|| file.get(name).cloned().filter(filled))
        };
        let region = value(&args.region, "AWS_REGION")
            .context("no region: pass --region, or set AWS_REGION in the environment or in .env")?;
        anyhow::ensure!(
            is_region(&region),
            "`{}` is not a valid region: use a code such as `eu-central-1`",
            escape(&region)
        );
        let state_key = value(&args.state_key, "STATE_KEY").unwrap_or_else(|| "sluice/dev.tfstate".into());
        anyhow::ensure!(
            is_state_key(&state_key),
            "`{}` is not a valid state key: use up to 900 letters, digits and `! - _ . * ' ( ) /`, with no slash at either end",
            escape(&state_key)
        );
        Ok(Self {
            region,
            state_bucket: value(&args.state_bucket, "STATE_BUCKET"),
            state_key,
            raw_bucket: value(&args.raw_bucket, "RAW_BUCKET"),
            silver_bucket: value(&args.silver_bucket, "SILVER_BUCKET"),
            gold_bucket: value(&args.gold_bucket, "GOLD_BUCKET"),
            prefix: with_slash(&value(&args.prefix, "S3_PREFIX").unwrap_or_default()),
        })
    }
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let letters = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    match parts.split_last() {
        Some((number, words)) => {
            words.len() >= 2
                && words.iter().all(letters)
                && number.len() == 1
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        None => false,
    }
}

/// Whether the text is an S3 key that needs no escaping in a quoted string.
fn is_state_key(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"!-_.*'()/".contains(&b);
    (1..=900).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('/') && !text.ends_with('/')
}

/// Normalises a prefix: empty, or ends in a slash.
fn with_slash(text: &str) -> String {
    match text.trim_matches('/') {
        "" => String::new(),
        inner => format!("{inner}/"),
    }
}

fn dotenv(path: &Path) -> anyhow::Result<HashMap<String, String>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(error).context("cannot read `.env`"),
    };
    let lines = dotenvy::from_read_iter(text.as_bytes());
    // The parser's own error quotes the line, which may contain a secret.
    let parsed: Result<_, dotenvy::Error> = lines.collect();
    parsed.map_err(|_| anyhow!("cannot read `.env`: each line must be `NAME=value`, a comment or empty"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        args: BootstrapArgs,
    }

    fn read(flags: &[&str], environment: &[(&str, &str)], file: &str) -> anyhow::Result<BootstrapSettings> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        std::fs::write(&path, file).unwrap();
        let args = Alone::parse_from([&["x"], flags].concat()).args;
        let lookup = |name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        BootstrapSettings::from(&args, lookup, &dotenv(&path)?)
    }

    #[test]
    fn options_override_the_environment_and_the_environment_overrides_the_file() {
        let file = "# ours\nAWS_REGION=us-east-1\nRAW_BUCKET=\"file\"\nexport S3_PREFIX=wistia\n";
        let settings = read(&[], &[], file).unwrap();
        assert_eq!((settings.region.as_str(), settings.prefix.as_str()), ("us-east-1", "wistia/"));
        assert_eq!(settings.raw_bucket.as_deref(), Some("file"));
        let settings = read(&[], &[("RAW_BUCKET", "env")], file).unwrap();
        assert_eq!(settings.raw_bucket.as_deref(), Some("env"));
        let settings = read(&["--raw-bucket", "flag"], &[("RAW_BUCKET", "env")], file).unwrap();
        assert_eq!(settings.raw_bucket.as_deref(), Some("flag"));
    }

    #[test]
    fn a_missing_region_is_an_error() {
        assert!(read(&[], &[("AWS_REGION", "")], "").unwrap_err().to_string().contains("--region"));
    }

    #[test]
    fn invalid_values_are_rejected() {
        for (flags, sentence) in [
            (["--region", "eu-central"], "`eu-central` is not a valid region"),
            (["--region", "eu-central-1a"], "is not a valid region"),
            (["--region", "Frankfurt"], "is not a valid region"),
            (["--region", "eu\u{1b}-west-1"], "`eu\\u{1b}-west-1` is not a valid region"),
            (["--state-key", "a\"b"], "is not a valid state key"),
            (["--state-key", "/a"], "is not a valid state key"),
            (["--state-key", "${x}"], "is not a valid state key"),
        ] {
            let refused = read(&flags, &[("AWS_REGION", "eu-west-1")], "").unwrap_err();
            assert!(refused.to_string().contains(sentence), "{flags:?}: {refused}");
        }
        for region in ["us-gov-west-1", "eusc-de-east-1", "ap-southeast-5"] {
            assert!(is_region(region), "{region}");
        }
    }

    /// An invalid line may contain a secret.
    #[test]
    fn invalid_lines_are_not_printed() {
        let refused = read(&[], &[], "SECRET 'hunter2\n").unwrap_err();
        assert!(!format!("{refused:#}").contains("hunter2"), "{refused:#}");
    }

    #[test]
    fn prefixes_end_in_a_slash() {
        for (text, expected) in [("", ""), ("/", ""), ("wistia", "wistia/"), ("/a/b/", "a/b/")] {
            assert_eq!(with_slash(text), expected);
        }
    }
}
