//! Which keys of the watched buckets a command is about.

use anyhow::bail;
use lambda_support::log::escape;
use provenance::watched::WatchedBucket as Watched;
use sluice_types::Receipt;
use sluice_types::receipt::receipt_key_prefix as under;

use crate::outputs::Provenance;

/// Keys of a bucket that begin alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The bucket.
    pub bucket: String,
    /// What its keys begin with.
    pub prefix: String,
}

impl Target {
    /// Those that are named, each `s3://BUCKET/PREFIX` or the beginning of keys in the data bucket, nothing twice;
    /// everything that is watched if none is.
    ///
    /// # Errors
    /// When one is in a bucket that is not watched.
    pub fn several(named: &[String], names: &Provenance) -> anyhow::Result<Vec<Self>> {
        if named.is_empty() {
            return Ok(Self::all(&names.watched));
        }
        let mut targets = Vec::new();
        for text in named {
            targets.extend(Self::read(text, names)?);
        }
        Ok(distinct(targets))
    }

    fn all(watched: &[Watched]) -> Vec<Self> {
        let of = |watched: &Watched| {
            let bucket = watched.bucket.clone();
            let prefixes = match watched.prefixes.as_slice() {
                [] => vec![String::new()],
                some => some.to_vec(),
            };
            prefixes.into_iter().map(move |prefix| Self { bucket: bucket.clone(), prefix })
        };
        distinct(watched.iter().flat_map(of).collect())
    }

    /// What is watched of that.
    fn read(text: &str, names: &Provenance) -> anyhow::Result<Vec<Self>> {
        let (bucket, prefix) = match text.strip_prefix("s3://") {
            Some(rest) => rest.split_once('/').unwrap_or((rest, "")),
            None => (names.data_bucket.as_str(), text),
        };
        let all = Self::all(&names.watched).into_iter();
        let here: Vec<_> = all.filter(|t| t.bucket == bucket).collect();
        if here.is_empty() {
            bail!("bucket `{}` is not watched, so nothing in it has a receipt", escape(bucket));
        }
        let narrowed = here.iter().filter_map(|watched| {
            let longer = match (&*watched.prefix, prefix) {
                (watched, asked) if asked.starts_with(watched) => asked,
                (watched, asked) if watched.starts_with(asked) => watched,
                _ => return None,
            };
            Some(Self { bucket: bucket.to_owned(), prefix: longer.to_owned() })
        });
        let narrowed: Vec<_> = narrowed.collect();
        if narrowed.is_empty() {
            let watched: Vec<_> = here.iter().map(|t| format!("`{}`", escape(&t.prefix))).collect();
            bail!(
                "nothing in bucket `{}` under `{}` is watched; watched are {}",
                escape(bucket),
                escape(prefix),
                watched.join(", ")
            );
        }
        Ok(narrowed)
    }

    /// Whether it is the receipt of one of them.
    #[must_use]
    pub fn has(&self, receipt: &Receipt) -> bool {
        receipt.bucket == self.bucket && receipt.key.starts_with(&self.prefix)
    }

    /// What the keys of their receipts begin with.
    #[must_use]
    pub fn receipts(&self) -> String {
        under(&self.bucket, &self.prefix)
    }
}

/// Without those that others hold.
fn distinct(mut targets: Vec<Target>) -> Vec<Target> {
    targets.sort_unstable();
    targets.dedup_by(|b, a| a.bucket == b.bucket && b.prefix.starts_with(&a.prefix));
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(bucket: &str, prefix: &str) -> Target {
        Target { bucket: bucket.into(), prefix: prefix.into() }
    }

    #[test]
    fn what_is_watched_is_listed_once() {
        let watched = |bucket: &str, prefixes: &[&str]| Watched {
            bucket: bucket.into(),
            prefixes: prefixes.iter().map(|&p| p.into()).collect(),
        };
        let all = Target::all(&[watched("raw", &["in/a/", "in/", "test/"]), watched("b", &[])]);
        assert_eq!(all, [target("b", ""), target("raw", "in/"), target("raw", "test/")]);
    }

    #[test]
    fn a_target_is_a_url_or_a_key_of_the_data_bucket() {
        let outputs = crate::outputs::tests::outputs();
        let names = outputs.provenance().unwrap();
        for (text, expected) in [
            ("s3://raw/incoming/a", target("raw", "incoming/a")),
            ("s3://raw", target("raw", "incoming/")),
            ("s3://raw/in", target("raw", "incoming/")),
            ("incoming/a", target("raw", "incoming/a")),
        ] {
            assert_eq!(Target::read(text, names).unwrap(), [expected]);
        }
        for (text, what) in [("s3://other/a", "`other` is not watched"), ("elsewhere", "watched are `incoming/`")] {
            let error = Target::read(text, names).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }
}
