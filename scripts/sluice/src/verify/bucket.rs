//! A verification of what is in the buckets now.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use kit::journal::RECEIPTS;
use kit::time::Moment;
use provenance::hash::Reader;
use provenance::watch::{Concern, concern};
use tokio::task::JoinSet;

use crate::aws::{Role, session};
use crate::cli::Shared;
use crate::outputs::{Ingest, Provenance, System};
use crate::report::{Ended, Report};
use crate::store::Store;
use crate::target::Target;
use crate::verify::chain::Chain;
use crate::verify::evidence::Evidence;
use crate::verify::finding::{Finding, Kind};
use crate::verify::key::PublicKeys;
use crate::verify::moved;
use crate::verify::online::{self, Bytes};
use crate::verify::resume::Resume;
use crate::verify::versions::{Terms, Versions, Work};
use crate::verify::{Outcome, Verify};

/// Parts of long versions on their way at once, their size in bytes, and how long one may bring nothing.
const PARTS: usize = 16;
const PART: u64 = 4 << 20;
const STALL: Duration = Duration::from_secs(30);

/// Runs the command.
///
/// # Errors
/// When something cannot be read.
pub async fn run(
    shared: &Shared,
    args: &Verify,
    keys: Option<PublicKeys>,
    report: &mut Report,
) -> anyhow::Result<Ended> {
    let outputs = shared.from.read()?;
    let names = outputs.provenance()?;
    let targets = Target::several(&args.targets, names)?;
    let config = session(&outputs, System::Provenance, shared.role(Role::Auditor)).await?;
    let keys = match keys {
        Some(keys) => keys,
        None => online::public_key(&config, &names.signing_key).await?,
    };
    let store = Store::new(&config);
    let source = online::Evidence {
        store: &store,
        bucket: &names.receipts_bucket,
    };
    report.progress("reading manifests and receipts", None);
    // Reading takes hours where there is much: what comes meanwhile is compared with nothing that was read before.
    let begun = Moment::now();
    let chain = Chain::read(source.manifests().await?, &keys, &args.pins);
    let mut evidence = Evidence::new(&chain, true);
    let places: Vec<String> = match args.targets.as_slice() {
        [] => vec![RECEIPTS.to_owned()],
        _ => targets.iter().map(Target::receipts).collect(),
    };
    for place in &places {
        let take = |found| {
            report.tick();
            evidence.add(found, Moment::now());
        };
        source.receipts(place, take).await?;
    }
    let wanted = |name: &str| places.iter().any(|place| name.starts_with(place));
    evidence.finish(wanted, args.at().or(Some(begun)));
    let mut outcome = Outcome::new(&chain, &keys);
    outcome.tell(&chain.findings, report);
    outcome.evidence(&evidence, report);
    outcome.files(&evidence, &args.files, report)?;
    if args.files.is_empty() {
        let compare = Compare {
            chain: &chain,
            store: &store,
            names,
            ingest: outputs.ingest().ok(),
            begun,
            args,
        };
        compare
            .all(&targets, &evidence, &mut outcome, report)
            .await?;
    }
    Ok(outcome.end(report))
}

struct Compare<'a> {
    chain: &'a Chain,
    store: &'a Store,
    names: &'a Provenance,
    ingest: Option<&'a Ingest>,
    begun: Moment,
    args: &'a Verify,
}

impl Compare<'_> {
    async fn all(
        &self,
        targets: &[Target],
        evidence: &Evidence<'_>,
        outcome: &mut Outcome,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let terms = Terms {
            young_from: seconds(self.begun).saturating_sub(self.args.grace),
            strict: self.args.strict,
            removed_ok: self.args.removed_ok,
        };
        let mut versions = Versions::new(self.chain, &evidence.kept, terms);
        report.progress("listing versions", None);
        for target in targets {
            let mut pages = self.store.versions(&target.bucket, &target.prefix);
            while let Some(page) = pages.next().await? {
                for version in page.iter().filter(|v| !v.marker) {
                    let (bucket, size) = (&target.bucket, Some(version.size));
                    if concern(&self.names.watched, bucket, &version.key, size) == Concern::Record {
                        report.tick();
                        versions.add(bucket, version);
                    }
                }
            }
        }
        let missing = versions.missing(|receipt| targets.iter().any(|t| t.has(receipt)));
        let moved = match self.ingest {
            Some(ingest) => moved::among(&missing, self.store, ingest, self.args.jobs).await?,
            None => HashSet::new(),
        };
        versions.finish(&missing, &moved);
        outcome.tell(&versions.findings, report);
        let counts = versions.counts;
        outcome.count("versions", counts.versions);
        outcome.few("young", counts.young);
        outcome.few("deferred", counts.deferred);
        outcome.few("removed", counts.removed);
        outcome.few("moved to quarantine", counts.moved);
        if !self.args.fast {
            self.read_all(versions.work, outcome, report).await?;
        }
        Ok(())
    }

    async fn read_all(
        &self,
        work: Vec<Work>,
        outcome: &mut Outcome,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let mut resume = self.args.resume.as_deref().map(Resume::open).transpose()?;
        let all = work.len();
        let left = work.into_iter();
        let left: Vec<Work> = left
            .filter(|w| !resume.as_ref().is_some_and(|r| r.has(w)))
            .collect();
        outcome.few("read earlier", (all - left.len()) as u64);
        let bytes = left.iter().map(|w| w.size).sum();
        report.progress_bytes("reading versions", bytes);
        let (mut running, reader) = (JoinSet::new(), Reader::with(PARTS, PART, STALL));
        let (mut waiting, mut read, mut unread) = (left.into_iter(), 0, 0);
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
                Ok(Bytes::Same) => {
                    read += 1;
                    resume.as_mut().map_or(Ok(()), |r| r.note(&work))?;
                }
                Ok(other) => {
                    read += 1;
                    outcome.tell(&[wrong(work, &other)], report);
                }
                Err(error) => {
                    unread += 1;
                    report.note(format_args!("{error:#}"));
                }
            }
        }
        outcome.count("read", read);
        outcome.count("bytes", bytes);
        if unread > 0 {
            bail!(
                "{unread} versions could not be read; with --resume FILE the next run goes on from here"
            );
        }
        resume.map_or(Ok(()), Resume::end)
    }
}

fn seconds(at: Moment) -> i64 {
    i64::try_from(at.0 / 1000).unwrap_or(i64::MAX)
}

fn wrong(work: Work, bytes: &Bytes) -> Finding {
    let (kind, what) = match bytes {
        Bytes::Other(sha256) => {
            let was = &work.sha256;
            let what = format!("its bytes have SHA-256 {sha256}, its receipt says {was}");
            (Kind::VersionChanged, what)
        }
        _ => (
            Kind::VersionMissing,
            "it went away during this verification".into(),
        ),
    };
    Finding::of(kind, work.evidence, what).about(work.version)
}
