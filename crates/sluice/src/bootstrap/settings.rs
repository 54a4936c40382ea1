//! Where a bootstrap's values come from: a flag, else the environment, else the file `.env`.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, anyhow};
use lambda_support::log::escape;

use super::Bootstrap;

/// What a bootstrap is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where.
    pub region: String,
    /// The bucket for the state, if it is named.
    pub state_bucket: Option<String>,
    /// The state's key in it.
    pub state_key: String,
    /// The data buckets that are named.
    pub raw_bucket: Option<String>,
    /// See above.
    pub silver_bucket: Option<String>,
    /// See above.
    pub gold_bucket: Option<String>,
    /// In front of every folder; empty or ending in a slash.
    pub prefix: String,
}

impl Settings {
    /// The values of backend.conf.
    #[must_use]
    pub fn backend<'a>(&'a self, bucket: &'a str) -> [(&'static str, &'a str); 3] {
        [("bucket", bucket), ("key", &self.state_key), ("region", &self.region)]
    }

    /// Reads them for this process.
    ///
    /// # Errors
    /// When `.env` cannot be read, or the region or the state key is missing or not valid.
    pub fn read(args: &Bootstrap) -> anyhow::Result<Self> {
        let file = dotenv(Path::new(".env"))?;
        Self::from(args, |name| std::env::var(name).ok(), &file)
    }

    fn from(
        args: &Bootstrap,
        environment: impl Fn(&str) -> Option<String>,
        file: &HashMap<String, String>,
    ) -> anyhow::Result<Self> {
        let value = |flag: &Option<String>, name: &str| {
            let filled = |text: &String| !text.is_empty();
            let given = flag.clone().or_else(|| environment(name).filter(filled));
            given.or_else(|| file.get(name).cloned().filter(filled))
        };
        let region = value(&args.region, "AWS_REGION");
        let region = region.context("no region: pass --region, or set AWS_REGION in the environment or in .env")?;
        anyhow::ensure!(
            is_region(&region),
            "`{}` is not a valid region: use a code such as `eu-central-1`",
            escape(&region)
        );
        let state_key = value(&args.state_key, "STATE_KEY");
        let state_key = state_key.unwrap_or_else(|| "sluice/dev.tfstate".into());
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
            prefix: folder(&value(&args.prefix, "S3_PREFIX").unwrap_or_default()),
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

/// What stands in a quoted string of backend.conf, and in an S3 key, as it is.
fn is_state_key(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"!-_.*'()/".contains(&b);
    (1..=900).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('/') && !text.ends_with('/')
}

/// A prefix with its slash, however it was written.
fn folder(text: &str) -> String {
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
    // Not the parser's own error: it quotes the line, which may hold a secret.
    let whole: Result<_, dotenvy::Error> = lines.collect();
    whole.map_err(|_| anyhow!("cannot read `.env`: each line must be `NAME=value`, a comment or empty"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        args: Bootstrap,
    }

    fn read(flags: &[&str], environment: &[(&str, &str)], file: &str) -> anyhow::Result<Settings> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        std::fs::write(&path, file).unwrap();
        let args = Alone::parse_from([&["x"], flags].concat()).args;
        let lookup = |name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Settings::from(&args, lookup, &dotenv(&path)?)
    }

    /// 000.2: `.env` is read, the environment goes before it, flags before both.
    #[test]
    fn flags_then_environment_then_file() {
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
    fn without_a_region_it_says_where_to_put_one() {
        assert!(read(&[], &[("AWS_REGION", "")], "").unwrap_err().to_string().contains("--region"));
    }

    #[test]
    fn what_is_not_valid_is_refused_with_an_example() {
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

    /// A line that cannot be read may hold a secret.
    #[test]
    fn a_line_of_the_file_is_not_repeated() {
        let refused = read(&[], &[], "SECRET 'hunter2\n").unwrap_err();
        assert!(!format!("{refused:#}").contains("hunter2"), "{refused:#}");
    }

    #[test]
    fn a_prefix_gets_its_slash() {
        for (text, expected) in [("", ""), ("/", ""), ("wistia", "wistia/"), ("/a/b/", "a/b/")] {
            assert_eq!(folder(text), expected);
        }
    }
}
