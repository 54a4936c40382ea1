//! Every crash point of two runs at the same time, with writers that are slow, cut off or second.
//!
//! A state is the world, both runs and how far each writer is. From each, every next thing is tried: a run's call
//! succeeds, fails, or has its effect and loses its answer (after either the run starts anew), or a writer takes its
//! next step. A writer that takes none is one that was cut off.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod world;

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use lambda_support::fakes::FakeAws;
use lambda_support::{Protocol, Step, StepOf};
use ledger::effect::Effect;
use ledger::protocol::{LedgerProtocol, Plan};
use ledger::request::{Asked, Until};
use sluice_types::digest::sha256;
use sluice_types::keys::LEDGER_PREFIX;
use sluice_types::manifest::{self, Listed, Opened};
use sluice_types::signature::canonical;
use sluice_types::{JournalEntry, Timestamp};
use world::{BUCKET, Phase, Writer, advance, asked, bytes, mirrored, perform, plan, run_through, sign, writer};

const HOUR: u64 = 3_600_000;

/// Two o'clock, five minutes past; what is due is closed to two, on demand to four minutes past.
const NOW: Timestamp = Timestamp::from_millis(2 * HOUR + 300_000);

#[derive(Clone)]
enum Active {
    Running(Box<LedgerProtocol>, Box<Effect>),
    Ended(Box<LedgerProtocol>),
}

#[derive(Clone)]
struct State {
    world: FakeAws,
    runs: Vec<(Until, Active)>,
    phases: Vec<Phase>,
    troubles: u8,
}

struct Explorer<'a> {
    plan: Plan,
    writers: &'a [Writer],
    seen: HashSet<u64>,
    finished: usize,
}

fn begin(until: Until) -> Active {
    let (run, step) = LedgerProtocol::start(asked(until), &plan(100), NOW);
    after(run, step)
}

fn after(run: LedgerProtocol, step: StepOf<LedgerProtocol>) -> Active {
    match step {
        Step::Perform(effect) => Active::Running(Box::new(run), Box::new(effect)),
        Step::Done(()) => Active::Ended(Box::new(run)),
        Step::Fault(fault) => panic!("{fault}"),
    }
}

impl Explorer<'_> {
    fn explore(&mut self, first: State) {
        let mut waiting = vec![first];
        while let Some(state) = waiting.pop() {
            if !self.seen.insert(fingerprint(&state)) {
                continue;
            }
            let manifests = self.check(&state);
            let mut open = false;
            for at in 0..state.runs.len() {
                if let Active::Running(run, effect) = &state.runs[at].1 {
                    open = true;
                    self.branches(&state, at, run, effect, &mut waiting);
                }
            }
            if !open {
                self.finish(&state, &manifests);
                continue;
            }
            for (at, writer) in self.writers.iter().enumerate() {
                if state.phases[at] != Phase::Recorded {
                    let mut next = state.clone();
                    next.phases[at] = advance(&mut next.world, writer, state.phases[at]);
                    waiting.push(next);
                }
            }
        }
    }

    fn branches(&self, state: &State, at: usize, run: &LedgerProtocol, effect: &Effect, to: &mut Vec<State>) {
        let mut fine = state.clone();
        let outcome = perform(&mut fine.world.s3, effect);
        if state.troubles > 0 {
            for world in [&fine.world, &state.world] {
                let mut broken = state.clone();
                broken.world = world.clone();
                broken.runs[at].1 = begin(state.runs[at].0);
                broken.troubles -= 1;
                to.push(broken);
            }
        }
        let mut run = run.clone();
        let step = run.next(&self.plan, outcome, NOW);
        fine.runs[at].1 = after(run, step);
        to.push(fine);
    }

    /// At any moment: a chain without fork or gap, each announcement in one manifest and in its period, nothing lost.
    fn check(&self, state: &State) -> Vec<Opened> {
        let s3 = &state.world.s3;
        let mut manifests: Vec<Opened> = Vec::new();
        let mut seen = BTreeSet::new();
        for (place, key) in s3.list(BUCKET, LEDGER_PREFIX).into_iter().enumerate() {
            assert_eq!(manifest::sequence_of(key), Some(place as u64 + 1), "a gap");
            assert_eq!(s3.versions(BUCKET, key).len(), 1, "written twice");
            let opened = manifest::open(&bytes(s3, key)).unwrap();
            let predicate = &opened.statement.predicate;
            let before = manifests.last();
            let previous = before.map(|b| Listed::new(manifest::key(place as u64), &b.sha256));
            assert_eq!(predicate.sequence, place as u64 + 1);
            assert_eq!(predicate.previous, previous);
            assert_eq!(predicate.from, before.map(|b| b.statement.predicate.to));
            assert!(predicate.from < Some(predicate.to));
            for listed in opened.statement.records().chain(&predicate.announced) {
                assert!(seen.insert(listed.clone()), "listed twice: {listed:?}");
            }
            for listed in opened.statement.records() {
                assert_eq!(sha256(&bytes(s3, &listed.name)), listed.digest.sha256);
            }
            manifests.push(opened);
        }
        for (writer, phase) in self.writers.iter().zip(&state.phases) {
            self.placed(&manifests, writer, *phase);
        }
        manifests
    }

    fn placed(&self, manifests: &[Opened], writer: &Writer, phase: Phase) {
        let listed = Listed::new(&writer.entry.record_key, &writer.entry.sha256);
        let at = writer.entry.recorded_at;
        let closed = manifests.iter().find(|m| at <= m.statement.predicate.to);
        let Some(manifest) = closed else { return };
        assert!(manifest.statement.predicate.from < Some(at));
        let present = manifest.statement.records().any(|l| *l == listed);
        let announced = manifest.statement.predicate.announced.contains(&listed);
        assert_ne!(phase, Phase::Nothing, "the test breaks the writers' promise");
        assert!(present != announced, "lost, or listed as both: {listed:?}");
        let rival = self.writers.iter().filter(|w| w.entry.record_key == listed.name).count() > 1;
        assert!(present || writer.begins != Phase::Recorded || rival, "it was there: {listed:?}");
    }

    fn finish(&mut self, state: &State, manifests: &[Opened]) {
        self.finished += 1;
        let last = manifests.last().unwrap();
        let now = state.runs.iter().any(|(until, _)| *until == Until::Now);
        let expected = if now { NOW.minus_millis(60_000) } else { Timestamp::from_millis(2 * HOUR) };
        assert_eq!(last.statement.predicate.to, expected);
        for (_, active) in &state.runs {
            let Active::Ended(run) = active else { continue };
            for written in &run.written {
                let place = usize::try_from(written.head.sequence).unwrap() - 1;
                assert_eq!(manifests[place].sha256, written.head.sha256, "said, not written");
            }
        }
    }
}

fn fingerprint(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.world.hash(&mut hasher);
    (&state.phases, state.troubles).hash(&mut hasher);
    for (until, active) in &state.runs {
        match active {
            Active::Running(run, effect) => (until, run, effect).hash(&mut hasher),
            Active::Ended(run) => (until, run).hash(&mut hasher),
        }
    }
    hasher.finish()
}

/// Explores; returns how many histories ended.
fn explore(mut world: FakeAws, writers: &[Writer], runs: &[Until], troubles: u8, max_listed: usize) -> usize {
    for writer in writers {
        let mut phase = Phase::Nothing;
        while phase != writer.begins {
            phase = advance(&mut world, writer, phase);
        }
    }
    let mut explorer = Explorer { plan: plan(max_listed), writers, seen: HashSet::new(), finished: 0 };
    explorer.explore(State {
        world,
        runs: runs.iter().map(|&until| (until, begin(until))).collect(),
        phases: writers.iter().map(|w| w.begins).collect(),
        troubles,
    });
    explorer.finished
}

#[test]
fn a_ledger_begins_with_everything_before() {
    let writers = [
        writer("slow", 2 * HOUR, Phase::Announced),
        writer("next", 2 * HOUR + 1, Phase::Announced),
        writer("young", 2 * HOUR + 240_001, Phase::Nothing),
    ];
    let ended = explore(FakeAws::default(), &writers, &[Until::Hour, Until::Now], 1, 100);
    assert!(ended > 10, "{ended}");
}

#[test]
fn an_outage_is_caught_up_in_order() {
    let mut world = FakeAws::default();
    run_through(&mut world, &plan(100), Timestamp::from_millis(60_000), Until::Hour);
    let writers = [
        writer("first", 1, Phase::Recorded),
        writer("edge", HOUR, Phase::Announced),
        writer("second", HOUR + 1, Phase::Recorded),
    ];
    let ended = explore(world, &writers, &[Until::Hour, Until::Hour], 2, 100);
    assert!(ended > 10, "{ended}");
}

#[test]
fn of_two_writers_of_one_receipt_one_is_listed_as_there() {
    let writers = [
        writer("same", HOUR + 1, Phase::Announced),
        writer("same", HOUR + 2, Phase::Announced),
        writer("same", HOUR + 3, Phase::Announced),
    ];
    let ended = explore(FakeAws::default(), &writers, &[Until::Hour], 2, 100);
    assert!(ended > 3, "{ended}");
}

#[test]
fn a_period_too_long_for_one_manifest_is_cut() {
    let writers: Vec<Writer> = (0..5).map(|n| writer(&format!("r{n}"), 10 + n / 2, Phase::Recorded)).collect();
    let ended = explore(FakeAws::default(), &writers, &[Until::Hour, Until::Hour], 2, 2);
    assert!(ended > 2, "{ended}");
    let mut world = FakeAws::default();
    for writer in &writers {
        advance(&mut world, writer, Phase::Nothing);
    }
    let run = run_through(&mut world, &plan(2), NOW, Until::Hour);
    let counts: Vec<usize> = run.written.iter().map(|w| w.announced).collect();
    assert_eq!(counts, [2, 2, 1, 0], "those of one moment stay together");
}

#[test]
fn an_entry_that_cannot_be_read_is_listed_itself() {
    let mut world = FakeAws::default();
    let good = writer("good", 7, Phase::Recorded);
    for key in [
        format!("{}x.json", JournalEntry::key_prefix(Timestamp::from_millis(6))),
        format!("{}y.json", JournalEntry::key_prefix(Timestamp::from_millis(8))),
    ] {
        world.s3.put(BUCKET, &key, b"{", true).unwrap();
    }
    let elsewhere = JournalEntry::new("journal/a".into(), b"", Timestamp::from_millis(9));
    let text = serde_json::to_vec(&elsewhere).unwrap();
    world.s3.put(BUCKET, &elsewhere.key(), &text, true).unwrap();
    let early = JournalEntry { recorded_at: Timestamp::from_millis(5), ..good.entry.clone() };
    let text = serde_json::to_vec(&good.entry).unwrap();
    world.s3.put(BUCKET, &early.key(), &text, true).unwrap();
    advance(&mut world, &good, Phase::Nothing);
    advance(&mut world, &good, Phase::Announced);
    let run = run_through(&mut world, &plan(100), NOW, Until::Hour);
    assert_eq!((run.written[0].listed, run.written[0].announced), (1, 4));
}

/// Whoever may write to the journal does not keep a period from ever being closed.
#[test]
fn a_period_full_of_what_cannot_be_read_is_cut_too() {
    let mut world = FakeAws::default();
    for at in 1..=40 {
        let key = format!("{}x-{at}", JournalEntry::key_prefix(Timestamp::from_millis(at / 2)));
        world.s3.put(BUCKET, &key, b"{", true).unwrap();
    }
    let run = run_through(&mut world, &plan(3), NOW, Until::Hour);
    let counts: Vec<usize> = run.written.iter().map(|w| w.announced).collect();
    assert!(counts.iter().all(|count| *count <= 5), "{counts:?}");
    assert_eq!(counts.iter().sum::<usize>(), 40);
}

#[test]
fn the_last_of_many_is_found() {
    for count in [1, 2, 3, 7, 8, 9, 30] {
        let mut world = FakeAws::default();
        for hour in 0..count {
            run_through(&mut world, &plan(100), Timestamp::from_millis(hour * HOUR + 60_000), Until::Hour);
        }
        let run = run_through(&mut world, &plan(100), Timestamp::from_millis(count * HOUR + 60_000), Until::Hour);
        assert_eq!(run.written.len(), 1, "{count}");
        assert_eq!(run.head.unwrap().sequence, count + 1);
    }
}

#[test]
fn a_last_manifest_that_cannot_be_is_not_gone_on_from() {
    let mut world = FakeAws::default();
    run_through(&mut world, &plan(100), Timestamp::from_millis(60_000), Until::Hour);
    let honest = bytes(&world.s3, &manifest::key(1));
    let stops = |world: &mut FakeAws, now: Timestamp, key: &str| {
        let (mut run, mut step) = LedgerProtocol::start(asked(Until::Hour), &plan(100), now);
        for _ in 0..200 {
            let Step::Perform(effect) = step else { break };
            step = run.next(&plan(100), perform(&mut world.s3, &effect), NOW);
        }
        let Step::Fault(fault) = step else { panic!("{step:?}") };
        assert!(fault.to_string().contains(key), "{fault}");
    };
    let touched = [honest.as_slice(), b"\n"].concat();
    let mut other = world.clone();
    let put = other.s3.put(BUCKET, &manifest::key(1), &touched, false);
    put.unwrap();
    stops(&mut other, NOW, &manifest::key(1));
    let mut other = world.clone();
    other.s3.put(BUCKET, &manifest::key(2), &honest, true).unwrap();
    stops(&mut other, NOW, &manifest::key(2));
    let far = manifest::key(manifest::LAST);
    let mut other = world.clone();
    other.s3.put(BUCKET, &far, b"{", true).unwrap();
    stops(&mut other, NOW, &far);
    run_through(&mut world, &plan(100), NOW, Until::Hour);
    stops(&mut world, Timestamp::from_millis(HOUR + 1), &manifest::key(3));
}

/// A head with the other signature of the same statement, or one that the key did not sign, gets no successor; unless
/// a person names exactly it.
#[test]
fn a_head_that_the_key_did_not_sign_is_not_gone_on_from() {
    let mut world = FakeAws::default();
    run_through(&mut world, &plan(100), Timestamp::from_millis(60_000), Until::Hour);
    let key = manifest::key(1);
    let honest = manifest::open(&bytes(&world.s3, &key)).unwrap();
    let payload = honest.statement.payload();
    let mirrored = mirrored(&honest.signature);
    let unsigned = canonical(&sign(&[7; 32])).unwrap();
    for (signature, why) in [(&mirrored, "low s"), (&unsigned, "go_on_from")] {
        let mut world = world.clone();
        let forged = manifest::seal(&payload, "alias/ledger", signature);
        world.s3.put(BUCKET, &key, &forged, false).unwrap();
        let end = |world: &mut FakeAws, from: Option<String>| {
            let asked = Asked { until: Until::Now, go_on_from: from };
            let (mut run, mut step) = LedgerProtocol::start(asked, &plan(100), NOW);
            while let Step::Perform(effect) = step {
                step = run.next(&plan(100), perform(&mut world.s3, &effect), NOW);
            }
            step
        };
        let named = Some(format!("1:{}", sha256(&forged)));
        for from in [None, Some(format!("1:{}", sha256(b"other")))] {
            let Step::Fault(fault) = end(&mut world, from) else { panic!("it went on") };
            assert!(fault.to_string().contains(why), "{fault}");
        }
        assert_eq!(end(&mut world, named) == Step::Done(()), why == "go_on_from");
    }
}
