//! Selects keys of the watched buckets.

use anyhow::bail;
use lambda_support::log::escape;
use provenance::watched::WatchedBucket;
use sluice_types::Receipt;
use sluice_types::receipt::receipt_key_prefix;

use crate::outputs::Provenance;

/// The keys of a bucket that begin with a prefix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeySelection {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
}

impl KeySelection {
    /// Parses arguments, each `s3://BUCKET/PREFIX` or a key prefix in the data bucket. Without arguments, everything that
    /// is watched is selected. The selections do not overlap.
    ///
    /// # Errors
    /// If an argument matches nothing that is watched.
    pub(crate) fn parse_all(arguments: &[String], names: &Provenance) -> anyhow::Result<Vec<Self>> {
        if arguments.is_empty() {
            return Ok(Self::everything(&names.watched));
        }
        let mut selections = Vec::new();
        for argument in arguments {
            selections.extend(Self::parse(argument, names)?);
        }
        Ok(without_overlaps(selections))
    }

    fn everything(watched: &[WatchedBucket]) -> Vec<Self> {
        let selections = |watched: &WatchedBucket| {
            let bucket = watched.bucket.clone();
            let prefixes = match watched.prefixes.as_slice() {
                [] => vec![String::new()],
                some => some.to_vec(),
            };
            prefixes.into_iter().map(move |prefix| Self { bucket: bucket.clone(), prefix })
        };
        without_overlaps(watched.iter().flat_map(selections).collect())
    }

    /// The watched part of one argument.
    fn parse(argument: &str, names: &Provenance) -> anyhow::Result<Vec<Self>> {
        let (bucket, prefix) = match argument.strip_prefix("s3://") {
            Some(rest) => rest.split_once('/').unwrap_or((rest, "")),
            None => (names.data_bucket.as_str(), argument),
        };
        let watched = Self::everything(&names.watched).into_iter();
        let watched_here: Vec<_> = watched.filter(|s| s.bucket == bucket).collect();
        if watched_here.is_empty() {
            bail!("bucket `{}` is not watched, so its objects have no receipts: use a watched bucket", escape(bucket));
        }
        let narrowed = watched_here.iter().filter_map(|watched| {
            let longer = match (&*watched.prefix, prefix) {
                (watched, asked) if asked.starts_with(watched) => asked,
                (watched, asked) if watched.starts_with(asked) => watched,
                _ => return None,
            };
            Some(Self { bucket: bucket.to_owned(), prefix: longer.to_owned() })
        });
        let selections: Vec<_> = narrowed.collect();
        if selections.is_empty() {
            let watched: Vec<_> = watched_here.iter().map(|s| format!("`{}`", escape(&s.prefix))).collect();
            bail!(
                "nothing in bucket `{}` under `{}` is watched: use one of the watched prefixes {}",
                escape(bucket),
                escape(prefix),
                watched.join(", ")
            );
        }
        Ok(selections)
    }

    /// Whether the receipt is about a selected key.
    pub(crate) fn contains(&self, receipt: &Receipt) -> bool {
        receipt.bucket == self.bucket && receipt.key.starts_with(&self.prefix)
    }

    /// The prefix of the receipts of the selected keys.
    pub(crate) fn receipt_prefix(&self) -> String {
        receipt_key_prefix(&self.bucket, &self.prefix)
    }
}

/// Removes selections that others contain.
fn without_overlaps(mut selections: Vec<KeySelection>) -> Vec<KeySelection> {
    selections.sort_unstable();
    selections.dedup_by(|b, a| a.bucket == b.bucket && b.prefix.starts_with(&a.prefix));
    selections
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(bucket: &str, prefix: &str) -> KeySelection {
        KeySelection { bucket: bucket.into(), prefix: prefix.into() }
    }

    #[test]
    fn watched_prefixes_do_not_overlap() {
        let watched = |bucket: &str, prefixes: &[&str]| WatchedBucket {
            bucket: bucket.into(),
            prefixes: prefixes.iter().map(|&p| p.into()).collect(),
        };
        let all = KeySelection::everything(&[watched("raw", &["in/a/", "in/", "test/"]), watched("b", &[])]);
        assert_eq!(all, [selection("b", ""), selection("raw", "in/"), selection("raw", "test/")]);
    }

    #[test]
    fn an_argument_is_a_url_or_a_key_prefix_of_the_data_bucket() {
        let outputs = crate::outputs::tests::outputs();
        let names = outputs.provenance().unwrap();
        for (text, expected) in [
            ("s3://raw/incoming/a", selection("raw", "incoming/a")),
            ("s3://raw", selection("raw", "incoming/")),
            ("s3://raw/in", selection("raw", "incoming/")),
            ("incoming/a", selection("raw", "incoming/a")),
        ] {
            assert_eq!(KeySelection::parse(text, names).unwrap(), [expected]);
        }
        for (text, what) in [("s3://other/a", "`other` is not watched"), ("elsewhere", "watched prefixes `incoming/`")]
        {
            let error = KeySelection::parse(text, names).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }
}
