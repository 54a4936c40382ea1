//! Explores every crash point of two concurrent runs, with record writers that are slow, stop or come second.
//!
//! A state consists of the bucket, both runs and the progress of each writer. From each state every next event is tried:
//! the call of a run succeeds, fails, or takes effect without a response (after a failure the run starts again), or a
//! writer takes its next step. A writer that takes no further step has stopped.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use lambda_support::fakes::FakeAws;
use lambda_support::{Protocol, Step, StepOf};
use ledger::effect::Effect;
use ledger::protocol::{LedgerConfig, LedgerProtocol};
use ledger::request::CloseUntil;
use sluice_types::Timestamp;
use sluice_types::digest::sha256;
use sluice_types::keys::LEDGER_PREFIX;
use sluice_types::manifest::{self, Opened, ResourceDescriptor};
use support::{BUCKET, Phase, Writer, advance, bytes, config, perform, request, run_through, writer};

const HOUR: u64 = 3_600_000;

/// 02:05. Periods are closed until 02:00, on request until 02:04.
const NOW: Timestamp = Timestamp::from_millis(2 * HOUR + 300_000);

#[derive(Clone)]
enum Run {
    Running(Box<LedgerProtocol>, Box<Effect>),
    Finished(Box<LedgerProtocol>),
}

#[derive(Clone)]
struct State {
    aws: FakeAws,
    runs: Vec<(CloseUntil, Run)>,
    phases: Vec<Phase>,
    faults_left: u8,
}

struct Explorer<'a> {
    config: LedgerConfig,
    writers: &'a [Writer],
    visited: HashSet<u64>,
    finished: usize,
}

fn begin(until: CloseUntil) -> Run {
    let (run, step) = LedgerProtocol::start(request(until), &config(100), NOW);
    after(run, step)
}

fn after(run: LedgerProtocol, step: StepOf<LedgerProtocol>) -> Run {
    match step {
        Step::Perform(effect) => Run::Running(Box::new(run), Box::new(effect)),
        Step::Done(()) => Run::Finished(Box::new(run)),
        Step::Fault(fault) => panic!("{fault}"),
    }
}

impl Explorer<'_> {
    fn explore(&mut self, first: State) {
        let mut waiting = vec![first];
        while let Some(state) = waiting.pop() {
            if !self.visited.insert(fingerprint(&state)) {
                continue;
            }
            let manifests = self.check(&state);
            let mut is_running = false;
            for at in 0..state.runs.len() {
                if let Run::Running(run, effect) = &state.runs[at].1 {
                    is_running = true;
                    self.explore_run(&state, at, run, effect, &mut waiting);
                }
            }
            if !is_running {
                self.finish(&state, &manifests);
                continue;
            }
            for (at, writer) in self.writers.iter().enumerate() {
                if state.phases[at] != Phase::Record {
                    let mut next = state.clone();
                    next.phases[at] = advance(&mut next.aws, writer, state.phases[at]);
                    waiting.push(next);
                }
            }
        }
    }

    fn explore_run(&self, state: &State, at: usize, run: &LedgerProtocol, effect: &Effect, waiting: &mut Vec<State>) {
        let mut performed = state.clone();
        let result = perform(&mut performed.aws.s3, effect);
        if state.faults_left > 0 {
            for aws in [&performed.aws, &state.aws] {
                let mut restarted = state.clone();
                restarted.aws = aws.clone();
                restarted.runs[at].1 = begin(state.runs[at].0);
                restarted.faults_left -= 1;
                waiting.push(restarted);
            }
        }
        let mut run = run.clone();
        let step = run.next(&self.config, result, NOW);
        performed.runs[at].1 = after(run, step);
        waiting.push(performed);
    }

    /// At any time: the chain has no fork and no gap, each journal entry is in the manifest of its period and in no other.
    fn check(&self, state: &State) -> Vec<Opened> {
        let s3 = &state.aws.s3;
        let mut manifests: Vec<Opened> = Vec::new();
        let mut seen = BTreeSet::new();
        for (index, key) in s3.list(BUCKET, LEDGER_PREFIX).into_iter().enumerate() {
            assert_eq!(manifest::sequence_of(key), Some(index as u64 + 1), "a gap");
            assert_eq!(s3.versions(BUCKET, key).len(), 1, "written twice");
            let opened = manifest::open(&bytes(s3, key)).unwrap();
            let predicate = &opened.statement.predicate;
            let before = manifests.last();
            let previous = before.map(|b| ResourceDescriptor::new(manifest::key(index as u64), &b.sha256));
            assert_eq!(predicate.sequence, index as u64 + 1);
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
            self.check_writer(&manifests, writer, *phase);
        }
        manifests
    }

    fn check_writer(&self, manifests: &[Opened], writer: &Writer, phase: Phase) {
        let listed = ResourceDescriptor::new(&writer.entry.record_key, &writer.entry.sha256);
        let at = writer.entry.recorded_at;
        let closed = manifests.iter().find(|m| at <= m.statement.predicate.to);
        let Some(manifest) = closed else { return };
        assert!(manifest.statement.predicate.from < Some(at));
        let present = manifest.statement.records().any(|l| *l == listed);
        let announced = manifest.statement.predicate.announced.contains(&listed);
        assert_ne!(phase, Phase::Nothing, "the test writes an entry too late");
        assert!(present != announced, "lost, or listed as both: {listed:?}");
        let rival = self.writers.iter().filter(|w| w.entry.record_key == listed.name).count() > 1;
        assert!(present || writer.begins != Phase::Record || rival, "it existed: {listed:?}");
    }

    fn finish(&mut self, state: &State, manifests: &[Opened]) {
        self.finished += 1;
        let last = manifests.last().unwrap();
        let on_request = state.runs.iter().any(|(until, _)| *until == CloseUntil::Now);
        let expected = if on_request { NOW.minus_millis(60_000) } else { Timestamp::from_millis(2 * HOUR) };
        assert_eq!(last.statement.predicate.to, expected);
        for (_, run) in &state.runs {
            let Run::Finished(run) = run else { continue };
            for written in &run.written {
                let index = usize::try_from(written.head.sequence).unwrap() - 1;
                assert_eq!(manifests[index].sha256, written.head.sha256, "reported, but not written");
            }
        }
    }
}

fn fingerprint(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.aws.hash(&mut hasher);
    (&state.phases, state.faults_left).hash(&mut hasher);
    for (until, run) in &state.runs {
        match run {
            Run::Running(run, effect) => (until, run, effect).hash(&mut hasher),
            Run::Finished(run) => (until, run).hash(&mut hasher),
        }
    }
    hasher.finish()
}

/// Explores all orders of events; returns the number of final states.
fn explore(
    mut aws: FakeAws,
    writers: &[Writer],
    runs: &[CloseUntil],
    faults_left: u8,
    max_listed_records: usize,
) -> usize {
    for writer in writers {
        let mut phase = Phase::Nothing;
        while phase != writer.begins {
            phase = advance(&mut aws, writer, phase);
        }
    }
    let mut explorer = Explorer { config: config(max_listed_records), writers, visited: HashSet::new(), finished: 0 };
    explorer.explore(State {
        aws,
        runs: runs.iter().map(|&until| (until, begin(until))).collect(),
        phases: writers.iter().map(|w| w.begins).collect(),
        faults_left,
    });
    explorer.finished
}

#[test]
fn the_first_manifest_lists_all_records_so_far() {
    let writers = [
        writer("slow", 2 * HOUR, Phase::JournalEntry),
        writer("next", 2 * HOUR + 1, Phase::JournalEntry),
        writer("young", 2 * HOUR + 240_001, Phase::Nothing),
    ];
    let final_states = explore(FakeAws::default(), &writers, &[CloseUntil::FullHour, CloseUntil::Now], 1, 100);
    assert!(final_states > 10, "{final_states}");
}

#[test]
fn periods_of_an_outage_are_closed_in_order() {
    let mut aws = FakeAws::default();
    run_through(&mut aws, &config(100), Timestamp::from_millis(60_000), CloseUntil::FullHour);
    let writers = [
        writer("first", 1, Phase::Record),
        writer("edge", HOUR, Phase::JournalEntry),
        writer("second", HOUR + 1, Phase::Record),
    ];
    let final_states = explore(aws, &writers, &[CloseUntil::FullHour, CloseUntil::FullHour], 2, 100);
    assert!(final_states > 10, "{final_states}");
}

#[test]
fn one_of_several_writers_of_a_record_is_listed_as_present() {
    let writers = [
        writer("same", HOUR + 1, Phase::JournalEntry),
        writer("same", HOUR + 2, Phase::JournalEntry),
        writer("same", HOUR + 3, Phase::JournalEntry),
    ];
    let final_states = explore(FakeAws::default(), &writers, &[CloseUntil::FullHour], 2, 100);
    assert!(final_states > 3, "{final_states}");
}

#[test]
fn a_period_with_too_many_records_is_split() {
    let writers: Vec<Writer> = (0..5).map(|n| writer(&format!("r{n}"), 10 + n / 2, Phase::Record)).collect();
    let final_states = explore(FakeAws::default(), &writers, &[CloseUntil::FullHour, CloseUntil::FullHour], 2, 2);
    assert!(final_states > 2, "{final_states}");
    let mut aws = FakeAws::default();
    for writer in &writers {
        advance(&mut aws, writer, Phase::Nothing);
    }
    let run = run_through(&mut aws, &config(2), NOW, CloseUntil::FullHour);
    let counts: Vec<usize> = run.written.iter().map(|w| w.announced).collect();
    assert_eq!(counts, [2, 2, 1, 0], "records of one time stay together");
}
