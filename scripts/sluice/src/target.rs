//! Which keys of the watched buckets a command is about.

use anyhow::bail;
use kit::journal::RECEIPTS;
use provenance::receipt::Receipt;
use provenance::watch::Watched;

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
        let targets = named.iter().map(|text| Self::read(text, names));
        Ok(distinct(targets.collect::<anyhow::Result<_>>()?))
    }

    fn all(watched: &[Watched]) -> Vec<Self> {
        let of = |watched: &Watched| {
            let bucket = watched.bucket.clone();
            let prefixes = match watched.prefixes.as_slice() {
                [] => vec![String::new()],
                some => some.to_vec(),
            };
            prefixes.into_iter().map(move |prefix| Self {
                bucket: bucket.clone(),
                prefix,
            })
        };
        distinct(watched.iter().flat_map(of).collect())
    }

    fn read(text: &str, names: &Provenance) -> anyhow::Result<Self> {
        let (bucket, prefix) = match text.strip_prefix("s3://") {
            Some(rest) => rest.split_once('/').unwrap_or((rest, "")),
            None => (names.data_bucket.as_str(), text),
        };
        if !names.watched.iter().any(|w| w.bucket == bucket) {
            bail!("`{bucket}` is not watched, so nothing in it has a receipt");
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    }

    /// Whether it is the receipt of one of them.
    #[must_use]
    pub fn has(&self, receipt: &Receipt) -> bool {
        receipt.bucket == self.bucket && receipt.key.starts_with(&self.prefix)
    }

    /// What the keys of their receipts begin with.
    #[must_use]
    pub fn receipts(&self) -> String {
        format!("{RECEIPTS}{}/{}", self.bucket, self.prefix)
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
        Target {
            bucket: bucket.into(),
            prefix: prefix.into(),
        }
    }

    #[test]
    fn what_is_watched_is_listed_once() {
        let watched = |bucket: &str, prefixes: &[&str]| Watched {
            bucket: bucket.into(),
            prefixes: prefixes.iter().map(|&p| p.into()).collect(),
        };
        let all = Target::all(&[
            watched("raw", &["in/a/", "in/", "test/"]),
            watched("b", &[]),
        ]);
        assert_eq!(
            all,
            [
                target("b", ""),
                target("raw", "in/"),
                target("raw", "test/")
            ]
        );
    }

    #[test]
    fn a_target_is_a_url_or_a_key_of_the_data_bucket() {
        let outputs = crate::outputs::tests::outputs();
        let names = outputs.provenance().unwrap();
        for (text, expected) in [
            ("s3://raw/incoming/a", target("raw", "incoming/a")),
            ("s3://raw", target("raw", "")),
            ("incoming/a", target("raw", "incoming/a")),
        ] {
            assert_eq!(Target::read(text, names).unwrap(), expected);
        }
        let error = Target::read("s3://other/a", names).unwrap_err().to_string();
        assert!(error.contains("`other` is not watched"), "{error}");
    }
}
