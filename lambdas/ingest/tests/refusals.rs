//! What AWS refuses permanently is an outcome, and what it may grant later is not.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use ingest::effect::{Effect, Outcome};
use ingest::protocol::{Run, Step, Verdict};
use ingest::record::End;
use lambda_support::Fault;
use lambda_support::aws::Obstacle;
use lambda_support::fakes::FakeAws;
use world::{IN, NOW, arrival, item, perform, plan};

/// One object in the processing bucket.
struct Bench {
    world: FakeAws,
    version: String,
}

impl Bench {
    fn new() -> Self {
        let mut world = world::world();
        let text = item("A", "B", 1);
        let version = world.s3.put(IN, "x.json", text.as_bytes(), false).unwrap();
        Self { world, version }
    }

    fn set(&mut self, obstacle: Option<Obstacle>) {
        let s3 = &mut self.world.s3;
        s3.set_obstacle(IN, "x.json", &self.version, obstacle);
    }

    /// Delivers its event, with `answer` in place of the world where it has one; returns the verdict and the calls.
    fn deliver(&mut self, answer: impl Fn(&Effect) -> Option<Outcome>) -> Result<(Verdict, Vec<String>), Fault> {
        let (arrival, plan) = (arrival("x.json", Some(&self.version)), plan());
        let (mut run, mut step) = Run::start(arrival, NOW.into(), &plan);
        let mut calls = Vec::new();
        loop {
            let effect = match step {
                Step::Done(verdict) => return Ok((*verdict, calls)),
                Step::Fault(fault) => return Err(fault),
                Step::Perform(effect) => effect,
            };
            let name = format!("{effect:?}");
            calls.push(name.split([' ', '(', '{']).next().unwrap().to_owned());
            let outcome = answer(&effect).unwrap_or_else(|| perform(&mut self.world, &effect));
            step = run.next(&plan, outcome);
        }
    }
}

/// What S3 refuses to read permanently stays where it is; people are told why and what to do.
#[test]
fn unreadable() {
    for (obstacle, rule, looks) in [
        (Obstacle::Archived, "archived", 0),
        (Obstacle::KmsKey, "kms-key", 0),
        (Obstacle::CustomerKey, "customer-key", 1),
    ] {
        let mut bench = Bench::new();
        bench.set(Some(obstacle));
        let (verdict, calls) = bench.deliver(|_| None).unwrap();
        assert_eq!(verdict.end, End::Unreadable);
        assert_eq!(verdict.reasons[0].rule, rule);
        let mut expected = vec!["CheckQuarantine", "Read", "FindVersion"];
        expected.extend(vec!["InspectVersion"; looks]);
        expected.push("Notify");
        assert_eq!(calls, expected);
        assert!(bench.world.notices[0].contains("\"end\":\"unreadable\""));
        bench.set(None);
        assert_eq!(bench.deliver(|_| None).unwrap().0.end, End::Stored);
    }
}

/// S3's `InvalidRequest` means other things too: where the head is answered, the message goes back.
#[test]
fn a_refused_read_alone_is_not_unreadable() {
    let refused = Fault::new("GetObject", "InvalidRequest");
    let answer = |effect: &Effect| match effect {
        Effect::Read(_) => {
            let outcome = Outcome::NotRead(refused.clone(), Some(Obstacle::CustomerKey));
            Some(outcome)
        }
        _ => None,
    };
    assert_eq!(Bench::new().deliver(answer).unwrap_err(), refused);
}

/// A version that a listing does not show is gone, however the read was refused (405 for a delete marker, 400 for a
/// version-id that none can have).
#[test]
fn a_version_that_is_not_listed_is_gone() {
    let mut bench = Bench::new();
    let version = bench.version.clone();
    bench.world.s3.delete(IN, "x.json", Some(&version));
    for obstacle in [None, Some(Obstacle::CustomerKey), Some(Obstacle::Archived)] {
        let answer = |effect: &Effect| match effect {
            Effect::Read(_) => {
                let fault = Fault::new("GetObject", "MethodNotAllowed");
                Some(Outcome::NotRead(fault, obstacle))
            }
            _ => None,
        };
        assert_eq!(bench.deliver(answer).unwrap().0.end, End::Gone);
    }
}

/// What the table refuses permanently is `invalid` with AWS's words, never a dead letter.
#[test]
fn refused_by_the_table() {
    let mut bench = Bench::new();
    let answer = |effect: &Effect| match effect {
        Effect::Store(_) => {
            let why = "ValidationException: Nesting Levels have exceeded supported limits";
            Some(Outcome::Refused(why.into()))
        }
        _ => None,
    };
    let (verdict, _) = bench.deliver(answer).unwrap();
    assert_eq!(verdict.end, End::Invalid);
    assert_eq!(verdict.reasons[0].rule, "dynamodb");
    assert!(verdict.reasons[0].message.contains("Nesting Levels"));
    assert!(bench.world.table.items().next().is_none());
}
