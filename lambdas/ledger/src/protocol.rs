//! The protocol: facts in, next effect out. No client, clock or environment.
//!
//! One write decides: the put of a manifest, only if there is none with its sequence number. Everything before it only
//! reads, so a run may stop anywhere and the next one, or one at the same time, comes to the same ledger.
//!
//! ```text
//! NextManifest (ever further, then closer) -> ReadManifest (the last) -> Verify
//!   -> for each period that is due: ListJournal -> ReadEntries -> ReadRecords (page by page) -> Sign -> Write
//!      written before, by another run -> ReadManifest -> Verify -> the period after that one
//! ```
//!
//! A period may be closed [`GRACE_MS`](crate::period::GRACE_MS) after its end: whoever records something has announced it by then.
//!
//! Nothing is signed after a manifest that the signing key did not sign: a forged one would be borne out by the next.

use std::collections::HashSet;

use lambda_support::protocol::unexpected;
use lambda_support::{Fault, Protocol, StepOf};
use sluice_types::manifest::{self, Listed, Predicate, Statement};
use sluice_types::signature::canonical;
use sluice_types::{JournalEntry, RecordKind, Timestamp};

use crate::effect::{Body, Effect, EffectResult};
use crate::period::due;
use crate::request::Asked;

/// A period with more announcements is closed early, so that a manifest fits in memory and in one run.
pub const MAX_LISTED: usize = 50_000;

/// What the deployment decides, for the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Plan {
    /// The signing key's name, for the manifests.
    pub key: String,
    /// Announcements after which a period is closed early; [`MAX_LISTED`] but in tests.
    pub max_listed: usize,
}

/// A manifest that is in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Head {
    /// Its sequence number.
    pub sequence: u64,
    /// SHA-256 of its envelope.
    pub sha256: String,
    /// The end of its period.
    pub to: Timestamp,
}

/// A manifest that this run wrote.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Written {
    /// Where it stands.
    pub head: Head,
    /// Records that were there.
    pub listed: usize,
    /// Announcements without their record.
    pub announced: usize,
}

type Step = StepOf<LedgerProtocol>;

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LedgerProtocol {
    /// What it has written so far.
    pub written: Vec<Written>,
    /// The last manifest it knows.
    pub head: Option<Head>,
    now: Timestamp,
    asked: Asked,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum State {
    Galloping { low: u64, after: u64 },
    Bisecting { low: u64, high: u64, after: u64 },
    Reading(u64),
    Verifying(Head),
    Listing(Draft),
    Announcing(Draft, Page),
    Recording(Draft, Vec<JournalEntry>, Page),
    Signing(Box<Statement>),
    Writing(Box<Written>),
    Ended,
}

/// A period being gathered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Draft {
    to: Timestamp,
    present: Vec<Listed>,
    absent: Vec<Listed>,
}

/// Keys of the journal, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Page {
    keys: Vec<String>,
    more: bool,
}

impl Protocol for LedgerProtocol {
    type Request = Asked;
    type Config = Plan;
    type Effect = Effect;
    type EffectResult = EffectResult;
    /// What the run wrote is in the protocol's state.
    type Verdict = ();

    fn start(asked: Asked, _plan: &Plan, now: Timestamp) -> (Self, Step) {
        let run = Self { written: Vec::new(), head: None, now, asked, state: State::Galloping { low: 0, after: 0 } };
        (run, Step::Perform(Effect::NextManifest { after: 0 }))
    }

    fn next(&mut self, plan: &Plan, result: EffectResult, _now: Timestamp) -> Step {
        let state = std::mem::replace(&mut self.state, State::Ended);
        match (state, result) {
            (State::Galloping { low, after }, EffectResult::Next(found)) => self.gallop(low, after, found),
            (State::Bisecting { low, high, after }, EffectResult::Next(found)) => match found {
                Some(next) => self.bisect(next, high.max(next)),
                None => self.bisect(low, after),
            },
            (State::Reading(sequence), EffectResult::Manifest(bytes)) => self.read(sequence, &bytes),
            (State::Verifying(head), EffectResult::Verified(valid)) => self.verified(head, valid),
            (State::Listing(draft), EffectResult::Page { keys, more }) => self.listed(plan, draft, keys, more),
            (State::Announcing(draft, page), EffectResult::Read(bodies)) => self.announced(plan, draft, page, &bodies),
            (State::Recording(draft, entries, page), EffectResult::Read(bodies)) => {
                self.recorded(plan, draft, entries, page, &bodies)
            }
            (State::Signing(statement), EffectResult::Signed(signature)) => self.signed(&statement, &signature),
            (State::Writing(written), EffectResult::Written) => {
                self.head = Some(written.head.clone());
                self.written.push(*written);
                self.period()
            }
            (State::Writing(written), EffectResult::WrittenBefore) => self.look(written.head.sequence),
            (state, result) => Step::Fault(unexpected(&state, &result)),
        }
    }
}

impl LedgerProtocol {
    fn to(&mut self, state: State, effect: Effect) -> Step {
        self.state = state;
        Step::Perform(effect)
    }

    /// Twice as far each time, until there is no manifest further on.
    fn gallop(&mut self, low: u64, after: u64, found: Option<u64>) -> Step {
        let Some(next) = found else {
            return self.bisect(low, after);
        };
        let after = next.saturating_mul(2).min(manifest::LAST);
        self.to(State::Galloping { low: next, after }, Effect::NextManifest { after })
    }

    /// The last manifest is `low` or later, and `high` or earlier.
    fn bisect(&mut self, low: u64, high: u64) -> Step {
        if low < high {
            let after = low.midpoint(high);
            self.to(State::Bisecting { low, high, after }, Effect::NextManifest { after })
        } else if low == 0 {
            self.period()
        } else {
            self.look(low)
        }
    }

    fn look(&mut self, sequence: u64) -> Step {
        self.to(State::Reading(sequence), Effect::ReadManifest(sequence))
    }

    fn read(&mut self, sequence: u64, bytes: &[u8]) -> Step {
        let call = || format!("GetObject of `{}`", manifest::key(sequence));
        let opened = match manifest::open(bytes) {
            Ok(opened) => opened,
            Err(error) => {
                let why = format!("{error}; `sluice verify` says what else was touched");
                return Step::Fault(Fault::new(call(), why));
            }
        };
        let predicate = opened.statement.predicate;
        let place = predicate.sequence == sequence && sequence < manifest::LAST;
        if !place || predicate.to > self.now {
            let why = "it is a manifest of another place or of the future; look with `sluice verify`";
            return Step::Fault(Fault::new(call(), why));
        }
        let head = Head { sequence, sha256: opened.sha256, to: predicate.to };
        let effect = Effect::Verify { digest: opened.digest, signature: opened.signature };
        self.to(State::Verifying(head), effect)
    }

    fn verified(&mut self, head: Head, valid: bool) -> Step {
        let name = format!("{}:{}", head.sequence, head.sha256);
        if !valid && self.asked.go_on_from.as_ref() != Some(&name) {
            let key = manifest::key(head.sequence);
            let why = format!(
                "the signing key did not sign it, so no manifest follows it. `sluice verify` says what else was changed. If it is forged, delete `{key}`; if the signing key was replaced, invoke this function once with {{\"until\":\"now\",\"go_on_from\":\"{name}\"}}"
            );
            return Step::Fault(Fault::new(format!("Verify of `{key}`"), why));
        }
        self.head = Some(head);
        self.period()
    }

    /// The next period that is due, if there is one.
    fn period(&mut self) -> Step {
        let Some(to) = due(self.head.as_ref().map(|h| h.to), self.now, self.asked.until) else {
            return Step::Done(());
        };
        let from = self.head.as_ref().map_or(Timestamp::UNIX_EPOCH, |h| h.to.plus_millis(1));
        let draft = Draft { to, present: Vec::new(), absent: Vec::new() };
        let after = JournalEntry::key_prefix(from);
        self.to(State::Listing(draft), Effect::ListJournal { after })
    }

    fn listed(&mut self, plan: &Plan, draft: Draft, mut keys: Vec<String>, more: bool) -> Step {
        let end = JournalEntry::key_prefix(draft.to.plus_millis(1));
        let inside = keys.partition_point(|key| *key < end);
        let more = more && inside == keys.len();
        keys.truncate(inside);
        if keys.is_empty() {
            return self.sign(plan, draft);
        }
        let effect = Effect::ReadEntries(keys.clone());
        self.to(State::Announcing(draft, Page { keys, more }), effect)
    }

    fn announced(&mut self, plan: &Plan, mut draft: Draft, page: Page, bodies: &[Option<Body>]) -> Step {
        let mut entries = Vec::with_capacity(bodies.len());
        for (key, body) in page.keys.iter().zip(bodies) {
            let nothing = || sluice_types::digest::sha256(b"");
            let sha256 = body.as_ref().map_or_else(nothing, |b| b.sha256.clone());
            match body.as_ref().and_then(|b| entry(key, &b.bytes)) {
                Some(entry) => entries.push(entry),
                None => draft.absent.push(Listed::new(key, sha256)),
            }
        }
        if entries.is_empty() {
            return self.turn(plan, draft, page);
        }
        let names = entries.iter().map(|e| e.record_key.clone()).collect();
        self.to(State::Recording(draft, entries, page), Effect::ReadRecords(names))
    }

    fn recorded(
        &mut self,
        plan: &Plan,
        mut draft: Draft,
        entries: Vec<JournalEntry>,
        page: Page,
        bodies: &[Option<Body>],
    ) -> Step {
        for (entry, body) in entries.into_iter().zip(bodies) {
            let there = body.as_ref().is_some_and(|b| b.sha256 == entry.sha256);
            let listed = Listed::new(entry.record_key, entry.sha256);
            if there {
                draft.present.push(listed);
            } else {
                draft.absent.push(listed);
            }
        }
        self.turn(plan, draft, page)
    }

    /// To the next page, or to the signature. With many, the period ends with the moment that is under way.
    fn turn(&mut self, plan: &Plan, mut draft: Draft, mut page: Page) -> Step {
        let Some(after) = page.keys.pop().filter(|_| page.more) else {
            return self.sign(plan, draft);
        };
        if draft.present.len() + draft.absent.len() >= plan.max_listed {
            draft.to = moment_of(&after, draft.to);
        }
        self.to(State::Listing(draft), Effect::ListJournal { after })
    }

    fn sign(&mut self, plan: &Plan, draft: Draft) -> Step {
        let head = self.head.as_ref();
        let previous = head.map(|h| Listed::new(manifest::key(h.sequence), &h.sha256));
        // A record announced twice with the same bytes is there, once.
        let present: HashSet<&Listed> = draft.present.iter().collect();
        let absent = draft.absent.iter().filter(|l| !present.contains(l));
        let predicate = Predicate {
            sequence: head.map_or(1, |h| h.sequence + 1),
            from: head.map(|h| h.to),
            to: draft.to,
            previous,
            announced: absent.cloned().collect(),
            key: plan.key.clone(),
        };
        let statement = Box::new(Statement::new(draft.present, predicate));
        self.to(State::Signing(statement.clone()), Effect::Sign(statement))
    }

    fn signed(&mut self, statement: &Statement, signature: &[u8]) -> Step {
        let predicate = &statement.predicate;
        let signature = match canonical(signature) {
            Ok(signature) => signature,
            Err(error) => return Step::Fault(Fault::new("Sign", error.to_string())),
        };
        let envelope = manifest::seal(&statement.payload(), &predicate.key, &signature);
        let written = Written {
            head: Head {
                sequence: predicate.sequence,
                sha256: sluice_types::digest::sha256(&envelope),
                to: predicate.to,
            },
            listed: statement.records().count(),
            announced: predicate.announced.len(),
        };
        let sequence = predicate.sequence;
        self.to(State::Writing(Box::new(written)), Effect::Write { sequence, envelope })
    }
}

/// The last moment up to `to` whose entries begin at this key or before it, whatever the key is.
fn moment_of(key: &str, to: Timestamp) -> Timestamp {
    let (mut low, mut high) = (0, to.as_millis());
    while low < high {
        let middle = low.midpoint(high) + 1;
        if JournalEntry::key_prefix(Timestamp::from_millis(middle)).as_str() <= key {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Timestamp::from_millis(low)
}

/// The entry, if it is what its key says.
fn entry(key: &str, bytes: &[u8]) -> Option<JournalEntry> {
    let entry: JournalEntry = serde_json::from_slice(bytes).ok()?;
    (entry.key() == key && RecordKind::of(&entry.record_key).is_some()).then_some(entry)
}
