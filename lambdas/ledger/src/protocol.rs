//! The protocol of one run: it closes every period that is due.
//!
//! One write commits a manifest: the put of its object, only if none exists with its sequence number. Everything before
//! it only reads, so a run may stop anywhere, and the next run, or one at the same time, produces the same ledger.
//!
//! ```text
//! FindManifest (galloping, then bisecting) -> ReadManifest (the last) -> Verify
//!   -> for each period that is due: ListJournal -> ReadEntries -> ReadRecords (page by page) -> Sign -> WriteManifest
//!      exists already, from another run -> ReadManifest -> Verify -> the period after that one
//! ```
//!
//! A period may be closed 60 seconds after its end: by then every record of the period has a
//! journal entry.
//!
//! No manifest follows one that the signing key did not sign: the next manifest would vouch for a forged one.

mod draft;

use lambda_support::protocol::unexpected;
use lambda_support::{Fault, Protocol, StepOf};
use sluice_types::digest::sha256;
use sluice_types::manifest::{self, Statement};
use sluice_types::signature::canonical;
use sluice_types::{JournalEntry, Timestamp};

use crate::effect::{Body, Effect, EffectResult};
use crate::head::Head;
use crate::period::next_period_end;
use crate::request::RunRequest;
use draft::{Draft, JournalPage};

/// The number of journal entries after which a period is closed early, so that a manifest fits in memory and in one run.
pub(crate) const MAX_LISTED_RECORDS: usize = 50_000;

/// What the deployment decides.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LedgerConfig {
    /// The name of the signing key in manifests.
    pub signing_key: String,
    /// The number of journal entries after which a period is closed early; fewer in tests.
    pub max_listed_records: usize,
}

/// A manifest that this run wrote.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WrittenManifest {
    /// The manifest.
    pub head: Head,
    /// The number of records it lists.
    pub listed: usize,
    /// The number of journal entries without a record that it lists.
    pub announced: usize,
}

type Step = StepOf<LedgerProtocol>;

/// The state of one run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LedgerProtocol {
    /// The manifests it has written so far.
    pub written: Vec<WrittenManifest>,
    /// The last manifest that it knows.
    pub head: Option<Head>,
    now: Timestamp,
    request: RunRequest,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum State {
    /// Looking for an upper bound of the last sequence number; `low` exists or is 0.
    Galloping {
        low: u64,
        after: u64,
    },
    /// The last sequence number is from `low` to `high`.
    Bisecting {
        low: u64,
        high: u64,
        after: u64,
    },
    ReadingManifest(u64),
    Verifying(Head),
    ListingJournal(Draft),
    ReadingEntries(Draft, JournalPage),
    ReadingRecords(Draft, Vec<JournalEntry>, JournalPage),
    Signing(Box<Statement>),
    Writing(Box<WrittenManifest>),
    Finished,
}

impl Protocol for LedgerProtocol {
    type Request = RunRequest;
    type Config = LedgerConfig;
    type Effect = Effect;
    type EffectResult = EffectResult;
    /// The manifests are in [`LedgerProtocol::written`], which has them after a fault too.
    type Verdict = ();

    fn start(request: RunRequest, _config: &LedgerConfig, now: Timestamp) -> (Self, Step) {
        let state = State::Galloping { low: 0, after: 0 };
        let protocol = Self { written: Vec::new(), head: None, now, request, state };
        (protocol, Step::Perform(Effect::FindManifest { after: 0 }))
    }

    fn next(&mut self, config: &LedgerConfig, result: EffectResult, _now: Timestamp) -> Step {
        let state = std::mem::replace(&mut self.state, State::Finished);
        match (state, result) {
            (State::Galloping { low, after }, EffectResult::ManifestFound(found)) => self.gallop(low, after, found),
            (State::Bisecting { low, high, after }, EffectResult::ManifestFound(found)) => match found {
                Some(sequence) => self.bisect(sequence, high.max(sequence)),
                None => self.bisect(low, after),
            },
            (State::ReadingManifest(sequence), EffectResult::Manifest(bytes)) => self.manifest_read(sequence, &bytes),
            (State::Verifying(head), EffectResult::Verified(valid)) => self.verified(head, valid),
            (State::ListingJournal(draft), EffectResult::JournalPage { keys, more }) => {
                self.journal_listed(config, draft, JournalPage { keys, more })
            }
            (State::ReadingEntries(draft, page), EffectResult::Objects(bodies)) => {
                self.entries_read(config, draft, page, &bodies)
            }
            (State::ReadingRecords(mut draft, entries, page), EffectResult::Objects(bodies)) => {
                draft.add_records(entries, &bodies);
                self.page_done(config, draft, page)
            }
            (State::Signing(statement), EffectResult::Signed(signature)) => self.signed(&statement, &signature),
            (State::Writing(written), EffectResult::ManifestWritten) => {
                self.head = Some(written.head.clone());
                self.written.push(*written);
                self.next_period()
            }
            (State::Writing(written), EffectResult::ManifestExists) => self.read_manifest(written.head.sequence),
            (state, result) => Step::Fault(unexpected(&state, &result)),
        }
    }
}

impl LedgerProtocol {
    fn perform(&mut self, state: State, effect: Effect) -> Step {
        self.state = state;
        Step::Perform(effect)
    }

    /// Doubles the sequence number until no manifest has a higher one.
    fn gallop(&mut self, low: u64, after: u64, found: Option<u64>) -> Step {
        let Some(sequence) = found else {
            return self.bisect(low, after);
        };
        let after = sequence.saturating_mul(2).min(manifest::MAX_SEQUENCE);
        self.perform(State::Galloping { low: sequence, after }, Effect::FindManifest { after })
    }

    /// The last sequence number is from `low` to `high`.
    fn bisect(&mut self, low: u64, high: u64) -> Step {
        if low < high {
            let after = low.midpoint(high);
            self.perform(State::Bisecting { low, high, after }, Effect::FindManifest { after })
        } else if low == 0 {
            self.next_period()
        } else {
            self.read_manifest(low)
        }
    }

    fn read_manifest(&mut self, sequence: u64) -> Step {
        self.perform(State::ReadingManifest(sequence), Effect::ReadManifest(sequence))
    }

    fn manifest_read(&mut self, sequence: u64, bytes: &[u8]) -> Step {
        let fault =
            |reason: String| Step::Fault(Fault::new(format!("GetObject of `{}`", manifest::key(sequence)), reason));
        let opened = match manifest::open(bytes) {
            Ok(opened) => opened,
            Err(error) => return fault(format!("{error}; run `sluice verify` to find out what else was changed")),
        };
        let predicate = opened.statement.predicate;
        let is_in_place = predicate.sequence == sequence && sequence < manifest::MAX_SEQUENCE;
        if !is_in_place || predicate.to > self.now {
            let reason =
                "its sequence number differs from its key, or its period ends in the future; run `sluice verify`";
            return fault(reason.to_owned());
        }
        let head = Head { sequence, sha256: opened.sha256, to: predicate.to };
        let effect = Effect::Verify { digest: opened.digest, signature: opened.signature };
        self.perform(State::Verifying(head), effect)
    }

    fn verified(&mut self, head: Head, valid: bool) -> Step {
        let name = format!("{}:{}", head.sequence, head.sha256);
        if !valid && self.request.go_on_from.as_ref() != Some(&name) {
            let key = manifest::key(head.sequence);
            let reason = format!(
                "the signing key did not sign it, so no manifest may follow it. Run `sluice verify` to find out what else \
                 was changed. If it is forged, delete `{key}`. If the signing key was replaced, invoke this function once \
                 with {{\"until\":\"now\",\"go_on_from\":\"{name}\"}}"
            );
            return Step::Fault(Fault::new(format!("Verify of `{key}`"), reason));
        }
        self.head = Some(head);
        self.next_period()
    }

    /// Starts the next period that is due, if there is one.
    fn next_period(&mut self) -> Step {
        let last_end = self.head.as_ref().map(|head| head.to);
        let Some(to) = next_period_end(last_end, self.now, self.request.close_until) else {
            return Step::Done(());
        };
        let from = last_end.map_or(Timestamp::UNIX_EPOCH, |end| end.plus_millis(1));
        let after = JournalEntry::key_prefix(from);
        self.perform(State::ListingJournal(Draft::new(to)), Effect::ListJournal { after })
    }

    fn journal_listed(&mut self, config: &LedgerConfig, draft: Draft, page: JournalPage) -> Step {
        let page = page.truncate(draft.to);
        if page.keys.is_empty() {
            return self.sign(config, draft);
        }
        let effect = Effect::ReadEntries(page.keys.clone());
        self.perform(State::ReadingEntries(draft, page), effect)
    }

    fn entries_read(
        &mut self,
        config: &LedgerConfig,
        mut draft: Draft,
        page: JournalPage,
        bodies: &[Option<Body>],
    ) -> Step {
        let entries = draft.add_entries(&page, bodies);
        if entries.is_empty() {
            return self.page_done(config, draft, page);
        }
        let record_keys = entries.iter().map(|entry| entry.record_key.clone()).collect();
        self.perform(State::ReadingRecords(draft, entries, page), Effect::ReadRecords(record_keys))
    }

    /// Continues with the next page, or signs. A period with too many entries ends at the time that is in progress.
    fn page_done(&mut self, config: &LedgerConfig, mut draft: Draft, mut page: JournalPage) -> Step {
        let Some(after) = page.keys.pop().filter(|_| page.more) else {
            return self.sign(config, draft);
        };
        if draft.len() >= config.max_listed_records {
            draft.end_at_key(&after);
        }
        self.perform(State::ListingJournal(draft), Effect::ListJournal { after })
    }

    fn sign(&mut self, config: &LedgerConfig, draft: Draft) -> Step {
        let statement = Box::new(draft.into_statement(self.head.as_ref(), &config.signing_key));
        self.perform(State::Signing(statement.clone()), Effect::Sign(statement))
    }

    fn signed(&mut self, statement: &Statement, signature: &[u8]) -> Step {
        let predicate = &statement.predicate;
        let signature = match canonical(signature) {
            Ok(signature) => signature,
            Err(error) => return Step::Fault(Fault::new("Sign", error.to_string())),
        };
        let envelope = manifest::seal(&statement.payload(), &predicate.key, &signature);
        let sequence = predicate.sequence;
        let written = WrittenManifest {
            head: Head { sequence, sha256: sha256(&envelope), to: predicate.to },
            listed: statement.records().count(),
            announced: predicate.announced.len(),
        };
        self.perform(State::Writing(Box::new(written)), Effect::WriteManifest { sequence, envelope })
    }
}
