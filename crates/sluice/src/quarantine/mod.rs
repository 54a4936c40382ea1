//! `quarantine`: what was refused, why, and what to do with it.

mod check;
mod list;
mod release;
mod release_effects;
mod release_steps;
mod remove;
mod show;
pub mod stems;

use aws_config::SdkConfig;
use ingest::quarantine::{ReasonRecord, copy_key};
use lambda_support::aws::ErrorClass;
use lambda_support::log::escape;
use sluice_types::ObjectVersion as Version;

use crate::aws::{Role, class_of, session};
use crate::cli::Shared;
use crate::operator_record::{OperatorLog, Subject};
use crate::outputs::{Ingest, Outputs, System};
use crate::report::{Ended, Report};
use crate::store::Store;
use crate::version_outcome::one_line;
use stems::{Stem, Stems, source};

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
    let ward = Ward { store: Store::new(&config), ingest: outputs.ingest()?.clone() };
    match &args.command {
        Command::List(args) => list::run(&ward, args, report).await,
        Command::Show(args) => show::run(&ward, args, report).await,
        Command::Check(args) => check::run(&ward, args, report).await,
        Command::Remove(args) => {
            let log = log(&outputs, &config, args.reason.as_deref(), report).await?;
            remove::run(&ward, args, &log, report).await
        }
        Command::Release(args) => {
            let log = log(&outputs, &config, args.reason.as_deref(), report).await?;
            release::run(&ward, args, &log, report).await
        }
    }
}

/// Where an action is recorded before it is done.
async fn log(
    outputs: &Outputs,
    config: &SdkConfig,
    reason: Option<&str>,
    report: &Report,
) -> anyhow::Result<OperatorLog> {
    let log = OperatorLog::open(outputs, System::Ingest, config, reason).await?;
    if reason.is_some() && !log.is_on() {
        report.note("the reason is not recorded: provenance is off or does not watch the processing bucket");
    }
    Ok(log)
}

/// The quarantine of a deployment.
#[derive(Clone)]
struct Ward {
    store: Store,
    ingest: Ingest,
}

/// The reason record of a version, as far as it can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Record {
    /// What it says.
    Readable(Box<ReasonRecord>),
    /// There is none.
    Absent,
    /// There is one, and why it cannot be read.
    Unreadable(String),
}

/// A version in quarantine.
#[derive(Debug, Clone)]
struct Found {
    stem: Stem,
    record: Record,
}

impl Found {
    /// Key and version-id of the source: as its record says, or as its key looks.
    fn identity(&self) -> (&str, &str) {
        match &self.record {
            Record::Readable(reason) => (&reason.source.version.key, &reason.source.version.version_id),
            _ => self.stem.by_key(),
        }
    }

    fn version_id(&self) -> &str {
        self.identity().1
    }

    /// Whether it is the version that was asked for. A key that is too long is cut in quarantine, and another key may
    /// be named like the rest of it: so what the record says decides, and the key only where there is no record.
    fn is(&self, which: &Which) -> bool {
        let (key, version) = self.identity();
        let named = which.version.as_deref();
        let of_key = match &self.record {
            Record::Readable(_) => key == which.key,
            _ => copy_key(&source("", &which.key, version).version) == self.stem.copy_key,
        };
        of_key && named.is_none_or(|wanted| wanted == version)
    }
}

/// What is said of a copy without a reason record.
const NO_RECORD: &str = "no reason record: the function is still moving it here, or a release or removal of it was interrupted; run that command again to finish it";

impl Ward {
    fn bucket(&self) -> &str {
        &self.ingest.quarantine_bucket
    }

    /// What an operator record says of a version.
    fn subject(&self, found: &Found) -> Subject {
        let (key, version_id) = found.identity();
        let sha256 = match &found.record {
            Record::Readable(reason) => reason.source.sha256.clone(),
            _ => None,
        };
        Subject::Version {
            version: Version {
                bucket: self.ingest.processing_bucket.clone(),
                key: key.to_owned(),
                version_id: version_id.to_owned(),
            },
            sha256,
            new_version_id: None,
        }
    }

    /// What is in quarantine of this key, and of this version if one is named.
    async fn find(&self, which: &Which) -> anyhow::Result<Vec<Found>> {
        let mut stems = Stems::default();
        let mut candidates: Vec<Stem> = Vec::new();
        let prefix = listing_prefix(&which.key);
        let mut pages = self.store.objects(self.bucket(), &prefix);
        while let Some(page) = pages.next().await? {
            for key in page {
                candidates.extend(stems.push(key).into_iter().filter(|s| may_be(s, which)));
            }
        }
        candidates.extend(stems.finish().into_iter().filter(|s| may_be(s, which)));
        let mut found = Vec::new();
        for stem in candidates {
            let record = self.record(&stem).await?;
            found.push(Found { stem, record });
        }
        found.retain(|f| f.is(which));
        Ok(found)
    }

    /// The reason record of a version.
    ///
    /// # Errors
    /// When nothing more can be asked: the credentials have expired, or nothing answers.
    async fn record(&self, stem: &Stem) -> anyhow::Result<Record> {
        if !stem.reason {
            return Ok(Record::Absent);
        }
        let read = self.store.read(self.bucket(), &stem.reason_key(), None, MAX_REASON).await;
        match read {
            Ok(Some(bytes)) => Ok(parse(&bytes, stem)),
            Ok(None) => Ok(Record::Absent),
            Err(error) if matches!(class_of(&error), Some(ErrorClass::Credentials | ErrorClass::Unreachable)) => {
                Err(error)
            }
            Err(error) => Ok(Record::Unreadable(one_line(&error))),
        }
    }
}

fn parse(bytes: &[u8], stem: &Stem) -> Record {
    match serde_json::from_slice::<ReasonRecord>(bytes) {
        Err(error) => Record::Unreadable(format!("it is not a reason record: {error}")),
        Ok(reason) if copy_key(&reason.source.version) != stem.copy_key => Record::Unreadable(format!(
            "it is about another version, {} of `{}`",
            escape(&reason.source.version.version_id),
            escape(&reason.source.version.key)
        )),
        Ok(reason) => Record::Readable(Box::new(reason)),
    }
}

/// Where every copy of `key` is listed, and possibly others.
fn listing_prefix(key: &str) -> String {
    if key.len() <= SURELY_WHOLE {
        return format!("{key}/");
    }
    key[..key.floor_char_boundary(SURELY_WHOLE)].to_owned()
}

/// Whether a version could be the one that was asked for, by its key.
fn may_be(stem: &Stem, which: &Which) -> bool {
    copy_key(&source("", &which.key, stem.by_key().1).version) == stem.copy_key
}

/// What the first tool said.
fn exists(key: &str, bucket: &str) -> String {
    format!("Object {} exists in bucket {}.", escape(key), escape(bucket))
}

/// What the first tool said.
fn does_not_exist(key: &str, bucket: &str) -> String {
    format!("Object {} does not exist in bucket {}.", escape(key), escape(bucket))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ingest::outcome::Outcome;
    use proptest::prelude::*;

    fn reason(key: &str, version: &str) -> ReasonRecord {
        ReasonRecord {
            outcome: Outcome::Invalid,
            reasons: Vec::new(),
            source: source("in", key, version),
            other: None,
            quarantined_at: String::new(),
            request_id: None,
        }
    }

    fn found(of: &ReasonRecord) -> Found {
        Found {
            stem: Stem { copy_key: copy_key(&of.source.version), copy: true, reason: true },
            record: Record::Readable(Box::new(of.clone())),
        }
    }

    fn which(key: &str) -> Which {
        Which { key: key.into(), version: None }
    }

    /// A key too long for the quarantine is cut; another key can be named like what is left of it.
    #[test]
    fn the_record_decides_whose_a_copy_is() {
        let version = "b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j";
        let long = "x".repeat(1024);
        let of_long = found(&reason(&long, version));
        let (cut, _) = of_long.stem.by_key();
        assert!(may_be(&of_long.stem, &which(cut)), "as keys look, it is of both");
        assert!(of_long.is(&which(&long)) && !of_long.is(&which(cut)));
    }

    #[test]
    fn a_record_of_another_version_is_not_believed() {
        let stem = found(&reason("a", "V")).stem;
        for (bytes, why) in [
            (serde_json::to_vec(&reason("b", "V")).unwrap(), "another version"),
            (b"{".to_vec(), "not a reason record"),
        ] {
            let Record::Unreadable(told) = parse(&bytes, &stem) else {
                panic!("believed");
            };
            assert!(told.contains(why), "{told}");
        }
        let own = serde_json::to_vec(&reason("a", "V")).unwrap();
        assert!(matches!(parse(&own, &stem), Record::Readable(_)));
    }

    proptest! {
        /// Whatever the key, its copy is listed and recognised, and no other key's is, with a record or without.
        #[test]
        fn a_key_finds_its_own_copies(a in "[a/.é漢]{1,400}", b in "[a/.é漢]{1,400}") {
            prop_assume!(a != b && a.len() <= 1024 && b.len() <= 1024);
            let of = |key: &str| found(&reason(key, "b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j"));
            let bare = |key: &str| Found { record: Record::Absent, ..of(key) };
            prop_assert!(of(&a).stem.copy_key.starts_with(&listing_prefix(&a)));
            prop_assert!(may_be(&of(&a).stem, &which(&a)));
            prop_assert!(of(&a).is(&which(&a)) && bare(&a).is(&which(&a)));
            prop_assert!(!of(&b).is(&which(&a)) && !bare(&b).is(&which(&a)));
        }
    }
}
