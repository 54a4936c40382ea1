//! Where a bootstrap's values come from: a flag, else the environment, else the file `.env`.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context;

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
    /// Reads them for this process.
    ///
    /// # Errors
    /// When `.env` cannot be read or there is no region.
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
        Ok(Self {
            region: region
                .context("where? give --region, or AWS_REGION in the environment or in .env")?,
            state_bucket: value(&args.state_bucket, "STATE_BUCKET"),
            state_key: value(&args.state_key, "STATE_KEY")
                .unwrap_or_else(|| "sluice/dev.tfstate".into()),
            raw_bucket: value(&args.raw_bucket, "RAW_BUCKET"),
            silver_bucket: value(&args.silver_bucket, "SILVER_BUCKET"),
            gold_bucket: value(&args.gold_bucket, "GOLD_BUCKET"),
            prefix: folder(&value(&args.prefix, "S3_PREFIX").unwrap_or_default()),
        })
    }
}

/// A prefix with its slash, however it was written.
fn folder(text: &str) -> String {
    match text.trim_matches('/') {
        "" => String::new(),
        inner => format!("{inner}/"),
    }
}

fn dotenv(path: &Path) -> anyhow::Result<HashMap<String, String>> {
    if !path.exists() {
        return Ok(HashMap::new());
    }
    let lines = dotenvy::from_path_iter(path).context("cannot read `.env`")?;
    lines
        .collect::<Result<_, _>>()
        .context("cannot read `.env`: a line is `NAME=value`")
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
        let lookup = |name: &str| {
            environment
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, v)| (*v).to_owned())
        };
        Settings::from(&args, lookup, &dotenv(&path)?)
    }

    /// 000.2: `.env` is read, the environment goes before it, flags before both.
    #[test]
    fn flags_then_environment_then_file() {
        let file = "# ours\nAWS_REGION=us-east-1\nRAW_BUCKET=\"file\"\nexport S3_PREFIX=wistia\n";
        let settings = read(&[], &[], file).unwrap();
        assert_eq!(
            (settings.region.as_str(), settings.prefix.as_str()),
            ("us-east-1", "wistia/")
        );
        assert_eq!(settings.raw_bucket.as_deref(), Some("file"));
        let settings = read(&[], &[("RAW_BUCKET", "env")], file).unwrap();
        assert_eq!(settings.raw_bucket.as_deref(), Some("env"));
        let settings = read(&["--raw-bucket", "flag"], &[("RAW_BUCKET", "env")], file).unwrap();
        assert_eq!(settings.raw_bucket.as_deref(), Some("flag"));
    }

    #[test]
    fn without_a_region_it_says_where_to_put_one() {
        assert!(
            read(&[], &[("AWS_REGION", "")], "")
                .unwrap_err()
                .to_string()
                .contains("--region")
        );
    }

    #[test]
    fn a_prefix_gets_its_slash() {
        for (text, expected) in [
            ("", ""),
            ("/", ""),
            ("wistia", "wistia/"),
            ("/a/b/", "a/b/"),
        ] {
            assert_eq!(folder(text), expected);
        }
    }
}
