//! A verification of what is in the buckets now.

mod vanished;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use provenance::hash::Reader;
use provenance::watched::{Disposition, classify as disposition};
use sluice_types::operator_record::operator_record_key_prefix;
use sluice_types::{ObjectVersion as Version, Receipt, RecordKind, Timestamp as Moment};
use tokio::task::JoinSet;

use crate::aws::{Role, session};
use crate::cli::Shared;
use crate::outputs::{Ingest, Outputs, Provenance, System};
use crate::report::{Ended, Report};
use crate::store::Store;
use crate::target::Target;
use crate::time::now;
use crate::trail::{Question, Trail};
use crate::verify::Verify;
use crate::verify::chain::Chain;
use crate::verify::evidence::Evidence;
use crate::verify::files::{self, File, Wanted};
use crate::verify::key::PublicKeys;
use crate::verify::moved;
use crate::verify::online;
use crate::verify::outcome::Outcome;
use crate::verify::resume::Resume;
use crate::verify::versions::{Bytes, Matches, Terms, Unmatched, Versions, Work, compared};

/// Parts of long versions on their way at once, their size in bytes, and how long one may bring nothing.
const PARTS: usize = 16;
const PART: u64 = 4 << 20;
const STALL: Duration = Duration::from_secs(30);

/// Runs the command.
///
/// # Errors
/// When the ledger cannot be listed, or nothing says which key signs it.
pub async fn run(
    shared: &Shared,
    args: &Verify,
    keys: Option<PublicKeys>,
    report: &mut Report,
) -> anyhow::Result<Ended> {
    let outputs = shared.from.read()?;
    let names = outputs.provenance()?;
    let files = files::digests(&args.files)?;
    let targets = Target::several(&args.targets, names)?;
    let config = session(&outputs, System::Provenance, shared.role(Role::Auditor)).await?;
    let keys = match keys {
        Some(keys) => keys,
        None => online::public_key(&config, &names.signing_key).await?,
    };
    let store = Store::new(&config);
    let source = online::Evidence { store: &store, bucket: &names.receipts_bucket };
    report.progress("reading manifests and records", None);
    // Reading takes hours where there is much: what comes meanwhile is compared with nothing that was read before.
    let begun = Moment::now();
    let (manifests, unread) = source.manifests().await?;
    let chain = Chain::read(manifests, &keys, &args.pins);
    let mut outcome = Outcome::new(&chain, &keys, args.unproven_ok);
    outcome.unread_all(unread, report);
    let (evidence, whole) = records(&source, args, &targets, &chain, begun, &mut outcome, report).await;
    outcome.tell(&chain.findings, report);
    outcome.evidence(&evidence, report);
    let compare = Compare {
        store: &store,
        outputs: &outputs,
        names,
        ingest: outputs.ingest().ok(),
        evidence: &evidence,
        whole,
        args,
    };
    let terms = Terms {
        young_from: seconds(begun).saturating_sub(args.grace),
        strict: args.strict,
        removed_ok: args.removed_ok,
    };
    let versions = Versions::new(&chain, &evidence, terms);
    if args.files.is_empty() {
        compare.versions(&targets, versions, &mut outcome, report).await?;
    } else {
        compare.files(&files, versions, &mut outcome, report).await?;
    }
    Ok(outcome.end(report))
}

/// The records of the targets, and the places whose listing came to its end.
async fn records<'a>(
    source: &online::Evidence<'_>,
    args: &Verify,
    targets: &[Target],
    chain: &'a Chain,
    begun: Moment,
    outcome: &mut Outcome,
    report: &Report,
) -> (Evidence<'a>, Vec<String>) {
    let mut evidence = Evidence::new(chain, true);
    let places: Vec<String> = match args.targets.as_slice() {
        [] => RecordKind::ALL.map(|k| k.prefix().to_owned()).to_vec(),
        _ => {
            let both = |t: &Target| [t.receipts(), operator_record_key_prefix(&t.bucket, &t.prefix)];
            targets.iter().flat_map(both).collect()
        }
    };
    let mut whole = Vec::new();
    for place in places {
        let mut unread = Vec::new();
        let listed = source
            .records(&place, |key, found| {
                report.tick();
                match found {
                    Ok(found) => evidence.add(found, Moment::now()),
                    Err(reason) => {
                        evidence.unread(key.clone());
                        unread.push((key, reason));
                    }
                }
            })
            .await;
        match listed {
            Ok(()) => whole.push(place),
            Err(error) => unread.push((place, format!("{error:#}"))),
        }
        outcome.unread_all(unread, report);
    }
    let wanted = |name: &str| whole.iter().any(|place| name.starts_with(place.as_str()));
    evidence.finish(wanted, args.at().or(Some(begun)));
    (evidence, whole)
}

/// Which versions are compared.
struct Scope<'a> {
    targets: &'a [Target],
    /// No others than these, if they are named.
    only: Option<&'a HashSet<Version>>,
}

impl Scope<'_> {
    fn has(&self, version: &Version) -> bool {
        self.only.is_none_or(|only| only.contains(version))
    }
}

struct Compare<'a> {
    store: &'a Store,
    outputs: &'a Outputs,
    names: &'a Provenance,
    ingest: Option<&'a Ingest>,
    evidence: &'a Evidence<'a>,
    /// Places of records whose listing came to its end.
    whole: Vec<String>,
    args: &'a Verify,
}

impl<'a> Compare<'a> {
    /// Every version of the targets, and their bytes.
    async fn versions(
        &self,
        targets: &[Target],
        mut versions: Versions<'a>,
        outcome: &mut Outcome,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let scope = Scope { targets, only: None };
        self.all(&scope, &mut versions, outcome, report).await?;
        let found = versions.counts.versions + self.evidence.counts.receipts;
        if !self.args.targets.is_empty() && found == 0 {
            outcome.nothing(report);
        }
        outcome.versions(&versions, report);
        if self.args.fast {
            return Ok(());
        }
        self.read_all(versions.work, outcome, report).await
    }

    /// The versions that files may be, by what S3 lists of them.
    async fn files(
        &self,
        files: &[File],
        mut versions: Versions<'a>,
        outcome: &mut Outcome,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let wanted = Wanted::new(files, self.evidence);
        let scope = Scope { targets: &wanted.targets(), only: Some(wanted.versions()) };
        self.all(&scope, &mut versions, outcome, report).await?;
        let unmatched = wanted.unmatched(&versions);
        outcome.files(files, self.evidence, Some(&unmatched), report);
        Ok(())
    }

    async fn all(
        &self,
        scope: &Scope<'_>,
        versions: &mut Versions<'a>,
        outcome: &mut Outcome,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        report.progress("listing versions", None);
        let mut listed = Vec::new();
        for target in scope.targets {
            let receipts = target.receipts();
            // Where not every receipt was listed, a version without one may still have it.
            if !self.whole.iter().any(|place| receipts.starts_with(place)) {
                continue;
            }
            match self.list(target, scope, versions, report).await {
                Ok(()) => listed.push(target),
                Err(error) => {
                    let place = format!("s3://{}/{}", target.bucket, target.prefix);
                    outcome.unread(&place, &format!("{error:#}"), report);
                }
            }
        }
        // Of a bucket that was not listed to its end, nothing is missing.
        let wanted = |receipt: &Receipt| {
            let version = super::finding::version_of(receipt);
            listed.iter().any(|t| t.has(receipt)) && scope.has(&version)
        };
        let (mut missing, mut gone) = (versions.missing(wanted), versions.gone(wanted));
        versions.take_operated(&mut missing, self.evidence);
        versions.take_operated(&mut gone, self.evidence);
        let known = self.known(&mut missing, &mut gone, outcome, report).await?;
        versions.finish(&missing, &gone, &known);
        Ok(())
    }

    async fn list(
        &self,
        target: &Target,
        scope: &Scope<'_>,
        versions: &mut Versions<'a>,
        report: &Report,
    ) -> anyhow::Result<()> {
        let mut pages = self.store.versions(&target.bucket, &target.prefix);
        while let Some(page) = pages.next().await? {
            for listed in page.iter().filter(|v| !v.marker) {
                let (bucket, size) = (&target.bucket, Some(listed.size));
                let version =
                    Version { bucket: bucket.clone(), key: listed.key.clone(), version_id: listed.version_id.clone() };
                let watched = disposition(&self.names.watched, bucket, &listed.key, size);
                if watched == Disposition::Record && scope.has(&version) {
                    report.tick();
                    versions.add(bucket, listed);
                }
            }
        }
        Ok(())
    }

    /// What quarantine and trail say about receipts without a version; those of which neither can be asked are dropped.
    async fn known(
        &self,
        missing: &mut Unmatched<'a>,
        gone: &mut Unmatched<'a>,
        outcome: &mut Outcome,
        report: &Report,
    ) -> anyhow::Result<Matches<'a>> {
        let mut known = Matches::default();
        if let Some(ingest) = self.ingest {
            let all: Unmatched<'a> = missing.iter().chain(&*gone).copied().collect();
            let found = moved::among(&all, self.store, ingest, self.args.jobs).await?;
            known.moved = found.moved;
            let unread: HashSet<&str> = found.unread.iter().map(|(key, _)| *key).collect();
            for list in [&mut *missing, &mut *gone] {
                list.retain(|(key, _)| !unread.contains(key));
            }
            for (key, reason) in &found.unread {
                outcome.unread(key, reason, report);
            }
        }
        let left = missing.iter().chain(&*gone);
        let left = left.filter(|(key, _)| !known.moved.contains(key));
        let asked = left.filter_map(|(key, receipt)| Some((*key, Question::of(receipt)?)));
        let (keys, questions): (Vec<&str>, Vec<Question>) = asked.unzip();
        if !questions.is_empty() {
            let trail = Trail::new(self.store, self.names, &self.outputs.region);
            let found = trail.ask(&questions, now()).await;
            outcome.unread_all(found.unread, report);
            known.trail = keys.into_iter().zip(found.answers).collect();
        }
        Ok(known)
    }

    async fn read_all(&self, work: Vec<Work>, outcome: &mut Outcome, report: &mut Report) -> anyhow::Result<()> {
        let mut resume = self.args.resume.as_deref().map(Resume::open).transpose()?;
        let all = work.len();
        let left = work.into_iter();
        let left: Vec<Work> = left.filter(|w| !resume.as_ref().is_some_and(|r| r.has(w))).collect();
        outcome.few("read earlier", (all - left.len()) as u64);
        let bytes = left.iter().map(|w| w.size).sum();
        report.progress_bytes("reading versions", bytes);
        let (mut running, reader) = (JoinSet::new(), Reader::with(PARTS, PART, STALL));
        let (mut waiting, mut read, mut unread) = (left.into_iter(), 0, 0);
        let mut vanished = Vec::new();
        loop {
            while running.len() < usize::from(self.args.jobs) {
                let Some(work) = waiting.next() else { break };
                let (store, reader) = (self.store.clone(), Arc::clone(&reader));
                let advance = report.advance();
                running.spawn(async move {
                    let bytes = online::compare(&store, &work, &reader, advance).await;
                    (work, bytes)
                });
            }
            let Some(done) = running.join_next().await else {
                break;
            };
            let (work, found) = done.context("a task of this program failed")?;
            match found {
                Ok(Bytes::Gone) => vanished.push(work),
                Ok(bytes) => {
                    read += 1;
                    let finding = compared(&work, &bytes);
                    outcome.tell(finding.as_slice(), report);
                    if finding.is_none() {
                        resume.as_mut().map_or(Ok(()), |r| r.note(&work))?;
                    }
                }
                Err(error) => {
                    unread += 1;
                    outcome.unread_version(&work.version, &format!("{error:#}"), report);
                }
            }
        }
        unread += self.vanished(&vanished, outcome, report).await?;
        outcome.count("read", read);
        outcome.few("not read", unread);
        outcome.count("bytes", bytes);
        match resume {
            // What could not be read is read by the next run.
            Some(resume) if unread == 0 => resume.end(),
            _ => Ok(()),
        }
    }
}

fn seconds(at: Moment) -> i64 {
    i64::try_from(at.as_millis() / 1000).unwrap_or(i64::MAX)
}
