//! `quarantine`: what was refused, why, and what to do with it.

mod check;
mod list;
mod release;
mod release_steps;
mod remove;
mod show;

use std::sync::LazyLock;

use anyhow::Context;
use ingest::record::{Reason, Source};

use crate::aws::{Role, session};
use crate::cli::Shared;
use crate::outputs::{Ingest, System};
use crate::report::{Ended, Report};
use crate::store::{Store, place};

/// A reason record is small; more than this is not one.
const MAX_REASON: u64 = 1024 * 1024;
/// A key up to this length is in quarantine under its own name; a longer one may be cut.
const SURELY_WHOLE: usize = 900;

/// Looks after what was refused
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice quarantine list
  sluice quarantine show 4evr.json
  sluice quarantine release 4evr.json")]
pub struct Quarantine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(list::List),
    Show(show::Show),
    Check(check::Check),
    Remove(remove::Remove),
    Release(release::Release),
}

/// A version in quarantine, by the key it was uploaded under.
#[derive(Debug, Clone, clap::Args)]
struct Which {
    /// The key in the processing bucket
    #[arg(value_name = "KEY")]
    key: String,
    /// The version-id, where several versions of the key are in quarantine
    #[arg(long, value_name = "ID")]
    version: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When nothing can be said or done.
pub async fn run(shared: &Shared, args: &Quarantine, report: &mut Report) -> anyhow::Result<Ended> {
    let outputs = shared.from.read()?;
    let config = session(&outputs, System::Ingest, shared.role(Role::Operator)).await?;
    let ward = Ward {
        store: Store::new(&config),
        ingest: outputs.ingest()?.clone(),
    };
    match &args.command {
        Command::List(args) => list::run(&ward, args, report).await,
        Command::Show(args) => show::run(&ward, args, report).await,
        Command::Check(args) => check::run(&ward, args, report).await,
        Command::Remove(args) => remove::run(&ward, args, report).await,
        Command::Release(args) => release::run(&ward, args, report).await,
    }
}

/// The quarantine of a deployment.
struct Ward {
    store: Store,
    ingest: Ingest,
}

/// What is in quarantine of one version: its copy, its reason, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stem {
    copy_key: String,
    copy: bool,
    reason: bool,
}

impl Stem {
    fn version_id(&self) -> &str {
        self.copy_key.rsplit('/').next().unwrap_or_default()
    }

    fn reason_key(&self) -> String {
        format!("{}{}", self.copy_key, *SUFFIX)
    }
}

/// What a reason's key adds to its copy's.
static SUFFIX: LazyLock<String> = LazyLock::new(|| {
    let source = source("", "k", "v");
    source.reason_key().split_off(source.copy_key().len())
});

/// A source of which only the place is known.
fn source(bucket: &str, key: &str, version_id: &str) -> Source {
    Source {
        bucket: bucket.into(),
        key: key.into(),
        version_id: version_id.into(),
        etag: None,
        size: None,
        sha256: None,
        sequencer: None,
    }
}

/// Puts copies and reasons together as a sorted listing brings them: a reason comes right after its copy.
#[derive(Default)]
struct Stems(Option<Stem>);

impl Stems {
    fn push(&mut self, key: String) -> Option<Stem> {
        let Some(copy_key) = key.strip_suffix(SUFFIX.as_str()) else {
            return self.0.replace(Stem {
                copy_key: key,
                copy: true,
                reason: false,
            });
        };
        match &mut self.0 {
            Some(stem) if stem.copy_key == copy_key => {
                stem.reason = true;
                None
            }
            _ => self.0.replace(Stem {
                copy_key: copy_key.into(),
                copy: false,
                reason: true,
            }),
        }
    }
}

impl Ward {
    fn bucket(&self) -> &str {
        &self.ingest.quarantine_bucket
    }

    /// What is in quarantine of this key, and of this version if one is named.
    async fn find(&self, which: &Which) -> anyhow::Result<Vec<Stem>> {
        let (mut stems, mut found) = (Stems::default(), Vec::new());
        let mut pages = self
            .store
            .objects(self.bucket(), &listing_prefix(&which.key));
        while let Some(page) = pages.next().await? {
            found.extend(
                page.into_iter()
                    .filter_map(|key| stems.push(key))
                    .filter(|s| belongs(s, which)),
            );
        }
        found.extend(stems.0.filter(|s| belongs(s, which)));
        Ok(found)
    }

    async fn reason(&self, stem: &Stem) -> anyhow::Result<Option<Reason>> {
        if !stem.reason {
            return Ok(None);
        }
        let (bucket, key) = (self.bucket(), stem.reason_key());
        let Some(bytes) = self.store.read(bucket, &key, None, MAX_REASON).await? else {
            return Ok(None);
        };
        let reason = serde_json::from_slice(&bytes);
        Ok(Some(reason.with_context(|| {
            format!(
                "cannot {}: it is no reason record",
                place("read", bucket, &key)
            )
        })?))
    }
}

/// Where every copy of `key` is listed, and possibly others.
fn listing_prefix(key: &str) -> String {
    if key.len() <= SURELY_WHOLE {
        return format!("{key}/");
    }
    key[..key.floor_char_boundary(SURELY_WHOLE)].to_owned()
}

fn belongs(stem: &Stem, which: &Which) -> bool {
    let version = stem.version_id();
    source("", &which.key, version).copy_key() == stem.copy_key
        && which
            .version
            .as_deref()
            .is_none_or(|wanted| wanted == version)
}

/// What the first tool said.
fn exists(key: &str, bucket: &str) -> String {
    format!(
        "Object {} exists in bucket {bucket}.",
        kit::log::escape(key)
    )
}

/// What the first tool said.
fn does_not_exist(key: &str, bucket: &str) -> String {
    format!(
        "Object {} does not exist in bucket {bucket}.",
        kit::log::escape(key)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grouped(keys: &[&str]) -> Vec<(String, bool, bool)> {
        let mut stems = Stems::default();
        let mut all: Vec<Stem> = keys
            .iter()
            .filter_map(|k| stems.push((*k).into()))
            .collect();
        all.extend(stems.0);
        all.into_iter()
            .map(|s| (s.copy_key, s.copy, s.reason))
            .collect()
    }

    #[test]
    fn copies_and_reasons_find_each_other() {
        let keys = [
            "a/1",
            "a/1.reason.json",
            "a/2",
            "b.reason.json/3",
            "b.reason.json/3.reason.json",
            "c/4.reason.json",
        ];
        let expected = [
            ("a/1", true, true),
            ("a/2", true, false),
            ("b.reason.json/3", true, true),
            ("c/4", false, true),
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|(k, c, r)| ((*k).to_owned(), *c, *r))
            .collect();
        assert_eq!(grouped(&keys), expected);
    }

    proptest! {
        /// Whatever the key, its copy is listed and recognised, and no other key's is.
        #[test]
        fn a_key_finds_its_own_copies(a in "[a/.é漢]{1,400}", b in "[a/.é漢]{1,400}") {
            prop_assume!(a != b && a.len() <= 1024 && b.len() <= 1024);
            let which = Which { key: a.clone(), version: None };
            let stem = |key: &str| Stem { copy_key: source("", key, "b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j").copy_key(), copy: true, reason: false };
            prop_assert!(stem(&a).copy_key.starts_with(&listing_prefix(&a)));
            prop_assert!(belongs(&stem(&a), &which));
            prop_assert!(!belongs(&stem(&b), &which));
        }
    }
}
